//! A slide's views: tissue tiles at one scale, all of them or a mosaic.

use rayon::prelude::*;

use super::mosaic::{draw, look_of};
use super::tissue::TissueMask;
use super::{Slide, fitted};
use crate::{Cuts, DecodeRequest, Decoded, ImagingError, Limits, Mosaic, Rgb8, View, ViewKind};

/// Side of a tile as the encoder reads it.
const TILE_PX: u32 = 448;
/// Side of the small picture by which tiles are told apart.
const LOOK_PX: u32 = 56;
/// Longest side of the overview in which tissue is looked for.
const OVERVIEW_PX: u32 = 1024;
/// Least share of tissue in a tile.
const TISSUE_SHARE: f64 = 0.3;
/// Longest side of a view of a drawn box.
const REGION_PX: u32 = 1024;
/// Places of a grid that are looked at, whatever size a header states.
const MAX_PLACES: u64 = 4_000_000;

/// A tile: its box in pixels of level 0.
type TileBox = [u32; 4];

/// Views and thumbnail of a slide.
///
/// # Errors
/// `ReadSlide`; `StayWithinLimit` where the slide has no level that is small enough to be looked at whole.
pub(crate) fn decode(slide: &Slide, request: &DecodeRequest) -> Result<Decoded, ImagingError> {
    let overview = slide.picture(None, Some(OVERVIEW_PX))?;
    let tiles = Tiles::find(slide, &overview, &request.cuts, &request.limits)?;
    let drawn = match request.cuts.mosaic {
        Mosaic::Clustered => tiles.mosaic(slide)?,
        Mosaic::All => tiles.boxes.clone(),
    };
    let pixels = u64::from(TILE_PX) * u64::from(TILE_PX);
    let affordable = (request.limits.max_view_pixels / pixels).max(1) as usize;
    let kept = evenly(
        &drawn,
        affordable.min(request.limits.max_tiles.max(1) as usize),
    );
    let mut how = match request.cuts.mosaic {
        Mosaic::Clustered => "mosaic".to_owned(),
        Mosaic::All => "all tissue".to_owned(),
    };
    if kept.len() < drawn.len() {
        how.push_str(&format!(" ({} of {} tiles)", kept.len(), drawn.len()));
    } else if request.cuts.mosaic == Mosaic::All && tiles.found > tiles.boxes.len() {
        how.push_str(&format!(" ({} of {} tiles)", kept.len(), tiles.found));
    }
    if !tiles.tissue {
        how.push_str(", no tissue found");
    }
    let views: Result<Vec<View>, ImagingError> = kept
        .par_iter()
        .map(|box_px| slide.tile_view(*box_px, tiles.downsample, &how))
        .collect();
    let thumbnail = overview.fit_within(request.thumbnail_px);
    Ok(Decoded {
        header: slide.header().clone(),
        views: views?,
        thumbnail,
    })
}

/// The tissue tiles of a slide.
struct Tiles {
    boxes: Vec<TileBox>,
    /// How many there are; more than `boxes` where the limit thinned them.
    found: usize,
    downsample: f64,
    tissue: bool,
}

impl Tiles {
    fn find(
        slide: &Slide,
        overview: &Rgb8,
        cuts: &Cuts,
        limits: &Limits,
    ) -> Result<Self, ImagingError> {
        let downsample = slide
            .scale()
            .downsample(f64::from(cuts.tile_um_per_px.max(0.01)));
        let side = f64::from(TILE_PX) * downsample;
        let (width, height) = (slide.width_px(), slide.height_px());
        let columns = places(width, side);
        let rows = places(height, side);
        Limits::check("tile places", columns * rows, MAX_PLACES)?;
        let mask = TissueMask::of(overview);
        let span = |index: u64, count: u64, full: u32| {
            let side = side.round().min(f64::from(full)).max(1.0) as u32;
            let start = u64::from(full - side) * index / (count - 1).max(1);
            (start as u32, side)
        };
        let share = |[x, y, w, h]: &TileBox| {
            let across = |at: u32| f64::from(at) / f64::from(width);
            let down = |at: u32| f64::from(at) / f64::from(height);
            mask.as_ref().map_or(1.0, |mask| {
                mask.share(across(*x), down(*y), across(x + w), down(y + h))
            })
        };
        let place = |index: u64| {
            let (x, w) = span(index % columns, columns, width);
            let (y, h) = span(index / columns, rows, height);
            [x, y, w, h]
        };
        let with_share = |least: f64| -> Vec<TileBox> {
            let places = (0..columns * rows).map(place);
            places.filter(|tile| share(tile) >= least).collect()
        };
        let mut boxes = with_share(TISSUE_SHARE);
        if boxes.is_empty() {
            // Tissue too thin to fill its share of any tile: the fullest tiles are what there is.
            let fullest = (0..columns * rows).map(|index| share(&place(index)));
            boxes = with_share(fullest.fold(0.0, f64::max) / 2.0);
        }
        let found = boxes.len();
        Ok(Self {
            boxes: evenly(&boxes, limits.max_tiles.max(1) as usize),
            found,
            downsample,
            tissue: mask.is_some(),
        })
    }

