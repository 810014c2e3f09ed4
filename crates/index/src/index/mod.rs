//! The search index.
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{CaseEntry, Facet, Filter, IndexError, IndexStats, NearestAnswer, NearestQuery, Stamp, VectorLog, WordMatch, WordsQuery};

/// The code under which a graph holds its vectors. Exact rescoring always follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VectorCode {
    /// Half precision floats.
    #[default]
    F16,
}

/// How the index is built and searched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IndexSettings {
    /// Code of the vectors in graphs.
    pub code: VectorCode,
    /// Edges per node on the upper levels (twice as many on the lowest).
    pub m: usize,
    /// Candidates held while adding.
    pub ef_construction: usize,
    /// Candidates held while searching, at least.
    pub ef_search: usize,
    /// Views per segment before it is sealed and the next begins.
    pub segment_vectors: usize,
    /// A segment with fewer views has no graph and is scanned; also the number of new views that wait outside a graph.
    pub graph_from: usize,
}

impl Default for IndexSettings {
    fn default() -> Self {
        Self { code: VectorCode::F16, m: 16, ef_construction: 128, ef_search: 64, segment_vectors: 50_000, graph_from: 2_000 }
    }
}

/// The search index of one generation. Clones share it.
#[derive(Debug, Clone)]
pub struct Index {
    inner: Arc<()>,
}

impl Index {
    /// Opens the folder (made if missing) at its last durable state.
    pub fn open(_dir: &Path, _stamp: &Stamp, _log: Arc<VectorLog>, _settings: IndexSettings) -> Result<Self, IndexError> {
        Ok(Self { inner: Arc::new(()) })
    }
    /// The last sequence number applied; right after opening, the durable one.
    pub fn applied(&self) -> u64 {
        Arc::strong_count(&self.inner) as u64
    }
    /// Makes the index hold exactly these entries of their cases, and nothing of `gone`. Visible on return; idempotent.
    pub fn apply(&self, _entries: &[CaseEntry], _gone: &[u64], _seq: u64) -> Result<(), IndexError> {
        Ok(())
    }
    /// Makes everything up to [`Index::applied`] durable and everything deleted physically gone.
    pub fn flush(&self) -> Result<(), IndexError> {
        Ok(())
    }
    /// Cases by pictures.
    pub fn nearest(&self, _query: &NearestQuery) -> Result<NearestAnswer, IndexError> {
        Ok(NearestAnswer::default())
    }
    /// Cases by words.
    pub fn words(&self, _query: &WordsQuery) -> Result<Vec<WordMatch>, IndexError> {
        Ok(Vec::new())
    }
    /// Number of cases that pass.
    pub fn count(&self, _filter: &Filter) -> Result<u64, IndexError> {
        Ok(0)
    }
    /// Counts of every field's values over the cases that pass, or those of `among` that do.
    pub fn facets(&self, _filter: &Filter, _among: Option<&[u64]>) -> Result<Vec<Facet>, IndexError> {
        Ok(Vec::new())
    }
    /// Cases (of those given, or all) that pass the filter.
    pub fn cases(&self, _filter: &Filter, _among: Option<&[u64]>) -> Result<Vec<u64>, IndexError> {
        Ok(Vec::new())
    }
    /// What is held.
    pub fn stats(&self) -> IndexStats {
        IndexStats::default()
    }
}
