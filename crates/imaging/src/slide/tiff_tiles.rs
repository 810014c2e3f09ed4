//! Slides in plain tiled TIFFs that are read by casekin itself, because their labels are wrong (see `mislabelled`).

use super::backend::{Backend, Level, Region};
use super::mislabelled::holds_ycbcr;
use super::tiff_levels::JpegLevel;
use super::tiff_pages::{Page, TiffFile};
use super::tiles::{KeptTiles, lay};
use crate::{ImagingError, Rgb8, Source};

/// Tiles of all levels together, whose places are kept in memory.
pub(super) const MOST_TILES: u64 = 1 << 22;
/// More levels than any pyramid of 32-bit sides can have.
pub(super) const MOST_LEVELS: usize = 64;
/// How far the ratios of widths and heights of two levels may differ, as OpenSlide has it.
const SKEW: f64 = 0.02;
const INCH_UM: f64 = 25_400.0;
const CENTIMETRE_UM: f64 = 10_000.0;

/// One open slide.
pub(super) struct TiffBackend {
    file: TiffFile,
    levels: Vec<Level>,
    tiled: Vec<Coded>,
    um_per_px: Option<[f64; 2]>,
    held_bytes: u64,
    /// By level and tile.
    kept: KeptTiles<(usize, usize)>,
}

/// A level, and what its tiles hold.
struct Coded {
    level: JpegLevel,
    holds_ycbcr: bool,
}

impl TiffBackend {
    /// Opens a TIFF whose tiles hold other colours than it says; `None` for every other one. `marked`: a vendor's,
    /// whose tiles may overlap or lie in an order of their own.
    ///
    /// # Errors
    /// `ReadSlide` for such a TIFF that cannot be read here.
    pub(super) fn open(source: &Source, marked: bool) -> Result<Option<Self>, ImagingError> {
        let Some(file) = TiffFile::open(source) else {
            return Ok(None);
        };
        let mut left = MOST_TILES;
        let mut level_of = |page| {
            let level = JpegLevel::of(&file, page, left);
            left -= level.as_ref().map_or(0, |level| level.count() as u64);
            (page, level)
        };
        let tiled: Vec<(&Page, Option<JpegLevel>)> = file
            .pages
            .iter()
            .filter(|page| page.tiled)
            .take(MOST_LEVELS)
            .map(&mut level_of)
            .collect();
        let found: Vec<Option<bool>> = tiled
            .iter()
            .map(|(_, level)| holds_ycbcr(&file, level.as_ref()?, !marked))
            .collect();
        if found.iter().all(Option::is_none) {
            return Ok(None);
        }
        if marked {
            return Err(refused("its tiles hold other colours than its pages say"));
        }
        let um_per_px = file.pages.first().and_then(|page| um_per_px(&file, page));
        let levels = levels_of(tiled, &found)?;
        let held_bytes = match source {
            Source::Path(_) => 0,
            Source::Bytes { bytes, .. } => bytes.len() as u64,
        };
        Ok(Some(Self {
            levels: levels
                .iter()
                .map(|coded| sizes(coded, &levels[0]))
                .collect(),
            file,
            tiled: levels,
            um_per_px,
            held_bytes,
            kept: KeptTiles::default(),
        }))
    }

    fn tile(&self, level: usize, index: usize) -> Result<std::sync::Arc<Rgb8>, ImagingError> {
        self.kept.get((level, index), || {
            let Coded { level, holds_ycbcr } = &self.tiled[level];
            level
                .tile(&self.file, index, *holds_ycbcr)
                .ok_or_else(|| refused("a tile is damaged"))
        })
    }
}

impl Backend for TiffBackend {
    fn levels(&self) -> &[Level] {
        &self.levels
    }

