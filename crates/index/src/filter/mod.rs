//! Filters: a closed syntax tree over facts of cases and views. Never knows how an engine evaluates it.

mod families;
mod parse;

pub(crate) use families::Family;
pub(crate) use parse::{range, truth};

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::IndexError;

/// A fact that can be filtered and counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    /// Of a view.
    Modality,
    /// Of a view.
    BodyPart,
    /// Of a view.
    Laterality,
    /// Of a case; it may have several.
    Label,
    /// Of a case.
    Sex,
    /// Of a case.
    Site,
    /// Of a case: age in years.
    AgeYears,
    /// Of a case: yyyymmdd.
    Date,
    /// Of a case: `true` or `false`.
    Synthetic,
}

impl Field {
    /// All fields, in the order in which facets come.
    pub const ALL: [Field; 9] = [
        Field::Modality,
        Field::BodyPart,
        Field::Laterality,
        Field::Label,
        Field::Sex,
        Field::AgeYears,
        Field::Date,
        Field::Site,
        Field::Synthetic,
    ];

    /// The field's name in snake_case.
    pub fn name(self) -> &'static str {
        match self {
            Field::Modality => "modality",
            Field::BodyPart => "body_part",
            Field::Laterality => "laterality",
            Field::Label => "label",
            Field::Sex => "sex",
            Field::Site => "site",
            Field::AgeYears => "age_years",
            Field::Date => "date",
            Field::Synthetic => "synthetic",
        }
    }

    /// Whether the field's values are numbers that [`Filter::Between`] can compare.
    pub fn is_number(self) -> bool {
        matches!(self, Field::AgeYears | Field::Date)
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Field {
    type Err = IndexError;

    fn from_str(name: &str) -> Result<Self, IndexError> {
        let name = name.trim().to_ascii_lowercase().replace(['-', ' '], "_");
        if name == "age" {
            return Ok(Field::AgeYears);
        }
        Field::ALL
            .into_iter()
            .find(|field| field.name() == name)
            .ok_or(IndexError::FilterField)
    }
}

/// Which views and cases may answer. A view answers if the whole filter holds for it and its case; a case answers if one
/// of its views does, or an image of its without a view would, or, without images, if the filter holds with nothing known
/// of views.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Filter {
    /// Everything.
    #[default]
    All,
    /// All of these; none given means everything.
    And(Vec<Filter>),
    /// One of these at least; none given means nothing.
    Or(Vec<Filter>),
    /// What does not pass; an unknown fact passes.
    Not(Box<Filter>),
    /// The fact has this value, upper and lower case alike. An unknown fact does not.
    Is {
        /// The fact.
        field: Field,
        /// Its value; for `date` a day, month or year, for `age_years` completed years.
        value: String,
    },
    /// The fact is unknown. Not for `label`, `age_years`, `date` and `synthetic`, of which it lets nothing through.
    Unknown {
        /// The fact.
        field: Field,
    },
    /// The number lies between these, both included. An unknown fact does not.
    Between {
        /// `age_years` (a whole `max` counts until the next birthday) or `date` (as yyyymmdd).
        field: Field,
        /// Lower bound.
        min: Option<f64>,
        /// Upper bound.
        max: Option<f64>,
    },
    /// The modality is of a family of one of these, or unknown; [`Filter::same_family`] makes it.
    SameFamily {
        /// Modalities, as DICOM or people write them.
        modalities: Vec<String>,
    },
}

impl Filter {
    /// Reads `field=value`, `field!=value`, `field=a|b` (or) and `field=min..max` (either end may be missing).
    /// Spaces around are ignored; dates read `2020`, `2020-03`, `2020-03-31` or `20200331`. `\|` is a bar and `\\` a
    /// backslash of the value itself; before anything else a backslash stands for itself.
    ///
    /// # Errors
    /// [`IndexError::FilterSyntax`], [`IndexError::FilterField`] or [`IndexError::FilterValue`].
    pub fn parse(text: &str) -> Result<Filter, IndexError> {
        parse::filter(text)
    }

    /// A value as it stands in a filter's text: its bars and backslashes with a backslash before them.
    pub fn escaped(value: &str) -> String {
        value.replace('\\', r"\\").replace('|', r"\|")
    }

    /// All of several parsed filters; repeated filters on the same field are all required.
    pub fn all_of(filters: impl IntoIterator<Item = Filter>) -> Filter {
        let mut filters: Vec<Filter> = filters
            .into_iter()
            .filter(|filter| *filter != Filter::All)
            .collect();
        match filters.len() {
            0 => Filter::All,
            1 => filters.remove(0),
            _ => Filter::And(filters),
        }
    }
}

impl FromStr for Filter {
    type Err = IndexError;

    fn from_str(text: &str) -> Result<Self, IndexError> {
        Filter::parse(text)
    }
}
