//! A library opened by this process: the leaves, put together, and what is being served now.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use casekin_catalog::{Catalog, CatalogOptions, Keyring, LeasedJob, Objects};
use casekin_imaging::Decoders;
use casekin_index::{Index, Stamp, VectorLog};
use tokio::sync::{Notify, RwLock as AsyncRwLock};

use crate::config::EngineConfig;
use crate::encoding::EncoderSlot;
use crate::error::EngineError;
use crate::ingest::Batches;
use crate::lock::LibraryLock;
use crate::query_pictures::QueryPictures;
use crate::reencode::ReencodeState;
use crate::{models, projection, reconcile};

/// An open library. Cheap to clone; the lock is released when the last clone goes.
#[derive(Clone)]
pub struct Library {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) data_dir: PathBuf,
    pub(crate) config: EngineConfig,
    pub(crate) decoding: Decoders,
    pub(crate) catalog: Catalog,
    pub(crate) objects: Objects,
    pub(crate) serving: RwLock<Arc<Serving>>,
    pub(crate) query_pictures: QueryPictures,
    pub(crate) batches: Batches,
    pub(crate) calibrations: crate::judgement::Calibrations,
    pub(crate) planning: crate::volumes::Planning,
    /// Woken when the catalog has changed and the index should follow.
    pub(crate) changed: Arc<Notify>,
    /// Woken when there may be jobs.
    pub(crate) jobs: Notify,
    pub(crate) applying: tokio::sync::Mutex<()>,
    /// Held to read by whoever adds vectors of the active model, to write by whoever changes the model.
    pub(crate) model_change: AsyncRwLock<()>,
    /// Held to read from an object's writing to its admission, to write while a deletion takes objects away: bytes
    /// that come again while their case is being deleted must not go with it.
    pub(crate) object_change: AsyncRwLock<()>,
    pub(crate) reencode: Mutex<ReencodeState>,
    /// Jobs leased to workers on other machines, by job.
    pub(crate) remote_leases: Mutex<HashMap<u64, LeasedJob>>,
    pub(crate) tiles: crate::pictures::RenderedFrames,
    pub(crate) prints: crate::search::Prints,
    pub(crate) slides: crate::open_slides::OpenSlides,
    _lock: LibraryLock,
}

/// What answers questions now; swapped as one when the model or the index changes.
pub(crate) struct Serving {
    pub(crate) stamp: Stamp,
    pub(crate) model: casekin_catalog::ModelRecord,
    pub(crate) log: Arc<VectorLog>,
    pub(crate) index: Index,
    pub(crate) encoder: Arc<EncoderSlot>,
}

impl Library {
    /// Opens the library in `data_dir`, making it where there is none, and brings its index up to date. Pictures are
    /// read by `decoding`.
    ///
    /// # Errors
    /// [`EngineError::LibraryInUse`] when another process has it; any error of the leaves.
    pub async fn open(
        data_dir: &Path,
        config: EngineConfig,
        decoding: Decoders,
    ) -> Result<Self, EngineError> {
        make_private_dir(data_dir)?;
        let lock = LibraryLock::take(data_dir)?;
        let key_file = config
            .deidentify
            .key_file
            .clone()
            .unwrap_or_else(|| data_dir.join("keys").join("library.key"));
        let keyring = Keyring::open(&key_file)?;
        let catalog = Catalog::open(&CatalogOptions::new(
            data_dir.join("catalog.sqlite"),
            keyring.clone(),
        ))
        .await?;
        let objects = Objects::open(&data_dir.join("objects"), &keyring)?;
        let (model, stamp) = models::active_or_demo(data_dir, &catalog, &config).await?;
        let log = Arc::new(VectorLog::open(&data_dir.join("vectors"), &stamp)?);
        let serving = open_serving(data_dir, &config, model, log)?;
        let library = Self {
            inner: Arc::new(Inner {
                data_dir: data_dir.to_path_buf(),
                config,
                decoding,
                catalog,
                objects,
                serving: RwLock::new(Arc::new(serving)),
                query_pictures: QueryPictures::default(),
                batches: Batches::default(),
                calibrations: crate::judgement::Calibrations::default(),
                planning: crate::volumes::Planning::default(),
                changed: Arc::new(Notify::new()),
                jobs: Notify::new(),
                applying: tokio::sync::Mutex::new(()),
                model_change: AsyncRwLock::new(()),
                object_change: AsyncRwLock::new(()),
                reencode: Mutex::new(ReencodeState::default()),
                remote_leases: Mutex::default(),
                tiles: crate::pictures::RenderedFrames::default(),
                prints: crate::search::Prints::default(),
                slides: crate::open_slides::OpenSlides::default(),
                _lock: lock,
            }),
        };
        reconcile::at_start(&library.inner).await?;
        projection::spawn(&library.inner);
        Ok(library)
    }

    /// Makes everything durable before the process ends. The library stays usable.
    ///
    /// # Errors
    /// Any error of the index.
    pub async fn flush(&self) -> Result<(), EngineError> {
        projection::catch_up(&self.inner).await?;
        projection::flush(&self.inner).await
    }

    /// Waits until the index has no graph to build: searching is right before, and fast afterwards.
    ///
    /// # Errors
    /// Where the waiting thread broke off.
    pub async fn settle_index(&self) -> Result<(), EngineError> {
        let serving = self.inner.serving();
        Ok(tokio::task::spawn_blocking(move || serving.index.settle()).await?)
    }

    /// Folder of the library.
    pub fn data_dir(&self) -> &Path {
        &self.inner.data_dir
    }

    /// Settings it was opened with.
    pub fn config(&self) -> &EngineConfig {
        &self.inner.config
    }
}

impl Inner {
    pub(crate) fn serving(&self) -> Arc<Serving> {
        Arc::clone(&self.serving.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn serve(&self, serving: Serving) {
        *self.serving.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(serving);
    }
}

/// Opens index and encoder over the vector log of one model. An index that is damaged, half-written or of another format is
/// left out and a new one begun, which the projection fills from the catalog and the log.
pub(crate) fn open_serving(
    data_dir: &Path,
    config: &EngineConfig,
    model: casekin_catalog::ModelRecord,
    log: Arc<VectorLog>,
) -> Result<Serving, EngineError> {
    let stamp = log.stamp().clone();
    let index = projection::open_current(data_dir, &stamp, &log, &config.index)?;
    let encoder = Arc::new(EncoderSlot::new(
        PathBuf::from(&model.dir),
        config.encoder.clone(),
        stamp.profile.clone(),
    ));
    Ok(Serving {
        stamp,
        model,
        log,
        index,
        encoder,
    })
}

fn make_private_dir(dir: &Path) -> Result<(), EngineError> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .map_err(|source| EngineError::io("make the data folder", source))
}
