//! What BM25 knows of a word: the same in every section. Counted per section, a word that is often affirmed and seldom
//! doubted would weigh more where it is doubted (it is rarer there), and doubt would outrank what is there.

use std::cell::RefCell;
use std::collections::HashMap;

use tantivy::query::Bm25StatisticsProvider;
use tantivy::schema::Field;
use tantivy::{Searcher, Term};

use super::analyse::LANGUAGES;
use super::fields::TextFields;

/// Of a word and of a field's length, the greatest count over the sections of the same language. One query's, since
/// what was counted is remembered.
pub(super) struct Statistics<'a> {
    searcher: &'a Searcher,
    fields: &'a TextFields,
    /// Tokens per language.
    lengths: RefCell<[Option<u64>; LANGUAGES.len()]>,
    /// Documents per word and language.
    frequencies: RefCell<HashMap<(usize, String), u64>>,
}

impl<'a> Statistics<'a> {
    pub(super) fn new(searcher: &'a Searcher, fields: &'a TextFields) -> Self {
        Self {
            searcher,
            fields,
            lengths: RefCell::default(),
            frequencies: RefCell::default(),
        }
    }
}

impl Bm25StatisticsProvider for Statistics<'_> {
    fn total_num_tokens(&self, field: Field) -> tantivy::Result<u64> {
        let Some(language) = self.fields.language_of(field) else {
            return self.searcher.total_num_tokens(field);
        };
        if let Some(counted) = self.lengths.borrow()[language] {
            return Ok(counted);
        }
        let mut greatest = 0;
        for alike in self.fields.of_language(language) {
            greatest = greatest.max(self.searcher.total_num_tokens(alike)?);
        }
        self.lengths.borrow_mut()[language] = Some(greatest);
        Ok(greatest)
    }

    fn total_num_docs(&self) -> tantivy::Result<u64> {
        self.searcher.total_num_docs()
    }

    fn doc_freq(&self, term: &Term) -> tantivy::Result<u64> {
        let value = term.value();
        let (Some(word), Some(language)) = (value.as_str(), self.fields.language_of(term.field()))
        else {
            return self.searcher.doc_freq(term);
        };
        let key = (language, word.to_owned());
        if let Some(counted) = self.frequencies.borrow().get(&key) {
            return Ok(*counted);
        }
        let mut greatest = 0;
        for alike in self.fields.of_language(language) {
            greatest = greatest.max(
                self.searcher
                    .doc_freq(&Term::from_field_text(alike, word))?,
            );
        }
        self.frequencies.borrow_mut().insert(key, greatest);
        Ok(greatest)
    }
}
