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
    pub async fn append_audit(&self, _entry: AuditEntry) -> Result<(), CatalogError> {
        todo!()
    }

    /// A page, newest first: those with a number below `before`.
    pub async fn audit_page(
        &self,
        _before: Option<u64>,
        _limit: u32,
    ) -> Result<Vec<AuditRecord>, CatalogError> {
        todo!()
    }
}
