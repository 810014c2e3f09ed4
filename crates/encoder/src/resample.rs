//! Pillow's resampling of 8-bit pictures, bit for bit: separable, antialiased, fixed point, each of the two passes
//! rounded to 8 bit (Pillow `src/libImaging/Resample.c`). Hugging Face's image processors resize through it.
//! Across first, then down, as Pillow did until 12. Pillow 13 goes down first where the height loses more than twice the
//! pixels that the width loses, to save time; other roundings come of it, and vectors of cosine 1 - 2e-7 to these.

use crate::Picture;

/// Bits behind the binary point: 32 less 8 of the pixel and 2 of headroom for filters that overshoot.
const PRECISION_BITS: u32 = 32 - 8 - 2;
/// Pillow's number of the bilinear filter; every other number that the configuration admits is bicubic.
const BILINEAR: u8 = 2;

/// A filter: half its width, and its value at a distance in source pixels.
#[derive(Clone, Copy)]
struct Filter {
    support: f64,
    weight: fn(f64) -> f64,
}

impl Filter {
    fn of(resample: u8) -> Self {
        match resample {
            BILINEAR => Self {
                support: 1.0,
                weight: triangle,
            },
            _ => Self {
                support: 2.0,
                weight: cubic,
            },
        }
    }
}

fn triangle(x: f64) -> f64 {
    (1.0 - x.abs()).max(0.0)
}

/// Keys' cubic with a = -0.5, in Pillow's order of operations.
fn cubic(x: f64) -> f64 {
    const A: f64 = -0.5;
    let x = x.abs();
    if x < 1.0 {
        ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0
    } else if x < 2.0 {
        (((x - 5.0) * x + 8.0) * x - 4.0) * A
    } else {
        0.0
    }
}

/// The source pixels of one target pixel: the first of them and the weight of each, in fixed point.
struct Window {
    first: usize,
    weights: Vec<i32>,
}

fn windows(source: usize, target: usize, filter: Filter) -> Vec<Window> {
    let scale = source as f64 / target as f64;
    let stretch = scale.max(1.0);
    let support = filter.support * stretch;
    let window = |index: usize| {
        let centre = (index as f64 + 0.5) * scale;
        // Truncated as C does, then clamped to the picture.
        let first = (centre - support + 0.5).max(0.0) as usize;
        let end = ((centre + support + 0.5) as usize).min(source);
        let distance = |position: usize| (position as f64 - centre + 0.5) * (1.0 / stretch);
        let raw: Vec<f64> = (first..end)
            .map(|position| (filter.weight)(distance(position)))
            .collect();
        let sum: f64 = raw.iter().sum();
        let unit = if sum == 0.0 { 1.0 } else { sum };
        Window {
            first,
            weights: raw.iter().map(|weight| fixed(weight / unit)).collect(),
        }
    };
    (0..target).map(window).collect()
}

/// To fixed point, rounded half away from zero.
fn fixed(weight: f64) -> i32 {
    let scaled = weight * f64::from(1 << PRECISION_BITS);
    (if weight < 0.0 {
        scaled - 0.5
    } else {
        scaled + 0.5
    }) as i32
}

fn to_byte(sum: i32) -> u8 {
    (sum >> PRECISION_BITS).clamp(0, 255) as u8
}

const HALF: i32 = 1 << (PRECISION_BITS - 1);

/// Resizes to a square of `size_px`, whatever the picture's aspect. A side that already fits is left alone.
pub(crate) fn resize(picture: &Picture<'_>, size_px: u32, resample: u8) -> Vec<u8> {
    let (width, height, size) = (
        picture.width_px as usize,
        picture.height_px as usize,
        size_px as usize,
    );
    let filter = Filter::of(resample);
    let narrowed = if width == size {
        picture.rgb.to_vec()
    } else {
        resize_across(picture.rgb, width, size, filter)
    };
    if height == size {
        narrowed
    } else {
        resize_down(&narrowed, height, size, filter)
    }
}

