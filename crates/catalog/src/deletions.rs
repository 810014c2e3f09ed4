//! Deletions: rows go at once, and a work list remains until what lies outside SQL is erased too.

use crate::{CaseNo, Catalog, CatalogError, VectorLocation, ViewRef};

/// What of a deleted case is left outside the catalog.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Deleted {
    /// The case's number, not to be used again.
    pub case_no: CaseNo,
    /// Stored objects that no other image uses.
    pub objects: Vec<String>,
    /// Thumbnails.
    pub thumbnails: Vec<String>,
    /// Vectors to erase in the log, of every model stamp.
    pub vectors: Vec<ErasedVector>,
    /// The sequence number of the deletion.
    pub seq: u64,
}

/// One vector to erase.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ErasedVector {
    /// Its view.
    pub view: ViewRef,
    /// Where it lies.
    pub location: VectorLocation,
}

impl Catalog {
    /// Deletes a case: rows and sealed rows are overwritten, a change row (number only) and a work list stay.
    /// Called again before [`Catalog::finish_deletion`] it returns the same work. Errors: `UnknownCase`.
    pub async fn delete_case(&self, _case: CaseNo) -> Result<Deleted, CatalogError> {
        todo!()
    }

    /// Deletions whose objects, thumbnails and vectors are not yet reported erased: to be done at start.
    pub async fn pending_deletions(&self) -> Result<Vec<Deleted>, CatalogError> {
        todo!()
    }

    /// Strikes a deletion off the work list, after everything in it is erased; empties the write-ahead log.
    pub async fn finish_deletion(&self, _case: CaseNo) -> Result<(), CatalogError> {
        todo!()
    }
}
