//! The start of a DICOM file: preamble, file meta group, and what to assume where they are missing.
//! Where the stated transfer syntax contradicts the bytes (implicit said, explicit written, or the other way
//! round), the bytes win, as they do in pydicom.

use super::scan::has_long_length;
use super::syntax::{Encoding, Syntax};
use crate::ImagingError;

/// Where the data set starts and how it is written.
#[derive(Debug)]
pub(crate) struct Start {
    /// Position of the first element after the file meta group.
    pub data_set_at: usize,
    /// Transfer syntax, stated or guessed.
    pub syntax: Syntax,
    /// Media Storage SOP Class UID.
    pub media_sop_class: Option<String>,
}

/// Whether the bytes look like DICOM: the magic word, or a plausible first element.
pub(crate) fn is_dicom(bytes: &[u8]) -> bool {
    meta_at(bytes).is_some() || guess_encoding(bytes, 0).is_some()
}

fn meta_at(bytes: &[u8]) -> Option<usize> {
    [128, 0]
        .into_iter()
        .find(|at| bytes.get(*at..at + 4) == Some(b"DICM"))
        .map(|at| at + 4)
}

/// Reads the file meta group.
///
/// # Errors
/// `ParseDicom` when neither a meta group nor a plausible data set follows.
pub(crate) fn read_start(bytes: &[u8]) -> Result<Start, ImagingError> {
    let mut position = meta_at(bytes).unwrap_or(0);
    let (mut stated, mut media_sop_class) = (None, None);
    while let Some((element, value, next)) = next_meta_element(bytes, position) {
        let text = || {
            String::from_utf8_lossy(value)
                .trim_matches(['\0', ' '])
                .to_owned()
        };
        match element {
            0x0002 => media_sop_class = Some(text()),
            0x0010 => stated = Some(text()),
            _ => {}
        }
        position = next;
    }
    let written = guess_encoding(bytes, position);
    let syntax = match stated
        .filter(|uid| !uid.is_empty())
        .map(|uid| Syntax::from_uid(&uid))
    {
        Some(syntax) if syntax.deflated => syntax,
        Some(syntax) => match written {
            Some(encoding) if encoding != syntax.encoding => Syntax { encoding, ..syntax },
            _ => syntax,
        },
        None => Syntax::native(written.ok_or_else(|| ImagingError::ParseDicom {
            reason: "no data set follows the file header".to_owned(),
        })?),
    };
    Ok(Start {
        data_set_at: position,
        syntax,
        media_sop_class,
    })
}

/// One element of group 0002 (always explicit little endian): element number, value, position after it.
fn next_meta_element(bytes: &[u8], at: usize) -> Option<(u16, &[u8], usize)> {
    let head = bytes.get(at..at + 8)?;
    if head[..2] != [2, 0] || !head[4..6].iter().all(u8::is_ascii_uppercase) {
        return None;
    }
    let element = u16::from_le_bytes([head[2], head[3]]);
    let (value_at, len) = if has_long_length([head[4], head[5]]) {
        let four = bytes.get(at + 8..at + 12)?;
        (
            at + 12,
            u32::from_le_bytes([four[0], four[1], four[2], four[3]]) as usize,
        )
    } else {
        (at + 8, usize::from(u16::from_le_bytes([head[6], head[7]])))
    };
    let end = value_at.checked_add(len)?;
    Some((element, bytes.get(value_at..end)?, end))
}

/// Guesses how the element at a position is written; `None` where no data set could start like this.
fn guess_encoding(bytes: &[u8], at: usize) -> Option<Encoding> {
    let head = bytes.get(at..at + 8)?;
    let plausible = |group: u16, element: u16| {
        matches!(group, 0x0002 | 0x0004 | 0x0008 | 0x0010) && element <= 0x0100
    };
    let little = plausible(
        u16::from_le_bytes([head[0], head[1]]),
        u16::from_le_bytes([head[2], head[3]]),
    );
    let big = plausible(
        u16::from_be_bytes([head[0], head[1]]),
        u16::from_be_bytes([head[2], head[3]]),
    );
    let explicit = head[4..6].iter().all(u8::is_ascii_uppercase);
    match (little, big, explicit) {
        (true, _, true) => Some(Encoding::EXPLICIT_LE),
        (_, true, true) => Some(Encoding::EXPLICIT_BE),
        (true, _, false) => {
            let len = u32::from_le_bytes([head[4], head[5], head[6], head[7]]) as usize;
            (len <= bytes.len() - at || len == u32::MAX as usize).then_some(Encoding::IMPLICIT_LE)
        }
        _ => None,
    }
}