    fn read_region(&self, region: Region) -> Result<Rgb8, ImagingError> {
        let Level { downsample, .. } = self.levels[region.level];
        let JpegLevel {
            width_px,
            height_px,
            tile_px: (tile_width, tile_height),
            ..
        } = self.tiled[region.level].level;
        let mut out = Rgb8 {
            width_px: region.width_px,
            height_px: region.height_px,
            pixels: vec![255; region.width_px as usize * region.height_px as usize * 3],
        };
        let to_level = |at: u32| (f64::from(at) / downsample).round() as u32;
        let (left, top) = (to_level(region.x_px), to_level(region.y_px));
        let tiles = |from: u32, len: u32, full: u32, tile: u32| {
            let end = from.saturating_add(len).min(full);
            from / tile..end.div_ceil(tile)
        };
        let across = width_px.div_ceil(tile_width) as usize;
        for row in tiles(top, region.height_px, height_px, tile_height) {
            for column in tiles(left, region.width_px, width_px, tile_width) {
                let index = row as usize * across + column as usize;
                if self.tiled[region.level].level.is_left_out(index) {
                    continue;
                }
                let (x, y) = (column * tile_width, row * tile_height);
                let place = (
                    i64::from(x) - i64::from(left),
                    i64::from(y) - i64::from(top),
                );
                let inside = (i64::from(width_px - x), i64::from(height_px - y));
                lay(&mut out, &*self.tile(region.level, index)?, place, inside);
            }
        }
        Ok(out)
    }

    fn um_per_px(&self) -> Option<[f64; 2]> {
        self.um_per_px
    }

    fn objective_power(&self) -> Option<f64> {
        None
    }

    fn icc_profile(&self) -> Option<Vec<u8>> {
        None
    }

    fn maker(&self) -> Option<String> {
        None
    }

    fn remark(&self) -> Option<&'static str> {
        Some("colours not as labelled")
    }

    fn held_bytes(&self) -> u64 {
        self.held_bytes
    }
}

/// The pages that are levels of one picture, finest first, with what their tiles hold.
fn levels_of(
    tiled: Vec<(&Page, Option<JpegLevel>)>,
    found: &[Option<bool>],
) -> Result<Vec<Coded>, ImagingError> {
    let mistakes = mistakes(&tiled, found);
    let mut levels: Vec<Coded> = Vec::new();
    for (page, level) in tiled {
        let level = level.ok_or_else(|| {
            refused("its tiles hold other colours than its pages say, and not all are JPEG")
        })?;
        let first = levels.first().map(|first| &first.level);
        if first.is_none_or(|first| is_smaller(page, first)) {
            let label = level.labelled_ycbcr;
            levels.push(Coded {
                holds_ycbcr: mistakes[usize::from(label)].unwrap_or(label),
                level,
            });
        }
    }
    levels.sort_by_key(|coded| std::cmp::Reverse(coded.level.width_px));
    Ok(levels)
}

/// What the tiles of pages hold that are labelled RGB, and of those labelled YCbCr, where not what the label says. A
/// writer makes all levels alike: one that shows nothing of its own follows those that do.
fn mistakes(tiled: &[(&Page, Option<JpegLevel>)], found: &[Option<bool>]) -> [Option<bool>; 2] {
    [false, true].map(|label| {
        let mut of_label = tiled
            .iter()
            .zip(found)
            .filter(|((_, level), _)| level.as_ref().is_some_and(|l| l.labelled_ycbcr == label));
        of_label.find_map(|(_, found)| *found)
    })
}

/// A page that shows the same, smaller.
fn is_smaller(page: &Page, first: &JpegLevel) -> bool {
    let across = f64::from(first.width_px) / page.width_px as f64;
    let down = f64::from(first.height_px) / page.height_px as f64;
    across > 1.0 && down > 1.0 && (across / down - 1.0).abs() <= SKEW
}

fn sizes(coded: &Coded, finest: &Coded) -> Level {
    let ratio = |fine: u32, side: u32| f64::from(fine) / f64::from(side);
    let (level, finest) = (&coded.level, &finest.level);
    let across = ratio(finest.width_px, level.width_px);
    let down = ratio(finest.height_px, level.height_px);
    Level {
        width_px: level.width_px,
        height_px: level.height_px,
        downsample: (across + down) / 2.0,
    }
}

/// TIFF 6.0, page 18: pixels per ResolutionUnit.
fn um_per_px(file: &TiffFile, page: &Page) -> Option<[f64; 2]> {
    let unit_um = match page.resolution_unit {
        0 | 2 => INCH_UM,
        3 => CENTIMETRE_UM,
        _ => return None,
    };
    let x = unit_um / file.ratio(&page.x_resolution)?;
    let y = unit_um / file.ratio(&page.y_resolution)?;
    Some([x, y])
}

fn refused(reason: &str) -> ImagingError {
    ImagingError::ReadSlide {
        reason: reason.to_owned(),
    }
}
