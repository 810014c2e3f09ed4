//! Text → sections, sentences, polarity, language.

use std::ops::Range;

use serde::{Deserialize, Serialize};
use whatlang::Lang;

use crate::east_asian;
use crate::headings::{Span, split_sections};
use crate::polarity::split_clauses;
use crate::qa::split_pairs;
use crate::sentences::split_sentences;
use crate::triggers::says_ended;

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
    /// Any other language. Sentences are split; polarity is judged by plain rules of their own in Chinese, Japanese and
    /// Korean, by the English rules elsewhere.
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

impl Sentence {
    /// Whether the clause dates a finding into the past and says that it has gone ("has resolved", "no longer seen"):
    /// who looks for its absence looks for this clause too.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.polarity == Polarity::Historical && says_ended(&self.text)
    }
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
    let mut analysis = Analysis {
        language: detect(text),
        ..Analysis::default()
    };
    for span in split_sections(text) {
        let section = analysis.sections.len();
        let body = &text[span.body.clone()];
        for (range, polarity) in clauses_of(body, &span) {
            let (start, end) = (span.body.start + range.start, span.body.start + range.end);
            analysis.sentences.push(Sentence {
                section,
                text: fold_space(&text[start..end]),
                start,
                end,
                polarity,
            });
        }
        analysis.sections.push(span.section);
    }
    analysis
}

fn clauses_of(body: &str, span: &Span) -> Vec<(Range<usize>, Polarity)> {
    let asks_in_order = matches!(
        span.section.kind,
        SectionKind::Findings | SectionKind::Other
    );
    if let Some(pairs) = asks_in_order.then(|| split_pairs(body)).flatten() {
        return pairs;
    }
    let mut clauses = Vec::new();
    for sentence in split_sentences(body) {
        let text = &body[sentence.clone()];
        // A question of the referring doctor: neither there nor not there.
        let base = if text.ends_with(['?', '？']) {
            Polarity::Uncertain
        } else {
            span.base
        };
        for (range, polarity) in split_clauses(text, base) {
            if let Some(range) = trim_clause(text, range) {
                clauses.push((
                    sentence.start + range.start..sentence.start + range.end,
                    polarity,
                ));
            }
        }
    }
    clauses
}

/// Without the separators that a cut leaves at either end.
fn trim_clause(text: &str, range: Range<usize>) -> Option<Range<usize>> {
    let is_separator = |c: char| {
        c.is_whitespace() || matches!(c, ',' | ';' | '–' | '—' | '，' | '、' | '､' | '；')
    };
    let clause = &text[range.clone()];
    let start = range.start + (clause.len() - clause.trim_start_matches(is_separator).len());
    let end = start + text[start..range.end].trim_end_matches(is_separator).len();
    text[start..end]
        .chars()
        .any(char::is_alphanumeric)
        .then_some(start..end)
}

/// Folds runs of white space into one space.
fn fold_space(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Reports of a few words are too short for letter statistics; they count as English unless surely not.
fn detect(text: &str) -> Language {
    if east_asian::is_written_so(text) {
        return Language::Other;
    }
    let Some(info) = whatlang::detect(text) else {
        return Language::default();
    };
    match info.lang() {
        _ if text.chars().filter(|c| c.is_alphabetic()).count() < 12 => Language::En,
        Lang::Eng => Language::En,
        Lang::Fra => Language::Fr,
        Lang::Deu => Language::De,
        Lang::Spa => Language::Es,
        _ if info.is_reliable() => Language::Other,
        _ => Language::En,
    }
}
