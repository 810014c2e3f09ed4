//! What the index loses by being fast: it is asked as it serves and by looking at every view, with and without filters.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use casekin_catalog::CaseNo;
use casekin_index::{CaseMatch, Filter, NearestQuery};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::bootstrap::{self, Dice, SEED};
use super::{Abandoned, MAX_K, Provenance, provenance};
use crate::convert::{patient_number, to_index_location};
use crate::error::EngineError;
use crate::library::{Library, Serving};

const DEFAULT_QUERIES: u32 = 200;
const MAX_QUERIES: u32 = 10_000;
const MAX_FILTERS: usize = 32;
/// Shares of the library that a filter of the library's own facts should let through, about.
const SHARES: [f64; 5] = [0.5, 0.1, 0.01, 0.001, 0.0001];
/// A fact stands for a share if it lets through no more than this many times as much or as little.
const ABOUT: f64 = 2.5;
/// Cosines that differ by less are the same: f16 rounds by more.
const TIE: f32 = 1e-6;
const CASES_AT_ONCE: usize = 256;

/// What to evaluate.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RecallRequest {
    /// Depths, 1 to 100; 1 and 10 when left out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub k: Vec<u32>,
    /// Filters, each evaluated by itself, beside none and those that are taken from the library's own facts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub filters: Vec<String>,
    /// Pictures that ask, drawn at random with a fixed seed; 200 when left out, 10,000 at the most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queries: Option<u32>,
}

/// How much of the exact answer the index gives.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct RecallReport {
    /// The command that makes this report.
    pub command: String,
    /// The question as it was understood.
    pub request: RecallRequest,
    /// On what library and by what model.
    pub provenance: Provenance,
    /// Cases of the library.
    pub cases: u64,
    /// Views with a vector.
    pub views: u64,
    /// Of those, views that a graph holds; the others are always scanned, so that their recall is 1.
    pub graphed: u64,
    /// Pictures that asked.
    pub queries: u64,
    /// Without filter first, then each filter.
    pub rows: Vec<RecallRow>,
    /// What a reader must know, in plain words.
    pub notices: Vec<String>,
}

/// Recall under one filter.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct RecallRow {
    /// The filter; empty for none.
    pub filter: String,
    /// Cases that it lets through.
    pub cases: u64,
    /// Their share of the library.
    pub share: f64,
    /// At each k: the share of the exact answer's first k that the index gave among its first k. Cases as near as the last
    /// of them count, whichever of them came.
    pub recall: Vec<f64>,
    /// Their 95 % intervals, bootstrap over queries.
    pub intervals: Vec<[f64; 2]>,
    /// Lowest recall of one query at the deepest k.
    pub worst: f64,
    /// Median time of one question to the index, in milliseconds; other work of the machine is in it.
    pub index_ms: f64,
    /// Median time of looking at every view, in milliseconds.
    pub exact_ms: f64,
}

/// A picture that asks.
struct Asking {
    case_no: u64,
    patient: u64,
    vector: Vec<f32>,
}

/// A filter with its spelling.
struct Narrowed {
    text: String,
    filter: Filter,
    cases: u64,
}

impl RecallRequest {
    fn understood(mut self) -> Result<Self, EngineError> {
        if self.k.is_empty() {
            self.k = vec![1, 10];
        }
        self.k.sort_unstable();
        self.k.dedup();
        if self.k.iter().any(|k| !(1..=MAX_K).contains(k)) {
            return Err(EngineError::bad_query(format!(
                "each k must lie between 1 and {MAX_K}"
            )));
        }
        let queries = self.queries.unwrap_or(DEFAULT_QUERIES);
        if !(1..=MAX_QUERIES).contains(&queries) {
            return Err(EngineError::bad_query(format!(
                "queries must lie between 1 and {MAX_QUERIES}"
            )));
        }
        if self.filters.len() > MAX_FILTERS {
            return Err(EngineError::bad_query(format!(
                "at most {MAX_FILTERS} filters are evaluated at once"
            )));
        }
        self.queries = Some(queries);
        Ok(self)
    }

    fn command(&self) -> String {
        let depths: Vec<String> = self.k.iter().map(u32::to_string).collect();
        let mut words = vec![format!("casekin eval recall --k {}", depths.join(","))];
        let quoted = |text: &String| format!("--filter '{}'", text.replace('\'', r"'\''"));
        words.extend(self.filters.iter().map(quoted));
        words.extend(self.queries.map(|count| format!("--queries {count}")));
        words.join(" ")
    }
}

