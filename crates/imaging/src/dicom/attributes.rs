//! Typed access to attributes. Absent is `None`; present but senseless is an error that names the attribute.
//! Values never appear in errors.

use dicom_core::Tag;
use dicom_core::dictionary::{DataDictionary as _, DataDictionaryEntry as _};
use dicom_core::header::HasLength as _;
use dicom_dictionary_std::{StandardDataDictionary, tags};
use dicom_object::InMemDicomObject;

use super::scan::tag_text;
use crate::ImagingError;

/// An error about one attribute.
pub(crate) fn attribute_error(tag: Tag, reason: impl Into<String>) -> ImagingError {
    let keyword = StandardDataDictionary
        .by_tag(tag)
        .map_or("Unknown", |entry| entry.alias());
    ImagingError::ReadAttribute {
        keyword: keyword.to_owned(),
        tag: tag_text(tag),
        reason: reason.into(),
    }
}

/// Text without padding; `None` when absent or empty.
pub(crate) fn text(object: &InMemDicomObject, tag: Tag) -> Option<String> {
    let value = object.get(tag)?.to_str().ok()?;
    let trimmed = value.trim_matches(['\0', ' ', '\t', '\r', '\n']);
    (!trimmed.is_empty()).then(|| trimmed.to_owned())
}

/// The first of several values, as text.
pub(crate) fn first_text(object: &InMemDicomObject, tag: Tag) -> Option<String> {
    let whole = text(object, tag)?;
    let first = whole.split('\\').next().unwrap_or_default().trim();
    (!first.is_empty()).then(|| first.to_owned())
}

/// A whole number that may be absent.
pub(crate) fn integer(object: &InMemDicomObject, tag: Tag) -> Result<Option<i64>, ImagingError> {
    let Some(element) = object.get(tag).filter(|element| !element.is_empty()) else {
        return Ok(None);
    };
    if let Ok(value) = element.to_int::<i64>() {
        return Ok(Some(value));
    }
    let written = element
        .to_str()
        .map_err(|_| attribute_error(tag, "not a number"))?;
    let first = written
        .split('\\')
        .next()
        .unwrap_or_default()
        .trim_matches(['\0', ' ']);
    if first.is_empty() {
        return Ok(None);
    }
    let value: f64 = first
        .parse()
        .map_err(|_| attribute_error(tag, "not a number"))?;
    if value.fract() != 0.0 || value.abs() > 1e15 {
        return Err(attribute_error(tag, "not a whole number"));
    }
    Ok(Some(value as i64))
}

/// All numbers of an attribute; empty when absent, an error when any is none.
pub(crate) fn numbers(object: &InMemDicomObject, tag: Tag) -> Result<Vec<f64>, ImagingError> {
    let Some(element) = object.get(tag).filter(|element| !element.is_empty()) else {
        return Ok(Vec::new());
    };
    if let Ok(values) = element.to_multi_float64() {
        return Ok(values);
    }
    let written = element
        .to_str()
        .map_err(|_| attribute_error(tag, "not a number"))?;
    written
        .split('\\')
        .map(|part| part.trim_matches(['\0', ' ']))
        .filter(|part| !part.is_empty())
        .map(|part| {
            part.parse()
                .map_err(|_| attribute_error(tag, "not a number"))
        })
        .collect()
}

/// The items of a sequence; none when absent.
pub(crate) fn items(object: &InMemDicomObject, tag: Tag) -> &[InMemDicomObject] {
    object
        .get(tag)
        .and_then(|element| element.items())
        .unwrap_or_default()
}

/// The object that holds what applies to one frame of a functional group: the root if it has `tag` itself,
/// else the frame's own item, else the shared one (PS3.3 C.7.6.16).
pub(crate) fn for_frame(
    object: &InMemDicomObject,
    frame: u32,
    group: Tag,
    tag: Tag,
) -> Option<&InMemDicomObject> {
    if object.get(tag).is_some_and(|element| !element.is_empty()) {
        return Some(object);
    }
    let per_frame = items(object, tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE)
        .get(frame.saturating_sub(1) as usize);
    let shared = items(object, tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE).first();
    [per_frame, shared]
        .into_iter()
        .flatten()
        .filter_map(|groups| items(groups, group).first())
        .find(|item| item.get(tag).is_some_and(|element| !element.is_empty()))
}
