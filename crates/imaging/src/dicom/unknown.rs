//! Elements written with the value representation UN though PS3.6 knows what they are: writers that copy from a data
//! set they do not understand do this to any element (PS3.5 6.2.2, note 2: such a value holds implicit little
//! endian). Read as bare bytes, a rescale slope of "1" would be 49.

use dicom_core::dictionary::{DataDictionary as _, VirtualVr};
use dicom_core::{Tag, VR};
use dicom_dictionary_std::{StandardDataDictionary, tags};
use dicom_object::InMemDicomObject;
use dicom_transfer_syntax_registry::entries;

use super::scan::scan;
use super::syntax::Encoding;
use crate::{ImagingError, Limits};

/// Gives the elements of a data set, and of its items, the value representation that PS3.6 states.
///
/// # Errors
/// `StayWithinLimit` for sequences that nest too deep inside such a value.
pub(super) fn resolve(object: &mut InMemDicomObject, limits: &Limits) -> Result<(), ImagingError> {
    let charset = object
        .get(tags::SPECIFIC_CHARACTER_SET)
        .and_then(|element| element.to_str().ok())
        .map(|value| value.into_owned());
    resolve_level(object, charset.as_deref().unwrap_or_default(), limits)
}

fn resolve_level(
    object: &mut InMemDicomObject,
    charset: &str,
    limits: &Limits,
) -> Result<(), ImagingError> {
    let found: Vec<(Tag, VR)> = object
        .iter()
        .map(|element| (element.header().tag, element.vr()))
        .filter(|(_, vr)| matches!(vr, VR::UN | VR::SQ))
        .collect();
    for (tag, vr) in found {
        if vr == VR::UN && is_known(tag) {
            let Some(element) = object.get(tag) else {
                continue;
            };
            let Ok(value) = element.to_bytes() else {
                continue;
            };
            if let Some(known) = parse(tag, &value, charset, limits)? {
                object.put(known);
            }
        } else if vr == VR::SQ {
            let mut outcome = Ok(());
            object.update_value(tag, |value| {
                for item in value.items_mut().into_iter().flatten() {
                    if outcome.is_ok() {
                        outcome = resolve_level(item, charset, limits);
                    }
                }
            });
            outcome?;
        }
    }
    Ok(())
}

fn is_known(tag: Tag) -> bool {
    let stated = StandardDataDictionary
        .by_tag(tag)
        .map(dicom_core::dictionary::DataDictionaryEntry::vr);
    stated.is_some_and(|vr| vr != VirtualVr::Exact(VR::UN))
}

/// Reads one value as implicit little endian; `None` where it cannot be read so, and is left as it is.
fn parse(
    tag: Tag,
    value: &[u8],
    charset: &str,
    limits: &Limits,
) -> Result<Option<dicom_object::mem::InMemElement>, ImagingError> {
    let mut bytes = Vec::with_capacity(value.len() + charset.len() + 17);
    let mut add = |tag: Tag, value: &[u8]| {
        let len = u32::try_from(value.len().next_multiple_of(2)).unwrap_or(0);
        bytes.extend(tag.group().to_le_bytes());
        bytes.extend(tag.element().to_le_bytes());
        bytes.extend(len.to_le_bytes());
        bytes.extend(value);
        bytes.resize(bytes.len() + value.len() % 2, b' ');
    };
    if tag != tags::SPECIFIC_CHARACTER_SET {
        add(tags::SPECIFIC_CHARACTER_SET, charset.as_bytes());
    }
    add(tag, value);
    // Nesting inside the value was not walked when the file was: the parser recurses.
    match scan(&bytes, Encoding::IMPLICIT_LE, limits, false) {
        Err(error @ ImagingError::StayWithinLimit { .. }) => return Err(error),
        Err(_) => return Ok(None),
        Ok(found) if found.cut_short => return Ok(None),
        Ok(_) => {}
    }
    let syntax = entries::IMPLICIT_VR_LITTLE_ENDIAN.erased();
    let read = InMemDicomObject::read_dataset_with_ts(bytes.as_slice(), &syntax);
    Ok(read.ok().and_then(|mut object| object.take(tag)))
}
