//! The ways of finding, each a ranked list of cases: words in reports, pictures near pictures, pictures near words.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use casekin_index::{Aggregate, CaseMatch, Filter, NearestQuery, WordTexts, WordsQuery};
use casekin_reports::query_words;

use super::question::{LeftOut, QuestionVectors};
use crate::answer::{Judgement, QueryView};
use crate::error::EngineError;
use crate::judgement::{Calibration, Kind};
use crate::library::Serving;
use crate::query::Way;

/// Everything that the index is asked.
pub(super) struct Asked {
    pub(super) text: Option<String>,
    pub(super) filter: Filter,
    pub(super) question: QuestionVectors,
    pub(super) left_out: LeftOut,
    pub(super) ways: Option<Vec<Way>>,
    pub(super) weights: BTreeMap<Way, f64>,
    pub(super) aggregate: Aggregate,
    pub(super) demo: bool,
    pub(super) depth: usize,
    pub(super) calibration: Option<Arc<Calibration>>,
    /// Share of the library's cases that the filters let through.
    pub(super) share: f64,
    pub(super) all: bool,
    pub(super) any_modality: bool,
}

impl Asked {
    /// A question's pictures and its words weigh alike: where both ask, the ways that the words have share their weight.
    /// Two ways of the same words would outvote the pictures otherwise.
    fn weight(&self, way: Way) -> f64 {
        let own = self.weights.get(&way).copied().unwrap_or(1.0);
        let wanted = |way| self.ways.as_ref().is_none_or(|ways| ways.contains(&way));
        if self.text.is_none() || self.question.pictures.is_empty() || !wanted(Way::Image) {
            return own;
        }
        match way {
            Way::Image => own * self.question.picture_weight,
            _ => {
                let of_words = Way::ALL.into_iter().filter(|way| *way != Way::Image);
                own / of_words.filter(|way| wanted(*way)).count().max(1) as f64
            }
        }
    }
}

/// One way's cases, best first, with the way's own score.
pub(super) struct RankedList {
    pub(super) way: Way,
    pub(super) weight: f64,
    pub(super) cases: Vec<(u64, f32)>,
}

/// What was found, before fusion.
pub(super) struct Found {
    pub(super) lists: Vec<RankedList>,
    /// What was asked by words; the passages of a case are read once it is shown.
    pub(super) words: Vec<WordsQuery>,
    /// Matches by picture, and where none by the text tower.
    pub(super) pictures: HashMap<u64, CaseMatch>,
    /// Kind of question by which a case's pictures matched.
    pub(super) kinds: HashMap<u64, Kind>,
    /// What each vector of the question's pictures is of.
    pub(super) parts: Vec<QueryView>,
    pub(super) judgements: Vec<Judgement>,
    pub(super) calibration: Option<Arc<Calibration>>,
    pub(super) complete: bool,
}

impl Found {
    pub(super) fn ways(&self) -> impl Iterator<Item = Way> + '_ {
        self.lists.iter().map(|list| list.way)
    }
}

/// A case after fusion.
pub(super) struct Ranked {
    pub(super) case_no: u64,
    pub(super) score: f32,
    /// Place of the way in [`Found::lists`], and the rank there from 1.
    pub(super) ways: Vec<(usize, usize)>,
}

/// Asks every way that applies. Blocks.
pub(super) fn ask(serving: &Serving, asked: &Asked) -> Result<Found, EngineError> {
    let mut found = Found {
        lists: Vec::new(),
        words: Vec::new(),
        pictures: HashMap::new(),
        kinds: HashMap::new(),
        parts: asked.question.parts.clone(),
        judgements: Vec::new(),
        calibration: asked.calibration.clone(),
        complete: true,
    };
    let wanted = |way| asked.ways.as_ref().is_none_or(|ways| ways.contains(&way));
    for way in [Way::Report, Way::Label] {
        if let Some(text) = asked.text.as_deref().filter(|_| wanted(way)) {
            by_words(serving, asked, (way, text), &mut found)?;
        }
    }
    if !asked.question.pictures.is_empty() && wanted(Way::Image) {
        by_vectors(
            serving,
            asked,
            Way::Image,
            asked.question.pictures.clone(),
            &mut found,
        )?;
    }
    if let Some(vector) = asked
        .question
        .text
        .clone()
        .filter(|_| wanted(Way::TextToImage))
    {
        by_vectors(serving, asked, Way::TextToImage, vec![vector], &mut found)?;
    }
    Ok(found)
}

