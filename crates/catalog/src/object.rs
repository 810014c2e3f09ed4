//! The object store: thumbnails, and uploaded files sealed in chunks. Local files, atomic and synced.

//!
//! A sealed object is the magic `CKO1`, 16 random bytes, then its chunks: 1 MiB of plain bytes each but the last,
//! which may be shorter, every one sealed with the object's random bytes, its index and whether it is the last.
//! So chunks cannot change places or objects, and a file that was cut short does not open.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures::StreamExt as _;
use object_store::local::LocalFileSystem;
use object_store::path::Path as Key;
use object_store::{Error as StoreError, ObjectStore as _, ObjectStoreExt as _};
use sha2::{Digest as _, Sha256};
use tokio::io::AsyncWriteExt as _;

use crate::tokens::random_hex;
use crate::{CatalogError, Keyring};

const MAGIC: &[u8; 4] = b"CKO1";
const SALT_BYTES: usize = 16;
const HEADER_BYTES: usize = MAGIC.len() + SALT_BYTES;
/// Plain bytes of a chunk.
const CHUNK_BYTES: usize = 1 << 20;
/// What sealing adds to a chunk: a nonce of 24 bytes and a tag of 16.
const SEAL_BYTES: usize = 40;
/// Folder of uploads that are not finished; never listed as keys.
const INCOMING: &str = "incoming";
/// An unfinished upload of this age is of a process that died.
const ABANDONED_AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// The object store of a library (`<data_dir>/objects`). Cheap to clone.
#[derive(Debug, Clone)]
pub struct Objects {
    root: PathBuf,
    store: Arc<LocalFileSystem>,
    keyring: Keyring,
}

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
pub struct ObjectWriter {
    objects: Objects,
    file: tokio::fs::File,
    /// Taken away when the file has its final name.
    incoming: Incoming,
    salt: String,
    /// Plain bytes of a chunk that is not yet full, or full and perhaps the last.
    pending: Vec<u8>,
    next_chunk: u64,
    hash: Sha256,
    bytes: u64,
    limit: u64,
}

/// Removes an unfinished file when it is dropped.
#[derive(Debug)]
struct Incoming(Option<PathBuf>);

impl Drop for Incoming {
    fn drop(&mut self) {
        if let Some(path) = self.0.take() {
            // What cannot be removed now goes when the store is next opened after a day.
            drop(std::fs::remove_file(path));
        }
    }
}

impl Objects {
    /// Opens or makes the folder.
    pub fn open(root: &Path, keyring: &Keyring) -> Result<Self, CatalogError> {
        let failed = folder_failed("opening its folder");
        private_folder(root).map_err(&failed)?;
        let incoming = root.join(INCOMING);
        private_folder(&incoming).map_err(&failed)?;
        sweep_abandoned(&incoming).map_err(&failed)?;
        let store = LocalFileSystem::new_with_prefix(root)
            .map_err(store_failed("opening its folder"))?
            .with_fsync(true);
        Ok(Self {
            root: root.to_path_buf(),
            store: Arc::new(store),
            keyring: keyring.clone(),
        })
    }

    /// Stores bytes sealed; durable when it returns.
    pub async fn put_object(&self, bytes: &[u8]) -> Result<StoredObject, CatalogError> {
        let mut writer = self.begin_upload(bytes.len() as u64).await?;
        writer.write(bytes).await?;
        writer.finish().await
    }

    /// Begins an upload of at most `limit` bytes in pieces.
    pub async fn begin_upload(&self, limit: u64) -> Result<ObjectWriter, CatalogError> {
        let path = self.root.join(INCOMING).join(random_hex::<16>());
        let failed = folder_failed("beginning an upload");
        let mut file = tokio::fs::File::create_new(&path).await.map_err(&failed)?;
        let incoming = Incoming(Some(path));
        let salt: [u8; SALT_BYTES] = rand::random();
        file.write_all(MAGIC).await.map_err(&failed)?;
        file.write_all(&salt).await.map_err(&failed)?;
        Ok(ObjectWriter {
            objects: self.clone(),
            file,
            incoming,
            salt: hex::encode(salt),
            pending: Vec::new(),
            next_chunk: 0,
            hash: Sha256::new(),
            bytes: 0,
            limit,
        })
    }

