//! Cases as they are read: records, pages, look-ups.

use serde::Serialize;

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
    /// Images.
    pub images: u64,
    /// Public id of the first image.
    pub first_image_id: Option<String>,
}

impl Catalog {
    /// A case by number.
    pub async fn case(&self, _case: CaseNo) -> Result<Option<CaseRecord>, CatalogError> {
        todo!()
    }

    /// A case by public id.
    pub async fn case_by_id(&self, _case_id: &str) -> Result<Option<CaseRecord>, CatalogError> {
        todo!()
    }

    /// The number behind a public id.
    pub async fn case_no(&self, _case_id: &str) -> Result<Option<CaseNo>, CatalogError> {
        todo!()
    }

    /// Summaries of these cases, in the order given, without those that are gone: what a hit shows.
    pub async fn case_summaries(
        &self,
        _cases: &[CaseNo],
    ) -> Result<Vec<CaseSummary>, CatalogError> {
        todo!()
    }

    /// A page of cases by number: those after `after`, oldest first.
    pub async fn cases_page(
        &self,
        _after: Option<CaseNo>,
        _limit: u32,
    ) -> Result<Vec<CaseSummary>, CatalogError> {
        todo!()
    }
}
