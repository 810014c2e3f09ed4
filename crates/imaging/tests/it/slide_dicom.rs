//! Whole slides in DICOM: real ones, and pyramids, sparse tiles, concatenations and labels written here.

use std::path::PathBuf;

use casekin_imaging::{Format, ImagingError, Inspection, Limits, Slide, Source, decode, inspect};

use crate::slides::{folder, open, request};
use crate::written::slide::Written;

fn slide(source: &Source) -> Slide {
    Slide::open(source, &Limits::default()).unwrap().unwrap()
}

/// A folder of files, removed when dropped.
struct Beside(PathBuf);

impl Beside {
    fn of(name: &str, files: &[(&str, &Written)]) -> Self {
        let dir = std::env::temp_dir().join(format!("casekin-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        for (file, written) in files {
            std::fs::write(dir.join(file), written.file()).unwrap();
        }
        Self(dir)
    }

    fn source(&self, file: &str) -> Source {
        Source::Path(self.0.join(file))
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn full_and_sparse_tiles_lie_where_they_belong() {
    let full = Written::full([10, 7], 1);
    assert_eq!(
        slide(&full.source()).picture(None, None).unwrap(),
        full.expected()
    );
    let mut sparse = full.clone();
    sparse.sparse = true;
    sparse.tiles = vec![[2, 1], [0, 0], [1, 1]];
    let open = slide(&sparse.source());
    assert_eq!(open.picture(None, None).unwrap(), sparse.expected());
    let cut = open.picture(Some([3, 2, 6, 5]), None).unwrap();
    assert_eq!(cut, sparse.expected().cut([3, 2, 6, 5]).unwrap());
    let mut without_places = full.clone();
    without_places.says_sparse = true;
    let read = Slide::open(&without_places.source(), &Limits::default()).map(|_| ());
    assert!(
        matches!(read, Err(ImagingError::ReadAttribute { .. })),
        "{read:?}"
    );
    let facts = &open.header().facts;
    assert_eq!((facts.width_px, facts.height_px, facts.frames), (10, 7, 1));
    assert_eq!(facts.objective_power, Some(20.0));
    assert_eq!(facts.spacing_mm, Some([0.0005, 0.0005]));
    assert_eq!(open.header().format, Format::Dicom);
}

#[test]
fn levels_beside_each_other_are_one_slide_and_its_finest_file_stands_for_it() {
    let (fine, coarse) = (Written::full([16, 8], 1), Written::full([4, 2], 2));
    let mut label = Written::full([8, 4], 9);
    label.image_type = "ORIGINAL\\PRIMARY\\LABEL\\NONE";
    let beside = Beside::of(
        "levels",
        &[("a.dcm", &coarse), ("b.dcm", &fine), ("c.dcm", &label)],
    );
    let open = slide(&beside.source("b.dcm"));
    assert_eq!(open.picture(None, None).unwrap(), fine.expected());
    // Read from the smaller level: its blue says so. The label, of a fitting size, is never read.
    let small = open.picture(None, Some(4)).unwrap();
    assert_eq!(small, coarse.expected());
    let middle = open.picture(None, Some(8)).unwrap();
    assert!(middle.pixels.chunks(3).all(|pixel| pixel[2] == 1));
    for file in ["a.dcm", "c.dcm"] {
        let found = inspect(&beside.source(file), &Limits::default()).unwrap();
        let Inspection::NotAPicture { reason, .. } = found else {
            panic!("{file} does not stand for the slide")
        };
        assert!(!reason.contains("Quintessa"), "{reason}");
        let error = decode(&request(beside.source(file)));
        assert!(
            matches!(error, Err(ImagingError::FindPicture { .. })),
            "{file}"
        );
    }
}

#[test]
fn parts_of_a_concatenation_are_one_level() {
    let whole = Written::full([12, 8], 3);
    let part = |from: usize, to: usize| Written {
        tiles: whole.tiles[from..to].to_vec(),
        after: Some(from as u16),
        ..whole.clone()
    };
    let (first, second) = (part(0, 4), part(4, 6));
    let beside = Beside::of("parts", &[("1.dcm", &first), ("2.dcm", &second)]);
    let open = slide(&beside.source("1.dcm"));
    assert_eq!(open.picture(None, None).unwrap(), whole.expected());
    let later = Slide::open(&beside.source("2.dcm"), &Limits::default());
    assert!(matches!(
        later.map(|_| ()),
        Err(ImagingError::FindPicture { .. })
    ));
}

#[test]
fn slides_cut_short_or_with_senseless_sizes_give_an_error() {
    let whole = Written::full([12, 8], 3);
    let bytes = whole.file();
    for len in [200, 600, bytes.len() - 40] {
        let cut = Source::from_bytes("s", bytes[..len].to_vec());
        assert!(decode(&request(cut)).is_err(), "{len}");
    }
    let mut huge = whole.clone();
    huge.size_px = [65_000, 65_000];
    let read = decode(&request(huge.source()));
    assert!(
        matches!(read, Err(ImagingError::StayWithinLimit { .. })),
        "{read:?}"
    );
}

#[test]
fn real_slides_read_as_openslide_reads_them() {
    let Some(folder) = folder() else { return };
    let file = "dicom_camelyon/multiframe_camelyon_challenge_image.dcm";
    let slide = open(folder.join(file));
    assert_eq!((slide.width_px(), slide.height_px()), (1152, 700));
    // Box, and the mean colour that openslide-python reads.
    let known = [
        ([0, 0, 1152, 700], [207.3, 192.57, 215.09]),
        ([300, 200, 300, 300], [208.5, 193.44, 215.06]),
        ([1000, 600, 152, 100], [226.54, 223.58, 228.92]),
    ];
    for (box_px, expected) in known {
        let rgb = slide.picture(Some(box_px), None).unwrap();
        for (channel, expected) in expected.into_iter().enumerate() {
            let values = rgb.pixels.iter().skip(channel).step_by(3);
            let mean =
                values.map(|value| f64::from(*value)).sum::<f64>() * 3.0 / rgb.pixels.len() as f64;
            assert!(
                (mean - expected).abs() < 0.6,
                "{box_px:?} {channel}: {mean} {expected}"
            );
        }
    }
    let views = decode(&request(Source::Path(folder.join(file))))
        .unwrap()
        .views;
    assert!(!views.is_empty() && views[0].made_by.contains("um/px"));
    let boxes = open(folder.join("dicom_boxes/boxes_0.dcm"));
    assert_eq!((boxes.width_px(), boxes.height_px()), (16, 16));
    assert_eq!(boxes.header().facts.objective_power, Some(20.0));
}

#[test]
fn compressed_and_plain_tiles_of_one_slide_are_equal() {
    let Some(folder) = folder() else { return };
    let beside = folder.parent().unwrap().join("dicom/wsi");
    if !beside.is_dir() {
        return;
    }
    let read = |name: &str| open(beside.join(name)).picture(None, None).unwrap();
    let plain = read("highdicom__sm_image.dcm");
    assert_eq!((plain.width_px, plain.height_px), (50, 50));
    assert_eq!(plain, read("highdicom__sm_image_jpegls.dcm"));
    assert_eq!(plain, read("highdicom__sm_image_jpegls_nobot.dcm"));
}

#[test]
fn colours_go_through_the_slides_profile() {
    let wide = moxcms::ColorProfile::new_display_p3();
    let plain = Written::full([10, 7], 200);
    let profiled = Written {
        icc: wide.encode().unwrap(),
        ..plain.clone()
    };
    let before = slide(&plain.source()).picture(None, None).unwrap();
    let after = slide(&profiled.source()).picture(None, None).unwrap();
    assert_eq!(before, plain.expected());
    let layout = moxcms::Layout::Rgb;
    let to_srgb = wide
        .create_transform_8bit(
            layout,
            &moxcms::ColorProfile::new_srgb(),
            layout,
            moxcms::TransformOptions::default(),
        )
        .unwrap();
    let mut expected = vec![0; before.pixels.len()];
    to_srgb.transform(&before.pixels, &mut expected).unwrap();
    assert_eq!(after.pixels, expected);
    let moved = expected
        .iter()
        .zip(&before.pixels)
        .map(|(a, b)| a.abs_diff(*b));
    assert!(moved.max().unwrap() > 3, "the profile moves colours");
}
