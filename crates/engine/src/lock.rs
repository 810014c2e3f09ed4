//! One process writes a library. The lock is an advisory one on `library.lock`; a service that holds it leaves its
//! address in `service.json`, readable by its owner only, so that other commands can work through it.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::EngineError;

/// Held for as long as the process may write; released by the system when the process ends, however it ends.
#[derive(Debug)]
pub struct LibraryLock {
    _file: File,
}

impl LibraryLock {
    /// Takes the lock of the library in `data_dir`, or says who seems to hold it.
    ///
    /// # Errors
    /// [`EngineError::LibraryInUse`] when another process has it.
    pub fn take(data_dir: &Path) -> Result<Self, EngineError> {
        let path = data_dir.join("library.lock");
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(|source| EngineError::io("open the lock of the library", source))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(EngineError::LibraryInUse {
                address: ServiceAddress::read(data_dir).map(|at| at.url),
            }),
            Err(TryLockError::Error(source)) => Err(EngineError::io("lock the library", source)),
        }
    }
}

/// Where a running service can be reached, and the secret that proves a caller may read the data folder.
#[derive(Clone, Serialize, Deserialize)]
pub struct ServiceAddress {
    /// `http://127.0.0.1:7878`.
    pub url: String,
    /// Valid as an admin token for as long as the service runs.
    pub secret: String,
    /// Process id of the service.
    pub pid: u32,
}

impl std::fmt::Debug for ServiceAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServiceAddress")
            .field("url", &self.url)
            .field("pid", &self.pid)
            .finish_non_exhaustive()
    }
}

impl ServiceAddress {
    fn path(data_dir: &Path) -> PathBuf {
        data_dir.join("service.json")
    }

    /// The address left by a service, if there is one. It may be stale: the lock decides who is alive.
    pub fn read(data_dir: &Path) -> Option<Self> {
        let bytes = std::fs::read(Self::path(data_dir)).ok()?;
        serde_json::from_slice(&bytes).ok()
    }

    /// Leaves the address for other commands; the file can be read by its owner only.
    ///
    /// # Errors
    /// [`EngineError::Io`] when the file cannot be written.
    pub fn publish(&self, data_dir: &Path) -> Result<(), EngineError> {
        use std::io::Write as _;
        use std::os::unix::fs::OpenOptionsExt as _;
        let path = Self::path(data_dir);
        let partial = path.with_extension("partial");
        let write = || -> std::io::Result<()> {
            let _ = std::fs::remove_file(&partial);
            let mut file = OpenOptions::new()
                .create_new(true)
                .write(true)
                .mode(0o600)
                .open(&partial)?;
            file.write_all(&serde_json::to_vec(self)?)?;
            std::fs::rename(&partial, &path)
        };
        write().map_err(|source| {
            EngineError::io("leave the service's address in the data folder", source)
        })
    }

    /// Takes the address away again.
    pub fn withdraw(data_dir: &Path) {
        let _ = std::fs::remove_file(Self::path(data_dir));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_process_at_a_time_and_free_again_afterwards() {
        let dir = tempfile::tempdir().unwrap();
        let held = LibraryLock::take(dir.path()).unwrap();
        assert!(matches!(
            LibraryLock::take(dir.path()),
            Err(EngineError::LibraryInUse { address: None })
        ));
        drop(held);
        LibraryLock::take(dir.path()).unwrap();
    }

    #[test]
    fn the_address_is_for_the_owner_alone_and_its_secret_is_not_printed() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let address = ServiceAddress {
            url: "http://127.0.0.1:1".into(),
            secret: "hush".into(),
            pid: 1,
        };
        address.publish(dir.path()).unwrap();
        let mode = std::fs::metadata(dir.path().join("service.json"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(!format!("{address:?}").contains("hush"));
        assert_eq!(ServiceAddress::read(dir.path()).unwrap().secret, "hush");
        ServiceAddress::withdraw(dir.path());
        assert!(ServiceAddress::read(dir.path()).is_none());
    }
}
