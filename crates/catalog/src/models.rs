//! Models that were added, and the stamp of the vectors that the library serves.

use serde::Serialize;

use crate::{Catalog, CatalogError, ModelStamp};

/// A model as `model add` registers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewModel {
    /// SHA-256 over weights, tokenizer and config, hex.
    pub model_id: String,
    /// A name for people.
    pub name: String,
    /// Its folder.
    pub dir: String,
    /// Components of a vector.
    pub dimension: u32,
    /// The demo model: knows phantoms only.
    pub demo: bool,
}

/// A registered model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ModelRecord {
    /// SHA-256 over weights, tokenizer and config, hex.
    pub model_id: String,
    /// A name for people.
    pub name: String,
    /// Its folder.
    pub dir: String,
    /// Components of a vector.
    pub dimension: u32,
    /// The demo model: knows phantoms only.
    pub demo: bool,
    /// It made the vectors that the library serves.
    pub active: bool,
}

impl Catalog {
    /// Registers a model, or brings name and folder of a known one up to date.
    pub async fn register_model(&self, _model: NewModel) -> Result<(), CatalogError> {
        todo!()
    }

    /// All models, oldest first.
    pub async fn models(&self) -> Result<Vec<ModelRecord>, CatalogError> {
        todo!()
    }

    /// The library's model and the stamp of its vectors.
    pub async fn active_model(&self) -> Result<Option<(ModelRecord, ModelStamp)>, CatalogError> {
        todo!()
    }

    /// Makes `stamp` the library's, if the library holds no vectors of another. Errors: `StampMismatch`,
    /// `UnknownModel`.
    pub async fn set_active(&self, _stamp: &ModelStamp) -> Result<(), CatalogError> {
        todo!()
    }
}
