//! Which clauses of a report speak of given words.

use std::collections::HashSet;

use unicode_normalization::UnicodeNormalization;

use crate::east_asian::is_east_asian;
use crate::fold::fold;
use crate::{Analysis, Polarity, SectionKind, Sentence};

/// The clauses that hold most of the given words, best first, at most `top`; ties go to affirmed clauses, then
/// impressions, then the order of the text. Clauses with none of the words are left out.
#[must_use]
pub fn passages<'a>(analysis: &'a Analysis, words: &str, top: usize) -> Vec<&'a Sentence> {
    let wanted = stems(words);
    let mut ranked: Vec<_> = analysis
        .sentences
        .iter()
        .filter_map(|sentence| {
            let found = stems(&sentence.text).intersection(&wanted).count();
            let affirmed = sentence.polarity == Polarity::Affirmed;
            let impression = analysis
                .sections
                .get(sentence.section)
                .is_some_and(|s| s.kind == SectionKind::Impression);
            (found > 0).then_some((found, affirmed, impression, sentence))
        })
        .collect();
    ranked.sort_by_key(|(found, affirmed, impression, sentence)| {
        (
            std::cmp::Reverse((*found, *affirmed, *impression)),
            sentence.start,
        )
    });
    ranked
        .into_iter()
        .take(top)
        .map(|(.., sentence)| sentence)
        .collect()
}

/// Folded words of three letters or more without a plural s; pairs of neighbours in scripts without spaces.
fn stems(text: &str) -> HashSet<String> {
    let letters: Vec<char> = text.nfkc().collect();
    let pairs = letters
        .windows(2)
        .filter(|pair| pair.iter().all(|c| is_east_asian(*c)))
        .map(|pair| pair.iter().collect());
    let spaced = text.replace(is_east_asian, " ");
    fold(&spaced)
        .split(|c: char| !c.is_alphanumeric())
        .filter(|w| w.chars().count() >= 3)
        .map(|w| {
            w.strip_suffix('s')
                .filter(|s| s.len() > 3 && !s.ends_with('s'))
                .unwrap_or(w)
                .to_owned()
        })
        .chain(pairs)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyse;

    #[test]
    fn affirmed_impressions_come_first() {
        let report = analyse(
            "FINDINGS: No effusion on the right. Left pleural effusion.\nIMPRESSION: Pleural effusions. Cardiomegaly.",
        );
        let found: Vec<_> = passages(&report, "pleural effusion", 9)
            .iter()
            .map(|s| s.text.as_str())
            .collect();
        assert_eq!(
            found,
            [
                "Pleural effusions.",
                "Left pleural effusion.",
                "No effusion on the right."
            ]
        );
        assert!(passages(&report, "pneumothorax", 9).is_empty());
    }
}
