//! Which DICOM files make up one slide: the levels of a pyramid and the parts of a concatenation lie beside each
//! other, with one Series Instance UID. One of them stands for the slide; the others say so when they are opened.

use std::path::{Path, PathBuf};

use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;

use super::recognise::names_dicom_slide;
use crate::dicom::InPlace;
use crate::dicom::attributes::{first_text, integer, text};
use crate::{ImagingError, Limits, Source};

/// Files of a folder that are looked at, and those of them that may belong to one slide.
const MAX_NEIGHBOURS: usize = 4096;
const MAX_PARTS: usize = 64;
/// Enough of a file to hold its series' UID, which stands far before the pixels.
const START_BYTES: usize = 64 << 10;
/// Deflated Explicit VR Little Endian (PS3.5 A.5), in which the series' UID cannot be seen.
const DEFLATED: &[u8] = b"1.2.840.10008.1.2.1.99";
/// How far the ratios of widths and heights of two levels may differ.
const SKEW: f64 = 0.02;

/// Size of a level: Total Pixel Matrix Columns and Rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Matrix {
    pub width_px: u32,
    pub height_px: u32,
}

/// One file of a slide.
pub(super) struct Part {
    pub object: InPlace,
    /// Frames of the level that come before this part's first one.
    pub first_frame: u32,
    matrix: Matrix,
    concatenation: Option<String>,
}

/// The files of a slide, and which of them make up each level, finest first.
pub(super) struct Set {
    pub parts: Vec<Part>,
    pub levels: Vec<(Matrix, Vec<usize>)>,
}

/// Finds the files of the slide that a source belongs to; `None` for a picture that is no volume (a thumbnail).
///
/// # Errors
/// `FindPicture` where another file stands for the slide; what cannot be parsed.
pub(super) fn gather(source: &Source, limits: &Limits) -> Result<Option<Set>, ImagingError> {
    let Some(own) = open_part(source, limits)? else {
        return Ok(None);
    };
    let mut parts = vec![own];
    if let Source::Path(path) = source
        && let Some(series) = text(parts[0].object.object(), tags::SERIES_INSTANCE_UID)
    {
        let matrix = parts[0].matrix;
        let beside = neighbours(path, &series, limits)?.into_iter();
        parts.extend(beside.filter(|part| same_shape(&part.matrix, &matrix)));
    }
    let own = &parts[0];
    let not_this = |reason: &str| {
        Err(ImagingError::FindPicture {
            reason: format!("{reason}: the file that stands for the slide lies beside it"),
        })
    };
    if parts
        .iter()
        .any(|part| part.matrix.width_px > own.matrix.width_px)
    {
        return not_this("a smaller level of a slide");
    }
    let same_level = |part: &Part| {
        part.matrix == own.matrix
            && part.concatenation.is_some()
            && part.concatenation == own.concatenation
    };
    if parts
        .iter()
        .any(|part| same_level(part) && part.first_frame < own.first_frame)
    {
        return not_this("a later part of a slide");
    }
    Ok(Some(Set {
        levels: levels_of(&parts),
        parts,
    }))
}

/// Levels from fine to coarse. Of files that show the same level twice, the first is taken with its concatenation.
fn levels_of(parts: &[Part]) -> Vec<(Matrix, Vec<usize>)> {
    let mut levels: Vec<(Matrix, Vec<usize>)> = Vec::new();
    for (index, part) in parts.iter().enumerate() {
        match levels.iter_mut().find(|(matrix, _)| *matrix == part.matrix) {
            None => levels.push((part.matrix, vec![index])),
            Some((_, members)) => {
                let first = &parts[members[0]];
                let known = |member: &usize| parts[*member].first_frame == part.first_frame;
                if first.concatenation.is_some()
                    && first.concatenation == part.concatenation
                    && !members.iter().any(known)
                {
                    members.push(index);
                }
            }
        }
    }
    levels.sort_by_key(|(matrix, _)| std::cmp::Reverse(matrix.width_px));
    levels
}

fn open_part(source: &Source, limits: &Limits) -> Result<Option<Part>, ImagingError> {
    let Some(object) = InPlace::open(source, limits)? else {
        return Ok(None);
    };
    let attributes = object.object();
    let Some(matrix) = matrix_of(attributes).filter(|_| is_volume(attributes)) else {
        return Ok(None);
    };
    let first_frame = integer(attributes, tags::CONCATENATION_FRAME_OFFSET_NUMBER)?
        .and_then(|offset| u32::try_from(offset).ok())
        .unwrap_or(0);
    Ok(Some(Part {
        concatenation: text(attributes, tags::CONCATENATION_UID),
        object,
        first_frame,
        matrix,
    }))
}

fn matrix_of(object: &InMemDicomObject) -> Option<Matrix> {
    let side = |tag| {
        let side = u32::try_from(integer(object, tag).ok()??).ok()?;
        (side > 0).then_some(side)
    };
    Some(Matrix {
        width_px: side(tags::TOTAL_PIXEL_MATRIX_COLUMNS)?,
        height_px: side(tags::TOTAL_PIXEL_MATRIX_ROWS)?,
    })
}

/// Value 3 of Image Type (PS3.3 C.8.12.4.1.1); files that leave it out hold the volume.
fn is_volume(object: &InMemDicomObject) -> bool {
    let types = text(object, tags::IMAGE_TYPE).unwrap_or_default();
    types
        .split('\\')
        .nth(2)
        .is_none_or(|flavour| flavour.trim() == "VOLUME")
}

/// The other files of a folder that belong to the series, by name. What cannot be read is left out.
///
/// # Errors
/// `StayWithinLimit` for deflated files that take too much memory together.
fn neighbours(path: &Path, series: &str, limits: &Limits) -> Result<Vec<Part>, ImagingError> {
    let Some(folder) = path.parent() else {
        return Ok(Vec::new());
    };
    let own = path.file_name();
    let mut beside: Vec<PathBuf> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .take(MAX_NEIGHBOURS)
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|other| other.file_name() != own && other.is_file())
        .collect();
    beside.sort_unstable();
    let mut held = 0u64;
    beside
        .into_iter()
        .filter_map(|other| part_of(other, series, limits))
        .take(MAX_PARTS)
        .map(|part| {
            held = held.saturating_add(part.object.held_bytes());
            Limits::check("inflated bytes", held, limits.max_inflated_bytes)?;
            Ok(part)
        })
        .collect()
}

fn part_of(path: PathBuf, series: &str, limits: &Limits) -> Option<Part> {
    let source = Source::Path(path);
    let start = source.read_first(START_BYTES).ok()?;
    let holds = |word: &[u8]| start.windows(word.len()).any(|window| window == word);
    if start.get(128..132) != Some(b"DICM")
        || !names_dicom_slide(&start[..start.len().min(1024)])
        || series.is_empty()
        || !(holds(series.as_bytes()) || holds(DEFLATED))
    {
        return None;
    }
    let part = open_part(&source, limits).ok()??;
    let same = first_text(part.object.object(), tags::SERIES_INSTANCE_UID)?;
    (same == series).then_some(part)
}

/// Whether two levels show the same area.
fn same_shape(a: &Matrix, b: &Matrix) -> bool {
    let across = f64::from(a.width_px) / f64::from(b.width_px);
    let down = f64::from(a.height_px) / f64::from(b.height_px);
    let pixel = 1.0 / f64::from(a.width_px.min(a.height_px).min(b.width_px).min(b.height_px));
    (across / down - 1.0).abs() <= SKEW + pixel
}
