//! Admission: one file's case, image, report and job enter the catalog in one transaction.

use std::fmt;

use crate::{BatchNo, CaseIdentity, CaseNo, ImageNo, JobId, NewSlice, ObjectRef};

/// One file (or one report) as it enters.
#[derive(Debug, Clone, Default)]
pub struct Admission {
    /// Who the case is.
    pub case: CaseIdentity,
    /// What is known of the case. First come, first kept: a later admission fills gaps and adds labels.
    pub case_facts: NewCaseFacts,
    /// The picture, if there is one.
    pub image: Option<NewImage>,
    /// The report, if there is one.
    pub report: Option<NewReport>,
    /// The batch in whose summary the file is counted.
    pub batch: Option<BatchNo>,
}

/// Facts of a case, none of which identifies a patient.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NewCaseFacts {
    /// Title for cards and lists.
    pub title: Option<String>,
    /// Labels; unknown manifest columns come here too.
    pub labels: Vec<String>,
    /// `F`, `M`, `O`.
    pub sex: Option<String>,
    /// Age at the study in years.
    pub age_years: Option<f64>,
    /// Study date, `yyyy-mm-dd`.
    pub date: Option<String>,
    /// Site or institution, where it may be shown.
    pub site: Option<String>,
    /// Drawn by casekin itself.
    pub synthetic: bool,
}

/// A picture as it enters. Nothing in the plain fields identifies a patient.
#[derive(Clone)]
pub struct NewImage {
    /// SHA-256 of the file's plain bytes.
    pub content_sha256: [u8; 32],
    /// Where the bytes are.
    pub object: ObjectRef,
    /// Size of the file.
    pub bytes: u64,
    /// `dicom`, `png`, `jpeg`, …
    pub format: String,
    /// DICOM modality (0008,0060), or a word of the manifest.
    pub modality: Option<String>,
    /// Body part.
    pub body_part: Option<String>,
    /// `L`, `R`, `B`, `U`.
    pub laterality: Option<String>,
    /// SOP Instance UID: kept as a keyed hash alone, for the conflict rule.
    pub sop_instance_uid: Option<String>,
    /// The name an upload came with; sealed.
    pub original_name: Option<String>,
    /// Further facts as a JSON object, none identifying.
    pub facts_json: String,
    /// Its place in a volume of several files.
    pub slice: Option<NewSlice>,
}

impl fmt::Debug for NewImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewImage")
            .field("bytes", &self.bytes)
            .field("format", &self.format)
            .field("modality", &self.modality)
            .finish_non_exhaustive()
    }
}

/// A report, masked of known identifiers before it comes here.
#[derive(Clone)]
pub struct NewReport {
    /// The masked text.
    pub text: String,
    /// ISO 639-1 code, `en`.
    pub language: String,
    /// The analysis (sections, sentences, polarity) as JSON.
    pub analysis_json: String,
    /// What the report came from (a path, a manifest row): kept as a keyed hash, so that a corrected text of
    /// the same source takes the place of the old one. Without it, only an equal text is known again.
    pub source: Option<String>,
}

impl fmt::Debug for NewReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewReport")
            .field("chars", &self.text.len())
            .field("language", &self.language)
            .finish_non_exhaustive()
    }
}

/// What an admission came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Something new: an image, or a case without an image.
    New,
    /// The bytes were known; the other path is remembered and there is no second job.
    /// `elsewhere` names the case that holds the image where it is another than the admission's.
    KnownImage {
        /// The other case, if it is another.
        elsewhere: Option<CaseNo>,
    },
    /// The image is new, but other bytes carry the same SOP Instance UID: both are kept.
    SopConflict {
        /// The images with the same UID and other bytes.
        with: Vec<ImageNo>,
    },
    /// No image was given and the case was known.
    KnownCase,
}

/// The result of an admission, durable when it is returned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admitted {
    /// The case that took facts and report.
    pub case_no: CaseNo,
    /// Its public id.
    pub case_id: String,
    /// The image, new or known.
    pub image_no: Option<ImageNo>,
    /// Its public id.
    pub image_id: Option<String>,
    /// The job to do: of a new image, or of a known one whose job had failed and is queued again.
    pub job: Option<JobId>,
    /// What happened.
    pub outcome: Outcome,
    /// The sequence number under which the case last changed.
    pub seq: u64,
}
