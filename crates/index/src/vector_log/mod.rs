//! The vector log: append-only segment files of f16 vectors, the truth from which every index is made again.
//! Several stamps may live in one folder; each handle writes the segments of one. Acknowledged means fsynced.
//! Never: rewrites or moves a record (it only zeroes one that is erased), or touches another stamp's segments
//! unless asked to erase in or remove them.

mod segment;

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use half::f16;
use half::slice::HalfFloatSliceExt;

use crate::durable;
use crate::kernel;
use crate::{IndexError, Stamp, VectorLocation};
use segment::{Record, SegmentFile};

/// Longest vector that a log takes.
pub(crate) const MAX_DIMENSION: u32 = 16_384;
const SUFFIX: &str = "ckv";

/// A record of the log, as [`VectorLog::records`] lists them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogRecord {
    /// The key it was appended under.
    pub key: u64,
    /// Where it lies.
    pub location: VectorLocation,
}

/// Append-only, checksummed segment files of f16 vectors. One writing handle per stamp and folder (held by a lock
/// file until dropped); any number of threads may read and write through it.
#[derive(Debug)]
pub struct VectorLog {
    dir: PathBuf,
    stamp: Stamp,
    segments: RwLock<Arc<Segments>>,
    /// Number of the segment that grows; held while writing.
    active: Mutex<Option<u32>>,
    _lock: File,
}

type Segments = BTreeMap<u32, Arc<SegmentFile>>;

