//! Counts for `status`, and the settings table.

use serde::Serialize;

use crate::jobs::count_jobs;
use crate::models::active_stamp;
use crate::{Catalog, CatalogError, JobsSummary};

/// How much there is and how fast it grows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct StatusCounts {
    /// Cases.
    pub cases: u64,
    /// Images.
    pub images: u64,
    /// Views with a vector of the active model.
    pub views: u64,
    /// Vectors, of all stamps.
    pub vectors: u64,
    /// Images with vectors of the active model, or left out by the plan of their volume.
    pub images_with_vectors: u64,
    /// `images_with_vectors / images`; 1 in an empty library.
    pub coverage: f64,
    /// Cases drawn by casekin itself.
    pub synthetic_cases: u64,
    /// Jobs by state.
    pub jobs: JobsSummary,
    /// Jobs done in the window.
    pub recent_done: u64,
    /// The window: from the first of those jobs' ends until now, at most what was asked for.
    pub recent_ms: u64,
    /// Last sequence number.
    pub latest_seq: u64,
}

impl StatusCounts {
    /// Time left for queued and running jobs at the pace of the window; none without a pace.
    pub fn time_left_ms(&self) -> Option<u64> {
        let open = self.jobs.queued + self.jobs.running;
        if open == 0 {
            return Some(0);
        }
        (self.recent_done > 0).then(|| open * self.recent_ms / self.recent_done)
    }
}

/// Vectors of a stamp, of all stamps, and images that have a vector of it or are like a neighbour that has. The joins are
/// `CROSS JOIN`s here and elsewhere, which SQLite takes in the order in which they stand: by its own choice it goes through all
/// vectors of the stamp for each image.
const COUNT_VECTORS: &str = "SELECT (SELECT COUNT(*) FROM view_vectors WHERE stamp_no = ?1), \
     (SELECT COUNT(*) FROM view_vectors), \
     (SELECT COUNT(*) FROM images i WHERE i.in_volume = 0 OR EXISTS (SELECT 1 FROM views v \
       CROSS JOIN view_vectors x ON x.case_no = v.case_no AND x.view_no = v.view_no \
       WHERE v.image_no = i.image_no AND x.stamp_no = ?1))";

impl Catalog {
    /// Counts; the pace is taken from the last `window_ms`.
    pub async fn status_counts(&self, window_ms: u64) -> Result<StatusCounts, CatalogError> {
        // One transaction, so that the counts belong to one moment.
        let mut read = self
            .read()
            .begin()
            .await
            .map_err(CatalogError::query("counting"))?;
        let stamp_no = active_stamp(&mut read).await?.map(|(number, _)| number);
        let (cases, images, synthetic, latest_seq): (i64, i64, i64, i64) = sqlx::query_as(
            "SELECT (SELECT COUNT(*) FROM cases), (SELECT COUNT(*) FROM images), \
             (SELECT COUNT(*) FROM cases WHERE synthetic = 1), \
             (SELECT COALESCE(MAX(seq), 0) FROM changes)",
        )
        .fetch_one(&mut *read)
        .await
        .map_err(CatalogError::query("counting cases and images"))?;
        let (views, vectors, encoded): (i64, i64, i64) = sqlx::query_as(COUNT_VECTORS)
            .bind(stamp_no)
            .fetch_one(&mut *read)
            .await
            .map_err(CatalogError::query("counting vectors"))?;
        let jobs = count_jobs(&mut read).await?;
        let now_ms = self.now_ms();
        let since_ms = now_ms.saturating_sub(i64::try_from(window_ms).unwrap_or(i64::MAX));
        let (recent_done, first_ms): (i64, Option<i64>) = sqlx::query_as(
            "SELECT COUNT(*), MIN(ended_ms) FROM jobs WHERE ended_ms >= ? AND state = 'done'",
        )
        .bind(since_ms)
        .fetch_one(&mut *read)
        .await
        .map_err(CatalogError::query("measuring the pace"))?;
        let coverage = if images == 0 {
            1.0
        } else {
            encoded as f64 / images as f64
        };
        Ok(StatusCounts {
            cases: cases.unsigned_abs(),
            images: images.unsigned_abs(),
            views: views.unsigned_abs(),
            vectors: vectors.unsigned_abs(),
            images_with_vectors: encoded.unsigned_abs(),
            coverage,
            synthetic_cases: synthetic.unsigned_abs(),
            jobs,
            recent_done: recent_done.unsigned_abs(),
            // A clock that was set back gives no negative span.
            recent_ms: first_ms.map_or(0, |first| {
                now_ms.saturating_sub(first).max(0).unsigned_abs()
            }),
            latest_seq: latest_seq.unsigned_abs(),
        })
    }

