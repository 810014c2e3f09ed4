//! Turns what a user typed into a tantivy query. Only double quotes mean something; whatever else is typed is
//! words, and nothing is an error. A word is looked for in every language's fields; the best place counts. A run of
//! characters without spaces (Chinese, Japanese, Korean) is looked for whole, and by its pairs where it has several.

use std::collections::HashSet;

use tantivy::query::{
    BooleanQuery, BoostQuery, DisjunctionMaxQuery, Occur, PhraseQuery, Query, TermQuery,
};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::tokenizer::TextAnalyzer;
use tantivy::{Searcher, Term};
use unicode_normalization::UnicodeNormalization;

use super::analyse::{self, LANGUAGES, Stem};
use super::fields::{Section, TextFields};
use super::tokenise::{Runs, SENTENCE_GAP, is_unspaced};
use crate::{WordTexts, WordsQuery};

const MAX_WORDS: usize = 256;
const MAX_PHRASES: usize = 32;
/// Longest run without spaces, and longest phrase, that is looked for; what follows is left out.
const MAX_RUN_CHARS: usize = 64;
/// Most pairs of characters that are looked for one by one; later runs are looked for whole.
const MAX_PAIRS: usize = 256;
const MAX_TEXT_BYTES: usize = 16 * 1024;
/// Share of the lesser places' scores that is added to the best place's.
const TIE_BREAKER: f32 = 0.1;

/// A query, and the stems per language that passages mark.
pub(super) struct Compiled {
    pub(super) query: Box<dyn Query>,
    /// Per language.
    pub(super) affirmed: Vec<HashSet<String>>,
    /// Per language.
    pub(super) negated: Vec<HashSet<String>>,
    pub(super) texts: WordTexts,
}

pub(super) struct Compiler<'a> {
    searcher: &'a Searcher,
    fields: &'a TextFields,
    texts: WordTexts,
    analysers: Vec<TextAnalyzer>,
    affirmed: Vec<HashSet<String>>,
    negated: Vec<HashSet<String>>,
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Typed {
    words: Vec<String>,
    phrases: Vec<String>,
    /// Something was left out, for it was too much.
    cut: bool,
}

/// Whether a text is longer, or has more words or phrases, than are looked for.
pub(crate) fn is_cut(query: &WordsQuery) -> bool {
    let texts = std::iter::once(&query.affirmed).chain(&query.negated);
    query.negated.len() > MAX_PHRASES || texts.into_iter().any(|text| read(text).cut)
}

/// What a part of a query comes to.
enum Part {
    /// It asks for nothing.
    Empty,
    /// It is nowhere in the index.
    Nowhere,
    Somewhere(Box<dyn Query>),
}

impl<'a> Compiler<'a> {
    pub(super) fn new(searcher: &'a Searcher, fields: &'a TextFields, texts: WordTexts) -> Self {
        let none = vec![HashSet::new(); LANGUAGES.len()];
        let analysers = (0..LANGUAGES.len())
            .map(|language| analyse::analyser(language, Runs::Asked))
            .collect();
        Self {
            searcher,
            fields,
            texts,
            analysers,
            affirmed: none.clone(),
            negated: none,
        }
    }

    /// None where no word of the query is in the index, or a required phrase cannot be.
    pub(super) fn compile(mut self, query: &WordsQuery) -> Option<Compiled> {
        let typed = read(&query.affirmed);
        let affirmed = self.affirmed_query(&typed);
        let asked = self.affirmed.iter().any(|stems| !stems.is_empty());
        let mut negated: Vec<(Occur, Box<dyn Query>)> = Vec::new();
        for denied in query.negated.iter().take(MAX_PHRASES) {
            let typed = read(denied);
            let required = !typed.phrases.is_empty();
            match self.negated_query(&typed) {
                Part::Somewhere(found) if required => negated.push((Occur::Must, found)),
                Part::Somewhere(found) => negated.push((Occur::Should, found)),
                Part::Nowhere if required => return None,
                Part::Nowhere | Part::Empty => {}
            }
        }
        let whole: Box<dyn Query> = match affirmed {
            Some(affirmed) if negated.is_empty() => affirmed,
            Some(affirmed) => Box::new(BooleanQuery::new(
                [vec![(Occur::Must, affirmed)], negated]
                    .into_iter()
                    .flatten()
                    .collect(),
            )),
            None if asked || negated.is_empty() => return None,
            None => Box::new(BooleanQuery::new(negated)),
        };
        Some(Compiled {
            query: whole,
            affirmed: self.affirmed,
            negated: self.negated,
            texts: self.texts,
        })
    }

