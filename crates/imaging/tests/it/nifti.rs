//! NIfTI volumes made here: every version, byte order and type gives the same slices, seen as radiologists see them.

use casekin_imaging::{
    Format, Header, ImagingError, Inspection, Limits, RenderRequest, Source, ViewKind, decode,
    inspect, render,
};

use crate::nifti_files::{NiftiFile, RAS, gzipped};
use crate::written;
use crate::written::{reds, request};

fn header_of(source: &Source) -> Header {
    match inspect(source, &Limits::default()).unwrap() {
        Inspection::Picture(header) => *header,
        Inspection::NotAPicture { reason, .. } => panic!("{reason}"),
    }
}

fn seen(source: Source, frame: u32, window: Option<(f32, f32)>) -> Vec<u8> {
    let asked = RenderRequest {
        source,
        frame,
        window,
        box_px: None,
        max_px: None,
        limits: Limits::default(),
    };
    reds(&render(&asked).unwrap())
}

/// 2×2×2 voxels; 0 at i=0, j=0, k=0, then i fastest: 0 to 70.
fn cube() -> NiftiFile {
    NiftiFile::words([2, 2, 2], (0..8).map(|value| value * 10))
}

/// Levels of the cube's values when 0 is black and 70 white.
fn levels(values: [u32; 4]) -> Vec<u8> {
    values
        .map(|value| ((value * 255) as f32 / 70.0 + 0.5) as u8)
        .to_vec()
}

#[test]
fn slices_are_axial_from_the_feet_with_the_right_at_the_left() {
    // i runs to the right and j to the front: both are turned round. Frame 1 is the lowest.
    assert_eq!(seen(cube().source(), 1, None), levels([30, 20, 10, 0]));
    assert_eq!(seen(cube().source(), 2, None), levels([70, 60, 50, 40]));
    // LPS, as DICOM has it: nothing is turned.
    let lps = [
        [-1.0, 0.0, 0.0, 0.0],
        [0.0, -1.0, 0.0, 0.0],
        [0.0, 0.0, 1.0, 0.0],
    ];
    let file = NiftiFile {
        sform: Some(lps),
        ..cube()
    };
    assert_eq!(seen(file.source(), 1, None), levels([0, 10, 20, 30]));
    // A coronal acquisition: k runs to the back, j down.
    let coronal = [
        [-1.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, -1.0, 0.0],
        [0.0, -1.0, 0.0, 0.0],
    ];
    let file = NiftiFile {
        sform: Some(coronal),
        ..cube()
    };
    assert_eq!(seen(file.source(), 1, None), levels([20, 30, 60, 70]));
    // No orientation at all: i to the left, j to the front.
    let file = NiftiFile {
        sform: None,
        ..cube()
    };
    assert_eq!(seen(file.source(), 1, None), levels([20, 30, 0, 10]));
}

#[test]
fn versions_byte_orders_and_gzip_say_the_same() {
    let expected = header_of(&cube().source());
    assert_eq!((expected.format, expected.facts.frames), (Format::Nifti, 2));
    assert_eq!(expected.facts.spacing_mm, Some([1.0, 2.0]));
    for version in [1, 2] {
        for big_endian in [false, true] {
            let file = NiftiFile {
                version,
                big_endian,
                ..cube()
            };
            let zipped = Source::from_bytes("x", gzipped(&file.bytes()));
            for source in [file.source(), zipped] {
                assert_eq!(header_of(&source), expected, "{version} {big_endian}");
                assert_eq!(seen(source, 2, None), levels([70, 60, 50, 40]));
            }
        }
    }
}

