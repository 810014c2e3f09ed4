//! Refuses slides whose tiles are made of the same few bytes, before OpenSlide is asked: it would decode each of them.

use tiff::tags::CompressionMethod;

use super::tiff_pages::{Page, TiffFile};
use super::tiff_tiles::{MOST_LEVELS, MOST_TILES};
use crate::tiff_shares::{Shares, expansion};
use crate::{ImagingError, Source};

/// Channels of a page, and bits of one; more make no picture.
const MOST_CHANNELS: u64 = 8;
const MOST_BITS: u64 = 64;
/// Each plane has tiles of its own (TIFF 6.0, page 68).
const PLANAR: u64 = 2;

/// Looks at the tiles of every page. Tiles of no bytes are left out of sparse files, and blank ones may share theirs;
/// a page of nothing else is no slide.
///
/// # Errors
/// `ReadSlide` for tiles that lie over one another, or are too short for the pixels that they stand for.
pub(super) fn refuse(source: &Source) -> Result<(), ImagingError> {
    let Some(file) = TiffFile::open(source) else {
        return Ok(());
    };
    let file_len = source.byte_count();
    let mut left = MOST_TILES;
    let tiled = file
        .pages
        .iter()
        .enumerate()
        .filter(|(_, page)| page.tiled && !page.ndpi);
    for (index, page) in tiled.take(MOST_LEVELS) {
        let Some(tiles) = Tiles::read(&file, page, left) else {
            continue;
        };
        left -= tiles.places.len() as u64;
        let shares = Shares::of(&tiles.places, &tiles.lengths, file_len);
        let holds = expansion(compression(page), page.tile_width_px)
            .is_none_or(|ratio| shares.could_hold(tiles.pixel_bytes, ratio));
        if shares.lie_over_one_another() || !holds {
            return Err(ImagingError::ReadSlide {
                reason: format!(
                    "page {}: its tiles lie over one another (TileOffsets, TileByteCounts): \
                     write the slide anew from its source",
                    index + 1
                ),
            });
        }
    }
    Ok(())
}

fn compression(page: &Page) -> CompressionMethod {
    u16::try_from(page.compression).map_or(
        CompressionMethod::Unknown(0),
        CompressionMethod::from_u16_exhaustive,
    )
}

/// The tiles of a page, as far as they are in the file.
struct Tiles {
    places: Vec<u64>,
    lengths: Vec<u64>,
    /// What those that are there decode to.
    pixel_bytes: u64,
}

impl Tiles {
    /// `None` for a page without a sense, which OpenSlide refuses, and for one of more than `most` tiles, whose tables
    /// alone take many megabytes.
    fn read(file: &TiffFile, page: &Page, most: u64) -> Option<Self> {
        let (tile_width, tile_height) = (page.tile_width_px, page.tile_height_px);
        if tile_width == 0 || tile_height == 0 {
            return None;
        }
        let channels = page.samples.clamp(1, MOST_CHANNELS);
        let planes = if page.planar == PLANAR { channels } else { 1 };
        let count = page
            .width_px
            .div_ceil(tile_width)
            .saturating_mul(page.height_px.div_ceil(tile_height))
            .saturating_mul(planes);
        if count > most {
            return None;
        }
        let places = file.numbers(&page.tile_offsets.first(count), count)?;
        let lengths = file.numbers(&page.tile_byte_counts.first(count), count)?;
        let there = places
            .iter()
            .zip(&lengths)
            .filter(|(place, length)| **place > 0 && **length > 0)
            .count() as u64;
        let bits = file.numbers(&page.bits.first(1), 1);
        let bits = bits.and_then(|bits| bits.first().copied()).unwrap_or(8);
        let bytes_per_pixel = channels / planes * bits.min(MOST_BITS);
        let pixel_bytes = tile_width
            .saturating_mul(tile_height)
            .saturating_mul(there)
            .saturating_mul(bytes_per_pixel)
            / 8;
        Some(Self {
            places,
            lengths,
            pixel_bytes,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A page of 100 tiles of 64×64 grey pixels, deflated, at the given places with the given lengths.
    fn slide(tiles: &[(u32, u32)], content: usize) -> Source {
        assert_eq!(tiles.len(), 100);
        let tables_at = 8 + 2 + 8 * 12 + 4;
        let entries: [(u16, u32, u32); 8] = [
            (256, 1, 640),
            (257, 1, 640),
            (258, 1, 8),
            (259, 1, 8),
            (322, 1, 64),
            (323, 1, 64),
            (324, 100, tables_at),
            (325, 100, tables_at + 400),
        ];
        let mut file = b"II\x2A\0\x08\0\0\0\x08\0".to_vec();
        for (tag, count, value) in entries {
            file.extend(tag.to_le_bytes());
            file.extend(4u16.to_le_bytes());
            file.extend(count.to_le_bytes());
            file.extend(value.to_le_bytes());
        }
        file.extend([0; 4]);
        tiles
            .iter()
            .for_each(|(at, _)| file.extend(at.to_le_bytes()));
        tiles
            .iter()
            .for_each(|(_, len)| file.extend(len.to_le_bytes()));
        file.resize(file.len() + content, 0);
        Source::from_bytes("s", file)
    }

    #[test]
    fn sparse_slides_and_blank_tiles_that_share_pass() {
        assert_eq!(refuse(&slide(&[(0, 0); 100], 0)), Ok(()));
        let mut tiles = [(1000, 40); 100];
        for (index, tile) in tiles.iter_mut().take(10).enumerate() {
            *tile = (2000 + index as u32 * 700, 700);
        }
        assert_eq!(refuse(&slide(&tiles, 10_000)), Ok(()));
        assert_eq!(refuse(&Source::from_bytes("t", *b"no TIFF")), Ok(()));
    }

    #[test]
    fn tiles_of_the_same_bytes_are_refused_with_their_page() {
        let error = refuse(&slide(&[(1000, 40); 100], 10_000)).unwrap_err();
        let said = error.to_string();
        assert!(
            said.contains("page 1: its tiles lie over one another"),
            "{said}"
        );
        let stepped: Vec<(u32, u32)> = (0..100).map(|index| (1000 + index, 4000)).collect();
        assert!(refuse(&slide(&stepped, 10_000)).is_err());
    }
}
