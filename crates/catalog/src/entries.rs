//! What an index projection reads: the change log and the present state of cases.

use serde::Serialize;

use crate::{
    CaseFacts, CaseNo, Catalog, CatalogError, ImageNo, PixelBox, ReportRecord, VectorLocation,
};

/// "Case N changed at seq."
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Sequence number, rising.
    pub seq: u64,
    /// The case.
    pub case_no: CaseNo,
}

/// All that an index holds of one case.
#[derive(Debug, Clone, Serialize)]
pub struct CaseEntry {
    /// Internal number.
    pub case_no: CaseNo,
    /// Public id.
    pub case_id: String,
    /// Facts and labels.
    pub facts: CaseFacts,
    /// Modalities and body parts of its images, also of those not yet encoded, sorted.
    pub modalities: Vec<String>,
    /// Body parts of its images, sorted.
    pub body_parts: Vec<String>,
    /// Reports.
    pub reports: Vec<ReportRecord>,
    /// Views with a vector of the active model.
    pub views: Vec<EntryView>,
}

/// One view as an index holds it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EntryView {
    /// Its number within the case.
    pub view_no: u32,
    /// Its image.
    pub image_no: ImageNo,
    /// `whole`, `frame`, `tile`, `region`.
    pub kind: String,
    /// Modality of its image.
    pub modality: Option<String>,
    /// Body part of its image.
    pub body_part: Option<String>,
    /// Laterality of its image.
    pub laterality: Option<String>,
    /// Frame, from 0.
    pub frame: Option<u32>,
    /// The part of the image.
    pub box_px: Option<PixelBox>,
    /// Size of a pixel.
    pub mm_per_px: Option<f64>,
    /// Its vector.
    pub location: VectorLocation,
}

impl Catalog {
    /// The last sequence number given; 0 in a new catalog.
    pub async fn latest_seq(&self) -> Result<u64, CatalogError> {
        todo!()
    }

    /// Changes after `seq`, oldest first, each case once with its latest number.
    pub async fn changes_since(&self, _seq: u64, _limit: u32) -> Result<Vec<Change>, CatalogError> {
        todo!()
    }

    /// The present state of these cases, in one snapshot; a case that is missing in the answer is gone.
    pub async fn case_entries(&self, _cases: &[CaseNo]) -> Result<Vec<CaseEntry>, CatalogError> {
        todo!()
    }
}
