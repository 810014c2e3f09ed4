//! Draws the questions: cases of the library, each asked by one picture, by all its pictures and by one of its labels.

use std::collections::HashMap;
use std::sync::Arc;

use casekin_catalog::{CaseEntry, CaseNo};
use casekin_index::{Field, Filter, NearestQuery};
use casekin_reports::query_words;

use super::{Calibration, Reference};
use crate::convert::{patient_number, to_index_location};
use crate::dot::dot;
use crate::error::EngineError;
use crate::library::{Library, Serving};

/// Cases that become questions.
const QUESTIONS: usize = 400;
/// Nearest cases that are looked at of each: of fewer, a filter that lets through one case
/// in a hundred would leave none too often to say anything.
const NEAREST: usize = 512;
/// Views of one case that ask together.
const CASE_VIEWS: usize = 64;
/// Random pairs of each kind.
const PAIRS: usize = 20_000;
/// Random pairs of cases, each of many views.
const CASE_PAIRS: usize = 2_000;
/// Labels that are encoded at once: questions of people go between.
const TEXTS_AT_ONCE: usize = 16;

/// A case that asks.
struct Asking {
    case_no: u64,
    patient: u64,
    /// Vector and modality of its views.
    views: Vec<(Vec<f32>, Option<String>)>,
    label: Option<String>,
}

impl Library {
    pub(super) async fn draw_calibration(
        &self,
        serving: &Arc<Serving>,
    ) -> Result<Calibration, EngineError> {
        let views = serving.index.view_count();
        let mut cases = {
            let serving = Arc::clone(serving);
            tokio::task::spawn_blocking(move || serving.index.cases(&Filter::All, None)).await??
        };
        cases.sort_unstable_by_key(|case_no| scattered(*case_no));
        cases.truncate(QUESTIONS);
        let cases: Vec<CaseNo> = cases.into_iter().map(CaseNo).collect();
        let entries = self.inner.catalog.case_entries(&cases).await?;
        let serving = Arc::clone(serving);
        tokio::task::spawn_blocking(move || {
            let asking: Vec<Asking> = entries
                .into_iter()
                .map(|entry| asking(&serving, entry))
                .filter(|one| one.as_ref().map_or(true, |one| !one.views.is_empty()))
                .collect::<Result<_, _>>()?;
            let words = match by_text(&serving, &asking) {
                Err(EngineError::NoEncoder { .. }) => None,
                drawn => Some(drawn?),
            };
            Ok(Calibration {
                without_words: words.is_none(),
                model_id: serving.stamp.model_id.clone(),
                profile: serving.stamp.profile.clone(),
                pipeline_version: serving.stamp.pipeline_version,
                views,
                picture: by_picture(&serving, &asking)?,
                case: by_case(&serving, &asking)?,
                text: words.unwrap_or_else(|| Reference::new(Vec::new(), Vec::new())),
            })
        })
        .await?
    }
}

fn asking(serving: &Serving, entry: CaseEntry) -> Result<Asking, EngineError> {
    let case_no = entry.case_no.0;
    let step = entry.views.len().div_ceil(CASE_VIEWS).max(1);
    let views = entry.views.into_iter().step_by(step).map(|view| {
        let vector = serving.log.read(&to_index_location(view.location))?;
        Ok((vector, view.modality))
    });
    // Columns of a manifest ("stain: HE") are no words that somebody asks for, and what a label denies is not asked of pictures.
    let labels: Vec<String> = entry
        .facts
        .labels
        .into_iter()
        .filter(|label| !label.contains(": ") && !query_words(label).affirmed.is_empty())
        .collect();
    let label = labels.get(scattered(case_no) as usize % labels.len().max(1));
    Ok(Asking {
        case_no,
        patient: patient_number(entry.facts.patient.as_deref()),
        views: views.collect::<Result<_, EngineError>>()?,
        label: label.cloned(),
    })
}

