//! Re-encoding: vectors of a second stamp grow beside the old ones, which serve until the swap.

use serde::Serialize;

use crate::{
    CaseNo, Catalog, CatalogError, ErasedVector, ImageFacts, ImageNo, ModelStamp, NewView,
    ObjectRef,
};

/// An image that has no vectors of the new stamp yet.
#[derive(Debug, Clone)]
pub struct ReencodeImage {
    /// The image.
    pub image_no: ImageNo,
    /// Its public id.
    pub image_id: String,
    /// Its case.
    pub case_no: CaseNo,
    /// Where the bytes are.
    pub object: ObjectRef,
    /// Facts.
    pub facts: ImageFacts,
    /// SHA-256 of the bytes.
    pub content_sha256: [u8; 32],
}

/// How far a re-encoding is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct ReencodeProgress {
    /// Images to be done in all.
    pub total: u64,
    /// Images with vectors of the new stamp.
    pub done: u64,
    /// Images that could not be read again.
    pub failed: u64,
}

impl Catalog {
    /// Begins or resumes re-encoding to `stamp`. Errors: `UnknownModel`.
    pub async fn begin_reencode(
        &self,
        _stamp: &ModelStamp,
    ) -> Result<ReencodeProgress, CatalogError> {
        todo!()
    }

    /// Encoded images without vectors of `stamp`, by number.
    pub async fn next_images_to_reencode(
        &self,
        _stamp: &ModelStamp,
        _limit: u32,
    ) -> Result<Vec<ReencodeImage>, CatalogError> {
        todo!()
    }

    /// Keeps an image's new views (numbers reserved, vectors durable). False where the image was done before.
    pub async fn record_reencoded(
        &self,
        _image: ImageNo,
        _stamp: &ModelStamp,
        _views: Vec<NewView>,
    ) -> Result<bool, CatalogError> {
        todo!()
    }

    /// Notes that an image could not be read again; it will have no vectors after the swap.
    pub async fn record_reencode_failed(
        &self,
        _image: ImageNo,
        _stamp: &ModelStamp,
        _reason: &str,
    ) -> Result<(), CatalogError> {
        todo!()
    }

    /// How far the re-encoding to `stamp` is.
    pub async fn reencode_progress(
        &self,
        _stamp: &ModelStamp,
    ) -> Result<ReencodeProgress, CatalogError> {
        todo!()
    }

    /// Makes `stamp` the library's and drops all other vectors and views, in one transaction, every case changed.
    /// Returns what may be erased in the vector log. Errors: `ReencodeUnfinished`.
    pub async fn swap_reencoded(
        &self,
        _stamp: &ModelStamp,
    ) -> Result<Vec<ErasedVector>, CatalogError> {
        todo!()
    }
}
