//! The two flows of casekin, ingest and search, over the leaves that do the work.
//!
//! The engine opens a library (one process at a time), takes files in, encodes them, keeps the index behind the
//! catalog, answers questions and changes models. It never speaks HTTP and never parses pictures, reports or SQL
//! itself: it hands plain data from one leaf to the next.

mod answer;
mod config;
mod convert;
mod dot;
mod encoding;
mod error;
mod evaluation;
mod evidence;
mod export;
mod heatmap;
mod ingest;
mod judgement;
mod labels;
mod library;
mod lock;
mod models;
mod open_slides;
mod pictures;
mod projection;
mod query;
mod query_pictures;
mod reconcile;
mod records;
mod reencode;
mod search;
mod self_check;
mod shelves;
mod status;
mod volumes;
mod worker;

pub use casekin_encoder::{Agreement, least_cosine};
pub use casekin_imaging::{
    Cuts, Decoders, Limits, PIPELINE_VERSION, Source, VolumeSlice, WorkerCommand,
    serve as serve_decoding,
};
pub use casekin_index::{IndexSettings, VectorCode};

pub use answer::{
    Facet, FacetValue, FacetsOver, FoundBy, Hit, HitView, Judgement, Mark, ModelSummary, Passage,
    PassagePart, QueryPart, QueryView, SearchAnswer, Vote, Votes,
};
pub use config::{DeidentifyConfig, EncoderConfig, EngineConfig, IngestConfig, SearchConfig};
pub use encoding::{EmbedRequest, EncoderWork, LooseEncoder};
pub use error::EngineError;
pub use evaluation::{
    ClassPrompts, ComparedWay, ComparedWays, Difference, EvaluationCounts, FindingPrompts,
    LabelRow, MetricRow, Provenance, RecallReport, RecallRequest, RecallRow, RetrievalReport,
    RetrievalRequest, ZeroShotCounts, ZeroShotMetric, ZeroShotPicture, ZeroShotPrompts,
    ZeroShotReport, ZeroShotRequest, ZeroShotRow, recall_markdown, retrieval_markdown,
    retrieval_svg, zero_shot_markdown,
};
pub use export::{ExportPage, ExportRequest, ExportedView};
pub use heatmap::{HeatGrid, Likeness};
pub use ingest::manifest_in;
pub use library::Library;
pub use lock::ServiceAddress;
pub use pictures::Rendering;
pub use query::{Aggregate, ImageQuery, SearchRequest, Way};
pub use records::{
    BatchRecord, CaseIdentityRecord, CaseListItem, CasePage, CaseRecord, CollectionItem,
    CollectionName, CollectionRecord, ConflictRecord, Embedding, EncodedView, EvidenceItem,
    EvidencePassage, FailureRecord, ImageRecord, IngestRequest, JobPage, JobRecord, ModelRecord,
    PyramidRecord, QueryPictureRecord, ReportRecord, SectionRecord, SentenceRecord, SeriesPlace,
    TokenRecord, Upload, UploadFacts, VolumeRecord, WorkerJob, WorkerMeasure, WorkerResult,
};
pub use self_check::{ModelCheck, TowerCheck};
pub use shelves::ItemChange;
pub use status::{IndexProgress, JobCounts, ReencodeProgress, Status};
pub use worker::{Worker, WorkerEncoder, WorkerPort};
