//! Bounds on what one source may cost. Every one is checked before the memory is taken.

use serde::{Deserialize, Serialize};

use crate::ImagingError;

/// Pixels for each stored byte that no picture but a blank one has; real ones have far fewer.
const BLANK_RATIO: u64 = 4096;

/// What one source may cost.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(default)]
pub struct Limits {
    /// Bytes of the source.
    pub max_bytes: u64,
    /// Bytes of a deflated data set, a deflated frame or a gzipped volume, after inflating.
    pub max_inflated_bytes: u64,
    /// Pixels of one frame (width × height).
    pub max_pixels: u64,
    /// Frames of one object: also pages of a TIFF, slices of a volume; an object that states more is refused.
    pub max_frames: u32,
    /// Slices of a volume that are compared to find those that differ; of more, evenly spread ones are.
    pub max_compared_slices: u32,
    /// Views that one object may yield; of more frames, evenly spread ones are taken.
    pub max_views: u32,
    /// Pixels of all views of one object together; fewer frames are taken where it would be more.
    pub max_view_pixels: u64,
    /// Tissue tiles of one slide that are looked at; of more, evenly spread ones are.
    pub max_tiles: u32,
    /// Nesting of DICOM sequences.
    pub max_nesting: u32,
    /// Address space of a decode worker, in bytes.
    pub max_decoder_bytes: u64,
    /// Time that a decode worker may take for one call, in milliseconds.
    pub max_decode_ms: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_bytes: 2 << 30,
            max_inflated_bytes: 512 << 20,
            max_pixels: 200_000_000,
            max_frames: 100_000,
            max_compared_slices: 256,
            max_views: 64,
            max_view_pixels: 400_000_000,
            max_tiles: 20_000,
            max_nesting: 64,
            max_decoder_bytes: 8 << 30,
            max_decode_ms: 120_000,
        }
    }
}

impl Limits {
    /// Fails with [`ImagingError::StayWithinLimit`] when `found` is over `limit`.
    pub(crate) fn check(what: &str, found: u64, limit: u64) -> Result<(), ImagingError> {
        if found <= limit {
            return Ok(());
        }
        Err(ImagingError::StayWithinLimit {
            what: what.to_owned(),
            found,
            limit,
        })
    }

    /// Checks the size of one picture.
    pub(crate) fn check_size(&self, width_px: u32, height_px: u32) -> Result<(), ImagingError> {
        Self::check(
            "pixels",
            u64::from(width_px) * u64::from(height_px),
            self.max_pixels,
        )
    }
}

/// JPEG 2000, JPEG-LS, JPEG XL and lossless WebP hold a blank picture of any size in a few bytes. Up to `blank_px` pixels
/// that is believed; a larger picture must have a byte for every 4096 pixels. Asked before memory is taken for them.
pub(crate) fn could_hold(stored_bytes: usize, pixels: u64, blank_px: u64) -> bool {
    pixels <= blank_px || pixels / BLANK_RATIO <= stored_bytes as u64
}
