//! How far each batch is. The catalog keeps what must last; what only a running batch knows is kept here.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use casekin_catalog::BatchNo;

use crate::error::EngineError;
use crate::library::Library;
use crate::projection;
use crate::records::{BatchRecord, FailureRecord};

const SHOWN_FAILURES: usize = 100;
/// How long the end of a batch waits for the index.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// Progress of the batches that this process reads.
#[derive(Default)]
pub(crate) struct Batches {
    running: Mutex<HashMap<u64, Progress>>,
}

#[derive(Clone, Debug, Default)]
struct Progress {
    found: u64,
    read: u64,
    reports: u64,
    conflicts: u64,
    reading: bool,
    skipped: BTreeMap<String, u64>,
    broke_off: Option<String>,
    warnings: Vec<String>,
}

/// The id under which a batch is shown.
pub(crate) fn public_id(batch_no: BatchNo) -> String {
    format!("b-{}", batch_no.0)
}

impl Batches {
    fn with(&self, batch_no: BatchNo, change: impl FnOnce(&mut Progress)) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        change(running.entry(batch_no.0).or_default());
    }

    pub(crate) fn begin(&self, batch_no: BatchNo, found: u64) {
        self.with(batch_no, |progress| {
            *progress = Progress {
                found,
                reading: true,
                ..Progress::default()
            }
        });
    }

    pub(crate) fn read_one(&self, batch_no: BatchNo) {
        self.with(batch_no, |progress| progress.read += 1);
    }

    pub(crate) fn count_report(&self, batch_no: BatchNo, report: bool) {
        self.with(batch_no, |progress| progress.reports += u64::from(report));
    }

    pub(crate) fn count_conflict(&self, batch_no: BatchNo, conflict: bool) {
        self.with(batch_no, |progress| {
            progress.conflicts += u64::from(conflict)
        });
    }

    pub(crate) fn count_skipped(&self, batch_no: BatchNo, reason: &str) {
        self.with(batch_no, |progress| {
            *progress.skipped.entry(reason.to_owned()).or_default() += 1
        });
    }

    pub(crate) fn warn(&self, batch_no: BatchNo, warnings: &[String]) {
        self.with(batch_no, |progress| {
            progress
                .warnings
                .extend(warnings.iter().take(SHOWN_FAILURES).cloned())
        });
    }

    pub(crate) fn broke_off(&self, batch_no: BatchNo, reason: String) {
        self.with(batch_no, |progress| progress.broke_off = Some(reason));
    }

    pub(crate) fn finish_reading(&self, batch_no: BatchNo) {
        self.with(batch_no, |progress| progress.reading = false);
    }

    /// Batches whose files are still being read.
    pub(crate) fn reading(&self) -> Vec<BatchNo> {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let reading = running.iter().filter(|(_, progress)| progress.reading);
        reading.map(|(batch_no, _)| BatchNo(*batch_no)).collect()
    }

    fn get(&self, batch_no: BatchNo) -> Progress {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.get(&batch_no.0).cloned().unwrap_or_default()
    }
}

impl Library {
    /// Who is told that a batch is read, or finished, looks for its cases at once, by their words or by their pictures: the
    /// index takes them in first. One that cannot is not waited for; the status of the library says how far it is.
    pub(super) async fn let_searches_find_it(&self) {
        let inner = Arc::clone(&self.inner);
        // A task of its own goes on where nobody waits any longer.
        let taking_in = tokio::spawn(async move { projection::catch_up(&inner).await });
        match tokio::time::timeout(LONGEST_WAIT, taking_in).await {
            Ok(Ok(Ok(_))) => {}
            Ok(Ok(Err(error))) => tracing::warn!(%error, "the index lags behind a batch"),
            Ok(Err(_)) | Err(_) => tracing::warn!("the index lags behind a batch"),
        }
    }

    /// How far a batch is, with paths left out of its failures.
    ///
    /// # Errors
    /// [`EngineError::NoSuchBatch`].
    pub async fn batch(&self, batch_id: &str) -> Result<BatchRecord, EngineError> {
        self.batch_with_paths(batch_id, false).await
    }

