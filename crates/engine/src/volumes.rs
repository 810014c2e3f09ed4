//! Volumes that are written as one file for each slice: when a series has been read, its slices are looked at from
//! afar, those worth a vector are chosen, and each slice's job goes on with its part of the plan.

use std::time::{Duration, Instant};

use casekin_catalog::{ImageNo, SlicePlan, Stack, StackSlice};
use casekin_imaging::{SliceSurvey, SurveyRequest, VolumeSlice, compared_slices, plan_volume};
use futures::StreamExt as _;

use crate::error::EngineError;
use crate::library::Library;

/// Volumes are looked for no more often than this while other jobs wait.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A series is taken to be whole when none of its slices came for this long, though its batch is still being read.
const SETTLED_MS: u64 = 30_000;

/// Who plans now, and when that was last looked into.
#[derive(Default)]
pub(crate) struct Planning {
    looked: tokio::sync::Mutex<Option<Instant>>,
}

/// The catalog's plan as imaging reads it.
pub(crate) fn volume_slice(plan: SlicePlan) -> VolumeSlice {
    VolumeSlice {
        chosen: plan.chosen,
        range: plan.range,
    }
}

impl Library {
    /// Plans one volume if one is ready. `idle`: there is nothing else to do, so it is looked for now.
    ///
    /// # Errors
    /// Errors of the catalog. A slice that cannot be read is no part of the plan; its own job says why.
    pub(crate) async fn plan_next_volume(&self, idle: bool) -> Result<bool, EngineError> {
        let inner = &self.inner;
        // One at a time: whoever comes meanwhile finds jobs as soon as the plan is there.
        let Ok(mut looked) = inner.planning.looked.try_lock() else {
            return Ok(false);
        };
        if !idle && looked.is_some_and(|at| at.elapsed() < LOOK_EVERY) {
            return Ok(false);
        }
        *looked = Some(Instant::now());
        let reading = inner.batches.reading();
        let Some(stack) = inner.catalog.next_stack(&reading, SETTLED_MS).await? else {
            return Ok(false);
        };
        let plans = self.plan(&stack).await;
        inner.catalog.plan_stack(&plans).await?;
        inner.jobs.notify_one();
        Ok(true)
    }

    async fn plan(&self, stack: &Stack) -> Vec<(ImageNo, Option<SlicePlan>)> {
        let slices = &stack.slices;
        if let [only] = slices.as_slice() {
            let whole = SlicePlan {
                chosen: true,
                range: None,
            };
            return vec![(only.image_no, Some(whole))];
        }
        let config = &self.inner.config;
        let compared = compared_slices(slices.len(), &config.limits);
        let looked_at: Vec<StackSlice> = compared.iter().map(|at| slices[*at].clone()).collect();
        let surveyed: Vec<Option<SliceSurvey>> = futures::stream::iter(looked_at)
            .map(|slice| self.survey(slice))
            .buffered(config.ingest.decoders())
            .collect()
            .await;
        let mut plans: Vec<_> = slices
            .iter()
            .map(|slice| (slice.image_no, None::<SlicePlan>))
            .collect();
        let (seen, surveys): (Vec<usize>, Vec<SliceSurvey>) = compared
            .iter()
            .zip(&surveyed)
            .filter_map(|(at, survey)| Some((*at, survey.clone()?)))
            .unzip();
        let plan = plan_volume(&surveys, config.ingest.max_views);
        let left_out = SlicePlan {
            chosen: false,
            range: plan.range,
        };
        for (at, (_, slice)) in plans.iter_mut().enumerate() {
            let unreadable = compared
                .binary_search(&at)
                .is_ok_and(|i| surveyed[i].is_none());
            *slice = (!unreadable).then_some(left_out);
        }
        for index in plan.chosen {
            plans[seen[index]].1 = Some(SlicePlan {
                chosen: true,
                ..left_out
            });
        }
        plans
    }

    async fn survey(&self, slice: StackSlice) -> Option<SliceSurvey> {
        let source = self
            .object_source(&slice.object, &slice.other_paths, &slice.content_sha256)
            .await
            .ok()?;
        let request = SurveyRequest {
            source,
            limits: self.inner.config.limits.clone(),
        };
        let decoding = self.inner.decoding.clone();
        tokio::task::spawn_blocking(move || decoding.survey(&request))
            .await
            .ok()?
            .ok()
    }
}