impl Library {
    /// Compares the index as it serves with looking at every view.
    ///
    /// # Errors
    /// Filters or depths that cannot be understood; a library without encoded pictures; errors of the leaves.
    pub async fn evaluate_recall(
        &self,
        request: RecallRequest,
    ) -> Result<RecallReport, EngineError> {
        let request = request.understood()?;
        let asked: Vec<(String, Filter)> = request
            .filters
            .iter()
            .map(|text| {
                let filter = crate::search::parse_filters(std::slice::from_ref(text))?;
                Ok((text.clone(), filter))
            })
            .collect::<Result<_, EngineError>>()?;
        let serving = self.inner.serving();
        let asking = self.asking(&serving, &request).await?;
        let provenance = provenance(&serving, self.inner.catalog.latest_seq().await?);
        let stats = serving.index.stats();
        let queries = asking.len() as u64;
        let stop = Arc::new(AtomicBool::new(false));
        let _abandoned = Abandoned(Arc::clone(&stop));
        let depths: Vec<usize> = request.k.iter().map(|k| *k as usize).collect();
        let run = move || -> Result<Vec<RecallRow>, EngineError> {
            let total = serving.index.count(&Filter::All)?;
            let filters = filters(&serving, asked, total)?;
            let rows = filters.iter();
            rows.map(|one| row(&serving, &asking, one, (&depths, total), &stop))
                .collect()
        };
        let rows = tokio::task::spawn_blocking(run).await??;
        Ok(RecallReport {
            command: request.command(),
            notices: notices(&rows, stats.graphed),
            request,
            provenance,
            cases: stats.cases,
            views: stats.vectors,
            graphed: stats.graphed,
            queries,
            rows,
        })
    }

    /// Pictures of the library, at most one of each case.
    async fn asking(
        &self,
        serving: &Arc<Serving>,
        request: &RecallRequest,
    ) -> Result<Vec<Asking>, EngineError> {
        let index = serving.index.clone();
        let mut cases =
            tokio::task::spawn_blocking(move || index.cases(&Filter::All, None)).await??;
        let mut dice = Dice::new(SEED);
        dice.shuffle(&mut cases);
        let wanted = request.queries.unwrap_or(DEFAULT_QUERIES) as usize;
        let mut asking = Vec::new();
        for chunk in cases.chunks(CASES_AT_ONCE) {
            let numbers: Vec<CaseNo> = chunk.iter().map(|case| CaseNo(*case)).collect();
            for entry in self.inner.catalog.case_entries(&numbers).await? {
                if entry.views.is_empty() || asking.len() == wanted {
                    continue;
                }
                let view = &entry.views[dice.below(entry.views.len())];
                asking.push(Asking {
                    case_no: entry.case_no.0,
                    patient: patient_number(entry.facts.patient.as_deref()),
                    vector: serving.log.read(&to_index_location(view.location))?,
                });
            }
        }
        if asking.is_empty() {
            return Err(EngineError::bad_query(
                "the library has no encoded picture yet; there is nothing to evaluate",
            ));
        }
        Ok(asking)
    }
}

/// No filter, those asked for, and facts of the library that let through about as much as each of [`SHARES`].
fn filters(
    serving: &Serving,
    asked: Vec<(String, Filter)>,
    total: u64,
) -> Result<Vec<Narrowed>, EngineError> {
    let mut filters = vec![Narrowed {
        text: String::new(),
        filter: Filter::All,
        cases: total,
    }];
    for (text, filter) in asked {
        let cases = serving.index.count(&filter)?;
        filters.push(Narrowed {
            text,
            filter,
            cases,
        });
    }
    let facets = serving.index.facets(&Filter::All, None)?;
    for wanted in SHARES {
        let distance = |cases: u64| (cases as f64 / total.max(1) as f64 / wanted).ln().abs();
        let facts = facets.iter().flat_map(|facet| {
            let facet = crate::search::as_filters(facet.clone());
            let key = facet.key;
            facet.values.into_iter().map(move |value| {
                (
                    format!("{key}={}", Filter::escaped(&value.value)),
                    value.cases,
                )
            })
        });
        let nearest = facts
            .filter(|(text, cases)| {
                *cases > 0
                    && distance(*cases) <= ABOUT.ln()
                    && filters.iter().all(|other| other.text != *text)
            })
            .min_by(|a, b| distance(a.1).total_cmp(&distance(b.1)).then(a.0.cmp(&b.0)));
        let parsed = nearest.map(|(text, _)| (Filter::parse(&text), text));
        if let Some((Ok(filter), text)) = parsed {
            let cases = serving.index.count(&filter)?;
            filters.push(Narrowed {
                text,
                filter,
                cases,
            });
        }
    }
    Ok(filters)
}