    /// An object's plain bytes. Errors: `ObjectTooLarge` over `limit`, `ObjectDamaged`, `Object`.
    pub async fn read_object(&self, key: &str, limit: u64) -> Result<Vec<u8>, CatalogError> {
        let reading = || store_failed("reading an object");
        let found = self.store.get(&parse(key)?).await.map_err(reading())?;
        let bytes = plain_bytes(found.meta.size)?;
        if bytes > limit {
            return Err(CatalogError::ObjectTooLarge { bytes, limit });
        }
        let mut opening = Opening::new(&self.keyring, bytes);
        let mut pieces = found.into_stream();
        while let Some(piece) = pieces.next().await {
            opening.take(&piece.map_err(reading())?)?;
        }
        opening.end()
    }

    /// Stores a thumbnail of an image and returns its key.
    pub async fn put_thumbnail(
        &self,
        image_id: &str,
        bytes: Bytes,
    ) -> Result<String, CatalogError> {
        let random = random_hex::<8>();
        let key = format!("thumbs/{}/{image_id}-{random}", &random[..2]);
        self.store
            .put(&parse(&key)?, bytes.into())
            .await
            .map_err(store_failed("storing a thumbnail"))?;
        Ok(key)
    }

    /// A thumbnail; none if it is gone.
    pub async fn read_thumbnail(&self, key: &str) -> Result<Option<Bytes>, CatalogError> {
        let reading = || store_failed("reading a thumbnail");
        match self.store.get(&parse(key)?).await {
            Ok(found) => found.bytes().await.map(Some).map_err(reading()),
            Err(StoreError::NotFound { .. }) => Ok(None),
            Err(source) => Err(reading()(source)),
        }
    }

    /// Deletes an object or a thumbnail; nothing happens where it is gone.
    pub async fn delete(&self, key: &str) -> Result<(), CatalogError> {
        let key = parse(key)?;
        match self.store.delete(&key).await {
            Ok(()) => {}
            Err(StoreError::NotFound { .. }) => return Ok(()),
            Err(source) => return Err(store_failed("deleting an object")(source)),
        }
        // The name must not come back after a power loss.
        let path = self
            .store
            .path_to_filesystem(&key)
            .map_err(store_failed("deleting an object"))?;
        match path.parent() {
            Some(folder) => sync_folder(folder).await,
            None => Ok(()),
        }
    }

    /// All keys under `objects` and `thumbs`, for the sweep of orphans.
    pub async fn keys(&self) -> Result<Vec<String>, CatalogError> {
        let mut keys = Vec::new();
        for folder in ["objects", "thumbs"] {
            let mut listed = self.store.list(Some(&Key::from(folder)));
            while let Some(found) = listed.next().await {
                let found = found.map_err(store_failed("listing objects"))?;
                keys.push(found.location.to_string());
            }
        }
        keys.sort();
        Ok(keys)
    }

    /// Gives a finished file its name, durably.
    async fn settle(&self, incoming: &mut Incoming, key: &str) -> Result<(), CatalogError> {
        let failed = folder_failed("ending an upload");
        let target = self.root.join(key);
        let folder = target.parent().unwrap_or(&self.root);
        tokio::fs::create_dir_all(folder).await.map_err(&failed)?;
        if let Some(path) = &incoming.0 {
            tokio::fs::rename(path, &target).await.map_err(&failed)?;
        }
        incoming.0 = None;
        for folder in folder
            .ancestors()
            .take_while(|folder| folder.starts_with(&self.root))
        {
            sync_folder(folder).await?;
        }
        Ok(())
    }
}

impl ObjectWriter {
    /// Adds bytes. Errors: `ObjectTooLarge`.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), CatalogError> {
        let total = self.bytes.saturating_add(bytes.len() as u64);
        if total > self.limit {
            return Err(CatalogError::ObjectTooLarge {
                bytes: total,
                limit: self.limit,
            });
        }
        self.bytes = total;
        self.hash.update(bytes);
        let mut rest = bytes;
        while !rest.is_empty() {
            // A full chunk waits for the next byte, because the last one is sealed as such.
            if self.pending.len() == CHUNK_BYTES {
                self.seal_pending(false).await?;
            }
            let (now, later) = rest.split_at(rest.len().min(CHUNK_BYTES - self.pending.len()));
            self.pending.extend_from_slice(now);
            rest = later;
        }
        Ok(())
    }

    /// Ends the upload; durable when it returns.
    pub async fn finish(mut self) -> Result<StoredObject, CatalogError> {
        self.seal_pending(true).await?;
        let failed = folder_failed("ending an upload");
        self.file.flush().await.map_err(&failed)?;
        self.file.sync_all().await.map_err(&failed)?;
        let content_sha256: [u8; 32] = std::mem::take(&mut self.hash).finalize().into();
        let name = hex::encode(content_sha256);
        let key = format!("objects/{}/{name}", &name[..2]);
        self.objects.settle(&mut self.incoming, &key).await?;
        Ok(StoredObject {
            key,
            content_sha256,
            bytes: self.bytes,
        })
    }

    async fn seal_pending(&mut self, last: bool) -> Result<(), CatalogError> {
        let kind = chunk_kind(&self.salt, self.next_chunk, last);
        let sealed = self.objects.keyring.seal(&kind, &self.pending);
        self.pending.clear();
        self.next_chunk += 1;
        self.file
            .write_all(&sealed)
            .await
            .map_err(folder_failed("writing an upload"))
    }
}

