//! Where two pictures are alike: each patch of one is compared with the patches of the other, as the image tower sees them
//! before they are pooled.
//!
//! Patches of one tower have much in common whatever they show, so the mean over both pictures is taken away first. What is
//! left of a patch that shows the same as the background around it is short, and so is its product with any other.

use casekin_encoder::{Patches, Profile, Recipe};
use casekin_imaging::Rgb8;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::encoding::{LooseEncoder, as_picture};
use crate::error::EngineError;

/// How alike the patches of a picture are to another picture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct HeatGrid {
    /// Patches from top to bottom of the square that the model saw.
    pub rows: u32,
    /// Patches from left to right.
    pub columns: u32,
    /// Row by row, 0 to 1; 0 outside of the picture.
    pub values: Vec<f32>,
    /// The picture within the square, as x, y, width, height, each 0 to 1.
    pub picture: [f32; 4],
}

/// How patches are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Likeness {
    /// The cosine of what is left after centring.
    Cosine,
    /// Its product: patches that stand out from both pictures weigh more.
    Product,
}

impl HeatGrid {
    /// The cell with the highest value, as the middle of it in pixels of a picture of this size; `None` where all are
    /// equal.
    pub fn hottest(&self, width_px: u32, height_px: u32) -> Option<[f32; 2]> {
        let hottest = self.values.iter().copied().enumerate();
        let (at, heat) = hottest.max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0)))?;
        (heat > 0.0).then(|| self.middle(at, width_px, height_px))
    }

    /// Middle of a cell in pixels of a picture of this size; outside of it for a cell outside.
    pub fn middle(&self, cell: usize, width_px: u32, height_px: u32) -> [f32; 2] {
        let columns = self.columns.max(1) as usize;
        let [x, y, width, height] = self.picture;
        let across = ((cell % columns) as f32 + 0.5) / columns as f32;
        let down = ((cell / columns) as f32 + 0.5) / self.rows.max(1) as f32;
        [
            (across - x) / width * width_px as f32,
            (down - y) / height * height_px as f32,
        ]
    }

    /// Whether the middle of a cell lies in the picture.
    pub fn is_inside(&self, cell: usize) -> bool {
        let [x, y] = self.middle(cell, 1, 1);
        (0.0..1.0).contains(&x) && (0.0..1.0).contains(&y)
    }
}

/// Maps of a pair of pictures: where the first is like the second, and the other way round.
pub(crate) fn heat(
    pictures: [&Patches; 2],
    within: [[f32; 4]; 2],
    likeness: Likeness,
) -> [HeatGrid; 2] {
    let mut grids = [0, 1].map(|at| HeatGrid {
        rows: pictures[at].rows,
        columns: pictures[at].columns,
        values: vec![0.0; (pictures[at].rows * pictures[at].columns) as usize],
        picture: within[at],
    });
    let tokens = centred(pictures, &grids, likeness);
    let mut best = [0, 1].map(|at| vec![f32::MIN; tokens[at].len()]);
    for (a, (_, left)) in tokens[0].iter().enumerate() {
        for (b, (_, right)) in tokens[1].iter().enumerate() {
            let alike: f32 = left.iter().zip(right).map(|(a, b)| a * b).sum();
            best[0][a] = best[0][a].max(alike);
            best[1][b] = best[1][b].max(alike);
        }
    }
    for at in [0, 1] {
        let low = best[at].iter().copied().fold(f32::MAX, f32::min);
        let high = best[at].iter().copied().fold(f32::MIN, f32::max);
        let span = high - low;
        for ((cell, _), value) in tokens[at].iter().zip(&best[at]) {
            grids[at].values[*cell] = match span > f32::EPSILON {
                true => (value - low) / span,
                false => 0.0,
            };
        }
    }
    grids
}