    /// Vectors of all stamps.
    pub async fn vector_count(&self) -> Result<u64, CatalogError> {
        let (vectors,): (i64,) = sqlx::query_as("SELECT COUNT(*) FROM view_vectors")
            .fetch_one(self.read())
            .await
            .map_err(CatalogError::query("counting vectors"))?;
        Ok(vectors.unsigned_abs())
    }

    /// Pictures that wait for their vectors or are being encoded. Unlike [`Self::status_counts`] it reads none of the
    /// library's rows but these.
    pub async fn pending_jobs(&self) -> Result<u64, CatalogError> {
        let (pending,): (i64,) =
            sqlx::query_as("SELECT COUNT(*) FROM jobs WHERE state IN ('queued', 'running')")
                .fetch_one(self.read())
                .await
                .map_err(CatalogError::query("counting open jobs"))?;
        Ok(pending.unsigned_abs())
    }

    /// A setting, JSON.
    pub async fn setting(&self, key: &str) -> Result<Option<serde_json::Value>, CatalogError> {
        let row: Option<(String,)> =
            sqlx::query_as("SELECT value_json FROM settings WHERE key = ?")
                .bind(key)
                .fetch_optional(self.read())
                .await
                .map_err(CatalogError::query("reading a setting"))?;
        row.map(|(value,)| {
            serde_json::from_str(&value).map_err(|source| CatalogError::Corrupt {
                what: "setting",
                reason: source.to_string(),
            })
        })
        .transpose()
    }

    /// Sets a setting.
    pub async fn set_setting(
        &self,
        key: &str,
        value: &serde_json::Value,
    ) -> Result<(), CatalogError> {
        let mut write = self.write().await?;
        sqlx::query(
            "INSERT INTO settings (key, value_json) VALUES (?, ?) \
             ON CONFLICT (key) DO UPDATE SET value_json = excluded.value_json",
        )
        .bind(key)
        .bind(value.to_string())
        .execute(&mut *write)
        .await
        .map_err(CatalogError::query("changing a setting"))?;
        self.commit(write).await
    }
}

#[cfg(test)]
mod tests {
    use sqlx::Row as _;

    use super::*;
    use crate::{CatalogOptions, Keyring};

    #[tokio::test]
    async fn images_with_vectors_are_counted_by_their_own_views() {
        let folder = tempfile::tempdir().unwrap();
        let keyring = Keyring::open(&folder.path().join("library.key")).unwrap();
        let options = CatalogOptions::new(folder.path().join("catalog.sqlite"), keyring);
        let catalog = Catalog::open(&options).await.unwrap();
        let plan = sqlx::query(sqlx::AssertSqlSafe(format!(
            "EXPLAIN QUERY PLAN {COUNT_VECTORS}"
        )))
        .bind(1)
        .fetch_all(catalog.read())
        .await
        .unwrap();
        let steps: Vec<String> = plan.iter().map(|step| step.get("detail")).collect();
        let at = |table: &str| steps.iter().position(|step| step.starts_with(table));
        assert!(
            at("SEARCH v ").unwrap() < at("SEARCH x ").unwrap(),
            "{steps:?}"
        );
    }
}
