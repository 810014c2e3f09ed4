//! Cases as they are read: records, pages, look-ups.

use serde::Serialize;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqliteConnection};

use crate::{CaseNo, Catalog, CatalogError, ImageRecord};

/// Facts of a case.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct CaseFacts {
    /// Title.
    pub title: Option<String>,
    /// Labels, sorted.
    pub labels: Vec<String>,
    /// `F`, `M`, `O`.
    pub sex: Option<String>,
    /// Age at the study in years.
    pub age_years: Option<f64>,
    /// Study date, `yyyy-mm-dd`.
    pub date: Option<String>,
    /// Site.
    pub site: Option<String>,
    /// Drawn by casekin itself.
    pub synthetic: bool,
    /// The patient's pseudonym (`p-…`).
    pub patient: Option<String>,
}

/// A report as stored: masked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReportRecord {
    /// The masked text.
    pub text: String,
    /// ISO 639-1 code.
    pub language: String,
    /// The analysis, JSON.
    pub analysis_json: String,
}

/// A case with all that hangs on it, but its identity.
#[derive(Debug, Clone)]
pub struct CaseRecord {
    /// Internal number.
    pub case_no: CaseNo,
    /// Public id.
    pub case_id: String,
    /// Facts and labels.
    pub facts: CaseFacts,
    /// Reports, oldest first.
    pub reports: Vec<ReportRecord>,
    /// Images with views and conflicts, oldest first.
    pub images: Vec<ImageRecord>,
    /// The sequence number under which it last changed.
    pub seq: u64,
    /// When it came in, ms since 1970.
    pub admitted_ms: i64,
}

/// A case as a list shows it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CaseSummary {
    /// Internal number.
    pub case_no: CaseNo,
    /// Public id.
    pub case_id: String,
    /// Facts and labels.
    pub facts: CaseFacts,
    /// Modalities of its images, sorted.
    pub modalities: Vec<String>,
    /// Body parts of its images, sorted.
    pub body_parts: Vec<String>,
    /// Images.
    pub images: u64,
    /// Public id of the first image.
    pub first_image_id: Option<String>,
}

impl Catalog {
    /// A case by number.
    pub async fn case(&self, case: CaseNo) -> Result<Option<CaseRecord>, CatalogError> {
        let failed = || CatalogError::query("reading a case");
        let mut snapshot = self.read().begin().await.map_err(failed())?;
        let row = sqlx::query(
            "SELECT case_no, case_id, patient, title, sex, age_years, study_date, site, synthetic, admitted_ms
             FROM cases WHERE case_no = ?",
        )
        .bind(case.sql())
        .fetch_optional(&mut *snapshot)
        .await
        .map_err(failed())?;
        let Some(row) = row else { return Ok(None) };
        let case_id: String = row.get("case_id");
        let seq = sqlx::query("SELECT seq FROM changes WHERE case_no = ?")
            .bind(case.sql())
            .fetch_optional(&mut *snapshot)
            .await
            .map_err(failed())?;
        let facts = facts_of(&row, labels_of(&mut snapshot, case).await?);
        let reports = reports_of(&mut snapshot, case).await?;
        let images = self.images_of(&mut snapshot, case, &case_id).await?;
        Ok(Some(CaseRecord {
            case_no: case,
            case_id,
            facts,
            reports,
            images,
            seq: seq.map_or(0, |row| row.get::<i64, _>(0).unsigned_abs()),
            admitted_ms: row.get("admitted_ms"),
        }))
    }

    /// A case by public id.
    pub async fn case_by_id(&self, case_id: &str) -> Result<Option<CaseRecord>, CatalogError> {
        match self.case_no(case_id).await? {
            Some(case) => self.case(case).await,
            None => Ok(None),
        }
    }

    /// The number behind a public id.
    pub async fn case_no(&self, case_id: &str) -> Result<Option<CaseNo>, CatalogError> {
        let row = sqlx::query("SELECT case_no FROM cases WHERE case_id = ?")
            .bind(case_id)
            .fetch_optional(self.read())
            .await
            .map_err(CatalogError::query("finding a case"))?;
        Ok(row.map(|row| CaseNo::from_sql(row.get(0))))
    }

    /// Cases of the patient with this pseudonym.
    pub async fn cases_of_patient(&self, pseudonym: &str) -> Result<Vec<CaseNo>, CatalogError> {
        let rows = sqlx::query("SELECT case_no FROM cases WHERE patient = ? ORDER BY case_no")
            .bind(pseudonym)
            .fetch_all(self.read())
            .await
            .map_err(CatalogError::query("finding a patient's cases"))?;
        Ok(rows
            .iter()
            .map(|row| CaseNo::from_sql(row.get(0)))
            .collect())
    }

