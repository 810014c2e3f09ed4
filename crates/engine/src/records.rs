//! What the library shows of itself: cases, pictures, batches, jobs, models, collections. Plain data for the command
//! line, the API and the page; no identity in any of it but in [`CaseIdentityRecord`].

mod work;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::answer::ModelSummary;

pub use work::{EncodedView, VolumeRecord, WorkerJob, WorkerMeasure, WorkerResult};

/// A page of cases.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct CasePage {
    /// Cases in all.
    pub total: u64,
    /// This page, counted from 0.
    pub page: u32,
    /// Cases of this page, the last added first.
    pub cases: Vec<CaseListItem>,
}

/// A case in a list.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct CaseListItem {
    /// Id of the case.
    pub case_id: String,
    /// One line that says what it is.
    pub title: String,
    /// Labels.
    pub labels: Vec<String>,
    /// Modalities of its pictures.
    pub modalities: Vec<String>,
    /// Body parts of its pictures.
    pub body_parts: Vec<String>,
    /// Study date, YYYY-MM-DD.
    pub date: Option<String>,
    /// "F", "M" or "O".
    pub sex: Option<String>,
    /// Age in years.
    pub age_years: Option<f32>,
    /// True for a drawn case.
    pub synthetic: bool,
    /// Pictures it has.
    pub images: u32,
    /// A picture to show for it.
    pub thumbnail_image_id: Option<String>,
}

/// A case, whole.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct CaseRecord {
    /// Id of the case.
    pub case_id: String,
    /// One line that says what it is.
    pub title: String,
    /// Labels.
    pub labels: Vec<String>,
    /// Modalities of its pictures.
    pub modalities: Vec<String>,
    /// Body parts of its pictures.
    pub body_parts: Vec<String>,
    /// Study date, YYYY-MM-DD.
    pub date: Option<String>,
    /// "F", "M" or "O".
    pub sex: Option<String>,
    /// Age in years.
    pub age_years: Option<f32>,
    /// Where it comes from.
    pub site: Option<String>,
    /// True for a drawn case.
    pub synthetic: bool,
    /// Its pictures.
    pub images: Vec<ImageRecord>,
    /// Its report, masked.
    pub report: Option<ReportRecord>,
    /// Groups of pictures that carry the same SOP Instance UID though their bytes differ; all are kept.
    pub conflicts: Vec<ConflictRecord>,
    /// Collections it is in.
    pub collections: Vec<CollectionName>,
    /// Pictures that cannot be found by picture yet.
    pub pending_images: u32,
}

/// Pictures that claim to be the same object and are not.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ConflictRecord {
    /// The pictures, of this case or others.
    pub image_ids: Vec<String>,
}

/// A collection's id and name.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct CollectionName {
    /// Id.
    pub id: String,
    /// Name.
    pub name: String,
}

/// One picture of a case.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ImageRecord {
    /// Id of the picture.
    pub image_id: String,
    /// Id of its case.
    pub case_id: String,
    /// "dicom", "png", "jpeg" …
    pub format: String,
    /// DICOM modality, or what the manifest says.
    pub modality: Option<String>,
    /// Body part.
    pub body_part: Option<String>,
    /// "L" or "R".
    pub laterality: Option<String>,
    /// Width in pixels.
    pub width_px: u32,
    /// Height in pixels.
    pub height_px: u32,
    /// Frames.
    pub frames: u32,
    /// Millimetres per pixel, x and y.
    pub mm_per_px: Option<[f32; 2]>,
    /// Centre and width of the window that the file names for its first frame, in its units (HU in CT).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<[f32; 2]>,
    /// Views cut from it.
    pub views: u32,
    /// "queued", "running", "encoded" or "failed".
    pub state: String,
    /// Why it failed.
    pub reason: Option<String>,
    /// Its place in a volume of several files, where it is a slice of one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub series: Option<SeriesPlace>,
    /// Path of the file; given by the command line only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}

/// Where a picture lies in a volume that is written as one file for each slice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SeriesPlace {
    /// The same for all slices of the volume: a keyed hash, no UID.
    pub series_id: String,
    /// Along the normal of the slices, in millimetres.
    pub position_mm: Option<f64>,
    /// Instance Number.
    pub number: Option<i32>,
    /// Whether it is searched by its own picture; slices that look like their neighbours are not.
    pub in_volume: bool,
}

/// A report, masked and cut into sections and sentences.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ReportRecord {
    /// "en", "fr", "de", "es" or "other".
    pub language: String,
    /// Sections in order.
    pub sections: Vec<SectionRecord>,
}

/// A section of a report.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SectionRecord {
    /// "title", "history", "technique", "findings", "impression" or "other".
    pub kind: String,
    /// Heading as written; empty where there is none.
    pub heading: String,
    /// Sentences in order.
    pub sentences: Vec<SentenceRecord>,
}

/// A sentence, with what it does to what it names.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct SentenceRecord {
    /// The text.
    pub text: String,
    /// "affirmed", "negated", "uncertain" or "historical".
    pub polarity: String,
}

/// What permitted roles may see of a case's identity.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct CaseIdentityRecord {
    /// Accession number.
    pub accession: Option<String>,
    /// Study Instance UID.
    pub study_uid: Option<String>,
}

/// A query picture that was uploaded.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct QueryPictureRecord {
    /// Id by which a query names it; kept for an hour.
    pub id: String,
    /// Width in pixels.
    pub width_px: u32,
    /// Height in pixels.
    pub height_px: u32,
    /// Frames.
    pub frames: u32,
    /// DICOM modality, where it is a DICOM object.
    pub modality: Option<String>,
}

