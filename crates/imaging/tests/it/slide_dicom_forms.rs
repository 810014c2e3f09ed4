//! The forms in which pixels of DICOM slides are written: deflated data sets, frames in several fragments, and the
//! tables that tell where frames start.

use std::io::Write as _;

use casekin_imaging::{ImagingError, Limits, Slide, Source};
use flate2::Compression;
use flate2::write::DeflateEncoder;

use crate::written::slide::{Written, meta};
use crate::written::{DataSet, encapsulated};

const DEFLATED: &str = "1.2.840.10008.1.2.1.99";
/// Encapsulated uncompressed, and JPEG-LS: one without and one with a mark at each frame's start.
const UNCOMPRESSED: &str = "1.2.840.10008.1.2.1.98";
const JPEG_LS: &str = "1.2.840.10008.1.2.4.80";

fn level() -> Written {
    Written::full([10, 7], 1)
}

fn open(file: Vec<u8>) -> Slide {
    Slide::open(&Source::from_bytes("s", file), &Limits::default())
        .unwrap()
        .unwrap()
}

fn why_not(file: Vec<u8>) -> ImagingError {
    match Slide::open(&Source::from_bytes("s", file), &Limits::default()) {
        Err(error) => error,
        Ok(_) => panic!("it was opened"),
    }
}

fn deflated(set: &[u8]) -> Vec<u8> {
    let mut deflater = DeflateEncoder::new(Vec::new(), Compression::default());
    deflater.write_all(set).unwrap();
    [meta(DEFLATED), deflater.finish().unwrap()].concat()
}

fn data_set(written: &Written) -> DataSet {
    let pixels = written.pixels().concat();
    written.header("RGB").with(0x7FE0_0010, b"OB", &pixels)
}

#[test]
fn deflated_slides_are_read() {
    let slide = open(deflated(&data_set(&level()).0));
    assert_eq!(slide.picture(None, None).unwrap(), level().expected());
    assert!(slide.held_bytes() > 6 * 48, "the inflated bytes are held");
    let limits = Limits {
        max_inflated_bytes: 500,
        ..Limits::default()
    };
    let bomb = Source::from_bytes("s", deflated(&data_set(&level()).0));
    let opened = Slide::open(&bomb, &limits).map(|_| ());
    assert!(
        matches!(opened, Err(ImagingError::StayWithinLimit { .. })),
        "{opened:?}"
    );
}