fn resize_across(rgb: &[u8], width: usize, size: usize, filter: Filter) -> Vec<u8> {
    let windows = windows(width, size, filter);
    let mut resized = vec![0_u8; rgb.len() / width * size];
    for (line, target) in rgb
        .chunks_exact(width * 3)
        .zip(resized.chunks_exact_mut(size * 3))
    {
        for (window, pixel) in windows.iter().zip(target.chunks_exact_mut(3)) {
            let mut sums = [HALF; 3];
            let sources = line[window.first * 3..].chunks_exact(3);
            for (weight, source) in window.weights.iter().zip(sources) {
                for (sum, value) in sums.iter_mut().zip(source) {
                    *sum += weight * i32::from(*value);
                }
            }
            pixel.copy_from_slice(&sums.map(to_byte));
        }
    }
    resized
}

fn resize_down(rgb: &[u8], height: usize, size: usize, filter: Filter) -> Vec<u8> {
    let stride = size * 3;
    debug_assert_eq!(rgb.len(), height * stride);
    let mut resized = vec![0_u8; size * stride];
    let mut sums = vec![HALF; stride];
    for (window, target) in windows(height, size, filter)
        .iter()
        .zip(resized.chunks_exact_mut(stride))
    {
        sums.fill(HALF);
        let lines = rgb[window.first * stride..].chunks_exact(stride);
        for (weight, line) in window.weights.iter().zip(lines) {
            for (sum, value) in sums.iter_mut().zip(line) {
                *sum += weight * i32::from(*value);
            }
        }
        for (value, sum) in target.iter_mut().zip(&sums) {
            *value = to_byte(*sum);
        }
    }
    resized
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(width_px: u32, height_px: u32) -> Vec<u8> {
        let mut state = 7_u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        (0..width_px * height_px * 3).map(|_| next()).collect()
    }

    fn resized(width_px: u32, height_px: u32, size_px: u32, resample: u8) -> Vec<u8> {
        resize(
            &Picture {
                width_px,
                height_px,
                rgb: &noise(width_px, height_px),
            },
            size_px,
            resample,
        )
    }

    /// FNV-1a, so that a whole picture can stand in one line.
    fn checksum(bytes: &[u8]) -> u64 {
        let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
        bytes.iter().fold(0xcbf2_9ce4_8422_2325, step)
    }

    #[test]
    fn pixels_are_those_of_pillow() {
        // `list(Image.resize((2, 2), filter).tobytes())` of the same noise, Pillow 13.0.0.
        assert_eq!(
            resized(7, 3, 2, 2),
            [167, 88, 118, 160, 170, 92, 120, 141, 120, 135, 127, 62]
        );
        assert_eq!(
            resized(7, 3, 2, 3),
            [170, 81, 118, 162, 175, 91, 118, 141, 123, 135, 124, 58]
        );
    }

    #[test]
    fn whole_pictures_are_those_of_pillow() {
        // Width, height, and the checksum of Pillow 13.0.0's 16 x 16 picture for filters 2 and 3.
        let golden = [
            (37, 53, 0xb046_0d05_a925_29e6, 0x46db_ad46_f077_c56a),
            (9, 5, 0xd5a6_bdc5_1ca9_5029, 0xbe01_fc98_4f5c_5368),
            (16, 50, 0xb836_1ad1_6d87_606e, 0x51da_fab4_fd49_f8b6),
            (50, 16, 0x039d_6ad4_5fda_c635, 0x6903_5f9e_9b82_9da6),
            (1, 1, 0xe03c_a442_0a49_2b25, 0xe03c_a442_0a49_2b25),
            (1, 33, 0xc081_5eaa_fa68_3325, 0xfc58_d2e4_e4d6_aed5),
            (300, 211, 0xb647_9bbf_9799_6feb, 0xeffb_dc0b_194e_dbff),
            (16, 16, 0x72de_db99_342f_e58b, 0x72de_db99_342f_e58b),
        ];
        for (width_px, height_px, bilinear, bicubic) in golden {
            assert_eq!(
                checksum(&resized(width_px, height_px, 16, 2)),
                bilinear,
                "bilinear {width_px} x {height_px}"
            );
            assert_eq!(
                checksum(&resized(width_px, height_px, 16, 3)),
                bicubic,
                "bicubic {width_px} x {height_px}"
            );
        }
    }
}
