//! Evidence → sentences with checked citations.
//!
//! What it does: numbers the evidence, asks a language model behind an OpenAI-compatible endpoint (MedGemma 27B
//! is meant), strips its thinking, splits its stream into sentences and checks each against the passages it
//! cites ([`summarise`]); without an endpoint it answers in the same shape with sentences of the evidence itself.
//! What it never does: touch SQL or pixels, send anything to a host that is neither loopback nor private unless
//! the configuration allows it, log evidence, questions or answers.

mod config;
mod endpoint;
mod error;
mod event;
mod evidence;
mod extractive;
mod prompt;
mod segment;
mod sse;
mod stream;
mod thinking;
mod verify;
mod words;

pub use config::SummaryConfig;
pub use endpoint::check_endpoint;
pub use error::SummaryError;
pub use event::{Event, Sentence, Verdict, Writer};
pub use evidence::{Evidence, Passage, Polarity, Question};
pub use stream::summarise;
