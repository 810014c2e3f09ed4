//! Jobs: one per image, leased to one worker at a time, done once in effect.

use std::path::PathBuf;

use serde::Serialize;
use sqlx::{Row as _, SqliteConnection};

use crate::images::object_of;
use crate::stacks::slice_plan;
use crate::store::Write;
use crate::tokens::random_hex;
use crate::{CaseNo, Catalog, CatalogError, ImageFacts, ImageNo, JobId, ObjectRef, SlicePlan};

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
    /// What the plan of its volume says of it, where it is a slice of one.
    pub plan: Option<SlicePlan>,
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

/// Job, image id, case id, reason, attempts, end.
type FailedRow = (i64, String, String, Option<String>, u32, Option<i64>);

impl Catalog {
    /// Takes the next job for `worker` until `lease_ms` from now; an expired lease is taken again.
    /// A job whose lease ran out three times is failed.
    pub async fn lease_job(
        &self,
        worker: &str,
        lease_ms: u64,
    ) -> Result<Option<LeasedJob>, CatalogError> {
        let mut write = self.write().await?;
        let now_ms = self.now_ms();
        let leased = loop {
            let Some(next) = next_open(&mut write, now_ms).await? else {
                break None;
            };
            if next.attempts >= MOST_ATTEMPTS {
                end_failed(&mut write, next.job_id, ENDED_ITS_WORKERS, now_ms).await?;
                continue;
            }
            let taken = take(&mut write, &next, worker, until(now_ms, lease_ms)).await?;
            match self.leased(&mut write, taken).await {
                Ok(leased) => break Some(leased),
                // One unreadable row must not keep all the jobs behind it waiting.
                Err(CatalogError::Corrupt { .. } | CatalogError::Unseal { .. }) => {
                    end_failed(&mut write, next.job_id, UNREADABLE, now_ms).await?;
                }
                Err(other) => return Err(other),
            }
        };
        self.commit(write).await?;
        Ok(leased)
    }

    /// Prolongs a lease. Errors: `LeaseLost`.
    pub async fn renew_lease(&self, job: &LeasedJob, lease_ms: u64) -> Result<(), CatalogError> {
        let mut write = self.write().await?;
        let renewed = sqlx::query(
            "UPDATE jobs SET lease_until_ms = ? \
             WHERE job_id = ? AND lease_token = ? AND state = 'running'",
        )
        .bind(until(self.now_ms(), lease_ms))
        .bind(job.job_id.sql())
        .bind(&job.lease_token)
        .execute(&mut *write)
        .await
        .map_err(CatalogError::query("prolonging a lease"))?;
        held(job, renewed.rows_affected())?;
        self.commit(write).await
    }

    /// Hands a job back untried (a worker that stops); the attempt does not count. Errors: `LeaseLost`.
    pub async fn release_job(&self, job: &LeasedJob) -> Result<(), CatalogError> {
        let mut write = self.write().await?;
        let released = sqlx::query(
            "UPDATE jobs SET state = 'queued', attempts = MAX(attempts - 1, 0), worker = NULL, \
             lease_token = NULL, lease_until_ms = NULL \
             WHERE job_id = ? AND lease_token = ? AND state = 'running'",
        )
        .bind(job.job_id.sql())
        .bind(&job.lease_token)
        .execute(&mut *write)
        .await
        .map_err(CatalogError::query("handing a job back"))?;
        held(job, released.rows_affected())?;
        self.commit(write).await
    }

    /// Queues what a dead worker of this name held. For a service's own workers at its start. Returns how many.
    pub async fn release_worker(&self, worker: &str) -> Result<u64, CatalogError> {
        let mut write = self.write().await?;
        let released = sqlx::query(
            "UPDATE jobs SET state = 'queued', attempts = MAX(attempts - 1, 0), worker = NULL, \
             lease_token = NULL, lease_until_ms = NULL WHERE state = 'running' AND worker = ?",
        )
        .bind(worker)
        .execute(&mut *write)
        .await
        .map_err(CatalogError::query("taking a worker's jobs back"))?;
        self.commit(write).await?;
        Ok(released.rows_affected())
    }

