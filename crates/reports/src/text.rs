//! Bytes of a text report → a `String`. Never guesses at binary formats.

use crate::ReportError;

/// Bounds on a text report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TextLimits {
    /// Largest report taken, in bytes.
    pub max_bytes: usize,
}

impl Default for TextLimits {
    /// 1 MiB: some 200 pages, far beyond any report.
    fn default() -> Self {
        Self { max_bytes: 1 << 20 }
    }
}

/// Reads a text report: UTF-8 (with or without byte-order mark), UTF-16 with byte-order mark, else Windows-1252
/// (which contains Latin-1's printable part). Line ends become `\n`.
///
/// # Errors
/// [`ReportError::TooLarge`] over the limit, [`ReportError::Binary`] where the bytes hold NUL or other control
/// characters, [`ReportError::DecodeUtf16`] on unpaired surrogates or an odd length.
pub fn read_text(bytes: &[u8], limits: &TextLimits) -> Result<String, ReportError> {
    if bytes.len() > limits.max_bytes {
        return Err(ReportError::TooLarge {
            size_bytes: bytes.len(),
            limit_bytes: limits.max_bytes,
        });
    }
    let decoded = match bytes {
        [0xEF, 0xBB, 0xBF, rest @ ..] => decode_single_byte_or_utf8(rest)?,
        [0xFF, 0xFE, rest @ ..] => decode_utf16(rest, u16::from_le_bytes)?,
        [0xFE, 0xFF, rest @ ..] => decode_utf16(rest, u16::from_be_bytes)?,
        _ => decode_single_byte_or_utf8(bytes)?,
    };
    Ok(decoded.replace("\r\n", "\n").replace('\r', "\n"))
}

fn decode_single_byte_or_utf8(bytes: &[u8]) -> Result<String, ReportError> {
    // HL7-born texts carry form feeds and vertical tabs between pages; other control bytes mean a binary file.
    let forbidden = |b: &u8| matches!(b, 0x00..=0x08 | 0x0E..=0x1F | 0x7F) && *b != 0x1B;
    if let Some(offset) = bytes.iter().position(forbidden) {
        return Err(ReportError::Binary {
            offset,
            byte: bytes[offset],
        });
    }
    Ok(match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().map(|&b| windows_1252(b)).collect(),
    })
}

fn decode_utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<String, ReportError> {
    let (pairs, odd) = bytes.as_chunks::<2>();
    if !odd.is_empty() {
        return Err(ReportError::DecodeUtf16 {
            offset: bytes.len() + 1,
        });
    }
    let mut text = String::with_capacity(pairs.len());
    for (decoded, index) in char::decode_utf16(pairs.iter().map(|p| unit(*p))).zip(0..) {
        match decoded {
            Ok('\0') => {
                return Err(ReportError::Binary {
                    offset: 2 + 2 * index,
                    byte: 0,
                });
            }
            Ok(c) => text.push(c),
            Err(_) => {
                return Err(ReportError::DecodeUtf16 {
                    offset: 2 + 2 * index,
                });
            }
        }
    }
    Ok(text)
}

/// The WHATWG table for 0x80–0x9F; the rest of Windows-1252 equals Latin-1, which equals the code point.
fn windows_1252(byte: u8) -> char {
    const HIGH: [char; 32] = [
        '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž',
        '\u{8f}', '\u{90}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}',
        'ž', 'Ÿ',
    ];
    match byte {
        0x80..=0x9F => HIGH[usize::from(byte - 0x80)],
        _ => char::from(byte),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<String, ReportError> {
        read_text(bytes, &TextLimits::default())
    }

    #[test]
    fn every_encoding_gives_the_same_text() {
        assert_eq!(read("Épanchement\r\n".as_bytes()).unwrap(), "Épanchement\n");
        assert_eq!(
            read(b"\xEF\xBB\xBF\xC3\x89panchement").unwrap(),
            "Épanchement"
        );
        assert_eq!(
            read(b"\xC9panchement \x96 5 \xB5m").unwrap(),
            "Épanchement – 5 µm"
        );
        assert_eq!(read(b"\xFF\xFE\xC9\x00p\x00").unwrap(), "Ép");
        assert_eq!(read(b"\xFE\xFF\x00\xC9\x00p").unwrap(), "Ép");
        assert_eq!(read(b"").unwrap(), "");
    }

    #[test]
    fn binary_and_oversized_input_is_refused() {
        assert_eq!(
            read(b"ab\0c"),
            Err(ReportError::Binary { offset: 2, byte: 0 })
        );
        assert!(matches!(
            read(b"\x89PNG\r\n\x1a\n"),
            Err(ReportError::Binary { offset: 6, .. })
        ));
        assert_eq!(
            read(b"\xFF\xFE\x00"),
            Err(ReportError::DecodeUtf16 { offset: 2 })
        );
        assert!(matches!(
            read(b"\xFF\xFE\x00\xD8\x41\x00"),
            Err(ReportError::DecodeUtf16 { offset: 2 })
        ));
        let small = TextLimits { max_bytes: 3 };
        assert_eq!(
            read_text(b"abcd", &small),
            Err(ReportError::TooLarge {
                size_bytes: 4,
                limit_bytes: 3
            })
        );
    }
}
