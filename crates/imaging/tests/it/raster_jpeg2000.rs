//! JPEG 2000 by itself: code streams out of the shared DICOM files, bare and in a JP2 box, show what DICOM stores.

use casekin_imaging::{Format, Inspection, Limits, Rgb8, Samples, Source, Stage, inspect};

use crate::samples::shared;
use crate::written::{at_stage, reds, seen};

/// Lossless and lossy, colour and grey, of JPEG 2000 and HTJ2K.
const FILES: [&str; 6] = [
    "image/wg04__VL1_J2KR",
    "image/pydicom3.0.2__examples_jpeg2k.dcm",
    "image/pydicom-data__HTJ2KLossless_08_RGB.dcm",
    "image/pydicom-data__HTJ2K_08_RGB.dcm",
    "image/wg04__NM1_J2KR",
    "image/derived__MR1_HTJ2K_lossless_4.201.dcm",
];

const SOC_AND_SIZ: [u8; 4] = [0xFF, 0x4F, 0xFF, 0x51];

/// The code stream of a file of one frame, whose fragments are joined (PS3.5 A.4).
fn code_stream(dicom: &[u8]) -> Vec<u8> {
    const ITEM: [u8; 4] = [0xFE, 0xFF, 0x00, 0xE0];
    let is_start = |twelve: &[u8]| twelve.starts_with(&ITEM) && twelve.ends_with(&SOC_AND_SIZ);
    let start = dicom.windows(12).position(is_start).unwrap();
    let (mut rest, mut stream) = (&dicom[start..], Vec::new());
    while let Some(item) = rest.strip_prefix(&ITEM) {
        let (len, after) = item.split_first_chunk::<4>().unwrap();
        let (fragment, after) = after.split_at(u32::from_le_bytes(*len) as usize);
        stream.extend(fragment);
        rest = after;
    }
    stream
}

/// ISO 15444-1 annex I: signature, file type, header and code stream.
fn jp2(stream: &[u8], [width, height]: [u32; 2], components: u16, bits: u8) -> Vec<u8> {
    let boxed = |kind: &[u8; 4], content: &[u8]| {
        let len = (content.len() as u32 + 8).to_be_bytes();
        [&len, &kind[..], content].concat()
    };
    let (width, height) = (width.to_be_bytes(), height.to_be_bytes());
    let size = [&height[..], &width, &components.to_be_bytes()].concat();
    let header = boxed(b"ihdr", &[&size[..], &[bits - 1, 7, 0, 0]].concat());
    let space: u32 = if components == 3 { 16 } else { 17 };
    let colour = boxed(b"colr", &[&[1, 0, 0][..], &space.to_be_bytes()].concat());
    [
        boxed(b"jP  ", &[0x0D, 0x0A, 0x87, 0x0A]),
        boxed(b"ftyp", b"jp2 \0\0\0\0jp2 "),
        boxed(b"jp2h", &[header, colour].concat()),
        boxed(b"jp2c", stream),
    ]
    .concat()
}

/// What a person must see of stored values: colour as it is, deep grey from its lowest to its highest.
fn expected(samples: &Samples) -> Vec<u8> {
    if let Samples::U8(values) = samples {
        return values.clone();
    }
    let values = samples.to_f64();
    let low = values.iter().copied().fold(f64::MAX, f64::min);
    let high = values.iter().copied().fold(f64::MIN, f64::max);
    let level = |value: &f64| ((value - low) * (255.0 / (high - low)) + 0.5) as u8;
    values.iter().map(level).collect()
}

#[test]
fn bare_and_boxed_code_streams_show_what_dicom_stores() {
    let Some(folder) = shared("data/dicom") else {
        return;
    };
    for file in FILES {
        let dicom = std::fs::read(folder.join(file)).unwrap();
        let stored = at_stage(Source::from_bytes("d", dicom.clone()), 1, Stage::Stored).unwrap();
        let stream = code_stream(&dicom);
        let size = [stored.width_px, stored.height_px];
        // Ssiz (A.5.1): bits less one, and whether there is a sign.
        let bits = (stream[42] & 0x7F) + 1;
        let in_box = jp2(&stream, size, stored.channels, bits);
        for (form, bytes) in [("bare", stream), ("in a box", in_box)] {
            let source = Source::from_bytes("j", bytes);
            let header = inspect(&source, &Limits::default()).unwrap();
            let Inspection::Picture(header) = header else {
                panic!("{file}, {form}: a picture")
            };
            assert_eq!(header.format, Format::Jpeg2000, "{file}, {form}");
            println!("{file}, {form}");
            let rgb: Rgb8 = seen(source, None);
            assert_eq!([rgb.width_px, rgb.height_px], size, "{file}, {form}");
            let shown = match stored.channels {
                3 => rgb.pixels,
                _ => reds(&rgb),
            };
            assert!(shown == expected(&stored.samples), "{file}, {form}");
        }
    }
}

#[test]
fn half_a_code_stream_is_refused() {
    let Some(folder) = shared("data/dicom") else {
        return;
    };
    let stream = code_stream(&std::fs::read(folder.join(FILES[0])).unwrap());
    let half = Source::from_bytes("j", &stream[..stream.len() / 2]);
    assert!(casekin_imaging::decode(&crate::written::request(half)).is_err());
}
