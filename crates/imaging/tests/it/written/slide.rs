//! Writes whole slides in DICOM: one level in a file, of 4×4-pixel tiles.

use casekin_imaging::{Rgb8, Source};

use super::DataSet;

const CLASS: &str = "1.2.840.10008.5.1.4.1.1.77.1.6";
const EXPLICIT: &str = "1.2.840.10008.1.2.1";

/// A level of 4×4-pixel tiles. Every pixel's red is its column, green its row, blue the level.
#[derive(Clone)]
pub struct Written {
    pub size_px: [u16; 2],
    pub image_type: &'static str,
    pub level: u8,
    /// Tiles by column and row, in the order of frames.
    pub tiles: Vec<[u16; 2]>,
    pub sparse: bool,
    /// Dimension Organization Type.
    pub says_sparse: bool,
    /// Frames of the concatenation that come before.
    pub after: Option<u16>,
    /// ICC profile of the optical path; none where empty.
    pub icc: Vec<u8>,
}

impl Written {
    /// A level of all its tiles, row by row.
    pub fn full(size_px: [u16; 2], level: u8) -> Self {
        let (columns, rows) = (size_px[0].div_ceil(4), size_px[1].div_ceil(4));
        let tiles = (0..rows).flat_map(|row| (0..columns).map(move |column| [column, row]));
        Self {
            size_px,
            image_type: "DERIVED\\PRIMARY\\VOLUME\\NONE",
            level,
            tiles: tiles.collect(),
            sparse: false,
            says_sparse: false,
            after: None,
            icc: Vec::new(),
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

    /// The data set up to the pixels.
    pub fn header(&self, photometric: &str) -> DataSet {
        let spacing = DataSet::default().text(0x0028_0030, b"DS", "0.0005\\0.0005");
        let shared = DataSet::default().sequence(0x0028_9110, spacing);
        let mut path = DataSet::default();
        if !self.icc.is_empty() {
            path = path.with(0x0028_2000, b"OB", &self.icc);
        }
        let path = path.text(0x0048_0112, b"DS", "20");
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
        if self.says_sparse {
            set = set.text(0x0020_9311, b"CS", "TILED_SPARSE");
        }
        let side = |side: u16| u32::from(side).to_le_bytes();
        set = set
            .us(0x0028_0002, 3)
            .text(0x0028_0004, b"CS", photometric)
            .us(0x0028_0006, 0)
            .text(0x0028_0008, b"IS", &self.tiles.len().to_string())
            .us(0x0028_0010, 4)
            .us(0x0028_0011, 4)
            .us(0x0028_0100, 8)
            .us(0x0028_0101, 8)
            .us(0x0028_0102, 7)
            .us(0x0028_0103, 0)
            .with(0x0048_0006, b"UL", &side(self.size_px[0]))
            .with(0x0048_0007, b"UL", &side(self.size_px[1]))
            .sequence(0x0048_0105, path)
            .sequence(0x5200_9229, shared);
        if self.sparse {
            set = set.with(0x5200_9230, b"SQ", &self.positions());
        }
        set
    }

    /// RGB of one tile.
    pub fn pixels_of([column, row]: [u16; 2], level: u8) -> Vec<u8> {
        let places = (0..16).map(|at| (at % 4, at / 4));
        places
            .flat_map(|(x, y)| [(column * 4 + x) as u8, (row * 4 + y) as u8, level])
            .collect()
    }

    /// RGB of each tile, in the order of frames.
    pub fn pixels(&self) -> Vec<Vec<u8>> {
        let tiles = self.tiles.iter();
        tiles
            .map(|tile| Self::pixels_of(*tile, self.level))
            .collect()
    }

    /// The file, uncompressed.
    pub fn file(&self) -> Vec<u8> {
        let set = self
            .header("RGB")
            .with(0x7FE0_0010, b"OB", &self.pixels().concat());
        [meta(EXPLICIT), set.0].concat()
    }

    /// As a source.
    pub fn source(&self) -> Source {
        Source::from_bytes("s", self.file())
    }

    /// What the level must look like, with white where no tile is.
    pub fn expected(&self) -> Rgb8 {
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

/// Preamble and file meta group of a slide.
pub fn meta(transfer_syntax: &str) -> Vec<u8> {
    let meta = DataSet::default().text(0x0002_0002, b"UI", CLASS).text(
        0x0002_0010,
        b"UI",
        transfer_syntax,
    );
    [&[0; 128][..], b"DICM", &meta.0].concat()
}
