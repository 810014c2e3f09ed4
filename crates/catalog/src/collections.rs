//! Collections: cases that a person gathered, with notes, in an order.

use std::collections::HashSet;

use serde::Serialize;

use crate::store::Write;
use crate::tokens::random_hex;
use crate::{CaseNo, Catalog, CatalogError, CollectionId};

/// A collection as a list shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CollectionSummary {
    /// Public id.
    pub collection_id: CollectionId,
    /// Name.
    pub name: String,
    /// Cases in it.
    pub cases: u64,
    /// Last change, ms since 1970.
    pub changed_ms: i64,
}

/// A case in a collection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CollectionCase {
    /// Internal number.
    pub case_no: CaseNo,
    /// Public id.
    pub case_id: String,
    /// The case's title.
    pub title: Option<String>,
    /// The note.
    pub note: String,
}

/// A collection with its cases in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CollectionRecord {
    /// Public id.
    pub collection_id: CollectionId,
    /// Name.
    pub name: String,
    /// Cases in order.
    pub cases: Vec<CollectionCase>,
    /// Last change, ms since 1970.
    pub changed_ms: i64,
}

impl Catalog {
    /// Makes a collection.
    pub async fn create_collection(&self, name: &str) -> Result<CollectionId, CatalogError> {
        let id = CollectionId(format!("col-{}", random_hex::<8>()));
        let mut write = self.write().await?;
        sqlx::query("INSERT INTO collections (collection_id, name, changed_ms) VALUES (?, ?, ?)")
            .bind(&id.0)
            .bind(checked_name(name)?)
            .bind(self.now_ms())
            .execute(&mut *write)
            .await
            .map_err(CatalogError::query("making a collection"))?;
        self.commit(write).await?;
        Ok(id)
    }

    /// Renames a collection. Errors: `UnknownCollection`.
    pub async fn rename_collection(
        &self,
        id: &CollectionId,
        name: &str,
    ) -> Result<(), CatalogError> {
        let name = checked_name(name)?;
        let mut write = self.write().await?;
        let number = self.changed_collection(&mut write, id).await?;
        sqlx::query("UPDATE collections SET name = ? WHERE collection_no = ?")
            .bind(name)
            .bind(number)
            .execute(&mut *write)
            .await
            .map_err(CatalogError::query("renaming a collection"))?;
        self.commit(write).await
    }

    /// Deletes a collection; its cases stay. Errors: `UnknownCollection`.
    pub async fn delete_collection(&self, id: &CollectionId) -> Result<(), CatalogError> {
        let mut write = self.write().await?;
        let deleted = sqlx::query("DELETE FROM collections WHERE collection_id = ?")
            .bind(&id.0)
            .execute(&mut *write)
            .await
            .map_err(CatalogError::query("deleting a collection"))?;
        if deleted.rows_affected() == 0 {
            return Err(CatalogError::UnknownCollection);
        }
        self.commit(write).await
    }

    /// Adds a case at the end, or replaces the note of one that is in it. Errors: `UnknownCollection`, `UnknownCase`.
    pub async fn add_to_collection(
        &self,
        id: &CollectionId,
        case: CaseNo,
        note: &str,
    ) -> Result<(), CatalogError> {
        let mut write = self.write().await?;
        let number = self.changed_collection(&mut write, id).await?;
        let (known,): (bool,) =
            sqlx::query_as("SELECT EXISTS (SELECT 1 FROM cases WHERE case_no = ?)")
                .bind(case.sql())
                .fetch_one(&mut *write)
                .await
                .map_err(CatalogError::query("looking a case up"))?;
        if !known {
            return Err(CatalogError::UnknownCase);
        }
        sqlx::query(
            "INSERT INTO collection_cases (collection_no, case_no, note, position) \
             VALUES (?1, ?2, ?3, (SELECT COALESCE(MAX(position) + 1, 0) FROM collection_cases \
             WHERE collection_no = ?1)) \
             ON CONFLICT (collection_no, case_no) DO UPDATE SET note = excluded.note",
        )
        .bind(number)
        .bind(case.sql())
        .bind(note)
        .execute(&mut *write)
        .await
        .map_err(CatalogError::query("adding a case to a collection"))?;
        self.commit(write).await
    }

    /// Takes a case out; nothing happens where it is not in it. Errors: `UnknownCollection`.
    pub async fn remove_from_collection(
        &self,
        id: &CollectionId,
        case: CaseNo,
    ) -> Result<(), CatalogError> {
        let mut write = self.write().await?;
        let number = self.changed_collection(&mut write, id).await?;
        let removed =
            sqlx::query("DELETE FROM collection_cases WHERE collection_no = ? AND case_no = ?")
                .bind(number)
                .bind(case.sql())
                .execute(&mut *write)
                .await
                .map_err(CatalogError::query("taking a case out of a collection"))?;
        if removed.rows_affected() == 0 {
            return Ok(());
        }
        self.commit(write).await
    }

