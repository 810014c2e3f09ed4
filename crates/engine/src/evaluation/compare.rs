//! What a case can be asked by, compared on the same queries: one of its pictures, all of them, what its report affirms,
//! and both. nDCG@10 throughout; differences are paired, with intervals by patient.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};

use casekin_index::{
    Aggregate, Field, Filter, NearestQuery, RankedWay, WordTexts, WordsQuery, fuse,
};
use casekin_reports::query_words;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::bootstrap;
use super::figures::score_all;
use super::gather::{Pool, PoolCase};
use super::metrics::{LabelSet, Ranked, names};
use super::{RANKED_CASES, RetrievalRequest, drawn};
use crate::error::EngineError;
use crate::library::Serving;
use crate::search::MAX_QUERY_SENTENCES;

/// A query with the numbers of the cases that answer it, best first.
type Ranking = (usize, Vec<u64>);

/// Depth of the figure.
const K: usize = 10;
/// Texts encoded at once.
const TEXTS_AT_ONCE: usize = 16;

/// What a case can be asked by, compared.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ComparedWays {
    /// The figure: "ndcg@10".
    pub metric: String,
    /// Queries: cases with at least one encoded picture and affirmed words, so that every way can ask.
    pub queries: u64,
    /// Of those, cases with more than one view: others have the same answer by one view and by all.
    pub of_several_views: u64,
    /// Each way.
    pub ways: Vec<ComparedWay>,
    /// Pairs of ways, one minus the other.
    pub differences: Vec<Difference>,
}

/// One way of asking.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ComparedWay {
    /// Its name.
    pub name: String,
    /// What asks, in plain words.
    pub asks: String,
    /// Mean over queries.
    pub value: f64,
    /// 95 % interval, bootstrap by patient.
    pub interval: [f64; 2],
    /// Mean over the queries of several views.
    pub of_several_views: f64,
}

/// How much better one way is than another on the same queries.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Difference {
    /// "case - first view", say.
    pub name: String,
    /// Mean of the differences.
    pub value: f64,
    /// 95 % interval, bootstrap by patient.
    pub interval: [f64; 2],
    /// Mean of the differences over the queries of several views.
    pub of_several_views: f64,
}

/// What is compared, and on what.
pub(super) struct Comparison<'a> {
    serving: &'a Serving,
    pool: &'a Pool,
    filter: &'a Filter,
    places: HashMap<u64, u32>,
    own: Vec<usize>,
    several: Vec<bool>,
}

/// Figures of one way, one for each query.
struct Figures {
    name: &'static str,
    asks: &'static str,
    values: Vec<f64>,
}

/// Vectors of a question, or none.
type Asking = Vec<Vec<f32>>;

impl<'a> Comparison<'a> {
    pub(super) fn new(
        serving: &'a Serving,
        (pool, filter): (&'a Pool, &'a Filter),
        request: &RetrievalRequest,
    ) -> Self {
        let whole = |at: &usize| {
            let case = &pool.cases[*at];
            !case.locations.is_empty() && !case.words.is_empty()
        };
        let own: Vec<usize> = drawn(pool, request).into_iter().filter(whole).collect();
        let several = own.iter().map(|at| pool.cases[*at].locations.len() > 1);
        Self {
            serving,
            pool,
            filter,
            places: pool.places(),
            several: several.collect(),
            own,
        }
    }

    fn case(&self, query: usize) -> &PoolCase {
        &self.pool.cases[self.own[query]]
    }

    fn vectors(&self, query: usize) -> Result<Asking, EngineError> {
        let locations = self.case(query).locations.iter();
        let read = locations.map(|at| self.serving.log.read(at));
        Ok(read.collect::<Result<_, _>>()?)
    }

    /// Cases that do not answer: without label, and the query's own patient's.
    fn excluded(&self, query: usize) -> Vec<u64> {
        let own = self.pool.members[self.case(query).group].iter();
        let own = own.map(|at| self.pool.cases[*at].case_no);
        self.pool.outsiders.iter().copied().chain(own).collect()
    }

    fn nearest(
        &self,
        query: usize,
        vectors: Asking,
        aggregate: Aggregate,
    ) -> Result<Vec<u64>, EngineError> {
        let answer = self.serving.index.rank_by_vectors(&NearestQuery {
            vectors,
            filter: self.filter.clone(),
            exclude: self.excluded(query),
            k: RANKED_CASES,
            exact: true,
            aggregate,
            ..NearestQuery::default()
        })?;
        Ok(answer.cases.iter().map(|(case_no, _)| *case_no).collect())
    }

