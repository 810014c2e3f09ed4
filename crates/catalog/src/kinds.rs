//! What a case's images are: a series of a thousand slices is one kind.

use std::collections::HashMap;

use serde::Serialize;
use sqlx::{Row as _, SqliteExecutor};

use crate::{CaseNo, Catalog, CatalogError};

/// Images of one case with the same facts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ImageKind {
    /// Public id of the first of them.
    pub image_id: String,
    /// Modality.
    pub modality: Option<String>,
    /// Body part.
    pub body_part: Option<String>,
    /// Laterality.
    pub laterality: Option<String>,
}

impl Catalog {
    /// The kinds of images of these cases, in the order in which the first of each came in. A case without images has no
    /// entry.
    pub async fn image_kinds(
        &self,
        cases: &[CaseNo],
    ) -> Result<HashMap<CaseNo, Vec<ImageKind>>, CatalogError> {
        kinds_of(self.read(), cases).await
    }
}

/// The same on one connection.
pub(crate) async fn kinds_of(
    on: impl SqliteExecutor<'_>,
    cases: &[CaseNo],
) -> Result<HashMap<CaseNo, Vec<ImageKind>>, CatalogError> {
    // Of a group SQLite takes the columns beside min() from the row that has it.
    let rows = sqlx::query(
        "SELECT images.case_no, image_id, modality, body_part, laterality, min(image_no) AS first_no
         FROM json_each(?) AS asked CROSS JOIN images ON images.case_no = asked.value
         GROUP BY images.case_no, modality, body_part, laterality ORDER BY first_no",
    )
    .bind(serde_json::Value::from_iter(cases.iter().map(|case| case.sql())).to_string())
    .fetch_all(on)
    .await
    .map_err(CatalogError::query("reading what images show"))?;
    let mut kinds: HashMap<CaseNo, Vec<ImageKind>> = HashMap::new();
    for row in &rows {
        let of_case = kinds
            .entry(CaseNo::from_sql(row.get("case_no")))
            .or_default();
        of_case.push(ImageKind {
            image_id: row.get("image_id"),
            modality: row.get("modality"),
            body_part: row.get("body_part"),
            laterality: row.get("laterality"),
        });
    }
    Ok(kinds)
}