impl VectorLog {
    /// Opens the folder (made if missing) for vectors of this stamp. A torn tail of this stamp's last segment is
    /// cut off; segments of other stamps are left alone and stay readable.
    ///
    /// # Errors
    /// [`IndexError::Busy`] where another handle has this stamp open, [`IndexError::File`].
    pub fn open(dir: &Path, stamp: &Stamp) -> Result<Self, IndexError> {
        if stamp.dimension == 0 || stamp.dimension > MAX_DIMENSION {
            return Err(IndexError::Dimension {
                expected: MAX_DIMENSION,
                found: stamp.dimension as usize,
            });
        }
        fs::create_dir_all(dir).map_err(|source| file_error("create", dir, source))?;
        if let Some(parent) = dir.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            durable::sync_dir(parent)?;
        }
        let lock = lock_stamp(dir, stamp)?;
        let log = Self {
            dir: dir.to_owned(),
            stamp: stamp.clone(),
            segments: RwLock::new(Arc::new(BTreeMap::new())),
            active: Mutex::new(None),
            _lock: lock,
        };
        log.find_segments()?;
        log.remove_unfinished()?;
        let last = log
            .segments()
            .values()
            .rev()
            .find(|segment| segment.stamp == *stamp)
            .cloned();
        if let Some(segment) = last {
            segment.recover_tail()?;
            *log.lock_active() = Some(segment.number);
        }
        Ok(log)
    }

    /// The stamp of new vectors.
    pub fn stamp(&self) -> &Stamp {
        &self.stamp
    }

    /// Stamps that have segments here.
    ///
    /// # Errors
    /// [`IndexError::File`] where the folder cannot be read.
    pub fn stamps(&self) -> Result<Vec<Stamp>, IndexError> {
        self.find_segments()?;
        let mut stamps: Vec<Stamp> = Vec::new();
        for segment in self.segments().values() {
            if !stamps.contains(&segment.stamp) {
                stamps.push(segment.stamp.clone());
            }
        }
        Ok(stamps)
    }

    /// Appends a batch of (key, vector), normalised and rounded to f16; fsynced before it returns. Where it fails,
    /// what was written of the batch is unreferenced and may be found by [`VectorLog::records`].
    ///
    /// # Errors
    /// [`IndexError::Dimension`], [`IndexError::BadVector`] (nothing is written then), [`IndexError::File`].
    pub fn append(&self, batch: &[(u64, &[f32])]) -> Result<Vec<VectorLocation>, IndexError> {
        let rounded = batch
            .iter()
            .map(|(key, vector)| {
                Ok((
                    *key,
                    kernel::to_f16(&kernel::normalised(vector, self.stamp.dimension)?),
                ))
            })
            .collect::<Result<Vec<(u64, Vec<f16>)>, IndexError>>()?;
        let mut active = self.lock_active();
        let mut places = Vec::with_capacity(batch.len());
        let mut rest = &rounded[..];
        while !rest.is_empty() {
            let segment = self.growing_segment(&mut active)?;
            let (now, later) = rest.split_at(segment.room().min(rest.len()));
            places.extend(segment.append(now)?);
            rest = later;
        }
        Ok(places)
    }

    /// Reads a vector; its checksum is verified.
    ///
    /// # Errors
    /// [`IndexError::VectorMissing`], [`IndexError::VectorErased`], [`IndexError::VectorDamaged`].
    pub fn read(&self, at: &VectorLocation) -> Result<Vec<f32>, IndexError> {
        let segment = self.segment(at)?;
        match segment.record(at.offset) {
            Record::Whole { crc32, vector, .. } if crc32 == at.crc32 => {
                let mut unpacked = vec![0.0; vector.len()];
                vector.convert_to_f32_slice(&mut unpacked);
                Ok(unpacked)
            }
            _ => Err(segment.explain(at)),
        }
    }

    /// Dot product of a stored vector with a query of the stamp's dimension, without copying. The record's stored
    /// checksum is compared with the location's; its bytes are verified by [`VectorLog::read`] only.
    ///
    /// # Errors
    /// As [`VectorLog::read`].
    pub fn dot(&self, at: &VectorLocation, query: &[f32]) -> Result<f32, IndexError> {
        self.segment(at)?.dot(at, query)
    }

    /// Zeroes the record in place, fsynced before it returns. What is gone already, or another's, is left.
    ///
    /// # Errors
    /// [`IndexError::File`].
    pub fn erase(&self, at: &VectorLocation) -> Result<(), IndexError> {
        self.erase_all(std::slice::from_ref(at))
    }

    /// Erases many with one fsync per segment. Works on segments of other stamps too.
    ///
    /// # Errors
    /// [`IndexError::File`].
    pub fn erase_all(&self, places: &[VectorLocation]) -> Result<(), IndexError> {
        let _writing = self.lock_active();
        let mut touched: Segments = BTreeMap::new();
        for at in places {
            match self.segment(at) {
                Ok(segment) => {
                    if segment.erase(at)? {
                        touched.insert(segment.number, segment);
                    }
                }
                Err(IndexError::VectorMissing { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        touched.values().try_for_each(|segment| segment.sync())
    }

    /// Every whole record of a stamp: for finding those that the catalog does not know (a crash between append and
    /// commit leaves some), which are then erased.
    ///
    /// # Errors
    /// [`IndexError::File`] where the folder cannot be read.
    pub fn records(&self, stamp: &Stamp) -> Result<Vec<LogRecord>, IndexError> {
        self.find_segments()?;
        let mut records = Vec::new();
        for segment in self
            .segments()
            .values()
            .filter(|segment| segment.stamp == *stamp)
        {
            for offset in segment.offsets() {
                if let Record::Whole { key, crc32, .. } = segment.record(offset) {
                    records.push(LogRecord {
                        key,
                        location: VectorLocation {
                            segment: segment.number,
                            offset,
                            crc32,
                        },
                    });
                }
            }
        }
        Ok(records)
    }

    /// Deletes all segments of another stamp (the old model's, after a swap); returns the bytes freed.
    ///
    /// # Errors
    /// [`IndexError::StampInUse`] for the own stamp, [`IndexError::Busy`] where another handle has it open,
    /// [`IndexError::File`].
    pub fn remove_stamp(&self, stamp: &Stamp) -> Result<u64, IndexError> {
        if *stamp == self.stamp {
            return Err(IndexError::StampInUse);
        }
        let lock = lock_stamp(&self.dir, stamp)?;
        self.find_segments()?;
        let _writing = self.lock_active();
        let mut kept = Segments::clone(&self.segments());
        let mut freed_bytes = 0;
        for segment in self
            .segments()
            .values()
            .filter(|segment| segment.stamp == *stamp)
        {
            freed_bytes += fs::metadata(&segment.path).map_or(0, |metadata| metadata.len());
            fs::remove_file(&segment.path)
                .map_err(|source| file_error("remove", &segment.path, source))?;
            kept.remove(&segment.number);
        }
        self.publish(kept);
        let lock_path = lock_path(&self.dir, stamp);
        fs::remove_file(&lock_path).map_err(|source| file_error("remove", &lock_path, source))?;
        drop(lock);
        durable::sync_dir(&self.dir)?;
        Ok(freed_bytes)
    }

    /// The segments as they are now, for many reads without locking.
    pub(crate) fn view(&self) -> LogView<'_> {
        LogView {
            log: self,
            segments: self.segments(),
        }
    }

    fn segments(&self) -> Arc<Segments> {
        Arc::clone(&self.segments.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn publish(&self, segments: Segments) {
        *self
            .segments
            .write()
            .unwrap_or_else(PoisonError::into_inner) = Arc::new(segments);
    }

    fn lock_active(&self) -> MutexGuard<'_, Option<u32>> {
        self.active.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn segment(&self, at: &VectorLocation) -> Result<Arc<SegmentFile>, IndexError> {
        if let Some(segment) = self.segments().get(&at.segment) {
            return Ok(Arc::clone(segment));
        }
        self.find_segments()?;
        let missing = IndexError::VectorMissing {
            segment: at.segment,
            offset: at.offset,
        };
        self.segments().get(&at.segment).cloned().ok_or(missing)
    }

    /// Opens segment files that are not open yet. One with an unreadable header is left out with a warning.
    fn find_segments(&self) -> Result<(), IndexError> {
        let mut segments = Segments::clone(&self.segments());
        for number in segment_numbers(&self.dir)? {
            if segments.contains_key(&number) {
                continue;
            }
            match SegmentFile::open(&segment_path(&self.dir, number), number, &self.stamp) {
                Ok(segment) => drop(segments.insert(number, Arc::new(segment))),
                Err(error @ IndexError::SegmentHeader { .. }) => {
                    tracing::warn!(%error, "a segment is left out")
                }
                Err(error) => return Err(error),
            }
        }
        self.publish(segments);
        Ok(())
    }

    fn growing_segment(&self, active: &mut Option<u32>) -> Result<Arc<SegmentFile>, IndexError> {
        if let Some(segment) = active.and_then(|number| self.segments().get(&number).cloned())
            && segment.room() > 0
        {
            return Ok(segment);
        }
        let unfinished = self
            .dir
            .join(format!("next.{}.new", stamp_tag(&self.stamp)));
        durable::write_synced(&unfinished, &SegmentFile::header(&self.stamp)?)?;
        let mut number = segment_numbers(&self.dir)?
            .last()
            .map_or(1, |last| last + 1);
        // A hard link never replaces: another handle may take the same number for another stamp at this moment.
        while let Err(source) = fs::hard_link(&unfinished, segment_path(&self.dir, number)) {
            if source.kind() != std::io::ErrorKind::AlreadyExists {
                return Err(file_error(
                    "create",
                    &segment_path(&self.dir, number),
                    source,
                ));
            }
            number += 1;
        }
        fs::remove_file(&unfinished).map_err(|source| file_error("remove", &unfinished, source))?;
        durable::sync_dir(&self.dir)?;
        let segment = Arc::new(SegmentFile::open(
            &segment_path(&self.dir, number),
            number,
            &self.stamp,
        )?);
        let mut segments = Segments::clone(&self.segments());
        segments.insert(number, Arc::clone(&segment));
        self.publish(segments);
        *active = Some(number);
        Ok(segment)
    }

    fn remove_unfinished(&self) -> Result<(), IndexError> {
        let unfinished = self
            .dir
            .join(format!("next.{}.new", stamp_tag(&self.stamp)));
        match fs::remove_file(&unfinished) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                Err(file_error("remove", &unfinished, source))
            }
            _ => Ok(()),
        }
    }
}

/// The log at one moment.
pub(crate) struct LogView<'a> {
    log: &'a VectorLog,
    segments: Arc<Segments>,
}

impl LogView<'_> {
    pub(crate) fn dot(&self, at: &VectorLocation, query: &[f32]) -> Result<f32, IndexError> {
        match self.segments.get(&at.segment) {
            Some(segment) => segment.dot(at, query),
            None => self.log.dot(at, query),
        }
    }

    /// Begins to fetch a vector that is about to be read.
    pub(crate) fn prefetch(&self, at: &VectorLocation) {
        if let Some(segment) = self.segments.get(&at.segment) {
            segment.prefetch(at);
        }
    }
}

