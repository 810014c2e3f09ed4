//! The one error type of this crate. Messages say what to do next and never carry patient data: no key
//! values, no report text, no filter values. File names here are the index's own (segment numbers), never a user's.

use std::path::PathBuf;

use crate::{Field, Stamp};

/// Everything that can go wrong in the vector log, the index and their queries.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IndexError {
    /// A file or folder of the log or index could not be read or written.
    #[error("cannot {action} {}", path.display())]
    File {
        /// What was attempted, as a verb: "open", "write" …
        action: &'static str,
        /// The log's or index's own file.
        path: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// Another process (or another handle in this one) writes this log or index.
    #[error("another writer holds {}", path.display())]
    Busy {
        /// The folder that is held.
        path: PathBuf,
    },
    /// Vectors of different making would meet.
    #[error(
        "the {what} holds vectors of model {} (profile {}, precision {}, pipeline {}, dimension {}), but model {} (profile {}, precision {}, pipeline {}, dimension {}) is asked for: run `casekin reencode`",
        short(&held.model_id), held.profile, held.precision, held.pipeline_version, held.dimension,
        short(&wanted.model_id), wanted.profile, wanted.precision, wanted.pipeline_version, wanted.dimension
    )]
    StampMismatch {
        /// "index" or "vector log".
        what: &'static str,
        /// What is on disk.
        held: Box<Stamp>,
        /// What was asked for.
        wanted: Box<Stamp>,
    },
    /// The index was written by another version of this program.
    #[error(
        "the {what} has format {found}, this program reads format {known}: run `casekin index rebuild`"
    )]
    FormatVersion {
        /// Which file.
        what: &'static str,
        /// The version on disk.
        found: u32,
        /// The version this program reads.
        known: u32,
    },
    /// A file of the index fails its checksum or contradicts the others.
    #[error("the index is damaged ({what}: {reason}): run `casekin index rebuild`")]
    Damaged {
        /// Which part.
        what: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A segment file of the vector log has a header that cannot be read.
    #[error("segment {segment} of the vector log has no readable header: {reason}")]
    SegmentHeader {
        /// Segment number.
        segment: u32,
        /// What is wrong with it.
        reason: String,
    },
    /// No vector lies at this place (unknown segment, beyond its end, or another record).
    #[error(
        "no vector at segment {segment} offset {offset} of the vector log: run `casekin reencode`"
    )]
    VectorMissing {
        /// Segment number.
        segment: u32,
        /// Byte offset.
        offset: u64,
    },
    /// The vector at this place was erased.
    #[error("the vector at segment {segment} offset {offset} was erased")]
    VectorErased {
        /// Segment number.
        segment: u32,
        /// Byte offset.
        offset: u64,
    },
    /// The record fails its checksum.
    #[error(
        "the vector at segment {segment} offset {offset} fails its checksum: run `casekin reencode`"
    )]
    VectorDamaged {
        /// Segment number.
        segment: u32,
        /// Byte offset.
        offset: u64,
    },
    /// A vector has another dimension than the stamp says.
    #[error("a vector has {found} dimensions, {expected} are expected")]
    Dimension {
        /// What the stamp says.
        expected: u32,
        /// What was given.
        found: usize,
    },
    /// A vector is not finite or has no length.
    #[error("a vector cannot be used: {reason}")]
    BadVector {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The current stamp's segments cannot be swept.
    #[error("the vectors of the model in use cannot be removed")]
    StampInUse,
    /// A case number does not fit a view key.
    #[error("a case number is beyond 2^40, or a view number beyond 2^24")]
    KeyRange,
    /// A query is beyond a bound.
    #[error("the query has {found} {what}, at most {limit} are allowed")]
    QueryTooLarge {
        /// What is counted.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// How many there may be.
        limit: usize,
    },
    /// A filter is not of the form field=value.
    #[error("a filter must read field=value, field!=value, field=a|b or field=min..max")]
    FilterSyntax,
    /// A filter names no known field.
    #[error(
        "unknown filter field; known are modality, body_part, laterality, label, sex, site, age, date, synthetic"
    )]
    FilterField,
    /// A filter's value does not fit its field.
    #[error("the filter on {field} is wrong: {reason}")]
    FilterValue {
        /// The field.
        field: Field,
        /// What is wrong with the value.
        reason: &'static str,
    },
    /// The graph library failed.
    #[error("cannot {action} the vector graph: {reason}")]
    Graph {
        /// What was attempted.
        action: &'static str,
        /// Its own words.
        reason: String,
    },
    /// The text index failed.
    #[error("cannot {action} the text index")]
    Text {
        /// What was attempted.
        action: &'static str,
        /// Its own reason.
        source: Box<tantivy::TantivyError>,
    },
}

fn short(model_id: &str) -> &str {
    model_id.get(..12).unwrap_or(model_id)
}