    /// Fails a job with a reason (no identifiers); with `retry` it is queued again until it was tried three times.
    /// Errors: `LeaseLost`.
    pub async fn fail_job(
        &self,
        job: &LeasedJob,
        reason: &str,
        retry: bool,
    ) -> Result<(), CatalogError> {
        let mut write = self.write().await?;
        let now_ms = self.now_ms();
        let attempts: Option<(u32,)> = sqlx::query_as(
            "SELECT attempts FROM jobs WHERE job_id = ? AND lease_token = ? AND state = 'running'",
        )
        .bind(job.job_id.sql())
        .bind(&job.lease_token)
        .fetch_optional(&mut *write)
        .await
        .map_err(CatalogError::query("looking a lease up"))?;
        let Some((attempts,)) = attempts else {
            return Err(CatalogError::LeaseLost { job: job.job_id });
        };
        if retry && attempts < MOST_ATTEMPTS {
            let wait_ms = FIRST_WAIT_MS << (2 * attempts.saturating_sub(1));
            sqlx::query(
                "UPDATE jobs SET state = 'queued', worker = NULL, lease_token = NULL, \
                 lease_until_ms = NULL, not_before_ms = ?, reason = ? WHERE job_id = ?",
            )
            .bind(until(now_ms, wait_ms))
            .bind(reason)
            .bind(job.job_id.sql())
            .execute(&mut *write)
            .await
            .map_err(CatalogError::query("queueing a job again"))?;
        } else {
            end_failed(&mut write, job.job_id.sql(), reason, now_ms).await?;
        }
        self.commit(write).await
    }

    /// Jobs by state.
    pub async fn jobs_summary(&self) -> Result<JobsSummary, CatalogError> {
        let mut read = self
            .read()
            .acquire()
            .await
            .map_err(CatalogError::query("counting jobs"))?;
        count_jobs(&mut read).await
    }

    /// Failed jobs, newest first.
    pub async fn failed_jobs(
        &self,
        limit: u32,
        offset: u32,
    ) -> Result<Vec<FailedJob>, CatalogError> {
        let rows: Vec<FailedRow> = sqlx::query_as(
            "SELECT j.job_id, i.image_id, c.case_id, j.reason, j.attempts, j.ended_ms \
             FROM jobs j JOIN images i ON i.image_no = j.image_no \
             JOIN cases c ON c.case_no = i.case_no WHERE j.state = 'failed' \
             ORDER BY j.ended_ms DESC, j.job_id DESC LIMIT ? OFFSET ?",
        )
        .bind(limit)
        .bind(offset)
        .fetch_all(self.read())
        .await
        .map_err(CatalogError::query("listing failed jobs"))?;
        let failed =
            rows.into_iter()
                .map(
                    |(job_id, image_id, case_id, reason, attempts, ended)| FailedJob {
                        job_id: JobId::from_sql(job_id),
                        image_id,
                        case_id,
                        reason: reason.unwrap_or_default(),
                        attempts,
                        failed_ms: ended.unwrap_or_default(),
                    },
                );
        Ok(failed.collect())
    }

    /// Queues all failed jobs again; returns how many.
    pub async fn requeue_failed(&self) -> Result<u64, CatalogError> {
        let mut write = self.write().await?;
        let queued = sqlx::query(
            "UPDATE jobs SET state = 'queued', attempts = 0, worker = NULL, lease_token = NULL, \
             lease_until_ms = NULL, not_before_ms = 0, reason = NULL, ended_ms = NULL, \
             queued_ms = ? WHERE state = 'failed'",
        )
        .bind(self.now_ms())
        .execute(&mut *write)
        .await
        .map_err(CatalogError::query("queueing failed jobs again"))?;
        self.commit(write).await?;
        Ok(queued.rows_affected())
    }

    /// What the worker needs to know of the job it has just taken.
    async fn leased(&self, write: &mut Write, taken: Taken) -> Result<LeasedJob, CatalogError> {
        let row = sqlx::query("SELECT * FROM images WHERE image_no = ?")
            .bind(taken.image_no.sql())
            .fetch_one(&mut **write)
            .await
            .map_err(CatalogError::query("reading a job's image"))?;
        let facts = image_facts(write, taken.image_no).await?;
        let (object, other_paths) =
            object_of(write, self.keyring(), taken.image_no, row.get("object_key")).await?;
        Ok(LeasedJob {
            job_id: JobId::from_sql(taken.job_id),
            lease_token: taken.lease_token,
            image_no: taken.image_no,
            image_id: row.get("image_id"),
            case_no: CaseNo::from_sql(row.get("case_no")),
            object,
            other_paths,
            content_sha256: sha256_of(row.get("content_sha256"))?,
            facts,
            plan: slice_plan(&row),
            attempts: taken.attempts,
        })
    }
}

/// A job is begun at most this often.
const MOST_ATTEMPTS: u32 = 3;
/// The wait before a second attempt; four times as long before a third.
const FIRST_WAIT_MS: u64 = 500;
/// Reason of a job whose last lease ran out too.
const ENDED_ITS_WORKERS: &str = "it ended the worker three times";

/// Reason of a job whose image's row is damaged.
const UNREADABLE: &str = "what the catalog holds of it cannot be read";

/// A job that may be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Open {
    job_id: i64,
    image_no: i64,
    attempts: u32,
}

/// A job that was taken.
struct Taken {
    job_id: i64,
    image_no: ImageNo,
    attempts: u32,
    lease_token: String,
}