    fn affirmed_query(&mut self, typed: &Typed) -> Option<Box<dyn Query>> {
        let sections: Vec<Section> = Section::ALL
            .into_iter()
            .filter(|section| !section.denies() && section.is_of(self.texts))
            .collect();
        let mut clauses: Vec<(Occur, Box<dyn Query>)> = Vec::new();
        for phrase in &typed.phrases {
            // A phrase of stop words alone asks for nothing.
            if let Some(found) = self.anywhere(phrase, &sections, false) {
                clauses.push((Occur::Must, found?));
            }
        }
        let mut pairs_left = MAX_PAIRS;
        for word in &typed.words {
            let found = match pairs(word, pairs_left) {
                pairs if pairs.len() > 2 => {
                    pairs_left -= pairs.len();
                    self.mostly(word, &pairs, &sections)
                }
                _ => self.anywhere(word, &sections, false).flatten(),
            };
            clauses.extend(found.map(|found| (Occur::Should, found)));
        }
        (!clauses.is_empty()).then(|| Box::new(BooleanQuery::new(clauses)) as Box<dyn Query>)
    }

    /// A run without spaces: at least a third of its pairs must be there; all of them in a row count most.
    fn mostly(
        &mut self,
        run: &str,
        pairs: &[String],
        sections: &[Section],
    ) -> Option<Box<dyn Query>> {
        let found: Vec<(Occur, Box<dyn Query>)> = pairs
            .iter()
            .filter_map(|pair| self.anywhere(pair, sections, false).flatten())
            .map(|found| (Occur::Should, found))
            .collect();
        let least = pairs.len().div_ceil(3);
        if found.len() < least {
            return None;
        }
        let some = Box::new(BooleanQuery::with_minimum_required_clauses(found, least));
        let mut clauses: Vec<(Occur, Box<dyn Query>)> = vec![(Occur::Must, some)];
        let whole = self.anywhere(run, sections, false).flatten();
        clauses.extend(whole.map(|whole| (Occur::Should, whole)));
        Some(Box::new(BooleanQuery::new(clauses)))
    }

    /// All words of a denied finding, in one denied sentence: "no pleural effusion" is not said by "no pericardial
    /// effusion, no pleural thickening".
    fn negated_query(&mut self, typed: &Typed) -> Part {
        let sections: Vec<Section> = Section::ALL
            .into_iter()
            .filter(|section| section.denies() && section.is_of(self.texts))
            .collect();
        let mut clauses: Vec<(Occur, Box<dyn Query>)> = Vec::new();
        let mut before: Option<&String> = None;
        for text in typed.phrases.iter().chain(&typed.words) {
            match self.anywhere(text, &sections, true) {
                None => continue,
                Some(None) => return Part::Nowhere,
                Some(Some(found)) => clauses.push((Occur::Must, found)),
            }
            if let Some(before) = before.replace(text) {
                match self.together(before, text, &sections) {
                    Some(found) => clauses.push((Occur::Must, found)),
                    None => return Part::Nowhere,
                }
            }
        }
        match clauses.is_empty() {
            true => Part::Empty,
            false => Part::Somewhere(Box::new(BooleanQuery::new(clauses))),
        }
    }

    /// Two words in one sentence, in either order; of a phrase its first word. Adds nothing to the score.
    fn together(&mut self, one: &str, other: &str, sections: &[Section]) -> Option<Box<dyn Query>> {
        let mut places: Vec<Box<dyn Query>> = Vec::new();
        for language in 0..LANGUAGES.len() {
            let mut first_stem = |text| {
                let stems = analyse::stems(&mut self.analysers[language], text);
                stems.into_iter().next().map(|stem| stem.text)
            };
            let (Some(one), Some(other)) = (first_stem(one), first_stem(other)) else {
                continue;
            };
            for section in sections {
                let field = self.fields.searched(*section, language);
                let term = |stem: &str| Term::from_field_text(field, stem);
                let is_there = |stem: &str| self.searcher.doc_freq(&term(stem)).unwrap_or(0) > 0;
                if !is_there(&one) || !is_there(&other) {
                    continue;
                }
                places.push(match one == other {
                    true => Box::new(TermQuery::new(term(&one), IndexRecordOption::WithFreqs)),
                    false => Box::new(PhraseQuery::new_with_offset_and_slop(
                        vec![(0, term(&one)), (0, term(&other))],
                        SENTENCE_GAP as u32 - 1,
                    )),
                });
            }
        }
        let found = (!places.is_empty()).then(|| Box::new(DisjunctionMaxQuery::new(places)));
        found.map(|found| Box::new(BoostQuery::new(found, 0.0)) as Box<dyn Query>)
    }

