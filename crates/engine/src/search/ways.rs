//! The ways of finding, each a ranked list of cases: words in reports, pictures near pictures, pictures near words.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use casekin_index::{Aggregate, Filter, NearestQuery, WordTexts, WordsQuery};
use casekin_reports::query_words;

use super::judged::judged;
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

/// What one way is asked.
enum Questioned {
    Words(String),
    Vectors(Vec<Vec<f32>>),
}

impl Asked {
    /// None where a way is not wanted, or has nothing to go by.
    fn questioned(&self, way: Way) -> Option<Questioned> {
        let wanted = self.ways.as_ref().is_none_or(|ways| ways.contains(&way));
        let (question, text) = (&self.question, &self.text);
        let asked = match way {
            Way::Report | Way::Label => text.clone().map(Questioned::Words),
            Way::Image => some_vectors(&question.pictures),
            Way::TextToImage => some_vectors(&question.sentences),
        };
        asked.filter(|_| wanted)
    }

    fn list(&self, way: Way, cases: Vec<(u64, f32)>) -> RankedList {
        RankedList {
            way,
            weight: self.weights.get(&way).copied().unwrap_or(1.0),
            cases,
        }
    }

    /// A question's pictures and its words weigh alike: where both ask, the ways by which the words found something share
    /// their weight. Two ways of the same words would outvote the pictures otherwise.
    fn weigh(&self, lists: &mut [RankedList]) {
        let by_pictures = self.questioned(Way::Image).is_some();
        if self.text.is_none() || !by_pictures {
            return;
        }
        let of_words = lists.iter().filter(|list| list.way != Way::Image);
        let shared = weight_of_words(of_words.filter(|list| !list.cases.is_empty()).count());
        for list in lists {
            list.weight *= match list.way {
                Way::Image => self.question.picture_weight,
                _ => shared,
            };
        }
    }
}

/// What each of several ways of the same words weighs against the pictures.
pub(crate) fn weight_of_words(ways: usize) -> f64 {
    1.0 / ways.max(1) as f64
}

fn some_vectors(vectors: &[Vec<f32>]) -> Option<Questioned> {
    (!vectors.is_empty()).then(|| Questioned::Vectors(vectors.to_vec()))
}

/// One way's cases, best first, with the way's own score.
pub(super) struct RankedList {
    pub(super) way: Way,
    pub(super) weight: f64,
    pub(super) cases: Vec<(u64, f32)>,
}

/// A question by vectors, and its kind.
pub(super) struct AskedVectors {
    pub(super) query: Arc<NearestQuery>,
    pub(super) kind: Kind,
}

/// What was found, before fusion.
pub(super) struct Found {
    /// Ways that were asked, whatever came of them.
    pub(super) asked: Vec<Way>,
    pub(super) lists: Vec<RankedList>,
    /// What was asked by words; the passages of a case are read once it is shown.
    pub(super) words: Vec<WordsQuery>,
    /// What was asked by vectors; the views of a case that match are read once it is shown.
    pub(super) vectors: Vec<AskedVectors>,
    /// Place in `vectors` of the question that found a case: by pictures, and where none did by the text tower.
    pub(super) by_vectors: HashMap<u64, usize>,
    /// What each vector of the question's pictures is of.
    pub(super) parts: Vec<QueryView>,
    pub(super) judgements: Vec<Judgement>,
    pub(super) calibration: Option<Arc<Calibration>>,
    pub(super) complete: bool,
}

impl Found {
    /// Adds what a way found. What an earlier one found of a case stays.
    fn take(&mut self, answered: Answered) {
        self.lists.extend(answered.list);
        self.words.extend(answered.words);
        self.judgements.extend(answered.judgement);
        self.complete &= answered.complete;
        if let Some(vectors) = answered.vectors {
            let cases = self.lists.last().into_iter().flat_map(|list| &list.cases);
            for (case_no, _) in cases {
                self.by_vectors
                    .entry(*case_no)
                    .or_insert(self.vectors.len());
            }
            self.vectors.push(vectors);
        }
    }

