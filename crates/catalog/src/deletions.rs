//! Deletions: rows go at once, and a work list remains until what lies outside SQL is erased too.

use std::time::Duration;

use sqlx::SqliteConnection;

use crate::store::touch;
use crate::{CaseNo, Catalog, CatalogError, VectorLocation, ViewRef};

/// What of a deleted case is left outside the catalog.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Deleted {
    /// The case's number, not to be used again.
    pub case_no: CaseNo,
    /// Stored objects that no other image uses.
    pub objects: Vec<String>,
    /// Thumbnails.
    pub thumbnails: Vec<String>,
    /// Vectors to erase in the log, of every model stamp.
    pub vectors: Vec<ErasedVector>,
    /// The sequence number of the deletion.
    pub seq: u64,
}

/// One vector to erase.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ErasedVector {
    /// Its view.
    pub view: ViewRef,
    /// Where it lies.
    pub location: VectorLocation,
}

impl Catalog {
    /// Deletes a case: rows and sealed rows are overwritten, a change row (number only) and a work list stay.
    /// Called again before [`Catalog::finish_deletion`] it returns the same work. Errors: `UnknownCase`.
    pub async fn delete_case(&self, case: CaseNo) -> Result<Deleted, CatalogError> {
        let mut write = self.write().await?;
        let (exists,): (bool,) =
            sqlx::query_as("SELECT EXISTS (SELECT 1 FROM cases WHERE case_no = ?)")
                .bind(case.sql())
                .fetch_one(&mut *write)
                .await
                .map_err(CatalogError::query("looking a case up"))?;
        if !exists {
            return pending_of(&mut write, case)
                .await?
                .ok_or(CatalogError::UnknownCase);
        }
        let deleted = Deleted {
            case_no: case,
            objects: own_objects(&mut write, case).await?,
            thumbnails: thumbnails(&mut write, case).await?,
            vectors: vectors(&mut write, case).await?,
            seq: touch(&mut write, case).await?,
        };
        let work_json = serde_json::to_string(&deleted).map_err(unreadable)?;
        sqlx::query("INSERT INTO deletions (case_no, work_json, requested_ms) VALUES (?, ?, ?)")
            .bind(case.sql())
            .bind(work_json)
            .bind(self.now_ms())
            .execute(&mut *write)
            .await
            .map_err(CatalogError::query("noting a deletion's work"))?;
        // All that hangs on the case goes with it by the schema's ON DELETE CASCADE.
        sqlx::query("DELETE FROM cases WHERE case_no = ?")
            .bind(case.sql())
            .execute(&mut *write)
            .await
            .map_err(CatalogError::query("deleting a case"))?;
        self.commit(write).await?;
        match self.empty_log().await {
            // Readers hold the log: `finish_deletion` insists on it.
            Err(CatalogError::LogInUse) | Ok(()) => Ok(deleted),
            Err(other) => Err(other),
        }
    }

    /// Deletions whose objects, thumbnails and vectors are not yet reported erased: to be done at start.
    pub async fn pending_deletions(&self) -> Result<Vec<Deleted>, CatalogError> {
        let rows: Vec<(String,)> =
            sqlx::query_as("SELECT work_json FROM deletions ORDER BY case_no")
                .fetch_all(self.read())
                .await
                .map_err(CatalogError::query("listing open deletions"))?;
        rows.iter()
            .map(|(work,)| serde_json::from_str(work).map_err(unreadable))
            .collect()
    }

    /// Strikes a deletion off the work list, after everything in it is erased; empties the write-ahead log.
    /// Errors: `LogInUse`, and the deletion stays on the list.
    pub async fn finish_deletion(&self, case: CaseNo) -> Result<(), CatalogError> {
        // Before the row goes, the log must be free of what the case held; afterwards of the row itself.
        self.empty_log().await?;
        let mut write = self.write().await?;
        sqlx::query("DELETE FROM deletions WHERE case_no = ?")
            .bind(case.sql())
            .execute(&mut *write)
            .await
            .map_err(CatalogError::query("striking a deletion off"))?;
        self.commit(write).await?;
        match self.empty_log().await {
            // What is left there are keys of erased objects and places of erased vectors: nothing of a patient.
            Err(CatalogError::LogInUse) | Ok(()) => Ok(()),
            Err(other) => Err(other),
        }
    }

