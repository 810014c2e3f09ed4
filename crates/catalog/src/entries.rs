//! What an index projection reads: the change log and the present state of cases.

use serde::Serialize;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqliteConnection};

use crate::cases::{facts_of, labels_of, reports_of};
use crate::kinds::kinds_of;
use crate::views::{box_of, location_of};
use crate::{
    CaseFacts, CaseNo, Catalog, CatalogError, ImageKind, ImageNo, PixelBox, ReportRecord,
    VectorLocation,
};

/// "Case N changed at seq."
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Sequence number, rising.
    pub seq: u64,
    /// The case.
    pub case_no: CaseNo,
}

/// All that an index holds of one case.
#[derive(Debug, Clone, Serialize)]
pub struct CaseEntry {
    /// Internal number.
    pub case_no: CaseNo,
    /// Public id.
    pub case_id: String,
    /// Facts and labels.
    pub facts: CaseFacts,
    /// What its images are, also those not yet encoded.
    pub kinds: Vec<ImageKind>,
    /// Reports.
    pub reports: Vec<ReportRecord>,
    /// Views with a vector of the active model.
    pub views: Vec<EntryView>,
}

/// One view as an index holds it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EntryView {
    /// Its number within the case.
    pub view_no: u32,
    /// Its image.
    pub image_no: ImageNo,
    /// Public id of its image.
    pub image_id: String,
    /// `whole`, `frame`, `tile`, `region`.
    pub kind: String,
    /// Modality of its image.
    pub modality: Option<String>,
    /// Body part of its image.
    pub body_part: Option<String>,
    /// Laterality of its image.
    pub laterality: Option<String>,
    /// Frame, from 0.
    pub frame: Option<u32>,
    /// The part of the image.
    pub box_px: Option<PixelBox>,
    /// Size of a pixel.
    pub mm_per_px: Option<f64>,
    /// Its vector.
    pub location: VectorLocation,
}

impl Catalog {
    /// The last sequence number given; 0 in a new catalog.
    pub async fn latest_seq(&self) -> Result<u64, CatalogError> {
        let row = sqlx::query("SELECT coalesce(max(seq), 0) FROM changes")
            .fetch_one(self.read())
            .await
            .map_err(CatalogError::query("reading the latest change"))?;
        Ok(row.get::<i64, _>(0).unsigned_abs())
    }

    /// Changes after `seq`, oldest first, each case once with its latest number.
    pub async fn changes_since(&self, seq: u64, limit: u32) -> Result<Vec<Change>, CatalogError> {
        let rows =
            sqlx::query("SELECT seq, case_no FROM changes WHERE seq > ? ORDER BY seq LIMIT ?")
                .bind(i64::try_from(seq).unwrap_or(i64::MAX))
                .bind(i64::from(limit))
                .fetch_all(self.read())
                .await
                .map_err(CatalogError::query("reading changes"))?;
        let change = |row: &SqliteRow| Change {
            seq: row.get::<i64, _>(0).unsigned_abs(),
            case_no: CaseNo::from_sql(row.get(1)),
        };
        Ok(rows.iter().map(change).collect())
    }

    /// The present state of these cases, in one snapshot; a case that is missing in the answer is gone.
    pub async fn case_entries(&self, cases: &[CaseNo]) -> Result<Vec<CaseEntry>, CatalogError> {
        let mut snapshot = self
            .read()
            .begin()
            .await
            .map_err(CatalogError::query("reading index entries"))?;
        let mut entries = Vec::with_capacity(cases.len());
        for case in cases {
            entries.extend(entry_of(&mut snapshot, *case).await?);
        }
        Ok(entries)
    }
}

async fn entry_of(
    conn: &mut SqliteConnection,
    case: CaseNo,
) -> Result<Option<CaseEntry>, CatalogError> {
    let row = sqlx::query(
        "SELECT case_no, case_id, patient, title, sex, age_years, study_date, site, synthetic FROM cases WHERE case_no = ?",
    )
    .bind(case.sql())
    .fetch_optional(&mut *conn)
    .await
    .map_err(CatalogError::query("reading an index entry"))?;
    let Some(row) = row else { return Ok(None) };
    let facts = facts_of(&row, labels_of(conn, case).await?);
    let kinds = kinds_of(&mut *conn, &[case]).await?.remove(&case);
    Ok(Some(CaseEntry {
        case_no: case,
        case_id: row.get("case_id"),
        facts,
        kinds: kinds.unwrap_or_default(),
        reports: reports_of(conn, case).await?,
        views: entry_views(conn, case).await?,
    }))
}

async fn entry_views(
    conn: &mut SqliteConnection,
    case: CaseNo,
) -> Result<Vec<EntryView>, CatalogError> {
    let rows = sqlx::query(
        "SELECT views.*, view_vectors.segment, view_vectors.offset_b, view_vectors.crc, images.modality,
            images.image_id, images.body_part, images.laterality
         FROM views CROSS JOIN view_vectors USING (case_no, view_no) CROSS JOIN stamps USING (stamp_no)
            JOIN images ON images.image_no = views.image_no
         WHERE views.case_no = ? AND stamps.active = 1 ORDER BY views.view_no",
    )
    .bind(case.sql())
    .fetch_all(&mut *conn)
    .await
    .map_err(CatalogError::query("reading an index entry's views"))?;
    let view = |row: &SqliteRow| EntryView {
        view_no: row.get("view_no"),
        image_no: ImageNo::from_sql(row.get("image_no")),
        image_id: row.get("image_id"),
        kind: row.get("kind"),
        modality: row.get("modality"),
        body_part: row.get("body_part"),
        laterality: row.get("laterality"),
        frame: row.get("frame"),
        box_px: box_of(row),
        mm_per_px: row.get("mm_per_px"),
        location: location_of(row),
    };
    Ok(rows.iter().map(view).collect())
}
