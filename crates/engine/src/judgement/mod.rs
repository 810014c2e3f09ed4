//! Whether an answer by vectors is a match at all. For each kind of question the library keeps what its own cases find
//! when each of them is the question, other patients only, and how similar random pairs of different patients are.

mod draw;
mod reference;

use std::sync::{Arc, Mutex, PoisonError};

use casekin_index::Stamp;
use serde::{Deserialize, Serialize};

use crate::answer::Judgement;
use crate::error::EngineError;
use crate::library::{Library, Serving};
use crate::query::Way;
use reference::Reference;

/// Where the catalog keeps it, so that a start need not draw it anew.
const SETTING: &str = "calibration.2";
/// It is drawn anew once the library has grown or shrunk by more than this share.
const STALE_SHARE: f64 = 0.1;
/// Up to this many views a demo library is drawn while the question waits; it takes part of a second.
const DRAWN_AT_ONCE_VIEWS: u64 = 50_000;
/// Share of questions like the library's own that may be turned away, by pictures.
const WRONGLY_BY_PICTURES: f64 = 0.01;
/// As [`WRONGLY_BY_PICTURES`], by words: labels are fewer and say less.
const WRONGLY_BY_WORDS: f64 = 0.02;

/// Kinds of questions that are asked by vectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One whole picture.
    Picture,
    /// Several pictures or a case.
    Case,
    /// Words, by the text tower.
    Text,
    /// A region of a picture: the library has no questions like it, so its answers are never turned away.
    Region,
    /// Pictures moved by marks, or marked cases alone: somebody has looked, and has called cases relevant.
    Marked,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Picture => "picture",
            Self::Case => "case",
            Self::Text => "text",
            Self::Region => "region",
            Self::Marked => "marked",
        }
    }
}

/// What similarities mean in one library under one model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Calibration {
    model_id: String,
    profile: String,
    pipeline_version: u32,
    views: u64,
    picture: Reference,
    case: Reference,
    text: Reference,
    /// No text tower could be run, so nothing was drawn for words: good until the process ends, and not stored.
    #[serde(skip)]
    without_words: bool,
}

/// The calibration of the library that is served, as far as it has been drawn.
#[derive(Default)]
pub(crate) struct Calibrations {
    kept: Mutex<Option<Arc<Calibration>>>,
    drawing: Arc<tokio::sync::Mutex<()>>,
}

impl Calibration {
    fn is_of(&self, stamp: &Stamp) -> bool {
        self.model_id == stamp.model_id
            && self.profile == stamp.profile
            && self.pipeline_version == stamp.pipeline_version
    }

    fn is_fresh(&self, views: u64) -> bool {
        self.views.abs_diff(views) as f64 <= self.views as f64 * STALE_SHARE
    }

    fn reference(&self, kind: Kind) -> (&Reference, Option<f64>) {
        match kind {
            Kind::Picture => (&self.picture, Some(WRONGLY_BY_PICTURES)),
            Kind::Case => (&self.case, Some(WRONGLY_BY_PICTURES)),
            Kind::Text => (&self.text, Some(WRONGLY_BY_WORDS)),
            Kind::Region => (&self.picture, None),
            Kind::Marked => (&self.case, None),
        }
    }

    /// What the best similarity that a way found comes to, where the filters let `share` of the cases through.
    pub(crate) fn judge(&self, way: Way, kind: Kind, best: f32, share: f64) -> Judgement {
        let (reference, wrongly) = self.reference(kind);
        let needed = wrongly.and_then(|wrongly| reference.needed(share, wrongly));
        Judgement {
            way,
            kind: kind.name().to_owned(),
            best,
            nearer_than: reference.nearer_than(best),
            needed,
            typical: reference.typical(),
            questions: reference.questions() as u64,
            no_match: needed.is_some_and(|needed| best < needed),
        }
    }

    /// The share of random pairs of different patients that are less similar.
    pub(crate) fn nearer_than(&self, kind: Kind, similarity: f32) -> Option<f32> {
        self.reference(kind).0.nearer_than(similarity)
    }
}

impl Library {
    /// What similarities mean now; drawn at once for small demo libraries, in the background for others, which meanwhile
    /// go by what was drawn last. `None` before the first.
    pub(crate) async fn calibration(&self, serving: &Arc<Serving>) -> Option<Arc<Calibration>> {
        let views = serving.index.view_count();
        let kept = match self.kept_calibration() {
            Some(kept) => Some(kept),
            None => self.stored_calibration().await,
        };
        let kept = kept.filter(|kept| kept.is_of(&serving.stamp));
        if kept.as_ref().is_some_and(|kept| kept.is_fresh(views)) || views == 0 {
            return kept;
        }
        if serving.model.demo && views <= DRAWN_AT_ONCE_VIEWS {
            let _one = self.inner.calibrations.drawing.lock().await;
            return match self.kept_calibration() {
                Some(fresh) if fresh.is_of(&serving.stamp) && fresh.is_fresh(views) => Some(fresh),
                _ => self.draw_and_keep(serving).await.or(kept),
            };
        }
        if let Ok(one) = Arc::clone(&self.inner.calibrations.drawing).try_lock_owned() {
            let (library, serving) = (self.clone(), Arc::clone(serving));
            tokio::spawn(async move {
                let _one = one;
                library.draw_and_keep(&serving).await;
            });
        }
        kept
    }

    fn kept_calibration(&self) -> Option<Arc<Calibration>> {
        self.inner
            .calibrations
            .kept
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn keep_calibration(&self, calibration: &Arc<Calibration>) {
        *self
            .inner
            .calibrations
            .kept
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(calibration));
    }

    async fn stored_calibration(&self) -> Option<Arc<Calibration>> {
        let stored = self.inner.catalog.setting(SETTING).await.ok()??;
        let calibration = Arc::new(serde_json::from_value(stored).ok()?);
        self.keep_calibration(&calibration);
        Some(calibration)
    }

    /// Questions are answered without it, so what fails here is only said in the log.
    async fn draw_and_keep(&self, serving: &Arc<Serving>) -> Option<Arc<Calibration>> {
        match self.draw_and_store(serving).await {
            Ok(calibration) => Some(calibration),
            Err(error) => {
                tracing::warn!(%error, "what similarities mean in this library could not be drawn");
                None
            }
        }
    }

    async fn draw_and_store(
        &self,
        serving: &Arc<Serving>,
    ) -> Result<Arc<Calibration>, EngineError> {
        let calibration = Arc::new(self.draw_calibration(serving).await?);
        self.keep_calibration(&calibration);
        if calibration.without_words {
            return Ok(calibration);
        }
        let json = serde_json::to_value(calibration.as_ref()).unwrap_or_default();
        self.inner.catalog.set_setting(SETTING, &json).await?;
        Ok(calibration)
    }
}
