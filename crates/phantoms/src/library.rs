//! A folder full of phantoms, as a hospital export would look: one folder per case and a manifest.

use std::fs;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use crate::case::{PhantomCase, draw_case_of};

/// What [`write_library`] wrote.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct LibrarySummary {
    /// Cases written.
    pub cases: u64,
    /// Pictures written.
    pub images: u64,
    /// Bytes of all pictures together.
    pub bytes: u64,
}

/// Why a library could not be written.
#[derive(Debug, thiserror::Error)]
pub enum PhantomError {
    /// A folder could not be made.
    #[error("cannot make the folder {path}")]
    MakeFolder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A picture could not be written.
    #[error("cannot write {path}")]
    WriteImage {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The manifest could not be written.
    #[error("cannot write the manifest {path}")]
    WriteManifest {
        /// The file.
        path: PathBuf,
        /// What the CSV writer said.
        #[source]
        source: csv::Error,
    },
}

/// One row of `manifest.csv`: one picture.
#[derive(serde::Serialize)]
struct ManifestRow<'a> {
    path: String,
    case_id: &'a str,
    patient_id: &'a str,
    title: &'a str,
    report: &'a str,
    labels: String,
    modality: &'a str,
    body_part: &'a str,
    date: &'a str,
    sex: &'a str,
    age: u32,
    accession: &'a str,
}

/// How many cases are drawn side by side before they are written.
const DRAWN_TOGETHER: u64 = 16;

/// Writes `cases` cases of the library of `seed`, each with so many `findings` (see [`draw_case_of`]), to `DIR/<case_id>/` and `DIR/manifest.csv`.
///
/// Every picture has a row of its own and every row repeats the case's report. `progress` is
/// called after each case with the number of cases written so far. Files of an earlier run with
/// the same seed are overwritten with the same bytes; the manifest comes last, so a folder with
/// a manifest is complete.
pub fn write_library(
    dir: &Path,
    seed: u64,
    cases: u64,
    findings: usize,
    progress: &mut dyn FnMut(u64),
) -> Result<LibrarySummary, PhantomError> {
    make_folder(dir)?;
    let final_path = dir.join("manifest.csv");
    let partial_path = dir.join("manifest.csv.partial");
    let manifest_error = |source: csv::Error| PhantomError::WriteManifest {
        path: final_path.clone(),
        source,
    };
    let mut manifest = csv::Writer::from_path(&partial_path).map_err(manifest_error)?;
    let mut summary = LibrarySummary::default();
    for first in (0..cases).step_by(DRAWN_TOGETHER as usize) {
        let last = (first + DRAWN_TOGETHER).min(cases);
        let drawn: Vec<PhantomCase> = (first..last)
            .into_par_iter()
            .map(|index| draw_case_of(seed, index, findings))
            .collect();
        for case in &drawn {
            write_case(dir, case, &mut summary)?;
            for row in rows(case) {
                manifest.serialize(row).map_err(manifest_error)?;
            }
            progress(summary.cases);
        }
    }
    manifest.flush().map_err(|e| manifest_error(e.into()))?;
    fs::rename(&partial_path, &final_path).map_err(|e| manifest_error(e.into()))?;
    Ok(summary)
}

fn make_folder(path: &Path) -> Result<(), PhantomError> {
    fs::create_dir_all(path).map_err(|source| PhantomError::MakeFolder {
        path: path.to_owned(),
        source,
    })
}

fn write_case(
    dir: &Path,
    case: &PhantomCase,
    summary: &mut LibrarySummary,
) -> Result<(), PhantomError> {
    let folder = dir.join(&case.case_id);
    make_folder(&folder)?;
    for image in &case.images {
        let path = folder.join(&image.file_name);
        fs::write(&path, &image.bytes)
            .map_err(|source| PhantomError::WriteImage { path, source })?;
        summary.images += 1;
        summary.bytes += image.bytes.len() as u64;
    }
    summary.cases += 1;
    Ok(())
}

fn rows(case: &PhantomCase) -> impl Iterator<Item = ManifestRow<'_>> {
    case.images.iter().map(|image| ManifestRow {
        path: format!("{}/{}", case.case_id, image.file_name),
        case_id: &case.case_id,
        patient_id: &case.patient_id,
        title: &case.title,
        report: &case.report,
        labels: case.labels.join("|"),
        modality: &case.modality,
        body_part: &case.body_part,
        date: &case.date,
        sex: &case.sex,
        age: case.age_years,
        accession: &case.accession,
    })
}
