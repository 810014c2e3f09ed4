//! TIFFs that ask for much: pages, strips and tiles that point at each other or state more than they hold.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::ZlibEncoder;

use super::{jpeg, zeros};

/// Tag, count and value.
pub type Entry = (u16, u32, u32);

/// A TIFF of directories of long values, each pointing at the given next one.
pub fn tiff(directories: &[(&[Entry], u32)], tail: &[u8]) -> Vec<u8> {
    let mut file = b"II\x2A\0\x08\0\0\0".to_vec();
    for (entries, next) in directories {
        file.extend((entries.len() as u16).to_le_bytes());
        for (tag, count, value) in *entries {
            file.extend(tag.to_le_bytes());
            file.extend(4u16.to_le_bytes());
            file.extend(count.to_le_bytes());
            file.extend(value.to_le_bytes());
        }
        file.extend(next.to_le_bytes());
    }
    file.extend(tail);
    file
}

/// Grey of 8 bits in one strip.
pub fn page(side: u32) -> [Entry; 8] {
    [
        (256, 1, side),
        (257, 1, side),
        (258, 1, 8),
        (259, 1, 1),
        (262, 1, 1),
        (273, 1, 8),
        (278, 1, side),
        (279, 1, side.saturating_mul(side)),
    ]
}

/// A page of 14,000×14,000 in one strip of 900 bytes, compressed.
pub fn tiff_by(compression: u32) -> Vec<u8> {
    let mut entries = page(14_000);
    entries[3] = (259, 1, compression);
    entries[5] = (273, 1, 8 + 2 + 8 * 12 + 4);
    entries[7] = (279, 1, 900);
    tiff(&[(&entries, 0)], &zeros(1)[..900])
}

/// 10,000 strips that are all the same 10,000 bytes.
pub fn strips_over_one_another() -> Vec<u8> {
    let side = 10_000u32;
    let tables_at = 8 + 2 + 8 * 12 + 4;
    let mut entries = page(side);
    entries[5] = (273, side, tables_at);
    entries[6] = (278, 1, 1);
    entries[7] = (279, side, tables_at + side * 4);
    let tables = [tables_at, side].map(|value| value.to_le_bytes().repeat(side as usize));
    tiff(&[(&entries, 0)], &tables.concat())
}

/// A page of 16×16 whose one strip is a JPEG of another size.
pub fn large_jpeg_in_small_page() -> Vec<u8> {
    let inner = jpeg(16_000);
    let mut entries = page(16);
    entries[3] = (259, 1, 7);
    entries[5] = (273, 1, 8 + 2 + 8 * 12 + 4);
    entries[7] = (279, 1, inner.len() as u32);
    tiff(&[(&entries, 0)], &inner)
}

/// A deflated grey page all of whose tiles are the same few bytes, which are one blank tile.
pub fn tiles_at_one_place(side: u32, tile_px: u32) -> Vec<u8> {
    let count = side.div_ceil(tile_px).pow(2);
    let tables_at = 8 + 2 + 10 * 12 + 4;
    let mut deflater = ZlibEncoder::new(Vec::new(), Compression::best());
    deflater
        .write_all(&vec![0; (tile_px * tile_px) as usize])
        .unwrap();
    let tile = deflater.finish().unwrap();
    let mut entries = page(side)[..5].to_vec();
    entries[3] = (259, 1, 8);
    entries.extend([
        (277, 1, 1),
        (322, 1, tile_px),
        (323, 1, tile_px),
        (324, count, tables_at),
        (325, count, tables_at + count * 4),
    ]);
    let tile_at = tables_at + count * 8;
    let tables = [tile_at, tile.len() as u32].map(|word| word.to_le_bytes().repeat(count as usize));
    tiff(&[(&entries, 0)], &[tables.concat(), tile].concat())
}