/// The levels of a picture for a deep-zoom viewer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PyramidRecord {
    /// Width of the full picture in pixels.
    pub width_px: u32,
    /// Height in pixels.
    pub height_px: u32,
    /// Side of a tile in pixels, overlap not counted.
    pub tile_px: u32,
    /// Pixels by which neighbouring tiles overlap.
    pub overlap_px: u32,
    /// Number of levels; the last is the full picture.
    pub levels: u32,
}

/// What to ingest from the file system of this machine.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct IngestRequest {
    /// Files and folders, absolute.
    #[schema(value_type = Vec<String>)]
    pub paths: Vec<PathBuf>,
    /// Manifest (CSV or JSONL).
    #[schema(value_type = Option<String>)]
    pub manifest: Option<PathBuf>,
    /// Column of the manifest → field.
    pub map: BTreeMap<String, String>,
    /// Site of all of it.
    pub site: Option<String>,
    /// The cases are drawn ones.
    pub synthetic: bool,
}

/// An uploaded file with what is said of its case.
#[derive(Clone, Debug, Default)]
pub struct Upload {
    /// Name given by the client; an identity, used only for the report's masking and the error's reader.
    pub file_name: String,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// What is said of the case to which uploads belong.
#[derive(Clone, Debug, Default)]
pub struct UploadFacts {
    /// Id of the case.
    pub case_id: Option<String>,
    /// Title.
    pub title: Option<String>,
    /// Report text.
    pub report: Option<String>,
    /// Labels.
    pub labels: Vec<String>,
}

/// How far an ingest is.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct BatchRecord {
    /// Id of the batch.
    pub batch_id: String,
    /// "reading", "encoding" or "finished".
    pub state: String,
    /// Files found.
    pub found: u64,
    /// Files looked at so far.
    pub read: u64,
    /// Pictures waiting or being encoded.
    pub queued: u64,
    /// Pictures done.
    pub done: u64,
    /// Files whose bytes the library has already.
    pub known: u64,
    /// Files that hold no picture.
    pub not_a_picture: u64,
    /// Files and pictures that failed.
    pub failed: u64,
    /// Reports read.
    pub reports: u64,
    /// Pictures whose SOP Instance UID another object of different bytes carries.
    pub conflicts: u64,
    /// Estimated seconds left.
    pub seconds_left: Option<u64>,
    /// The first hundred failures.
    pub failures: Vec<FailureRecord>,
    /// Kinds of files that hold no picture, with counts.
    pub skipped: BTreeMap<String, u64>,
    /// What of the manifest could not be read as meant, by line and column; the rest of its row counts.
    pub warnings: Vec<String>,
    /// Why nothing is encoded now, where that is so: the pictures wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_encoding: Option<String>,
}

/// One failure of a batch.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct FailureRecord {
    /// Id of the picture, or "file N" by its place in the batch.
    pub item: String,
    /// The reason, and what to do.
    pub reason: String,
    /// Path of the file; given by the command line only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}

/// A page of jobs.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct JobPage {
    /// Failed jobs in all.
    pub total: u64,
    /// Jobs of this page.
    pub jobs: Vec<JobRecord>,
}

/// A failed job.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct JobRecord {
    /// Id of the job.
    pub job_id: u64,
    /// Picture it was to encode.
    pub image_id: String,
    /// Case of the picture.
    pub case_id: String,
    /// State.
    pub state: String,
    /// Why it failed.
    pub reason: Option<String>,
    /// How often it was tried.
    pub attempts: u32,
}

/// A model of the library.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ModelRecord {
    /// Id, name, profile.
    #[serde(flatten)]
    pub summary: ModelSummary,
    /// Length of its vectors.
    pub dimension: u32,
    /// True for the one that searches use.
    pub active: bool,
    /// Vectors of it.
    pub vectors: u64,
    /// Folder of its files; given by the command line only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dir: Option<String>,
}

/// A vector with what it is of.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Embedding {
    /// The text, or the picture's name with `#frame` for one of several views.
    pub source: String,
    /// Id of the model.
    pub model: String,
    /// Preprocessing profile.
    pub profile: String,
    /// The L2-normalised vector.
    pub vector: Vec<f32>,
}

/// A collection.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct CollectionRecord {
    /// Id.
    pub id: String,
    /// Name.
    pub name: String,
    /// Number of cases.
    pub cases: u32,
    /// Last change, RFC 3339.
    pub updated: String,
    /// Its cases in order; left out in lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub items: Option<Vec<CollectionItem>>,
}

/// A case in a collection.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct CollectionItem {
    /// Id of the case.
    pub case_id: String,
    /// Title of the case.
    pub title: String,
    /// Labels of the case.
    pub labels: Vec<String>,
    /// Note on why it is here.
    pub note: String,
    /// Place, from 0.
    pub position: u32,
    /// A picture to show for it.
    pub thumbnail_image_id: Option<String>,
}

/// An access token without its secret.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct TokenRecord {
    /// Id.
    pub id: String,
    /// "reader", "curator" or "admin".
    pub role: String,
    /// Whose it is.
    pub name: String,
    /// When it was made, RFC 3339.
    pub created: String,
    /// The secret; given once, when the token is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

/// A numbered piece of evidence for a summary.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct EvidenceItem {
    /// Number by which a sentence cites it, from 1.
    pub number: u32,
    /// Case it comes from.
    pub case_id: String,
    /// Title of the case.
    pub title: String,
    /// Labels of the case.
    pub labels: Vec<String>,
    /// Similarity to the query.
    pub similarity: Option<f32>,
    /// Passages of the masked report.
    pub passages: Vec<EvidencePassage>,
}

/// A sentence of a report that a summary may rest on.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct EvidencePassage {
    /// The text.
    pub text: String,
    /// "affirmed", "negated", "uncertain" or "historical".
    pub polarity: String,
    /// True for a sentence of the impression.
    pub impression: bool,
}
