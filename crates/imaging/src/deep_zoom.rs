//! Deep Zoom (DZI) arithmetic and tiles, as OpenSeadragon asks for them: level 0 is one pixel, each level
//! doubles, the last level is the picture itself; tiles overlap their neighbours by a border.

use serde::{Deserialize, Serialize};

use crate::{ImagingError, Rgb8};

/// The pyramid of one picture.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct DeepZoom {
    /// Columns of the full picture.
    pub width_px: u32,
    /// Rows of the full picture.
    pub height_px: u32,
    /// Side of a tile without its overlap.
    pub tile_px: u32,
    /// Pixels shared with each neighbour.
    pub overlap_px: u32,
}

/// One level of a pyramid.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct DeepZoomLevel {
    /// Columns of the whole level.
    pub width_px: u32,
    /// Rows of the whole level.
    pub height_px: u32,
    /// Number of tiles across.
    pub columns: u32,
    /// Number of tiles down.
    pub rows: u32,
}

/// Address of one tile.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct DeepZoomTile {
    /// Level; 0 is a single pixel.
    pub level: u32,
    /// Column from 0.
    pub column: u32,
    /// Row from 0.
    pub row: u32,
}

impl DeepZoom {
    /// Tiles of 256 px that overlap by 1.
    pub fn new(width_px: u32, height_px: u32) -> Self {
        Self {
            width_px,
            height_px,
            tile_px: 256,
            overlap_px: 1,
        }
    }

    /// The level at full size; there are this many plus one levels.
    pub fn max_level(&self) -> u32 {
        let longest = self.width_px.max(self.height_px).max(1);
        u32::BITS - (longest - 1).leading_zeros()
    }

    /// Size and tile counts of a level, or `None` beyond the last.
    pub fn level(&self, level: u32) -> Option<DeepZoomLevel> {
        let halvings = self.max_level().checked_sub(level)?;
        let side = |full: u32| (u64::from(full).div_ceil(1 << halvings) as u32).max(1);
        let (width_px, height_px) = (side(self.width_px), side(self.height_px));
        let tile_px = self.tile_px.max(1);
        Some(DeepZoomLevel {
            width_px,
            height_px,
            columns: width_px.div_ceil(tile_px),
            rows: height_px.div_ceil(tile_px),
        })
    }

    /// The box (x, y, width, height) that a tile covers in its level, overlap included.
    ///
    /// # Errors
    /// [`ImagingError::SelectTile`] for a tile that does not exist.
    pub fn tile_box_px(&self, tile: DeepZoomTile) -> Result<[u32; 4], ImagingError> {
        let DeepZoomTile { level, column, row } = tile;
        let missing = ImagingError::SelectTile { level, column, row };
        let Some(size) = self.level(level) else {
            return Err(missing);
        };
        if column >= size.columns || row >= size.rows {
            return Err(missing);
        }
        let span = |index: u32, side: u32| {
            let start =
                (index * self.tile_px).saturating_sub(if index == 0 { 0 } else { self.overlap_px });
            let end = (u64::from(index + 1) * u64::from(self.tile_px) + u64::from(self.overlap_px))
                .min(side.into());
            (start, end as u32 - start)
        };
        let (x, width_px) = span(column, size.width_px);
        let (y, height_px) = span(row, size.height_px);
        Ok([x, y, width_px, height_px])
    }
}

/// One tile of a rendered frame.
///
/// # Errors
/// [`ImagingError::SelectTile`] for a tile that does not exist or a pyramid of another size.
pub fn deep_zoom_tile(
    rgb: &Rgb8,
    grid: &DeepZoom,
    tile: DeepZoomTile,
) -> Result<Rgb8, ImagingError> {
    let missing = || ImagingError::SelectTile {
        level: tile.level,
        column: tile.column,
        row: tile.row,
    };
    let [x, y, width_px, height_px] = grid.tile_box_px(tile)?;
    let size = grid.level(tile.level).ok_or_else(missing)?;
    if (grid.width_px, grid.height_px) != (rgb.width_px, rgb.height_px) {
        return Err(missing());
    }
    if tile.level == grid.max_level() {
        return rgb.cut([x, y, width_px, height_px]);
    }
    // Only the part of the picture under the tile is shrunk, so a tile costs its own area.
    let source = |start: u32, span: u32, level_side: u32, full: u32| {
        let scale = u64::from(full);
        let from = (u64::from(start) * scale / u64::from(level_side)) as u32;
        let to = (u64::from(start + span) * scale).div_ceil(u64::from(level_side)) as u32;
        (from, to.min(full) - from)
    };
    let (from_x, span_x) = source(x, width_px, size.width_px, rgb.width_px);
    let (from_y, span_y) = source(y, height_px, size.height_px, rgb.height_px);
    Ok(rgb
        .cut([from_x, from_y, span_x, span_y])?
        .shrink_to(width_px, height_px))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_follow_the_deep_zoom_rule() {
        let grid = DeepZoom::new(1000, 600);
        assert_eq!(grid.max_level(), 10);
        assert_eq!(
            grid.level(10).unwrap(),
            DeepZoomLevel {
                width_px: 1000,
                height_px: 600,
                columns: 4,
                rows: 3
            }
        );
        assert_eq!(
            grid.level(9).unwrap(),
            DeepZoomLevel {
                width_px: 500,
                height_px: 300,
                columns: 2,
                rows: 2
            }
        );
        assert_eq!(
            grid.level(0).unwrap(),
            DeepZoomLevel {
                width_px: 1,
                height_px: 1,
                columns: 1,
                rows: 1
            }
        );
        assert!(grid.level(11).is_none());
        assert_eq!(DeepZoom::new(1, 1).max_level(), 0);
        assert_eq!(DeepZoom::new(1024, 1).max_level(), 10);
        assert_eq!(DeepZoom::new(1025, 1).max_level(), 11);
    }

    #[test]
    fn tiles_overlap_inside_and_end_at_the_border() {
        let grid = DeepZoom::new(1000, 600);
        let tile = |level, column, row| grid.tile_box_px(DeepZoomTile { level, column, row });
        assert_eq!(tile(10, 0, 0).unwrap(), [0, 0, 257, 257]);
        assert_eq!(tile(10, 1, 1).unwrap(), [255, 255, 258, 258]);
        assert_eq!(tile(10, 3, 2).unwrap(), [767, 511, 233, 89]);
        assert!(tile(10, 4, 0).is_err());
        assert!(tile(11, 0, 0).is_err());
    }

    #[test]
    fn a_tile_has_the_size_of_its_box() {
        let rgb = Rgb8 {
            width_px: 1000,
            height_px: 600,
            pixels: vec![9; 1_800_000],
        };
        let grid = DeepZoom::new(1000, 600);
        for level in 0..=grid.max_level() {
            let size = grid.level(level).unwrap();
            for (column, row) in [(0, 0), (size.columns - 1, size.rows - 1)] {
                let address = DeepZoomTile { level, column, row };
                let tile = deep_zoom_tile(&rgb, &grid, address).unwrap();
                let [_, _, width_px, height_px] = grid.tile_box_px(address).unwrap();
                assert_eq!((tile.width_px, tile.height_px), (width_px, height_px));
                assert!(tile.pixels.iter().all(|v| *v == 9), "level {level}");
            }
        }
    }
}
