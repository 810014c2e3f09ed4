//! Search by vectors: graphs and scans propose cases, exact rescoring over the vector log ranks them.
//! Small selections, and answers that came out short, are scanned exactly, so recall does not depend on the filter.

use std::borrow::Cow;
use std::collections::HashMap;

use rayon::prelude::*;
use roaring::RoaringBitmap;

use crate::code::Coded;
use crate::rows::{Columns, Place, Segment};
use crate::score::Scoring;
use crate::select::{Excluded, Passing, select};
use crate::sharing;
use crate::vector_log::LogView;
use crate::{
    CaseMatch, IndexError, IndexSettings, NearestAnswer, NearestQuery, RankedCases, ViewMatch,
};

const MAX_CASES: usize = 10_000;
/// Cases that are rescored exactly, at least, where the question has several views.
const MIN_RESCORED: usize = 200;
/// The same where it has one: what was proposed is scored exactly already.
const MIN_RESCORED_SINGLE: usize = 16;
/// Walks that are tried, each wider than the one before.
const WIDENINGS: usize = 4;
/// Signs that are compared in the time of one step of a walk through a graph, roughly, times the steps of a walk.
const SCANNED_SIGNS: u64 = 25_000;
/// Signs that a scan hands on to exact scoring, for each candidate that a walk would: under a filter neighbours lie far
/// apart, where signs tell less.
const SCAN_OVERSAMPLING: usize = 4;
/// Rows that wait for a graph are scanned exactly up to so many, by their signs beyond.
pub(crate) const WAITING_EXACT: usize = 256;
/// Vectors that are fetched ahead of the one that is compared: each lies somewhere else in the log.
const FETCHED_AHEAD: usize = 3;
/// Products of vectors for which another thread is worth its start.
const PARALLEL_FROM: usize = 1_024;

/// What a search reads.
pub(crate) struct Searched<'a> {
    pub(crate) columns: &'a Columns,
    pub(crate) log: LogView<'a>,
    pub(crate) settings: &'a IndexSettings,
    pub(crate) dimension: u32,
}

struct Search<'a> {
    at: &'a Searched<'a>,
    scoring: &'a Scoring<'a>,
    /// Indices of cases that may answer.
    cases: &'a RoaringBitmap,
    /// Slots of each segment that may.
    views: Vec<Cow<'a, RoaringBitmap>>,
}

