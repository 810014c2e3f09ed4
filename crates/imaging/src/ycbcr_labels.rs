//! Whether values that are said to be YCbCr can be: RGB that was handed to an encoder as YCbCr is found out.
//!
//! No marker tells of that mistake, but the numbers do. RGB is a cube, the YCbCr of it a smaller body inside the cube,
//! and the mean over a block of a picture lies in that body too, because it is convex. Glass, 243 in all three
//! channels, lies far outside. Means of 16×16 pixels are looked at, which chroma subsampling does not change.

/// Grey levels beyond black or white. Coarse quantisation of a block's mean moves it by 28 at most.
const FAR_OUTSIDE: i32 = 40;
/// Least number of blocks, and least share of them (one in so many), that must lie outside: damage may put a few there.
const LEAST_BLOCKS: usize = 8;
const ONE_IN: usize = 50;
/// How near to black or white, in all channels, what writers fill with may lie.
const FILLED: i32 = 2;

/// Blocks that were looked at.
#[derive(Default)]
pub(crate) struct Evidence {
    blocks: usize,
    outside: usize,
}

impl Evidence {
    /// Adds means of 8×8 pixels, interleaved, `width` of them in a row.
    pub(crate) fn add_means(&mut self, means: &[u8], width: usize) {
        if width == 0 {
            return;
        }
        let rows: Vec<&[u8]> = means.chunks_exact(width * 3).collect();
        for pair in rows.chunks_exact(2) {
            for (above, below) in pair[0].chunks_exact(6).zip(pair[1].chunks_exact(6)) {
                let mean = |channel: usize| {
                    let four = [above, below].map(|row| [row[channel], row[channel + 3]]);
                    four.iter()
                        .flatten()
                        .map(|value| i32::from(*value))
                        .sum::<i32>()
                        / 4
                };
                self.add([mean(0), mean(1), mean(2)]);
            }
        }
    }

    /// Adds a picture, interleaved, `width` pixels in a row.
    pub(crate) fn add_picture(&mut self, values: &[u8], width: usize) {
        const SIDE: usize = 16;
        let rows: Vec<&[u8]> = values.chunks_exact((width * 3).max(1)).collect();
        for band in rows.chunks_exact(SIDE) {
            for block in 0..width / SIDE {
                let mut sums = [0i32; 3];
                for row in band {
                    let part = &row[block * SIDE * 3..][..SIDE * 3];
                    for pixel in part.as_chunks::<3>().0 {
                        for (sum, value) in sums.iter_mut().zip(pixel) {
                            *sum += i32::from(*value);
                        }
                    }
                }
                self.add(sums.map(|sum| sum / (SIDE * SIDE) as i32));
            }
        }
    }

    fn add(&mut self, mean: [i32; 3]) {
        // Writers fill with one value in all channels, which says nothing of the picture.
        let is_filled = |fill: i32| mean.iter().all(|value| (value - fill).abs() <= FILLED);
        if is_filled(0) || is_filled(255) {
            return;
        }
        self.blocks += 1;
        self.outside += usize::from(is_far_outside(mean));
    }

    /// Whether no RGB picture can have these values for its YCbCr.
    pub(crate) fn is_against_ycbcr(&self) -> bool {
        self.outside >= LEAST_BLOCKS && self.outside * ONE_IN >= self.blocks
    }
}

/// ITU-T T.871 7: the RGB of a YCbCr, before it is clipped.
fn is_far_outside([luma, blue, red]: [i32; 3]) -> bool {
    let (blue, red) = (blue - 128, red - 128);
    let rgb = [
        luma * 1000 + 1402 * red,
        luma * 1000 - 344 * blue - 714 * red,
        luma * 1000 + 1772 * blue,
    ];
    let bounds = (-FAR_OUTSIDE * 1000, (255 + FAR_OUTSIDE) * 1000);
    rgb.iter()
        .any(|value| *value < bounds.0 || *value > bounds.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ycbcr([r, g, b]: [i32; 3]) -> [i32; 3] {
        [
            (299 * r + 587 * g + 114 * b) / 1000,
            128 + (-169 * r - 331 * g + 500 * b) / 1000,
            128 + (500 * r - 419 * g - 81 * b) / 1000,
        ]
    }

    #[test]
    fn no_colour_lies_outside_and_glass_taken_for_ycbcr_does() {
        for r in (0..=255).step_by(15) {
            for g in (0..=255).step_by(15) {
                for b in (0..=255).step_by(15) {
                    assert!(!is_far_outside(ycbcr([r, g, b])), "{r} {g} {b}");
                }
            }
        }
        assert!(is_far_outside([243, 243, 243]));
        assert!(is_far_outside([20, 10, 20]), "dark ground");
    }

    #[test]
    fn blocks_are_counted_by_their_means() {
        // Two blocks of 16×16: white in YCbCr, nearly white in RGB; and a column and a row that make no block.
        let white = [255, 128, 128];
        let row = [white, white, [250; 3], [250; 3], [9; 3]].concat();
        let means = [row.clone(), row.clone(), row].concat();
        let mut seen = Evidence::default();
        seen.add_means(&means, 5);
        assert_eq!((seen.blocks, seen.outside), (2, 1));
        seen.add_means(&[0; 12], 2);
        seen.add_means(&[255; 12], 2);
        assert_eq!(seen.blocks, 2, "filled");
        seen.add_means(&[], 0);
        let picture = [[243; 16 * 3], [243; 16 * 3]].concat().repeat(8);
        seen.add_picture(&picture, 16);
        assert_eq!((seen.blocks, seen.outside), (3, 2));
        assert!(!seen.is_against_ycbcr(), "too few");
        (0..6).for_each(|_| seen.add_picture(&picture, 16));
        assert!(seen.is_against_ycbcr());
        (0..400).for_each(|_| seen.add_means(&[128; 12], 2));
        assert!(!seen.is_against_ycbcr(), "too small a share");
    }
}