    /// Moves the write-ahead log into the database and cuts it to nothing. Errors: `LogInUse` where readers
    /// held it all along.
    async fn empty_log(&self) -> Result<(), CatalogError> {
        for attempt in 0..LOG_ATTEMPTS {
            if attempt > 0 {
                tokio::time::sleep(LOG_WAIT).await;
            }
            // SQLite itself waits for readers as long as the busy timeout says.
            let (busy, _, _): (i64, i64, i64) = sqlx::query_as("PRAGMA wal_checkpoint(TRUNCATE)")
                .fetch_one(&self.inner.writer)
                .await
                .map_err(CatalogError::query("emptying the log"))?;
            if busy == 0 {
                return Ok(());
            }
        }
        Err(CatalogError::LogInUse)
    }
}

const LOG_ATTEMPTS: u32 = 3;
const LOG_WAIT: Duration = Duration::from_millis(100);

fn unreadable(source: serde_json::Error) -> CatalogError {
    CatalogError::Corrupt {
        what: "deletion",
        reason: source.to_string(),
    }
}

async fn pending_of(
    conn: &mut SqliteConnection,
    case: CaseNo,
) -> Result<Option<Deleted>, CatalogError> {
    let row: Option<(String,)> =
        sqlx::query_as("SELECT work_json FROM deletions WHERE case_no = ?")
            .bind(case.sql())
            .fetch_optional(conn)
            .await
            .map_err(CatalogError::query("reading a deletion's work"))?;
    row.map(|(work,)| serde_json::from_str(&work).map_err(unreadable))
        .transpose()
}

/// Stored objects that no image of another case uses.
async fn own_objects(
    conn: &mut SqliteConnection,
    case: CaseNo,
) -> Result<Vec<String>, CatalogError> {
    let rows: Vec<(String,)> = sqlx::query_as(
        "SELECT DISTINCT object_key FROM images i WHERE case_no = ?1 AND object_key IS NOT NULL \
         AND NOT EXISTS (SELECT 1 FROM images o \
         WHERE o.object_key = i.object_key AND o.case_no <> ?1)",
    )
    .bind(case.sql())
    .fetch_all(conn)
    .await
    .map_err(CatalogError::query("listing a case's objects"))?;
    Ok(rows.into_iter().map(|(key,)| key).collect())
}

async fn thumbnails(
    conn: &mut SqliteConnection,
    case: CaseNo,
) -> Result<Vec<String>, CatalogError> {
    let rows: Vec<(String,)> = sqlx::query_as(
        "SELECT thumbnail_key FROM images WHERE case_no = ? AND thumbnail_key IS NOT NULL",
    )
    .bind(case.sql())
    .fetch_all(conn)
    .await
    .map_err(CatalogError::query("listing a case's thumbnails"))?;
    Ok(rows.into_iter().map(|(key,)| key).collect())
}

async fn vectors(
    conn: &mut SqliteConnection,
    case: CaseNo,
) -> Result<Vec<ErasedVector>, CatalogError> {
    let rows: Vec<VectorRow> = sqlx::query_as(
        "SELECT case_no, view_no, segment, offset_b, crc FROM view_vectors WHERE case_no = ? \
         ORDER BY stamp_no, view_no",
    )
    .bind(case.sql())
    .fetch_all(conn)
    .await
    .map_err(CatalogError::query("listing a case's vectors"))?;
    Ok(rows.into_iter().map(erased_vector).collect())
}

/// Case, view, segment, offset, CRC.
pub(crate) type VectorRow = (i64, u32, u32, i64, u32);

pub(crate) fn erased_vector((case_no, view_no, segment, offset, crc): VectorRow) -> ErasedVector {
    ErasedVector {
        view: ViewRef {
            case_no: CaseNo::from_sql(case_no),
            view_no,
        },
        location: VectorLocation {
            segment,
            offset: offset.unsigned_abs(),
            crc,
        },
    }
}
