//! Identifiers and small shared values. Internal numbers are newtypes; public ids are strings (`c-…`, `i-…`).

use serde::{Deserialize, Serialize};

/// The highest view number: a vector's key is `case_no << 24 | view_no`.
pub const MAX_VIEW_NO: u32 = (1 << 24) - 1;

/// The highest case number that fits in a vector's key beside 24 bits of view number.
pub(crate) const MAX_CASE_NO: u64 = (1 << 40) - 1;

macro_rules! number_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub u64);

        impl $name {
            /// As SQL stores it. Numbers come from SQLite's row ids, which are positive `i64`.
            pub(crate) fn sql(self) -> i64 {
                i64::try_from(self.0).unwrap_or(i64::MAX)
            }

            pub(crate) fn from_sql(value: i64) -> Self {
                Self(value.unsigned_abs())
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

number_id! {
    /// A case's internal number; never reused, less than 2^40.
    CaseNo
}
number_id! {
    /// An image's internal number; never reused.
    ImageNo
}
number_id! {
    /// A job's number; one job per image.
    JobId
}
number_id! {
    /// An ingest batch's number: one `ingest` command or one upload.
    BatchNo
}

/// A collection's public id (`col-…`).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CollectionId(pub String);

/// What made a vector. Vectors of different stamps never meet in one index (invariant 3).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ModelStamp {
    /// SHA-256 over weights, tokenizer and config, lower-case hex.
    pub model_id: String,
    /// Preprocessing profile: `train` or `hf`.
    pub profile: String,
    /// Precision of the encoder: `f32`.
    pub precision: String,
    /// Version of windowing, orientation and tiling.
    pub pipeline_version: u32,
    /// Components of a vector.
    pub dimension: u32,
}

impl ModelStamp {
    /// The stamp as one line, its key in the catalog: `model_id/profile/precision/pipeline_version/dimension`.
    pub fn key(&self) -> String {
        format!(
            "{}/{}/{}/{}/{}",
            self.model_id, self.profile, self.precision, self.pipeline_version, self.dimension
        )
    }
}

/// A rectangle in the pixels of the image (or of the frame).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PixelBox {
    /// Left edge.
    pub x_px: u32,
    /// Top edge.
    pub y_px: u32,
    /// Width.
    pub width_px: u32,
    /// Height.
    pub height_px: u32,
}

/// Where a vector lies in the vector log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct VectorLocation {
    /// Number of the segment file.
    pub segment: u32,
    /// Byte offset of the record in the segment.
    pub offset: u64,
    /// CRC-32 of the record.
    pub crc: u32,
}

/// One view, by the two halves of its vector's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ViewRef {
    /// The case.
    pub case_no: CaseNo,
    /// The view's number within the case, at most [`MAX_VIEW_NO`].
    pub view_no: u32,
}

impl ViewRef {
    /// The vector's key: `case_no << 24 | view_no`.
    pub fn key(self) -> u64 {
        (self.case_no.0 << 24) | u64::from(self.view_no)
    }

    /// The view of a key.
    pub fn from_key(key: u64) -> Self {
        Self {
            case_no: CaseNo(key >> 24),
            view_no: (key & u64::from(MAX_VIEW_NO)) as u32,
        }
    }
}
