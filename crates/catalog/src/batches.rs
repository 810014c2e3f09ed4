//! Batches: what one ingest found, for its summary: done, known, not a picture, failed with reasons.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

use crate::{BatchNo, Catalog, CatalogError};

/// What became of a file that was not admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FileOutcome {
    /// An object that is no picture, skipped.
    NotPicture,
    /// Could not be read.
    Failed,
}

/// A file that was not admitted (admitted ones are noted by [`Catalog::admit`]).
#[derive(Clone)]
pub struct BatchFile {
    /// Path or name; sealed.
    pub path: PathBuf,
    /// What became of it.
    pub outcome: FileOutcome,
    /// Why, without identifiers.
    pub reason: String,
}

impl fmt::Debug for BatchFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BatchFile")
            .field("outcome", &self.outcome)
            .field("reason", &self.reason)
            .finish_non_exhaustive()
    }
}

/// A batch in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BatchRecord {
    /// The batch.
    pub batch_no: BatchNo,
    /// `folder`, `upload`, `demo`.
    pub source_kind: String,
    /// ms since 1970.
    pub started_ms: i64,
    /// When all files had been looked at.
    pub finished_ms: Option<i64>,
}

/// A file that failed, path unsealed: for the command line alone.
#[derive(Clone, PartialEq, Eq)]
pub struct BatchFailure {
    /// Path or name, where it was given.
    pub path: Option<PathBuf>,
    /// Public id of the image, where it was admitted.
    pub image_id: Option<String>,
    /// Why.
    pub reason: String,
}

impl fmt::Debug for BatchFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BatchFailure")
            .field("image_id", &self.image_id)
            .field("reason", &self.reason)
            .finish_non_exhaustive()
    }
}

/// A batch's summary. Files admitted as new count under the state of their job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchSummary {
    /// The batch.
    pub batch: BatchRecord,
    /// Waiting for a worker.
    pub queued: u64,
    /// With a worker.
    pub running: u64,
    /// Done.
    pub done: u64,
    /// Known before.
    pub known: u64,
    /// Not a picture.
    pub not_picture: u64,
    /// Failed, by job or before.
    pub failed: u64,
    /// The first thousand failures.
    pub failures: Vec<BatchFailure>,
}

impl Catalog {
    /// Opens a batch.
    pub async fn begin_batch(&self, _source_kind: &str) -> Result<BatchNo, CatalogError> {
        todo!()
    }

    /// Notes files that were not admitted, in one transaction.
    pub async fn record_batch_files(
        &self,
        _batch: BatchNo,
        _files: Vec<BatchFile>,
    ) -> Result<(), CatalogError> {
        todo!()
    }

    /// All files have been looked at (jobs may still run).
    pub async fn finish_batch(&self, _batch: BatchNo) -> Result<(), CatalogError> {
        todo!()
    }

    /// How a batch stands. Errors: `UnknownBatch`.
    pub async fn batch_summary(&self, _batch: BatchNo) -> Result<BatchSummary, CatalogError> {
        todo!()
    }

    /// Batches, newest first.
    pub async fn batches(&self, _limit: u32) -> Result<Vec<BatchRecord>, CatalogError> {
        todo!()
    }
}
