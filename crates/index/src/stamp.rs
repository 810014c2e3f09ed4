//! What a vector was made by ([`Stamp`]), where it lies ([`VectorLocation`]) and how a view is keyed.

use serde::{Deserialize, Serialize};

use crate::IndexError;

/// The making of a vector. Vectors of different stamps are never compared; each segment of the log and each
/// index carries one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Stamp {
    /// SHA-256 (hex) over weights, tokenizer and config.
    pub model_id: String,
    /// Preprocessing profile: `train` or `hf`.
    pub profile: String,
    /// Arithmetic of the encoder: `f32` …
    pub precision: String,
    /// Version of windowing, orientation and tiling.
    pub pipeline_version: u32,
    /// Length of a vector.
    pub dimension: u32,
}

/// Where a vector lies in the log. The catalog keeps it beside the view.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct VectorLocation {
    /// Segment file number.
    pub segment: u32,
    /// Byte offset of the record in that file.
    pub offset: u64,
    /// CRC-32 of key and vector bytes, as the record itself has it.
    pub crc32: u32,
}

const VIEW_BITS: u32 = 24;

/// The key of a view: `case_no << 24 | view_no`.
///
/// # Errors
/// [`IndexError::KeyRange`] where a number does not fit.
pub fn view_key(case_no: u64, view_no: u32) -> Result<u64, IndexError> {
    if case_no >> (64 - VIEW_BITS) != 0 || view_no >> VIEW_BITS != 0 {
        return Err(IndexError::KeyRange);
    }
    Ok(case_no << VIEW_BITS | u64::from(view_no))
}

/// Case number and view number of a key made by [`view_key`].
pub fn split_view_key(key: u64) -> (u64, u32) {
    (key >> VIEW_BITS, (key & ((1 << VIEW_BITS) - 1)) as u32)
}
