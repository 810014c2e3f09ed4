//! The index follows the catalog: it remembers the last sequence number it applied and replays the rest. It can be
//! built anew at any time from the catalog and the vector log; nothing is encoded again.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::Duration;

use casekin_index::{Index, IndexError, IndexSettings, Stamp, VectorLog};
use serde::{Deserialize, Serialize};

use crate::convert::case_entry;
use crate::error::EngineError;
use crate::library::{Inner, Serving};

const CASES_AT_ONCE: u32 = 256;
const FLUSH_AFTER: Duration = Duration::from_secs(2);

/// Names the generation that is served. Replaced atomically, so that a crash leaves the old or the new one.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Current {
    stamp: Stamp,
    folder: String,
}

fn index_dir(data_dir: &Path) -> PathBuf {
    data_dir.join("index")
}

fn read_current(data_dir: &Path) -> Option<Current> {
    serde_json::from_slice(&std::fs::read(index_dir(data_dir).join("CURRENT")).ok()?).ok()
}

fn write_current(data_dir: &Path, current: &Current) -> Result<(), EngineError> {
    let dir = index_dir(data_dir);
    let write = || -> std::io::Result<()> {
        let partial = dir.join("CURRENT.partial");
        std::fs::write(&partial, serde_json::to_vec(current)?)?;
        std::fs::File::open(&partial)?.sync_all()?;
        std::fs::rename(&partial, dir.join("CURRENT"))?;
        std::fs::File::open(&dir)?.sync_all()
    };
    write().map_err(|source| EngineError::io("name the index that is served", source))
}

/// Opens the served index of `stamp`, or begins an empty one where there is none that can be used.
pub(crate) fn open_current(
    data_dir: &Path,
    stamp: &Stamp,
    log: &Arc<VectorLog>,
    settings: &IndexSettings,
) -> Result<Index, EngineError> {
    if let Some(current) = read_current(data_dir).filter(|current| current.stamp == *stamp) {
        match Index::open(
            &index_dir(data_dir).join(&current.folder),
            stamp,
            Arc::clone(log),
            settings.clone(),
        ) {
            Ok(index) => return Ok(index),
            Err(
                error @ (IndexError::Damaged { .. }
                | IndexError::FormatVersion { .. }
                | IndexError::StampMismatch { .. }),
            ) => {
                tracing::warn!(%error, "the search index cannot be used; building it anew from the catalog");
            }
            Err(error) => return Err(error.into()),
        }
    }
    let (folder, index) = begin(data_dir, stamp, log, settings)?;
    write_current(
        data_dir,
        &Current {
            stamp: stamp.clone(),
            folder,
        },
    )?;
    sweep(data_dir);
    Ok(index)
}

/// Begins an empty generation beside the served one.
fn begin(
    data_dir: &Path,
    stamp: &Stamp,
    log: &Arc<VectorLog>,
    settings: &IndexSettings,
) -> Result<(String, Index), EngineError> {
    let dir = index_dir(data_dir);
    std::fs::create_dir_all(&dir)
        .map_err(|source| EngineError::io("make the index folder", source))?;
    let folder = uuid::Uuid::now_v7().simple().to_string();
    let index = Index::open(&dir.join(&folder), stamp, Arc::clone(log), settings.clone())?;
    Ok((folder, index))
}

/// Removes generations that are not served: old ones, and those that a crash left unfinished.
fn sweep(data_dir: &Path) {
    let served = read_current(data_dir).map(|current| current.folder);
    let Ok(entries) = std::fs::read_dir(index_dir(data_dir)) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.path().is_dir() && Some(&name) != served.as_ref() {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

/// Builds the index of what is served anew, then serves it. Searches go on with the old one meanwhile.
pub(crate) async fn rebuild(inner: &Arc<Inner>) -> Result<u64, EngineError> {
    let old = inner.serving();
    let (stamp, log) = (old.stamp.clone(), Arc::clone(&old.log));
    let (folder, index) = begin(&inner.data_dir, &stamp, &log, &inner.config.index)?;
    replay(inner, &index).await?;
    let _applying = inner.applying.lock().await;
    replay(inner, &index).await?;
    flush_index(&index).await?;
    let applied = index.applied();
    write_current(
        &inner.data_dir,
        &Current {
            stamp: stamp.clone(),
            folder,
        },
    )?;
    inner.serve(Serving {
        stamp,
        model: old.model.clone(),
        log,
        index,
        encoder: Arc::clone(&old.encoder),
    });
    drop(old);
    sweep(&inner.data_dir);
    Ok(applied)
}

/// Applies everything the served index has not seen yet.
pub(crate) async fn catch_up(inner: &Arc<Inner>) -> Result<u64, EngineError> {
    let _applying = inner.applying.lock().await;
    let index = inner.serving().index.clone();
    replay(inner, &index).await?;
    Ok(index.applied())
}

async fn replay(inner: &Arc<Inner>, index: &Index) -> Result<(), EngineError> {
    loop {
        let changes = inner
            .catalog
            .changes_since(index.applied(), CASES_AT_ONCE)
            .await?;
        let Some(last) = changes.iter().map(|change| change.seq).max() else {
            return Ok(());
        };
        let cases: Vec<_> = changes.iter().map(|change| change.case_no).collect();
        let entries = inner.catalog.case_entries(&cases).await?;
        let index = index.clone();
        tokio::task::spawn_blocking(move || {
            let entries: Vec<_> = entries.iter().map(case_entry).collect();
            let gone: Vec<u64> = cases
                .iter()
                .map(|case| case.0)
                .filter(|case_no| !entries.iter().any(|entry| entry.case_no == *case_no))
                .collect();
            index.apply(&entries, &gone, last)
        })
        .await??;
    }
}

/// Makes what the served index holds durable.
pub(crate) async fn flush(inner: &Arc<Inner>) -> Result<(), EngineError> {
    flush_index(&inner.serving().index).await
}

async fn flush_index(index: &Index) -> Result<(), EngineError> {
    let index = index.clone();
    tokio::task::spawn_blocking(move || index.flush()).await??;
    Ok(())
}

/// Keeps the index behind the catalog for as long as the library is open.
pub(crate) fn spawn(inner: &Arc<Inner>) {
    let weak: Weak<Inner> = Arc::downgrade(inner);
    let changed = Arc::clone(&inner.changed);
    tokio::spawn(async move {
        let mut unflushed = false;
        loop {
            let woken = tokio::time::timeout(FLUSH_AFTER, changed.notified())
                .await
                .is_ok();
            let Some(inner) = weak.upgrade() else { return };
            let outcome = if woken {
                unflushed = true;
                catch_up(&inner).await.map(|_| ())
            } else if unflushed {
                unflushed = false;
                flush(&inner).await
            } else {
                Ok(())
            };
            if let Err(error) = outcome {
                tracing::error!(%error, "the search index could not follow the catalog");
                tokio::time::sleep(FLUSH_AFTER).await;
            }
        }
    });
}
