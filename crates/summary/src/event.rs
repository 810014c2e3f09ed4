//! What a summary is made of as it arrives.

use serde::{Deserialize, Serialize};

/// Who writes the sentences.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Writer {
    /// A language model.
    Model {
        /// Its name as configured.
        name: String,
    },
    /// Sentences taken from the evidence.
    Extractive {
        /// Why no model writes, in words for the user; `None` where none is configured.
        reason: Option<String>,
    },
}

/// What checking a sentence against the passages it cites gave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Verdict {
    /// Findings, side, numbers and polarity occur in the cited passages.
    Supported,
    /// Some of them do not.
    NotInCitedText {
        /// What is missing, each in a few words: `pneumothorax`, `side: left`, `3 cm`, `not denied: effusion`.
        what: Vec<String>,
    },
    /// The sentence cites nothing.
    NoCitation,
    /// The sentence cites evidence that does not exist.
    UnknownCitation {
        /// The numbers that stand for nothing.
        numbers: Vec<u32>,
    },
}

/// One sentence of a summary.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sentence {
    /// The sentence without its citation marks.
    pub text: String,
    /// The evidence it cites, ascending, without repeats.
    pub citations: Vec<u32>,
    /// Whether the cited passages bear it out.
    pub verdict: Verdict,
}

/// A step of a summary, in order: `Started`, sentences, then `Done` or `Failed`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// Writing began.
    Started {
        /// Who writes.
        writer: Writer,
    },
    /// A sentence is complete and checked.
    Sentence(Sentence),
    /// The summary is complete.
    Done {
        /// How many sentences were sent.
        sentences: u32,
        /// Time since the request, in milliseconds.
        took_ms: u64,
    },
    /// The model broke off after its first sentence; what was sent stands, incomplete.
    Failed {
        /// Why, in words for the user.
        reason: String,
    },
}
