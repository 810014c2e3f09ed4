//! Volumes: which of their slices become views, and how bright those are.
//!
//! A volume in one file is surveyed and cut in one go. One that is written as a file for each slice is surveyed file
//! by file; [`plan_volume`] then says which of them are worth a vector and which range of values they share, and each
//! is decoded with its part of the plan.

use serde::{Deserialize, Serialize};

use crate::picture::Picture;
use crate::pipeline::shielded;
use crate::slices::{Thumb, choose_slices, spread_evenly};
use crate::{ImagingError, Limits, Source};

/// Which file to survey.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct SurveyRequest {
    /// The file or bytes: one slice.
    pub source: Source,
    /// What it may cost.
    pub limits: Limits,
}

/// What a slice looks like from afar.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct SliceSurvey {
    /// Grey levels of a picture of at most 32 × 32 pixels, in reading order.
    pub levels: Vec<u8>,
    /// The least and the greatest value, after the Modality LUT, where slices are read by the range of their volume
    /// (MR); `levels` then run from the one to the other.
    pub range: Option<[f64; 2]>,
}

/// What a volume comes to.
#[derive(Clone, Debug, PartialEq)]
pub struct VolumePlan {
    /// Indices of the slices that become views, in order.
    pub chosen: Vec<usize>,
    /// The least and the greatest value of the volume, after the Modality LUT, where its slices are read by it.
    pub range: Option<[f64; 2]>,
}

/// One slice's part in the plan of its volume.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct VolumeSlice {
    /// Whether it becomes a view; one that is not chosen is decoded to a thumbnail alone.
    pub chosen: bool,
    /// As [`VolumePlan::range`].
    pub range: Option<[f64; 2]>,
}

/// Looks at the one slice of a file from afar.
///
/// # Errors
/// As [`crate::decode`].
pub fn survey(request: &SurveyRequest) -> Result<SliceSurvey, ImagingError> {
    shielded(|| {
        Picture::open(&request.source, &request.limits)?
            .frame(1)?
            .survey()
    })
}

/// Which of a volume's slices are looked at to choose among them: all, or evenly spread ones of very many.
pub fn compared_slices(slices: usize, limits: &Limits) -> Vec<usize> {
    spread_evenly(slices, limits.max_compared_slices.max(1) as usize).collect()
}

/// Chooses among the slices of a volume, which are in order: those that differ, at most `max_views`, evenly spread,
/// ends without tissue left out.
pub fn plan_volume(surveys: &[SliceSurvey], max_views: u32) -> VolumePlan {
    let range = surveys
        .iter()
        .filter_map(|survey| survey.range)
        .reduce(|[low, high], [other_low, other_high]| [low.min(other_low), high.max(other_high)]);
    let thumbs: Vec<Thumb> = surveys
        .iter()
        .map(|survey| Thumb {
            levels: match (survey.range, range) {
                (Some(own), Some(volume)) => rescaled(&survey.levels, own, volume),
                _ => survey.levels.clone(),
            },
        })
        .collect();
    VolumePlan {
        chosen: choose_slices(&thumbs, max_views as usize),
        range,
    }
}

/// Levels that ran over a slice's own range, over that of the volume.
fn rescaled(levels: &[u8], [low, high]: [f64; 2], volume: [f64; 2]) -> Vec<u8> {
    let width = volume[1] - volume[0];
    if width <= 0.0 {
        return vec![0; levels.len()];
    }
    let level = |level: &u8| {
        let value = low + f64::from(*level) / 255.0 * (high - low);
        ((value - volume[0]) / width * 255.0 + 0.5) as u8
    };
    levels.iter().map(level).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A slice with a square of tissue in noise, each slice stretched to its own range.
    fn slice(side: usize, range: [f64; 2]) -> SliceSurvey {
        let inside = |at: usize| at % 32 < side && at / 32 < side;
        let levels = (0..1024).map(|at| if inside(at) { 255 } else { 0 });
        SliceSurvey {
            levels: levels.collect(),
            range: Some(range),
        }
    }

    #[test]
    fn slices_are_compared_at_the_brightness_of_their_volume() {
        // By its own range the noise at either end looks like tissue.
        let surveys = [
            slice(9, [0.0, 20.0]),
            slice(8, [10.0, 900.0]),
            slice(15, [0.0, 1000.0]),
            slice(13, [0.0, 30.0]),
        ];
        let plan = plan_volume(&surveys, 64);
        assert_eq!(plan.range, Some([0.0, 1000.0]));
        assert_eq!(plan.chosen, [1, 2]);
    }

    #[test]
    fn a_volume_of_one_value_has_a_slice_and_no_level() {
        let plan = plan_volume(&[slice(4, [7.0, 7.0]), slice(9, [7.0, 7.0])], 64);
        assert_eq!((plan.chosen, plan.range), (vec![0], Some([7.0, 7.0])));
        let none = plan_volume(&[], 64);
        assert_eq!((none.chosen, none.range), (Vec::new(), None));
    }
}
