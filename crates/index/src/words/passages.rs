//! The sentences that answer a query, with the words that matched marked.

use std::collections::HashSet;

use tantivy::tokenizer::TextAnalyzer;

use super::analyse;
use crate::Passage;

const MAX_PASSAGES: usize = 6;
const MAX_PASSAGE_BYTES: usize = 400;

/// Collects the best passages of one case.
pub(super) struct Passages {
    found: Vec<(usize, usize, Passage)>,
}

impl Passages {
    pub(super) fn new() -> Self {
        Self { found: Vec::new() }
    }

    /// Adds the sentences of a section that contain one of the stems.
    pub(super) fn add(
        &mut self,
        field: &str,
        text: &str,
        analyser: &mut TextAnalyzer,
        wanted: &HashSet<String>,
    ) {
        if wanted.is_empty() {
            return;
        }
        for (start, end) in sentences(text) {
            let sentence = &text[start..end];
            let matched: Vec<analyse::Stem> = analyse::stems(analyser, sentence)
                .into_iter()
                .filter(|stem| wanted.contains(&stem.text))
                .collect();
            if matched.is_empty() {
                continue;
            }
            let distinct = matched
                .iter()
                .map(|stem| stem.text.as_str())
                .collect::<HashSet<_>>()
                .len();
            let marks = joined(&matched);
            self.found.push((
                distinct,
                self.found.len(),
                shortened(field, sentence, marks),
            ));
        }
    }

    /// Best first: by the number of different words, then in the order of adding.
    pub(super) fn best(mut self) -> Vec<Passage> {
        self.found
            .sort_by_key(|(distinct, order, _)| (std::cmp::Reverse(*distinct), *order));
        self.found
            .into_iter()
            .take(MAX_PASSAGES)
            .map(|(_, _, passage)| passage)
            .collect()
    }
}

/// Byte ranges of sentences, without the space around them.
fn sentences(text: &str) -> Vec<(usize, usize)> {
    let mut ranges = Vec::new();
    let mut start = 0;
    let mut letters = text.char_indices().peekable();
    while let Some((at, letter)) = letters.next() {
        let next = letters.peek().map(|(_, next)| *next);
        let ends = letter == '\n'
            || (matches!(letter, '.' | '!' | '?' | ';') && next.is_none_or(char::is_whitespace))
            || matches!(letter, '。' | '｡' | '！' | '？' | '；');
        if ends || next.is_none() {
            let end = at + letter.len_utf8();
            let trimmed = text[start..end].trim();
            if !trimmed.is_empty() {
                let from = start + (text[start..end].len() - text[start..end].trim_start().len());
                ranges.push((from, from + trimmed.len()));
            }
            start = end;
        }
    }
    ranges
}

/// Where words matched, in order; pairs of characters that share one are one mark.
fn joined(matched: &[analyse::Stem]) -> Vec<(usize, usize)> {
    let mut marks: Vec<(usize, usize)> = Vec::new();
    for stem in matched {
        match marks.last_mut() {
            Some((_, to)) if stem.from < *to => *to = stem.to.max(*to),
            _ => marks.push((stem.from, stem.to)),
        }
    }
    marks
}

/// Cuts a long sentence down to a window around its first mark.
fn shortened(field: &str, sentence: &str, marks: Vec<(usize, usize)>) -> Passage {
    let field = field.to_owned();
    if sentence.len() <= MAX_PASSAGE_BYTES {
        return Passage {
            field,
            text: sentence.to_owned(),
            marks,
        };
    }
    let (first, first_end) = marks.first().copied().unwrap_or_default();
    let mut start = sentence.floor_char_boundary(first.saturating_sub(MAX_PASSAGE_BYTES / 4));
    if start > 0 {
        start += sentence[start..first]
            .find(' ')
            .map_or(0, |space| space + 1);
    }
    let mut end = sentence.floor_char_boundary((start + MAX_PASSAGE_BYTES).min(sentence.len()));
    if end < sentence.len() {
        end = sentence[start..end]
            .rfind(' ')
            .map(|space| start + space)
            .filter(|space| *space >= first_end)
            .unwrap_or(end);
    }
    let inside = marks
        .into_iter()
        .filter(|(from, to)| *from >= start && *to <= end)
        .map(|(from, to)| (from - start, to - start));
    Passage {
        field,
        marks: inside.collect(),
        text: sentence[start..end].to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tokenise::Runs;
    use super::*;

    fn found(text: &str, wanted: &[&str]) -> Vec<Passage> {
        let wanted = wanted.iter().map(|word| (*word).to_owned()).collect();
        let mut passages = Passages::new();
        passages.add(
            "findings",
            text,
            &mut analyse::analyser(0, Runs::Written),
            &wanted,
        );
        passages.best()
    }

    #[test]
    fn marks_are_the_words_that_matched() {
        let passages = found(
            "Heart is normal. Small left effusions, 1.5 cm.\nOld effusion",
            &["effus", "left"],
        );
        let marked: Vec<Vec<&str>> = passages
            .iter()
            .map(|passage| {
                passage
                    .marks
                    .iter()
                    .map(|(from, to)| &passage.text[*from..*to])
                    .collect()
            })
            .collect();
        assert_eq!(passages[0].text, "Small left effusions, 1.5 cm.");
        assert_eq!(marked, [vec!["left", "effusions"], vec!["effusion"]]);
    }

    #[test]
    fn a_long_sentence_is_cut_around_its_mark() {
        let text = format!("{} größerer Erguss {}", "ä ".repeat(400), "ö".repeat(900));
        let passages = found(&text, &["erguss"]);
        assert!(passages[0].text.len() <= MAX_PASSAGE_BYTES);
        let (from, to) = passages[0].marks[0];
        assert_eq!(&passages[0].text[from..to], "Erguss");
        let text = format!(
            "{} {} 气胸 {}",
            "双肺".repeat(90),
            "肺".repeat(20),
            "心".repeat(900)
        );
        let passages = found(&text, &["气胸"]);
        assert!(passages[0].text.len() <= MAX_PASSAGE_BYTES);
        let (from, to) = passages[0].marks[0];
        assert_eq!(&passages[0].text[from..to], "气胸");
    }

    #[test]
    fn pairs_of_characters_are_one_mark() {
        let passages = found("双肺清晰。右侧胸腔积液！", &["胸腔", "腔积", "积液"]);
        assert_eq!(passages[0].text, "右侧胸腔积液！");
        let marks = &passages[0].marks;
        assert_eq!(marks.len(), 1);
        assert_eq!(&passages[0].text[marks[0].0..marks[0].1], "胸腔积液");
    }
}
