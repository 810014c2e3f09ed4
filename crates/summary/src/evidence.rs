//! What a summary is written from.

use serde::{Deserialize, Serialize};

/// Whether a passage says that something is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Polarity {
    /// It is there now.
    Affirmed,
    /// It is not there.
    Negated,
    /// It may be there.
    Uncertain,
    /// It was there before.
    Historical,
}

/// A clause of a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passage {
    /// Masked text.
    pub text: String,
    /// Whether it affirms or denies.
    pub polarity: Polarity,
    /// Whether it stands in the report's impression or conclusion.
    #[serde(default)]
    pub impression: bool,
}

/// A numbered hit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// Number by which sentences cite it, from 1.
    pub number: u32,
    /// The case; not sent to the model.
    pub case_id: String,
    /// Title of the case, masked.
    pub title: String,
    /// Labels of the case.
    pub labels: Vec<String>,
    /// Similarity of the case's best picture, in [0, 1], where pictures were compared.
    pub similarity: Option<f32>,
    /// Clauses of its report.
    pub passages: Vec<Passage>,
}

/// What the user asked.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Question {
    /// Words of the query, masked.
    pub text: Option<String>,
    /// Findings the user wants absent, one phrase an entry.
    #[serde(default)]
    pub absent: Vec<String>,
    /// How many pictures the query holds. They are not sent.
    #[serde(default)]
    pub pictures: u32,
}