    /// What a case was found by, among the questions by vectors.
    pub(super) fn vectors_of(&self, case_no: u64) -> Option<&AskedVectors> {
        self.vectors.get(*self.by_vectors.get(&case_no)?)
    }

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

/// What one way found.
struct Answered {
    list: Option<RankedList>,
    /// What it asked of the words.
    words: Option<WordsQuery>,
    /// What it asked by vectors, where the answer counts.
    vectors: Option<AskedVectors>,
    judgement: Option<Judgement>,
    complete: bool,
}

/// Asks every way that applies, each on a thread of its own: none waits for another.
pub(super) async fn ask(serving: &Arc<Serving>, asked: Asked) -> Result<Found, EngineError> {
    let asked = Arc::new(asked);
    let start = |way: Way| {
        let (serving, asked) = (Arc::clone(serving), Arc::clone(&asked));
        asked.questioned(way).map(|question| {
            tokio::task::spawn_blocking(move || match question {
                Questioned::Words(text) => by_words(&serving, &asked, way, &text),
                Questioned::Vectors(vectors) => by_vectors(&serving, &asked, way, vectors),
            })
        })
    };
    // Those that take longest begin first.
    let mut asking = Way::ALL;
    asking.reverse();
    let mut asking = asking.map(start);
    asking.reverse();
    let was_asked = Way::ALL.into_iter().zip(&asking);
    let mut found = Found {
        asked: was_asked
            .filter_map(|(way, asking)| asking.as_ref().map(|_| way))
            .collect(),
        lists: Vec::new(),
        words: Vec::new(),
        vectors: Vec::new(),
        by_vectors: HashMap::new(),
        parts: asked.question.parts.clone(),
        judgements: Vec::new(),
        calibration: asked.calibration.clone(),
        complete: true,
    };
    for answer in asking.into_iter().flatten() {
        found.take(answer.await??);
    }
    asked.weigh(&mut found.lists);
    Ok(found)
}

fn by_words(
    serving: &Serving,
    asked: &Asked,
    way: Way,
    text: &str,
) -> Result<Answered, EngineError> {
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
    // Labels are few: that none says the words takes nothing from a case whose report does.
    let counts = !cases.is_empty() || way == Way::Report;
    Ok(Answered {
        list: counts.then(|| asked.list(way, cases)),
        words: Some(query),
        vectors: None,
        judgement: None,
        complete: true,
    })
}

fn by_vectors(
    serving: &Serving,
    asked: &Asked,
    way: Way,
    vectors: Vec<Vec<f32>>,
) -> Result<Answered, EngineError> {
    let query = NearestQuery {
        vectors,
        filter: Filter::all_of([asked.filter.clone(), own_filter(asked, way)]),
        exclude: asked.left_out.cases.clone(),
        exclude_patients: asked.left_out.patients.clone(),
        k: asked.depth,
        exact: false,
        aggregate: asked.aggregate,
    };
    let answer = serving.index.rank_by_vectors(&query)?;
    let nearest = answer.cases.first().map(|(_, score)| *score);
    let kind = match way {
        Way::TextToImage => Kind::Text,
        _ => asked.question.kind.unwrap_or(Kind::Case),
    };
    let judgement = judged(serving, asked, (way, kind), &query, nearest)?;
    let no_match = judgement.as_ref().is_some_and(|judged| judged.no_match);
    let mut answered = Answered {
        list: None,
        words: None,
        vectors: None,
        judgement,
        complete: answer.complete,
    };
    let counts = !answer.cases.is_empty() || way == Way::Image;
    if counts && (!no_match || asked.all) {
        let query = Arc::new(query);
        answered.list = Some(asked.list(way, answer.cases));
        answered.vectors = Some(AskedVectors { query, kind });
    }
    Ok(answered)
}

/// The views that may answer one way, whatever the question filters by.
pub(super) fn own_filter(asked: &Asked, way: Way) -> Filter {
    match way {
        // The demo model's words mean something over phantoms only: real pictures are never ranked by them.
        Way::TextToImage if asked.demo => Filter::Is {
            field: casekin_index::Field::Synthetic,
            value: "true".into(),
        },
        Way::Image if !asked.any_modality => family_of(asked),
        _ => Filter::All,
    }
}

/// Of the families of the question's pictures.
pub(super) fn family_of(asked: &Asked) -> Filter {
    Filter::same_family(asked.question.modalities.iter().map(Option::as_deref))
}
