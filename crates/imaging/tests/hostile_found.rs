//! What fuzzing found, each as the smallest file that showed it.
#![allow(clippy::unwrap_used)]

#[allow(dead_code)]
mod written;

use casekin_imaging::{ImagingError, Limits, Source, decode, inspect};
use written::{request, start};

/// An attribute of 4-byte numbers with a length of 7 made the parser lose its place, read a length of 2 GB out of the
/// middle of a value, and take the memory for it.
#[test]
fn a_length_that_its_numbers_do_not_fill_is_refused() {
    let implicit = |elements: &[(u32, &[u8])]| {
        let mut bytes = Vec::new();
        for (tag, value) in elements {
            bytes.extend(((tag >> 16) as u16).to_le_bytes());
            bytes.extend((*tag as u16).to_le_bytes());
            bytes.extend((value.len() as u32).to_le_bytes());
            bytes.extend(*value);
        }
        bytes
    };
    let mut hidden = vec![0; 3];
    hidden.extend([0x08, 0x00, 0x05, 0x00]);
    let bytes = implicit(&[
        (0x0008_0005, b"ISO_IR 100"),
        (0x0008_0306, &[]),
        (0x0020_9165, &hidden),
    ]);
    for source in [
        Source::from_bytes("implicit", bytes),
        start("CT").with(0x0020_9165, b"AT", &[0; 6]).source(),
        start("CT").with(0x0028_0008, b"UL", &[0; 2]).source(),
    ] {
        for error in [
            inspect(&source, &Limits::default()).unwrap_err(),
            decode(&request(source.clone())).unwrap_err(),
        ] {
            let said = error.to_string();
            assert!(matches!(error, ImagingError::ParseDicom { .. }), "{said}");
            assert!(
                said.ends_with("its length does not fit its value representation"),
                "{said}"
            );
        }
    }
}

/// Of a representation that is not in the standard the parser reads a long length, and so does the walk before it.
#[test]
fn an_unknown_representation_has_a_long_length() {
    let mut data_set = start("CT");
    data_set.0.extend(b"\x09\0\x10\0ZZ\0\0\x04\0\0\0abcd");
    let sound = data_set.clone().us(0x0028_0002, 1);
    let error = decode(&request(sound.source())).unwrap_err();
    assert!(
        matches!(error, ImagingError::FindPicture { .. }),
        "read to its end: {error}"
    );
    let mut hostile = start("CT");
    hostile.0.extend(b"\x09\0\x10\0ZZ\0\0\0\0\0\xF0abcd");
    let error = decode(&request(hostile.source())).unwrap_err();
    assert!(
        !matches!(error, ImagingError::SurviveDecoder { .. }),
        "{error}"
    );
}