/// Answers a query. `describe` makes an answer's case of its index and its score; it may ask which views pass.
fn answered<T>(
    at: &Searched<'_>,
    query: &NearestQuery,
    describe: impl Fn(&Search<'_>, u32, f32) -> T,
) -> Result<(Vec<T>, bool), IndexError> {
    let scoring = Scoring::new(at, query)?;
    let excluded = Excluded {
        cases: &query.exclude,
        patients: &query.exclude_patients,
    };
    let selection = select(at.columns, &query.filter, &excluded)?;
    let (cases, allowed) = (selection.cases(), selection.views());
    let wanted = query.k.min(MAX_CASES);
    let views = allowed.iter().map(|slots| slots.len()).sum::<u64>();
    if wanted == 0 || scoring.queries.is_empty() || views == 0 {
        return Ok((Vec::new(), true));
    }
    let search = Search {
        at,
        scoring: &scoring,
        cases: &cases,
        views: allowed,
    };
    let scanned = query.exact || views <= at.settings.scan_views as u64;
    let ranked = match scanned {
        true => search.rank(search.every_case()),
        false => search.walk(wanted)?,
    };
    let best = ranked.into_iter().take(wanted);
    let described = best
        .map(|(case, score)| describe(&search, case, score))
        .collect();
    Ok((described, scoring.is_complete()))
}

/// The cases of an answer with the views that match.
pub(crate) fn nearest(
    at: &Searched<'_>,
    query: &NearestQuery,
) -> Result<NearestAnswer, IndexError> {
    let (matches, complete) = answered(at, query, |search, case, score| CaseMatch {
        case_no: search.case_no(case),
        score,
        views: at.columns.cases[case as usize]
            .as_ref()
            .map(|row| search.scoring.matched(row, |place| search.may(place)))
            .unwrap_or_default(),
    })?;
    Ok(NearestAnswer { matches, complete })
}

/// The same cases in the same order, with their scores only.
pub(crate) fn rank(at: &Searched<'_>, query: &NearestQuery) -> Result<RankedCases, IndexError> {
    let (cases, complete) = answered(at, query, |search, case, score| {
        (search.case_no(case), score)
    })?;
    Ok(RankedCases { cases, complete })
}

/// The views of some cases that match a query, in the order of the cases; those that have none are left out.
pub(crate) fn matched_views(
    at: &Searched<'_>,
    query: &NearestQuery,
    cases: &[u64],
) -> Result<Vec<(u64, Vec<ViewMatch>)>, IndexError> {
    let scoring = Scoring::new(at, query)?;
    let passing = Passing::of(at.columns, &query.filter)?;
    let matched = cases.iter().filter_map(|case_no| {
        let case = at.columns.case(*case_no)?;
        let views = scoring.matched(case, |place| {
            passing.view(case, at.columns.row(*place).facts())
        });
        (!views.is_empty()).then_some((*case_no, views))
    });
    Ok(matched.collect())
}

impl Search<'_> {
    fn every_case(&self) -> Vec<u32> {
        self.cases.iter().collect()
    }

    /// Proposes cases by graphs, wider if too few came, by as much as is missing and a quarter more; all of them if there
    /// are still too few.
    fn walk(&self, wanted: usize) -> Result<Vec<(u32, f32)>, IndexError> {
        let reachable = wanted.min(self.cases.len() as usize);
        let mut count = (wanted * 4).max(self.at.settings.ef_search);
        for _ in 0..WIDENINGS {
            let ranked = self.rank(self.propose(count, wanted)?);
            if ranked.len() >= reachable {
                return Ok(ranked);
            }
            let missing = reachable as f32 / ranked.len().max(1) as f32;
            count = (count as f32 * (1.25 * missing).clamp(1.5, 8.0)) as usize;
        }
        Ok(self.rank(self.every_case()))
    }

    /// The most promising cases of the nearest `count` views to each query view.
    fn propose(&self, count: usize, wanted: usize) -> Result<Vec<u32>, IndexError> {
        let of_query = |query_no: usize| self.nearest_views(query_no, count);
        let queries = 0..self.scoring.queries.len();
        let lists = match sharing::pool().filter(|_| queries.len() > 1) {
            Some(pool) => pool.install(|| queries.into_par_iter().map(of_query).collect()),
            None => queries
                .map(of_query)
                .collect::<Result<Vec<_>, IndexError>>(),
        }?;
        let mut promise: HashMap<u32, f32> = HashMap::new();
        for list in &lists {
            // A case that this query view did not meet is at most as near as the last one it met.
            let floor = list.last().map_or(0.0, |(_, cosine)| *cosine);
            let mut best: HashMap<u32, f32> = HashMap::new();
            for (case, cosine) in list {
                let held = best.entry(*case).or_insert(f32::MIN);
                *held = held.max(*cosine);
            }
            for (case, cosine) in best {
                *promise.entry(case).or_insert(0.0) += cosine - floor;
            }
        }
        let mut cases: Vec<(u32, f32)> = promise.into_iter().collect();
        cases.sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        cases.truncate(match self.scoring.queries.len() {
            1 => wanted + MIN_RESCORED_SINGLE,
            _ => (wanted * 4).max(MIN_RESCORED),
        });
        Ok(cases.into_iter().map(|(case, _)| case).collect())
    }

    /// Nearest allowed views to one query view as (case, exact cosine), best first.
    fn nearest_views(&self, query_no: usize, count: usize) -> Result<Vec<(u32, f32)>, IndexError> {
        let mut found = Vec::new();
        for (segment, allowed) in self.at.columns.segments.iter().zip(&self.views) {
            let mut slots = self.proposed_slots(segment, allowed, query_no, count)?;
            // The log is read in its own order.
            slots.sort_unstable();
            slots.dedup();
            let scored = |chunk: &[u32]| self.scored(segment, chunk, query_no);
            match sharing::pool().filter(|_| slots.len() > PARALLEL_FROM) {
                Some(pool) => found.extend(pool.install(|| -> Vec<(u32, f32)> {
                    let chunks = slots.par_chunks(PARALLEL_FROM);
                    chunks.flat_map_iter(scored).collect()
                })),
                None => found.extend(scored(&slots)),
            }
        }
        found.sort_unstable_by(|a: &(u32, f32), b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        // Of several query views each must tell what it did not meet; a single one may propose all that was scored.
        if self.scoring.queries.len() > 1 {
            found.truncate(count);
        }
        Ok(found)
    }

    /// Cases and exact cosines of some slots.
    fn scored(&self, segment: &Segment, slots: &[u32], query_no: usize) -> Vec<(u32, f32)> {
        let scored = |(at, slot): (usize, &u32)| {
            if let Some(soon) = slots.get(at + FETCHED_AHEAD) {
                let row = &segment.rows[*soon as usize];
                self.at.log.prefetch(&row.location);
            }
            let row = &segment.rows[*slot as usize];
            Some((row.case, self.scoring.cosine(&row.location, query_no)?))
        };
        slots.iter().enumerate().filter_map(scored).collect()
    }

    /// Slots of one segment that may be among the nearest, by whatever costs least: all that are allowed where these
    /// are few, those of the nearest codes by a scan, or those that a walk through the graph meets.
    fn proposed_slots(
        &self,
        segment: &Segment,
        allowed: &RoaringBitmap,
        query_no: usize,
        count: usize,
    ) -> Result<Vec<u32>, IndexError> {
        let views = allowed.len();
        let exact = match segment.graph {
            Some(_) => self.at.settings.scan_views,
            None => self.at.settings.scan_views.min(WAITING_EXACT),
        };
        if views <= exact as u64 {
            return Ok(allowed.iter().collect());
        }
        let query = &self.scoring.queries[query_no];
        let Some(graph) = &segment.graph else {
            let Some(signs) = &segment.signs else {
                return Ok(allowed.iter().collect());
            };
            let distances = signs.scan(&signs.coder.encode(query), allowed.iter());
            let mut slots = nearest_of(distances, SCAN_OVERSAMPLING * count);
            slots.extend(allowed.range(signs.rows()..));
            return Ok(slots);
        };
        let count = count.max(graph.layout().candidates());
        let coded = graph.coder().encode(query);
        let rows = segment.rows.len() as u64;
        if self.is_cheaper_scanned(views, rows, SCANNED_SIGNS)
            && let Some(distances) = graph.scan_signs(&coded, allowed.iter())
        {
            return Ok(nearest_of(distances, SCAN_OVERSAMPLING * count));
        }
        if !matches!(coded, Coded::B1(_))
            && self.is_cheaper_scanned(views, rows, self.at.settings.scan_views as u64)
        {
            return Ok(allowed.iter().collect());
        }
        let allow = |slot: u32| allowed.contains(slot);
        let allow: Option<&dyn Fn(u32) -> bool> = match views == rows {
            true => None,
            false => Some(&allow),
        };
        graph.search(&coded, count, allow)
    }

    /// A walk under a filter touches about total / allowed times as many nodes as one without.
    fn is_cheaper_scanned(&self, allowed: u64, total: u64, scanned: u64) -> bool {
        u128::from(allowed) * u128::from(allowed) <= u128::from(scanned) * u128::from(total)
    }

    /// Exact scores of cases, best first, ties by case number. Cases without a readable allowed view fall out.
    fn rank(&self, cases: Vec<u32>) -> Vec<(u32, f32)> {
        let scored = |case: u32| Some((case, self.score(case)?));
        let products = cases.len() * self.scoring.queries.len();
        let mut ranked: Vec<(u32, f32)> =
            match sharing::pool().filter(|_| products >= PARALLEL_FROM) {
                Some(pool) => pool.install(|| cases.into_par_iter().filter_map(scored).collect()),
                None => cases.into_iter().filter_map(scored).collect(),
            };
        ranked.sort_unstable_by(|a, b| {
            b.1.total_cmp(&a.1)
                .then_with(|| self.case_no(a.0).cmp(&self.case_no(b.0)))
        });
        ranked
    }

    fn case_no(&self, case: u32) -> u64 {
        self.at.columns.cases[case as usize]
            .as_ref()
            .map_or(0, |case| case.case_no)
    }

    fn score(&self, case: u32) -> Option<f32> {
        let case = self.at.columns.cases[case as usize].as_ref()?;
        self.scoring.score(case, |place| self.may(place))
    }

    fn may(&self, place: &Place) -> bool {
        self.views[place.segment as usize].contains(place.slot)
    }
}

/// The slots of the `count` least distances.
fn nearest_of(mut distances: Vec<(u32, u32)>, count: usize) -> Vec<u32> {
    if distances.len() > count {
        distances.select_nth_unstable(count);
        distances.truncate(count);
    }
    distances.into_iter().map(|(_, slot)| slot).collect()
}
