//! The object store: thumbnails, and uploaded files sealed in chunks. Local files, atomic and synced.

use std::path::Path;

use bytes::Bytes;

use crate::{CatalogError, Keyring};

/// The object store of a library (`<data_dir>/objects`). Cheap to clone.
#[derive(Debug, Clone)]
pub struct Objects {}

/// An upload that is durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredObject {
    /// Its key.
    pub key: String,
    /// SHA-256 of the plain bytes.
    pub content_sha256: [u8; 32],
    /// Plain bytes.
    pub bytes: u64,
}

/// An upload in progress; dropped, it leaves nothing.
#[derive(Debug)]
pub struct ObjectWriter {}

impl Objects {
    /// Opens or makes the folder.
    pub fn open(_root: &Path, _keyring: &Keyring) -> Result<Self, CatalogError> {
        todo!()
    }

    /// Stores bytes sealed; durable when it returns.
    pub async fn put_object(&self, _bytes: &[u8]) -> Result<StoredObject, CatalogError> {
        todo!()
    }

    /// Begins an upload of at most `limit` bytes in pieces.
    pub async fn begin_upload(&self, _limit: u64) -> Result<ObjectWriter, CatalogError> {
        todo!()
    }

    /// An object's plain bytes. Errors: `ObjectTooLarge` over `limit`, `ObjectDamaged`, `Object`.
    pub async fn read_object(&self, _key: &str, _limit: u64) -> Result<Vec<u8>, CatalogError> {
        todo!()
    }

    /// Stores a thumbnail of an image and returns its key.
    pub async fn put_thumbnail(
        &self,
        _image_id: &str,
        _bytes: Bytes,
    ) -> Result<String, CatalogError> {
        todo!()
    }

    /// A thumbnail; none if it is gone.
    pub async fn read_thumbnail(&self, _key: &str) -> Result<Option<Bytes>, CatalogError> {
        todo!()
    }

    /// Deletes an object or a thumbnail; nothing happens where it is gone.
    pub async fn delete(&self, _key: &str) -> Result<(), CatalogError> {
        todo!()
    }

    /// All keys under `objects` and `thumbs`, for the sweep of orphans.
    pub async fn keys(&self) -> Result<Vec<String>, CatalogError> {
        todo!()
    }
}

impl ObjectWriter {
    /// Adds bytes. Errors: `ObjectTooLarge`.
    pub async fn write(&mut self, _bytes: &[u8]) -> Result<(), CatalogError> {
        todo!()
    }

    /// Ends the upload; durable when it returns.
    pub async fn finish(self) -> Result<StoredObject, CatalogError> {
        todo!()
    }
}
