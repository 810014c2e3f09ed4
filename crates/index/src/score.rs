//! Exact scores of cases: the cosines between a question's views and theirs, from the vector log.

use std::cmp::Ordering as Order;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::kernel;
use crate::nearest::Searched;
use crate::rows::{CaseRow, Place};
use crate::{Aggregate, IndexError, NearestQuery, VectorLocation, ViewMatch};

/// Views that one question may have.
pub const MAX_QUERY_VIEWS: usize = 1_024;
const MAX_VIEW_MATCHES: usize = 8;

/// A question's views, and what they are compared with.
pub(crate) struct Scoring<'a> {
    pub(crate) at: &'a Searched<'a>,
    /// Of length 1.
    pub(crate) queries: Vec<Vec<f32>>,
    aggregate: Aggregate,
    /// A view could not be read.
    incomplete: AtomicBool,
}

impl<'a> Scoring<'a> {
    /// # Errors
    /// [`IndexError::QueryTooLarge`], [`IndexError::Dimension`], [`IndexError::BadVector`].
    pub(crate) fn new(at: &'a Searched<'a>, query: &NearestQuery) -> Result<Self, IndexError> {
        if query.vectors.len() > MAX_QUERY_VIEWS {
            return Err(IndexError::QueryTooLarge {
                what: "views",
                found: query.vectors.len(),
                limit: MAX_QUERY_VIEWS,
            });
        }
        let vectors = query.vectors.iter();
        let queries = vectors
            .map(|vector| kernel::normalised(vector, at.dimension))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            at,
            queries,
            aggregate: query.aggregate,
            incomplete: AtomicBool::new(false),
        })
    }

    /// Whether every vector that was asked for could be read so far.
    pub(crate) fn is_complete(&self) -> bool {
        !self.incomplete.load(Ordering::Relaxed)
    }

    pub(crate) fn cosine(&self, location: &VectorLocation, query_no: usize) -> Option<f32> {
        match self.at.log.dot(location, &self.queries[query_no]) {
            Ok(cosine) => Some(cosine.clamp(-1.0, 1.0)),
            Err(_) => {
                self.incomplete.store(true, Ordering::Relaxed);
                None
            }
        }
    }

    /// Mean or median over query views of the best cosine among the case's views that pass; `None` where none of these
    /// can be read.
    pub(crate) fn score(&self, case: &CaseRow, passes: impl Fn(&Place) -> bool) -> Option<f32> {
        let mut best = vec![f32::MIN; self.queries.len()];
        let mut any = false;
        self.each_cosine(case, passes, |_, query_no, cosine| {
            best[query_no] = best[query_no].max(cosine);
            any = true;
        });
        any.then(|| self.aggregate.of(&mut best))
    }

    /// The best of a case's views that pass, each with the query view that it is most like, and whether the case's score
    /// is made of it.
    pub(crate) fn matched(
        &self,
        case: &CaseRow,
        passes: impl Fn(&Place) -> bool,
    ) -> Vec<ViewMatch> {
        let mut best: HashMap<u32, ViewMatch> = HashMap::new();
        let mut nearest: Vec<Option<(f32, u32)>> = vec![None; self.queries.len()];
        self.each_cosine(case, passes, |view_no, query_no, cosine| {
            let nearer = |(held, held_no)| cosine > held || (cosine == held && view_no < held_no);
            if nearest[query_no].is_none_or(nearer) {
                nearest[query_no] = Some((cosine, view_no));
            }
            let found = ViewMatch {
                view_no,
                query_no,
                cosine,
                decides: false,
            };
            let held = best.entry(view_no).or_insert(found);
            if cosine > held.cosine {
                *held = found;
            }
        });
        for (_, view_no) in nearest.into_iter().flatten() {
            if let Some(view) = best.get_mut(&view_no) {
                view.decides = true;
            }
        }
        let mut views: Vec<ViewMatch> = best.into_values().collect();
        views.sort_unstable_by(by_cosine);
        views.truncate(MAX_VIEW_MATCHES);
        views
    }

    fn each_cosine(
        &self,
        case: &CaseRow,
        passes: impl Fn(&Place) -> bool,
        mut with: impl FnMut(u32, usize, f32),
    ) {
        for place in case.places.iter().filter(|place| passes(place)) {
            let row = self.at.columns.row(*place);
            for query_no in 0..self.queries.len() {
                if let Some(cosine) = self.cosine(&row.location, query_no) {
                    with(row.view_no(), query_no, cosine);
                }
            }
        }
    }
}

fn by_cosine(a: &ViewMatch, b: &ViewMatch) -> Order {
    b.cosine
        .total_cmp(&a.cosine)
        .then(a.view_no.cmp(&b.view_no))
}
