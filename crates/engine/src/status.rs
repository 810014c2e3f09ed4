//! How the library stands: the document behind `casekin status` and `GET /api/v1/status`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::answer::ModelSummary;

/// The state of a library.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Status {
    /// Version of the program.
    pub version: String,
    /// Cases held.
    pub cases: u64,
    /// Pictures held.
    pub images: u64,
    /// Views cut from them.
    pub views: u64,
    /// Vectors in the log under the active model.
    pub vectors: u64,
    /// Ingest jobs by state.
    pub jobs: JobCounts,
    /// Index progress, as sequence numbers of the catalog.
    pub index: IndexProgress,
    /// The active model, where one is.
    pub model: Option<ModelSummary>,
    /// True while the demo model stands in for MedSigLIP.
    pub stand_in: bool,
    /// Share of pictures that can be found by picture, 0 to 1.
    pub coverage: f32,
    /// Estimated seconds until the queue is empty, where it can be told.
    pub seconds_left: Option<u64>,
    /// Progress of `casekin reencode`, while one runs.
    pub reencode: Option<ReencodeProgress>,
    /// Different objects with the same SOP Instance UID that are both kept.
    pub uid_conflicts: u64,
    /// Whether a language model writes the summaries, or they are extracts.
    pub summary_writer: String,
    /// What a reader must know, in plain words.
    pub notices: Vec<String>,
}

/// Ingest jobs by state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct JobCounts {
    /// Waiting.
    pub queued: u64,
    /// Leased by a worker.
    pub running: u64,
    /// Done.
    pub done: u64,
    /// Failed, with a reason each.
    pub failed: u64,
}

/// How far the index has followed the catalog.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct IndexProgress {
    /// Last sequence number the index has applied.
    pub applied: u64,
    /// Last sequence number of the catalog.
    pub latest: u64,
}

/// Progress of a re-encoding with another model.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ReencodeProgress {
    /// Model being encoded with.
    pub model: String,
    /// Pictures done.
    pub done: u64,
    /// Pictures in all.
    pub total: u64,
    /// Estimated seconds left, where it can be told.
    pub seconds_left: Option<u64>,
}
