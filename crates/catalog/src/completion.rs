//! Completion: a job's views, facts and thumbnail enter with the job's end and the change row, or not at all.

use crate::{Catalog, CatalogError, LeasedJob, ModelStamp, PixelBox, VectorLocation};

/// A view with its vector already durable in the log.
#[derive(Debug, Clone, PartialEq)]
pub struct NewView {
    /// A number from [`Catalog::reserve_views`].
    pub view_no: u32,
    /// `whole`, `frame`, `tile`, `region`.
    pub kind: String,
    /// Frame, from 0.
    pub frame: Option<u32>,
    /// The part of the image, in its pixels.
    pub box_px: Option<PixelBox>,
    /// Size of a pixel.
    pub mm_per_px: Option<f64>,
    /// What cut it, for example `whole-v1`.
    pub made_by: String,
    /// Where its vector lies.
    pub location: VectorLocation,
}

/// What a worker found in an image.
#[derive(Debug, Clone)]
pub struct JobOutcome {
    /// Facts known after decoding, a JSON object; takes the place of those of the admission when given.
    pub facts_json: Option<String>,
    /// Fills a gap only.
    pub modality: Option<String>,
    /// Fills a gap only.
    pub body_part: Option<String>,
    /// Fills a gap only.
    pub laterality: Option<String>,
    /// Views.
    pub views: Vec<NewView>,
    /// Key of the thumbnail.
    pub thumbnail_key: Option<String>,
    /// What made the vectors.
    pub stamp: ModelStamp,
}

/// The end of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Completed {
    /// The sequence number under which the case changed.
    pub seq: u64,
    /// The same lease had completed the job before: nothing was done a second time.
    pub again: bool,
}

impl Catalog {
    /// Ends a job. Errors: `LeaseLost` (no effect), `StampMismatch`, `ViewNotReserved`.
    pub async fn complete_job(
        &self,
        _job: &LeasedJob,
        _outcome: JobOutcome,
    ) -> Result<Completed, CatalogError> {
        todo!()
    }
}
