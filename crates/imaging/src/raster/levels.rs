//! From deep values to 8 bits.
//!
//! Grey of more than 8 bits, of signs or of floats: the lowest value of the picture becomes black, the highest
//! white. That is what the peer's serving container does with radiographs that state no window (CR and DX;
//! `min-max` there and here), and such files say as little: 10, 12 or 14 bits in 16 leave open what white is.
//! Colour has a white of its own, the top of its type, and is scaled from that.

/// Grey levels, lowest to highest, of values in reading order, which are gone through twice; what is no finite number is black.
pub(super) fn min_max<I: Iterator<Item = f64>>(values: impl Fn() -> I) -> Vec<u8> {
    let (low, high) = values()
        .filter(|value| value.is_finite())
        .fold((f64::MAX, f64::MIN), |(low, high), value| {
            (low.min(value), high.max(value))
        });
    // A picture of one value has no range: it is black.
    let scale = if high > low {
        255.0 / (high - low)
    } else {
        0.0
    };
    values()
        .map(|value| {
            if value.is_finite() {
                ((value - low) * scale + 0.5) as u8
            } else {
                0
            }
        })
        .collect()
}

/// Grey as RGB.
pub(super) fn spread(grey: &[u8]) -> Vec<u8> {
    grey.iter().flat_map(|level| [*level; 3]).collect()
}

/// Ink to light, without a profile, as Pillow does it.
pub(super) fn cmyk_to_rgb([cyan, magenta, yellow, key]: [u8; 4]) -> [u8; 3] {
    let light = u32::from(255 - key);
    [cyan, magenta, yellow].map(|ink| {
        let product = light * u32::from(255 - ink);
        ((product + 127) / 255) as u8
    })
}

/// JFIF 1.02: full-range BT.601.
pub(super) fn ycbcr_to_rgb([luma, blue, red]: [u8; 3]) -> [u8; 3] {
    let (luma, blue, red) = (
        f32::from(luma),
        f32::from(blue) - 128.0,
        f32::from(red) - 128.0,
    );
    [
        luma + 1.402 * red,
        luma - 0.344_136 * blue - 0.714_136 * red,
        luma + 1.772 * blue,
    ]
    .map(|level| (level + 0.5) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_is_black_and_the_highest_white() {
        let shade = |values: &[f64]| min_max(|| values.iter().copied());
        assert_eq!(shade(&[100.0, 4080.0, 2090.0]), [0, 255, 128]);
        assert_eq!(shade(&[-5.0, f64::NAN, 5.0, f64::INFINITY]), [0, 0, 255, 0]);
        assert_eq!(shade(&[7.0, 7.0]), [0, 0]);
        assert_eq!(shade(&[f64::NAN]), [0]);
    }

    #[test]
    fn colours_are_those_of_the_formulas() {
        assert_eq!(cmyk_to_rgb([0, 0, 0, 0]), [255; 3]);
        assert_eq!(cmyk_to_rgb([255, 0, 0, 0]), [0, 255, 255]);
        assert_eq!(cmyk_to_rgb([0, 0, 0, 255]), [0; 3]);
        assert_eq!(ycbcr_to_rgb([128, 128, 128]), [128; 3]);
        assert_eq!(ycbcr_to_rgb([76, 85, 255]), [254, 0, 0]);
    }
}
