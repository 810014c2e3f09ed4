//! Where a single-frame CT, MR or PET picture lies in the volume that its series makes (PS3.3 C.7.6.2).

use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;

use super::attributes::{first_text, for_frame, numbers, text};
use crate::{Facts, SlicePlace};

/// Modalities that write a volume as one file for each slice.
const SLICED: [&str; 3] = ["CT", "MR", "PT"];
/// Orientations are told apart by hundredths: writers round the cosines of one series differently.
const ORIENTATION_STEPS: f64 = 100.0;

/// The place of an object's only frame; `None` where it is no slice of a series.
pub(super) fn slice_place(object: &InMemDicomObject, facts: &Facts) -> Option<SlicePlace> {
    let modality = facts.modality.as_deref()?;
    if facts.frames != 1 || !SLICED.contains(&modality) {
        return None;
    }
    let series = first_text(object, tags::SERIES_INSTANCE_UID)?;
    let orientation = orientation(object);
    let position_mm = orientation
        .zip(position(object))
        .and_then(|(cosines, corner)| along_normal(cosines, corner));
    let turned = orientation.map(|cosines| cosines.map(|one| (one * ORIENTATION_STEPS).round()));
    // Localizers, derived maps and the echoes of one series are volumes of their own.
    let kind = text(object, tags::IMAGE_TYPE).unwrap_or_default();
    let echo = first_text(object, tags::ECHO_TIME).unwrap_or_default();
    let (width_px, height_px) = (facts.width_px, facts.height_px);
    let turned: Vec<i64> = turned.iter().flatten().map(|step| *step as i64).collect();
    Some(SlicePlace {
        stack: format!("{series}|{modality}|{width_px}x{height_px}|{turned:?}|{kind}|{echo}"),
        position_mm,
        number: facts.instance_number,
    })
}

/// Direction cosines of rows and columns.
fn orientation(object: &InMemDicomObject) -> Option<[f64; 6]> {
    let tag = tags::IMAGE_ORIENTATION_PATIENT;
    let holder = for_frame(object, 1, tags::PLANE_ORIENTATION_SEQUENCE, tag)?;
    finite(numbers(holder, tag).ok()?)
}

/// The centre of the first pixel, in millimetres.
fn position(object: &InMemDicomObject) -> Option<[f64; 3]> {
    let tag = tags::IMAGE_POSITION_PATIENT;
    let holder = for_frame(object, 1, tags::PLANE_POSITION_SEQUENCE, tag)?;
    finite(numbers(holder, tag).ok()?)
}

fn finite<const N: usize>(values: Vec<f64>) -> Option<[f64; N]> {
    let values: [f64; N] = values.try_into().ok()?;
    values
        .iter()
        .all(|value| value.is_finite())
        .then_some(values)
}

/// How far a point lies along the normal of a plane, row × column.
fn along_normal([a, b, c, d, e, f]: [f64; 6], corner: [f64; 3]) -> Option<f64> {
    let normal = [b * f - c * e, c * d - a * f, a * e - b * d];
    let length = normal.iter().map(|part| part * part).sum::<f64>().sqrt();
    let along: f64 = normal
        .iter()
        .zip(corner)
        .map(|(part, at)| part * at)
        .sum::<f64>();
    // Rows and columns that are not at right angles span no plane to speak of.
    (length > 0.5).then(|| along / length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_are_placed_along_their_normal() {
        let axial = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0];
        assert_eq!(along_normal(axial, [-120.0, -90.0, 37.5]), Some(37.5));
        let sagittal = [0.0, 1.0, 0.0, 0.0, 0.0, -1.0];
        assert_eq!(along_normal(sagittal, [12.0, 3.0, 4.0]), Some(-12.0));
        assert_eq!(along_normal([1.0, 0.0, 0.0, 1.0, 0.0, 0.0], [1.0; 3]), None);
    }
}
