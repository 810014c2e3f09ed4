//! The vector log.
use std::path::Path;

use crate::{IndexError, Stamp, VectorLocation};

/// A record of the log, as [`VectorLog::records`] lists them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogRecord {
    /// The key it was appended under.
    pub key: u64,
    /// Where it lies.
    pub location: VectorLocation,
}

/// Append-only, checksummed segment files of f16 vectors. One writer per stamp and folder (held by a lock file);
/// any number of readers in the process.
#[derive(Debug)]
pub struct VectorLog {}

impl VectorLog {
    /// Opens the folder (made if missing) for vectors of this stamp. Segments of other stamps stay readable.
    pub fn open(_dir: &Path, _stamp: &Stamp) -> Result<Self, IndexError> {
        Ok(Self {})
    }
    /// The stamp of new vectors.
    pub fn stamp(&self) -> &Stamp {
        unreachable!("skeleton")
    }
    /// Stamps that have segments here, the own one included.
    pub fn stamps(&self) -> Result<Vec<Stamp>, IndexError> {
        Ok(Vec::new())
    }
    /// Appends a batch; fsynced before it returns.
    pub fn append(&self, _batch: &[(u64, &[f32])]) -> Result<Vec<VectorLocation>, IndexError> {
        Ok(Vec::new())
    }
    /// Reads a vector; its checksum is verified.
    pub fn read(&self, _at: &VectorLocation) -> Result<Vec<f32>, IndexError> {
        Ok(Vec::new())
    }
    /// Dot product with a stored vector, without copying it.
    pub fn dot(&self, _at: &VectorLocation, _query: &[f32]) -> Result<f32, IndexError> {
        Ok(0.0)
    }
    /// Zeroes the record in place; fsynced. Idempotent.
    pub fn erase(&self, _at: &VectorLocation) -> Result<(), IndexError> {
        Ok(())
    }
    /// Erases many with one fsync per segment.
    pub fn erase_all(&self, _at: &[VectorLocation]) -> Result<(), IndexError> {
        Ok(())
    }
    /// Every whole record of the own stamp, for finding those that the catalog does not know (a crash between append and commit).
    pub fn records(&self) -> Result<Vec<LogRecord>, IndexError> {
        Ok(Vec::new())
    }
    /// Deletes all segments of another stamp; returns the bytes freed.
    pub fn remove_stamp(&self, _stamp: &Stamp) -> Result<u64, IndexError> {
        Ok(0)
    }
}
