//! What fuzzing found, each as the smallest file that showed it.

use casekin_imaging::{ImagingError, Limits, Source, decode, inspect};

use crate::written::{request, start};

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

/// An element of explicit little endian with a length of 32 bits.
fn long(vr: &[u8; 2], len: u32) -> Vec<u8> {
    let head = [b"\x09\0\x10\x10".as_slice(), vr, &[0, 0]].concat();
    [head, len.to_le_bytes().to_vec()].concat()
}

fn item(len: u32) -> Vec<u8> {
    [&[0xFE, 0xFF, 0x00, 0xE0][..], &len.to_le_bytes()].concat()
}

const SEQUENCE_END: [u8; 8] = [0xFE, 0xFF, 0xDD, 0xE0, 0, 0, 0, 0];

/// A picture with these bytes between its start and its size.
fn with_bytes(bytes: &[u8]) -> Result<casekin_imaging::Decoded, ImagingError> {
    let mut data_set = start("CT");
    data_set.0.extend(bytes);
    decode(&request(
        data_set
            .grey("MONOCHROME2", [2, 2], false)
            .pixels(&[0, 1, 2, 3])
            .source(),
    ))
}

/// What the walk took for other things than the parser, which then found lengths of gigabytes where there were none
/// and took memory for them.
#[test]
fn items_and_delimiters_stand_where_they_may_or_the_file_is_refused() {
    let bomb = [long(b"OB", 4_000_000_000), vec![0; 40]].concat();
    let len = bomb.len() as u32;
    let cases = [
        // An item of the root: the parser skips its bytes, but not those of an element that reaches beyond it.
        [item(20), long(b"OB", 16), vec![0; 16], bomb.clone()].concat(),
        // Bytes of undefined length are a sequence to the parser, its items hold elements.
        [
            long(b"OW", u32::MAX),
            item(len),
            bomb.clone(),
            SEQUENCE_END.to_vec(),
        ]
        .concat(),
        // An element where an item must stand.
        [long(b"SQ", u32::MAX), bomb.clone(), SEQUENCE_END.to_vec()].concat(),
        // A delimiter with a length.
        [vec![0xFE, 0xFF, 0xDD, 0xE0, 4, 0, 0, 0], bomb].concat(),
    ];
    for (index, case) in cases.iter().enumerate() {
        let error = with_bytes(case).map(|_| ()).unwrap_err();
        assert!(
            matches!(
                error,
                ImagingError::ParseDicom { .. } | ImagingError::ReadAttribute { .. }
            ),
            "{index}: {error}"
        );
    }
}

/// PS3.5 6.2.2: it holds implicit little endian, which the parser does not know of.
#[test]
fn an_unknown_element_of_undefined_length_is_passed_over() {
    let inside = [&[0x08, 0, 0x00, 0x01][..], &6u32.to_le_bytes(), b"ABCDEF"].concat();
    let unknown = [
        long(b"UN", u32::MAX),
        item(inside.len() as u32),
        inside,
        SEQUENCE_END.to_vec(),
    ]
    .concat();
    let decoded = with_bytes(&unknown).unwrap();
    assert_eq!(decoded.views[0].rgb.pixels.len(), 12);
    let nested = [
        long(b"SQ", u32::MAX),
        item(unknown.len() as u32),
        unknown,
        SEQUENCE_END.to_vec(),
    ]
    .concat();
    let error = with_bytes(&nested).map(|_| ()).unwrap_err();
    assert!(matches!(error, ImagingError::ParseDicom { .. }), "{error}");
}
