//! Cases as they are listed, shown, looked up and deleted.

use std::collections::BTreeSet;

use casekin_catalog::{
    CaseNo, CaseSummary, ImageRecord as CatalogImage, ReportRecord as CatalogReport,
};
use casekin_reports::{Analysis, SectionKind};

use crate::error::EngineError;
use crate::evidence::polarity_name;
use crate::library::Library;
use crate::pictures::image_record;
use crate::records::{
    CaseIdentityRecord, CaseListItem, CasePage, CaseRecord, ConflictRecord, JobPage, JobRecord,
    ReportRecord, SectionRecord, SentenceRecord,
};
use crate::search::parse_filters;

/// Cases of one page.
const PAGE: usize = 50;

impl Library {
    /// A page of the cases that the filters let through, the last added first.
    ///
    /// # Errors
    /// A filter that cannot be understood.
    pub async fn cases(&self, page: u32, filters: &[String]) -> Result<CasePage, EngineError> {
        let filter = parse_filters(filters)?;
        let index = self.inner.serving().index.clone();
        let mut numbers = tokio::task::spawn_blocking(move || index.cases(&filter, None)).await??;
        numbers.sort_unstable_by_key(|case_no| std::cmp::Reverse(*case_no));
        let shown: Vec<CaseNo> = numbers
            .iter()
            .skip(page as usize * PAGE)
            .take(PAGE)
            .map(|case_no| CaseNo(*case_no))
            .collect();
        let mut summaries = self.inner.catalog.case_summaries(&shown).await?;
        summaries.sort_by_key(|summary| std::cmp::Reverse(summary.case_no));
        Ok(CasePage {
            total: numbers.len() as u64,
            page,
            cases: summaries.into_iter().map(list_item).collect(),
        })
    }

    /// The number of a case that must be there.
    pub(crate) async fn known_case_no(
        &self,
        case_id: &str,
    ) -> Result<casekin_catalog::CaseNo, EngineError> {
        self.inner
            .catalog
            .case_no(case_id)
            .await?
            .ok_or(EngineError::NoSuchCase)
    }

    /// A case, whole; with file paths only for the command line.
    ///
    /// # Errors
    /// [`EngineError::NoSuchCase`].
    pub async fn case(&self, case_id: &str, with_paths: bool) -> Result<CaseRecord, EngineError> {
        let case = self
            .inner
            .catalog
            .case_by_id(case_id)
            .await?
            .ok_or(EngineError::NoSuchCase)?;
        let images: Vec<_> = case
            .images
            .iter()
            .map(|image| image_record(image, with_paths))
            .collect();
        let of_images = |pick: fn(&CatalogImage) -> Option<&String>| -> Vec<String> {
            case.images
                .iter()
                .filter_map(pick)
                .cloned()
                .collect::<BTreeSet<_>>()
                .into_iter()
                .collect()
        };
        let conflicts = case
            .images
            .iter()
            .filter(|image| !image.conflicts.is_empty())
            .map(|image| {
                let mut image_ids = vec![image.image_id.clone()];
                image_ids.extend(image.conflicts.iter().cloned());
                ConflictRecord { image_ids }
            });
        let collections = self.collections_with(case.case_no).await?;
        Ok(CaseRecord {
            case_id: case.case_id.clone(),
            title: case.facts.title.clone().unwrap_or_default(),
            labels: case.facts.labels.clone(),
            modalities: of_images(|image| image.facts.modality.as_ref()),
            body_parts: of_images(|image| image.facts.body_part.as_ref()),
            date: case.facts.date.clone(),
            sex: case.facts.sex.clone(),
            age_years: case.facts.age_years.map(|years| years as f32),
            site: case.facts.site.clone(),
            synthetic: case.facts.synthetic,
            pending_images: images
                .iter()
                .filter(|image| image.state == "queued" || image.state == "running")
                .count() as u32,
            report: report_record(&case.reports),
            conflicts: conflicts.collect(),
            collections,
            images,
        })
    }

    /// Accession and Study UID of a case; for curators and admins.
    ///
    /// # Errors
    /// [`EngineError::NoSuchCase`].
    pub async fn case_identity(&self, case_id: &str) -> Result<CaseIdentityRecord, EngineError> {
        let case_no = self.known_case_no(case_id).await?;
        let identity = self.inner.catalog.identity_of(case_no).await?;
        let joined = |values: &[String]| (!values.is_empty()).then(|| values.join(", "));
        Ok(CaseIdentityRecord {
            accession: joined(&identity.accessions),
            study_uid: joined(&identity.study_uids),
        })
    }

