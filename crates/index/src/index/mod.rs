//! The search index of one generation: columns, graphs and text, kept in step. A projection: it can be made again
//! from the catalog and the vector log at any time. One writer at a time; searches go on beside it.

mod asking;
mod building;
mod facets;
mod growth;
mod measuring;
mod settings;

use std::fmt;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use parking_lot::{RwLock, RwLockReadGuard, RwLockWriteGuard};
use roaring::{RoaringBitmap, RoaringTreemap};

use crate::durable;
use crate::graph::Graph;
use crate::rows::Columns;
use crate::select::{Excluded, select};
use crate::snapshot::{self, Manifest};
use crate::words::{TextIndex, text_hash};
use crate::{CaseEntry, Facet, Filter, IndexError, IndexStats, Stamp, VectorLog};
use growth::Builder;
pub use settings::{IndexSettings, VectorCode};

const MAX_CASES: usize = 10_000;
const TEXT_DIR: &str = "text";

/// The search index of one generation. Clones share it.
#[derive(Clone)]
pub struct Index {
    inner: Arc<Open>,
}

/// The index as those hold it who search and write. The builder holds [`Inner`] alone, so that the last of them who lets go
/// ends the builder first: then the folder can be opened again at once.
struct Open(Arc<Inner>);

impl std::ops::Deref for Open {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.builder.stop();
    }
}

struct Inner {
    dir: PathBuf,
    stamp: Stamp,
    log: Arc<VectorLog>,
    settings: IndexSettings,
    /// A lock that is fair: one after the other, searches would keep the standard library's from whoever applies.
    columns: RwLock<Columns>,
    text: TextIndex,
    applied: AtomicU64,
    /// Deleted text may still lie in files.
    unpurged: AtomicBool,
    /// Something was applied since the last flush.
    changed: AtomicBool,
    /// What is durable; held by whoever writes.
    writing: Mutex<Manifest>,
    builder: Builder,
    _lock: File,
}

impl Index {
    /// Opens the folder (made if missing) at its last durable state.
    ///
    /// # Errors
    /// [`IndexError::StampMismatch`], [`IndexError::FormatVersion`], [`IndexError::Damaged`] (each says what to run),
    /// [`IndexError::Busy`], [`IndexError::File`].
    pub fn open(
        dir: &Path,
        stamp: &Stamp,
        log: Arc<VectorLog>,
        settings: IndexSettings,
    ) -> Result<Self, IndexError> {
        if log.stamp() != stamp {
            let (held, wanted) = (Box::new(log.stamp().clone()), Box::new(stamp.clone()));
            return Err(IndexError::StampMismatch {
                what: "vector log",
                held,
                wanted,
            });
        }
        std::fs::create_dir_all(dir).map_err(|source| IndexError::File {
            action: "create",
            path: dir.to_owned(),
            source,
        })?;
        let lock = lock(dir)?;
        let settings = settings.bounded();
        let manifest = match Manifest::read(dir, stamp)? {
            Some(manifest) => manifest,
            None => {
                let manifest = Manifest::empty(stamp);
                manifest.publish(dir)?;
                manifest
            }
        };
        manifest.sweep(dir)?;
        let durable_text = manifest.text(dir)?;
        let (text, columns) = rayon::join(
            || TextIndex::open(&dir.join(TEXT_DIR), durable_text.as_ref()),
            || manifest.load(dir, &settings),
        );
        let (text, columns) = (text?, columns?);
        let inner = Inner {
            dir: dir.to_owned(),
            stamp: stamp.clone(),
            log,
            settings,
            columns: RwLock::new(columns),
            text,
            applied: AtomicU64::new(manifest.seq),
            unpurged: AtomicBool::new(false),
            changed: AtomicBool::new(false),
            _lock: lock,
            writing: Mutex::new(manifest),
            builder: Builder::default(),
        };
        let index = Self {
            inner: Arc::new(Open(Arc::new(inner))),
        };
        index.inner.add_signs();
        growth::start(&index.inner.0)?;
        growth::release_memory();
        Ok(index)
    }

    /// The last sequence number applied; right after opening, the durable one.
    pub fn applied(&self) -> u64 {
        self.inner.applied.load(Ordering::Acquire)
    }

    /// The stamp of the vectors that are searched.
    pub fn stamp(&self) -> &Stamp {
        &self.inner.stamp
    }

