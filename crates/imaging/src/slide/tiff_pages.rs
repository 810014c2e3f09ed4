//! Walks the directories of a TIFF (classic, BigTIFF, and NDPI's classic with long offsets) far enough to tell a
//! slide from a picture. Pages that point at each other end the walk; no more than a few KiB of a page are read.

use std::collections::HashSet;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::sync::{Arc, Mutex, PoisonError};

use crate::Source;

const IMAGE_WIDTH: u16 = 256;
const IMAGE_LENGTH: u16 = 257;
const BITS_PER_SAMPLE: u16 = 258;
const COMPRESSION: u16 = 259;
const PHOTOMETRIC: u16 = 262;
const IMAGE_DESCRIPTION: u16 = 270;
const SAMPLES_PER_PIXEL: u16 = 277;
const X_RESOLUTION: u16 = 282;
const Y_RESOLUTION: u16 = 283;
const PLANAR_CONFIGURATION: u16 = 284;
const RESOLUTION_UNIT: u16 = 296;
const SOFTWARE: u16 = 305;
const TILE_WIDTH: u16 = 322;
const TILE_LENGTH: u16 = 323;
const TILE_OFFSETS: u16 = 324;
const TILE_BYTE_COUNTS: u16 = 325;
const JPEG_TABLES: u16 = 347;
const XMP: u16 = 700;
/// Hamamatsu's format flag; only NDPI has it.
const NDPI_FORMAT: u16 = 65_420;

const MAX_PAGES: usize = 256;
const MAX_ENTRIES: u64 = 1024;
/// Enough of a description to hold a vendor's word.
const TEXT_BYTES: u64 = 2048;
/// Bytes of all of them after which no more are taken.
const MOST_WORDS: usize = 3 * TEXT_BYTES as usize;

/// What is seen of one page. Numbers that a page does not state are 0.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Page {
    pub width_px: u64,
    pub height_px: u64,
    pub tiled: bool,
    pub ndpi: bool,
    /// The start of description, software and XMP, one after the other.
    pub words: String,
    pub compression: u64,
    pub photometric: u64,
    pub samples: u64,
    pub planar: u64,
    /// 1 for none, 2 for inches, 3 for centimetres.
    pub resolution_unit: u64,
    pub tile_width_px: u64,
    pub tile_height_px: u64,
    pub bits: Values,
    pub x_resolution: Values,
    pub y_resolution: Values,
    pub tile_offsets: Values,
    pub tile_byte_counts: Values,
    pub jpeg_tables: Values,
}

/// Where the values of a tag lie in the file.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Values {
    kind: u64,
    count: u64,
    at: u64,
}

impl Values {
    /// The first `most` of them.
    pub(super) fn first(self, most: u64) -> Self {
        Self {
            count: self.count.min(most),
            ..self
        }
    }
}

/// A TIFF whose pages can be followed.
pub(super) struct TiffFile {
    pub pages: Vec<Page>,
    bytes: Bytes,
    big_endian: bool,
    big: bool,
}

/// The pages of a TIFF, as many as can be followed; none for what is no TIFF.
pub(super) fn pages(source: &Source) -> Vec<Page> {
    TiffFile::open(source).map_or_else(Vec::new, |file| file.pages)
}

/// A file, or bytes in memory, read here and there.
enum Bytes {
    File(Mutex<File>),
    Memory(Arc<[u8]>),
}

impl Bytes {
    fn of(source: &Source) -> Option<Self> {
        match source {
            Source::Bytes { bytes, .. } => Some(Self::Memory(Arc::clone(bytes))),
            Source::Path(path) => {
                let is_file = std::fs::metadata(path).ok()?.is_file();
                let file = is_file.then(|| File::open(path).ok()).flatten()?;
                Some(Self::File(Mutex::new(file)))
            }
        }
    }

    fn read(&self, at: u64, len: u64) -> Option<Vec<u8>> {
        match self {
            Self::Memory(bytes) => {
                let start = usize::try_from(at).ok()?;
                let end = start.checked_add(usize::try_from(len).ok()?)?;
                bytes.get(start..end).map(<[u8]>::to_vec)
            }
            Self::File(file) => {
                let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
                file.seek(SeekFrom::Start(at)).ok()?;
                let mut out = Vec::new();
                (&mut *file).take(len).read_to_end(&mut out).ok()?;
                (out.len() as u64 == len).then_some(out)
            }
        }
    }
}