    fn by_words(&self, query: usize) -> Result<Vec<u64>, EngineError> {
        let words = query_words(&self.case(query).words);
        let answer = self.serving.index.rank_by_words(&WordsQuery {
            affirmed: words.affirmed,
            negated: words.negated,
            k: RANKED_CASES,
            exclude: self.excluded(query),
            texts: WordTexts::Prose,
            filter: self.filter.clone(),
        })?;
        Ok(answer.into_iter().map(|(case_no, _)| case_no).collect())
    }

    fn ndcg(&self, rankings: &[(usize, Vec<u64>)]) -> Vec<f64> {
        let ranked: Vec<Ranked> = rankings
            .iter()
            .map(|(query, cases)| Ranked {
                own: self.own[*query],
                hits: cases
                    .iter()
                    .filter_map(|case_no| self.places.get(case_no).copied())
                    .collect(),
            })
            .collect();
        let cases = self.pool.cases.iter();
        let labels: Vec<LabelSet> = cases.map(|case| case.labels.clone()).collect();
        let name = format!("ndcg@{K}");
        let at = names(&[K]).iter().position(|own| *own == name).unwrap_or(0);
        let scored = score_all(self.pool, &ranked, &labels, &[K]);
        scored.iter().map(|one| one.values[at]).collect()
    }

    fn each<T: Send>(
        &self,
        stop: &AtomicBool,
        ask: impl Fn(usize) -> Result<T, EngineError> + Sync + Send,
    ) -> Result<Vec<T>, EngineError> {
        let ask = |query: usize| {
            if stop.load(Ordering::Relaxed) {
                return Err(EngineError::Task("cancelled".into()));
            }
            ask(query)
        };
        (0..self.own.len()).into_par_iter().map(ask).collect()
    }

    /// The words of each query by the text tower, a vector for each sentence as a search has them.
    fn texts(&self) -> Result<Vec<Asking>, EngineError> {
        let sentences: Vec<Vec<String>> = (0..self.own.len())
            .map(|query| {
                let mut sentences = query_words(&self.case(query).words).sentences;
                sentences.truncate(MAX_QUERY_SENTENCES);
                sentences
            })
            .collect();
        let all: Vec<&str> = sentences.iter().flatten().map(String::as_str).collect();
        let mut vectors = Vec::with_capacity(all.len());
        for some in all.chunks(TEXTS_AT_ONCE) {
            vectors.extend(self.serving.encoder.question_texts(some)?);
        }
        let mut vectors = vectors.into_iter();
        let own = |own: &Vec<String>| vectors.by_ref().take(own.len()).collect();
        Ok(sentences.iter().map(own).collect())
    }

    fn interval(&self, values: &[f64]) -> [f64; 2] {
        let groups = (0..self.own.len()).map(|query| self.case(query).group);
        let groups: Vec<usize> = groups.collect();
        bootstrap::of_means(values, &groups, self.pool.members.len())
    }

    fn mean_of_several(&self, values: &[f64]) -> f64 {
        let own = values.iter().zip(&self.several);
        let own: Vec<f64> = own
            .filter(|(_, several)| **several)
            .map(|(value, _)| *value)
            .collect();
        mean(&own)
    }
}

/// Asks every query in every way.
pub(super) fn compared(
    with: &Comparison<'_>,
    stop: &AtomicBool,
) -> Result<ComparedWays, EngineError> {
    let mut ways = single_views(with, stop)?;
    let by_case = with.each(stop, |query| {
        let vectors = with.vectors(query)?;
        Ok((query, with.nearest(query, vectors, Aggregate::Mean)?))
    })?;
    let by_median = with.each(stop, |query| {
        let vectors = with.vectors(query)?;
        Ok((query, with.nearest(query, vectors, Aggregate::Median)?))
    })?;
    let by_words = with.each(stop, |query| Ok((query, with.by_words(query)?)))?;
    let by_text = by_text(with, stop)?;
    let mut hybrid = Vec::with_capacity(by_case.len());
    for ((case, words), text) in by_case.iter().zip(&by_words).zip(&by_text) {
        let of_words = [&words.1, &text.1];
        let answered = of_words.iter().filter(|list| !list.is_empty()).count();
        let weight = crate::search::weight_of_words(answered);
        let ways = [(1.0, &case.1), (weight, &words.1), (weight, &text.1)];
        hybrid.push((case.0, fused(&ways)));
    }
    let many: [(&str, &str, &[Ranking]); 5] = [
        ("case", "all its pictures, mean of best", &by_case),
        (
            "case, median",
            "all its pictures, median of best",
            &by_median,
        ),
        ("words", "what its report affirms, in reports", &by_words),
        (
            "text to image",
            "the same words, by the text tower",
            &by_text,
        ),
        (
            "hybrid",
            "case, words and text to image, fused as a search does",
            &hybrid,
        ),
    ];
    ways.extend(many.map(|(name, asks, rankings)| Figures {
        name,
        asks,
        values: with.ndcg(rankings),
    }));
    Ok(table(with, &ways))
}

