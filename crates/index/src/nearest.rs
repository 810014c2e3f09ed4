//! Search by vectors: graphs and scans propose cases, exact rescoring over the vector log ranks them.
//! Small selections, and answers that came out short, are scanned exactly, so recall does not depend on the filter.

use std::borrow::Cow;
use std::cmp::Ordering as Order;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;
use roaring::RoaringBitmap;

use crate::code::Coded;
use crate::kernel;
use crate::rows::{Columns, Segment};
use crate::select::{Excluded, select};
use crate::vector_log::LogView;
use crate::{
    Aggregate, CaseMatch, IndexError, IndexSettings, NearestAnswer, NearestQuery, ViewMatch,
};

const MAX_CASES: usize = 10_000;
const MAX_QUERY_VIEWS: usize = 1_024;
const MAX_VIEW_MATCHES: usize = 8;
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
pub(crate) const WAITING_EXACT: usize = 1_024;
/// Vectors that are fetched ahead of the one that is compared: each lies somewhere else in the log.
const FETCHED_AHEAD: usize = 3;
/// Products of vectors for which another thread is worth its start.
const PARALLEL_FROM: usize = 4_096;

/// What a search reads.
pub(crate) struct Searched<'a> {
    pub(crate) columns: &'a Columns,
    pub(crate) log: LogView<'a>,
    pub(crate) settings: &'a IndexSettings,
    pub(crate) dimension: u32,
}

struct Search<'a> {
    at: &'a Searched<'a>,
    /// Indices of cases that may answer.
    cases: &'a RoaringBitmap,
    /// Slots of each segment that may.
    views: Vec<Cow<'a, RoaringBitmap>>,
    queries: Vec<Vec<f32>>,
    aggregate: Aggregate,
    /// A view could not be read.
    incomplete: AtomicBool,
}

/// Answers a query.
pub(crate) fn nearest(
    at: &Searched<'_>,
    query: &NearestQuery,
) -> Result<NearestAnswer, IndexError> {
    if query.vectors.len() > MAX_QUERY_VIEWS {
        return Err(IndexError::QueryTooLarge {
            what: "views",
            found: query.vectors.len(),
            limit: MAX_QUERY_VIEWS,
        });
    }
    let queries = query
        .vectors
        .iter()
        .map(|vector| kernel::normalised(vector, at.dimension))
        .collect::<Result<Vec<_>, _>>()?;
    let excluded = Excluded {
        cases: &query.exclude,
        patients: &query.exclude_patients,
    };
    let selection = select(at.columns, &query.filter, &excluded)?;
    let (cases, allowed) = (selection.cases(), selection.views());
    let wanted = query.k.min(MAX_CASES);
    let views = allowed.iter().map(|slots| slots.len()).sum::<u64>();
    if wanted == 0 || queries.is_empty() || views == 0 {
        return Ok(NearestAnswer {
            matches: Vec::new(),
            complete: true,
        });
    }
    let search = Search {
        at,
        cases: &cases,
        views: allowed,
        queries,
        aggregate: query.aggregate,
        incomplete: AtomicBool::new(false),
    };
    let scanned = query.exact || views <= at.settings.scan_views as u64;
    let ranked = match scanned {
        true => search.rank(search.every_case()),
        false => search.walk(wanted)?,
    };
    let matches: Vec<CaseMatch> = ranked
        .into_iter()
        .take(wanted)
        .map(|(case, score)| search.describe(case, score))
        .collect();
    Ok(NearestAnswer {
        matches,
        complete: !search.incomplete.load(Ordering::Relaxed),
    })
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
        let lists = match self.queries.len() {
            1 => vec![self.nearest_views(0, count)?],
            many => (0..many)
                .into_par_iter()
                .map(|query_no| self.nearest_views(query_no, count))
                .collect::<Result<Vec<_>, IndexError>>()?,
        };
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
        cases.truncate(match self.queries.len() {
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
            for (at, slot) in slots.iter().enumerate() {
                if let Some(soon) = slots.get(at + FETCHED_AHEAD) {
                    let row = &segment.rows[*soon as usize];
                    self.at.log.prefetch(&row.location);
                }
                let row = &segment.rows[*slot as usize];
                if let Some(cosine) = self.cosine(&row.location, query_no) {
                    found.push((row.case, cosine));
                }
            }
        }
        found.sort_unstable_by(|a: &(u32, f32), b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        found.truncate(count);
        Ok(found)
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
        let query = &self.queries[query_no];
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

    fn cosine(&self, location: &crate::VectorLocation, query_no: usize) -> Option<f32> {
        match self.at.log.dot(location, &self.queries[query_no]) {
            Ok(cosine) => Some(cosine.clamp(-1.0, 1.0)),
            Err(_) => {
                self.incomplete.store(true, Ordering::Relaxed);
                None
            }
        }
    }

    /// Exact scores of cases, best first, ties by case number. Cases without a readable allowed view fall out.
    fn rank(&self, cases: Vec<u32>) -> Vec<(u32, f32)> {
        let scored = |case: u32| Some((case, self.score(case)?));
        let mut ranked: Vec<(u32, f32)> = match cases.len() * self.queries.len() < PARALLEL_FROM {
            true => cases.into_iter().filter_map(scored).collect(),
            false => cases.into_par_iter().filter_map(scored).collect(),
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

    /// Mean or median over query views of the best cosine among the case's allowed views.
    fn score(&self, case: u32) -> Option<f32> {
        let mut best = vec![f32::MIN; self.queries.len()];
        let mut any = false;
        self.each_cosine(case, |_, query_no, cosine| {
            best[query_no] = best[query_no].max(cosine);
            any = true;
        });
        any.then(|| self.aggregate.of(&mut best))
    }

    fn each_cosine(&self, case: u32, mut with: impl FnMut(u32, usize, f32)) {
        let places = self.at.columns.cases[case as usize]
            .as_ref()
            .map_or(&[][..], |case| &case.places);
        for place in places
            .iter()
            .filter(|place| self.views[place.segment as usize].contains(place.slot))
        {
            let row = self.at.columns.row(*place);
            for query_no in 0..self.queries.len() {
                if let Some(cosine) = self.cosine(&row.location, query_no) {
                    with(row.view_no(), query_no, cosine);
                }
            }
        }
    }

    fn describe(&self, case: u32, score: f32) -> CaseMatch {
        let mut best: HashMap<u32, ViewMatch> = HashMap::new();
        self.each_cosine(case, |view_no, query_no, cosine| {
            let found = ViewMatch {
                view_no,
                query_no,
                cosine,
            };
            let held = best.entry(view_no).or_insert(found);
            if cosine > held.cosine {
                *held = found;
            }
        });
        let mut views: Vec<ViewMatch> = best.into_values().collect();
        views.sort_unstable_by(by_cosine);
        views.truncate(MAX_VIEW_MATCHES);
        CaseMatch {
            case_no: self.case_no(case),
            score,
            views,
        }
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

fn by_cosine(a: &ViewMatch, b: &ViewMatch) -> Order {
    b.cosine
        .total_cmp(&a.cosine)
        .then(a.view_no.cmp(&b.view_no))
}
