//! The catalog: the only SQL of casekin, and with the vector log the truth that both indexes project.
//!
//! Cases, images, views and where each one's vector lies, reports, labels, jobs, collections, tokens, audit;
//! the table `sealed`, which alone holds what identifies a patient, encrypted; and the object store for
//! thumbnails and sealed uploads. One writer, several readers, SQLite in WAL mode with full synchronisation:
//! what a method has returned survives power loss.
//!
//! It never sees pixels, vectors or HTTP; it never logs an identifier, a path, a label or a report's text.

mod admission;
mod admit;
mod audit;
mod batches;
mod cases;
mod clock;
mod collections;
mod completion;
mod deletions;
mod entries;
mod error;
mod id;
mod identity;
mod images;
mod jobs;
mod keyring;
mod kinds;
mod models;
mod object;
mod reencode;
mod sealed;
mod stacks;
mod status;
mod store;
mod tokens;
mod views;

pub use admission::{Admission, Admitted, NewCaseFacts, NewImage, NewReport, Outcome};
pub use audit::{AuditEntry, AuditRecord};
pub use batches::{BatchFailure, BatchFile, BatchRecord, BatchSummary, FileOutcome};
pub use cases::{CaseFacts, CaseRecord, CaseSummary, ReportRecord};
pub use clock::Clock;
pub use collections::{CollectionCase, CollectionRecord, CollectionSummary};
pub use completion::{Completed, JobOutcome, NewView};
pub use deletions::{Deleted, ErasedVector};
pub use entries::{CaseEntry, Change, EntryView};
pub use error::CatalogError;
pub use id::{
    BatchNo, CaseNo, CollectionId, ImageNo, JobId, MAX_VIEW_NO, ModelStamp, PixelBox,
    VectorLocation, ViewRef,
};
pub use identity::{CaseFallback, CaseIdentity};
pub use images::{ImageFacts, ImageRecord, ObjectRef, SopConflict};
pub use jobs::{FailedJob, JobsSummary, LeasedJob};
pub use keyring::Keyring;
pub use kinds::ImageKind;
pub use models::{ModelRecord, NewModel};
pub use object::{ObjectWriter, Objects, StoredObject};
pub use reencode::{ReencodeImage, ReencodeProgress};
pub use sealed::UnsealedIdentity;
pub use stacks::{NewSlice, SlicePlan, Stack, StackPlace, StackSlice};
pub use status::StatusCounts;
pub use store::{Catalog, CatalogOptions};
pub use tokens::{NewToken, Role, TokenRecord};
pub use views::{HydratedView, ViewRecord};
