//! What a slide's reader offers, whatever the file's format.

use crate::{ImagingError, Rgb8};

/// One level of a slide's pyramid.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Level {
    /// Columns.
    pub width_px: u32,
    /// Rows.
    pub height_px: u32,
    /// Pixels of level 0 per pixel of this level, at least 1.
    pub downsample: f64,
}

/// A part of one level.
#[derive(Clone, Copy, Debug)]
pub(super) struct Region {
    /// Index of the level; 0 is the finest.
    pub level: usize,
    /// Left edge in pixels of level 0.
    pub x_px: u32,
    /// Upper edge in pixels of level 0.
    pub y_px: u32,
    /// Columns of the answer, in pixels of the level.
    pub width_px: u32,
    /// Rows of the answer, in pixels of the level.
    pub height_px: u32,
}

/// A reader of one open slide. Several threads may read at once.
pub(super) trait Backend: Send + Sync {
    /// Levels from fine to coarse, at least one.
    fn levels(&self) -> &[Level];
    /// Pixels of a region, in the scanner's colours; white where the slide has none.
    fn read_region(&self, region: Region) -> Result<Rgb8, ImagingError>;
    /// Micrometres per pixel of level 0 across x and y, where the file says so.
    fn um_per_px(&self) -> Option<[f64; 2]>;
    /// Magnification of the objective, where the file says so.
    fn objective_power(&self) -> Option<f64>;
    /// The ICC profile of the pixels.
    fn icc_profile(&self) -> Option<Vec<u8>>;
    /// Who made the scanner, for people.
    fn maker(&self) -> Option<String>;
    /// What people should know of how the pixels are read.
    fn remark(&self) -> Option<&'static str> {
        None
    }
    /// Bytes of memory that the open slide holds on to.
    fn held_bytes(&self) -> u64;
}
