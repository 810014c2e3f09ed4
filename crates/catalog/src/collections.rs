//! Collections: cases that a person gathered, with notes, in an order.

use serde::Serialize;

use crate::{CaseNo, Catalog, CatalogError, CollectionId};

/// A collection as a list shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CollectionSummary {
    /// Public id.
    pub collection_id: CollectionId,
    /// Name.
    pub name: String,
    /// Cases in it.
    pub cases: u64,
    /// Last change, ms since 1970.
    pub changed_ms: i64,
}

/// A case in a collection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CollectionCase {
    /// Internal number.
    pub case_no: CaseNo,
    /// Public id.
    pub case_id: String,
    /// The case's title.
    pub title: Option<String>,
    /// The note.
    pub note: String,
}

/// A collection with its cases in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CollectionRecord {
    /// Public id.
    pub collection_id: CollectionId,
    /// Name.
    pub name: String,
    /// Cases in order.
    pub cases: Vec<CollectionCase>,
    /// Last change, ms since 1970.
    pub changed_ms: i64,
}

impl Catalog {
    /// Makes a collection.
    pub async fn create_collection(&self, _name: &str) -> Result<CollectionId, CatalogError> {
        todo!()
    }

    /// Renames a collection. Errors: `UnknownCollection`.
    pub async fn rename_collection(
        &self,
        _id: &CollectionId,
        _name: &str,
    ) -> Result<(), CatalogError> {
        todo!()
    }

    /// Deletes a collection; its cases stay. Errors: `UnknownCollection`.
    pub async fn delete_collection(&self, _id: &CollectionId) -> Result<(), CatalogError> {
        todo!()
    }

    /// Adds a case at the end, or replaces the note of one that is in it. Errors: `UnknownCollection`, `UnknownCase`.
    pub async fn add_to_collection(
        &self,
        _id: &CollectionId,
        _case: CaseNo,
        _note: &str,
    ) -> Result<(), CatalogError> {
        todo!()
    }

    /// Takes a case out; nothing happens where it is not in it.
    pub async fn remove_from_collection(
        &self,
        _id: &CollectionId,
        _case: CaseNo,
    ) -> Result<(), CatalogError> {
        todo!()
    }

    /// Puts the cases in this order; those not named follow in the order they had.
    pub async fn order_collection(
        &self,
        _id: &CollectionId,
        _order: &[CaseNo],
    ) -> Result<(), CatalogError> {
        todo!()
    }

    /// All collections, by name.
    pub async fn collections(&self) -> Result<Vec<CollectionSummary>, CatalogError> {
        todo!()
    }

    /// A collection with its cases.
    pub async fn collection(
        &self,
        _id: &CollectionId,
    ) -> Result<Option<CollectionRecord>, CatalogError> {
        todo!()
    }
}