#[test]
fn every_type_of_voxel_is_read() {
    type Write = fn(u8) -> Vec<u8>;
    let kinds: [(i16, Write); 10] = [
        (2, |v| vec![v]),
        (256, |v| (v as i8 - 40).to_le_bytes().to_vec()),
        (512, |v| (u16::from(v) * 900).to_le_bytes().to_vec()),
        (4, |v| (i16::from(v) * 30 - 800).to_le_bytes().to_vec()),
        (768, |v| (u32::from(v) << 25).to_le_bytes().to_vec()),
        (8, |v| (i32::from(v) * 10_000_000).to_le_bytes().to_vec()),
        (1024, |v| (i64::from(v) << 50).to_le_bytes().to_vec()),
        (1280, |v| (u64::from(v) << 57).to_le_bytes().to_vec()),
        (16, |v| (f32::from(v) / 7e9).to_le_bytes().to_vec()),
        (64, |v| (f64::from(v) * 1e200).to_le_bytes().to_vec()),
    ];
    for (code, write) in kinds {
        for big_endian in [false, true] {
            let voxels: Vec<u8> = (0..8).flat_map(|value| write(value * 10)).collect();
            let file = NiftiFile {
                big_endian,
                datatype: (code, voxels.len() / 8),
                voxels,
                ..cube()
            };
            let found = seen(file.source(), 1, None);
            let expected = levels([30, 20, 10, 0]);
            let near = found
                .iter()
                .zip(&expected)
                .all(|(a, b)| a.abs_diff(*b) <= 1);
            assert!(near, "datatype {code}: {found:?}, not {expected:?}");
        }
    }
    let colours = NiftiFile {
        datatype: (128, 3),
        voxels: (0..24).collect(),
        ..cube()
    };
    let view = &decode(&request(colours.source())).unwrap().views[0];
    assert_eq!(
        (view.made_by.as_str(), &view.rgb.pixels[..3]),
        ("colour", &[9, 10, 11][..])
    );
}

#[test]
fn hounsfield_units_get_three_windows_and_scaling_applies() {
    let file = NiftiFile {
        scale: (2.0, -1024.0),
        ..NiftiFile::words([4, 1, 1], [0, 512, 532, 1500].into_iter())
    };
    let decoded = decode(&request(file.source())).unwrap();
    let view = &decoded.views[0];
    assert_eq!(
        (view.made_by.as_str(), view.kind),
        ("ct-3-window", ViewKind::Whole)
    );
    // -1024, 0, 40, 1976 HU from the patient's left; the windows of facts are those of DICOM CT.
    assert_eq!(&view.rgb.pixels[6..9], &[139, 98, 0]);
    assert_eq!(&view.rgb.pixels[3..6], &[143, 128, 128]);
    // A person sees soft tissue, or the window asked for.
    assert_eq!(seen(file.source(), 1, None)[3], 0);
    assert_eq!(seen(file.source(), 1, Some((-1000.0, 200.0)))[3], 97);
}

#[test]
fn volumes_are_counted_and_the_first_is_shown() {
    let mut file = cube();
    file.dims[3] = 3;
    file.voxels.extend(vec![0xFF; 32]);
    let header = header_of(&file.source());
    assert_eq!((header.facts.volumes, header.facts.frames), (Some(3), 2));
    assert_eq!(seen(file.source(), 1, None), levels([30, 20, 10, 0]));
}

#[test]
fn free_text_goes_nowhere() {
    for version in [1, 2] {
        let mut bytes = NiftiFile { version, ..cube() }.bytes();
        let places: &[usize] = if version == 1 {
            &[14, 148, 228, 328]
        } else {
            &[240, 320, 508]
        };
        for place in places {
            bytes[*place..*place + 12].copy_from_slice(b"Planted Mary");
        }
        let header = header_of(&Source::from_bytes("x", bytes));
        let said = serde_json::to_string(&header).unwrap();
        assert!(!said.contains("Planted"), "{said}");
    }
}

