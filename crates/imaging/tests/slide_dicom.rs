//! Whole slides in DICOM: real ones, and pyramids, sparse tiles, concatenations and labels written here.
#![allow(clippy::unwrap_used)]

mod samples;
#[allow(dead_code)]
mod slides;
#[allow(dead_code)]
mod written;

use std::path::PathBuf;

use casekin_imaging::{
    Format, ImagingError, Inspection, Limits, Rgb8, Slide, Source, decode, inspect,
};
use slides::{folder, open, request};
use written::DataSet;

const CLASS: &str = "1.2.840.10008.5.1.4.1.1.77.1.6";
const EXPLICIT: &str = "1.2.840.10008.1.2.1";

/// A level of 4×4-pixel tiles. Every pixel's red is its column, green its row, blue the level.
#[derive(Clone)]
struct Written {
    size_px: [u16; 2],
    image_type: &'static str,
    level: u8,
    /// Tiles by column and row, in the order of frames.
    tiles: Vec<[u16; 2]>,
    sparse: bool,
    /// Frames of the concatenation that come before.
    after: Option<u16>,
}

impl Written {
    fn full(size_px: [u16; 2], level: u8) -> Self {
        let (columns, rows) = (size_px[0].div_ceil(4), size_px[1].div_ceil(4));
        let tiles = (0..rows).flat_map(|row| (0..columns).map(move |column| [column, row]));
        Self {
            size_px,
            image_type: "DERIVED\\PRIMARY\\VOLUME\\NONE",
            level,
            tiles: tiles.collect(),
            sparse: false,
            after: None,
        }
    }

    fn positions(&self) -> Vec<u8> {
        let item = |set: DataSet| {
            let mut bytes = vec![0xFE, 0xFF, 0x00, 0xE0];
            bytes.extend((set.0.len() as u32).to_le_bytes());
            bytes.extend(set.0);
            bytes
        };
        let frame = |[column, row]: &[u16; 2]| {
            let at = |index: u16| (i32::from(index) * 4 + 1).to_le_bytes();
            let plane = DataSet::default()
                .with(0x0048_021E, b"SL", &at(*column))
                .with(0x0048_021F, b"SL", &at(*row));
            item(DataSet::default().sequence(0x0048_021A, plane))
        };
        self.tiles.iter().flat_map(frame).collect()
    }

    fn file(&self) -> Vec<u8> {
        let spacing = DataSet::default().text(0x0028_0030, b"DS", "0.0005\\0.0005");
        let shared = DataSet::default().sequence(0x0028_9110, spacing);
        let path = DataSet::default().text(0x0048_0112, b"DS", "20");
        let mut set = DataSet::default()
            .text(0x0008_0008, b"CS", self.image_type)
            .text(0x0008_0016, b"UI", CLASS)
            .text(0x0008_0060, b"CS", "SM")
            .text(0x0010_0010, b"PN", "Planted^Quintessa")
            .text(0x0020_000E, b"UI", "1.2.3.4");
        if let Some(after) = self.after {
            set = set.text(0x0020_9161, b"UI", "1.2.3.5").with(
                0x0020_9228,
                b"UL",
                &u32::from(after).to_le_bytes(),
            );
        }
        set = set
            .us(0x0028_0002, 3)
            .text(0x0028_0004, b"CS", "RGB")
            .us(0x0028_0006, 0)
            .text(0x0028_0008, b"IS", &self.tiles.len().to_string())
            .us(0x0028_0010, 4)
            .us(0x0028_0011, 4)
            .us(0x0028_0100, 8)
            .us(0x0028_0101, 8)
            .us(0x0028_0102, 7)
            .us(0x0028_0103, 0)
            .with(
                0x0048_0006,
                b"UL",
                &u32::from(self.size_px[0]).to_le_bytes(),
            )
            .with(
                0x0048_0007,
                b"UL",
                &u32::from(self.size_px[1]).to_le_bytes(),
            )
            .sequence(0x0048_0105, path)
            .sequence(0x5200_9229, shared);
        if self.sparse {
            set = set.with(0x5200_9230, b"SQ", &self.positions());
        }
        let mut pixels = Vec::new();
        for [column, row] in &self.tiles {
            for y in 0..4 {
                for x in 0..4 {
                    pixels.extend([(column * 4 + x) as u8, (row * 4 + y) as u8, self.level]);
                }
            }
        }
        let set = set.with(0x7FE0_0010, b"OB", &pixels);
        let meta =
            DataSet::default()
                .text(0x0002_0002, b"UI", CLASS)
                .text(0x0002_0010, b"UI", EXPLICIT);
        [&[0; 128][..], b"DICM", &meta.0, &set.0].concat()
    }

    fn source(&self) -> Source {
        Source::from_bytes("s", self.file())
    }

    /// What the level must look like, with white where no tile is.
    fn expected(&self) -> Rgb8 {
        let mut pixels = Vec::new();
        for y in 0..self.size_px[1] {
            for x in 0..self.size_px[0] {
                if self.tiles.contains(&[x / 4, y / 4]) {
                    pixels.extend([x as u8, y as u8, self.level]);
                } else {
                    pixels.extend([255; 3]);
                }
            }
        }
        Rgb8 {
            width_px: self.size_px[0].into(),
            height_px: self.size_px[1].into(),
            pixels,
        }
    }
}

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
