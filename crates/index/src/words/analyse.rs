//! Languages and what each does with a word: lower case, stop words, no diacritics, stem.

use tantivy::tokenizer::{
    AsciiFoldingFilter, Language, LowerCaser, RemoveLongFilter, Stemmer, StopWordFilter,
    TextAnalyzer, TokenizerManager,
};
use unicode_normalization::UnicodeNormalization;

use super::tokenise::{Runs, WordTokenizer};

/// Languages with fields of their own; the last takes every other.
pub(super) const LANGUAGES: [&str; 5] = ["en", "fr", "de", "es", "other"];
const ENGLISH: usize = 0;
const OTHER: usize = LANGUAGES.len() - 1;
const MAX_WORD_BYTES: usize = 64;

/// A word as an analyser leaves it, with the bytes of the text that it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stem {
    pub(super) text: String,
    pub(super) position: usize,
    pub(super) from: usize,
    pub(super) to: usize,
}

/// The index into [`LANGUAGES`] of a language code, `de-AT` included.
pub(super) fn language_no(code: &str) -> usize {
    let code = code
        .split(['-', '_'])
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase();
    LANGUAGES
        .iter()
        .position(|language| *language == code)
        .unwrap_or(OTHER)
}

/// Languages under whose rules labels and titles are indexed: the report's, and English, in which labels often are.
pub(super) fn label_languages(language: usize) -> Vec<usize> {
    if language == ENGLISH || language == OTHER {
        vec![ENGLISH]
    } else {
        vec![language, ENGLISH]
    }
}

/// The name of a language's analyser in tantivy.
pub(super) fn analyser_name(language: usize) -> String {
    format!("casekin_{}", LANGUAGES[language])
}

/// The analyser of a language; the runs of scripts without spaces are cut as `runs` says.
pub(super) fn analyser(language: usize, runs: Runs) -> TextAnalyzer {
    let words = TextAnalyzer::builder(WordTokenizer::new(runs))
        .filter(RemoveLongFilter::limit(MAX_WORD_BYTES))
        .filter(LowerCaser)
        .dynamic();
    let rules = match LANGUAGES[language] {
        "en" => Some(Language::English),
        "fr" => Some(Language::French),
        "de" => Some(Language::German),
        "es" => Some(Language::Spanish),
        _ => None,
    };
    let words = match rules.and_then(StopWordFilter::new) {
        Some(stop_words) => words.filter_dynamic(stop_words),
        None => words,
    };
    let words = words.filter_dynamic(AsciiFoldingFilter);
    match rules {
        Some(rules) => words.filter_dynamic(Stemmer::new(rules)).build(),
        None => words.build(),
    }
}

/// All analysers, as tantivy wants them.
pub(super) fn register(manager: &TokenizerManager) {
    for language in 0..LANGUAGES.len() {
        manager.register(&analyser_name(language), analyser(language, Runs::Written));
    }
}

/// A text as it is stored and searched: letters with their accents composed (NFC).
pub(super) fn composed(text: &str) -> String {
    text.nfc().collect()
}

/// A text's stems under a language's rules.
pub(super) fn stems(analyser: &mut TextAnalyzer, text: &str) -> Vec<Stem> {
    let mut stems = Vec::new();
    let mut stream = analyser.token_stream(text);
    stream.process(&mut |token| {
        stems.push(Stem {
            text: token.text.clone(),
            position: token.position,
            from: token.offset_from,
            to: token.offset_to,
        });
    });
    stems
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(language: &str, text: &str) -> Vec<String> {
        stems(
            &mut analyser(language_no(language), Runs::Asked),
            &composed(text),
        )
        .into_iter()
        .map(|stem| stem.text)
        .collect()
    }

    #[test]
    fn each_language_has_its_stems() {
        assert_eq!(texts("en", "The Effusions"), texts("en", "effusion"));
        assert_eq!(texts("de", "Die Ergüsse"), texts("de", "ergusse"));
        assert_eq!(texts("fr", "Épanchements"), texts("fr", "epanchement"));
        assert_eq!(texts("es", "las fracturas"), texts("es", "fractura"));
        assert_eq!(texts("xx", "The Fractures"), ["the", "fractures"]);
    }

    #[test]
    fn accents_need_not_be_composed() {
        assert_eq!(
            texts("fr", "e\u{301}panchement"),
            texts("fr", "épanchement")
        );
    }

    #[test]
    fn offsets_are_those_of_the_text() {
        let text = "Große Ergüsse";
        let stems = stems(&mut analyser(language_no("de-AT"), Runs::Asked), text);
        assert_eq!(
            stems
                .iter()
                .map(|stem| &text[stem.from..stem.to])
                .collect::<Vec<_>>(),
            ["Große", "Ergüsse"]
        );
    }
}
