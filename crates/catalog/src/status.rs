//! Counts for `status`, and the settings table.

use serde::Serialize;

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
    /// Images with vectors of the active model.
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

impl Catalog {
    /// Counts; the pace is taken from the last `window_ms`.
    pub async fn status_counts(&self, _window_ms: u64) -> Result<StatusCounts, CatalogError> {
        todo!()
    }

    /// A setting, JSON.
    pub async fn setting(&self, _key: &str) -> Result<Option<serde_json::Value>, CatalogError> {
        todo!()
    }

    /// Sets a setting.
    pub async fn set_setting(
        &self,
        _key: &str,
        _value: &serde_json::Value,
    ) -> Result<(), CatalogError> {
        todo!()
    }
}
