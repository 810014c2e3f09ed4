//! Search by words: one tantivy document per case. Each language has its own fields, because a field has one
//! analyser; affirmed, negated, uncertain, historical and label text lie in different fields, so polarity is never confused.
//! Every word here is masked already; none is logged.

mod analyse;
mod directory;
mod fields;
mod passages;
mod query;
mod statistics;
mod store;
mod tokenise;

pub(crate) use directory::DurableText;
pub(crate) use query::is_cut;
pub(crate) use store::{TextIndex, text_hash};