fn by_words(
    serving: &Serving,
    asked: &Asked,
    (way, text): (Way, &str),
    found: &mut Found,
) -> Result<(), EngineError> {
    let words = query_words(text);
    let texts = match way {
        Way::Label => WordTexts::Label,
        _ => WordTexts::Report,
    };
    let query = WordsQuery {
        affirmed: words.affirmed,
        negated: words.negated,
        filter: asked.filter.clone(),
        k: asked.depth,
        exclude: asked.left_out.cases.clone(),
        texts,
    };
    let cases = serving.index.rank_by_words(&query)?;
    found.words.push(query);
    // Labels are few: that none says the words takes nothing from a case whose report does.
    if !cases.is_empty() || way == Way::Report {
        found.lists.push(RankedList {
            way,
            weight: asked.weight(way),
            cases,
        });
    }
    Ok(())
}

fn by_vectors(
    serving: &Serving,
    asked: &Asked,
    way: Way,
    vectors: Vec<Vec<f32>>,
    found: &mut Found,
) -> Result<(), EngineError> {
    let mut query = NearestQuery {
        vectors,
        filter: filter_of(asked, way),
        exclude: asked.left_out.cases.clone(),
        exclude_patients: asked.left_out.patients.clone(),
        k: asked.depth,
        exact: false,
        aggregate: asked.aggregate,
    };
    let answer = serving.index.nearest(&query)?;
    let mut best = answer.matches.first().map(|one| one.score);
    if asked.aggregate != Aggregate::Mean && query.vectors.len() > 1 {
        // What a match must reach was drawn by means.
        query.aggregate = Aggregate::Mean;
        query.k = 1;
        best = serving
            .index
            .nearest(&query)?
            .matches
            .first()
            .map(|one| one.score);
    }
    found.complete &= answer.complete;
    let kind = match way {
        Way::TextToImage => Kind::Text,
        _ => asked.question.kind.unwrap_or(Kind::Case),
    };
    if let (Some(best), Some(calibration)) = (best, &asked.calibration) {
        let judgement = calibration.judge(way, kind, best, asked.share);
        let is_no_match = judgement.no_match;
        found.judgements.push(judgement);
        if is_no_match && !asked.all {
            return Ok(());
        }
    }
    let cases: Vec<(u64, f32)> = answer
        .matches
        .iter()
        .map(|one| (one.case_no, one.score))
        .collect();
    for one in answer.matches {
        found.kinds.entry(one.case_no).or_insert(kind);
        found.pictures.entry(one.case_no).or_insert(one);
    }
    if !cases.is_empty() || way == Way::Image {
        found.lists.push(RankedList {
            way,
            weight: asked.weight(way),
            cases,
        });
    }
    Ok(())
}

/// The views that may answer one way.
fn filter_of(asked: &Asked, way: Way) -> Filter {
    let own = match way {
        // The demo model's words mean something over phantoms only: real pictures are never ranked by them.
        Way::TextToImage if asked.demo => Filter::Is {
            field: casekin_index::Field::Synthetic,
            value: "true".into(),
        },
        Way::Image if !asked.any_modality => {
            Filter::same_family(asked.question.modalities.iter().map(Option::as_deref))
        }
        _ => Filter::All,
    };
    Filter::all_of([asked.filter.clone(), own])
}
