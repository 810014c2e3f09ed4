//! Opening the database: pragmas, migrations, one writing connection and several reading ones.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use sqlx::migrate::Migrator;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Sqlite, SqliteConnection, SqlitePool, Transaction};

use crate::{CaseNo, CatalogError, Clock, Keyring};

static MIGRATIONS: Migrator = sqlx::migrate!("../../migrations/sqlite");

/// Setting that holds the key's proof.
const KEY_PROOF: &str = "key_proof";

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

/// The catalog of one library. Cheap to clone.
#[derive(Clone)]
pub struct Catalog {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    /// One connection: SQLite has one writer, and waiting here is fairer than waiting for its lock.
    pub(crate) writer: SqlitePool,
    pub(crate) readers: SqlitePool,
    pub(crate) keyring: Keyring,
    pub(crate) clock: Clock,
}

/// A writing transaction that has taken the write lock; dropped without `commit`, it has no effect.
pub(crate) type Write = Transaction<'static, Sqlite>;

impl std::fmt::Debug for Catalog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Catalog")
    }
}

impl Catalog {
    /// Opens the database, makes it where it is missing and brings its schema up to date.
    /// Errors: `Open`, `Migrate`, `WrongKey` where the library was made with another key.
    pub async fn open(options: &CatalogOptions) -> Result<Self, CatalogError> {
        let opened = |source| CatalogError::Open {
            path: options.path.clone(),
            source,
        };
        let connect = SqliteConnectOptions::new()
            .filename(&options.path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(Duration::from_millis(options.busy_timeout_ms))
            .pragma("secure_delete", "ON");
        let writer = SqlitePoolOptions::new()
            .max_connections(1)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_with(connect.clone())
            .await
            .map_err(opened)?;
        MIGRATIONS
            .run(&writer)
            .await
            .map_err(|source| CatalogError::Migrate {
                path: options.path.clone(),
                source,
            })?;
        let readers = SqlitePoolOptions::new()
            .max_connections(options.readers.max(1))
            .connect_with(connect.read_only(true).create_if_missing(false))
            .await
            .map_err(opened)?;
        let inner = Inner {
            writer,
            readers,
            keyring: options.keyring.clone(),
            clock: options.clock.clone(),
        };
        let catalog = Self {
            inner: Arc::new(inner),
        };
        catalog.check_key().await?;
        Ok(catalog)
    }

    /// Closes all connections.
    pub async fn close(&self) {
        self.inner.readers.close().await;
        self.inner.writer.close().await;
    }

    /// The library's keys.
    pub fn keyring(&self) -> &Keyring {
        &self.inner.keyring
    }

    /// A library remembers what its key makes of a known value, so that another key is noticed at once.
    async fn check_key(&self) -> Result<(), CatalogError> {
        let proof = serde_json::Value::String(self.inner.keyring.proof());
        match self.setting(KEY_PROOF).await? {
            None => self.set_setting(KEY_PROOF, &proof).await,
            Some(known) if known == proof => Ok(()),
            Some(_) => Err(CatalogError::WrongKey),
        }
    }

    /// Begins a writing transaction.
    pub(crate) async fn write(&self) -> Result<Write, CatalogError> {
        self.inner
            .writer
            .begin_with("BEGIN IMMEDIATE")
            .await
            .map_err(CatalogError::query("beginning to write"))
    }

    /// Ends a writing transaction; durable when it returns.
    pub(crate) async fn commit(&self, write: Write) -> Result<(), CatalogError> {
        write
            .commit()
            .await
            .map_err(CatalogError::query("committing"))
    }

    /// Connections that only read.
    pub(crate) fn read(&self) -> &SqlitePool {
        &self.inner.readers
    }

    pub(crate) fn now_ms(&self) -> i64 {
        self.inner.clock.now_ms()
    }
}

/// Notes that a case has changed and returns the sequence number of the change.
pub(crate) async fn touch(write: &mut SqliteConnection, case: CaseNo) -> Result<u64, CatalogError> {
    let failed = || CatalogError::query("noting a change");
    sqlx::query("DELETE FROM changes WHERE case_no = ?")
        .bind(case.sql())
        .execute(&mut *write)
        .await
        .map_err(failed())?;
    let inserted = sqlx::query("INSERT INTO changes (case_no) VALUES (?)")
        .bind(case.sql())
        .execute(&mut *write)
        .await
        .map_err(failed())?;
    Ok(inserted.last_insert_rowid().unsigned_abs())
}