fn by_picture(serving: &Serving, asking: &[Asking]) -> Result<Reference, EngineError> {
    let one_of = |one: &Asking| scattered(one.case_no) as usize % one.views.len();
    let mut kin = Vec::with_capacity(asking.len());
    for one in asking {
        let (vector, modality) = &one.views[one_of(one)];
        let filter = Filter::same_family([modality.as_deref()]);
        kin.extend(nearest(serving, one, vec![vector.clone()], filter)?);
    }
    let random =
        random_pairs(asking, PAIRS).map(|(a, b)| dot(&a.views[one_of(a)].0, &b.views[one_of(b)].0));
    Ok(Reference::new(kin, random.collect()))
}

fn by_case(serving: &Serving, asking: &[Asking]) -> Result<Reference, EngineError> {
    let mut kin = Vec::with_capacity(asking.len());
    for one in asking {
        let filter = Filter::same_family(one.views.iter().map(|(_, code)| code.as_deref()));
        let vectors = one.views.iter().map(|(vector, _)| vector.clone()).collect();
        kin.extend(nearest(serving, one, vectors, filter)?);
    }
    let random = random_pairs(asking, CASE_PAIRS).map(|(a, b)| mean_of_best(a, b));
    Ok(Reference::new(kin, random.collect()))
}

fn by_text(serving: &Serving, asking: &[Asking]) -> Result<Reference, EngineError> {
    let mut texts: Vec<&str> = asking
        .iter()
        .filter_map(|one| one.label.as_deref())
        .collect();
    texts.sort_unstable();
    texts.dedup();
    let mut vectors: HashMap<&str, Vec<f32>> = HashMap::new();
    for chunk in texts.chunks(TEXTS_AT_ONCE) {
        let encoded = serving.encoder.question_texts(chunk)?;
        vectors.extend(chunk.iter().copied().zip(encoded));
    }
    let filter = if serving.model.demo {
        Filter::Is {
            field: Field::Synthetic,
            value: "true".into(),
        }
    } else {
        Filter::All
    };
    let mut kin = Vec::new();
    for one in asking {
        if let Some(vector) = one.label.as_deref().and_then(|label| vectors.get(label)) {
            kin.extend(nearest(serving, one, vec![vector.clone()], filter.clone())?);
        }
    }
    let random = random_pairs(asking, PAIRS).filter_map(|(a, b)| {
        let text = vectors.get(a.label.as_deref()?)?;
        Some(dot(text, &b.views[0].0))
    });
    Ok(Reference::new(kin, random.collect()))
}

/// Similarities of the nearest cases of other patients, best first; `None` where there are none at all.
fn nearest(
    serving: &Serving,
    asking: &Asking,
    vectors: Vec<Vec<f32>>,
    filter: Filter,
) -> Result<Option<Vec<f32>>, EngineError> {
    let answer = serving.index.rank_by_vectors(&NearestQuery {
        vectors,
        filter,
        exclude: vec![asking.case_no],
        exclude_patients: vec![asking.patient],
        k: NEAREST,
        exact: false,
        ..NearestQuery::default()
    })?;
    let similarities: Vec<f32> = answer.cases.iter().map(|(_, score)| *score).collect();
    Ok((!similarities.is_empty()).then_some(similarities))
}

/// Pairs of cases of different patients; an unknown patient is nobody else's.
fn random_pairs(asking: &[Asking], pairs: usize) -> impl Iterator<Item = (&Asking, &Asking)> {
    let count = asking.len().max(1) as u64;
    let at = move |number: u64| asking.get((scattered(number) % count) as usize);
    (0..pairs as u64)
        .filter_map(move |pair| Some((at(pair * 2)?, at(pair * 2 + 1)?)))
        .filter(|(a, b)| a.case_no != b.case_no && (a.patient == 0 || a.patient != b.patient))
}

/// As cases are ranked: the mean over the views that ask of the best in the other case.
fn mean_of_best(asking: &Asking, other: &Asking) -> f32 {
    let best = |(vector, _): &(Vec<f32>, Option<String>)| {
        other
            .views
            .iter()
            .map(|(theirs, _)| dot(vector, theirs))
            .fold(-1.0, f32::max)
    };
    asking.views.iter().map(best).sum::<f32>() / asking.views.len().max(1) as f32
}

/// A number that looks random and is always the same (SplitMix64, Steele, Lea and Flood 2014).
fn scattered(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}
