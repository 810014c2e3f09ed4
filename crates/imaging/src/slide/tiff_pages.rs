//! Walks the directories of a TIFF (classic, BigTIFF, and NDPI's classic with long offsets) far enough to tell a
//! slide from a picture. Pages that point at each other end the walk; no more than a few KiB of a page are read.

use std::collections::HashSet;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};

use crate::Source;

const IMAGE_WIDTH: u16 = 256;
const IMAGE_LENGTH: u16 = 257;
const IMAGE_DESCRIPTION: u16 = 270;
const SOFTWARE: u16 = 305;
const TILE_WIDTH: u16 = 322;
const XMP: u16 = 700;
/// Hamamatsu's format flag; only NDPI has it.
const NDPI_FORMAT: u16 = 65_420;

const MAX_PAGES: usize = 256;
const MAX_ENTRIES: u64 = 1024;
/// Enough of a description to hold a vendor's word.
const TEXT_BYTES: u64 = 2048;

/// What is seen of one page.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Page {
    pub width_px: u64,
    pub height_px: u64,
    pub tiled: bool,
    pub ndpi: bool,
    /// The start of description, software and XMP, one after the other.
    pub words: String,
}

/// The pages of a TIFF, as many as can be followed; none for what is no TIFF.
pub(super) fn pages(source: &Source) -> Vec<Page> {
    let Some(mut bytes) = Bytes::of(source) else {
        return Vec::new();
    };
    let Some((mut walk, mut at)) = Walk::start(&mut bytes) else {
        return Vec::new();
    };
    let mut pages = Vec::new();
    let mut seen = HashSet::new();
    while at != 0 && pages.len() < MAX_PAGES && seen.insert(at) {
        let Some((page, next)) = walk.page(at) else {
            break;
        };
        pages.push(page);
        at = next;
    }
    pages
}

/// A file, or bytes in memory, read here and there.
enum Bytes<'a> {
    File(File),
    Memory(&'a [u8]),
}

impl<'a> Bytes<'a> {
    fn of(source: &'a Source) -> Option<Self> {
        match source {
            Source::Bytes { bytes, .. } => Some(Self::Memory(bytes)),
            Source::Path(path) => {
                let is_file = std::fs::metadata(path).ok()?.is_file();
                is_file
                    .then(|| File::open(path).ok())
                    .flatten()
                    .map(Self::File)
            }
        }
    }

    fn read(&mut self, at: u64, len: u64) -> Option<Vec<u8>> {
        match self {
            Self::Memory(bytes) => {
                let start = usize::try_from(at).ok()?;
                let end = start.checked_add(usize::try_from(len).ok()?)?;
                bytes.get(start..end).map(<[u8]>::to_vec)
            }
            Self::File(file) => {
                file.seek(SeekFrom::Start(at)).ok()?;
                let mut out = Vec::new();
                file.take(len).read_to_end(&mut out).ok()?;
                (out.len() as u64 == len).then_some(out)
            }
        }
    }
}

struct Walk<'b, 'a> {
    bytes: &'b mut Bytes<'a>,
    big_endian: bool,
    big: bool,
}

impl<'b, 'a> Walk<'b, 'a> {
    /// The byte order, the kind, and where the first page is.
    fn start(bytes: &'b mut Bytes<'a>) -> Option<(Self, u64)> {
        let head = bytes.read(0, 16)?;
        let big_endian = match &head[..2] {
            b"II" => false,
            b"MM" => true,
            _ => return None,
        };
        let mut walk = Self {
            bytes,
            big_endian,
            big: false,
        };
        let first = match walk.number(&head[2..4]) {
            42 => walk.number(&head[4..8]),
            43 => {
                walk.big = true;
                walk.number(&head[8..16])
            }
            _ => return None,
        };
        // NDPI writes 64-bit offsets into classic files of over 4 GiB.
        if !walk.big && walk.page(first).is_none() {
            let long = walk.number(&head[4..12]);
            return Some((walk, long));
        }
        Some((walk, first))
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
    fn page(&mut self, at: u64) -> Option<(Page, u64)> {
        let (count_len, entry_len, offset_len) = if self.big { (8, 20, 8) } else { (2, 12, 4) };
        let count_bytes = self.bytes.read(at, count_len)?;
        let count = self.number(&count_bytes);
        if count == 0 || count > MAX_ENTRIES {
            return None;
        }
        let entries_at = at.checked_add(count_len)?;
        let entries = self.bytes.read(entries_at, count * entry_len)?;
        let mut page = Page::default();
        for entry in entries.chunks_exact(entry_len as usize) {
            self.note(entry, &mut page);
        }
        let next = self
            .bytes
            .read(entries_at + count * entry_len, offset_len)
            .map_or(0, |bytes| self.number(&bytes));
        Some((page, next))
    }

    fn note(&mut self, entry: &[u8], page: &mut Page) {
        let (tag, kind) = (
            self.number(&entry[..2]) as u16,
            self.number(&entry[2..4]) as u16,
        );
        let (count, value) = if self.big {
            (self.number(&entry[4..12]), &entry[12..20])
        } else {
            (self.number(&entry[4..8]), &entry[8..12])
        };
        let short = |walk: &Self| match kind {
            3 => walk.number(&value[..2]),
            4 => walk.number(&value[..4]),
            _ => walk.number(value),
        };
        match tag {
            IMAGE_WIDTH => page.width_px = short(self),
            IMAGE_LENGTH => page.height_px = short(self),
            TILE_WIDTH => page.tiled = true,
            NDPI_FORMAT => page.ndpi = true,
            IMAGE_DESCRIPTION | SOFTWARE | XMP => {
                let place = self.number(value);
                let text = if count <= value.len() as u64 {
                    Some(value.to_vec())
                } else {
                    self.bytes.read(place, count.min(TEXT_BYTES))
                };
                if let Some(text) = text {
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
