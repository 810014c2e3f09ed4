//! Jobs of workers on other machines: leased, fetched, renewed and handed back over the service.

use std::sync::PoisonError;

use casekin_catalog::LeasedJob;
use casekin_imaging::Source;

use crate::convert::{model_summary, volume_record};
use crate::error::EngineError;
use crate::library::Library;
use crate::records::{WorkerJob, WorkerResult};

impl Library {
    /// Leases a job to a worker on another machine.
    ///
    /// # Errors
    /// Any error of the catalog.
    pub async fn lease_remote(&self, worker: &str) -> Result<Option<WorkerJob>, EngineError> {
        let lease_ms = self.inner.config.ingest.lease_ms;
        let Some(job) = self.lease_next(&format!("remote {worker}")).await? else {
            return Ok(None);
        };
        let serving = self.inner.serving();
        let (job_id, lease_token) = (job.job_id.0, job.lease_token.clone());
        let volume = job.plan.map(volume_record);
        self.inner
            .remote_leases
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(job_id, job);
        Ok(Some(WorkerJob {
            job_id,
            lease_token,
            lease_ms,
            model: model_summary(&serving.model, &serving.stamp.profile),
            pipeline_version: serving.stamp.pipeline_version,
            volume,
        }))
    }

    /// The job that this token proves to be leased. Leases are known to the process that gave them: after a restart
    /// the jobs are leased anew.
    fn remote_lease(&self, job_id: u64, lease_token: &str) -> Result<LeasedJob, EngineError> {
        let leases = self
            .inner
            .remote_leases
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        leases
            .get(&job_id)
            .filter(|job| job.lease_token == lease_token)
            .cloned()
            .ok_or(EngineError::LeaseLost)
    }

    /// The bytes that a leased job is about.
    ///
    /// # Errors
    /// [`EngineError::LeaseLost`]; [`EngineError::ObjectGone`].
    pub async fn remote_object(
        &self,
        job_id: u64,
        lease_token: &str,
    ) -> Result<Vec<u8>, EngineError> {
        let job = self.remote_lease(job_id, lease_token)?;
        match self
            .object_source(&job.object, &job.other_paths, &job.content_sha256)
            .await?
        {
            Source::Bytes { bytes, .. } => Ok(bytes.to_vec()),
            Source::Path(path) => tokio::fs::read(path)
                .await
                .map_err(|_| EngineError::ObjectGone),
        }
    }

    /// Keeps the lease of a worker on another machine.
    ///
    /// # Errors
    /// [`EngineError::LeaseLost`].
    pub async fn renew_remote(&self, job_id: u64, lease_token: &str) -> Result<(), EngineError> {
        let job = self.remote_lease(job_id, lease_token)?;
        Ok(self
            .inner
            .catalog
            .renew_lease(&job, self.inner.config.ingest.lease_ms)
            .await?)
    }

    /// Takes the result of a worker on another machine in.
    ///
    /// # Errors
    /// [`EngineError::LeaseLost`]; [`EngineError::WorkerResult`] when it comes from another model.
    pub async fn complete_remote(
        &self,
        job_id: u64,
        result: WorkerResult,
    ) -> Result<(), EngineError> {
        let job = self.remote_lease(job_id, &result.lease_token)?;
        self.accept(&job, result).await?;
        self.inner
            .remote_leases
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&job_id);
        Ok(())
    }

    /// Takes the failure of a worker on another machine in; `retry` puts the job back into the queue.
    ///
    /// # Errors
    /// [`EngineError::LeaseLost`].
    pub async fn fail_remote(
        &self,
        job_id: u64,
        lease_token: &str,
        reason: &str,
        retry: bool,
    ) -> Result<(), EngineError> {
        let job = self.remote_lease(job_id, lease_token)?;
        let reason: String = reason.chars().take(1000).collect();
        if retry {
            return Ok(self.inner.catalog.release_job(&job).await?);
        }
        Ok(self.inner.catalog.fail_job(&job, &reason, false).await?)
    }
}
