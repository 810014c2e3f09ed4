//! The vectors of the library, page by page, for researchers: pseudonymous ids and facts beside each, never who a patient
//! is.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use casekin_catalog::{CaseEntry, CaseNo, EntryView};
use casekin_index::{Filter, ImageFacts};
use half::f16;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::answer::ModelSummary;
use crate::convert::{model_summary, to_index_location};
use crate::error::EngineError;
use crate::library::{Library, Serving};
use crate::search::{box_of, parse_filters};

/// Views of one page, about: a page ends with the case that reaches this.
const PAGE_VIEWS: usize = 1024;
/// Cases read at once.
const CASES_AT_ONCE: usize = 64;
/// Bits of a key that hold the view's number within its case.
const VIEW_BITS: u32 = 24;

/// Which vectors to export.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ExportRequest {
    /// Filters, all of which must hold for the view and its case.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub filters: Vec<String>,
    /// The `next` of the page before; the first page when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
}

/// A page of vectors.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ExportPage {
    /// The model that made the vectors. Pages of one export must agree in it.
    pub model: ModelSummary,
    /// Arithmetic of the encoder.
    pub precision: String,
    /// Version of windowing, orientation and tiling.
    pub pipeline_version: u32,
    /// The catalog's sequence number that the index had applied.
    pub index_seq: u64,
    /// Values of each vector.
    pub dimension: u32,
    /// Where the next page begins; unset on the last one.
    pub next: Option<u64>,
    /// Views in order of their keys.
    pub views: Vec<ExportedView>,
}

/// One view with its vector.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ExportedView {
    /// The view's key: never given twice in the life of a library.
    pub key: u64,
    /// Id of the case.
    pub case_id: String,
    /// Id of the picture.
    pub image_id: String,
    /// Pseudonym of the patient, where one is known: the same for all cases of a patient in this library.
    pub patient: Option<String>,
    /// "whole", "frame", "crop", "tile" or "region".
    pub kind: String,
    /// Frame, counted from 0.
    pub frame: u32,
    /// x, y, width, height in pixels of the picture.
    #[serde(rename = "box")]
    pub box_px: [u32; 4],
    /// Millimetres per pixel, where they are known.
    pub mm_per_px: Option<f64>,
    /// Modality of the picture.
    pub modality: Option<String>,
    /// Body part of the picture.
    pub body_part: Option<String>,
    /// Labels of the case.
    pub labels: Vec<String>,
    /// The vector as it is stored: little-endian 16-bit floats, base64.
    pub vector: String,
}

impl Library {
    /// One page of the library's vectors, case by case in order of their keys.
    ///
    /// # Errors
    /// Filters that cannot be understood; a vector that cannot be read; errors of the catalog.
    pub async fn export_vectors(&self, request: ExportRequest) -> Result<ExportPage, EngineError> {
        let filter: Filter = parse_filters(&request.filters)?;
        let serving = self.inner.serving();
        let index_seq = serving.index.applied();
        let (index, asked) = (serving.index.clone(), filter.clone());
        let mut cases = tokio::task::spawn_blocking(move || index.cases(&asked, None)).await??;
        cases.sort_unstable();
        let start = request.after.map_or(0, |after| {
            cases.partition_point(|case_no| *case_no <= after)
        });
        let (mut views, mut next) = (Vec::new(), None);
        let mut rest = cases[start..].chunks(CASES_AT_ONCE);
        while next.is_none()
            && let Some(chunk) = rest.next()
        {
            let numbers: Vec<CaseNo> = chunk.iter().map(|case| CaseNo(*case)).collect();
            let entries = self.inner.catalog.case_entries(&numbers).await?;
            for entry in passing(&serving, &filter, entries).await? {
                let case_no = entry.case_no.0;
                views.extend(exported(&serving, entry).await?);
                if views.len() >= PAGE_VIEWS {
                    next = Some(case_no);
                    break;
                }
            }
        }
        let last = cases.last().copied();
        Ok(ExportPage {
            model: model_summary(&serving.model, &serving.stamp.profile),
            precision: serving.stamp.precision.clone(),
            pipeline_version: serving.stamp.pipeline_version,
            index_seq,
            dimension: serving.stamp.dimension,
            next: next.filter(|next| Some(*next) != last),
            views,
        })
    }
}

