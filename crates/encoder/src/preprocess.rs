//! A picture to the image tower's input. Two profiles, see [`Profile`]; which one a vector was made with is stamped on it.
//! Never looks at what the picture shows: windowing and colour belong to whoever decoded it.

use rayon::prelude::*;

use crate::samples::{Plane, Samples, Tables};
use crate::{EncoderError, Picture, PreprocessorConfig, Profile, resample};

/// One picture to the model's input: channels red, green, blue of `size_px` rows of `size_px` values, about -1 to 1.
/// The profile `train` takes nothing from `config`; `hf` takes filter, factor, mean and deviation.
///
/// # Errors
/// [`EncoderError::CheckPicture`].
pub fn preprocess(
    picture: &Picture<'_>,
    size_px: u32,
    profile: Profile,
    config: &PreprocessorConfig,
) -> Result<Vec<f32>, EncoderError> {
    picture.check()?;
    let preparation = Preparation {
        size_px,
        profile,
        config,
    };
    Ok(preparation.values(&[*picture], &preparation.levels()))
}

/// As [`preprocess`], of samples that have not been made colours yet: to the bit what their RGB picture gives. The
/// profile `train` looks up the four samples that a value is made of and no others.
///
/// # Errors
/// [`EncoderError::CheckSamples`].
pub fn preprocess_samples(
    samples: &Samples<'_>,
    size_px: u32,
    profile: Profile,
    config: &PreprocessorConfig,
) -> Result<Vec<f32>, EncoderError> {
    samples.check()?;
    let preparation = Preparation {
        size_px,
        profile,
        config,
    };
    Ok(preparation.values(&[*samples], &preparation.levels()))
}

/// What every 8-bit value becomes, channel by channel.
pub(crate) type Levels<T> = [[T; 256]; 3];

/// How pictures are prepared. Either profile ends in pixels of 8 bit; what the model sees of them is a table.
#[derive(Clone, Copy)]
pub(crate) struct Preparation<'a> {
    pub size_px: u32,
    pub profile: Profile,
    pub config: &'a PreprocessorConfig,
}

impl Preparation<'_> {
    /// What the model sees for every 8-bit value.
    pub fn levels(&self) -> Levels<f32> {
        match self.profile {
            Profile::Train => [train_levels(); 3],
            Profile::Hf => std::array::from_fn(|channel| normalised_levels(self.config, channel)),
        }
    }

    /// Many checked pictures side by side into one batch of pixels, `[pictures, 3, size_px, size_px]`.
    pub fn pixels<P: Pixels>(&self, pictures: &[P]) -> Vec<u8> {
        let mut batch = vec![0; pictures.len() * self.picture_values()];
        self.write_pixels(pictures, &mut batch);
        batch
    }

    /// As [`Self::pixels`], into memory that is there already.
    pub fn write_pixels<P: Pixels>(&self, pictures: &[P], batch: &mut [u8]) {
        let unchanged = [std::array::from_fn(|value| value as u8); 3];
        self.write(pictures, batch, &unchanged);
    }

    /// The finished values of a batch: every pixel looked up in `levels`.
    pub fn values<P: Pixels>(&self, pictures: &[P], levels: &Levels<f32>) -> Vec<f32> {
        let mut batch = vec![0.0; pictures.len() * self.picture_values()];
        self.write(pictures, &mut batch, levels);
        batch
    }

    fn write<P: Pixels, T: Copy + Send + Sync>(
        &self,
        pictures: &[P],
        batch: &mut [T],
        levels: &Levels<T>,
    ) {
        batch
            .par_chunks_exact_mut(self.picture_values())
            .zip(pictures)
            .for_each(|(planes, picture)| picture.fill(planes, self, levels));
    }

    /// Values of one picture.
    pub fn picture_values(&self) -> usize {
        3 * self.size_px as usize * self.size_px as usize
    }
}

