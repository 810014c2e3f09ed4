//! Images: one source object each, where its bytes are, and which of them claim the same SOP Instance UID.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

use crate::{CaseNo, Catalog, CatalogError, ImageNo, ViewRecord};

/// Where an image's bytes are. `Debug` does not print the path: a file's name can be a patient's.
#[derive(Clone, PartialEq, Eq)]
pub enum ObjectRef {
    /// A file of the user's, referenced in place; the path is sealed in the catalog.
    InPlace {
        /// Absolute path.
        path: PathBuf,
    },
    /// An object of the object store.
    Stored {
        /// Its key.
        key: String,
    },
}

impl fmt::Debug for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InPlace { .. } => f.write_str("InPlace"),
            Self::Stored { key } => f.debug_struct("Stored").field("key", key).finish(),
        }
    }
}

/// Facts of an image that an index may filter by.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct ImageFacts {
    /// `dicom`, `png`, …
    pub format: String,
    /// Modality.
    pub modality: Option<String>,
    /// Body part.
    pub body_part: Option<String>,
    /// Laterality.
    pub laterality: Option<String>,
    /// Further facts, a JSON object.
    pub facts_json: String,
}

/// An image with everything known of it but its identity.
#[derive(Debug, Clone)]
pub struct ImageRecord {
    /// Internal number.
    pub image_no: ImageNo,
    /// Public id.
    pub image_id: String,
    /// Its case.
    pub case_no: CaseNo,
    /// The case's public id.
    pub case_id: String,
    /// Facts.
    pub facts: ImageFacts,
    /// SHA-256 of the plain bytes.
    pub content_sha256: [u8; 32],
    /// Size of the file.
    pub bytes: u64,
    /// Where the bytes are, path unsealed: never over HTTP.
    pub object: ObjectRef,
    /// Other paths with the same bytes.
    pub other_paths: Vec<PathBuf>,
    /// Key of the thumbnail in the object store.
    pub thumbnail_key: Option<String>,
    /// `queued`, `running`, `done`, `failed`.
    pub job_state: String,
    /// Why the job failed.
    pub failure: Option<String>,
    /// Its views in the active model's making.
    pub views: Vec<ViewRecord>,
    /// Images with the same SOP Instance UID and other bytes.
    pub conflicts: Vec<String>,
}

/// Different objects under one SOP Instance UID.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SopConflict {
    /// Public ids of the images and of their cases, oldest first.
    pub images: Vec<(String, String)>,
}

impl Catalog {
    /// An image by its public id.
    pub async fn image(&self, _image_id: &str) -> Result<Option<ImageRecord>, CatalogError> {
        todo!()
    }

    /// Groups of different objects that carry one SOP Instance UID.
    pub async fn sop_conflicts(
        &self,
        _limit: u32,
        _offset: u32,
    ) -> Result<Vec<SopConflict>, CatalogError> {
        todo!()
    }

    /// Whether these bytes are known, before anything is decoded: the image and its case.
    pub async fn image_by_content(
        &self,
        _sha256: &[u8; 32],
    ) -> Result<Option<(ImageNo, CaseNo)>, CatalogError> {
        todo!()
    }

    /// Replaces or sets an image's thumbnail; returns the key that is no longer used.
    pub async fn set_thumbnail(
        &self,
        _image: ImageNo,
        _key: &str,
    ) -> Result<Option<String>, CatalogError> {
        todo!()
    }
}
