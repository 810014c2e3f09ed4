//! Jobs: one per image, leased to one worker at a time, done once in effect.

use std::path::PathBuf;

use serde::Serialize;

use crate::{CaseNo, Catalog, CatalogError, ImageFacts, ImageNo, JobId, ObjectRef};

/// A job in the hands of a worker.
#[derive(Debug, Clone)]
pub struct LeasedJob {
    /// The job.
    pub job_id: JobId,
    /// Proof of the lease, new with every lease.
    pub lease_token: String,
    /// The image.
    pub image_no: ImageNo,
    /// Its public id.
    pub image_id: String,
    /// Its case.
    pub case_no: CaseNo,
    /// Where the bytes are.
    pub object: ObjectRef,
    /// Other paths that held the same bytes, should the first be gone.
    pub other_paths: Vec<PathBuf>,
    /// SHA-256 of the bytes: a file that has changed in place is not the image.
    pub content_sha256: [u8; 32],
    /// Facts taken at admission.
    pub facts: ImageFacts,
    /// This attempt's number, from 1.
    pub attempts: u32,
}

/// Jobs by state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct JobsSummary {
    /// Waiting.
    pub queued: u64,
    /// Leased.
    pub running: u64,
    /// Done.
    pub done: u64,
    /// Failed for good.
    pub failed: u64,
}

/// A failed job with its reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FailedJob {
    /// The job.
    pub job_id: JobId,
    /// Public id of the image.
    pub image_id: String,
    /// Public id of the case.
    pub case_id: String,
    /// Why, for a person.
    pub reason: String,
    /// How often it was tried.
    pub attempts: u32,
    /// When it failed, ms since 1970.
    pub failed_ms: i64,
}

impl Catalog {
    /// Takes the next job for `worker` until `lease_ms` from now; an expired lease is taken again.
    /// A job whose lease ran out three times is failed.
    pub async fn lease_job(
        &self,
        _worker: &str,
        _lease_ms: u64,
    ) -> Result<Option<LeasedJob>, CatalogError> {
        todo!()
    }

    /// Prolongs a lease. Errors: `LeaseLost`.
    pub async fn renew_lease(&self, _job: &LeasedJob, _lease_ms: u64) -> Result<(), CatalogError> {
        todo!()
    }

    /// Hands a job back untried (a worker that stops); the attempt does not count. Errors: `LeaseLost`.
    pub async fn release_job(&self, _job: &LeasedJob) -> Result<(), CatalogError> {
        todo!()
    }

    /// Queues what a dead worker of this name held. For a service's own workers at its start. Returns how many.
    pub async fn release_worker(&self, _worker: &str) -> Result<u64, CatalogError> {
        todo!()
    }

    /// Fails a job with a reason (no identifiers); with `retry` it is queued again until it was tried three times.
    /// Errors: `LeaseLost`.
    pub async fn fail_job(
        &self,
        _job: &LeasedJob,
        _reason: &str,
        _retry: bool,
    ) -> Result<(), CatalogError> {
        todo!()
    }

    /// Jobs by state.
    pub async fn jobs_summary(&self) -> Result<JobsSummary, CatalogError> {
        todo!()
    }

    /// Failed jobs, newest first.
    pub async fn failed_jobs(
        &self,
        _limit: u32,
        _offset: u32,
    ) -> Result<Vec<FailedJob>, CatalogError> {
        todo!()
    }

    /// Queues all failed jobs again; returns how many.
    pub async fn requeue_failed(&self) -> Result<u64, CatalogError> {
        todo!()
    }
}
