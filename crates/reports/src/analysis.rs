//! Text → sections, sentences, polarity, language.

use serde::{Deserialize, Serialize};

/// The language a report is written in, as far as rules exist for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Language {
    /// English; also the answer for texts too short to tell.
    #[default]
    En,
    /// French.
    Fr,
    /// German.
    De,
    /// Spanish.
    Es,
    /// Any other language: sentences are split, polarity is judged by the English rules.
    Other,
}

/// What part of a report a section is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SectionKind {
    /// Examination or specimen title.
    Title,
    /// Indication, clinical history, question.
    History,
    /// Technique, comparison, gross processing.
    Technique,
    /// Findings, microscopy, and text under no heading.
    Findings,
    /// Impression, conclusion, diagnosis.
    Impression,
    /// A heading of no known kind.
    Other,
}

/// A run of the text under one heading.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Section {
    /// What part of the report it is.
    pub kind: SectionKind,
    /// The heading as written, without its colon; empty for text before any heading.
    pub heading: String,
}

/// Whether a clause says that something is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Polarity {
    /// It is there now.
    Affirmed,
    /// It is not there.
    Negated,
    /// It may be there.
    Uncertain,
    /// It was there, or was done, before.
    Historical,
}

/// A clause: a sentence, or the part of one that has one polarity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sentence {
    /// Index into [`Analysis::sections`].
    pub section: usize,
    /// The clause with runs of white space folded into one space.
    pub text: String,
    /// First byte of the clause in the analysed text.
    pub start: usize,
    /// One past its last byte.
    pub end: usize,
    /// Whether the clause affirms or denies.
    pub polarity: Polarity,
}

/// What [`analyse`] found.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Analysis {
    /// The language of the whole text.
    pub language: Language,
    /// Sections in the order of the text; never empty when there are sentences.
    pub sections: Vec<Section>,
    /// Clauses in the order of the text.
    pub sentences: Vec<Sentence>,
}

/// Splits a report into sections, sentences and clauses and judges the polarity of each clause.
///
/// Polarity follows ConText (Harkema et al., J Biomed Inform 2009;42:839): triggers with a scope that ends at
/// terminators ("but", "however", "except") and pseudo-triggers ("no change", "not only") that start none.
/// Question–answer texts ("Is there a pneumothorax? No") become one clause per pair, judged by the answer.
#[must_use]
pub fn analyse(text: &str) -> Analysis {
    let _ = text;
    Analysis::default()
}
