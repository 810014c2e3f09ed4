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
    UncertainLabels,
    DeniedLabels,
}

/// Parts of a case's text.
pub(super) const SECTIONS: usize = 11;

impl Section {
    pub(super) const ALL: [Section; SECTIONS] = [
        Section::Impression,
        Section::Findings,
        Section::Labels,
        Section::Title,
        Section::Other,
        Section::History,
        Section::Uncertain,
        Section::Historical,
        Section::Negated,
        Section::UncertainLabels,
        Section::DeniedLabels,
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
            Section::UncertainLabels => "uncertain label",
            Section::DeniedLabels => "negated label",
        }
    }

    /// Whether the section says what is absent: only what a query denies is looked for here.
    pub(super) fn denies(self) -> bool {
        matches!(self, Section::Negated | Section::DeniedLabels)
    }

    fn is_of_labels(self) -> bool {
        use Section::{DeniedLabels, Labels, UncertainLabels};
        matches!(self, Labels | UncertainLabels | DeniedLabels)
    }

    /// Weight of a match here against one in the findings.
    pub(super) fn boost(self) -> f32 {
        match self {
            Section::Impression => 1.2,
            Section::Findings
            | Section::Labels
            | Section::Title
            | Section::Negated
            | Section::DeniedLabels => 1.0,
            Section::Other => 0.9,
            Section::History => 0.7,
            Section::Uncertain | Section::UncertainLabels => 0.4,
            Section::Historical => 0.2,
        }
    }

    /// Whether a query of these texts looks here.
    pub(super) fn is_of(self, texts: WordTexts) -> bool {
        match texts {
            WordTexts::Both => true,
            WordTexts::Report => !self.is_of_labels(),
            WordTexts::Label => self.is_of_labels(),
            WordTexts::Prose => !self.is_of_labels() && self != Section::Title,
        }
    }

    /// Languages under whose rules the section of a report in this language is indexed.
    pub(super) fn languages(self, language: usize) -> Vec<usize> {
        match self {
            Section::Title => analyse::label_languages(language),
            _ if self.is_of_labels() => analyse::label_languages(language),
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
    pub(super) kept: [Field; SECTIONS],
    /// Per section and language.
    searched: [[Field; LANGUAGES.len()]; SECTIONS],
}

impl TextFields {
    pub(super) fn build() -> (Schema, Self) {
        let mut schema = Schema::builder();
        let case_no = schema.add_u64_field(CASE_NO, INDEXED | FAST | STORED);
        let language = schema.add_text_field(LANGUAGE, STRING | STORED);
        let kept = Section::ALL.map(|section| {
            schema.add_text_field(&field_name(section), TextOptions::default().set_stored())
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

fn field_name(section: Section) -> String {
    section.name().replace(' ', "_")
}

fn searched_field(schema: &mut SchemaBuilder, section: Section, language: usize) -> Field {
    let indexing = TextFieldIndexing::default()
        .set_tokenizer(&analyse::analyser_name(language))
        .set_index_option(IndexRecordOption::WithFreqsAndPositions);
    schema.add_text_field(
        &format!("{}_{}", field_name(section), LANGUAGES[language]),
        TextOptions::default().set_indexing_options(indexing),
    )
}

pub(super) fn at(section: Section) -> usize {
    Section::ALL
        .iter()
        .position(|held| *held == section)
        .expect("ALL names every section")
}
