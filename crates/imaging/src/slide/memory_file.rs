//! Bytes as a file without a name: OpenSlide reads paths only, and a slide that arrived as bytes (sealed, uploaded)
//! must not touch a disk in the clear. The memory is gone with the last descriptor, also after a crash.

use std::path::{Path, PathBuf};

use crate::ImagingError;

/// A nameless file in memory, readable by this process and its decode workers.
pub(crate) struct MemoryFile {
    path: PathBuf,
    len: u64,
    #[cfg(target_os = "linux")]
    _file: std::fs::File,
}

impl MemoryFile {
    /// Copies the bytes.
    ///
    /// # Errors
    /// `ReadSource` where the system gives no such file.
    #[cfg(target_os = "linux")]
    pub(crate) fn of(bytes: &[u8]) -> Result<Self, ImagingError> {
        use std::io::Write as _;
        use std::os::fd::AsRawFd as _;

        use rustix::fs::{MemfdFlags, memfd_create};

        let failed = |kind: std::io::ErrorKind| ImagingError::ReadSource {
            reason: kind.to_string(),
        };
        let descriptor = memfd_create("slide", MemfdFlags::CLOEXEC)
            .map_err(|error| failed(std::io::Error::from(error).kind()))?;
        let mut file = std::fs::File::from(descriptor);
        file.write_all(bytes)
            .map_err(|error| failed(error.kind()))?;
        Ok(Self {
            path: PathBuf::from(format!(
                "/proc/{}/fd/{}",
                std::process::id(),
                file.as_raw_fd()
            )),
            len: bytes.len() as u64,
            _file: file,
        })
    }

    /// Elsewhere slides are read from files only.
    ///
    /// # Errors
    /// Always `ReadSource`.
    #[cfg(not(target_os = "linux"))]
    pub(crate) fn of(_bytes: &[u8]) -> Result<Self, ImagingError> {
        Err(ImagingError::ReadSource {
            reason: "on this system slides are read from files only".to_owned(),
        })
    }

    /// Where the bytes can be opened, as long as this value lives.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Number of bytes.
    pub(crate) fn len(&self) -> u64 {
        self.len
    }
}
