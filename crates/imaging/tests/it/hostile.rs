//! Headers, identity, and hostile files made here: every one gives a typed answer, and none names the patient.

use casekin_imaging::{Format, ImagingError, Inspection, Limits, Source, decode, inspect};

use crate::written::{DataSet, request, start};

const NAME: &str = "Planted^Quintessa";

fn named() -> DataSet {
    DataSet::default()
        .text(0x0008_0016, b"UI", "1.2.840.10008.5.1.4.1.1.1")
        .text(0x0008_0020, b"DA", "20200615")
        .text(0x0008_0050, b"SH", "ACC-77")
        .text(0x0008_0060, b"CS", "CR")
        .text(0x0008_0080, b"LO", "Saint Elsewhere")
        .text(0x0008_0090, b"PN", "Referrer^Rita")
        .text(0x0008_1030, b"LO", "Chest of Mrs Planted")
        .sequence(
            0x0008_1110,
            DataSet::default().text(0x0008_1050, b"PN", "Nested^Ned"),
        )
        .text(0x0010_0010, b"PN", NAME)
        .text(0x0010_0020, b"LO", "MRN-4711")
        .text(0x0010_0030, b"DA", "19600615")
        .text(0x0010_0040, b"CS", "F")
        .text(0x0018_0015, b"CS", "CHEST")
        .text(0x0018_1164, b"DS", "0.2\\0.1")
}

fn header_of(source: &Source) -> casekin_imaging::Header {
    match inspect(source, &Limits::default()).unwrap() {
        Inspection::Picture(header) => *header,
        Inspection::NotAPicture { reason, .. } => panic!("{reason}"),
    }
}

#[test]
fn headers_part_facts_from_identity() {
    let source = named()
        .grey("MONOCHROME2", [2, 1], false)
        .pixels(&[0, 1])
        .source();
    let header = header_of(&source);
    let facts = &header.facts;
    assert_eq!(
        (header.format, facts.width_px, facts.height_px, facts.frames),
        (Format::Dicom, 2, 1, 1)
    );
    assert_eq!(
        (facts.modality.as_deref(), facts.body_part.as_deref()),
        (Some("CR"), Some("CHEST"))
    );
    assert_eq!(
        (facts.study_date.as_deref(), facts.sex.as_deref()),
        (Some("2020-06-15"), Some("F"))
    );
    assert!(
        (facts.age_years.unwrap() - 60.0).abs() < 0.01,
        "from the birth date"
    );
    assert_eq!(
        facts.spacing_mm,
        Some([0.1, 0.2]),
        "x first; DICOM writes y first"
    );
    let identity = &header.identity;
    assert_eq!(identity.patient_name.as_deref(), Some(NAME));
    assert_eq!(
        (
            identity.patient_id.as_deref(),
            identity.accession.as_deref()
        ),
        (Some("MRN-4711"), Some("ACC-77"))
    );
    assert_eq!(identity.birth_date.as_deref(), Some("1960-06-15"));
    assert_eq!(
        identity.other,
        ["Nested^Ned", "Referrer^Rita", "Saint Elsewhere"]
    );
    let printed = format!("{header:?} {source:?}");
    for secret in [
        "Planted",
        "4711",
        "ACC-77",
        "Nested",
        "Rita",
        "Elsewhere",
        "1960",
    ] {
        assert!(!printed.contains(secret), "{secret} in {printed}");
    }
    assert_eq!(
        serde_json::from_str::<casekin_imaging::Header>(&serde_json::to_string(&header).unwrap())
            .unwrap(),
        header
    );
}

#[test]
fn files_without_preamble_or_meta_group_are_read() {
    let data_set = named().grey("MONOCHROME2", [2, 1], false).pixels(&[0, 1]);
    let bare = Source::from_bytes("bare", data_set.0.clone());
    assert_eq!(header_of(&bare).facts.width_px, 2);
    assert!(decode(&request(bare)).is_ok());
    let without_preamble = data_set.file("1.2.840.10008.1.2.1").split_off(128);
    assert_eq!(
        header_of(&Source::from_bytes("no preamble", without_preamble))
            .facts
            .width_px,
        2
    );
    let wrongly_implicit = data_set.file("1.2.840.10008.1.2");
    assert_eq!(
        header_of(&Source::from_bytes("says implicit", wrongly_implicit))
            .facts
            .width_px,
        2
    );
}