#[test]
fn slices_without_tissue_and_slices_alike_give_no_views() {
    // 40 slices of 8×8: ten empty, twenty of which each two are alike, ten empty.
    let value = |k: i16, j: i16, i: i16| match k {
        10..30 if (i - 4).abs() + (j - 4).abs() < 4 => 100 + (k / 2) * 40,
        _ => 0,
    };
    let voxels =
        (0..40).flat_map(|k| (0..8).flat_map(move |j| (0..8).map(move |i| value(k, j, i))));
    let file = NiftiFile::words([8, 8, 40], voxels);
    let decoded = decode(&request(file.source())).unwrap();
    let frames: Vec<u32> = decoded.views.iter().map(|view| view.frame).collect();
    assert_eq!(frames, [11, 13, 15, 17, 19, 21, 23, 25, 27, 29]);
    assert!(
        decoded
            .views
            .iter()
            .all(|view| view.kind == ViewKind::Frame)
    );
    assert_eq!(decoded.views[0].mm_per_px, Some([1.0, 2.0]));
}

/// Twelve frames of 4×4: three empty, six of which each two are alike, three empty.
fn multi_frame(modality: &str) -> Source {
    let value = |frame: i32, at: i32| {
        if (3..9).contains(&frame) && at % 4 < 2 {
            300 + (frame / 2) * 100
        } else {
            0
        }
    };
    let pixels: Vec<i32> = (0..12)
        .flat_map(|frame| (0..16).map(move |at| value(frame, at)))
        .collect();
    written::start(modality)
        .us(0x0028_0002, 1)
        .text(0x0028_0004, b"CS", "MONOCHROME2")
        .text(0x0028_0008, b"IS", "12")
        .us(0x0028_0010, 4)
        .us(0x0028_0011, 4)
        .us(0x0028_0100, 16)
        .us(0x0028_0101, 16)
        .us(0x0028_0102, 15)
        .us(0x0028_0103, 0)
        .text(0x0028_1050, b"DS", "500")
        .text(0x0028_1051, b"DS", "1000")
        .pixels(&pixels)
        .source()
}

#[test]
fn frames_of_dicom_volumes_follow_the_same_rule() {
    let frames = |modality: &str| -> Vec<u32> {
        let decoded = decode(&request(multi_frame(modality))).unwrap();
        decoded.views.iter().map(|view| view.frame).collect()
    };
    assert_eq!(frames("MR"), [4, 5, 7, 9]);
    assert_eq!(
        frames("US"),
        (1..=12).collect::<Vec<u32>>(),
        "a film is spread evenly"
    );
}

#[test]
fn what_is_no_volume_says_why() {
    let reason = |bytes: Vec<u8>| {
        decode(&request(Source::from_bytes("x", bytes)))
            .unwrap_err()
            .to_string()
    };
    let sound = cube().bytes();
    assert_eq!(
        reason(sound[..sound.len() - 1].to_vec()),
        "cannot decode NIfTI: fewer voxels than its dimensions ask for"
    );
    let mut pair = sound.clone();
    pair[345] = b'i';
    assert_eq!(
        reason(pair),
        "cannot decode NIfTI: its voxels lie in another file (.img)"
    );
    let mut complex = sound.clone();
    complex[70] = 32;
    assert_eq!(
        reason(complex),
        "cannot decode NIfTI: complex numbers are no picture"
    );
    let mut negative = sound.clone();
    negative[43] = 0x80;
    assert_eq!(
        reason(negative),
        "cannot decode NIfTI: a dimension is not positive"
    );
    assert_eq!(
        reason(gzipped(b"Dear colleague")),
        "no known picture format: a gzip archive"
    );
    let mut damaged = gzipped(&NiftiFile::words([64, 64, 1], (0..4096).map(|v| v * 7)).bytes());
    let middle = damaged.len() / 2;
    damaged[middle..middle + 40].fill(0xFF);
    assert!(reason(damaged).starts_with("cannot decode NIfTI"));
    for len in 0..sound.len() {
        assert!(decode(&request(Source::from_bytes("cut", &sound[..len]))).is_err());
    }
    let last = RenderRequest {
        source: cube().source(),
        frame: 3,
        window: None,
        box_px: None,
        max_px: None,
        limits: Limits::default(),
    };
    assert_eq!(
        render(&last).unwrap_err(),
        ImagingError::SelectFrame {
            frame: 3,
            frames: 2
        }
    );
    assert_eq!(RAS[0][0], 1.0);
}
