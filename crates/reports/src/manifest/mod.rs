//! Manifests: CSV or JSONL with one row per picture.
//!
//! Reads rows one at a time and never holds the file; never opens the pictures that rows name. Errors carry
//! line, column, reason and remedy, never a cell's value.

mod columns;
mod rows;
mod values;

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use crate::Identifiers;

pub use columns::{ColumnMap, Field};
pub use rows::Rows;
pub use values::Sex;

/// How a manifest is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Separated values with a header line; comma, semicolon or tab.
    Csv,
    /// One JSON object a line.
    Jsonl,
}

/// One row. Fields that the manifest does not give are empty.
#[derive(Clone, PartialEq, Default)]
pub struct Row {
    /// Line of the manifest (1-based) on which the row starts.
    pub line: u64,
    /// File of the picture as the manifest writes it; never empty.
    pub path: String,
    /// Case id.
    pub case_id: Option<String>,
    /// Patient id.
    pub patient_id: Option<String>,
    /// Title.
    pub title: Option<String>,
    /// Report text.
    pub report: Option<String>,
    /// Labels, trimmed, without empties or repeats.
    pub labels: Vec<String>,
    /// Modality as written.
    pub modality: Option<String>,
    /// Body part as written.
    pub body_part: Option<String>,
    /// Study date, `yyyy-mm-dd`.
    pub date: Option<String>,
    /// Days from a reference day.
    pub study_offset_days: Option<i64>,
    /// Sex.
    pub sex: Option<Sex>,
    /// Age in years, 0–150.
    pub age_years: Option<f32>,
    /// Accession number.
    pub accession: Option<String>,
    /// Site.
    pub site: Option<String>,
    /// Columns of no known meaning, and values that could not be read as their column's meaning.
    pub extra: Vec<(String, String)>,
    /// Identifiers of the row (patient id, accession, names, birth date), for [`mask`](crate::mask()).
    pub identifiers: Identifiers,
    /// Cells that could not be read as meant; the row is usable.
    pub warnings: Vec<ManifestError>,
}

/// What is wrong with a manifest, where, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{}{reason}; {remedy}", at_line(.line), at_column(.column))]
pub struct ManifestError {
    /// Line (1-based), or 0 where the whole file or an argument is meant.
    pub line: u64,
    /// Column's name, where one is meant.
    pub column: Option<String>,
    /// What is wrong.
    pub reason: String,
    /// What to do.
    pub remedy: String,
}

fn at_line(line: &u64) -> String {
    if *line == 0 {
        String::new()
    } else {
        format!("line {line}: ")
    }
}

fn at_column(column: &Option<String>) -> String {
    column
        .as_ref()
        .map(|name| format!("column \"{name}\": "))
        .unwrap_or_default()
}

impl Row {
    /// Columns of no known meaning as labels: "column: value".
    pub fn extra_labels(&self) -> impl Iterator<Item = String> + '_ {
        self.extra
            .iter()
            .map(|(column, value)| format!("{column}: {value}"))
    }
}

/// Shows where the row stands and nothing of what it holds.
impl std::fmt::Debug for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Row")
            .field("line", &self.line)
            .finish_non_exhaustive()
    }
}

/// Opens a manifest; the format follows from content, then from the file's extension.
///
/// # Errors
/// The file cannot be read, is no text, or no column means `path`.
pub fn open(path: &Path, map: &ColumnMap) -> Result<Rows, ManifestError> {
    let file = File::open(path).map_err(|e| ManifestError {
        line: 0,
        column: None,
        reason: format!("the manifest cannot be read ({})", e.kind()),
        remedy: "check its path and permissions".to_owned(),
    })?;
    let extension = path
        .extension()
        .and_then(|e| e.to_str())
        .unwrap_or("")
        .to_ascii_lowercase();
    let named = match extension.as_str() {
        "csv" | "tsv" => Some(Format::Csv),
        "jsonl" | "ndjson" => Some(Format::Jsonl),
        _ => None,
    };
    rows::start(Box::new(BufReader::new(file)), None, named, map)
}

/// Reads a manifest from any source; `format` `None` decides by the first character.
///
/// # Errors
/// As [`open`].
pub fn read(
    source: Box<dyn BufRead + Send>,
    format: Option<Format>,
    map: &ColumnMap,
) -> Result<Rows, ManifestError> {
    rows::start(source, format, None, map)
}
