//! Changing the model: every picture is encoded again beside the old vectors, which serve until the swap. What is done
//! is durable, so a stopped re-encoding goes on where it was.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use casekin_catalog::ReencodeImage;
use casekin_imaging::{DecodeRequest, Limits};
use casekin_index::{IndexError, Stamp, VectorLog};

use crate::convert::{model_summary, to_catalog_stamp};
use crate::encoding::EncoderSlot;
use crate::error::EngineError;
use crate::library::{Library, Serving};
use crate::records::ModelRecord;
use crate::self_check::Measure;
use crate::status::ReencodeProgress;
use crate::volumes::volume_slice;
use crate::worker::{WorkerEncoder, result_of};

/// Pictures taken up at once: between two of them the progress is durable.
const IMAGES_AT_ONCE: u32 = 8;

/// The re-encoding that runs in this process.
#[derive(Default)]
pub(crate) struct ReencodeState {
    running: Option<Running>,
    failure: Option<String>,
}

#[derive(Clone)]
struct Running {
    model: String,
    started: Instant,
    done_at_start: u64,
    done: u64,
    total: u64,
}

struct Target {
    stamp: Stamp,
    log: Arc<VectorLog>,
    encoder: WorkerEncoder,
    model: casekin_catalog::ModelRecord,
}

impl Library {
    /// How far the running re-encoding is.
    pub fn reencode_progress(&self) -> Option<ReencodeProgress> {
        let state = self
            .inner
            .reencode
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let running = state.running.clone()?;
        let done_now = running.done.saturating_sub(running.done_at_start);
        let left = running.total.saturating_sub(running.done);
        let seconds_left = (done_now > 0).then(|| {
            (running.started.elapsed().as_secs_f64() / done_now as f64 * left as f64).ceil() as u64
        });
        Some(ReencodeProgress {
            model: running.model,
            done: running.done,
            total: running.total,
            seconds_left,
        })
    }

    /// Encodes the whole library with another model (the last one added when `model` is left out) or profile, then
    /// serves it. Resumes what an earlier call began.
    ///
    /// # Errors
    /// [`EngineError::ReencodeRunning`], [`EngineError::NoSuchModel`], errors of the model.
    pub async fn reencode(
        &self,
        model: Option<&str>,
        profile: Option<&str>,
    ) -> Result<ModelRecord, EngineError> {
        let target = self.target(model, profile).await?;
        self.begin_running(&target)?;
        let outcome = self.run_reencode(&target).await;
        self.end_running(outcome)?;
        let serving = self.inner.serving();
        Ok(ModelRecord {
            dir: None,
            summary: model_summary(&serving.model, &serving.stamp.profile),
            dimension: serving.stamp.dimension,
            active: true,
            vectors: self.inner.catalog.vector_count().await?,
        })
    }

    fn begin_running(&self, target: &Target) -> Result<(), EngineError> {
        let mut state = self
            .inner
            .reencode
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if state.running.is_some() {
            return Err(EngineError::ReencodeRunning);
        }
        let model = target.model.name.clone();
        state.failure = None;
        state.running = Some(Running {
            model,
            started: Instant::now(),
            done_at_start: 0,
            done: 0,
            total: 0,
        });
        Ok(())
    }

    fn end_running(&self, outcome: Result<(), EngineError>) -> Result<(), EngineError> {
        let mut state = self
            .inner
            .reencode
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        state.running = None;
        state.failure = outcome.as_ref().err().map(ToString::to_string);
        outcome
    }

    /// Why the last re-encoding of this process stopped, if it did.
    pub fn reencode_failure(&self) -> Option<String> {
        self.inner
            .reencode
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .failure
            .clone()
    }

    /// Begins a re-encoding in the background, after its model has been checked.
    ///
    /// # Errors
    /// As [`Library::reencode`], as far as they show before the first picture.
    pub async fn begin_reencode(
        &self,
        model: Option<String>,
        profile: Option<String>,
    ) -> Result<(), EngineError> {
        if self.reencode_progress().is_some() {
            return Err(EngineError::ReencodeRunning);
        }
        let target = self.target(model.as_deref(), profile.as_deref()).await?;
        self.begin_running(&target)?;
        let library = self.clone();
        tokio::spawn(async move {
            let outcome = library.run_reencode(&target).await;
            if let Err(error) = library.end_running(outcome) {
                tracing::error!(%error, "the re-encoding broke off; `casekin reencode` resumes it");
            }
        });
        Ok(())
    }

    async fn target(
        &self,
        model: Option<&str>,
        profile: Option<&str>,
    ) -> Result<Target, EngineError> {
        let serving = self.inner.serving();
        let model = match model {
            Some(name) => self.model_named(Some(name)).await?,
            None => self
                .inner
                .catalog
                .models()
                .await?
                .pop()
                .ok_or(EngineError::NoSuchModel {
                    name: String::new(),
                })?,
        };
        let model = self.verified(model).await?;
        let stamp = self.stamp_for(&model, profile.unwrap_or(&serving.stamp.profile))?;
        let log = if stamp == serving.stamp {
            Arc::clone(&serving.log)
        } else {
            Arc::new(VectorLog::open(
                &self.inner.data_dir.join("vectors"),
                &stamp,
            )?)
        };
        let slot = EncoderSlot::new(
            PathBuf::from(&model.dir),
            self.inner.config.encoder.clone(),
            stamp.profile.clone(),
        );
        let encoder = WorkerEncoder {
            slot: Arc::new(slot),
            model_id: stamp.model_id.clone(),
            profile: stamp.profile.clone(),
            measure: Measure::of(&self.inner.data_dir),
        };
        Ok(Target {
            stamp,
            log,
            encoder,
            model,
        })
    }