impl TiffFile {
    /// Follows the pages; `None` for what is no TIFF.
    pub(super) fn open(source: &Source) -> Option<Self> {
        let (mut file, mut at) = Self::start(Bytes::of(source)?)?;
        let mut seen = HashSet::new();
        while at != 0 && file.pages.len() < MAX_PAGES && seen.insert(at) {
            let Some((page, next)) = file.page(at) else {
                break;
            };
            file.pages.push(page);
            at = next;
        }
        Some(file)
    }

    /// Bytes of the file, where all of them are there.
    pub(super) fn read(&self, at: u64, len: u64) -> Option<Vec<u8>> {
        self.bytes.read(at, len)
    }

    /// The whole numbers of a tag; `None` where they are of another kind, or more than `most`, or not there.
    pub(super) fn numbers(&self, values: &Values, most: u64) -> Option<Vec<u64>> {
        let size = match values.kind {
            1 | 7 => 1,
            3 => 2,
            4 => 4,
            16 => 8,
            _ => return None,
        };
        if values.count > most {
            return None;
        }
        let bytes = self.read(values.at, values.count.checked_mul(size)?)?;
        let each = bytes.chunks_exact(size as usize);
        Some(each.map(|bytes| self.number(bytes)).collect())
    }

    /// The first of a tag's values, a RATIONAL.
    pub(super) fn ratio(&self, values: &Values) -> Option<f64> {
        if values.kind != 5 || values.count == 0 {
            return None;
        }
        let bytes = self.read(values.at, 8)?;
        let ratio = self.number(&bytes[..4]) as f64 / self.number(&bytes[4..]) as f64;
        (ratio.is_finite() && ratio > 0.0).then_some(ratio)
    }

    /// The byte order, the kind, and where the first page is.
    fn start(bytes: Bytes) -> Option<(Self, u64)> {
        let head = bytes.read(0, 16)?;
        let big_endian = match &head[..2] {
            b"II" => false,
            b"MM" => true,
            _ => return None,
        };
        let mut file = Self {
            pages: Vec::new(),
            bytes,
            big_endian,
            big: false,
        };
        let first = match file.number(&head[2..4]) {
            42 => file.number(&head[4..8]),
            43 => {
                file.big = true;
                file.number(&head[8..16])
            }
            _ => return None,
        };
        // NDPI writes 64-bit offsets into classic files of over 4 GiB.
        if !file.big && file.page(first).is_none() {
            let long = file.number(&head[4..12]);
            return Some((file, long));
        }
        Some((file, first))
    }

    fn number(&self, bytes: &[u8]) -> u64 {
        let shifted = |value: u64, byte: &u8| value << 8 | u64::from(*byte);
        if self.big_endian {
            bytes.iter().fold(0, shifted)
        } else {
            bytes.iter().rev().fold(0, shifted)
        }
    }

    /// One page, and where the next one is (0: nowhere).
    fn page(&self, at: u64) -> Option<(Page, u64)> {
        let (count_len, entry_len, offset_len) = if self.big { (8, 20, 8) } else { (2, 12, 4) };
        let count_bytes = self.read(at, count_len)?;
        let count = self.number(&count_bytes);
        if count == 0 || count > MAX_ENTRIES {
            return None;
        }
        let entries_at = at.checked_add(count_len)?;
        let entries = self.read(entries_at, count * entry_len)?;
        let mut page = Page::default();
        for (index, entry) in entries.chunks_exact(entry_len as usize).enumerate() {
            self.note(entry, entries_at + index as u64 * entry_len, &mut page);
        }
        let next = self
            .read(entries_at + count * entry_len, offset_len)
            .map_or(0, |bytes| self.number(&bytes));
        Some((page, next))
    }