    /// A word or phrase in any of the sections, in any language. None: nothing but
    /// English stop words (in whatever language they stand). Some(None): nowhere.
    fn anywhere(
        &mut self,
        text: &str,
        sections: &[Section],
        negated: bool,
    ) -> Option<Option<Box<dyn Query>>> {
        let mut places: Vec<Box<dyn Query>> = Vec::new();
        for language in 0..LANGUAGES.len() {
            let mut stems = analyse::stems(&mut self.analysers[language], text);
            stems.truncate(MAX_RUN_CHARS);
            if stems.is_empty() && language == 0 {
                return None;
            }
            if stems.is_empty() {
                continue;
            }
            let marked = if negated {
                &mut self.negated
            } else {
                &mut self.affirmed
            };
            marked[language].extend(stems.iter().map(|stem| stem.text.clone()));
            for section in sections {
                let field = self.fields.searched(*section, language);
                if let Some(found) = self.in_field(field, &stems) {
                    places.push(Box::new(BoostQuery::new(found, section.boost())));
                }
            }
        }
        Some((!places.is_empty()).then(|| {
            Box::new(DisjunctionMaxQuery::with_tie_breaker(places, TIE_BREAKER)) as Box<dyn Query>
        }))
    }

    /// None where one of the stems is not in the field at all.
    fn in_field(&self, field: Field, stems: &[Stem]) -> Option<Box<dyn Query>> {
        let terms: Vec<(usize, Term)> = stems
            .iter()
            .map(|stem| (stem.position, Term::from_field_text(field, &stem.text)))
            .collect();
        if terms
            .iter()
            .any(|(_, term)| self.searcher.doc_freq(term).unwrap_or(0) == 0)
        {
            return None;
        }
        match &terms[..] {
            [(_, term)] => Some(Box::new(TermQuery::new(
                term.clone(),
                IndexRecordOption::WithFreqs,
            ))),
            _ => Some(Box::new(PhraseQuery::new_with_offset(terms))),
        }
    }
}

/// Splits what was typed into words and quoted phrases. A quote that is not closed is no quote.
fn read(text: &str) -> Typed {
    let end = text.floor_char_boundary(MAX_TEXT_BYTES);
    let is_longer = end < text.len();
    let text = text[..end]
        .nfkc()
        .collect::<String>()
        .replace(['\u{201c}', '\u{201d}', '\u{201e}', '«', '»'], "\"");
    let mut typed = Typed {
        cut: is_longer,
        ..Typed::default()
    };
    let pieces: Vec<&str> = text.split('"').collect();
    for (at, piece) in pieces.iter().enumerate() {
        let quoted = at % 2 == 1 && at + 1 < pieces.len();
        if quoted && words(piece).nth(1).is_some() {
            typed.phrases.push((*piece).to_owned());
        } else if quoted {
            typed.phrases.extend(words(piece).map(str::to_owned));
        } else {
            for word in words(piece).map(str::to_lowercase) {
                if typed.words.contains(&word) {
                    continue;
                }
                match typed.words.len() < MAX_WORDS {
                    true => typed.words.push(word),
                    false => typed.cut = true,
                }
            }
        }
    }
    typed.cut |= typed.phrases.len() > MAX_PHRASES;
    typed.phrases.truncate(MAX_PHRASES);
    typed
}

/// The pairs of neighbouring characters of a word that is nothing but a run without spaces; none of any other word.
fn pairs(word: &str, at_most: usize) -> Vec<String> {
    let letters: Vec<char> = word.chars().take(MAX_RUN_CHARS).collect();
    if !letters.iter().all(|letter| is_unspaced(*letter)) {
        return Vec::new();
    }
    letters
        .windows(2)
        .take(at_most)
        .map(|pair| pair.iter().collect())
        .collect()
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| !letter.is_alphanumeric())
        .filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(words: &[&str], phrases: &[&str]) -> Typed {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        Typed {
            words: owned(words),
            phrases: owned(phrases),
            cut: false,
        }
    }

    #[test]
    fn only_quotes_mean_something() {
        assert_eq!(
            read("pleural effusion"),
            typed(&["pleural", "effusion"], &[])
        );
        assert_eq!(
            read("small \"pleural effusion\" left"),
            typed(&["small", "left"], &["pleural effusion"])
        );
        assert_eq!(
            read("\u{201e}pleural effusion\u{201c}"),
            typed(&[], &["pleural effusion"])
        );
        assert_eq!(
            read("title:(x AND -y)^2 ~ [a TO b] \\"),
            typed(&["title", "x", "and", "y", "2", "a", "to", "b"], &[])
        );
        assert_eq!(read("5\" long"), typed(&["5", "long"], &[]));
        assert_eq!(read("\"\" \"!\""), typed(&[], &[]));
    }

    #[test]
    fn a_long_query_is_bounded() {
        let long: String = (0..50_000).map(|at| format!("w{at} ")).collect();
        let read = read(&long);
        assert_eq!((read.words.len(), read.cut), (MAX_WORDS, true));
    }
}