/// The patches that lie in each picture, with their cell, without the mean over both pictures.
fn centred(
    pictures: [&Patches; 2],
    grids: &[HeatGrid; 2],
    likeness: Likeness,
) -> [Vec<(usize, Vec<f32>)>; 2] {
    let dimension = pictures[0].vector.len().max(1);
    let inside = |at: usize| {
        let tokens = pictures[at].tokens.chunks_exact(dimension).enumerate();
        tokens.filter(move |(cell, _)| grids[at].is_inside(*cell))
    };
    let mut mean = vec![0.0; dimension];
    let mut count = 0.0;
    for (_, token) in inside(0).chain(inside(1)) {
        count += 1.0;
        for (sum, value) in mean.iter_mut().zip(token) {
            *sum += value;
        }
    }
    let without_mean = |(cell, token): (usize, &[f32])| {
        let left = token.iter().zip(&mean);
        let mut left: Vec<f32> = left.map(|(value, sum)| value - sum / count).collect();
        if likeness == Likeness::Cosine {
            let length = left.iter().map(|value| value * value).sum::<f32>().sqrt();
            left.iter_mut().for_each(|value| *value /= length.max(1e-6));
        }
        (cell, left)
    };
    [0, 1].map(|at| inside(at).map(without_mean).collect())
}

/// Where a picture lies in the square that the model sees.
pub(crate) fn within_square(width_px: u32, height_px: u32, profile: &str) -> [f32; 4] {
    let recipe: Result<Recipe, _> = profile.parse();
    let padded = recipe.is_ok_and(|recipe| recipe.profile == Profile::Train);
    if !padded || width_px == 0 || height_px == 0 {
        return [0.0, 0.0, 1.0, 1.0];
    }
    let longest = width_px.max(height_px) as f32;
    let (width, height) = (width_px as f32 / longest, height_px as f32 / longest);
    [(1.0 - width) / 2.0, (1.0 - height) / 2.0, width, height]
}

impl LooseEncoder {
    /// Maps of a pair of pictures, compared as `likeness` says. Blocks.
    ///
    /// # Errors
    /// Those of the encoder.
    pub fn heat(
        &self,
        pictures: [&Rgb8; 2],
        likeness: Likeness,
    ) -> Result<[HeatGrid; 2], EngineError> {
        let encoder = self.slot().encoder()?;
        let first = encoder.encode_patches(&as_picture(pictures[0]))?;
        let second = encoder.encode_patches(&as_picture(pictures[1]))?;
        let within = pictures.map(|rgb| within_square(rgb.width_px, rgb.height_px, self.profile()));
        Ok(heat([&first, &second], within, likeness))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A grid of 2 × 2 patches of two values each.
    fn patches(tokens: [[f32; 2]; 4]) -> Patches {
        Patches {
            vector: vec![1.0, 0.0],
            tokens: tokens.concat(),
            rows: 2,
            columns: 2,
        }
    }

    #[test]
    fn what_stands_out_in_both_is_hot_in_both() {
        let background = [1.0, 1.0];
        let left = patches([background, background, [5.0, 1.0], background]);
        let right = patches([background, [4.0, 1.0], background, background]);
        let whole = [0.0, 0.0, 1.0, 1.0];
        let [first, second] = heat([&left, &right], [whole; 2], Likeness::Product);
        assert_eq!(first.values[2], 1.0);
        assert_eq!(second.values[1], 1.0);
        assert_eq!(first.hottest(100, 100), Some([25.0, 75.0]));
        let flat = patches([background; 4]);
        let [none, _] = heat([&flat, &flat], [whole; 2], Likeness::Product);
        assert_eq!(none.hottest(100, 100), None);
    }

    #[test]
    fn bars_around_a_picture_are_no_part_of_it() {
        assert_eq!(within_square(100, 50, "train"), [0.0, 0.25, 1.0, 0.5]);
        assert_eq!(within_square(100, 50, "train-int8"), [0.0, 0.25, 1.0, 0.5]);
        assert_eq!(within_square(100, 50, "hf"), [0.0, 0.0, 1.0, 1.0]);
        let grid = HeatGrid {
            rows: 4,
            columns: 4,
            values: vec![0.0; 16],
            picture: within_square(100, 50, "train"),
        };
        let inside: Vec<usize> = (0..16).filter(|cell| grid.is_inside(*cell)).collect();
        assert_eq!(inside, [4, 5, 6, 7, 8, 9, 10, 11]);
        assert_eq!(grid.middle(5, 100, 50), [37.5, 12.5]);
    }
}
