//! Opening the database: pragmas, migrations, one writing connection and several reading ones.

use std::path::PathBuf;
use std::sync::Arc;

use crate::{CatalogError, Clock, Keyring};

/// How a catalog is opened.
#[derive(Debug, Clone)]
pub struct CatalogOptions {
    /// The database file; made if it is missing.
    pub path: PathBuf,
    /// The library's keys.
    pub keyring: Keyring,
    /// Reading connections, at least 1.
    pub readers: u32,
    /// How long a statement waits for a lock.
    pub busy_timeout_ms: u64,
    /// Where time comes from.
    pub clock: Clock,
}

impl CatalogOptions {
    /// Four readers, five seconds, the system's clock.
    pub fn new(path: impl Into<PathBuf>, keyring: Keyring) -> Self {
        Self {
            path: path.into(),
            keyring,
            readers: 4,
            busy_timeout_ms: 5_000,
            clock: Clock::System,
        }
    }
}

/// The catalog. Cheap to clone; all clones share the connections.
#[derive(Clone)]
pub struct Catalog {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {}

impl std::fmt::Debug for Catalog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Catalog")
    }
}

impl Catalog {
    /// Opens or makes the catalog and brings it to this version's schema.
    /// Errors: `Open`, `Migrate`, `WrongKey`.
    pub async fn open(_options: &CatalogOptions) -> Result<Self, CatalogError> {
        todo!()
    }

    /// Closes all connections, after which the write-ahead log is gone from disk.
    pub async fn close(&self) {
        todo!()
    }

    /// The keys it was opened with.
    pub fn keyring(&self) -> &Keyring {
        todo!()
    }
}