    /// Cases of an accession number or a Study Instance UID.
    ///
    /// # Errors
    /// Any error of the catalog.
    pub async fn find_cases(
        &self,
        accession: Option<&str>,
        study_uid: Option<&str>,
    ) -> Result<Vec<String>, EngineError> {
        let mut found = Vec::new();
        if let Some(accession) = accession {
            found.extend(self.inner.catalog.find_by_accession(accession).await?);
        }
        if let Some(study_uid) = study_uid {
            found.extend(self.inner.catalog.find_by_study_uid(study_uid).await?);
        }
        Ok(found.into_iter().map(|(_, case_id)| case_id).collect())
    }

    /// Deletes a case: rows, vectors, thumbnails, uploaded objects, index entries, caches. Files that were read in
    /// place stay where they are.
    ///
    /// # Errors
    /// [`EngineError::NoSuchCase`]. After a crash the next start finishes the work.
    pub async fn delete_case(&self, case_id: &str) -> Result<(), EngineError> {
        let case = self
            .inner
            .catalog
            .case_by_id(case_id)
            .await?
            .ok_or(EngineError::NoSuchCase)?;
        for image in &case.images {
            self.inner.tiles.forget(&image.image_id);
            self.inner.prints.forget(&image.image_id);
            self.inner.slides.forget(&image.image_id);
        }
        let _objects = self.inner.object_change.write().await;
        let deleted = self.inner.catalog.delete_case(case.case_no).await?;
        crate::reconcile::erase(&self.inner, &deleted).await
    }

    /// Failed jobs with their reasons.
    ///
    /// # Errors
    /// Any error of the catalog.
    pub async fn failed_jobs(&self, page: u32) -> Result<JobPage, EngineError> {
        let total = self.inner.catalog.jobs_summary().await?.failed;
        let failed = self
            .inner
            .catalog
            .failed_jobs(PAGE as u32, page * PAGE as u32)
            .await?;
        let jobs = failed.into_iter().map(|job| JobRecord {
            job_id: job.job_id.0,
            image_id: job.image_id,
            case_id: job.case_id,
            state: "failed".to_owned(),
            reason: Some(job.reason),
            attempts: job.attempts,
        });
        Ok(JobPage {
            total,
            jobs: jobs.collect(),
        })
    }

    /// Puts failed jobs back into the queue.
    ///
    /// # Errors
    /// Any error of the catalog.
    pub async fn retry_failed(&self) -> Result<u64, EngineError> {
        let requeued = self.inner.catalog.requeue_failed().await?;
        self.inner.jobs.notify_one();
        Ok(requeued)
    }
}

fn list_item(summary: CaseSummary) -> CaseListItem {
    CaseListItem {
        case_id: summary.case_id,
        title: summary.facts.title.unwrap_or_default(),
        labels: summary.facts.labels,
        modalities: summary.modalities,
        body_parts: summary.body_parts,
        date: summary.facts.date,
        sex: summary.facts.sex,
        age_years: summary.facts.age_years.map(|years| years as f32),
        synthetic: summary.facts.synthetic,
        images: summary.images as u32,
        thumbnail_image_id: summary.first_image_id,
    }
}

fn report_record(reports: &[CatalogReport]) -> Option<ReportRecord> {
    let language = reports.first()?.language.clone();
    let mut sections = Vec::new();
    for report in reports {
        match serde_json::from_str::<Analysis>(&report.analysis_json) {
            Ok(analysis) => sections.extend(section_records(&analysis)),
            // An analysis of another version: the text is shown whole.
            Err(_) => sections.push(SectionRecord {
                kind: "other".into(),
                heading: String::new(),
                sentences: vec![SentenceRecord {
                    text: report.text.clone(),
                    polarity: "affirmed".into(),
                }],
            }),
        }
    }
    Some(ReportRecord { language, sections })
}

fn section_records(analysis: &Analysis) -> Vec<SectionRecord> {
    let mut sections: Vec<SectionRecord> = analysis
        .sections
        .iter()
        .map(|section| SectionRecord {
            kind: kind_name(section.kind).to_owned(),
            heading: section.heading.clone(),
            sentences: Vec::new(),
        })
        .collect();
    for sentence in &analysis.sentences {
        if let Some(section) = sections.get_mut(sentence.section) {
            let polarity = polarity_name(sentence.polarity).to_owned();
            section.sentences.push(SentenceRecord {
                text: sentence.text.clone(),
                polarity,
            });
        }
    }
    sections.retain(|section| !section.sentences.is_empty());
    sections
}

fn kind_name(kind: SectionKind) -> &'static str {
    match kind {
        SectionKind::Title => "title",
        SectionKind::History => "history",
        SectionKind::Technique => "technique",
        SectionKind::Findings => "findings",
        SectionKind::Impression => "impression",
        SectionKind::Other => "other",
    }
}