fn row(
    serving: &Serving,
    asking: &[Asking],
    narrowed: &Narrowed,
    (depths, total): (&[usize], u64),
    stop: &AtomicBool,
) -> Result<RecallRow, EngineError> {
    let deepest = depths.iter().copied().max().unwrap_or(1);
    let mut recalls: Vec<Vec<f64>> = vec![Vec::with_capacity(asking.len()); depths.len()];
    let (mut index_ms, mut exact_ms) = (Vec::new(), Vec::new());
    for one in asking {
        if stop.load(Ordering::Relaxed) {
            return Err(EngineError::Task("cancelled".into()));
        }
        let ask = |exact: bool| -> Result<(Vec<CaseMatch>, f64), EngineError> {
            let started = Instant::now();
            let answer = serving.index.nearest(&NearestQuery {
                vectors: vec![one.vector.clone()],
                filter: narrowed.filter.clone(),
                exclude: vec![one.case_no],
                exclude_patients: vec![one.patient],
                k: deepest,
                exact,
                ..NearestQuery::default()
            })?;
            Ok((answer.matches, started.elapsed().as_secs_f64() * 1000.0))
        };
        let (exact, took_exact) = ask(true)?;
        let (found, took) = ask(false)?;
        exact_ms.push(took_exact);
        index_ms.push(took);
        for (depth, recalls) in depths.iter().zip(&mut recalls) {
            recalls.extend(recall(&exact, &found, *depth));
        }
    }
    let own: Vec<usize> = (0..asking.len()).collect();
    let interval = |values: &Vec<f64>| bootstrap::of_means(values, &own, values.len());
    let mean = |values: &Vec<f64>| values.iter().sum::<f64>() / values.len().max(1) as f64;
    Ok(RecallRow {
        filter: narrowed.text.clone(),
        cases: narrowed.cases,
        share: narrowed.cases as f64 / total.max(1) as f64,
        intervals: recalls.iter().map(interval).collect(),
        worst: recalls
            .last()
            .map_or(1.0, |own| own.iter().copied().fold(1.0, f64::min)),
        recall: recalls.iter().map(mean).collect(),
        index_ms: median(index_ms),
        exact_ms: median(exact_ms),
    })
}

/// The share of the exact answer's first `k` that was found; `None` where there is nothing to find.
fn recall(exact: &[CaseMatch], found: &[CaseMatch], k: usize) -> Option<f64> {
    let wanted = k.min(exact.len());
    let last = exact[..wanted].last()?.score;
    let right = found
        .iter()
        .take(k)
        .filter(|one| one.score >= last - TIE)
        .count();
    Some(right.min(wanted) as f64 / wanted as f64)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

fn notices(rows: &[RecallRow], graphed: u64) -> Vec<String> {
    let mut notices = Vec::new();
    if graphed == 0 {
        notices.push(
            "This library is small enough that every view is looked at each time: there is nothing to lose".to_owned(),
        );
    }
    if rows.iter().any(|row| row.cases == 0) {
        notices.push("A filter that lets no case through has no recall".to_owned());
    }
    notices
}

/// The report as Markdown.
pub fn recall_markdown(report: &RecallReport) -> String {
    let from = &report.provenance;
    let mut text = format!(
        "# Recall of the index against exact search\n\n`{}`\n\ncasekin {}, {}; model {} (`{}`), profile {}, pipeline {}; \
         index at change {} of {}.\n\n{} pictures ask; {} cases, {} views, {} of them in a graph. The asking case and its \
         patient do not answer.\n\n",
        report.command,
        from.version,
        from.made,
        from.model.name,
        from.model.id,
        from.model.profile,
        from.pipeline_version,
        from.index_seq,
        from.latest_seq,
        report.queries,
        report.cases,
        report.views,
        report.graphed
    );
    for notice in &report.notices {
        text.push_str(&format!("> {notice}.\n\n"));
    }
    text.push_str("| filter | cases | share |");
    for k in &report.request.k {
        text.push_str(&format!(" recall@{k} | 95 % interval |"));
    }
    text.push_str(" worst query | index, ms | exact, ms |\n|---|");
    text.push_str(&"---:|".repeat(report.request.k.len() * 2 + 5));
    text.push('\n');
    for row in &report.rows {
        let filter = match row.filter.as_str() {
            "" => "none".to_owned(),
            filter => format!(
                "`{}`",
                filter.replace('|', "\\|").replace(['\n', '\r'], " ")
            ),
        };
        text.push_str(&format!(
            "| {filter} | {} | {:.2} % |",
            row.cases,
            row.share * 100.0
        ));
        for (value, [low, high]) in row.recall.iter().zip(&row.intervals) {
            text.push_str(&format!(" {value:.4} | {low:.4}–{high:.4} |"));
        }
        text.push_str(&format!(
            " {:.2} | {:.2} | {:.2} |\n",
            row.worst, row.index_ms, row.exact_ms
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(scores: &[f32]) -> Vec<CaseMatch> {
        let one = |(case_no, score): (u64, &f32)| CaseMatch {
            case_no,
            score: *score,
            views: Vec::new(),
        };
        (0..).zip(scores).map(one).collect()
    }

    #[test]
    fn what_is_missing_counts_and_what_is_as_near_does_not() {
        let exact = answer(&[0.9, 0.8, 0.7]);
        assert_eq!(recall(&exact, &answer(&[0.9, 0.8, 0.7]), 3), Some(1.0));
        assert_eq!(
            recall(&exact, &answer(&[0.9, 0.7, 0.6]), 3),
            Some(2.0 / 3.0)
        );
        assert_eq!(recall(&exact, &answer(&[0.9]), 1), Some(1.0));
        assert_eq!(recall(&exact, &[], 3), Some(0.0));
        // Fewer cases than k are there: all of them are enough.
        assert_eq!(recall(&exact, &answer(&[0.9, 0.8, 0.7]), 10), Some(1.0));
        assert_eq!(recall(&[], &[], 10), None);
    }
}
