//! Slides of a few tiles: DICOM with tiles in rows and with places of their own, plain and in JPEG; tiled TIFFs of
//! two levels, plain and in JPEG, classic and BigTIFF, in either byte order.

use image::{DynamicImage, ImageFormat, RgbImage};

use crate::rasters::encoded;
use crate::written::{DataSet, encapsulated};

const CLASS: &str = "1.2.840.10008.5.1.4.1.1.77.1.6";
const EXPLICIT: &str = "1.2.840.10008.1.2.1";
const JPEG: &str = "1.2.840.10008.1.2.4.50";
/// Side of a tile.
const TILE_PX: u16 = 16;

fn tile(shade: u8) -> RgbImage {
    RgbImage::from_fn(TILE_PX.into(), TILE_PX.into(), |x, y| {
        image::Rgb([shade, (x * 15) as u8, (y * 15) as u8])
    })
}

fn jpeg(shade: u8) -> Vec<u8> {
    encoded(&DynamicImage::ImageRgb8(tile(shade)), ImageFormat::Jpeg).expect("JPEG holds RGB")
}

fn dicom_header(tiles: u16, syntax: &str) -> DataSet {
    let spacing = DataSet::default().text(0x0028_0030, b"DS", "0.0005\\0.0005");
    let shared = DataSet::default().sequence(0x0028_9110, spacing);
    let side = u32::from(TILE_PX) * 2 - 3;
    let photometric = if syntax == JPEG {
        "YBR_FULL_422"
    } else {
        "RGB"
    };
    DataSet::default()
        .text(0x0008_0008, b"CS", "DERIVED\\PRIMARY\\VOLUME\\NONE")
        .text(0x0008_0016, b"UI", CLASS)
        .text(0x0008_0060, b"CS", "SM")
        .text(0x0020_000E, b"UI", "1.2.3.4")
        .us(0x0028_0002, 3)
        .text(0x0028_0004, b"CS", photometric)
        .us(0x0028_0006, 0)
        .text(0x0028_0008, b"IS", &tiles.to_string())
        .us(0x0028_0010, TILE_PX)
        .us(0x0028_0011, TILE_PX)
        .us(0x0028_0100, 8)
        .us(0x0028_0101, 8)
        .us(0x0028_0102, 7)
        .us(0x0028_0103, 0)
        .with(0x0048_0006, b"UL", &side.to_le_bytes())
        .with(0x0048_0007, b"UL", &side.to_le_bytes())
        .sequence(0x5200_9229, shared)
}

fn positions(tiles: u16) -> Vec<u8> {
    let mut all = Vec::new();
    for index in 0..tiles {
        let at = |step: u16| (i32::from(step * TILE_PX) + 1).to_le_bytes();
        let plane = DataSet::default()
            .with(0x0048_021E, b"SL", &at(index % 2))
            .with(0x0048_021F, b"SL", &at(index / 2));
        let group = DataSet::default().sequence(0x0048_021A, plane);
        all.extend([0xFE, 0xFF, 0x00, 0xE0]);
        all.extend((group.0.len() as u32).to_le_bytes());
        all.extend(group.0);
    }
    all
}

fn in_file(set: &DataSet, syntax: &str) -> Vec<u8> {
    let meta = DataSet::default()
        .text(0x0002_0002, b"UI", CLASS)
        .text(0x0002_0010, b"UI", syntax);
    [&[0; 128][..], b"DICM", &meta.0, &set.0].concat()
}

fn dicoms() -> Vec<Vec<u8>> {
    let mut files = Vec::new();
    for sparse in [false, true] {
        let head = |syntax| {
            let set = dicom_header(4, syntax);
            if sparse {
                set.with(0x5200_9230, b"SQ", &positions(4))
            } else {
                set
            }
        };
        let pixels: Vec<u8> = (0..4)
            .flat_map(|shade| tile(shade * 60).into_raw())
            .collect();
        let plain = head(EXPLICIT).with(0x7FE0_0010, b"OB", &pixels);
        files.push(in_file(&plain, EXPLICIT));
        let tiles: Vec<Vec<u8>> = (0..4).map(|shade| jpeg(shade * 60)).collect();
        files.push(in_file(&encapsulated(head(JPEG), &tiles), JPEG));
        let halves: Vec<Vec<u8>> = tiles
            .iter()
            .flat_map(|tile| {
                let (first, second) = tile.split_at(tile.len() / 4 * 2);
                [first.to_vec(), second.to_vec()]
            })
            .collect();
        files.push(in_file(&encapsulated(head(JPEG), &halves), JPEG));
    }
    files
}

