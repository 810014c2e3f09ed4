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
    /// The whole, and of pictures over 896 px a grid of 2×2 overlapping crops.
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
