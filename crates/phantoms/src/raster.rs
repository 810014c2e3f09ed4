//! From a painting's numbers to stored pixels, and to the small pictures a model is trained on.

use crate::canvas::{Grid, NATIVE_PX};
use crate::plan::{CasePlan, Pixels, paint};

/// Largest value of the 12-bit radiographs.
pub(crate) const DENSITY_MAX: u16 = 4095;

/// Side of a training picture in pixels: a quarter of the native side.
pub const TRAINING_PX: usize = NATIVE_PX / 4;

/// Width and level of the three windows by which CT becomes red, green and blue.
const CT_WINDOWS_HU: [(f32, f32); 3] = [(-1225.0, 1025.0), (-135.0, 215.0), (0.0, 80.0)];

/// A picture as the preprocessing profile `train` hands it to a model of 112 pixels.
pub struct TrainingPicture {
    /// Red, green, blue of each pixel, row by row.
    pub rgb: Vec<u8>,
    /// Where the finding lies: x, y, width, height as shares of the picture's side.
    pub lesion_box: Option<[f32; 4]>,
}

pub(crate) fn density_u16(value: f32) -> u16 {
    (value.clamp(0.0, 1.0) * f32::from(DENSITY_MAX)).round() as u16
}

pub(crate) fn hounsfield_i16(value: f32) -> i16 {
    value.clamp(-1024.0, 3071.0).round() as i16
}

pub(crate) fn channel_u8(value: f32) -> u8 {
    (value.clamp(0.0, 1.0) * 255.0).round() as u8
}

/// Draws picture `image` of a planned case at training size.
///
/// Only the native pixels that the bilinear reduction reads are drawn; each goes through the same
/// rounding as in the stored file before the reduction averages them.
pub fn training_picture(plan: &CasePlan, image: u32) -> TrainingPicture {
    let grid = Grid::reduction_taps();
    let painting = paint(plan, image, &grid);
    let taps: Vec<[u8; 3]> = match painting.pixels {
        Pixels::Density(plane) => plane
            .values
            .iter()
            .map(|&v| {
                let shown = f32::from(density_u16(v)) / f32::from(DENSITY_MAX);
                [channel_u8(shown); 3]
            })
            .collect(),
        Pixels::Hounsfield(plane) => plane
            .values
            .iter()
            .map(|&v| {
                let hu = f32::from(hounsfield_i16(v));
                CT_WINDOWS_HU.map(|(low, high)| channel_u8((hu - low) / (high - low)))
            })
            .collect(),
        Pixels::Rgb(colour) => colour
            .values
            .iter()
            .map(|rgb| rgb.map(channel_u8))
            .collect(),
    };
    let side = grid.side();
    let mut rgb = Vec::with_capacity(TRAINING_PX * TRAINING_PX * 3);
    for row in 0..TRAINING_PX {
        for column in 0..TRAINING_PX {
            let corner = 2 * row * side + 2 * column;
            let four = [
                taps[corner],
                taps[corner + 1],
                taps[corner + side],
                taps[corner + side + 1],
            ];
            for channel in 0..3 {
                let sum: u32 = four.iter().map(|tap| u32::from(tap[channel])).sum();
                rgb.push((sum / 4) as u8);
            }
        }
    }
    let share = 1.0 / NATIVE_PX as f32;
    let lesion_box = painting.lesion.map(|b| b.to_px().map(|v| v as f32 * share));
    TrainingPicture { rgb, lesion_box }
}