/// Cases with those of their views that pass: a case with a CT and a radiograph gives its CT to `modality=CT`.
async fn passing(
    serving: &Arc<Serving>,
    filter: &Filter,
    mut entries: Vec<CaseEntry>,
) -> Result<Vec<CaseEntry>, EngineError> {
    if *filter == Filter::All {
        return Ok(entries);
    }
    let facts = |view: &EntryView| ImageFacts {
        modality: view.modality.clone(),
        body_part: view.body_part.clone(),
        laterality: view.laterality.clone(),
    };
    let asked: Vec<(u64, Vec<ImageFacts>)> = entries
        .iter()
        .map(|entry| (entry.case_no.0, entry.views.iter().map(facts).collect()))
        .collect();
    let (index, filter) = (serving.index.clone(), filter.clone());
    let passing = tokio::task::spawn_blocking(move || index.passing(&filter, &asked)).await??;
    for (entry, passes) in entries.iter_mut().zip(passing) {
        let mut passes = passes.into_iter();
        entry.views.retain(|_| passes.next() == Some(true));
    }
    Ok(entries)
}

async fn exported(
    serving: &Arc<Serving>,
    entry: CaseEntry,
) -> Result<Vec<ExportedView>, EngineError> {
    let log = Arc::clone(&serving.log);
    tokio::task::spawn_blocking(move || {
        let (facts, case_no) = (entry.facts, entry.case_no.0);
        let views = entry.views.into_iter();
        let exported = views.map(|view| {
            let vector = log.read(&to_index_location(view.location))?;
            Ok(ExportedView {
                key: (case_no << VIEW_BITS) | u64::from(view.view_no),
                case_id: entry.case_id.clone(),
                image_id: view.image_id,
                patient: facts.patient.clone(),
                kind: view.kind,
                frame: view.frame.unwrap_or(0),
                box_px: view.box_px.map_or([0; 4], box_of),
                mm_per_px: view.mm_per_px,
                modality: view.modality,
                body_part: view.body_part,
                labels: facts.labels.clone(),
                vector: f16_base64(&vector),
            })
        });
        exported.collect()
    })
    .await?
}

/// Exact: the log holds 16-bit floats.
fn f16_base64(vector: &[f32]) -> String {
    let bytes: Vec<u8> = vector
        .iter()
        .flat_map(|value| f16::from_f32(*value).to_le_bytes())
        .collect();
    BASE64.encode(bytes)
}

impl ExportedView {
    /// The vector's bytes: little-endian 16-bit floats.
    ///
    /// # Errors
    /// [`EngineError::BadQuery`] where it is not `dimension` values in base64: the page is not from this program.
    pub fn bytes(&self, dimension: u32) -> Result<Vec<u8>, EngineError> {
        let bytes = BASE64.decode(&self.vector).ok();
        let whole = bytes.filter(|bytes| bytes.len() == dimension as usize * 2);
        whole.ok_or_else(|| {
            EngineError::bad_query(format!(
                "the vector of view {} is not {dimension} 16-bit floats",
                self.key
            ))
        })
    }

    /// The vector's values.
    ///
    /// # Errors
    /// As [`Self::bytes`].
    pub fn values(&self, dimension: u32) -> Result<Vec<f32>, EngineError> {
        let bytes = self.bytes(dimension)?;
        let pairs = bytes.chunks_exact(2);
        Ok(pairs
            .map(|pair| f16::from_le_bytes([pair[0], pair[1]]).to_f32())
            .collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vector_comes_back_as_it_was_stored() {
        let vector = [1.0, -0.5, 0.099_975_586];
        let view = ExportedView {
            key: 1,
            case_id: String::new(),
            image_id: String::new(),
            patient: None,
            kind: String::new(),
            frame: 0,
            box_px: [0; 4],
            mm_per_px: None,
            modality: None,
            body_part: None,
            labels: Vec::new(),
            vector: f16_base64(&vector),
        };
        assert_eq!(view.values(3).unwrap(), vector);
        assert!(view.values(4).is_err());
    }
}
