//! The one error type of the catalog. No message holds an identifier, a path of a user's file or a report's text.

use std::path::PathBuf;

use crate::{BatchNo, CaseNo, ImageNo, JobId};

/// What the catalog could not do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CatalogError {
    /// The database file could not be opened or created.
    #[error("opening the catalog {}", path.display())]
    Open {
        /// The database file.
        path: PathBuf,
        /// The reason.
        source: sqlx::Error,
    },
    /// A migration failed, or the file was made by a newer casekin.
    #[error("bringing the catalog {} to this version's schema", path.display())]
    Migrate {
        /// The database file.
        path: PathBuf,
        /// The reason.
        source: sqlx::migrate::MigrateError,
    },
    /// A statement failed.
    #[error("catalog: {action}")]
    Query {
        /// What was being done.
        action: &'static str,
        /// The reason.
        source: sqlx::Error,
    },
    /// The key file could not be read or written.
    #[error("reading or making the key file {}", path.display())]
    KeyFile {
        /// The key file.
        path: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
    /// The key file does not hold 64 hexadecimal digits.
    #[error("the key file {} does not hold 32 bytes as 64 hexadecimal digits", path.display())]
    KeyFormat {
        /// The key file.
        path: PathBuf,
    },
    /// Everybody on the machine can read the key file.
    #[error("the key file {} is readable by everybody: chmod 600 it", path.display())]
    KeyExposed {
        /// The key file.
        path: PathBuf,
    },
    /// The key is not the one this library was made with.
    #[error(
        "this library was made with another key; put the key file it was made with back in place"
    )]
    WrongKey,
    /// A sealed value cannot be opened: it was damaged or moved.
    #[error("a sealed {kind} cannot be opened: the catalog is damaged")]
    Unseal {
        /// The kind of value, not the value.
        kind: &'static str,
    },
    /// There is no such case.
    #[error("there is no case with this id")]
    UnknownCase,
    /// There is no such image.
    #[error("there is no image with this id")]
    UnknownImage,
    /// There is no such collection.
    #[error("there is no collection with this id")]
    UnknownCollection,
    /// There is no such batch.
    #[error("there is no ingest batch {0}")]
    UnknownBatch(BatchNo),
    /// There is no such token.
    #[error("there is no token with this id")]
    UnknownToken,
    /// The model is not registered.
    #[error("model {model_id} is not registered: casekin model add")]
    UnknownModel {
        /// The model's id.
        model_id: String,
    },
    /// Another worker holds the job now, or it is gone with its case.
    #[error("job {job} is no longer leased to this worker; its result is not taken")]
    LeaseLost {
        /// The job.
        job: JobId,
    },
    /// The vectors were made by something else than what the library holds.
    #[error(
        "vectors of {given} do not belong in a library of {active}; run casekin reencode to change the model"
    )]
    StampMismatch {
        /// The stamp that was given.
        given: String,
        /// The library's stamp, or `no model`.
        active: String,
    },
    /// Images are left without vectors of the new stamp.
    #[error(
        "{remaining} images still have no vectors of the new model; the library is not swapped"
    )]
    ReencodeUnfinished {
        /// How many.
        remaining: u64,
    },
    /// A view has a number that was not reserved for its case, or one that is in use.
    #[error("view {view_no} of case {case} was not reserved for it or is in use")]
    ViewNotReserved {
        /// The case.
        case: CaseNo,
        /// The view's number.
        view_no: u32,
    },
    /// A case has used up its view numbers, or the catalog its case numbers.
    #[error("{what} numbers are used up (at most {limit})")]
    NumbersUsedUp {
        /// `case` or `view`.
        what: &'static str,
        /// The bound.
        limit: u64,
    },
    /// A value from outside breaks a rule of its field.
    #[error("{field}: {reason}")]
    InvalidValue {
        /// The field.
        field: &'static str,
        /// What is wrong, without the value.
        reason: &'static str,
    },
    /// A row holds what this version cannot read.
    #[error("the catalog's {what} is not readable: {reason}")]
    Corrupt {
        /// Which value.
        what: &'static str,
        /// Why not.
        reason: String,
    },
    /// The write-ahead log could not be emptied because readers hold it; try again.
    #[error("the catalog's log is in use and still holds deleted rows; try again")]
    LogInUse,
    /// The object store failed.
    #[error("object store: {action}")]
    Object {
        /// What was being done.
        action: &'static str,
        /// The reason.
        source: object_store::Error,
    },
    /// The folder of the object store could not be used.
    #[error("object store: {action}")]
    ObjectFolder {
        /// What was being done.
        action: &'static str,
        /// The reason.
        source: std::io::Error,
    },
    /// An object is larger than the caller allows.
    #[error("the object is {bytes} bytes, more than the {limit} allowed")]
    ObjectTooLarge {
        /// Its size.
        bytes: u64,
        /// The bound.
        limit: u64,
    },
    /// A sealed object is damaged, cut short or of another key.
    #[error("a stored object cannot be opened: {reason}")]
    ObjectDamaged {
        /// What is wrong.
        reason: &'static str,
    },
    /// The image has no job in this state.
    #[error("image {image} has no vectors to replace")]
    NothingToReencode {
        /// The image.
        image: ImageNo,
    },
}

impl CatalogError {
    /// For `map_err`: a failed statement with what it was for.
    pub(crate) fn query(action: &'static str) -> impl FnOnce(sqlx::Error) -> Self {
        move |source| Self::Query { action, source }
    }
}
