//! RGB buffers: cutting, shrinking, encoding.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::ImagingError;

/// Interleaved 8-bit RGB, row by row from the top left, no padding.
#[derive(Clone, Deserialize, PartialEq, Eq, Serialize)]
pub struct Rgb8 {
    /// Columns.
    pub width_px: u32,
    /// Rows.
    pub height_px: u32,
    /// `width_px * height_px * 3` bytes.
    pub pixels: Vec<u8>,
}

impl fmt::Debug for Rgb8 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rgb8({}x{})", self.width_px, self.height_px)
    }
}

impl Rgb8 {
    /// Cuts a box (x, y, width, height in pixels).
    ///
    /// # Errors
    /// [`ImagingError::CutBox`] for a box that is empty or not inside.
    pub fn cut(&self, box_px: [u32; 4]) -> Result<Self, ImagingError> {
        let [x, y, width_px, height_px] = box_px;
        let fits = width_px > 0
            && height_px > 0
            && u64::from(x) + u64::from(width_px) <= u64::from(self.width_px)
            && u64::from(y) + u64::from(height_px) <= u64::from(self.height_px);
        if !fits {
            return Err(ImagingError::CutBox {
                box_px,
                width_px: self.width_px,
                height_px: self.height_px,
            });
        }
        let stride = self.width_px as usize * 3;
        let mut pixels = Vec::with_capacity(width_px as usize * height_px as usize * 3);
        for row in self
            .pixels
            .chunks_exact(stride)
            .skip(y as usize)
            .take(height_px as usize)
        {
            pixels.extend_from_slice(&row[x as usize * 3..(x + width_px) as usize * 3]);
        }
        Ok(Self {
            width_px,
            height_px,
            pixels,
        })
    }

    /// Shrinks to at most `max_px` on the longest side by averaging areas; never enlarges.
    pub fn fit_within(&self, max_px: u32) -> Self {
        let longest = self.width_px.max(self.height_px);
        if longest <= max_px || max_px == 0 {
            return self.clone();
        }
        let scaled = |side: u32| {
            let exact =
                (u64::from(side) * u64::from(max_px) + u64::from(longest) / 2) / u64::from(longest);
            (exact as u32).max(1)
        };
        self.shrink_to(scaled(self.width_px), scaled(self.height_px))
    }

    /// Shrinks to exactly this size by averaging areas, exact to the fraction of a pixel.
    pub(crate) fn shrink_to(&self, width_px: u32, height_px: u32) -> Self {
        let columns = area_taps(self.width_px, width_px);
        let rows = area_taps(self.height_px, height_px);
        let stride = self.width_px as usize * 3;
        let mut narrow = vec![0f32; width_px as usize * 3];
        let mut pixels = Vec::with_capacity(width_px as usize * height_px as usize * 3);
        for (row_start, row_weights) in &rows {
            narrow.fill(0.0);
            for (offset, row_weight) in row_weights.iter().enumerate() {
                let row = &self.pixels[(row_start + offset) * stride..][..stride];
                add_row(row, *row_weight, &columns, &mut narrow);
            }
            pixels.extend(narrow.iter().map(|value| (value + 0.5) as u8));
        }
        Self {
            width_px,
            height_px,
            pixels,
        }
    }
}

fn add_row(row: &[u8], row_weight: f32, columns: &[(usize, Vec<f32>)], narrow: &mut [f32]) {
    for (out, (start, weights)) in narrow.chunks_exact_mut(3).zip(columns) {
        let mut sum = [0f32; 3];
        for (pixel, weight) in row[start * 3..].chunks_exact(3).zip(weights) {
            for (total, value) in sum.iter_mut().zip(pixel) {
                *total += f32::from(*value) * weight;
            }
        }
        for (total, part) in out.iter_mut().zip(sum) {
            *total += part * row_weight;
        }
    }
}

/// For every output pixel the first input pixel it covers and the share of each; shares sum to 1.
fn area_taps(from_px: u32, to_px: u32) -> Vec<(usize, Vec<f32>)> {
    let scale = f64::from(from_px) / f64::from(to_px);
    (0..to_px)
        .map(|index| {
            let start = f64::from(index) * scale;
            let end = (start + scale).min(f64::from(from_px));
            let first = start.floor() as usize;
            let last = (end.ceil() as usize).clamp(first + 1, from_px as usize);
            let weights = (first..last)
                .map(|cell| {
                    ((end.min(cell as f64 + 1.0) - start.max(cell as f64)).max(0.0) / (end - start))
                        as f32
                })
                .collect();
            (first, weights)
        })
        .collect()
}

