//! What can go wrong in the two flows. Messages say what to do next and hold no patient's data.

use casekin_catalog::CatalogError;
use casekin_encoder::EncoderError;
use casekin_imaging::ImagingError;
use casekin_index::IndexError;
use casekin_reports::ReportError;
use thiserror::Error;

/// An error of the engine.
#[derive(Debug, Error)]
pub enum EngineError {
    /// Another process writes this library.
    #[error("the library is in use by another process{}", address.as_deref().map(|at| format!(" ({at})")).unwrap_or_default())]
    LibraryInUse {
        /// Address of the service that holds it, where it left one.
        address: Option<String>,
    },
    /// The question has neither words nor pictures nor a case.
    #[error("nothing to search for: give words, a picture or a case")]
    EmptyQuery,
    /// A part of the question cannot be understood.
    #[error("{what}")]
    BadQuery {
        /// What is wrong and what is allowed.
        what: String,
    },
    /// The question is beyond a bound of the index.
    #[error("the question has too many {what}, at most {limit} make one; ask with fewer")]
    QueryTooLarge {
        /// What is counted.
        what: &'static str,
        /// How many there may be.
        limit: usize,
    },
    /// None of the ways that the question chooses has anything to go by in it.
    #[error(
        "the chosen ways ({chosen}) have nothing to go by in this question: report and label go by words, image by \
         pictures, text_to_image by words that affirm; {}",
        if usable.is_empty() { "no other way has either".to_owned() } else { format!("choose of {usable}, or leave the ways out") }
    )]
    NothingToGoBy {
        /// The ways that were chosen, by name.
        chosen: String,
        /// The ways that have something to go by, by name.
        usable: String,
    },
    /// A picture of the question has no such frame.
    #[error("the picture has no frame {frame}; it has {frames}, counted from 0")]
    NoSuchFrame {
        /// The frame as it was asked for.
        frame: u32,
        /// How many there are.
        frames: u32,
    },
    /// There is no such case.
    #[error("there is no case with this id")]
    NoSuchCase,
    /// A case that the question marks is not there, or no more.
    #[error("there is no case {case_id:?} to mark as relevant or not; take the mark back")]
    NoSuchMarkedCase {
        /// The id as it was given.
        case_id: String,
    },
    /// There is no such picture.
    #[error("there is no picture with this id")]
    NoSuchImage,
    /// A query picture is no longer kept.
    #[error("this query picture is no longer kept; give it again")]
    QueryPictureGone,
    /// There is no such batch.
    #[error("there is no ingest batch with this id")]
    NoSuchBatch,
    /// There is no such collection.
    #[error("there is no collection with this id")]
    NoSuchCollection,
    /// There is no such token.
    #[error("there is no token with this id")]
    NoSuchToken,
    /// There is no such job.
    #[error("there is no job with this id")]
    NoSuchJob,
    /// The lease of a job has run out or another worker has it.
    #[error("the lease of this job has run out; another worker may have it")]
    LeaseLost,
    /// There is no such model.
    #[error("there is no model {name:?} in this library; `casekin model list` shows them")]
    NoSuchModel {
        /// Name or id asked for.
        name: String,
    },
    /// The library already holds vectors of another model.
    #[error(
        "the library holds {vectors} vectors of {active:?}; `casekin reencode --model {name}` changes it to this model while the old index serves"
    )]
    ModelNeedsReencode {
        /// The active model.
        active: String,
        /// The model that was added.
        name: String,
        /// Vectors of the active model.
        vectors: u64,
    },
    /// A model's files are no longer what they were when it was added.
    #[error(
        "the files of model {name:?} have changed since it was added; restore them, or add the folder again under its new id"
    )]
    ModelChanged {
        /// Name of the model.
        name: String,
    },
    /// The recorded self-check vectors of a model are damaged.
    #[error(
        "the self-check vectors in {file} cannot be read; delete that file, and `casekin model verify` records them anew"
    )]
    ReadSelfCheck {
        /// The file.
        file: String,
        /// Why.
        source: serde_json::Error,
    },
    /// A model does not give the vectors that it is held to, so none of its vectors was kept.
    #[error("the model failed its self-check, and nothing is encoded with it: {reason}")]
    SelfCheckFailed {
        /// What was found, and what to do.
        reason: String,
    },
    /// Search by picture is asked for and no model can be run.
    #[error("pictures cannot be searched now: {reason}")]
    NoEncoder {
        /// Why, and what to do.
        reason: String,
    },
    /// Too many questions wait for the encoder.
    #[error("too many questions wait for the encoder; try again in a moment")]
    EncoderBusy,
    /// A re-encoding is already running.
    #[error("a re-encoding is already running; `casekin status` shows how far it is")]
    ReencodeRunning,
    /// An uploaded worker result does not fit the job.
    #[error("the worker's result was refused: {reason}")]
    WorkerResult {
        /// What does not fit.
        reason: String,
    },
    /// The picture's file is no longer where it was read.
    #[error("the file of this picture is gone or has changed since it was read; ingest it again")]
    ObjectGone,
    /// Reading or writing a file of the library.
    #[error("could not {action}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// Why it failed.
        source: std::io::Error,
    },
    /// The catalog.
    #[error(transparent)]
    Catalog(CatalogError),
    /// The vector log or the index.
    #[error(transparent)]
    Index(IndexError),
    /// A picture.
    #[error(transparent)]
    Imaging(#[from] ImagingError),
    /// The model.
    #[error(transparent)]
    Encoder(#[from] EncoderError),
    /// A report.
    #[error(transparent)]
    Report(#[from] ReportError),
    /// A manifest. Its error is told here and is no further source, for it would be told twice.
    #[error("the manifest: {0}")]
    Manifest(casekin_reports::manifest::ManifestError),
    /// A task of this process died.
    #[error("a task of this process died: {0}")]
    Task(String),
}

impl From<casekin_reports::manifest::ManifestError> for EngineError {
    fn from(error: casekin_reports::manifest::ManifestError) -> Self {
        Self::Manifest(error)
    }
}

impl EngineError {
    /// An [`EngineError::Io`] that says what was tried.
    pub fn io(action: &'static str, source: std::io::Error) -> Self {
        Self::Io { action, source }
    }

    /// An [`EngineError::BadQuery`].
    pub fn bad_query(what: impl Into<String>) -> Self {
        Self::BadQuery { what: what.into() }
    }
}

impl From<tokio::task::JoinError> for EngineError {
    fn from(error: tokio::task::JoinError) -> Self {
        // A panic's payload may quote input; only the fact is passed on.
        Self::Task(if error.is_panic() {
            "panic".into()
        } else {
            "cancelled".into()
        })
    }
}

impl From<IndexError> for EngineError {
    fn from(error: IndexError) -> Self {
        match error {
            IndexError::QueryTooLarge { what, limit, .. } => Self::QueryTooLarge { what, limit },
            IndexError::FilterSyntax | IndexError::FilterField | IndexError::FilterValue { .. } => {
                Self::bad_query(error.to_string())
            }
            other => Self::Index(other),
        }
    }
}

impl From<CatalogError> for EngineError {
    fn from(error: CatalogError) -> Self {
        match error {
            CatalogError::UnknownCase => Self::NoSuchCase,
            CatalogError::UnknownImage => Self::NoSuchImage,
            CatalogError::UnknownBatch(_) => Self::NoSuchBatch,
            CatalogError::UnknownCollection => Self::NoSuchCollection,
            CatalogError::UnknownToken => Self::NoSuchToken,
            CatalogError::UnknownModel { model_id } => Self::NoSuchModel { name: model_id },
            CatalogError::LeaseLost { .. } => Self::LeaseLost,
            other => Self::Catalog(other),
        }
    }
}