    /// The tiles that stand for all.
    fn mosaic(&self, slide: &Slide) -> Result<Vec<TileBox>, ImagingError> {
        let looks: Result<Vec<Vec<f32>>, ImagingError> = self
            .boxes
            .par_iter()
            .map(|box_px| {
                let (width_px, height_px) = fitted(*box_px, LOOK_PX);
                Ok(look_of(&slide.scaled(*box_px, width_px, height_px)?))
            })
            .collect();
        let places: Vec<[f32; 2]> = self
            .boxes
            .iter()
            .map(|[x, y, w, h]| [*x as f32 + *w as f32 / 2.0, *y as f32 + *h as f32 / 2.0])
            .collect();
        Ok(draw(&looks?, &places)
            .into_iter()
            .map(|index| self.boxes[index])
            .collect())
    }
}

impl Slide {
    /// A box that somebody drew, at the scale of tiles, within 1024 px on its longest side.
    ///
    /// # Errors
    /// As [`Slide::picture`].
    pub(crate) fn region_view(&self, box_px: [u32; 4], cuts: &Cuts) -> Result<View, ImagingError> {
        let longest = f64::from(box_px[2].max(box_px[3]));
        let downsample = self
            .scale()
            .downsample(f64::from(cuts.tile_um_per_px.max(0.01)))
            .min(longest / f64::from(TILE_PX))
            .max(longest / f64::from(REGION_PX))
            .max(1.0);
        let mut view = self.tile_view(box_px, downsample, "region")?;
        view.kind = ViewKind::Region;
        Ok(view)
    }

    /// A box `downsample` times coarser than level 0.
    fn tile_view(&self, box_px: TileBox, downsample: f64, how: &str) -> Result<View, ImagingError> {
        let side =
            |side: u32| ((f64::from(side) / downsample).round() as u32).clamp(1, side.max(1));
        let rgb = self.scaled(box_px, side(box_px[2]), side(box_px[3]))?;
        let ratio = [
            f64::from(box_px[2]) / f64::from(rgb.width_px),
            f64::from(box_px[3]) / f64::from(rgb.height_px),
        ];
        let scale = self.scale();
        let um_per_px = scale.um_per_px[0] * ratio[0];
        let level = self.level_for(ratio[0].min(ratio[1]));
        let mut made_by = format!("{how}, {um_per_px:.2} um/px, level {level}");
        if let Some(assumed) = &scale.assumed {
            made_by.push_str(&format!(", {assumed}"));
        }
        if let Some(remark) = self.backend.remark() {
            made_by.push_str(&format!(", {remark}"));
        }
        if self.has_unusable_profile() {
            made_by.push_str(", colour profile unusable");
        }
        Ok(View {
            kind: ViewKind::Tile,
            frame: 1,
            box_px,
            mm_per_px: scale.mm_per_px(ratio),
            made_by,
            rgb,
        })
    }
}

/// Number of tiles that cover a side; neighbours overlap a little so that the last ends at the border.
fn places(full: u32, side: f64) -> u64 {
    ((f64::from(full) / side - 0.01).ceil() as u64).max(1)
}

/// At most `count` of the items, evenly spread.
fn evenly(items: &[TileBox], count: usize) -> Vec<TileBox> {
    if items.len() <= count {
        return items.to_vec();
    }
    (0..count)
        .map(|index| items[index * items.len() / count])
        .collect()
}
