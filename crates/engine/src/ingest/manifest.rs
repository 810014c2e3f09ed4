//! Joins the rows of a manifest with the files found: a row names its picture relative to the manifest.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use casekin_catalog::{BatchFile, FileOutcome};
use casekin_reports::manifest::{ColumnMap, Row, open};

use super::collect::Collected;
use crate::error::EngineError;

/// One file to read, with all that was said of it.
pub(super) struct Task {
    pub(super) path: PathBuf,
    pub(super) report: Option<PathBuf>,
    pub(super) row: Option<Row>,
}

/// The files of a batch, and what was refused before any was opened.
pub(super) struct Tasks {
    pub(super) tasks: Vec<Task>,
    pub(super) refused: Vec<BatchFile>,
    /// Cells of the manifest that could not be read; the rest of their rows counts.
    pub(super) warnings: Vec<String>,
}

/// The rows of a manifest by the file that they name.
pub(super) struct Manifest {
    path: PathBuf,
    rows: Vec<(PathBuf, Row)>,
    bad_rows: Vec<String>,
    warnings: Vec<String>,
}

impl Manifest {
    pub(super) fn read(path: &Path, map: &BTreeMap<String, String>) -> Result<Self, EngineError> {
        let arguments: Vec<String> = map
            .iter()
            .map(|(column, field)| format!("{column}={field}"))
            .collect();
        let folder = path.parent().map(Path::to_path_buf).unwrap_or_default();
        let mut manifest = Self {
            path: path.to_path_buf(),
            rows: Vec::new(),
            bad_rows: Vec::new(),
            warnings: Vec::new(),
        };
        for row in open(path, &ColumnMap::parse(&arguments)?)? {
            match row {
                Ok(row) => {
                    manifest
                        .warnings
                        .extend(row.warnings.iter().map(ToString::to_string));
                    manifest.rows.push((folder.join(&row.path), row));
                }
                Err(error) => manifest.bad_rows.push(error.to_string()),
            }
        }
        Ok(manifest)
    }
}

/// A CSV file directly in the folder whose header names pictures: what a person who gave the folder alone may have
/// forgotten. Never an error.
#[must_use]
pub fn manifest_in(folder: &Path) -> Option<PathBuf> {
    let mut tables: Vec<PathBuf> = std::fs::read_dir(folder)
        .ok()?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| {
            let ending = path.extension().and_then(|ending| ending.to_str());
            ending.is_some_and(|ending| ["csv", "tsv"].contains(&ending.to_lowercase().as_str()))
        })
        .collect();
    tables.sort();
    let names_pictures = |table: &PathBuf| {
        let first = open(table, &ColumnMap::default())
            .ok()
            .and_then(|mut rows| rows.next());
        first
            .and_then(Result::ok)
            .is_some_and(|row| folder.join(&row.path).is_file())
    };
    tables.into_iter().find(names_pictures)
}

/// What to read: every candidate with its row, then rows whose files lie elsewhere.
pub(super) fn tasks(collected: Collected, manifest: Option<Manifest>) -> Tasks {
    let mut refused: Vec<BatchFile> = Vec::new();
    refused.extend(
        collected
            .unreadable
            .into_iter()
            .map(|(path, reason)| failed(path, reason)),
    );
    refused.extend(collected.ambiguous_reports.into_iter().map(|path| {
        let reason = "several text files lie in this folder and none is named like a picture; name each after its picture";
        failed(path, reason.to_owned())
    }));
    let mut rows: HashMap<PathBuf, Row> = HashMap::new();
    let (mut manifest_path, mut warnings) = (None, Vec::new());
    let mut order = Vec::new();
    if let Some(manifest) = manifest {
        refused.extend(
            manifest
                .bad_rows
                .into_iter()
                .map(|reason| failed(manifest.path.clone(), reason)),
        );
        manifest_path = manifest.path.canonicalize().ok();
        warnings = manifest.warnings;
        for (path, row) in manifest.rows {
            match path.canonicalize() {
                Ok(canonical) => {
                    order.push(canonical.clone());
                    rows.insert(canonical, row);
                }
                Err(_) => refused.push(failed(
                    path,
                    format!(
                        "line {} of the manifest names a file that is not there",
                        row.line
                    ),
                )),
            }
        }
    }
    let mut tasks = Vec::with_capacity(collected.candidates.len());
    for candidate in collected.candidates {
        let canonical = candidate.path.canonicalize().unwrap_or(candidate.path);
        if Some(&canonical) == manifest_path.as_ref() {
            continue;
        }
        let row = rows.remove(&canonical);
        tasks.push(Task {
            path: canonical,
            report: candidate.report,
            row,
        });
    }
    for path in order {
        if let Some(row) = rows.remove(&path) {
            tasks.push(Task {
                path,
                report: None,
                row: Some(row),
            });
        }
    }
    Tasks {
        tasks,
        refused,
        warnings,
    }
}

fn failed(path: PathBuf, reason: String) -> BatchFile {
    BatchFile {
        path,
        outcome: FileOutcome::Failed,
        reason,
    }
}
