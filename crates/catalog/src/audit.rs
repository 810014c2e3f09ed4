//! The audit: who did what to which case. Never a query's text.

use serde::Serialize;

use crate::{Catalog, CatalogError};

/// An act to be noted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// A token's id, `loopback`, `cli`.
    pub actor: String,
    /// What was done, a fixed word such as `case.delete`.
    pub action: String,
    /// Public ids of what it was done to.
    pub subjects: Vec<String>,
}

/// A noted act.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AuditRecord {
    /// Its number, rising.
    pub audit_no: u64,
    /// When, ms since 1970.
    pub at_ms: i64,
    /// Who.
    pub actor: String,
    /// What.
    pub action: String,
    /// To what.
    pub subjects: Vec<String>,
}

impl Catalog {
    /// Notes an act.
    pub async fn append_audit(&self, entry: AuditEntry) -> Result<(), CatalogError> {
        let mut write = self.write().await?;
        sqlx::query("INSERT INTO audit (at_ms, actor, action, subjects_json) VALUES (?, ?, ?, ?)")
            .bind(self.now_ms())
            .bind(entry.actor)
            .bind(entry.action)
            .bind(serde_json::Value::from(entry.subjects).to_string())
            .execute(&mut *write)
            .await
            .map_err(CatalogError::query("noting an act"))?;
        self.commit(write).await
    }

    /// A page, newest first: those with a number below `before`.
    pub async fn audit_page(
        &self,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Vec<AuditRecord>, CatalogError> {
        let before = before
            .and_then(|before| i64::try_from(before).ok())
            .unwrap_or(i64::MAX);
        let rows: Vec<(i64, i64, String, String, String)> = sqlx::query_as(
            "SELECT audit_no, at_ms, actor, action, subjects_json FROM audit \
             WHERE audit_no < ? ORDER BY audit_no DESC LIMIT ?",
        )
        .bind(before)
        .bind(limit)
        .fetch_all(self.read())
        .await
        .map_err(CatalogError::query("reading the audit"))?;
        let records = rows
            .into_iter()
            .map(|(audit_no, at_ms, actor, action, subjects)| {
                let subjects =
                    serde_json::from_str(&subjects).map_err(|source| CatalogError::Corrupt {
                        what: "audit record",
                        reason: source.to_string(),
                    })?;
                Ok(AuditRecord {
                    audit_no: audit_no.unsigned_abs(),
                    at_ms,
                    actor,
                    action,
                    subjects,
                })
            });
        records.collect()
    }
}
