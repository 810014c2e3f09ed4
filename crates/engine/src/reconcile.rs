//! What a start puts right: deletions that a crash interrupted, objects that nothing names, vectors that no row
//! names, an index that is behind.

use std::collections::HashSet;
use std::sync::Arc;

use casekin_catalog::{CaseNo, CatalogError, Deleted};

use crate::convert::{to_catalog_stamp, to_index_location};
use crate::error::EngineError;
use crate::library::Inner;
use crate::projection;

/// Name under which this process's own worker leases jobs.
pub(crate) const LOCAL_WORKER: &str = "local";

pub(crate) async fn at_start(inner: &Arc<Inner>) -> Result<(), EngineError> {
    // The library's lock is ours: whoever held these leases is dead.
    inner.catalog.release_worker(LOCAL_WORKER).await?;
    for deleted in inner.catalog.pending_deletions().await? {
        erase(inner, &deleted).await?;
    }
    projection::catch_up(inner).await?;
    erase_unnamed_vectors(inner).await?;
    remove_left_stamps(inner).await
}

/// A crash right after a change of model leaves the old model's vectors, which nothing names. Those of a re-encoding
/// that has begun are kept: it will go on with them.
async fn remove_left_stamps(inner: &Arc<Inner>) -> Result<(), EngineError> {
    let serving = inner.serving();
    for stamp in serving.log.stamps()? {
        if stamp == serving.stamp {
            continue;
        }
        let begun = match inner
            .catalog
            .reencode_progress(&to_catalog_stamp(&stamp))
            .await
        {
            Ok(progress) => progress.done > 0,
            Err(CatalogError::UnknownModel { .. }) => false,
            Err(error) => return Err(error.into()),
        };
        if !begun {
            let log = Arc::clone(&serving.log);
            tokio::task::spawn_blocking(move || log.remove_stamp(&stamp)).await??;
        }
    }
    Ok(())
}

/// Takes away everything that a deleted case left outside the catalog, then tells the catalog that it is gone.
pub(crate) async fn erase(inner: &Arc<Inner>, deleted: &Deleted) -> Result<(), EngineError> {
    projection::catch_up(inner).await?;
    projection::flush(inner).await?;
    let log = Arc::clone(&inner.serving().log);
    let locations: Vec<_> = deleted
        .vectors
        .iter()
        .map(|vector| to_index_location(vector.location))
        .collect();
    tokio::task::spawn_blocking(move || log.erase_all(&locations)).await??;
    for key in deleted.objects.iter().chain(&deleted.thumbnails) {
        inner.objects.delete(key).await?;
    }
    inner.catalog.finish_deletion(deleted.case_no).await?;
    Ok(())
}

/// A crash between the vector log and the catalog leaves vectors that no row names; they must not outlive a deletion.
async fn erase_unnamed_vectors(inner: &Arc<Inner>) -> Result<(), EngineError> {
    let log = Arc::clone(&inner.serving().log);
    let records = tokio::task::spawn_blocking({
        let (log, stamp) = (Arc::clone(&log), inner.serving().stamp.clone());
        move || log.records(&stamp)
    })
    .await??;
    if records.len() as u64 == inner.catalog.vector_count().await? {
        return Ok(());
    }
    let mut named = HashSet::new();
    let mut cases: Vec<u64> = records.iter().map(|record| record.key >> 24).collect();
    cases.sort_unstable();
    cases.dedup();
    for chunk in cases.chunks(256) {
        let chunk: Vec<CaseNo> = chunk.iter().map(|case_no| CaseNo(*case_no)).collect();
        for entry in inner.catalog.case_entries(&chunk).await? {
            named.extend(
                entry
                    .views
                    .iter()
                    .map(|view| (view.location.segment, view.location.offset)),
            );
        }
    }
    let unnamed: Vec<_> = records
        .iter()
        .map(|record| record.location)
        .filter(|at| !named.contains(&(at.segment, at.offset)))
        .collect();
    tracing::info!(
        vectors = unnamed.len(),
        "erasing vectors that a crash left without a row"
    );
    tokio::task::spawn_blocking(move || log.erase_all(&unnamed)).await??;
    Ok(())
}
