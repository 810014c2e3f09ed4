//! Grey levels of small DICOM files made here: windows, look-up tables, inversion, frames, palettes.

use casekin_imaging::{Cuts, Limits, RegionRequest, ViewKind, decode, region};

use crate::written::{DataSet, reds, request, seen, start};

fn ct(values: &[i32]) -> DataSet {
    start("CT")
        .grey("MONOCHROME2", [values.len() as u16, 1], true)
        .text(0x0028_1052, b"DS", "-1024")
        .text(0x0028_1053, b"DS", "1")
        .pixels(values)
}

#[test]
fn ct_becomes_three_windows_for_the_encoder_and_one_for_people() {
    // HU: -1225, -135, 0, 40, 80, 215, 1025.
    let stored = [-201, 889, 1024, 1064, 1104, 1239, 2049];
    let decoded = decode(&request(ct(&stored).source())).unwrap();
    let view = &decoded.views[0];
    assert_eq!(
        (view.made_by.as_str(), view.kind, view.frame),
        ("ct-3-window", ViewKind::Whole, 1)
    );
    let channel = |index: usize| {
        view.rgb
            .pixels
            .chunks(3)
            .map(|pixel| pixel[index])
            .collect::<Vec<_>>()
    };
    assert_eq!(
        channel(0),
        [0, 124, 139, 143, 148, 163, 255],
        "[-1225, 1025]"
    );
    assert_eq!(channel(1), [0, 0, 98, 128, 157, 255, 255], "[-135, 215]");
    assert_eq!(channel(2), [0, 0, 0, 128, 255, 255, 255], "[0, 80]");
    // Soft tissue 40/350 by PS3.3 C.11.2.1.2: ((HU - 39.5) / 349 + 0.5) * 255.
    let people = seen(ct(&stored).source(), None);
    assert_eq!(reds(&people), [0, 0, 99, 128, 157, 255, 255]);
    assert!(
        people
            .pixels
            .chunks(3)
            .all(|pixel| pixel[0] == pixel[1] && pixel[1] == pixel[2])
    );
}

#[test]
fn a_ct_without_rescale_and_sign_is_not_taken_for_hounsfield_units() {
    let file = start("CT")
        .grey("MONOCHROME2", [3, 1], false)
        .pixels(&[0, 500, 1000]);
    let decoded = decode(&request(file.source())).unwrap();
    assert_eq!(decoded.views[0].made_by, "percentile");
    assert_eq!(reds(&decoded.views[0].rgb), [0, 128, 255]);
}

fn mr(photometric: &str) -> DataSet {
    start("OT").grey(photometric, [5, 1], false)
}

#[test]
fn the_first_window_of_several_is_taken() {
    let file = mr("MONOCHROME2")
        .text(0x0028_1050, b"DS", "100.5\\7")
        .text(0x0028_1051, b"DS", "101\\3")
        .pixels(&[0, 50, 100, 150, 9999]);
    let decoded = decode(&request(file.source())).unwrap();
    assert_eq!(decoded.views[0].made_by, "window");
    assert_eq!(reds(&decoded.views[0].rgb), [0, 0, 128, 255, 255]);
    assert_eq!(
        reds(&seen(file.source(), Some((50.5, 101.0)))),
        [0, 128, 255, 255, 255],
        "asked for"
    );
}

#[test]
fn monochrome1_is_inverted_after_the_window() {
    let windowed = |photometric| {
        let file =
            mr(photometric)
                .text(0x0028_1050, b"DS", "100.5")
                .text(0x0028_1051, b"DS", "101");
        reds(&seen(file.pixels(&[0, 60, 100, 140, 200]).source(), None))
    };
    let upright = windowed("MONOCHROME2");
    let inverted = windowed("MONOCHROME1");
    assert_eq!(inverted[0], 255);
    assert!(
        upright
            .iter()
            .zip(&inverted)
            .all(|(a, b)| (255 - i32::from(*a) - i32::from(*b)).abs() <= 1)
    );
}

#[test]
fn sigmoid_and_exact_windows_follow_the_standard() {
    let shaped = |function: &str| {
        let file = mr("MONOCHROME2")
            .text(0x0028_1050, b"DS", "100")
            .text(0x0028_1051, b"DS", "100")
            .text(0x0028_1056, b"CS", function);
        reds(&seen(file.pixels(&[0, 50, 100, 150, 200]).source(), None))
    };
    // 255 / (1 + exp(-4 (x - 100) / 100))
    assert_eq!(shaped("SIGMOID"), [5, 30, 128, 225, 250]);
    assert_eq!(shaped("LINEAR_EXACT"), [0, 0, 128, 255, 255]);
}

#[test]
fn look_up_tables_come_before_windows() {
    let words = |values: &[u16]| {
        values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect::<Vec<_>>()
    };
    let table = |entries: &[u16]| {
        DataSet::default()
            .with(0x0028_3002, b"US", &words(&[entries.len() as u16, 10, 8]))
            .with(0x0028_3006, b"US", &words(entries))
    };
    let file = mr("MONOCHROME2")
        .text(0x0028_1050, b"DS", "1")
        .text(0x0028_1051, b"DS", "2")
        .sequence(0x0028_3010, table(&[0, 255, 51]));
    let decoded = decode(&request(file.pixels(&[0, 10, 11, 12, 99]).source())).unwrap();
    assert_eq!(decoded.views[0].made_by, "voi-lut");
    assert_eq!(
        reds(&decoded.views[0].rgb),
        [0, 0, 255, 51, 51],
        "values outside take the nearest entry"
    );
}