#[test]
fn inspecting_reads_no_pixels() {
    // The element states 4 GB that are not there: only a reader of pixels could mind.
    let mut file = named()
        .grey("MONOCHROME2", [2, 1], false)
        .file("1.2.840.10008.1.2.1");
    file.extend([
        0xE0, 0x7F, 0x10, 0x00, b'O', b'W', 0, 0, 0xFE, 0xFF, 0xFF, 0xFF,
    ]);
    let source = Source::from_bytes("stub", file);
    assert_eq!(header_of(&source).facts.width_px, 2);
    let error = decode(&request(source)).unwrap_err();
    assert!(
        matches!(&error, ImagingError::ReadAttribute { keyword, .. } if keyword == "PixelData"),
        "{error}"
    );
}

#[test]
fn errors_name_the_attribute_and_never_the_patient() {
    let cases: [(DataSet, &str); 4] = [
        (
            named().us(0x0028_0010, 1),
            "attribute Columns (0028,0011): missing",
        ),
        (
            named()
                .grey("MONOCHROME2", [65_535, 65_535], false)
                .pixels(&[0]),
            "over the limit of 200000000 pixels: 4294836225",
        ),
        (
            named().grey("HSV", [1, 1], false).pixels(&[0]),
            "attribute PhotometricInterpretation (0028,0004): not an interpretation that this program knows",
        ),
        (
            named().grey("MONOCHROME2", [2, 2], false).pixels(&[0, 1]),
            "attribute PixelData (7FE0,0010): 4 bytes (the element states 4) where 8 are needed",
        ),
    ];
    for (data_set, expected) in cases {
        let with_pixels = if data_set
            .0
            .windows(4)
            .any(|four| four == [0xE0, 0x7F, 0x10, 0x00])
        {
            data_set
        } else {
            data_set.pixels(&[0])
        };
        assert_eq!(
            decode(&request(with_pixels.source()))
                .unwrap_err()
                .to_string(),
            expected
        );
    }
}

#[test]
fn unknown_and_wrong_transfer_syntaxes_are_named() {
    let data_set = named().grey("MONOCHROME2", [1, 1], false);
    let mut encapsulated = data_set.clone();
    encapsulated.0.extend([
        0xE0, 0x7F, 0x10, 0x00, b'O', b'B', 0, 0, 0xFF, 0xFF, 0xFF, 0xFF,
    ]);
    encapsulated.0.extend([0xFE, 0xFF, 0x00, 0xE0, 0, 0, 0, 0]);
    encapsulated
        .0
        .extend([0xFE, 0xFF, 0x00, 0xE0, 4, 0, 0, 0, 1, 2, 3, 4]);
    encapsulated.0.extend([0xFE, 0xFF, 0xDD, 0xE0, 0, 0, 0, 0]);
    let outcome = |uid: &str| {
        decode(&request(Source::from_bytes("file", encapsulated.file(uid)))).unwrap_err()
    };
    let unknown = outcome("1.2.840.10008.1.2.4.999");
    assert!(
        matches!(&unknown, ImagingError::FindDecoder { uid, .. } if uid.ends_with("4.999")),
        "{unknown}"
    );
    let garbage = outcome("Planted^Quintessa");
    assert!(!garbage.to_string().contains("Planted"), "{garbage}");
    for uid in [
        "1.2.840.10008.1.2.4.50",
        "1.2.840.10008.1.2.4.80",
        "1.2.840.10008.1.2.4.90",
        "1.2.840.10008.1.2.5",
    ] {
        let error = outcome(uid);
        assert!(
            matches!(error, ImagingError::DecodeFrame { frame: 1, .. }),
            "{uid}: {error}"
        );
    }
}

