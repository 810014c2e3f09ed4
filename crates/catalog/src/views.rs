//! Views: the embedded parts of images, and their numbers, which are never reused within a case.

use serde::Serialize;

use crate::{CaseNo, Catalog, CatalogError, PixelBox, VectorLocation, ViewRef};

/// A view with the place of its vector of the active model.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ViewRecord {
    /// Its number within the case.
    pub view_no: u32,
    /// `whole`, `frame`, `tile`, `region`.
    pub kind: String,
    /// Frame, from 0.
    pub frame: Option<u32>,
    /// The part of the image, in its pixels.
    pub box_px: Option<PixelBox>,
    /// Size of a pixel.
    pub mm_per_px: Option<f64>,
    /// What cut it.
    pub made_by: String,
    /// Its vector of the active model.
    pub location: VectorLocation,
}

/// What a hit shows of one view.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HydratedView {
    /// The view.
    pub view: ViewRef,
    /// Public id of its image.
    pub image_id: String,
    /// Modality of the image.
    pub modality: Option<String>,
    /// Body part of the image.
    pub body_part: Option<String>,
    /// Frame, from 0.
    pub frame: Option<u32>,
    /// The part of the image.
    pub box_px: Option<PixelBox>,
    /// `whole`, `frame`, `tile`, `region`.
    pub kind: String,
    /// Size of a pixel.
    pub mm_per_px: Option<f64>,
    /// Key of the image's thumbnail.
    pub thumbnail_key: Option<String>,
    /// Its vector of the active model.
    pub location: VectorLocation,
}

impl Catalog {
    /// Reserves `count` view numbers of a case and returns the first. Durable before it returns, so that the
    /// vectors can go to the log under their keys; gaps are fine, reuse is not.
    pub async fn reserve_views(&self, _case: CaseNo, _count: u32) -> Result<u32, CatalogError> {
        todo!()
    }

    /// The views that exist, in one query; what is missing in the answer is gone.
    pub async fn hydrate(
        &self,
        _views: &[(CaseNo, Vec<u32>)],
    ) -> Result<Vec<HydratedView>, CatalogError> {
        todo!()
    }
}
