//! How the library stands: the document behind `casekin status` and `GET /api/v1/status`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::answer::ModelSummary;
use crate::encoding::EncoderWork;
use crate::error::EngineError;
use crate::library::Library;

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
    /// Why the last re-encoding of this process stopped, if it did.
    pub reencode_failure: Option<String>,
    /// Different objects with the same SOP Instance UID that are both kept.
    pub uid_conflicts: u64,
    /// Whether a language model writes the summaries, or they are extracts.
    pub summary_writer: String,
    /// Why nothing is encoded now, where that is so: pictures wait, and cannot be asked by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_encoding: Option<String>,
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

impl Library {
    /// How the library stands now.
    ///
    /// # Errors
    /// Any error of the catalog.
    pub async fn status(&self) -> Result<Status, EngineError> {
        let counts = self.inner.catalog.status_counts(60_000).await?;
        let serving = self.inner.serving();
        let jobs = &counts.jobs;
        let mut notices = Vec::new();
        if serving.model.demo {
            notices.push(
                "The built-in demo model stands in for MedSigLIP: it knows drawn phantoms only; nothing here is for \
                 medical use"
                    .to_owned(),
            );
        }
        if jobs.failed > 0 {
            notices.push(format!(
                "{} pictures failed; `casekin jobs failed` says why",
                jobs.failed
            ));
        }
        let not_encoding = self.not_encoding();
        notices.extend(not_encoding.clone());
        let conflicts = self.inner.catalog.sop_conflicts(10_000, 0).await?.len() as u64;
        Ok(Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            cases: counts.cases,
            images: counts.images,
            views: counts.views,
            vectors: counts.vectors,
            jobs: JobCounts {
                queued: jobs.queued,
                running: jobs.running,
                done: jobs.done,
                failed: jobs.failed,
            },
            index: IndexProgress {
                applied: serving.index.applied(),
                latest: counts.latest_seq,
            },
            model: Some(crate::convert::model_summary(
                &serving.model,
                &serving.stamp.profile,
            )),
            stand_in: serving.model.demo,
            coverage: counts.coverage as f32,
            seconds_left: counts.time_left_ms().map(|ms| ms.div_ceil(1000)),
            reencode: self.reencode_progress(),
            reencode_failure: self.reencode_failure(),
            uid_conflicts: conflicts,
            summary_writer: "extractive".to_owned(),
            not_encoding,
            notices,
        })
    }

    /// Why nothing is encoded now, where that is so.
    pub(crate) fn not_encoding(&self) -> Option<String> {
        let serving = self.inner.serving();
        let reason = serving.encoder.refused()?.to_owned();
        Some(EngineError::SelfCheckFailed { reason }.to_string())
    }

    /// What the encoder has to do and has done.
    pub fn encoder_work(&self) -> EncoderWork {
        self.inner.serving().encoder.work().unwrap_or_default()
    }

    /// Builds the search index anew from the catalog and the vector log; nothing is encoded again.
    ///
    /// # Errors
    /// Any error of the leaves; the old index goes on serving.
    pub async fn rebuild_index(&self) -> Result<IndexProgress, EngineError> {
        let applied = crate::projection::rebuild(&self.inner).await?;
        Ok(IndexProgress {
            applied,
            latest: self.inner.catalog.latest_seq().await?,
        })
    }
}