    /// Summaries of these cases, in the order given, without those that are gone: what a hit shows.
    pub async fn case_summaries(&self, cases: &[CaseNo]) -> Result<Vec<CaseSummary>, CatalogError> {
        // One row for each case: each row of SQLite's is a message between threads.
        let rows = sqlx::query(
            "SELECT case_no, case_id, patient, title, sex, age_years, study_date, site, synthetic,
                (SELECT count(*) FROM images WHERE images.case_no = cases.case_no) AS images,
                (SELECT image_id FROM images WHERE images.case_no = cases.case_no ORDER BY image_no LIMIT 1) AS first_image,
                (SELECT json_group_array(label) FROM case_labels WHERE case_labels.case_no = cases.case_no) AS labels,
                (SELECT json_group_array(DISTINCT modality) FROM images
                 WHERE images.case_no = cases.case_no AND modality IS NOT NULL) AS modalities,
                (SELECT json_group_array(DISTINCT body_part) FROM images
                 WHERE images.case_no = cases.case_no AND body_part IS NOT NULL) AS body_parts
             FROM json_each(?) AS asked CROSS JOIN cases ON case_no = asked.value ORDER BY asked.key",
        )
        .bind(serde_json::Value::from_iter(cases.iter().map(|case| case.sql())).to_string())
        .fetch_all(self.read())
        .await
        .map_err(CatalogError::query("reading cases"))?;
        let summary = |row: &SqliteRow| {
            Ok(CaseSummary {
                case_no: CaseNo::from_sql(row.get("case_no")),
                case_id: row.get("case_id"),
                facts: facts_of(row, sorted_texts(row, "labels")?),
                modalities: sorted_texts(row, "modalities")?,
                body_parts: sorted_texts(row, "body_parts")?,
                images: row.get::<i64, _>("images").unsigned_abs(),
                first_image_id: row.get("first_image"),
            })
        };
        rows.iter().map(summary).collect()
    }

    /// A page of cases by number: those after `after`, oldest first.
    pub async fn cases_page(
        &self,
        after: Option<CaseNo>,
        limit: u32,
    ) -> Result<Vec<CaseSummary>, CatalogError> {
        let rows =
            sqlx::query("SELECT case_no FROM cases WHERE case_no > ? ORDER BY case_no LIMIT ?")
                .bind(after.map_or(0, CaseNo::sql))
                .bind(i64::from(limit))
                .fetch_all(self.read())
                .await
                .map_err(CatalogError::query("reading a page of cases"))?;
        let cases: Vec<CaseNo> = rows
            .iter()
            .map(|row| CaseNo::from_sql(row.get(0)))
            .collect();
        self.case_summaries(&cases).await
    }
}

/// Texts of a column that holds them as JSON.
fn sorted_texts(row: &SqliteRow, column: &'static str) -> Result<Vec<String>, CatalogError> {
    let mut texts: Vec<String> =
        serde_json::from_str(row.get(column)).map_err(|source| CatalogError::Corrupt {
            what: column,
            reason: source.to_string(),
        })?;
    texts.sort_unstable();
    Ok(texts)
}

/// Facts out of a row of `cases`.
pub(crate) fn facts_of(row: &SqliteRow, labels: Vec<String>) -> CaseFacts {
    CaseFacts {
        title: row.get("title"),
        labels,
        sex: row.get("sex"),
        age_years: row.get("age_years"),
        date: row.get("study_date"),
        site: row.get("site"),
        synthetic: row.get("synthetic"),
        patient: row.get("patient"),
    }
}

pub(crate) async fn labels_of(
    conn: &mut SqliteConnection,
    case: CaseNo,
) -> Result<Vec<String>, CatalogError> {
    let rows = sqlx::query("SELECT label FROM case_labels WHERE case_no = ? ORDER BY label")
        .bind(case.sql())
        .fetch_all(&mut *conn)
        .await
        .map_err(CatalogError::query("reading labels"))?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

pub(crate) async fn reports_of(
    conn: &mut SqliteConnection,
    case: CaseNo,
) -> Result<Vec<ReportRecord>, CatalogError> {
    let rows = sqlx::query(
        "SELECT text, language, analysis_json FROM reports WHERE case_no = ? ORDER BY report_no",
    )
    .bind(case.sql())
    .fetch_all(&mut *conn)
    .await
    .map_err(CatalogError::query("reading reports"))?;
    let report = |row: &SqliteRow| ReportRecord {
        text: row.get(0),
        language: row.get(1),
        analysis_json: row.get(2),
    };
    Ok(rows.iter().map(report).collect())
}
