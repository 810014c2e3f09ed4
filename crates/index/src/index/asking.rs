//! Questions by vectors and by words.

use std::sync::Arc;

use super::{Index, MAX_CASES};
use crate::nearest::{self, Searched};
use crate::numbers::CaseNumbers;
use crate::select::{Excluded, Passing, select};
use crate::{
    Filter, ImageFacts, IndexError, NearestAnswer, NearestQuery, Passage, RankedCases, ViewMatch,
    WordMatch, WordsQuery,
};

impl Index {
    /// Cases by pictures: mean over the query's views of the best cosine among a case's allowed views, exact.
    ///
    /// # Errors
    /// [`IndexError::Dimension`], [`IndexError::BadVector`], [`IndexError::QueryTooLarge`], those of filters,
    /// [`IndexError::Graph`].
    pub fn nearest(&self, query: &NearestQuery) -> Result<NearestAnswer, IndexError> {
        self.searched(|at| nearest::nearest(at, query))
    }

    /// The same cases in the same order, with their scores only.
    ///
    /// # Errors
    /// As [`Index::nearest`].
    pub fn rank_by_vectors(&self, query: &NearestQuery) -> Result<RankedCases, IndexError> {
        self.searched(|at| nearest::rank(at, query))
    }

    /// The views of some cases that match a query, at most eight of each, best first. The filter is asked of the views,
    /// exclusions are not asked; cases without a view that passes are left out.
    ///
    /// # Errors
    /// As [`Index::nearest`].
    pub fn matched_views(
        &self,
        query: &NearestQuery,
        cases: &[u64],
    ) -> Result<Vec<(u64, Vec<ViewMatch>)>, IndexError> {
        self.searched(|at| nearest::matched_views(at, query, cases))
    }

    fn searched<T>(&self, ask: impl FnOnce(&Searched<'_>) -> T) -> T {
        let inner = &self.inner;
        let columns = inner.read_columns();
        ask(&Searched {
            columns: &columns,
            log: inner.log.view(),
            settings: &inner.settings,
            dimension: inner.stamp.dimension,
        })
    }

    /// Cases by words, BM25 over reports, titles and labels, with the passages that match. Reads the text of each;
    /// [`Index::rank_by_words`] does not.
    ///
    /// # Errors
    /// Those of filters, [`IndexError::Text`]. No query text is an error.
    pub fn words(&self, query: &WordsQuery) -> Result<Vec<WordMatch>, IndexError> {
        let wanted = query.k.min(MAX_CASES);
        match wanted {
            0 => Ok(Vec::new()),
            _ => self.inner.text.search(query, wanted, self.may_say(query)?),
        }
    }

    /// The same cases in the same order, with their scores only.
    ///
    /// # Errors
    /// As [`Index::words`].
    pub fn rank_by_words(&self, query: &WordsQuery) -> Result<Vec<(u64, f32)>, IndexError> {
        let wanted = query.k.min(MAX_CASES);
        match wanted {
            0 => Ok(Vec::new()),
            _ => self.inner.text.rank(query, wanted, self.may_say(query)?),
        }
    }

    /// The passages of some cases that match a query, best first, at most six of each. Filter and exclusions are not
    /// asked; cases that say nothing of it are left out.
    ///
    /// # Errors
    /// [`IndexError::Text`].
    pub fn passages(
        &self,
        query: &WordsQuery,
        cases: &[u64],
    ) -> Result<Vec<(u64, Vec<Passage>)>, IndexError> {
        self.inner.text.passages(query, cases)
    }

    /// Which of some cases' images or views pass a filter, by their own facts and those of their case. Nothing of a case that
    /// is not held passes.
    ///
    /// # Errors
    /// Those of filters.
    pub fn passing(
        &self,
        filter: &Filter,
        cases: &[(u64, Vec<ImageFacts>)],
    ) -> Result<Vec<Vec<bool>>, IndexError> {
        let columns = self.inner.read_columns();
        let test = Passing::of(&columns, filter)?;
        let passing = cases.iter().map(|(case_no, images)| {
            let case = columns.case(*case_no);
            let passes = |image: &ImageFacts| {
                case.is_some_and(|case| test.view(case, columns.words.find(image)))
            };
            images.iter().map(passes).collect()
        });
        Ok(passing.collect())
    }

    /// Cases that may answer by words.
    fn may_say(&self, query: &WordsQuery) -> Result<Arc<CaseNumbers>, IndexError> {
        let columns = self.inner.read_columns();
        if query.filter == Filter::All {
            let mut numbers = Arc::clone(&columns.numbers);
            if !query.exclude.is_empty() {
                let numbers = Arc::make_mut(&mut numbers);
                query.exclude.iter().for_each(|case| numbers.remove(*case));
            }
            return Ok(numbers);
        }
        let excluded = Excluded {
            cases: &query.exclude,
            patients: &[],
        };
        let selection = select(&columns, &query.filter, &excluded)?;
        let case_no = |at: u32| columns.case_nos[at as usize];
        Ok(Arc::new(selection.cases().iter().map(case_no).collect()))
    }
}