/// How a TIFF is written.
#[derive(Clone, Copy)]
struct Written {
    big: bool,
    big_endian: bool,
    jpeg: bool,
    /// The page says RGB where its JPEG tiles hold YCbCr.
    wrong_label: bool,
}

impl Written {
    fn number(self, value: u64, bytes: usize) -> Vec<u8> {
        if self.big_endian {
            value.to_be_bytes()[8 - bytes..].to_vec()
        } else {
            value.to_le_bytes()[..bytes].to_vec()
        }
    }

    fn offset(self, value: u64) -> Vec<u8> {
        self.number(value, if self.big { 8 } else { 4 })
    }

    /// One value of 16 or 32 bits, or a list that lies elsewhere.
    fn entry(self, tag: u16, kind: u16, count: u64, value: u64) -> Vec<u8> {
        let mut entry = self.number(tag.into(), 2);
        entry.extend(self.number(kind.into(), 2));
        entry.extend(self.offset(count));
        let mut field = match kind {
            3 => self.number(value, 2),
            _ if count > 1 => self.offset(value),
            _ => self.number(value, 4),
        };
        field.resize(if self.big { 8 } else { 4 }, 0);
        entry.extend(field);
        entry
    }

    /// Two levels: of 2×2 tiles, and of one.
    fn file(self) -> Vec<u8> {
        let mut file = if self.big_endian { b"MM" } else { b"II" }.to_vec();
        file.extend(self.number(if self.big { 43 } else { 42 }, 2));
        if self.big {
            file.extend(self.number(8, 2));
            file.extend(self.number(0, 2));
        }
        let mut link = file.len();
        file.extend(self.offset(0));
        for (side, shades) in [(2, 0..4u8), (1, 4..5)] {
            let (mut places, mut lengths) = (Vec::new(), Vec::new());
            for shade in shades {
                let bytes = if self.jpeg {
                    jpeg(shade * 50)
                } else {
                    tile(shade * 50).into_raw()
                };
                places.push(file.len() as u64);
                lengths.push(bytes.len() as u64);
                file.extend(bytes);
            }
            let mut list = |values: &[u64]| {
                let at = file.len() as u64;
                file.extend(values.iter().flat_map(|value| self.number(*value, 4)));
                if values.len() == 1 { values[0] } else { at }
            };
            let count = places.len() as u64;
            let (places, lengths) = (list(&places), list(&lengths));
            let size = side * u64::from(TILE_PX) - 3;
            let photometric = if self.jpeg && !self.wrong_label { 6 } else { 2 };
            let compression = if self.jpeg { 7 } else { 1 };
            let entries = [
                self.entry(256, 3, 1, size),
                self.entry(257, 3, 1, size),
                self.entry(258, 3, 1, 8),
                self.entry(259, 3, 1, compression),
                self.entry(262, 3, 1, photometric),
                self.entry(277, 3, 1, 3),
                self.entry(284, 3, 1, 1),
                self.entry(322, 3, 1, TILE_PX.into()),
                self.entry(323, 3, 1, TILE_PX.into()),
                self.entry(324, 4, count, places),
                self.entry(325, 4, count, lengths),
            ];
            let directory = self.offset(file.len() as u64);
            file[link..link + directory.len()].copy_from_slice(&directory);
            file.extend(self.number(entries.len() as u64, if self.big { 8 } else { 2 }));
            file.extend(entries.concat());
            link = file.len();
            file.extend(self.offset(0));
        }
        file
    }
}

/// All of them.
pub fn all() -> Vec<Vec<u8>> {
    let mut files = dicoms();
    for big in [false, true] {
        for big_endian in [false, true] {
            for (jpeg, wrong_label) in [(false, false), (true, false), (true, true)] {
                let written = Written {
                    big,
                    big_endian,
                    jpeg,
                    wrong_label,
                };
                files.push(written.file());
            }
        }
    }
    files
}