fn lock_stamp(dir: &Path, stamp: &Stamp) -> Result<File, IndexError> {
    let path = lock_path(dir, stamp);
    let failed = |source| file_error("open", &path, source);
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

fn stamp_tag(stamp: &Stamp) -> String {
    let body = serde_json::to_vec(stamp).expect("a stamp of strings and numbers serialises");
    format!("{:08x}", crc32fast::hash(&body))
}

fn lock_path(dir: &Path, stamp: &Stamp) -> PathBuf {
    dir.join(format!("writer.{}.lock", stamp_tag(stamp)))
}

fn segment_path(dir: &Path, number: u32) -> PathBuf {
    dir.join(format!("{number:08}.{SUFFIX}"))
}

/// Numbers of the segment files in a folder, ascending.
fn segment_numbers(dir: &Path) -> Result<Vec<u32>, IndexError> {
    let failed = |source| file_error("list", dir, source);
    let mut numbers = Vec::new();
    for entry in fs::read_dir(dir).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == SUFFIX)
            && let Some(number) = path
                .file_stem()
                .and_then(|stem| stem.to_str())
                .and_then(|stem| stem.parse().ok())
        {
            numbers.push(number);
        }
    }
    numbers.sort_unstable();
    Ok(numbers)
}

fn file_error(action: &'static str, path: &Path, source: std::io::Error) -> IndexError {
    IndexError::File {
        action,
        path: path.to_owned(),
        source,
    }
}