    /// Makes the index hold exactly these entries of their cases, and nothing of `gone` (which wins over an entry;
    /// of two entries of a case the later one counts). Visible on return; idempotent; durable
    /// after [`Index::flush`]. Where it fails, apply the same again.
    ///
    /// # Errors
    /// [`IndexError::KeyRange`] (nothing is applied then), [`IndexError::Text`], [`IndexError::Graph`].
    pub fn apply(&self, entries: &[CaseEntry], gone: &[u64], seq: u64) -> Result<(), IndexError> {
        let _writing = self.inner.lock_writing();
        self.inner.changed.store(true, Ordering::Release);
        self.inner.apply(entries, gone)?;
        self.inner.applied.fetch_max(seq, Ordering::AcqRel);
        self.inner.add_signs();
        growth::start(&self.inner.0)
    }

    /// Waits until no graph is due or being built. Searching is right at any time; afterwards it is fast.
    pub fn settle(&self) {
        self.inner.builder.settle();
    }

    /// Makes everything up to [`Index::applied`] durable and what was deleted physically gone from the folder.
    ///
    /// # Errors
    /// [`IndexError::File`], [`IndexError::Text`], [`IndexError::Graph`]; the former durable state then stands.
    pub fn flush(&self) -> Result<(), IndexError> {
        let mut writing = self.inner.lock_writing();
        let inner = &self.inner;
        if !inner.changed.load(Ordering::Acquire) && writing.seq == self.applied() {
            return Ok(());
        }
        if inner.unpurged.load(Ordering::Acquire) {
            inner.text.purge()?;
            inner.unpurged.store(false, Ordering::Release);
        }
        inner.clean_graphs(&writing)?;
        let text = inner.text.sync()?;
        let manifest = writing.save(&inner.dir, &inner.read_columns(), &text, self.applied())?;
        manifest.publish(&inner.dir)?;
        *writing = manifest;
        for segment in &mut inner.write_columns().segments {
            segment.rows_dirty = false;
        }
        inner.text.settle(&text)?;
        inner.changed.store(false, Ordering::Release);
        Ok(())
    }

    /// Number of cases that pass.
    ///
    /// # Errors
    /// Those of filters.
    pub fn count(&self, filter: &Filter) -> Result<u64, IndexError> {
        Ok(
            select(&self.inner.read_columns(), filter, &Excluded::default())?
                .cases()
                .len(),
        )
    }

    /// Cases that pass (of those given, or all), in order of their numbers.
    ///
    /// # Errors
    /// Those of filters.
    pub fn cases(&self, filter: &Filter, among: Option<&[u64]>) -> Result<Vec<u64>, IndexError> {
        let columns = self.inner.read_columns();
        let selection = select(&columns, filter, &Excluded::default())?;
        let among: Option<RoaringTreemap> = among.map(|among| among.iter().copied().collect());
        let case_no = |at: u32| columns.cases[at as usize].as_ref().map(|case| case.case_no);
        let wanted = |case_no: &u64| among.as_ref().is_none_or(|among| among.contains(*case_no));
        let mut cases: Vec<u64> = selection
            .cases()
            .iter()
            .filter_map(case_no)
            .filter(wanted)
            .collect();
        cases.sort_unstable();
        Ok(cases)
    }

    /// Counts of every field's values over the cases that pass, or those of `among` that do.
    ///
    /// # Errors
    /// Those of filters.
    pub fn facets(&self, filter: &Filter, among: Option<&[u64]>) -> Result<Vec<Facet>, IndexError> {
        let columns = self.inner.read_columns();
        let selection = select(&columns, filter, &Excluded::default())?;
        Ok(facets::facets(&columns, &selection, among))
    }

    /// Cases that are held.
    pub fn case_count(&self) -> u64 {
        self.inner.read_columns().by_no.len() as u64
    }

    /// Views that are held.
    pub fn view_count(&self) -> u64 {
        self.inner.read_columns().views() as u64
    }

