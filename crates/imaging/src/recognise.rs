//! Which format it is: by content, never by name.

use crate::{Format, ImagingError, dicom, nifti, raster};

/// Enough to recognise any format.
pub(crate) const SNIFF_BYTES: usize = 1024;

/// Recognises a format by its content.
pub(crate) fn recognise(bytes: &[u8]) -> Result<Format, ImagingError> {
    let unknown = |reason: &str| {
        Err(ImagingError::RecogniseFormat {
            reason: reason.to_owned(),
        })
    };
    if bytes.is_empty() {
        return unknown("empty");
    }
    if bytes.get(128..132) == Some(b"DICM") {
        return Ok(Format::Dicom);
    }
    if let Some(format) = raster::format_of(bytes) {
        return Ok(format);
    }
    if nifti::is_nifti(bytes) {
        return Ok(Format::Nifti);
    }
    if dicom::is_dicom(bytes) {
        return Ok(Format::Dicom);
    }
    match bytes {
        [0x1F, 0x8B, ..] => unknown("a gzip archive"),
        [b'P', b'K', 3, 4, ..] => unknown("a zip archive"),
        [b'%', b'P', b'D', b'F', ..] => unknown("a PDF"),
        _ if bytes
            .iter()
            .take(512)
            .all(|byte| matches!(byte, 9..=13 | 32..=126 | 128..)) =>
        {
            unknown("text")
        }
        _ => unknown("unknown content"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_is_recognised_whatever_it_is_called() {
        assert!(matches!(
            recognise(b"\x89PNG\r\n\x1a\n...."),
            Ok(Format::Png)
        ));
        assert!(recognise(b"").is_err());
        let text = recognise(b"Dear colleague, thank you for referring").unwrap_err();
        assert_eq!(text.to_string(), "no known picture format: text");
        assert!(
            matches!(
                recognise(&[8, 0, 5, 0, b'C', b'S', 0, 0, 0, 0]),
                Ok(Format::Dicom)
            ),
            "no preamble"
        );
    }
}