/// A checked picture of any kind that can fill the planes of the model's input.
pub(crate) trait Pixels: Sync {
    /// Writes `3 * size_px * size_px` values, each looked up in `levels`.
    fn fill<T: Copy>(&self, planes: &mut [T], how: &Preparation<'_>, levels: &Levels<T>);
}

impl Pixels for Picture<'_> {
    fn fill<T: Copy>(&self, planes: &mut [T], how: &Preparation<'_>, levels: &Levels<T>) {
        match how.profile {
            Profile::Train => {
                let fetch = |at: usize| [0, 1, 2].map(|channel| self.rgb[at * 3 + channel]);
                let grid = Grid::of(self.width_px, self.height_px, how.size_px);
                fill_colours(planes, &grid, fetch, levels);
            }
            Profile::Hf => {
                let pixels = resample::resize(self, how.size_px, how.config.resample);
                fill_planes(planes, &pixels, levels);
            }
        }
    }
}

impl Pixels for Samples<'_> {
    fn fill<T: Copy>(&self, planes: &mut [T], how: &Preparation<'_>, levels: &Levels<T>) {
        if how.profile == Profile::Hf {
            // Its filter reads every pixel, so nothing is saved by looking them up one by one.
            let rgb = self.to_rgb().expect("the samples were checked");
            let picture = Picture {
                width_px: self.width_px,
                height_px: self.height_px,
                rgb: &rgb,
            };
            return picture.fill(planes, how, levels);
        }
        let grid = Grid::of(self.width_px, self.height_px, how.size_px);
        match self.plane {
            Plane::Unsigned(samples) => self.fill_from(planes, &grid, |at| samples[at], levels),
            Plane::Signed(samples) => {
                self.fill_from(planes, &grid, |at| samples[at].cast_unsigned(), levels);
            }
        }
    }
}

impl Samples<'_> {
    fn fill_from<T: Copy>(
        &self,
        planes: &mut [T],
        grid: &Grid,
        sample: impl Fn(usize) -> u16,
        levels: &Levels<T>,
    ) {
        match self.tables {
            Tables::Grey(table) => {
                let plane = planes.len() / 3;
                let (red, rest) = planes.split_at_mut(plane);
                // The profile `train` knows no channels: red's table is that of all.
                let levels = &levels[0];
                let mut targets = red.iter_mut();
                grid.each(
                    |at| [table[usize::from(sample(at))]],
                    |[value]| {
                        if let Some(target) = targets.next() {
                            *target = levels[usize::from(value)];
                        }
                    },
                );
                let (green, blue) = rest.split_at_mut(plane);
                green.copy_from_slice(red);
                blue.copy_from_slice(red);
            }
            Tables::Rgb(tables) => {
                let fetch = |at: usize| {
                    let sample = usize::from(sample(at));
                    tables.map(|table| table[sample])
                };
                fill_colours(planes, grid, fetch, levels);
            }
        }
    }
}

/// x / 127.5 - 1, as the training code writes it.
fn train_levels() -> [f32; 256] {
    std::array::from_fn(|value| value as f32 / 127.5 - 1.0)
}

/// The profile `train` of colours that `fetch` gives by their place in the picture.
fn fill_colours<T: Copy>(
    planes: &mut [T],
    grid: &Grid,
    fetch: impl Fn(usize) -> [u8; 3],
    levels: &Levels<T>,
) {
    let plane = planes.len() / 3;
    let (red, rest) = planes.split_at_mut(plane);
    let (green, blue) = rest.split_at_mut(plane);
    let mut targets = red.iter_mut().zip(green).zip(blue);
    grid.each(fetch, |pixel| {
        if let Some(((red, green), blue)) = targets.next() {
            *red = levels[0][usize::from(pixel[0])];
            *green = levels[1][usize::from(pixel[1])];
            *blue = levels[2][usize::from(pixel[2])];
        }
    });
}

/// Every 8-bit value after rescaling and normalising, in the reference's order and precision.
fn normalised_levels(config: &PreprocessorConfig, channel: usize) -> [f32; 256] {
    let (mean, std) = (config.image_mean[channel], config.image_std[channel]);
    std::array::from_fn(|value| ((value as f64 * config.rescale_factor) as f32 - mean) / std)
}