    /// What is held, with the size of the folder.
    pub fn stats(&self) -> IndexStats {
        let columns = self.inner.read_columns();
        let views = columns.views() as u64;
        let graphs = columns.segments.iter().filter_map(|it| it.graph.as_ref());
        let largest = graphs
            .map(|graph| graph.layout())
            .max_by_key(|layout| layout.nodes);
        IndexStats {
            candidates: largest.map_or(0, |layout| layout.candidates() as u64),
            recall_permille: largest.map_or(0, |layout| layout.recall_permille),
            cases: columns.by_no.len() as u64,
            views,
            vectors: views,
            graphed: columns
                .segments
                .iter()
                .filter(|segment| segment.graph.is_some())
                .map(|segment| segment.live.len())
                .sum(),
            segments: columns
                .segments
                .iter()
                .filter(|segment| !segment.rows.is_empty())
                .count() as u64,
            bytes: bytes_in(&self.inner.dir),
        }
    }
}

impl fmt::Debug for Index {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Index")
            .field("dir", &self.inner.dir)
            .field("applied", &self.applied())
            .finish_non_exhaustive()
    }
}

impl Inner {
    fn apply(&self, entries: &[CaseEntry], gone: &[u64]) -> Result<(), IndexError> {
        let leaving: RoaringTreemap = gone.iter().copied().collect();
        let mut seen = RoaringTreemap::new();
        let mut staying: Vec<(&CaseEntry, u64)> = Vec::with_capacity(entries.len());
        for entry in entries.iter().rev() {
            for view in &entry.views {
                crate::view_key(entry.case_no, view.view_no)?;
            }
            crate::view_key(entry.case_no, 0)?;
            if !leaving.contains(entry.case_no) && seen.insert(entry.case_no) {
                staying.push((entry, text_hash(entry)));
            }
        }
        staying.reverse();
        let rewritten: Vec<&CaseEntry> = {
            let columns = self.read_columns();
            let changed = |(entry, hash): &&(&CaseEntry, u64)| {
                columns
                    .case(entry.case_no)
                    .is_none_or(|case| case.text_hash != *hash)
            };
            staying
                .iter()
                .filter(changed)
                .map(|(entry, _)| *entry)
                .collect()
        };
        if !rewritten.is_empty() || !gone.is_empty() {
            self.unpurged.store(true, Ordering::Release);
            self.text.apply(&rewritten, gone)?;
        }
        let mut columns = self.write_columns();
        for case_no in gone {
            columns.remove(*case_no);
        }
        for (entry, hash) in staying {
            columns.put(entry, hash, self.settings.segment_vectors)?;
        }
        Ok(())
    }

    /// Writes graphs again in which something died: nothing of it stays in their files.
    fn clean_graphs(&self, writing: &Manifest) -> Result<(), IndexError> {
        let dirty: Vec<(usize, Arc<Graph>, RoaringBitmap)> = {
            let columns = self.read_columns();
            let segments = columns.segments.iter().enumerate();
            segments
                .filter(|(_, segment)| segment.graph_dirty)
                .filter_map(|(number, segment)| {
                    Some((
                        number,
                        Arc::clone(segment.graph.as_ref()?),
                        segment.live.clone(),
                    ))
                })
                .collect()
        };
        for (number, graph, live) in dirty {
            let name = self.graph_name(number as u32, writing);
            let bytes = graph.cleaned(|slot| live.contains(slot));
            let file = durable::write_file(&self.dir, name, &bytes)?;
            drop(bytes);
            let map = snapshot::map_file(&self.dir, &file)?;
            let graph = Graph::open(map, &self.settings, self.stamp.dimension)?;
            let segment = &mut self.write_columns().segments[number];
            (segment.graph, segment.graph_file) = (Some(Arc::new(graph)), Some(file));
            segment.graph_dirty = false;
        }
        Ok(())
    }

    fn read_columns(&self) -> RwLockReadGuard<'_, Columns> {
        self.columns.read()
    }

    fn write_columns(&self) -> RwLockWriteGuard<'_, Columns> {
        self.columns.write()
    }

    fn lock_writing(&self) -> MutexGuard<'_, Manifest> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Held as long as the index is open.
fn lock(dir: &Path) -> Result<File, IndexError> {
    let path = dir.join("writer.lock");
    let failed = |source| IndexError::File {
        action: "open",
        path: path.clone(),
        source,
    };
    let lock = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(failed)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(IndexError::Busy {
            path: dir.to_owned(),
        }),
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}

fn bytes_in(dir: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(dir) else {
        return 0;
    };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => bytes_in(&entry.path()),
            Ok(metadata) => metadata.len(),
            Err(_) => 0,
        })
        .sum()
}
