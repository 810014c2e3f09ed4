//! A worker's result enters the library: thumbnail, vectors, then one transaction that makes them count.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use casekin_catalog::{ErasedVector, JobOutcome, LeasedJob, NewView, PixelBox, ViewRef};
use casekin_imaging::Facts;
use casekin_index::VectorLog;

use crate::convert::{to_catalog_location, to_catalog_stamp, to_index_location};
use crate::error::EngineError;
use crate::ingest::facts_for_catalog;
use crate::library::Library;
use crate::projection;
use crate::records::{EncodedView, WorkerResult};

impl Library {
    /// Takes a worker's result in: thumbnail, vectors, then one transaction that makes them count.
    pub(crate) async fn accept(
        &self,
        job: &LeasedJob,
        result: WorkerResult,
    ) -> Result<(), EngineError> {
        let inner = &self.inner;
        let _model = inner.model_change.read().await;
        let serving = inner.serving();
        check_result(&serving.stamp, &result)?;
        if result.views.is_empty() && job.plan.is_none_or(|plan| plan.chosen) {
            return Err(refused("it holds no view"));
        }
        let thumbnail = BASE64
            .decode(&result.thumbnail)
            .map_err(|_| refused("the thumbnail is not base64"))?;
        let facts: Facts = serde_json::from_value(result.facts)
            .map_err(|_| refused("the facts cannot be read"))?;
        let thumbnail_key = inner
            .objects
            .put_thumbnail(&job.image_id, thumbnail.into())
            .await?;
        let views = self
            .store_views(&serving, job.case_no, result.views)
            .await?;
        let outcome = JobOutcome {
            facts_json: facts_for_catalog(&facts, &job.facts.facts_json),
            modality: job.facts.modality.clone().or(facts.modality),
            body_part: job.facts.body_part.clone().or(facts.body_part),
            laterality: job.facts.laterality.clone().or(facts.laterality),
            views,
            thumbnail_key: Some(thumbnail_key),
            stamp: to_catalog_stamp(&serving.stamp),
        };
        let completed = inner.catalog.complete_job(job, outcome).await?;
        inner.changed.notify_one();
        self.erase_replaced(&serving.log, &completed.replaced).await
    }

    /// Takes the vectors of an earlier plan away once the index no longer names them.
    async fn erase_replaced(
        &self,
        log: &Arc<VectorLog>,
        replaced: &[ErasedVector],
    ) -> Result<(), EngineError> {
        if replaced.is_empty() {
            return Ok(());
        }
        projection::catch_up(&self.inner).await?;
        let locations: Vec<_> = replaced
            .iter()
            .map(|vector| to_index_location(vector.location))
            .collect();
        let log = Arc::clone(log);
        Ok(tokio::task::spawn_blocking(move || log.erase_all(&locations)).await??)
    }

    /// Writes vectors to the log and says what the catalog should keep of their views.
    pub(crate) async fn store_views(
        &self,
        serving: &crate::library::Serving,
        case_no: casekin_catalog::CaseNo,
        views: Vec<EncodedView>,
    ) -> Result<Vec<NewView>, EngineError> {
        let count = u32::try_from(views.len()).map_err(|_| refused("too many views"))?;
        let first = self.inner.catalog.reserve_views(case_no, count).await?;
        let log = Arc::clone(&serving.log);
        tokio::task::spawn_blocking(move || {
            let key = |at: u32| {
                ViewRef {
                    case_no,
                    view_no: first + at,
                }
                .key()
            };
            let records: Vec<(u64, &[f32])> = (0..count)
                .map(key)
                .zip(views.iter().map(|view| view.vector.as_slice()))
                .collect();
            let locations = log.append(&records)?;
            let views = views
                .iter()
                .zip(locations)
                .zip(first..)
                .map(|((view, at), view_no)| NewView {
                    view_no,
                    kind: view.kind.clone(),
                    frame: Some(view.frame),
                    box_px: Some(pixel_box(view.box_px)),
                    mm_per_px: view.mm_per_px.map(|mm| f64::from(mm[0])),
                    made_by: view.made_by.clone(),
                    location: to_catalog_location(at),
                });
            Ok(views.collect())
        })
        .await?
    }
}

fn pixel_box([x_px, y_px, width_px, height_px]: [u32; 4]) -> PixelBox {
    PixelBox {
        x_px,
        y_px,
        width_px,
        height_px,
    }
}

fn refused(reason: &str) -> EngineError {
    EngineError::WorkerResult {
        reason: reason.to_owned(),
    }
}

fn check_result(stamp: &casekin_index::Stamp, result: &WorkerResult) -> Result<(), EngineError> {
    if result.model_id != stamp.model_id || result.profile != stamp.profile {
        return Err(refused(
            "it was made by another model or profile than the library's",
        ));
    }
    if result.pipeline_version != stamp.pipeline_version {
        return Err(refused(
            "it was made by another version of casekin; update the worker",
        ));
    }
    let dimension = stamp.dimension as usize;
    for view in &result.views {
        let norm: f32 = view.vector.iter().map(|x| x * x).sum();
        if view.vector.len() != dimension || norm.is_nan() || (norm - 1.0).abs() > 1e-2 {
            return Err(refused(
                "a vector is not of the model's length or not normalised",
            ));
        }
    }
    Ok(())
}
