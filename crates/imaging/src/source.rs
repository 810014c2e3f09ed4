//! Where bytes come from, and how many of them are read.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{ImagingError, Limits};

/// A file in place, or bytes in memory.
#[derive(Clone, Deserialize, Serialize)]
pub enum Source {
    /// A file; it is read, never written.
    Path(PathBuf),
    /// Bytes that were handed over.
    Bytes {
        /// A name for people. It is never used to guess the format; one that ends in `.mrxs` is refused, though, as
        /// what it names is not whole without its folder.
        name: String,
        /// The content.
        bytes: Arc<[u8]>,
    },
}

impl fmt::Debug for Source {
    /// Paths and names may name a patient: neither is printed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(_) => f.write_str("Source::Path"),
            Self::Bytes { bytes, .. } => write!(f, "Source::Bytes({} bytes)", bytes.len()),
        }
    }
}

impl Source {
    /// Bytes in memory under a name for people.
    pub fn from_bytes(name: impl Into<String>, bytes: impl Into<Arc<[u8]>>) -> Self {
        Self::Bytes {
            name: name.into(),
            bytes: bytes.into(),
        }
    }

    /// The whole content.
    ///
    /// # Errors
    /// `ReadSource`, and `StayWithinLimit` for more than `max_bytes` (also when a file grows while read).
    pub(crate) fn read_all(&self, limits: &Limits) -> Result<Content, ImagingError> {
        match self {
            Self::Bytes { bytes, .. } => {
                Limits::check("bytes", bytes.len() as u64, limits.max_bytes)?;
                Ok(Content::Shared(Arc::clone(bytes)))
            }
            Self::Path(path) => {
                let (file, len) = open_file(path, limits)?;
                let mut content = Vec::with_capacity(usize::try_from(len).unwrap_or(0));
                let bound = limits.max_bytes.saturating_add(1);
                file.take(bound)
                    .read_to_end(&mut content)
                    .map_err(read_error)?;
                Limits::check("bytes", content.len() as u64, limits.max_bytes)?;
                Ok(Content::Owned(content))
            }
        }
    }

    /// At most the first `len` bytes.
    ///
    /// # Errors
    /// As [`Self::read_all`].
    pub(crate) fn read_start(&self, len: usize, limits: &Limits) -> Result<Content, ImagingError> {
        match self {
            Self::Bytes { .. } => self.read_all(limits),
            Self::Path(path) => {
                let (file, file_len) = open_file(path, limits)?;
                let expected = usize::try_from(file_len).unwrap_or(len).min(len);
                let mut content = Vec::with_capacity(expected);
                file.take(len as u64)
                    .read_to_end(&mut content)
                    .map_err(read_error)?;
                Ok(Content::Owned(content))
            }
        }
    }
}

impl Source {
    /// How long it is; 0 for a file that cannot be asked.
    pub(crate) fn byte_count(&self) -> u64 {
        match self {
            Self::Bytes { bytes, .. } => bytes.len() as u64,
            Self::Path(path) => std::fs::metadata(path).map_or(0, |meta| meta.len()),
        }
    }

    /// At most the first `len` bytes, however long the source is: for files that are read in place.
    ///
    /// # Errors
    /// `ReadSource`.
    pub(crate) fn read_first(&self, len: usize) -> Result<Content, ImagingError> {
        match self {
            Self::Bytes { bytes, .. } => Ok(Content::Owned(bytes[..len.min(bytes.len())].to_vec())),
            Self::Path(_) => {
                let unbounded = Limits {
                    max_bytes: u64::MAX,
                    ..Limits::default()
                };
                self.read_start(len, &unbounded)
            }
        }
    }
}

/// Bytes that were read, without a copy where they were in memory already.
pub(crate) enum Content {
    Shared(Arc<[u8]>),
    Owned(Vec<u8>),
}

impl Deref for Content {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Shared(bytes) => bytes,
            Self::Owned(bytes) => bytes,
        }
    }
}

/// Opens a regular file and says how long it is. Its kind is asked before it is opened: opening a pipe waits
/// for a writer.
fn open_file(path: &Path, limits: &Limits) -> Result<(File, u64), ImagingError> {
    let meta = std::fs::metadata(path).map_err(read_error)?;
    if !meta.is_file() {
        return Err(ImagingError::ReadSource {
            reason: "not a regular file".to_owned(),
        });
    }
    Limits::check("bytes", meta.len(), limits.max_bytes)?;
    Ok((File::open(path).map_err(read_error)?, meta.len()))
}

fn read_error(error: std::io::Error) -> ImagingError {
    ImagingError::ReadSource {
        reason: error.kind().to_string(),
    }
}