/// Interleaved 8-bit pixels to three planes.
fn fill_planes<T: Copy>(planes: &mut [T], pixels: &[u8], levels: &Levels<T>) {
    let plane = pixels.len() / 3;
    let (red, rest) = planes.split_at_mut(plane);
    let (green, blue) = rest.split_at_mut(plane);
    let targets = red.iter_mut().zip(green).zip(blue);
    for (pixel, ((red, green), blue)) in pixels.chunks_exact(3).zip(targets) {
        *red = levels[0][usize::from(pixel[0])];
        *green = levels[1][usize::from(pixel[1])];
        *blue = levels[2][usize::from(pixel[2])];
    }
}

/// Two neighbouring source pixels and their weights; a neighbour in the padding has weight 0.
#[derive(Clone, Copy)]
struct Tap {
    first: usize,
    second: usize,
    first_weight: f32,
    second_weight: f32,
}

/// The taps of every target pixel along one side. `length` source pixels lie centred (the odd one left over goes
/// behind) in a square of side `square`, the rest of which is zeros. Half-pixel centres, edges clamped, in the f32
/// arithmetic of `torch.nn.functional.interpolate(mode="bilinear", align_corners=False, antialias=False)`.
fn taps(length: usize, square: usize, target: usize) -> Vec<Tap> {
    let before = (square - length) / 2;
    let scale = square as f32 / target as f32;
    let place = |position: usize, weight: f32| match position.checked_sub(before) {
        Some(inside) if inside < length => (inside, weight),
        _ => (0, 0.0),
    };
    let tap = |index: usize| {
        let centre = (scale * (index as f32 + 0.5) - 0.5).max(0.0);
        let lower = (centre as usize).min(square - 1);
        let upper = (lower + 1).min(square - 1);
        let fraction = (centre - lower as f32).clamp(0.0, 1.0);
        let (first, first_weight) = place(lower, 1.0 - fraction);
        let (second, second_weight) = place(upper, fraction);
        Tap {
            first,
            second,
            first_weight,
            second_weight,
        }
    };
    (0..target).map(tap).collect()
}

/// Which source pixels every target pixel is made of, under centred zero padding to a square. The padding is never built.
struct Grid {
    width: usize,
    columns: Vec<Tap>,
    rows: Vec<Tap>,
}

impl Grid {
    fn of(width_px: u32, height_px: u32, size_px: u32) -> Self {
        let (width, height, size) = (width_px as usize, height_px as usize, size_px as usize);
        let square = width.max(height);
        Self {
            width,
            columns: taps(width, square, size),
            rows: taps(height, square, size),
        }
    }