/// Each view asks alone: the first one, one that is drawn (the mean over all), and the best by hindsight, which knows the
/// labels and is a bound rather than a way.
fn single_views(with: &Comparison<'_>, stop: &AtomicBool) -> Result<Vec<Figures>, EngineError> {
    let values = with.each(stop, |query| {
        let mut rankings = Vec::new();
        for vector in with.vectors(query)? {
            let cases = with.nearest(query, vec![vector], Aggregate::Mean)?;
            rankings.push((query, cases));
        }
        Ok(with.ndcg(&rankings))
    })?;
    let way = |name, asks, of: fn(&[f64]) -> f64| Figures {
        name,
        asks,
        values: values.iter().map(|own| of(own)).collect(),
    };
    Ok(vec![
        way("first view", "its first picture alone", |own| own[0]),
        way("any view", "one of its pictures alone, drawn", mean),
        way(
            "best view by hindsight",
            "the one picture that the labels say does best",
            |own| own.iter().copied().fold(0.0, f64::max),
        ),
    ])
}

fn by_text(
    with: &Comparison<'_>,
    stop: &AtomicBool,
) -> Result<Vec<(usize, Vec<u64>)>, EngineError> {
    let texts = with.texts()?;
    with.each(stop, |query| {
        // As a search does: the demo model's words mean nothing over real pictures.
        let meant = match with.serving.model.demo {
            true => Filter::Is {
                field: Field::Synthetic,
                value: "true".into(),
            },
            false => Filter::All,
        };
        let answer = with.serving.index.rank_by_vectors(&NearestQuery {
            vectors: texts[query].clone(),
            filter: Filter::all_of([with.filter.clone(), meant]),
            exclude: with.excluded(query),
            k: RANKED_CASES,
            exact: true,
            ..NearestQuery::default()
        })?;
        let cases = answer.cases.iter().map(|(case_no, _)| *case_no);
        Ok((query, cases.collect()))
    })
}

/// As a search fuses: the two ways of the words share the weight that the pictures have.
fn fused(ways: &[(f64, &Vec<u64>)]) -> Vec<u64> {
    let ranked: Vec<RankedWay> = ways
        .iter()
        .map(|(weight, cases)| RankedWay {
            name: String::new(),
            weight: *weight,
            keys: cases.iter().copied().take(crate::search::DEPTH).collect(),
        })
        .collect();
    let fused = fuse(&ranked, RANKED_CASES);
    fused.into_iter().map(|one| one.key).collect()
}

fn table(with: &Comparison<'_>, ways: &[Figures]) -> ComparedWays {
    let row = |figures: &Figures| ComparedWay {
        name: figures.name.to_owned(),
        asks: figures.asks.to_owned(),
        value: mean(&figures.values),
        interval: with.interval(&figures.values),
        of_several_views: with.mean_of_several(&figures.values),
    };
    let best = |among: &[&str]| {
        let own = ways.iter().filter(|way| among.contains(&way.name));
        own.max_by(|a, b| mean(&a.values).total_cmp(&mean(&b.values)))
    };
    let named = |name: &str| ways.iter().find(|way| way.name == name);
    let single = ["case", "words", "text to image"];
    let pairs = [
        (named("case"), named("first view")),
        (named("case"), named("any view")),
        (named("case"), named("best view by hindsight")),
        (named("case, median"), named("case")),
        (named("hybrid"), best(&single)),
    ];
    let difference = |(better, than): (Option<&Figures>, Option<&Figures>)| {
        let (better, than) = (better?, than?);
        let pairs = better.values.iter().zip(&than.values);
        let values: Vec<f64> = pairs.map(|(a, b)| a - b).collect();
        Some(Difference {
            name: format!("{} - {}", better.name, than.name),
            value: mean(&values),
            interval: with.interval(&values),
            of_several_views: with.mean_of_several(&values),
        })
    };
    ComparedWays {
        metric: format!("ndcg@{K}"),
        queries: with.own.len() as u64,
        of_several_views: with.several.iter().filter(|several| **several).count() as u64,
        ways: ways.iter().map(row).collect(),
        differences: pairs.into_iter().filter_map(difference).collect(),
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}