    /// Notes one entry, which lies at `at`.
    fn note(&self, entry: &[u8], at: u64, page: &mut Page) {
        let tag = self.number(&entry[..2]) as u16;
        let kind = self.number(&entry[2..4]);
        let (count, value, value_at) = if self.big {
            (self.number(&entry[4..12]), &entry[12..20], at + 12)
        } else {
            (self.number(&entry[4..8]), &entry[8..12], at + 8)
        };
        let short = || match kind {
            3 => self.number(&value[..2]),
            4 => self.number(&value[..4]),
            _ => self.number(value),
        };
        let values = || {
            let size: u64 = match kind {
                3 => 2,
                4 => 4,
                5 | 16 => 8,
                _ => 1,
            };
            let fits = count.saturating_mul(size) <= value.len() as u64;
            let at = if fits { value_at } else { self.number(value) };
            Values { kind, count, at }
        };
        match tag {
            IMAGE_WIDTH => page.width_px = short(),
            IMAGE_LENGTH => page.height_px = short(),
            BITS_PER_SAMPLE => page.bits = values(),
            COMPRESSION => page.compression = short(),
            PHOTOMETRIC => page.photometric = short(),
            SAMPLES_PER_PIXEL => page.samples = short(),
            X_RESOLUTION => page.x_resolution = values(),
            Y_RESOLUTION => page.y_resolution = values(),
            PLANAR_CONFIGURATION => page.planar = short(),
            RESOLUTION_UNIT => page.resolution_unit = short(),
            TILE_WIDTH => {
                page.tiled = true;
                page.tile_width_px = short();
            }
            TILE_LENGTH => page.tile_height_px = short(),
            TILE_OFFSETS => page.tile_offsets = values(),
            TILE_BYTE_COUNTS => page.tile_byte_counts = values(),
            JPEG_TABLES => page.jpeg_tables = values(),
            NDPI_FORMAT => page.ndpi = true,
            // A page may state them a thousand times over.
            IMAGE_DESCRIPTION | SOFTWARE | XMP if page.words.len() < MOST_WORDS => {
                let Values { at, .. } = values();
                if let Some(text) = self.read(at, count.min(TEXT_BYTES)) {
                    page.words.push_str(&String::from_utf8_lossy(&text));
                    page.words.push('\n');
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A classic little-endian page: entries of (tag, type, count, value), then the next page's place.
    fn page(entries: &[(u16, u16, u32, u32)], next: u32) -> Vec<u8> {
        let mut out = (entries.len() as u16).to_le_bytes().to_vec();
        for (tag, kind, count, value) in entries {
            out.extend(tag.to_le_bytes());
            out.extend(kind.to_le_bytes());
            out.extend(count.to_le_bytes());
            out.extend(value.to_le_bytes());
        }
        out.extend(next.to_le_bytes());
        out
    }

    fn read(pages_of: &[u8]) -> Vec<Page> {
        let bytes: Vec<u8> = [b"II*\0\x08\0\0\0".as_slice(), pages_of].concat();
        pages(&Source::from_bytes("t", bytes))
    }

    #[test]
    fn sizes_and_tiles_are_seen() {
        let entries = [(256, 4, 1, 300), (257, 3, 1, 250), (322, 3, 1, 64)];
        let seen = read(&page(&entries, 0));
        assert_eq!((seen[0].width_px, seen[0].height_px), (300, 250));
        assert!(seen[0].tiled && !seen[0].ndpi);
    }

    #[test]
    fn descriptions_that_are_stated_over_and_over_are_not_all_kept() {
        let entries = [(270, 2, 2000, 8 + 2 + 1000 * 12 + 4); 1000];
        let file = [page(&entries, 0), vec![b'x'; 2000]].concat();
        let seen = read(&file);
        assert_eq!(seen.len(), 1);
        assert!((2000..9000).contains(&seen[0].words.len()));
    }

    #[test]
    fn pages_that_point_at_themselves_end_the_walk() {
        assert_eq!(read(&page(&[(256, 4, 1, 1)], 8)).len(), 1);
        assert_eq!(read(&page(&[(256, 4, 1, 1)], 0xFFFF_0000)).len(), 1);
        assert!(
            read(&[0xFF, 0xFF, 0, 0]).is_empty(),
            "entries beyond the end"
        );
        assert!(pages(&Source::from_bytes("t", b"no TIFF at all..".to_vec())).is_empty());
    }
}
