//! Turns what a user typed into a tantivy query. Only double quotes mean something; whatever else is typed is
//! words, and nothing is an error. A word is looked for in every language's fields; the best place counts.

use std::collections::HashSet;

use tantivy::query::{
    BooleanQuery, BoostQuery, DisjunctionMaxQuery, Occur, PhraseQuery, Query, TermQuery,
};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::tokenizer::TextAnalyzer;
use tantivy::{Searcher, Term};

use super::analyse::{self, LANGUAGES, Stem};
use super::store::{Section, TextFields};
use crate::WordsQuery;

const MAX_WORDS: usize = 64;
const MAX_PHRASES: usize = 16;
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
    pub(super) with_labels: bool,
}

pub(super) struct Compiler<'a> {
    searcher: &'a Searcher,
    fields: &'a TextFields,
    with_labels: bool,
    analysers: Vec<TextAnalyzer>,
    affirmed: Vec<HashSet<String>>,
    negated: Vec<HashSet<String>>,
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Typed {
    words: Vec<String>,
    phrases: Vec<String>,
}

impl<'a> Compiler<'a> {
    pub(super) fn new(searcher: &'a Searcher, fields: &'a TextFields, with_labels: bool) -> Self {
        let none = vec![HashSet::new(); LANGUAGES.len()];
        let analysers = (0..LANGUAGES.len()).map(analyse::analyser).collect();
        Self {
            searcher,
            fields,
            with_labels,
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
        let negated: Vec<(Occur, Box<dyn Query>)> = query
            .negated
            .iter()
            .take(MAX_PHRASES)
            .filter_map(|denied| Some((Occur::Should, self.negated_query(&read(denied))?)))
            .collect();
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
            with_labels: self.with_labels,
        })
    }

    fn affirmed_query(&mut self, typed: &Typed) -> Option<Box<dyn Query>> {
        let sections: Vec<Section> = Section::AFFIRMED
            .into_iter()
            .filter(|section| self.with_labels || *section != Section::Labels)
            .collect();
        let mut clauses: Vec<(Occur, Box<dyn Query>)> = Vec::new();
        for phrase in &typed.phrases {
            // A phrase of stop words alone asks for nothing.
            if let Some(found) = self.anywhere(phrase, &sections, false) {
                clauses.push((Occur::Must, found?));
            }
        }
        for word in &typed.words {
            if let Some(Some(found)) = self.anywhere(word, &sections, false) {
                clauses.push((Occur::Should, found));
            }
        }
        (!clauses.is_empty()).then(|| Box::new(BooleanQuery::new(clauses)) as Box<dyn Query>)
    }

    /// All words of a denied finding, in denied sentences.
    fn negated_query(&mut self, typed: &Typed) -> Option<Box<dyn Query>> {
        let mut clauses: Vec<(Occur, Box<dyn Query>)> = Vec::new();
        for text in typed.phrases.iter().chain(&typed.words) {
            if let Some(found) = self.anywhere(text, &[Section::Negated], true) {
                clauses.push((Occur::Must, found?));
            }
        }
        (!clauses.is_empty()).then(|| Box::new(BooleanQuery::new(clauses)) as Box<dyn Query>)
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
            let stems = analyse::stems(&mut self.analysers[language], text);
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
    let text = analyse::composed(&text[..end])
        .replace(['\u{201c}', '\u{201d}', '\u{201e}', '«', '»'], "\"");
    let mut typed = Typed::default();
    let pieces: Vec<&str> = text.split('"').collect();
    for (at, piece) in pieces.iter().enumerate() {
        let quoted = at % 2 == 1 && at + 1 < pieces.len();
        if quoted && words(piece).nth(1).is_some() {
            typed.phrases.push((*piece).to_owned());
        } else if quoted {
            typed.phrases.extend(words(piece).map(str::to_owned));
        } else {
            for word in words(piece).map(str::to_lowercase) {
                if !typed.words.contains(&word) && typed.words.len() < MAX_WORDS {
                    typed.words.push(word);
                }
            }
        }
    }
    typed.phrases.truncate(MAX_PHRASES);
    typed
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
        assert_eq!(read(&long).words.len(), MAX_WORDS);
    }
}