#[test]
fn sources_that_are_no_files_or_too_long_are_refused() {
    let limits = Limits {
        max_bytes: 10,
        ..Limits::default()
    };
    let folder = Source::Path(env!("CARGO_MANIFEST_DIR").into());
    assert_eq!(
        inspect(&folder, &limits).unwrap_err().to_string(),
        "cannot read the source: not a regular file"
    );
    let long = Source::Path(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml").into());
    assert!(matches!(
        inspect(&long, &limits),
        Err(ImagingError::StayWithinLimit { .. })
    ));
    let missing = Source::Path("planted-quintessa.dcm".into());
    assert_eq!(
        inspect(&missing, &limits).unwrap_err().to_string(),
        "cannot read the source: entity not found"
    );
}

#[test]
fn deep_nesting_is_refused_before_it_is_parsed() {
    let mut nested = Vec::new();
    for _ in 0..10_000 {
        nested.extend([
            0x08, 0x00, 0x10, 0x11, b'S', b'Q', 0, 0, 0xFF, 0xFF, 0xFF, 0xFF,
        ]);
        nested.extend([0xFE, 0xFF, 0x00, 0xE0, 0xFF, 0xFF, 0xFF, 0xFF]);
    }
    let mut data_set = start("CT");
    data_set.0.extend(nested);
    let error = inspect(&data_set.source(), &Limits::default()).unwrap_err();
    assert!(
        matches!(error, ImagingError::StayWithinLimit { .. }),
        "{error}"
    );
}

#[test]
fn deflated_data_sets_are_bounded() {
    use std::io::Write as _;
    let data_set = named()
        .grey("MONOCHROME2", [1000, 1000], false)
        .pixels(&vec![7; 1_000_000]);
    let mut deflater = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
    deflater.write_all(&data_set.0).unwrap();
    let head = DataSet::default().file("1.2.840.10008.1.2.1.99");
    let source = Source::from_bytes("deflated", [head, deflater.finish().unwrap()].concat());
    assert!(decode(&request(source.clone())).is_ok());
    let limits = Limits {
        max_inflated_bytes: 1 << 20,
        ..Limits::default()
    };
    let error = decode(&casekin_imaging::DecodeRequest {
        limits,
        ..request(source)
    })
    .unwrap_err();
    assert_eq!(
        error.to_string(),
        "over the limit of 1048576 inflated bytes: 1048577"
    );
}

#[test]
fn objects_that_are_no_pictures_say_what_they_are() {
    let segmentation = DataSet::default()
        .text(0x0008_0016, b"UI", "1.2.840.10008.5.1.4.1.1.66.4")
        .grey("MONOCHROME2", [1, 1], false)
        .pixels(&[0]);
    let inspected = inspect(&segmentation.source(), &Limits::default()).unwrap();
    let Inspection::NotAPicture {
        reason,
        sop_class_uid,
    } = inspected
    else {
        panic!("a segmentation is no picture")
    };
    assert_eq!(reason, "DICOM Segmentation (SEG) holds no picture");
    assert_eq!(
        sop_class_uid.as_deref(),
        Some("1.2.840.10008.5.1.4.1.1.66.4")
    );
    assert!(matches!(
        decode(&request(segmentation.source())),
        Err(ImagingError::FindPicture { .. })
    ));
    let label = start("SM").grey("MONOCHROME2", [1, 1], false).pixels(&[0]);
    let mut label_first =
        DataSet::default().text(0x0008_0008, b"CS", "ORIGINAL\\PRIMARY\\LABEL\\NONE");
    label_first.0.extend(label.0);
    assert!(matches!(
        decode(&request(label_first.source())),
        Err(ImagingError::FindPicture { .. })
    ));
}

#[test]
fn every_prefix_and_many_damaged_copies_give_an_answer() {
    let file = named()
        .grey("MONOCHROME2", [4, 4], false)
        .pixels(&[5; 16])
        .file("1.2.840.10008.1.2.1");
    for len in 0..file.len() {
        let _ = decode(&request(Source::from_bytes("cut", &file[..len])));
    }
    let mut state = 1u32;
    for _ in 0..500 {
        let mut damaged = file.clone();
        for _ in 0..4 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let at = 132 + (state >> 8) as usize % (file.len() - 132);
            damaged[at] = state as u8;
        }
        let _ = decode(&request(Source::from_bytes("damaged", damaged)));
    }
}