#[test]
fn a_deflated_level_beside_another_belongs_to_its_slide() {
    let (fine, coarse) = (Written::full([16, 8], 1), Written::full([4, 2], 2));
    let dir = std::env::temp_dir().join(format!("casekin-deflated-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    std::fs::write(dir.join("a.dcm"), fine.file()).unwrap();
    std::fs::write(dir.join("b.dcm"), deflated(&data_set(&coarse).0)).unwrap();
    let source = Source::Path(dir.join("a.dcm"));
    let slide = Slide::open(&source, &Limits::default());
    let small = slide.unwrap().unwrap().picture(None, Some(4)).unwrap();
    std::fs::write(dir.join("c.dcm"), deflated(&data_set(&coarse).0)).unwrap();
    let limits = Limits {
        max_inflated_bytes: data_set(&coarse).0.len() as u64 + 10,
        ..Limits::default()
    };
    let both = Slide::open(&source, &limits).map(|_| ());
    assert!(
        matches!(both, Err(ImagingError::StayWithinLimit { .. })),
        "{both:?}"
    );
    std::fs::remove_dir_all(dir).unwrap();
    assert!(
        small.pixels.chunks(3).all(|pixel| pixel[2] == 2),
        "read from the smaller level"
    );
}

/// Each tile in fragments of at most `len` bytes.
fn in_fragments(tiles: &[Vec<u8>], len: usize) -> Vec<Vec<u8>> {
    let parts = tiles.iter().flat_map(|tile| tile.chunks(len));
    parts.map(<[u8]>::to_vec).collect()
}

/// Where each tile starts, counted from the first fragment's item.
fn starts(tiles: &[Vec<u8>], len: usize) -> Vec<u64> {
    let mut at = 0;
    let mut starts = Vec::new();
    for tile in tiles {
        starts.push(at);
        let parts = tile.chunks(len);
        at += parts
            .map(|part| 8 + part.len().next_multiple_of(2) as u64)
            .sum::<u64>();
    }
    starts
}

#[test]
fn frames_of_several_fragments_are_told_apart_by_either_table() {
    let tiles = level().pixels();
    let fragments = in_fragments(&tiles, 20);
    assert_eq!(fragments.len(), tiles.len() * 3);
    let starts = starts(&tiles, 20);

    let basic: Vec<u8> = starts
        .iter()
        .flat_map(|at| (*at as u32).to_le_bytes())
        .collect();
    let set = encapsulated(level().header("RGB"), &fragments).0;
    let empty_table = [0xFE, 0xFF, 0x00, 0xE0, 0, 0, 0, 0];
    let at = set
        .windows(8)
        .position(|bytes| bytes == empty_table)
        .unwrap();
    let table = [
        &[0xFE, 0xFF, 0x00, 0xE0][..],
        &(basic.len() as u32).to_le_bytes(),
        &basic,
    ]
    .concat();
    let with_basic = [&set[..at], &table, &set[at + 8..]].concat();
    let slide = open([meta(UNCOMPRESSED), with_basic].concat());
    assert_eq!(slide.picture(None, None).unwrap(), level().expected());

    let extended: Vec<u8> = starts.iter().flat_map(|at| at.to_le_bytes()).collect();
    let lengths: Vec<u8> = tiles
        .iter()
        .flat_map(|tile| (tile.len() as u64).to_le_bytes())
        .collect();
    let long = |set: DataSet, tag: u32, value: &[u8]| {
        let mut element = DataSet::default().with(tag, b"OB", value);
        element.0[4..6].copy_from_slice(b"OV");
        DataSet([set.0, element.0].concat())
    };
    let head = long(level().header("RGB"), 0x7FE0_0001, &extended);
    let head = long(head, 0x7FE0_0002, &lengths);
    let with_extended = encapsulated(head, &fragments).0;
    let slide = open([meta(UNCOMPRESSED), with_extended].concat());
    assert_eq!(slide.picture(None, None).unwrap(), level().expected());
}

#[test]
fn without_a_table_frames_are_told_apart_by_how_they_begin_or_not_at_all() {
    let tiles: Vec<Vec<u8>> = level().pixels().iter().map(|tile| jpeg_ls(tile)).collect();
    let fragments = in_fragments(&tiles, 40);
    assert!(fragments.len() > tiles.len());
    let set = encapsulated(level().header("RGB"), &fragments).0;
    let slide = open([meta(JPEG_LS), set].concat());
    assert_eq!(slide.picture(None, None).unwrap(), level().expected());

    let unmarked = in_fragments(&level().pixels(), 20);
    let set = encapsulated(level().header("RGB"), &unmarked).0;
    let error = why_not([meta(UNCOMPRESSED), set].concat());
    assert!(
        matches!(&error, ImagingError::ReadAttribute { keyword, .. } if keyword == "PixelData"),
        "{error}"
    );
    let missing = encapsulated(level().header("RGB"), &fragments[2..]).0;
    let error = why_not([meta(JPEG_LS), missing].concat());
    assert!(
        matches!(error, ImagingError::ReadAttribute { .. }),
        "{error}"
    );
}

/// A 4×4 tile in JPEG-LS, lossless.
fn jpeg_ls(rgb: &[u8]) -> Vec<u8> {
    let frame = charls::FrameInfo {
        width: 4,
        height: 4,
        bits_per_sample: 8,
        component_count: 3,
    };
    let mut charls = charls::CharLS::default();
    // Plane by plane, as CharLS writes unless it is told otherwise.
    let planes: Vec<u8> = (0..3)
        .flat_map(|channel| rgb.iter().skip(channel).step_by(3).copied())
        .collect();
    charls.encode(frame, 0, &planes).unwrap()
}