/// An object as it is unsealed, chunk by chunk.
struct Opening<'a> {
    keyring: &'a Keyring,
    salt: Option<String>,
    sealed: Vec<u8>,
    next_chunk: u64,
    plain: Vec<u8>,
}

impl<'a> Opening<'a> {
    fn new(keyring: &'a Keyring, bytes: u64) -> Self {
        let plain = Vec::with_capacity(usize::try_from(bytes).unwrap_or(0));
        Self {
            keyring,
            salt: None,
            sealed: Vec::new(),
            next_chunk: 0,
            plain,
        }
    }

    fn take(&mut self, piece: &[u8]) -> Result<(), CatalogError> {
        self.sealed.extend_from_slice(piece);
        if self.salt.is_none() && self.sealed.len() >= HEADER_BYTES {
            if !self.sealed.starts_with(MAGIC) {
                return Err(CatalogError::ObjectDamaged {
                    reason: "it is not a sealed object",
                });
            }
            self.salt = Some(hex::encode(&self.sealed[MAGIC.len()..HEADER_BYTES]));
            self.sealed.drain(..HEADER_BYTES);
        }
        // Strictly more than a chunk: the last one is opened at the end.
        while self.salt.is_some() && self.sealed.len() > CHUNK_BYTES + SEAL_BYTES {
            let later = self.sealed.split_off(CHUNK_BYTES + SEAL_BYTES);
            let chunk = std::mem::replace(&mut self.sealed, later);
            self.open(&chunk, false)?;
        }
        Ok(())
    }

    fn open(&mut self, chunk: &[u8], last: bool) -> Result<(), CatalogError> {
        let damaged = CatalogError::ObjectDamaged {
            reason: "it is damaged, cut short or sealed with another key",
        };
        let kind = chunk_kind(
            self.salt.as_deref().unwrap_or_default(),
            self.next_chunk,
            last,
        );
        let plain = self.keyring.open_sealed(&kind, chunk).ok_or(damaged)?;
        self.plain.extend_from_slice(&plain);
        self.next_chunk += 1;
        Ok(())
    }

    fn end(mut self) -> Result<Vec<u8>, CatalogError> {
        let last = std::mem::take(&mut self.sealed);
        self.open(&last, true)?;
        Ok(self.plain)
    }
}

fn chunk_kind(salt: &str, index: u64, last: bool) -> String {
    format!("object {salt} {index} {last}")
}

/// Plain bytes of a sealed object of this size.
fn plain_bytes(stored: u64) -> Result<u64, CatalogError> {
    let too_short = || CatalogError::ObjectDamaged {
        reason: "it is too short",
    };
    let chunks = stored
        .checked_sub(HEADER_BYTES as u64)
        .ok_or_else(too_short)?;
    let count = chunks.div_ceil((CHUNK_BYTES + SEAL_BYTES) as u64);
    chunks
        .checked_sub(count.max(1) * SEAL_BYTES as u64)
        .ok_or_else(too_short)
}

fn parse(key: &str) -> Result<Key, CatalogError> {
    Key::parse(key)
        .map_err(|source| store_failed("reading a key")(StoreError::InvalidPath { source }))
}

fn store_failed(action: &'static str) -> impl FnOnce(StoreError) -> CatalogError {
    move |source| CatalogError::Object { action, source }
}

fn folder_failed(action: &'static str) -> impl Fn(std::io::Error) -> CatalogError {
    move |source| CatalogError::ObjectFolder { action, source }
}

fn private_folder(path: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(path)
}

async fn sync_folder(folder: &Path) -> Result<(), CatalogError> {
    let failed = folder_failed("syncing a folder");
    let open = tokio::fs::File::open(folder).await.map_err(&failed)?;
    open.sync_all().await.map_err(&failed)
}

/// Removes what a killed process left. Younger files may be the uploads of a living one.
fn sweep_abandoned(incoming: &Path) -> std::io::Result<()> {
    let Some(before) = SystemTime::now().checked_sub(ABANDONED_AFTER) else {
        return Ok(());
    };
    for entry in std::fs::read_dir(incoming)? {
        let entry = entry?;
        if entry.metadata()?.modified()? < before {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}
