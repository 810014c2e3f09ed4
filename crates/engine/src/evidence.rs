//! The evidence behind a summary: the best hits, numbered, with the passages of their masked reports.

use casekin_reports::{Analysis, Polarity, SectionKind};

use crate::answer::SearchAnswer;
use crate::error::EngineError;
use crate::library::Library;
use crate::records::{EvidenceItem, EvidencePassage};

/// Passages of one case at the most.
const MAX_PASSAGES: usize = 24;

/// The name of a polarity in answers.
pub(crate) fn polarity_name(polarity: Polarity) -> &'static str {
    match polarity {
        Polarity::Affirmed => "affirmed",
        Polarity::Negated => "negated",
        Polarity::Uncertain => "uncertain",
        Polarity::Historical => "historical",
    }
}

impl Library {
    /// Numbers the first `top` hits of an answer and gives each the passages of its report: impression first.
    ///
    /// # Errors
    /// Any error of the catalog.
    pub async fn evidence(
        &self,
        answer: &SearchAnswer,
        top: usize,
    ) -> Result<Vec<EvidenceItem>, EngineError> {
        let mut evidence = Vec::new();
        for hit in answer.hits.iter().take(top) {
            let Some(case) = self.inner.catalog.case_by_id(&hit.case_id).await? else {
                continue;
            };
            let mut passages: Vec<(u8, EvidencePassage)> = Vec::new();
            for report in &case.reports {
                let Ok(analysis) = serde_json::from_str::<Analysis>(&report.analysis_json) else {
                    continue;
                };
                passages.extend(analysis.sentences.iter().map(|sentence| {
                    let kind = analysis
                        .sections
                        .get(sentence.section)
                        .map_or(SectionKind::Other, |section| section.kind);
                    let record = EvidencePassage {
                        text: sentence.text.clone(),
                        polarity: polarity_name(sentence.polarity).to_owned(),
                        impression: kind == SectionKind::Impression,
                    };
                    (order_of(kind), record)
                }));
            }
            passages.sort_by_key(|(order, _)| *order);
            passages.truncate(MAX_PASSAGES);
            evidence.push(EvidenceItem {
                number: evidence.len() as u32 + 1,
                case_id: hit.case_id.clone(),
                title: hit.title.clone(),
                labels: hit
                    .labels
                    .iter()
                    .filter(|label| !label.contains(": "))
                    .cloned()
                    .collect(),
                similarity: hit.similarity,
                passages: passages.into_iter().map(|(_, passage)| passage).collect(),
            });
        }
        Ok(evidence)
    }

    /// What a question asks to be absent: "no pneumothorax" → pneumothorax.
    pub fn absent_words(&self, text: &str) -> Vec<String> {
        let negated = casekin_reports::query_words(text).negated;
        negated.iter().map(|words| words.replace('"', "")).collect()
    }
}

fn order_of(kind: SectionKind) -> u8 {
    match kind {
        SectionKind::Impression => 0,
        SectionKind::Findings => 1,
        SectionKind::Title | SectionKind::Other => 2,
        SectionKind::History => 3,
        SectionKind::Technique => 4,
    }
}