fn until(now_ms: i64, span_ms: u64) -> i64 {
    now_ms.saturating_add(i64::try_from(span_ms).unwrap_or(i64::MAX))
}

fn held(job: &LeasedJob, rows: u64) -> Result<(), CatalogError> {
    if rows == 1 {
        Ok(())
    } else {
        Err(CatalogError::LeaseLost { job: job.job_id })
    }
}

/// The oldest job that waits, or whose lease has run out. Two queries, because each walks the index in order and
/// stops at its first row; joined by OR they would sort all that waits.
async fn next_open(write: &mut Write, now_ms: i64) -> Result<Option<Open>, CatalogError> {
    let queued: Option<(i64, i64, u32)> = sqlx::query_as(
        "SELECT job_id, image_no, attempts FROM jobs INDEXED BY jobs_ready \
         WHERE state = 'queued' AND held_by IS NULL AND not_before_ms <= ? ORDER BY job_id LIMIT 1",
    )
    .bind(now_ms)
    .fetch_optional(&mut **write)
    .await
    .map_err(CatalogError::query("looking for a job"))?;
    let expired: Option<(i64, i64, u32)> = sqlx::query_as(
        "SELECT job_id, image_no, attempts FROM jobs \
         WHERE state = 'running' AND lease_until_ms <= ? ORDER BY job_id LIMIT 1",
    )
    .bind(now_ms)
    .fetch_optional(&mut **write)
    .await
    .map_err(CatalogError::query("looking for an expired lease"))?;
    let open = |(job_id, image_no, attempts)| Open {
        job_id,
        image_no,
        attempts,
    };
    Ok(queued.into_iter().chain(expired).map(open).min())
}

async fn take(
    write: &mut Write,
    open: &Open,
    worker: &str,
    until_ms: i64,
) -> Result<Taken, CatalogError> {
    let taken = Taken {
        job_id: open.job_id,
        image_no: ImageNo::from_sql(open.image_no),
        attempts: open.attempts + 1,
        lease_token: random_hex::<16>(),
    };
    sqlx::query(
        "UPDATE jobs SET state = 'running', attempts = ?, worker = ?, lease_token = ?, \
         lease_until_ms = ? WHERE job_id = ?",
    )
    .bind(taken.attempts)
    .bind(worker)
    .bind(&taken.lease_token)
    .bind(until_ms)
    .bind(taken.job_id)
    .execute(&mut **write)
    .await
    .map_err(CatalogError::query("leasing a job"))?;
    Ok(taken)
}

async fn end_failed(
    write: &mut Write,
    job_id: i64,
    reason: &str,
    now_ms: i64,
) -> Result<(), CatalogError> {
    sqlx::query(
        "UPDATE jobs SET state = 'failed', reason = ?, ended_ms = ?, lease_until_ms = NULL \
         WHERE job_id = ?",
    )
    .bind(reason)
    .bind(now_ms)
    .bind(job_id)
    .execute(&mut **write)
    .await
    .map_err(CatalogError::query("failing a job"))?;
    Ok(())
}

/// Jobs by state.
pub(crate) async fn count_jobs(conn: &mut SqliteConnection) -> Result<JobsSummary, CatalogError> {
    let rows: Vec<(String, i64)> =
        sqlx::query_as("SELECT state, COUNT(*) FROM jobs GROUP BY state")
            .fetch_all(conn)
            .await
            .map_err(CatalogError::query("counting jobs"))?;
    let mut summary = JobsSummary::default();
    for (state, count) in rows {
        let count = count.unsigned_abs();
        match state.as_str() {
            "queued" => summary.queued = count,
            "running" => summary.running = count,
            "done" => summary.done = count,
            _ => summary.failed = count,
        }
    }
    Ok(summary)
}

/// The facts of an image.
pub(crate) async fn image_facts(
    conn: &mut SqliteConnection,
    image: ImageNo,
) -> Result<ImageFacts, CatalogError> {
    type Row = (
        String,
        Option<String>,
        Option<String>,
        Option<String>,
        String,
    );
    let row: Option<Row> = sqlx::query_as(
        "SELECT format, modality, body_part, laterality, facts_json FROM images WHERE image_no = ?",
    )
    .bind(image.sql())
    .fetch_optional(conn)
    .await
    .map_err(CatalogError::query("reading an image's facts"))?;
    let (format, modality, body_part, laterality, facts_json) =
        row.ok_or(CatalogError::UnknownImage)?;
    Ok(ImageFacts {
        format,
        modality,
        body_part,
        laterality,
        facts_json,
    })
}

/// A content hash as it was stored.
pub(crate) fn sha256_of(stored: Vec<u8>) -> Result<[u8; 32], CatalogError> {
    stored
        .try_into()
        .map_err(|stored: Vec<u8>| CatalogError::Corrupt {
            what: "content hash",
            reason: format!("{} bytes instead of 32", stored.len()),
        })
}
