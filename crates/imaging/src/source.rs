//! Where bytes come from, and how many of them are read.

use std::{fmt, fs::File, io::Read, path::PathBuf, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{ImagingError, Limits};

/// A file in place, or bytes in memory.
#[derive(Clone, Deserialize, Serialize)]
pub enum Source {
    /// A file; it is read, never written.
    Path(PathBuf),
    /// Bytes that were handed over.
    Bytes {
        /// A name for people. It is never used to guess the format.
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
    pub(crate) fn read_all(&self, limits: &Limits) -> Result<Arc<[u8]>, ImagingError> {
        let mut reader = match self {
            Self::Bytes { bytes, .. } => {
                Limits::check("bytes", bytes.len() as u64, limits.max_bytes)?;
                return Ok(Arc::clone(bytes));
            }
            Self::Path(_) => self.open_file(limits)?,
        };
        let len = reader.metadata().map(|meta| meta.len()).unwrap_or(0);
        let mut content = Vec::with_capacity(usize::try_from(len).unwrap_or(0));
        let bound = limits.max_bytes.saturating_add(1);
        Read::by_ref(&mut reader)
            .take(bound)
            .read_to_end(&mut content)
            .map_err(read_error)?;
        Limits::check("bytes", content.len() as u64, limits.max_bytes)?;
        Ok(content.into())
    }

    /// At most the first `len` bytes.
    pub(crate) fn read_start(&self, len: usize, limits: &Limits) -> Result<Vec<u8>, ImagingError> {
        match self {
            Self::Bytes { bytes, .. } => Ok(bytes[..bytes.len().min(len)].to_vec()),
            Self::Path(_) => {
                let mut content = Vec::with_capacity(len);
                self.open_file(limits)?
                    .take(len as u64)
                    .read_to_end(&mut content)
                    .map_err(read_error)?;
                Ok(content)
            }
        }
    }

    fn open_file(&self, limits: &Limits) -> Result<File, ImagingError> {
        let Self::Path(path) = self else {
            return Err(ImagingError::ReadSource {
                reason: "not a file".to_owned(),
            });
        };
        let file = File::open(path).map_err(read_error)?;
        let meta = file.metadata().map_err(read_error)?;
        if !meta.is_file() {
            return Err(ImagingError::ReadSource {
                reason: "not a regular file".to_owned(),
            });
        }
        Limits::check("bytes", meta.len(), limits.max_bytes)?;
        Ok(file)
    }
}

fn read_error(error: std::io::Error) -> ImagingError {
    ImagingError::ReadSource {
        reason: error.kind().to_string(),
    }
}
