//! The numeric stages before anybody looks: Modality LUT or rescale (PS3.3 C.11.1), VOI LUT or window (C.11.2),
//! with the types and the order of operations of pydicom, so that values are equal to the last bit.

use dicom_object::InMemDicomObject;

use super::layout::{Layout, Photometric};
use super::transform::{Modality, Voi};
use crate::{ImagingError, Samples};

/// Modality values: 64-bit floating point after a rescale, 8 or 16 bits out of a table, the stored values where the
/// file states neither.
///
/// # Errors
/// `ReadAttribute` for tables and numbers that make no sense.
pub(super) fn modality(
    object: &InMemDicomObject,
    layout: &Layout,
    frame: u32,
    stored: Samples,
) -> Result<Samples, ImagingError> {
    let (modality, is_stated) = Modality::read(object, layout, frame)?;
    Ok(match modality {
        Modality::Linear { .. } if !is_stated => stored,
        Modality::Linear { slope, intercept } => {
            Samples::F64(stored.each(|value| value * slope + intercept))
        }
        Modality::Table { bits, .. } => of_table(stored.each(|value| modality.apply(value)), bits),
    })
}

/// Values after the first VOI LUT or window. A window answers over the range that modality values can have.
///
/// # Errors
/// As [`modality`].
pub(super) fn voi(
    object: &InMemDicomObject,
    layout: &Layout,
    frame: u32,
    stored: Samples,
) -> Result<Samples, ImagingError> {
    let (read, is_stated) = Modality::read(object, layout, frame)?;
    let (low, high) = read.range(layout);
    let is_grey = matches!(
        layout.photometric,
        Photometric::Monochrome1 | Photometric::Monochrome2
    );
    if !is_grey {
        return modality(object, layout, frame, stored);
    }
    let voi = Voi::read(object, frame)?;
    if let (Some(Voi::Window(window)), Modality::Linear { slope, intercept }) = (&voi, &read) {
        // Both at once: the rescaled picture between them is wanted by nobody.
        let spread = |value: f64| {
            let rescaled = match is_stated {
                true => value * slope + intercept,
                false => value,
            };
            window.spread(rescaled, low, high)
        };
        return Ok(Samples::F64(stored.each(spread)));
    }
    let values = modality(object, layout, frame, stored)?;
    Ok(match voi {
        Some(table @ Voi::Table { .. }) => {
            of_table(values.each(|value| table.entry(value)), table.bits())
        }
        Some(Voi::Window(window)) => {
            Samples::F64(values.each(|value| window.spread(value, low, high)))
        }
        _ => values,
    })
}

/// Entries of a table are whole numbers of its stated depth.
fn of_table(entries: Vec<f64>, bits: u32) -> Samples {
    if bits <= 8 {
        Samples::U8(entries.into_iter().map(|entry| entry as u8).collect())
    } else {
        Samples::U16(entries.into_iter().map(|entry| entry as u16).collect())
    }
}
