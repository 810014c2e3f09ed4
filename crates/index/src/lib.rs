//! The vector log (truth) and the embedded search index (a projection of it and of the catalog): usearch graphs
//! over compact codes, tantivy over report text, columns of facts, filters, fusion, exact rescoring.
//!
//! Never: SQL, pixels, HTTP, async. Text that comes in is masked already; nothing here logs it.

mod answer;
mod code;
mod durable;
mod entry;
mod error;
mod filter;
mod fuse;
mod graph;
mod index;
mod kernel;
mod nearest;
mod numbers;
mod rows;
mod score;
mod select;
mod sharing;
mod snapshot;
mod stamp;
mod values;
mod vector_log;
mod vocabulary;
mod words;

pub use answer::{
    Aggregate, CaseMatch, Facet, IndexStats, NearestAnswer, NearestQuery, Passage, RankedCases,
    ViewMatch, WordMatch, WordTexts, WordsQuery,
};
pub use entry::{CaseEntry, CaseFacts, ImageFacts, ReportFields, ViewEntry};
pub use error::IndexError;
pub use filter::{Field, Filter};
pub use fuse::{Fused, RRF_K0, RankedWay, fuse};
pub use index::{Index, IndexSettings, VectorCode};
pub use score::MAX_QUERY_VIEWS;
pub use stamp::{Stamp, VectorLocation, split_view_key, view_key};
pub use vector_log::{LogRecord, VectorLog};
