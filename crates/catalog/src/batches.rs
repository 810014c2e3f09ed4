//! Batches: what one ingest found, for its summary: done, known, not a picture, failed with reasons.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;
use sqlx::SqliteConnection;

use crate::sealed::{Kind, Owner, path_bytes, path_of, put};
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
    pub async fn begin_batch(&self, source_kind: &str) -> Result<BatchNo, CatalogError> {
        let mut write = self.write().await?;
        let inserted = sqlx::query("INSERT INTO batches (source_kind, started_ms) VALUES (?, ?)")
            .bind(source_kind)
            .bind(self.now_ms())
            .execute(&mut *write)
            .await
            .map_err(CatalogError::query("opening a batch"))?;
        self.commit(write).await?;
        Ok(BatchNo::from_sql(inserted.last_insert_rowid()))
    }

    /// Notes files that were not admitted, in one transaction. Errors: `UnknownBatch`.
    pub async fn record_batch_files(
        &self,
        batch: BatchNo,
        files: Vec<BatchFile>,
    ) -> Result<(), CatalogError> {
        let mut write = self.write().await?;
        batch_record(&mut write, batch).await?;
        for file in files {
            let outcome = match file.outcome {
                FileOutcome::NotPicture => "not_picture",
                FileOutcome::Failed => "failed",
            };
            let inserted =
                sqlx::query("INSERT INTO batch_files (batch_no, outcome, reason) VALUES (?, ?, ?)")
                    .bind(batch.sql())
                    .bind(outcome)
                    .bind(&file.reason)
                    .execute(&mut *write)
                    .await
                    .map_err(CatalogError::query("noting a file of a batch"))?;
            let owner = Owner::File(inserted.last_insert_rowid());
            let path = (Kind::Path, path_bytes(&file.path));
            put(&mut write, self.keyring(), owner, path).await?;
        }
        self.commit(write).await
    }

    /// All files have been looked at (jobs may still run). Errors: `UnknownBatch`.
    pub async fn finish_batch(&self, batch: BatchNo) -> Result<(), CatalogError> {
        let mut write = self.write().await?;
        let finished = sqlx::query(
            "UPDATE batches SET finished_ms = COALESCE(finished_ms, ?) WHERE batch_no = ?",
        )
        .bind(self.now_ms())
        .bind(batch.sql())
        .execute(&mut *write)
        .await
        .map_err(CatalogError::query("finishing a batch"))?;
        if finished.rows_affected() == 0 {
            return Err(CatalogError::UnknownBatch(batch));
        }
        self.commit(write).await
    }

    /// How a batch stands. Errors: `UnknownBatch`.
    pub async fn batch_summary(&self, batch: BatchNo) -> Result<BatchSummary, CatalogError> {
        let mut read = self
            .read()
            .begin()
            .await
            .map_err(CatalogError::query("reading a batch"))?;
        let mut summary = BatchSummary {
            batch: batch_record(&mut read, batch).await?,
            queued: 0,
            running: 0,
            done: 0,
            known: 0,
            not_picture: 0,
            failed: 0,
            failures: self.batch_failures(&mut read, batch).await?,
        };
        let counts: Vec<(String, i64)> = sqlx::query_as(
            "SELECT CASE f.outcome WHEN 'admitted' THEN COALESCE(j.state, 'done') \
             ELSE f.outcome END AS stands, COUNT(*) FROM batch_files f \
             LEFT JOIN jobs j ON j.image_no = f.image_no WHERE f.batch_no = ? GROUP BY stands",
        )
        .bind(batch.sql())
        .fetch_all(&mut *read)
        .await
        .map_err(CatalogError::query("counting a batch's files"))?;
        for (stands, count) in counts {
            let count = count.unsigned_abs();
            match stands.as_str() {
                "queued" => summary.queued = count,
                "running" => summary.running = count,
                "done" => summary.done = count,
                "known" => summary.known = count,
                "not_picture" => summary.not_picture = count,
                _ => summary.failed = count,
            }
        }
        Ok(summary)
    }

    /// Batches, newest first.
    pub async fn batches(&self, limit: u32) -> Result<Vec<BatchRecord>, CatalogError> {
        let rows: Vec<BatchRow> = sqlx::query_as(
            "SELECT batch_no, source_kind, started_ms, finished_ms FROM batches \
             ORDER BY batch_no DESC LIMIT ?",
        )
        .bind(limit)
        .fetch_all(self.read())
        .await
        .map_err(CatalogError::query("listing batches"))?;
        Ok(rows.into_iter().map(record_of).collect())
    }

    async fn batch_failures(
        &self,
        conn: &mut SqliteConnection,
        batch: BatchNo,
    ) -> Result<Vec<BatchFailure>, CatalogError> {
        type Row = (
            Option<String>,
            Option<String>,
            Option<String>,
            Option<Vec<u8>>,
        );
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT i.image_id, COALESCE(j.reason, f.reason), s.kind, s.value FROM batch_files f \
             LEFT JOIN images i ON i.image_no = f.image_no \
             LEFT JOIN jobs j ON j.image_no = f.image_no \
             LEFT JOIN sealed s ON s.sealed_no = COALESCE( \
               (SELECT MIN(sealed_no) FROM sealed WHERE file_no = f.file_no), \
               (SELECT MIN(sealed_no) FROM sealed WHERE image_no = f.image_no \
                AND kind IN ('path', 'name'))) \
             WHERE f.batch_no = ? \
             AND (f.outcome = 'failed' OR (f.outcome = 'admitted' AND j.state = 'failed')) \
             ORDER BY f.file_no LIMIT ?",
        )
        .bind(batch.sql())
        .bind(MOST_FAILURES)
        .fetch_all(conn)
        .await
        .map_err(CatalogError::query("listing a batch's failures"))?;
        let failures = rows.into_iter().map(|(image_id, reason, kind, sealed)| {
            let kind = if kind.as_deref() == Some("name") {
                Kind::Name
            } else {
                Kind::Path
            };
            let path = sealed
                .map(|sealed| self.keyring().unseal(kind.name(), &sealed))
                .transpose()?
                .map(path_of);
            Ok(BatchFailure {
                path,
                image_id,
                reason: reason.unwrap_or_default(),
            })
        });
        failures.collect()
    }
}

/// Failures that a summary lists.
const MOST_FAILURES: u32 = 1_000;

type BatchRow = (i64, String, i64, Option<i64>);

fn record_of((batch_no, source_kind, started_ms, finished_ms): BatchRow) -> BatchRecord {
    BatchRecord {
        batch_no: BatchNo::from_sql(batch_no),
        source_kind,
        started_ms,
        finished_ms,
    }
}

async fn batch_record(
    conn: &mut SqliteConnection,
    batch: BatchNo,
) -> Result<BatchRecord, CatalogError> {
    let row: Option<BatchRow> = sqlx::query_as(
        "SELECT batch_no, source_kind, started_ms, finished_ms FROM batches WHERE batch_no = ?",
    )
    .bind(batch.sql())
    .fetch_optional(conn)
    .await
    .map_err(CatalogError::query("reading a batch"))?;
    row.map(record_of).ok_or(CatalogError::UnknownBatch(batch))
}
