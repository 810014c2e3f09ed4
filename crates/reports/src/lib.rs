//! Text reports and manifests: sections, sentences, polarity, language; masking of identifiers.
//!
//! What it does: turns the bytes of a report into text ([`read_text`]), text into clauses that know whether
//! they affirm or deny ([`analyse`]), a query into wanted and unwanted words ([`query_words`]), a named text
//! into a masked one ([`mask()`]), a manifest into rows ([`manifest`]).
//! What it never does: touch pixels, SQL or the network, or run asynchronously. No error or Debug text of
//! this crate carries a value that came from a report or a manifest cell.

mod analysis;
mod east_asian;
mod error;
mod fold;
mod headings;
mod lexicon;
pub mod manifest;
mod mask;
mod passages;
mod polarity;
mod qa;
mod query;
mod scope;
mod sentences;
mod text;
mod triggers;

pub use analysis::{Analysis, Language, Polarity, Section, SectionKind, Sentence, analyse};
pub use error::ReportError;
pub use mask::{Identifiers, Masked, mask};
pub use passages::passages;
pub use query::{MAX_QUERY_CHARS, QueryWords, query_words};
pub use text::{TextLimits, read_text};
