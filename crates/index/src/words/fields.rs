//! The schema: a field for each part of a case's text, in each language.

use tantivy::schema::{
    FAST, Field, INDEXED, IndexRecordOption, STORED, STRING, Schema, SchemaBuilder,
    TextFieldIndexing, TextOptions,
};

use super::analyse::{self, LANGUAGES};
use crate::WordTexts;

pub(super) const CASE_NO: &str = "case_no";
const LANGUAGE: &str = "language";

/// A part of a case's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Section {
    Title,
    Findings,
    Impression,
    History,
    Other,
    Labels,
    Uncertain,
    Historical,
    Negated,
}

impl Section {
    pub(super) const ALL: [Section; 9] = [
        Section::Impression,
        Section::Findings,
        Section::Labels,
        Section::Title,
        Section::Other,
        Section::History,
        Section::Uncertain,
        Section::Historical,
        Section::Negated,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Section::Title => "title",
            Section::Findings => "findings",
            Section::Impression => "impression",
            Section::History => "history",
            Section::Other => "other",
            Section::Labels => "label",
            Section::Uncertain => "uncertain",
            Section::Historical => "historical",
            Section::Negated => "negated",
        }
    }

    /// Weight of a match here against one in the findings.
    pub(super) fn boost(self) -> f32 {
        match self {
            Section::Impression => 1.2,
            Section::Findings | Section::Labels | Section::Title | Section::Negated => 1.0,
            Section::Other => 0.9,
            Section::History => 0.7,
            Section::Uncertain => 0.4,
            Section::Historical => 0.2,
        }
    }

    /// Whether a query of these texts looks here.
    pub(super) fn is_of(self, texts: WordTexts) -> bool {
        match texts {
            WordTexts::Both => true,
            WordTexts::Report => self != Section::Labels,
            WordTexts::Label => self == Section::Labels,
        }
    }

    /// Languages under whose rules the section of a report in this language is indexed.
    pub(super) fn languages(self, language: usize) -> Vec<usize> {
        match self {
            Section::Labels | Section::Title => analyse::label_languages(language),
            _ => vec![language],
        }
    }
}

/// The fields of the schema.
#[derive(Debug)]
pub(super) struct TextFields {
    pub(super) case_no: Field,
    pub(super) language: Field,
    /// Per section, as it was given.
    pub(super) kept: [Field; 9],
    /// Per section and language.
    searched: [[Field; LANGUAGES.len()]; 9],
}

impl TextFields {
    pub(super) fn build() -> (Schema, Self) {
        let mut schema = Schema::builder();
        let case_no = schema.add_u64_field(CASE_NO, INDEXED | FAST | STORED);
        let language = schema.add_text_field(LANGUAGE, STRING | STORED);
        let kept = Section::ALL.map(|section| {
            schema.add_text_field(section.name(), TextOptions::default().set_stored())
        });
        let searched = Section::ALL.map(|section| {
            std::array::from_fn(|language| searched_field(&mut schema, section, language))
        });
        (
            schema.build(),
            Self {
                case_no,
                language,
                kept,
                searched,
            },
        )
    }

    /// The language of a searched field.
    pub(super) fn language_of(&self, field: Field) -> Option<usize> {
        self.searched
            .iter()
            .find_map(|fields| fields.iter().position(|held| *held == field))
    }

    /// A language's field of every section.
    pub(super) fn of_language(&self, language: usize) -> impl Iterator<Item = Field> + '_ {
        self.searched.iter().map(move |fields| fields[language])
    }

    pub(super) fn searched(&self, section: Section, language: usize) -> Field {
        self.searched[at(section)][language]
    }
}

fn searched_field(schema: &mut SchemaBuilder, section: Section, language: usize) -> Field {
    let indexing = TextFieldIndexing::default()
        .set_tokenizer(&analyse::analyser_name(language))
        .set_index_option(IndexRecordOption::WithFreqsAndPositions);
    schema.add_text_field(
        &format!("{}_{}", section.name(), LANGUAGES[language]),
        TextOptions::default().set_indexing_options(indexing),
    )
}

pub(super) fn at(section: Section) -> usize {
    Section::ALL
        .iter()
        .position(|held| *held == section)
        .expect("ALL names every section")
}
