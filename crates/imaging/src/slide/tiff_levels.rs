//! The JPEG tiles of a TIFF's pages, read by casekin itself.

use super::tiff_pages::{Page, TiffFile};
use crate::Rgb8;
use crate::dicom::codec::{jpeg, jpeg8};

/// TIFF 6.0 with the second technical note on JPEG.
const JPEG: u64 = 7;
const RGB: u64 = 2;
const YCBCR: u64 = 6;
/// Pixels of one tile: decoded, with libjpeg's coefficients, they take nine bytes each.
const MOST_TILE_PIXELS: u64 = 1 << 23;
/// Tiles have sides of whole blocks (TIFF 6.0, page 67).
const TILE_STEP_PX: u32 = 16;
/// Bytes of quantisation and Huffman tables.
const MOST_TABLE_BYTES: u64 = 64 << 10;

/// A page of JPEG tiles of three channels of 8 bits.
pub(super) struct JpegLevel {
    pub width_px: u32,
    pub height_px: u32,
    pub tile_px: (u32, u32),
    /// Whether PhotometricInterpretation says YCbCr; RGB else.
    pub labelled_ycbcr: bool,
    places: Vec<u64>,
    lengths: Vec<u64>,
    /// Without the markers of start and end.
    tables: Vec<u8>,
}

impl JpegLevel {
    /// What a page states; `None` for a page of another kind, without a sense, or of more than `most` tiles.
    pub(super) fn of(file: &TiffFile, page: &Page, most: u64) -> Option<Self> {
        let is_colour = page.samples == 3 && page.planar <= 1;
        let labelled_ycbcr = page.photometric == YCBCR;
        if page.ndpi || page.compression != JPEG || !is_colour {
            return None;
        }
        if !labelled_ycbcr && page.photometric != RGB {
            return None;
        }
        let bits = file.numbers(&page.bits, 3)?;
        let side = |side: u64| u32::try_from(side).ok().filter(|side| *side > 0);
        let (width_px, height_px) = (side(page.width_px)?, side(page.height_px)?);
        let tile_px = (side(page.tile_width_px)?, side(page.tile_height_px)?);
        let pixels = u64::from(tile_px.0) * u64::from(tile_px.1);
        let count = u64::from(width_px.div_ceil(tile_px.0))
            .saturating_mul(height_px.div_ceil(tile_px.1).into());
        let in_steps = |side: u32| side.is_multiple_of(TILE_STEP_PX);
        if bits.iter().any(|bits| *bits != 8)
            || pixels > MOST_TILE_PIXELS
            || !(in_steps(tile_px.0) && in_steps(tile_px.1))
        {
            return None;
        }
        let places = file.numbers(&page.tile_offsets, count.min(most))?;
        let lengths = file.numbers(&page.tile_byte_counts, count.min(most))?;
        if places.len() as u64 != count || places.len() != lengths.len() {
            return None;
        }
        let tables = file.numbers(&page.jpeg_tables, MOST_TABLE_BYTES);
        let tables: Vec<u8> = tables.iter().flatten().map(|byte| *byte as u8).collect();
        Some(Self {
            width_px,
            height_px,
            tile_px,
            labelled_ycbcr,
            places,
            lengths,
            tables: between_markers(&tables).to_vec(),
        })
    }

    /// Number of tiles.
    pub(super) fn count(&self) -> usize {
        self.places.len()
    }

    /// The compressed bytes of a tile, with the page's tables; `None` for a tile that is not in the file.
    pub(super) fn stream(&self, file: &TiffFile, index: usize) -> Option<Vec<u8>> {
        let (at, len) = (*self.places.get(index)?, *self.lengths.get(index)?);
        let pixels = u64::from(self.tile_px.0) * u64::from(self.tile_px.1);
        // JPEG may take more than the pixels themselves, but not many times over; and a bit for each block of 8×8
        // at the least.
        if len < 4 || len < pixels / 64 / 8 || len > pixels * 6 + MOST_TABLE_BYTES {
            return None;
        }
        let tile = file.read(at, len)?;
        let rest = tile.strip_prefix(&[0xFF, 0xD8])?;
        let stream = [&[0xFF, 0xD8], self.tables.as_slice(), rest].concat();
        jpeg::has_few_scans(&stream).then_some(stream)
    }

    /// The values of a tile as they are coded, interleaved.
    pub(super) fn coded(&self, stream: &[u8], eighths: u8) -> Option<Vec<u8>> {
        jpeg8::coded_values(stream, self.tile_px, eighths)
    }

    /// A tile in RGB.
    pub(super) fn tile(&self, file: &TiffFile, index: usize, holds_ycbcr: bool) -> Option<Rgb8> {
        let mut pixels = self.coded(&self.stream(file, index)?, 8)?;
        if holds_ycbcr {
            jpeg8::to_rgb(&mut pixels);
        }
        Some(Rgb8 {
            width_px: self.tile_px.0,
            height_px: self.tile_px.1,
            pixels,
        })
    }

    /// Whether a tile is left out: no place, or no bytes.
    pub(super) fn is_left_out(&self, index: usize) -> bool {
        self.places[index] == 0 || self.lengths[index] == 0
    }
}

/// What stands between the markers of start and end of image.
fn between_markers(tables: &[u8]) -> &[u8] {
    let start = tables.strip_prefix(&[0xFF, 0xD8]).unwrap_or(tables);
    start.strip_suffix(&[0xFF, 0xD9]).unwrap_or(start)
}
