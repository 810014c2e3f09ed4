//! How the index is built and searched.

use serde::{Deserialize, Serialize};

/// The code under which graphs hold vectors. Exact rescoring over the vector log always follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VectorCode {
    /// Half precision floats: the largest and slowest, the nearest to exact.
    F16,
    /// Signed bytes.
    I8,
    /// The sign of each value after subtracting the segment's mean: the smallest and fastest.
    B1,
    /// [`VectorCode::B1`] where a measurement over the segment's own vectors meets the recall that is wanted, and
    /// [`VectorCode::F16`] where it does not.
    #[default]
    Auto,
}

/// How the index is built and searched. Graphs that exist keep the `m` and the code with which they were made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IndexSettings {
    /// Code of the vectors in graphs.
    pub code: VectorCode,
    /// Share of the ten nearest views, by exact search, that a search shall find, 0.5 to 1. The number of candidates
    /// is raised for each segment until a sample of its own vectors reaches it.
    pub recall_target: f32,
    /// Edges per node on the upper levels (twice as many on the lowest).
    pub m: usize,
    /// Candidates held while adding.
    pub ef_construction: usize,
    /// Candidates held while searching, at least.
    pub ef_search: usize,
    /// Most views of one segment.
    pub segment_vectors: usize,
    /// New views that wait, scanned, before a graph takes them in; and a 32nd of that graph.
    pub graph_from: usize,
    /// Selections of no more views than this are always scanned exactly; larger ones when a walk under their filter
    /// would cost more than the scan.
    pub scan_views: usize,
}

impl Default for IndexSettings {
    fn default() -> Self {
        Self {
            code: VectorCode::Auto,
            recall_target: 0.99,
            m: 16,
            ef_construction: 128,
            ef_search: 64,
            segment_vectors: 4_000_000,
            graph_from: 16_384,
            scan_views: 4_096,
        }
    }
}

impl IndexSettings {
    /// Within what the graph can be built with.
    pub(super) fn bounded(self) -> Self {
        Self {
            recall_target: match self.recall_target.is_finite() {
                true => self.recall_target.clamp(0.5, 1.0),
                false => 0.99,
            },
            m: self.m.clamp(4, 128),
            ef_construction: self.ef_construction.clamp(8, 4_096),
            ef_search: self.ef_search.clamp(8, 4_096),
            segment_vectors: self.segment_vectors.clamp(64, 16_000_000),
            graph_from: self.graph_from.clamp(1, 1_000_000),
            ..self
        }
    }
}