/// Encodes as PNG (8-bit RGB).
///
/// # Errors
/// [`ImagingError::EncodePicture`] when the buffer does not match its size.
pub fn encode_png(rgb: &Rgb8) -> Result<Vec<u8>, ImagingError> {
    let mut out = Vec::new();
    let encoder = image::codecs::png::PngEncoder::new(&mut out);
    write_with(rgb, encoder)?;
    Ok(out)
}

/// Encodes as baseline JPEG of a quality from 1 to 100.
///
/// # Errors
/// [`ImagingError::EncodePicture`] when the buffer does not match its size or a side exceeds 65535 px.
pub fn encode_jpeg(rgb: &Rgb8, quality: u8) -> Result<Vec<u8>, ImagingError> {
    let mut out = Vec::new();
    let encoder =
        image::codecs::jpeg::JpegEncoder::new_with_quality(&mut out, quality.clamp(1, 100));
    write_with(rgb, encoder)?;
    Ok(out)
}

fn write_with(rgb: &Rgb8, encoder: impl image::ImageEncoder) -> Result<(), ImagingError> {
    let expected = u64::from(rgb.width_px) * u64::from(rgb.height_px) * 3;
    if expected != rgb.pixels.len() as u64 || expected == 0 {
        return Err(ImagingError::EncodePicture {
            reason: "buffer and size differ".to_owned(),
        });
    }
    encoder
        .write_image(
            &rgb.pixels,
            rgb.width_px,
            rgb.height_px,
            image::ExtendedColorType::Rgb8,
        )
        .map_err(|error| ImagingError::EncodePicture {
            reason: error.to_string(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ramp(width_px: u32, height_px: u32) -> Rgb8 {
        let pixels = (0..width_px * height_px)
            .flat_map(|i| [i as u8, 0, 255 - i as u8])
            .collect();
        Rgb8 {
            width_px,
            height_px,
            pixels,
        }
    }

    #[test]
    fn cuts_the_named_box() {
        let cut = ramp(4, 3).cut([1, 1, 2, 2]).unwrap();
        assert_eq!(
            cut.pixels.chunks(3).map(|p| p[0]).collect::<Vec<_>>(),
            [5, 6, 9, 10]
        );
        assert!(ramp(4, 3).cut([3, 0, 2, 1]).is_err());
        assert!(ramp(4, 3).cut([0, 0, 0, 1]).is_err());
        assert!(ramp(4, 3).cut([u32::MAX, 0, 2, 1]).is_err());
    }

    #[test]
    fn shrinking_keeps_the_mean_and_the_aspect() {
        let small = ramp(9, 6).fit_within(3);
        assert_eq!((small.width_px, small.height_px), (3, 2));
        let mean = |rgb: &Rgb8| {
            rgb.pixels.chunks(3).map(|p| f64::from(p[0])).sum::<f64>()
                / (rgb.pixels.len() / 3) as f64
        };
        assert!((mean(&small) - mean(&ramp(9, 6))).abs() < 0.6);
        assert_eq!(ramp(2, 2).fit_within(10).width_px, 2, "never enlarged");
        let thin = Rgb8 {
            width_px: 4000,
            height_px: 1,
            pixels: vec![7; 12000],
        }
        .fit_within(256);
        assert_eq!((thin.width_px, thin.height_px), (256, 1));
        assert!(thin.pixels.iter().all(|v| *v == 7));
    }

    #[test]
    fn png_gives_the_same_pixels_back() {
        let rgb = ramp(5, 4);
        let png = encode_png(&rgb).unwrap();
        let back = image::load_from_memory(&png).unwrap().to_rgb8();
        assert_eq!(back.as_raw(), &rgb.pixels);
        assert!(
            encode_png(&Rgb8 {
                width_px: 2,
                height_px: 2,
                pixels: vec![0; 3]
            })
            .is_err()
        );
        assert_eq!(&encode_jpeg(&rgb, 90).unwrap()[..2], &[0xFF, 0xD8]);
    }
}
