//! An answer's text → sentences with the evidence they cite, as soon as each is complete.

use std::sync::LazyLock;

use regex::Regex;

/// A sentence and its citations, before checking.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Cited {
    pub(crate) text: String,
    pub(crate) citations: Vec<u32>,
}

pub(crate) fn own(pattern: &str) -> Regex {
    Regex::new(pattern).expect("the crate's own patterns are valid")
}

/// `[1]`, `[1, 2]`, `[1-3]`, `[Case 1]`, `【1】`.
static CITATION: LazyLock<Regex> = LazyLock::new(|| {
    own(
        r"\s*[\[【]\s*(?i:(?:cases?|evidence)\s*)?(\d+(?:\s*(?:,|;|-|–|and|&)\s*(?i:case\s*)?\d+)*)\s*[\]】]",
    )
});
static LIST_MARK: LazyLock<Regex> = LazyLock::new(|| own(r"^\s*(?:[-*•#>]+\s+|\d{1,2}[.)]\s+)"));
const ABBREVIATIONS: [&str; 15] = [
    "e.g", "i.e", "dr", "mr", "mrs", "vs", "approx", "fig", "no", "ca", "st", "al", "cf", "resp",
    "incl",
];
/// Text without an end is taken for a sentence at this length, in bytes.
const MAX_SENTENCE_BYTES: usize = 4_000;
/// A range of citations wider than this is no range.
const MAX_RANGE: u32 = 50;

/// Collects text into sentences.
#[derive(Default)]
pub(crate) struct Segmenter {
    held: String,
}

impl Segmenter {
    /// Sentences completed by this text.
    pub(crate) fn push(&mut self, text: &str) -> Vec<Cited> {
        self.held.push_str(text);
        let mut sentences = Vec::new();
        while let Some(end) = sentence_end(&self.held) {
            let sentence: String = self.held.drain(..end).collect();
            sentences.extend(cite(&sentence));
        }
        if self.held.len() > MAX_SENTENCE_BYTES {
            sentences.extend(self.finish());
        }
        sentences
    }

    /// Forgets the unfinished sentence; whether there was one.
    pub(crate) fn discard(&mut self) -> bool {
        !std::mem::take(&mut self.held).trim().is_empty()
    }

    /// The last sentence.
    pub(crate) fn finish(&mut self) -> Option<Cited> {
        cite(&std::mem::take(&mut self.held))
    }
}

/// One past the first complete sentence with the citations after it, once what follows shows that it is complete.
fn sentence_end(text: &str) -> Option<usize> {
    for (at, c) in text.char_indices() {
        let next = at + c.len_utf8();
        match c {
            '\n' if text[..at].trim().is_empty() => {}
            '\n' => return after_citations(text, next),
            '.' | '!' | '?' if stops(text, at) => return after_citations(text, next),
            _ => {}
        }
    }
    None
}

fn stops(text: &str, at: usize) -> bool {
    let following = text[at + 1..]
        .trim_start_matches(['"', '*', ')', '”'])
        .chars()
        .next();
    if !following.is_some_and(|c| c.is_whitespace() || matches!(c, '[' | '【')) {
        return false;
    }
    let word = text[..at]
        .rsplit(|c: char| c.is_whitespace() || c == '(')
        .next()
        .unwrap_or("");
    let line = text[..at].rsplit('\n').next().unwrap_or("").trim();
    let is_number = line == word && word.bytes().all(|b| b.is_ascii_digit());
    let is_initial = word.chars().count() == 1 && word.chars().all(char::is_uppercase);
    !(is_number || is_initial || ABBREVIATIONS.contains(&word.to_lowercase().as_str()))
}

/// Past white space and citations from `from`; `None` while more citations may come.
fn after_citations(text: &str, from: usize) -> Option<usize> {
    let mut end =
        from + (text[from..].len() - text[from..].trim_start_matches(['"', '*', ')', '”']).len());
    loop {
        let rest = &text[end..];
        let open = rest.trim_start();
        if open.is_empty() {
            return None;
        }
        if !open.starts_with(['[', '【']) {
            return Some(end);
        }
        match CITATION.find(rest).filter(|m| m.start() == 0) {
            Some(found) => end += found.end(),
            // "[" that is no citation, or not yet one.
            None if open.contains([']', '】']) || open.len() > 40 => return Some(end),
            None => return None,
        }
        if text[end..].starts_with('.') {
            end += 1;
        }
    }
}

fn cite(raw: &str) -> Option<Cited> {
    let mut citations: Vec<u32> = Vec::new();
    for found in CITATION.captures_iter(raw) {
        citations.extend(numbers(&found[1]));
    }
    citations.sort_unstable();
    citations.dedup();
    let bare = CITATION.replace_all(raw, "");
    let bare = LIST_MARK.replace(&bare, "").replace("**", "");
    let text = bare
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .replace(" .", ".")
        .replace(" ,", ",");
    let text = text.replace("..", ".");
    text.chars()
        .any(char::is_alphanumeric)
        .then_some(Cited { text, citations })
}

fn numbers(list: &str) -> Vec<u32> {
    let mut found: Vec<u32> = Vec::new();
    let mut range_from: Option<u32> = None;
    let mut digits = String::new();
    for c in list.chars().chain([' ']) {
        if c.is_ascii_digit() {
            digits.push(c);
            continue;
        }
        if !digits.is_empty() {
            let number = digits.parse().unwrap_or(u32::MAX);
            match range_from.take() {
                Some(from) if from < number && number - from <= MAX_RANGE => {
                    found.extend(from + 1..=number)
                }
                _ => found.push(number),
            }
            digits.clear();
        }
        if matches!(c, '-' | '–') {
            range_from = found.last().copied();
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(text: &str, size: usize) -> Vec<(String, Vec<u32>)> {
        let mut segmenter = Segmenter::default();
        let chars: Vec<char> = text.chars().collect();
        let mut found: Vec<Cited> = chars
            .chunks(size)
            .flat_map(|c| segmenter.push(&c.iter().collect::<String>()))
            .collect();
        found.extend(segmenter.finish());
        found.into_iter().map(|c| (c.text, c.citations)).collect()
    }

    #[test]
    fn citations_before_and_after_the_stop_in_all_splits() {
        let text = "Effusion of 3.5 cm, e.g. left [1]. Mass. [2][3] Both (Dr. X).[1, 3]\n- **Nodule** [Case 2-4].\n1. Fine [x] here\n";
        let want = vec![
            ("Effusion of 3.5 cm, e.g. left.".to_owned(), vec![1]),
            ("Mass.".to_owned(), vec![2, 3]),
            ("Both (Dr. X).".to_owned(), vec![1, 3]),
            ("Nodule.".to_owned(), vec![2, 3, 4]),
            ("Fine [x] here".to_owned(), vec![]),
        ];
        for size in 1..text.len() {
            assert_eq!(segment(text, size), want, "pieces of {size}");
        }
    }
}