    async fn verified(
        &self,
        model: casekin_catalog::ModelRecord,
    ) -> Result<casekin_catalog::ModelRecord, EngineError> {
        let name = model.model_id.clone();
        self.verify_model(Some(&name)).await?;
        Ok(model)
    }

    async fn run_reencode(&self, target: &Target) -> Result<(), EngineError> {
        let stamp = to_catalog_stamp(&target.stamp);
        if target.stamp == self.inner.serving().stamp {
            return Ok(());
        }
        // Before anything is begun, so that a model that cannot run, or gives other vectors than it must, leaves no trace.
        let encoder = target.encoder.clone();
        tokio::task::spawn_blocking(move || encoder.check()).await??;
        let progress = self.inner.catalog.begin_reencode(&stamp).await?;
        self.note_progress(progress, true);
        loop {
            self.reencode_open(target, &stamp).await?;
            // Pictures that arrived meanwhile are seen by the loop's second look, under the lock that keeps new ones out.
            let _changing = self.inner.model_change.write().await;
            if !self
                .inner
                .catalog
                .next_images_to_reencode(&stamp, 1)
                .await?
                .is_empty()
            {
                continue;
            }
            return self.swap(target, &stamp).await;
        }
    }

    async fn reencode_open(
        &self,
        target: &Target,
        stamp: &casekin_catalog::ModelStamp,
    ) -> Result<(), EngineError> {
        loop {
            let images = self
                .inner
                .catalog
                .next_images_to_reencode(stamp, IMAGES_AT_ONCE)
                .await?;
            if images.is_empty() {
                return Ok(());
            }
            for image in images {
                if let Err(error) = self.reencode_one(target, stamp, &image).await {
                    match error {
                        EngineError::Imaging(_)
                        | EngineError::ObjectGone
                        | EngineError::Task(_) => {
                            let reason = error.to_string();
                            self.inner
                                .catalog
                                .record_reencode_failed(image.image_no, stamp, &reason)
                                .await?;
                        }
                        other => return Err(other),
                    }
                }
            }
            self.note_progress(self.inner.catalog.reencode_progress(stamp).await?, false);
        }
    }

    fn note_progress(&self, progress: casekin_catalog::ReencodeProgress, first: bool) {
        let mut state = self
            .inner
            .reencode
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(running) = state.running.as_mut() {
            running.done = progress.done + progress.failed;
            running.total = progress.total;
            if first {
                running.done_at_start = running.done;
            }
        }
    }

    async fn reencode_one(
        &self,
        target: &Target,
        stamp: &casekin_catalog::ModelStamp,
        image: &ReencodeImage,
    ) -> Result<(), EngineError> {
        let source = self
            .object_source(&image.object, &[], &image.content_sha256)
            .await?;
        let config = &self.inner.config;
        let limits = Limits {
            max_views: config.ingest.max_views,
            ..config.limits.clone()
        };
        let request = DecodeRequest {
            source,
            limits,
            thumbnail_px: 1,
            cuts: config.cuts.clone(),
            volume: image.plan.map(volume_slice),
        };
        let encoder = target.encoder.clone();
        let decoding = self.inner.decoding.clone();
        let result = tokio::task::spawn_blocking(move || -> Result<_, EngineError> {
            let decoded = decoding.decode(&request)?;
            let rgb: Vec<_> = decoded.views.iter().map(|view| &view.rgb).collect();
            let vectors = encoder.slot.ingest_images(&rgb)?;
            result_of(&encoder, &decoded, vectors)
        })
        .await??;
        let serving = self.inner.serving();
        let beside = Serving {
            stamp: target.stamp.clone(),
            model: target.model.clone(),
            log: Arc::clone(&target.log),
            index: serving.index.clone(),
            encoder: Arc::clone(&target.encoder.slot),
        };
        let views = self
            .store_views(&beside, image.case_no, result.views)
            .await?;
        self.inner
            .catalog
            .record_reencoded(image.image_no, stamp, views)
            .await?;
        Ok(())
    }

    /// Removes the old model's vectors once the last search that reads them has ended. One that never ends leaves them
    /// to the next re-encoding; they are of no harm but their size.
    async fn sweep_old_vectors(&self, old: Stamp) -> Result<(), EngineError> {
        for _ in 0..100 {
            let (log, old) = (Arc::clone(&self.inner.serving().log), old.clone());
            match tokio::task::spawn_blocking(move || log.remove_stamp(&old)).await? {
                Err(IndexError::Busy { .. }) => tokio::time::sleep(Duration::from_millis(50)).await,
                other => return Ok(other.map(|_| ())?),
            }
        }
        tracing::warn!("the old model's vectors are still being read and stay on disk");
        Ok(())
    }

    /// The caller holds `model_change`: nobody adds vectors while the swap is made.
    async fn swap(
        &self,
        target: &Target,
        stamp: &casekin_catalog::ModelStamp,
    ) -> Result<(), EngineError> {
        let old = self.inner.serving().stamp.clone();
        self.inner.catalog.swap_reencoded(stamp).await?;
        self.serve_active(Arc::clone(&target.log)).await?;
        self.sweep_old_vectors(old).await?;
        tracing::info!(model = %target.model.name, "the library is served with another model");
        Ok(())
    }
}
