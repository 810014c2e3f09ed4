//! Tiles that lie in a level: laid into a region, and the latest ones kept.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use crate::{ImagingError, Rgb8};

/// Decoded tiles that one open slide keeps.
const KEPT_BYTES: usize = 32 << 20;

/// The latest decoded tiles, by what names them.
pub(super) struct KeptTiles<K> {
    kept: Mutex<VecDeque<(K, Arc<Rgb8>)>>,
}

impl<K> Default for KeptTiles<K> {
    fn default() -> Self {
        Self {
            kept: Mutex::default(),
        }
    }
}

impl<K: Copy + PartialEq> KeptTiles<K> {
    /// A kept tile, or one that is read now.
    ///
    /// # Errors
    /// Those of `read`.
    pub(super) fn get(
        &self,
        key: K,
        read: impl FnOnce() -> Result<Rgb8, ImagingError>,
    ) -> Result<Arc<Rgb8>, ImagingError> {
        let lock = || self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, rgb)) = lock().iter().find(|(known, _)| *known == key) {
            return Ok(Arc::clone(rgb));
        }
        let rgb = Arc::new(read()?);
        let mut kept = lock();
        kept.push_back((key, Arc::clone(&rgb)));
        let mut bytes: usize = kept.iter().map(|(_, rgb)| rgb.pixels.len()).sum();
        while bytes > KEPT_BYTES {
            bytes -= kept.pop_front().map_or(0, |(_, rgb)| rgb.pixels.len());
        }
        Ok(rgb)
    }
}

/// Copies a tile to (x, y) of a picture, as far as both reach. `inside` bounds the tile's own columns and rows: what
/// it holds beyond the level's border is padding.
pub(super) fn lay(out: &mut Rgb8, tile: &Rgb8, (x, y): (i64, i64), inside: (i64, i64)) {
    let columns = i64::from(tile.width_px).min(inside.0);
    let rows = i64::from(tile.height_px).min(inside.1);
    let (from, to) = ((-x).max(0), columns.min(i64::from(out.width_px) - x));
    if from >= to {
        return;
    }
    for row in (-y).max(0)..rows.min(i64::from(out.height_px) - y) {
        let source = (row * i64::from(tile.width_px) + from) as usize * 3;
        let target = ((y + row) * i64::from(out.width_px) + x + from) as usize * 3;
        let len = (to - from) as usize * 3;
        out.pixels[target..target + len].copy_from_slice(&tile.pixels[source..source + len]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(side: u32, shade: u8) -> Rgb8 {
        Rgb8 {
            width_px: side,
            height_px: side,
            pixels: vec![shade; (side * side * 3) as usize],
        }
    }

    #[test]
    fn a_tile_is_laid_as_far_as_it_and_the_level_reach() {
        let mut out = plain(4, 255);
        lay(&mut out, &plain(4, 9), (2, -2), (1, 3));
        let reds: Vec<u8> = out.pixels.chunks(3).map(|pixel| pixel[0]).collect();
        let expected = [[255, 255, 9, 255], [255; 4], [255; 4], [255; 4]];
        assert_eq!(reds, expected.concat());
        lay(&mut out, &plain(4, 0), (4, 0), (4, 4));
        lay(&mut out, &plain(4, 0), (0, 0), (-3, 4));
        assert_eq!(reds.iter().filter(|red| **red == 9).count(), 1);
    }

    #[test]
    fn a_kept_tile_is_not_read_again_and_old_ones_go() {
        let kept = KeptTiles::default();
        let mut reads = 0;
        for key in [1, 1, 2, 3, 1] {
            let read = || {
                reads += 1;
                Ok(plain(2500, 0))
            };
            kept.get(key, read).unwrap();
        }
        assert_eq!(reads, 4, "18 MB each: one is kept");
    }
}