    /// Puts the cases in this order; those not named follow in the order they had. Errors: `UnknownCollection`.
    pub async fn order_collection(
        &self,
        id: &CollectionId,
        order: &[CaseNo],
    ) -> Result<(), CatalogError> {
        let mut write = self.write().await?;
        let number = self.changed_collection(&mut write, id).await?;
        let present: Vec<(i64,)> = sqlx::query_as(
            "SELECT case_no FROM collection_cases WHERE collection_no = ? ORDER BY position, case_no",
        )
        .bind(number)
        .fetch_all(&mut *write)
        .await
        .map_err(CatalogError::query("reading a collection's order"))?;
        let present: Vec<i64> = present.into_iter().map(|(case,)| case).collect();
        let mut left: HashSet<i64> = present.iter().copied().collect();
        let named = order.iter().map(|case| case.sql());
        // Each case once: what is named twice, or is not in the collection, is passed over.
        let ordered = named.chain(present).filter(|case| left.remove(case));
        for (position, case) in (0_i64..).zip(ordered) {
            sqlx::query(
                "UPDATE collection_cases SET position = ? WHERE collection_no = ? AND case_no = ?",
            )
            .bind(position)
            .bind(number)
            .bind(case)
            .execute(&mut *write)
            .await
            .map_err(CatalogError::query("ordering a collection"))?;
        }
        self.commit(write).await
    }

    /// All collections, by name.
    pub async fn collections(&self) -> Result<Vec<CollectionSummary>, CatalogError> {
        let rows: Vec<(String, String, i64, i64)> = sqlx::query_as(
            "SELECT collection_id, name, changed_ms, (SELECT COUNT(*) FROM collection_cases m \
             WHERE m.collection_no = c.collection_no) \
             FROM collections c ORDER BY name COLLATE NOCASE, collection_no",
        )
        .fetch_all(self.read())
        .await
        .map_err(CatalogError::query("listing collections"))?;
        let summaries = rows
            .into_iter()
            .map(|(id, name, changed_ms, cases)| CollectionSummary {
                collection_id: CollectionId(id),
                name,
                cases: cases.unsigned_abs(),
                changed_ms,
            });
        Ok(summaries.collect())
    }

    /// A collection with its cases.
    pub async fn collection(
        &self,
        id: &CollectionId,
    ) -> Result<Option<CollectionRecord>, CatalogError> {
        let reading = || CatalogError::query("reading a collection");
        let mut read = self.read().begin().await.map_err(reading())?;
        let head: Option<(i64, String, i64)> = sqlx::query_as(
            "SELECT collection_no, name, changed_ms FROM collections WHERE collection_id = ?",
        )
        .bind(&id.0)
        .fetch_optional(&mut *read)
        .await
        .map_err(reading())?;
        let Some((number, name, changed_ms)) = head else {
            return Ok(None);
        };
        let rows: Vec<(i64, String, Option<String>, String)> = sqlx::query_as(
            "SELECT m.case_no, c.case_id, c.title, m.note FROM collection_cases m \
             JOIN cases c ON c.case_no = m.case_no \
             WHERE m.collection_no = ? ORDER BY m.position, m.case_no",
        )
        .bind(number)
        .fetch_all(&mut *read)
        .await
        .map_err(reading())?;
        let cases = rows
            .into_iter()
            .map(|(case_no, case_id, title, note)| CollectionCase {
                case_no: CaseNo::from_sql(case_no),
                case_id,
                title,
                note,
            });
        Ok(Some(CollectionRecord {
            collection_id: id.clone(),
            name,
            cases: cases.collect(),
            changed_ms,
        }))
    }

    /// Notes that a collection changes now, and returns its number. Errors: `UnknownCollection`.
    async fn changed_collection(
        &self,
        write: &mut Write,
        id: &CollectionId,
    ) -> Result<i64, CatalogError> {
        let row: Option<(i64,)> = sqlx::query_as(
            "UPDATE collections SET changed_ms = ? WHERE collection_id = ? RETURNING collection_no",
        )
        .bind(self.now_ms())
        .bind(&id.0)
        .fetch_optional(&mut **write)
        .await
        .map_err(CatalogError::query("looking a collection up"))?;
        row.map(|(number,)| number)
            .ok_or(CatalogError::UnknownCollection)
    }
}

/// A name without surrounding spaces. Errors: `InvalidValue`.
fn checked_name(name: &str) -> Result<&str, CatalogError> {
    let name = name.trim();
    if name.is_empty() {
        return Err(CatalogError::InvalidValue {
            field: "name",
            reason: "is empty",
        });
    }
    Ok(name)
}
