//! What a service and a worker on another machine say to each other.

use casekin_encoder::SelfCheckRecord;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::answer::ModelSummary;

/// The model that workers must encode with, and what it must give on their machines before they do.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct WorkerMeasure {
    /// The model.
    pub model: ModelSummary,
    /// Its self-check vectors, as `casekin_encoder::SelfCheckRecord` writes them.
    #[schema(value_type = Object)]
    pub self_check: SelfCheckRecord,
}

/// A job as a worker on another machine gets it.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct WorkerJob {
    /// Id of the job.
    pub job_id: u64,
    /// Proof of the lease.
    pub lease_token: String,
    /// How long the lease lasts, in milliseconds.
    pub lease_ms: u64,
    /// Model that must make the vectors.
    pub model: ModelSummary,
    /// Version of windowing, orientation and cutting that must make the views.
    pub pipeline_version: u32,
    /// The picture's part in a volume of several files, where it is a slice of one.
    #[serde(default)]
    pub volume: Option<VolumeRecord>,
}

/// One slice's part in the plan of its volume.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct VolumeRecord {
    /// Whether it becomes a view; one that does not has a thumbnail alone.
    pub chosen: bool,
    /// The least and the greatest value of the volume, where its slices are read by them (MR).
    pub range: Option<[f64; 2]>,
}

/// What a worker hands back.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct WorkerResult {
    /// Proof of the lease.
    pub lease_token: String,
    /// Id of the model that made the vectors.
    pub model_id: String,
    /// Preprocessing profile.
    pub profile: String,
    /// Version of the cutting.
    pub pipeline_version: u32,
    /// Facts of the picture, as `casekin_imaging::Facts` writes them.
    #[schema(value_type = Object)]
    pub facts: serde_json::Value,
    /// The views, each with its vector.
    pub views: Vec<EncodedView>,
    /// JPEG, base64.
    pub thumbnail: String,
}

/// A view with its vector.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct EncodedView {
    /// "whole", "frame", "crop", "tile" or "region".
    pub kind: String,
    /// Frame, counted from 0.
    pub frame: u32,
    /// x, y, width, height in pixels of the picture.
    #[serde(rename = "box")]
    pub box_px: [u32; 4],
    /// Millimetres per pixel, x and y.
    pub mm_per_px: Option<[f32; 2]>,
    /// How its values became RGB: "ct-3-window", "voi", …
    pub made_by: String,
    /// The L2-normalised vector.
    pub vector: Vec<f32>,
}
