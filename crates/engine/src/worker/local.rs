//! The worker of this process: its jobs come from the library that the process has open.

use std::sync::Arc;
use std::time::Duration;

use casekin_catalog::LeasedJob;
use casekin_imaging::{Limits, Source, VolumeSlice};

use super::{Worker, WorkerEncoder, WorkerPort, report_failure};
use crate::error::EngineError;
use crate::library::Library;
use crate::reconcile::LOCAL_WORKER;
use crate::records::WorkerResult;
use crate::self_check::Measure;
use crate::volumes::volume_slice;

/// How long an idle worker sleeps where nobody wakes it.
const IDLE: Duration = Duration::from_millis(500);

/// The jobs of this process's own library.
pub(crate) struct LocalPort {
    library: Library,
}

impl WorkerPort for LocalPort {
    type Job = LeasedJob;

    async fn lease(&self) -> Result<Option<LeasedJob>, EngineError> {
        self.library.lease_next(LOCAL_WORKER).await
    }

    fn volume(&self, job: &LeasedJob) -> Option<VolumeSlice> {
        job.plan.map(volume_slice)
    }

    async fn source(&self, job: &LeasedJob) -> Result<Source, EngineError> {
        self.library
            .object_source(&job.object, &job.other_paths, &job.content_sha256)
            .await
    }

    async fn renew(&self, job: &LeasedJob) -> Result<(), EngineError> {
        Ok(self
            .library
            .inner
            .catalog
            .renew_lease(job, self.library.inner.config.ingest.lease_ms)
            .await?)
    }

    async fn complete(&self, done: Vec<(LeasedJob, WorkerResult)>) -> Result<(), EngineError> {
        for (job, result) in done {
            match self.library.accept(&job, result).await {
                Ok(()) | Err(EngineError::LeaseLost) => {}
                // The model has changed since the lease: the job is done again with the new one.
                Err(EngineError::WorkerResult { .. }) => self.release(&job).await?,
                Err(error) => report_failure(self, &job, &error).await,
            }
        }
        Ok(())
    }

    async fn fail(&self, job: &LeasedJob, reason: &str) -> Result<(), EngineError> {
        Ok(self
            .library
            .inner
            .catalog
            .fail_job(job, reason, false)
            .await?)
    }

    async fn release(&self, job: &LeasedJob) -> Result<(), EngineError> {
        Ok(self.library.inner.catalog.release_job(job).await?)
    }

    async fn wait(&self) {
        let _ = tokio::time::timeout(IDLE, self.library.inner.jobs.notified()).await;
    }

    fn encoder(&self) -> WorkerEncoder {
        self.library.worker_encoder()
    }
}

impl Library {
    /// Leases the next job. Volumes that are ready are planned between other jobs, and at once when there is none.
    pub(super) async fn lease_next(&self, worker: &str) -> Result<Option<LeasedJob>, EngineError> {
        let lease_ms = self.inner.config.ingest.lease_ms;
        let mut planned = self.plan_next_volume(false).await?;
        loop {
            let leased = self.inner.catalog.lease_job(worker, lease_ms).await?;
            if leased.is_some() || (!planned && !self.plan_next_volume(true).await?) {
                return Ok(leased);
            }
            planned = false;
        }
    }

    pub(crate) fn worker_encoder(&self) -> WorkerEncoder {
        let serving = self.inner.serving();
        WorkerEncoder {
            slot: Arc::clone(&serving.encoder),
            model_id: serving.stamp.model_id.clone(),
            profile: serving.stamp.profile.clone(),
            measure: Measure::of(&self.inner.data_dir),
        }
    }

    /// Runs the worker of this process until the future is dropped, or until no job is left.
    ///
    /// # Errors
    /// Errors of the catalog; [`EngineError::SelfCheckFailed`]; a bad picture fails its job and nothing else.
    pub async fn work(&self, until_idle: bool) -> Result<(), EngineError> {
        let config = &self.inner.config;
        let worker = Worker {
            decoding: self.inner.decoding.clone(),
            decoders: config.ingest.decoders(),
            thumbnail_px: config.ingest.thumbnail_px,
            cuts: config.cuts.clone(),
            limits: Limits {
                max_views: config.ingest.max_views,
                ..config.limits.clone()
            },
            until_idle,
        };
        worker
            .run(Arc::new(LocalPort {
                library: self.clone(),
            }))
            .await
    }
}