#[test]
fn width_zero_means_no_window_and_padding_does_not_count() {
    let file = mr("MONOCHROME2")
        .us(0x0028_0120, 60_000)
        .text(0x0028_1050, b"DS", "0")
        .text(0x0028_1051, b"DS", "0")
        .pixels(&[100, 150, 200, 60_000, 60_000]);
    let decoded = decode(&request(file.source())).unwrap();
    assert_eq!(decoded.views[0].made_by, "percentile");
    assert_eq!(reds(&decoded.views[0].rgb), [0, 128, 255, 255, 255]);
}

#[test]
fn radiographs_are_stretched_to_their_own_range() {
    let plain = start("DX")
        .grey("MONOCHROME2", [3, 1], false)
        .pixels(&[1000, 1500, 2000]);
    let decoded = decode(&request(plain.source())).unwrap();
    assert_eq!(decoded.views[0].made_by, "min-max");
    assert_eq!(reds(&decoded.views[0].rgb), [0, 128, 255]);
    let windowed = start("CR")
        .grey("MONOCHROME2", [3, 1], false)
        .text(0x0028_1050, b"DS", "1500.5")
        .text(0x0028_1051, b"DS", "4001")
        .pixels(&[1000, 1500, 2000]);
    let decoded = decode(&request(windowed.source())).unwrap();
    assert_eq!(decoded.views[0].made_by, "window+min-max");
    assert_eq!(reds(&decoded.views[0].rgb), [0, 128, 255]);
}

#[test]
fn frames_take_their_own_functional_groups() {
    let window = |centre: &str| {
        let voi =
            DataSet::default()
                .text(0x0028_1050, b"DS", centre)
                .text(0x0028_1051, b"DS", "101");
        DataSet::default().sequence(0x0028_9132, voi)
    };
    let item = |content: DataSet| {
        let mut bytes = vec![0xFE, 0xFF, 0x00, 0xE0];
        bytes.extend((content.0.len() as u32).to_le_bytes());
        bytes.extend(content.0);
        bytes
    };
    let groups = [item(window("50.5")), item(window("150.5"))].concat();
    let file = start("PT")
        .us(0x0028_0002, 1)
        .text(0x0028_0004, b"CS", "MONOCHROME2")
        .text(0x0028_0008, b"IS", "2")
        .us(0x0028_0010, 1)
        .us(0x0028_0011, 2)
        .us(0x0028_0100, 16)
        .us(0x0028_0101, 16)
        .us(0x0028_0102, 15)
        .us(0x0028_0103, 0)
        .with(0x5200_9230, b"SQ", &groups)
        .pixels(&[50, 150, 50, 150]);
    let decoded = decode(&request(file.source())).unwrap();
    let views: Vec<_> = decoded
        .views
        .iter()
        .map(|view| (view.kind, view.frame, reds(&view.rgb)))
        .collect();
    assert_eq!(
        views,
        [
            (ViewKind::Frame, 1, vec![128, 255]),
            (ViewKind::Frame, 2, vec![0, 128])
        ]
    );
    let few = casekin_imaging::DecodeRequest {
        limits: Limits {
            max_views: 1,
            ..Limits::default()
        },
        ..request(file.source())
    };
    assert_eq!(decode(&few).unwrap().views.len(), 1);
    let box_px = [1, 0, 1, 1];
    let cut = RegionRequest {
        source: file.source(),
        frame: 2,
        box_px: Some(box_px),
        cuts: Cuts::default(),
        limits: Limits::default(),
        volume: None,
    };
    let view = region(&cut).unwrap();
    assert_eq!(
        (view.kind, view.box_px, reds(&view.rgb)),
        (ViewKind::Region, box_px, vec![128])
    );
    let beyond = RegionRequest { frame: 3, ..cut };
    assert_eq!(region(&beyond).unwrap_err().to_string(), "frame 3 of 2");
}

#[test]
fn palettes_are_applied() {
    let words = |values: &[u16]| {
        values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect::<Vec<_>>()
    };
    let descriptor = words(&[3, 0, 16]);
    let file = start("US")
        .us(0x0028_0002, 1)
        .text(0x0028_0004, b"CS", "PALETTE COLOR")
        .us(0x0028_0010, 1)
        .us(0x0028_0011, 4)
        .us(0x0028_0100, 8)
        .us(0x0028_0101, 8)
        .us(0x0028_0102, 7)
        .us(0x0028_0103, 0)
        .with(0x0028_1101, b"US", &descriptor)
        .with(0x0028_1102, b"US", &descriptor)
        .with(0x0028_1103, b"US", &descriptor)
        .with(0x0028_1201, b"OW", &words(&[0, 0x8000, 0xFF00]))
        .with(0x0028_1202, b"OW", &words(&[0x1000, 0x2000, 0x3000]))
        .with(0x0028_1203, b"OW", &words(&[0xFF00, 0, 0]))
        .with(0x7FE0_0010, b"OB", &[0, 1, 2, 9]);
    let decoded = decode(&request(file.source())).unwrap();
    assert_eq!(decoded.views[0].made_by, "palette");
    let expected = [
        [0, 0x10, 255],
        [0x80, 0x20, 0],
        [255, 0x30, 0],
        [255, 0x30, 0],
    ]
    .concat();
    assert_eq!(decoded.views[0].rgb.pixels, expected);
}
