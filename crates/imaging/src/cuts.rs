//! Which parts of a picture get a vector of their own.

use serde::{Deserialize, Serialize};

/// How pictures are cut into views. Cutting otherwise gives other views, not other vectors: views of
/// different cuts may be compared.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Cuts {
    /// Views of a plain picture.
    pub views: PlainViews,
    /// Micrometres per pixel at which slide tiles are read: 0.5, 1.0 or 2.0 (20×, 10×, 5×).
    pub tile_um_per_px: f32,
    /// Which tissue tiles of a slide are taken.
    pub mosaic: Mosaic,
}

impl Default for Cuts {
    fn default() -> Self {
        Self {
            views: PlainViews::Whole,
            tile_um_per_px: 1.0,
            mosaic: Mosaic::Clustered,
        }
    }
}

/// Views of a plain picture: one frame that is no slide.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub enum PlainViews {
    /// One view of the whole.
    #[default]
    #[serde(rename = "whole")]
    Whole,
    /// The whole first, and of pictures over 896 px on the longer side a grid of 2×2 crops, row by row from the
    /// top left. Each has 60 % of width and height, so that neighbours share a fifth of the side.
    #[serde(rename = "whole+crops")]
    WholeAndCrops,
}

/// Which tissue tiles of a slide are taken.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mosaic {
    /// A share of each cluster of like tiles: 5 %, at least 16, at most 256 tiles
    /// (Kalra et al., Yottixel, Med Image Anal 2020, in kind).
    #[default]
    Clustered,
    /// Every tissue tile, up to the bound on views.
    All,
}

/// Longer side up to which a picture is not cut: the encoder's own 448 px show half of it.
const UNCUT_PX: u32 = 896;
/// Share of either side that a crop has, in percent.
const CROP_PERCENT: u64 = 60;

/// Boxes (x, y, width, height) of the crops of a plain picture, in the order of their views; none for small ones.
pub(crate) fn crop_boxes(width_px: u32, height_px: u32) -> Vec<[u32; 4]> {
    if width_px.max(height_px) <= UNCUT_PX {
        return Vec::new();
    }
    let side = |whole: u32| (u64::from(whole) * CROP_PERCENT).div_ceil(100) as u32;
    let (width, height) = (side(width_px), side(height_px));
    let (right, bottom) = (width_px - width, height_px - height);
    [(0, 0), (right, 0), (0, bottom), (right, bottom)]
        .map(|(x, y)| [x, y, width, height])
        .to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crops_cover_the_picture_and_overlap() {
        assert!(crop_boxes(896, 700).is_empty());
        assert_eq!(
            crop_boxes(1000, 501),
            [
                [0, 0, 600, 301],
                [400, 0, 600, 301],
                [0, 200, 600, 301],
                [400, 200, 600, 301]
            ]
        );
        assert_eq!(crop_boxes(4000, 1)[3], [1600, 0, 2400, 1]);
    }
}
