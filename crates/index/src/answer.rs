//! Questions to the index and the shape of its answers. Plain data.

use serde::{Deserialize, Serialize};

use crate::{Field, Filter};

/// How a case's best cosines to each query view become its score.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Aggregate {
    /// Their mean.
    #[default]
    Mean,
    /// Their median; of an even number the mean of the two in the middle.
    Median,
}

impl Aggregate {
    /// One score of the best cosines to each query view, which it may reorder.
    pub(crate) fn of(self, best: &mut [f32]) -> f32 {
        let count = best.len();
        match self {
            Self::Mean => best.iter().map(|best| best.max(-1.0)).sum::<f32>() / count as f32,
            Self::Median => {
                best.sort_unstable_by(f32::total_cmp);
                let middle = (best[(count - 1) / 2].max(-1.0), best[count / 2].max(-1.0));
                (middle.0 + middle.1) / 2.0
            }
        }
    }
}

/// Finds the cases whose views are most like the query's views.
#[derive(Debug, Clone, PartialEq)]
pub struct NearestQuery {
    /// Query views, each of the stamp's dimension; of any length, normalised here. At most
    /// [`crate::MAX_QUERY_VIEWS`].
    pub vectors: Vec<Vec<f32>>,
    /// Which views may answer.
    pub filter: Filter,
    /// Cases that may not answer (the query's own).
    pub exclude: Vec<u64>,
    /// Patients (see [`crate::CaseFacts::patient`]) whose cases may not answer; 0 is ignored.
    pub exclude_patients: Vec<u64>,
    /// Number of cases wanted; more than 10,000 is taken as 10,000.
    pub k: usize,
    /// Scan every allowed view instead of walking the graph.
    pub exact: bool,
    /// How several query views make one score.
    pub aggregate: Aggregate,
}

impl Default for NearestQuery {
    fn default() -> Self {
        Self {
            vectors: Vec::new(),
            filter: Filter::All,
            exclude: Vec::new(),
            exclude_patients: Vec::new(),
            k: 10,
            exact: false,
            aggregate: Aggregate::Mean,
        }
    }
}

/// Answer to a [`NearestQuery`].
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct NearestAnswer {
    /// Best first; ties by case number.
    pub matches: Vec<CaseMatch>,
    /// False where some allowed view could not be read.
    pub complete: bool,
}

/// The cases of a [`NearestAnswer`] alone.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RankedCases {
    /// Number and score of each case, best first; ties by case number.
    pub cases: Vec<(u64, f32)>,
    /// False where some allowed view could not be read.
    pub complete: bool,
}

/// One case of a [`NearestAnswer`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CaseMatch {
    /// The case.
    pub case_no: u64,
    /// Mean or median over query views of the best cosine among the case's allowed views.
    pub score: f32,
    /// Up to eight views, best first, each with the query view it is most like.
    pub views: Vec<ViewMatch>,
}

/// A view that matched.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ViewMatch {
    /// Number of the view in its case.
    pub view_no: u32,
    /// Index into [`NearestQuery::vectors`].
    pub query_no: usize,
    /// Exact cosine over the stored vectors.
    pub cosine: f32,
    /// Of the case's views it is the nearest to some query view, maybe to another than the one it is most like: the
    /// case's score is made of such views.
    pub decides: bool,
}

/// Which of a case's words a [`WordsQuery`] looks at. Scores and ranks come from those alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WordTexts {
    /// Reports and titles, without labels.
    Report,
    /// Reports alone: where titles and labels hold what is to be predicted.
    Prose,
    /// Labels alone.
    Label,
    /// Reports, titles and labels in one ranking.
    #[default]
    Both,
}

/// Finds cases by the words of their reports, titles and labels.
#[derive(Debug, Clone, PartialEq)]
pub struct WordsQuery {
    /// What the case should say. Words are alternatives, phrases in double quotes are required; no other syntax.
    pub affirmed: String,
    /// What the case should deny, each without its negation: `pneumothorax` for "no pneumothorax". The words of one must stand
    /// in one denied sentence. Alternatives, except those in double quotes: they are required, as a phrase.
    pub negated: Vec<String>,
    /// Which cases may answer.
    pub filter: Filter,
    /// Number of cases wanted; more than 10,000 is taken as 10,000.
    pub k: usize,
    /// Cases that may not answer.
    pub exclude: Vec<u64>,
    /// Which of a case's words may answer (evaluation leaves labels out).
    pub texts: WordTexts,
}

impl WordsQuery {
    /// Whether it has more words or phrases than are looked for; the first ones are.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        crate::words::is_cut(self)
    }
}

impl Default for WordsQuery {
    fn default() -> Self {
        Self {
            affirmed: String::new(),
            negated: Vec::new(),
            filter: Filter::All,
            k: 10,
            exclude: Vec::new(),
            texts: WordTexts::Both,
        }
    }
}

/// One case found by words.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WordMatch {
    /// The case.
    pub case_no: u64,
    /// BM25; only the order means something.
    pub score: f32,
    /// Where the words were found, best first, at most six.
    pub passages: Vec<Passage>,
    /// Labels that contain a word of the query, as they were given.
    pub matched_labels: Vec<String>,
}

/// A piece of text with the words that matched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passage {
    /// `title`, `findings`, `impression`, `history`, `other` and `label` affirm; `negated`, `uncertain` and
    /// `historical` say their sentence's polarity.
    pub field: String,
    /// One or a few sentences.
    pub text: String,
    /// Byte ranges of matched words in `text`, in order, never overlapping, on character borders.
    pub marks: Vec<(usize, usize)>,
}

/// Counts of one field's values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facet {
    /// The field. Ages come as decades (`40-49`), dates as years.
    pub field: Field,
    /// Value and number of cases, most frequent first (ties by value), at most 200.
    pub values: Vec<(String, u64)>,
}

/// What the index holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct IndexStats {
    /// Cases.
    pub cases: u64,
    /// Views.
    pub views: u64,
    /// Vectors reachable by search (each view has one).
    pub vectors: u64,
    /// Of these, how many a graph holds; the rest is scanned.
    pub graphed: u64,
    /// Candidates that a walk through the graph with the most nodes asks for at least; 0 without a graph.
    pub candidates: u64,
    /// recall@10 that was measured when that number was chosen, in thousandths; 0 without a graph.
    pub recall_permille: u32,
    /// Segments.
    pub segments: u64,
    /// Bytes on disk.
    pub bytes: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_is_not_moved_by_one_view_that_is_unlike_all() {
        assert_eq!(Aggregate::Median.of(&mut [0.9, -1.0, 0.8]), 0.8);
        assert_eq!(Aggregate::Median.of(&mut [0.5, 1.0]), 0.75);
        assert_eq!(Aggregate::Median.of(&mut [0.5]), 0.5);
        let mean = Aggregate::Mean.of(&mut [0.9, 0.6, 0.3]);
        assert!((mean - 0.6).abs() < 1e-6);
        // A view that met nothing readable counts as opposite, not as minus infinity.
        assert_eq!(Aggregate::Mean.of(&mut [f32::MIN, 1.0]), 0.0);
    }
}