    /// Bilinear, truncated to 8 bit: gives `put` the target pixels row by row, fetching 2 x 2 source pixels for each.
    fn each<const CHANNELS: usize>(
        &self,
        fetch: impl Fn(usize) -> [u8; CHANNELS],
        mut put: impl FnMut([u8; CHANNELS]),
    ) {
        for row in &self.rows {
            let (upper, lower) = (row.first * self.width, row.second * self.width);
            for column in &self.columns {
                let across = |line: usize| {
                    let (first, second) = (fetch(line + column.first), fetch(line + column.second));
                    std::array::from_fn::<f32, CHANNELS, _>(|channel| {
                        column.first_weight * f32::from(first[channel])
                            + column.second_weight * f32::from(second[channel])
                    })
                };
                let (above, below) = (across(upper), across(lower));
                // `as` clips to 0..=255 and truncates, as tf.cast after tf.clip_by_value does.
                put(std::array::from_fn(|channel| {
                    (row.first_weight * above[channel] + row.second_weight * below[channel]) as u8
                }));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn train(width_px: u32, height_px: u32, rgb: &[u8], size_px: u32) -> Vec<u8> {
        let mut pixels = Vec::new();
        Grid::of(width_px, height_px, size_px).each(
            |at| [rgb[at * 3], rgb[at * 3 + 1], rgb[at * 3 + 2]],
            |pixel| pixels.extend(pixel),
        );
        pixels
    }

    #[test]
    fn a_picture_of_the_right_size_passes_unchanged() {
        let rgb: Vec<u8> = (0..4 * 4 * 3).map(|value| (value * 5) as u8).collect();
        assert_eq!(train(4, 4, &rgb, 4), rgb);
    }

    #[test]
    fn the_odd_row_of_padding_goes_below() {
        // 3 x 2 becomes 3 x 3: floor(1 / 2) = 0 rows above, one below.
        let rgb = [200_u8; 3 * 2 * 3];
        let padded = train(3, 2, &rgb, 3);
        assert_eq!(padded[..18], [200; 18]);
        assert_eq!(padded[18..], [0; 9]);
    }

    #[test]
    fn shrinking_reads_two_taps_and_not_the_whole_area() {
        // 8 columns to 2: centres at 1.5 and 5.5, so columns 1, 2 and 5, 6 alone count.
        let mut rgb = Vec::new();
        for _ in 0..8 {
            for column in 0..8 {
                rgb.extend([if matches!(column, 1 | 2) { 101 } else { 0 }; 3]);
            }
        }
        assert_eq!(
            train(8, 8, &rgb, 2),
            [101, 101, 101, 0, 0, 0, 101, 101, 101, 0, 0, 0]
        );
    }

    #[test]
    fn values_are_truncated_and_not_rounded() {
        // Halfway between 0 and 255 lies 127.5.
        let rgb = [0, 0, 0, 255, 255, 255, 0, 0, 0, 255, 255, 255];
        assert_eq!(train(2, 2, &rgb, 1), [127, 127, 127]);
    }

    #[test]
    fn thin_and_single_pixels_work_in_both_profiles() {
        let config = PreprocessorConfig::siglip(16);
        for (width_px, height_px) in [(1, 1), (1, 40), (40, 1), (3, 17)] {
            let rgb = vec![255; (width_px * height_px * 3) as usize];
            let picture = Picture {
                width_px,
                height_px,
                rgb: &rgb,
            };
            for profile in [Profile::Train, Profile::Hf] {
                let values = preprocess(&picture, 16, profile, &config).unwrap();
                assert_eq!(values.len(), 3 * 16 * 16);
                assert!(
                    values
                        .iter()
                        .all(|value| (-1.0001..=1.0001).contains(value))
                );
            }
        }
    }

    #[test]
    fn channels_become_planes() {
        let rgb = [255, 0, 0, 255, 0, 0, 255, 0, 0, 255, 0, 0];
        let picture = Picture {
            width_px: 2,
            height_px: 2,
            rgb: &rgb,
        };
        let values =
            preprocess(&picture, 2, Profile::Train, &PreprocessorConfig::siglip(2)).unwrap();
        assert_eq!(
            values,
            [
                1.0, 1.0, 1.0, 1.0, -1.0, -1.0, -1.0, -1.0, -1.0, -1.0, -1.0, -1.0
            ]
        );
    }

    #[test]
    fn the_levels_of_the_pixels_are_the_values() {
        let mut config = PreprocessorConfig::siglip(16);
        config.image_mean = [0.48, 0.45, 0.41];
        config.image_std = [0.27, 0.26, 0.28];
        let rgb: Vec<u8> = (0..37 * 21 * 3_u32)
            .map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8)
            .collect();
        let picture = Picture {
            width_px: 37,
            height_px: 21,
            rgb: &rgb,
        };
        for profile in [Profile::Train, Profile::Hf] {
            let preparation = Preparation {
                size_px: 16,
                profile,
                config: &config,
            };
            let (pixels, levels) = (preparation.pixels(&[picture]), preparation.levels());
            assert_eq!(pixels.len(), preparation.picture_values());
            let looked_up = pixels.chunks_exact(16 * 16).zip(levels);
            let looked_up = looked_up.flat_map(|(plane, levels)| {
                plane.iter().map(move |pixel| levels[usize::from(*pixel)])
            });
            let values = preprocess(&picture, 16, profile, &config).unwrap();
            let bits = |values: Vec<f32>| values.into_iter().map(f32::to_bits).collect::<Vec<_>>();
            assert_eq!(bits(looked_up.collect()), bits(values), "{profile}");
        }
    }
}