    /// How far a batch is; `paths` names the files of its failures, for the command line only.
    ///
    /// # Errors
    /// [`EngineError::NoSuchBatch`].
    pub async fn batch_with_paths(
        &self,
        batch_id: &str,
        paths: bool,
    ) -> Result<BatchRecord, EngineError> {
        let number = batch_id
            .strip_prefix("b-")
            .and_then(|number| number.parse().ok());
        let batch_no = BatchNo(number.ok_or(EngineError::NoSuchBatch)?);
        let summary = self.inner.catalog.batch_summary(batch_no).await?;
        let progress = self.inner.batches.get(batch_no);
        let open = summary.queued + summary.running;
        let state = match (progress.reading, open) {
            (true, _) => "reading",
            (false, 0) => "finished",
            (false, _) => "encoding",
        };
        if state == "finished" {
            self.let_searches_find_it().await;
        }
        let failures = summary
            .failures
            .into_iter()
            .take(SHOWN_FAILURES)
            .enumerate()
            .map(|(at, failure)| FailureRecord {
                item: failure
                    .image_id
                    .unwrap_or_else(|| format!("file {}", at + 1)),
                reason: failure.reason,
                path: failure
                    .path
                    .filter(|_| paths)
                    .map(|path| path.display().to_string()),
            });
        let broke_off = progress.broke_off.map(|reason| FailureRecord {
            item: "batch".into(),
            reason,
            path: None,
        });
        let counts = self.inner.catalog.status_counts(60_000).await?;
        Ok(BatchRecord {
            batch_id: batch_id.to_owned(),
            state: state.to_owned(),
            found: progress.found,
            read: progress.read,
            queued: open,
            done: summary.done,
            known: summary.known,
            not_a_picture: summary.not_picture,
            failed: summary.failed + u64::from(broke_off.is_some()),
            reports: progress.reports,
            conflicts: progress.conflicts,
            seconds_left: counts.time_left_ms().map(|ms| ms.div_ceil(1000)),
            failures: failures.chain(broke_off).collect(),
            skipped: progress.skipped,
            warnings: progress.warnings,
            not_encoding: self.not_encoding(),
        })
    }
}

#[cfg(test)]
mod tests {
    use casekin_imaging::{Decoders, Rgb8, encode_png};

    use super::*;
    use crate::config::EngineConfig;
    use crate::records::IngestRequest;

    async fn library() -> (tempfile::TempDir, Library) {
        let dir = tempfile::tempdir().unwrap();
        let (config, decoding) = (EngineConfig::default(), Decoders::in_process());
        let library = Library::open(dir.path(), config, decoding).await.unwrap();
        (dir, library)
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_batch_is_read_only_when_the_index_has_its_words() {
        let (dir, library) = library().await;
        let picture = dir.path().join("picture.png");
        let rgb = Rgb8 {
            width_px: 64,
            height_px: 64,
            pixels: vec![90; 64 * 64 * 3],
        };
        std::fs::write(&picture, encode_png(&rgb).unwrap()).unwrap();
        // Nothing can be taken in while this is held.
        let applying = library.inner.applying.lock().await;
        let request = IngestRequest {
            paths: vec![picture],
            ..IngestRequest::default()
        };
        let id = library.ingest(request).await.unwrap().batch_id;
        while library.batch(&id).await.unwrap().queued == 0 {
            tokio::task::yield_now().await;
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(library.batch(&id).await.unwrap().state, "reading");
        drop(applying);
        while library.batch(&id).await.unwrap().state == "reading" {
            tokio::task::yield_now().await;
        }
        assert_eq!(library.inner.serving().index.case_count(), 1);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_batch_is_finished_only_when_the_index_has_taken_it_in() {
        let (_dir, library) = library().await;
        let batch_no = library.inner.catalog.begin_batch("test").await.unwrap();
        let id = public_id(batch_no);
        // Nothing can be taken in while this is held.
        let applying = library.inner.applying.lock().await;
        let asked = tokio::spawn({
            let (library, id) = (library.clone(), id.clone());
            async move { library.batch(&id).await }
        });
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert!(!asked.is_finished());
        drop(applying);
        assert_eq!(asked.await.unwrap().unwrap().state, "finished");
    }
}
