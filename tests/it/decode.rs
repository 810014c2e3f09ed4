//! `casekin decode`, on a drawn DICOM picture.

use std::path::{Path, PathBuf};

use dicom_core::{DataElement, PrimitiveValue, VR};
use dicom_dictionary_std::{tags, uids};
use dicom_object::{FileMetaTableBuilder, InMemDicomObject};

use crate::support::{Library, text};

/// A CT of 2 × 1 pixels: stored 24 and 1064, rescaled -1000 and 40.
fn small_ct(folder: &Path) -> PathBuf {
    let text = |tag, vr, value: &str| DataElement::new(tag, vr, PrimitiveValue::from(value));
    let number = |tag, value: u16| DataElement::new(tag, VR::US, PrimitiveValue::from(value));
    let object = InMemDicomObject::from_element_iter([
        text(tags::SOP_CLASS_UID, VR::UI, uids::CT_IMAGE_STORAGE),
        text(tags::SOP_INSTANCE_UID, VR::UI, "1.2.3"),
        text(tags::MODALITY, VR::CS, "CT"),
        number(tags::SAMPLES_PER_PIXEL, 1),
        text(tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "MONOCHROME2"),
        number(tags::ROWS, 1),
        number(tags::COLUMNS, 2),
        number(tags::BITS_ALLOCATED, 16),
        number(tags::BITS_STORED, 16),
        number(tags::HIGH_BIT, 15),
        number(tags::PIXEL_REPRESENTATION, 0),
        text(tags::WINDOW_CENTER, VR::DS, "40"),
        text(tags::WINDOW_WIDTH, VR::DS, "400"),
        text(tags::RESCALE_INTERCEPT, VR::DS, "-1024"),
        text(tags::RESCALE_SLOPE, VR::DS, "1"),
        DataElement::new(
            tags::PIXEL_DATA,
            VR::OW,
            PrimitiveValue::U16([24, 1064].into_iter().collect()),
        ),
    ]);
    let meta = FileMetaTableBuilder::new().transfer_syntax(uids::EXPLICIT_VR_LITTLE_ENDIAN);
    let path = folder.join("ct.dcm");
    let file = object.with_meta(meta).unwrap();
    file.write_to_file(&path).unwrap();
    path
}

/// Header and values of a NumPy file of 8-byte floating point.
fn numpy_f64(path: &Path) -> (String, Vec<f64>) {
    let bytes = std::fs::read(path).unwrap();
    assert_eq!(&bytes[..8], b"\x93NUMPY\x01\x00");
    let end = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    let values = bytes[end..].as_chunks::<8>().0;
    let header = String::from_utf8(bytes[10..end].to_vec()).unwrap();
    (
        header,
        values
            .iter()
            .map(|eight| f64::from_le_bytes(*eight))
            .collect(),
    )
}

#[test]
fn every_stage_is_written_and_no_library_is_made() {
    let library = Library::new();
    let ct = small_ct(library.path());
    let ct = ct.to_str().unwrap();
    let out = library.path().join("out.npy");
    let npy = out.to_str().unwrap();
    let written = library.json(&["decode", ct, "--stage", "modality", "--npy", npy]);
    assert_eq!(written["values"], "<f8");
    assert_eq!(
        (&written["width_px"], &written["stage"]),
        (&2.into(), &"modality".into())
    );
    let (header, values) = numpy_f64(&out);
    assert!(header.contains("'shape': (1, 2)"), "{header}");
    assert_eq!(values, [-1000.0, 40.0]);
    let stored = library.json(&["decode", ct, "--npy", npy]);
    assert_eq!(
        (&stored["stage"], &stored["values"]),
        (&"stored".into(), &"<u2".into())
    );
    let voi = library.json(&["decode", ct, "--stage", "voi", "--npy", npy]);
    assert_eq!(voi["values"], "<f8");
    assert_eq!(
        numpy_f64(&out).1[0],
        -1024.0,
        "below the window: the least value there is"
    );

    let png = library.path().join("out.png");
    let png = png.to_str().unwrap();
    let seen = library.json(&["decode", ct, "--png", png]);
    assert_eq!(
        (&seen["stage"], &seen["channels"]),
        (&"rgb".into(), &3.into())
    );
    let wide = library.json(&["decode", ct, "--stage", "stored", "--png", png]);
    assert_eq!(wide["values"], "<u2");
    assert_eq!(
        std::fs::read(png).unwrap()[24],
        16,
        "bit depth in the PNG's header"
    );
    assert!(
        !library.data().exists(),
        "no library is needed, and none is made"
    );
}

#[test]
fn what_cannot_be_written_is_refused_with_its_reason() {
    let library = Library::new();
    let ct = small_ct(library.path());
    let ct = ct.to_str().unwrap();
    let out = library.path().join("out");
    let out = out.to_str().unwrap();
    for (arguments, reason) in [
        (&["--stage", "modality", "--png", out][..], "--npy"),
        (&["--frame", "2", "--npy", out], "frame 2 of 1"),
        (&["--frame", "0", "--npy", out], "0 is not in 1.."),
        (&["--stage", "rgb"], "--npy"),
        (&["--npy", out, "--png", out], "cannot be used with"),
    ] {
        let output = library.run(&[&["decode", ct], arguments].concat());
        assert!(!output.status.success(), "{arguments:?}");
        let said = text(&output.stderr);
        assert!(said.contains(reason), "{arguments:?}: {said}");
        assert!(!Path::new(out).exists(), "{arguments:?}");
    }
}
