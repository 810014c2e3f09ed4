//! Volumes of several files: places of slices, surveys, plans, and slices that are read by the range of their volume.

use casekin_imaging::{
    DecodeRequest, Inspection, Limits, RegionRequest, SlicePlace, Source, SurveyRequest,
    VolumeSlice, decode, inspect, plan_volume, region, survey,
};

use crate::written::{DataSet, request};

/// One axial slice of 4 × 1 pixels of a series.
fn slice(modality: &str, position: &str, kind: &str, values: [i32; 4]) -> DataSet {
    DataSet::default()
        .text(0x0008_0008, b"CS", kind)
        .text(0x0008_0016, b"UI", "1.2.840.10008.5.1.4.1.1.4")
        .text(0x0008_0060, b"CS", modality)
        .text(0x0020_000E, b"UI", "1.2.826.0.1.3680043.8.498.77")
        .text(0x0020_0013, b"IS", "3")
        .text(0x0020_0032, b"DS", position)
        .text(0x0020_0037, b"DS", "1\\0\\0\\0\\1\\0")
        .grey("MONOCHROME2", [4, 1], false)
        .text(0x0028_1050, b"DS", "50")
        .text(0x0028_1051, b"DS", "20")
        .pixels(&values)
}

fn place(file: &DataSet) -> Option<SlicePlace> {
    match inspect(&file.source(), &Limits::default()).unwrap() {
        Inspection::Picture(header) => header.slice,
        Inspection::NotAPicture { reason, .. } => panic!("{reason}"),
    }
}

fn reds(source: Source, volume: Option<VolumeSlice>) -> (String, Vec<u8>) {
    let decoded = decode(&DecodeRequest {
        volume,
        ..request(source)
    })
    .unwrap();
    let view = &decoded.views[0];
    let reds = view.rgb.pixels.chunks_exact(3).map(|pixel| pixel[0]);
    (view.made_by.clone(), reds.collect())
}

#[test]
fn slices_of_a_series_share_a_stack_and_have_their_places() {
    let axial = slice("MR", "-10\\-20\\7.5", "ORIGINAL\\PRIMARY", [0; 4]);
    let above = slice("MR", "-10\\-20\\12.5", "ORIGINAL\\PRIMARY", [9; 4]);
    let (first, second) = (place(&axial).unwrap(), place(&above).unwrap());
    assert_eq!(first.stack, second.stack);
    assert_eq!(
        (first.position_mm, second.position_mm, first.number),
        (Some(7.5), Some(12.5), Some(3))
    );
    let localizer = slice(
        "MR",
        "-10\\-20\\7.5",
        "ORIGINAL\\PRIMARY\\LOCALIZER",
        [0; 4],
    );
    assert_ne!(place(&localizer).unwrap().stack, first.stack);
    let radiograph = slice("CR", "-10\\-20\\7.5", "ORIGINAL\\PRIMARY", [0; 4]);
    assert_eq!(place(&radiograph), None);
    assert!(
        !format!("{first:?}").contains("1.2.826"),
        "a UID identifies"
    );
}

#[test]
fn a_slice_of_mr_is_read_by_the_range_of_its_volume() {
    let dark = slice("MR", "0\\0\\1", "ORIGINAL", [0, 10, 20, 40]);
    let bright = slice("MR", "0\\0\\2", "ORIGINAL", [50, 100, 200, 400]);
    let surveys: Vec<_> = [&dark, &bright]
        .into_iter()
        .map(|file| {
            survey(&SurveyRequest {
                source: file.source(),
                limits: Limits::default(),
            })
            .unwrap()
        })
        .collect();
    assert_eq!(surveys[0].range, Some([0.0, 40.0]));
    let plan = plan_volume(&surveys, 64);
    assert_eq!((plan.range, plan.chosen), (Some([0.0, 400.0]), vec![0, 1]));
    let planned = |chosen| VolumeSlice {
        chosen,
        range: plan.range,
    };
    // Windows are for people: the encoder reads least to greatest, of the volume where it is known.
    assert_eq!(
        reds(dark.source(), None),
        ("min-max".to_owned(), vec![0, 64, 128, 255])
    );
    let (made_by, levels) = reds(dark.source(), Some(planned(true)));
    assert_eq!(
        (made_by.as_str(), levels.as_slice()),
        ("volume-min-max", &[0, 6, 13, 26][..])
    );
    let cut = region(&RegionRequest {
        source: dark.source(),
        frame: 1,
        box_px: Some([2, 0, 2, 1]),
        cuts: casekin_imaging::Cuts::default(),
        volume: Some(planned(false)),
        limits: Limits::default(),
    })
    .unwrap();
    assert_eq!(cut.rgb.pixels, [13, 13, 13, 26, 26, 26]);
}

#[test]
fn a_slice_that_is_left_out_has_a_thumbnail_and_no_view() {
    let file = slice("CT", "0\\0\\1", "ORIGINAL", [0, 10, 20, 40]);
    let decoded = decode(&DecodeRequest {
        volume: Some(VolumeSlice {
            chosen: false,
            range: None,
        }),
        ..request(file.source())
    })
    .unwrap();
    assert!(decoded.views.is_empty());
    assert_eq!(
        (decoded.thumbnail.width_px, decoded.thumbnail.height_px),
        (4, 1)
    );
}

#[test]
fn beyond_the_slices_that_are_compared_values_are_cut_off_at_their_range() {
    // Five frames of 2 × 1 pixels, of which the first, the middle and the last are compared.
    let frames = [[0, 40], [5, 70], [10, 50], [0, 9_000], [0, 100]];
    let file = DataSet::default()
        .text(0x0008_0016, b"UI", "1.2.840.10008.5.1.4.1.1.4.1")
        .text(0x0008_0060, b"CS", "MR")
        .us(0x0028_0002, 1)
        .text(0x0028_0004, b"CS", "MONOCHROME2")
        .text(0x0028_0008, b"IS", "5")
        .us(0x0028_0010, 1)
        .us(0x0028_0011, 2)
        .us(0x0028_0100, 16)
        .us(0x0028_0101, 16)
        .us(0x0028_0102, 15)
        .us(0x0028_0103, 0)
        .pixels(&frames.concat());
    let read = |frame: u32, max_compared_slices: u32| {
        let view = region(&RegionRequest {
            source: file.source(),
            frame,
            box_px: None,
            cuts: casekin_imaging::Cuts::default(),
            volume: None,
            limits: Limits {
                max_compared_slices,
                ..Limits::default()
            },
        })
        .unwrap();
        assert_eq!(view.made_by, "volume-min-max");
        [view.rgb.pixels[0], view.rgb.pixels[3]]
    };
    assert_eq!(read(5, 3), [0, 255]);
    assert_eq!(read(1, 3), [0, 102]);
    assert_eq!(
        read(4, 3),
        [0, 255],
        "brighter than what was compared: white"
    );
    assert_eq!(read(5, 256), [0, 3], "all are compared");
}
