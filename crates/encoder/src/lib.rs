//! casekin-encoder: a SigLIP checkpoint folder in Hugging Face layout becomes L2-normalised vectors of pictures and words.
//!
//! [`Checkpoint`] opens and checks a folder, [`Runtime`] finds and loads ONNX Runtime, [`Encoder`] joins the two.
//! No conversion takes place: a small graph is written in memory whose weights are byte ranges of the user's own
//! `model.safetensors`. Every tensor is checked first, since ONNX Runtime takes a wrong range without an error.
//!
//! This crate never opens files of users (pictures arrive as RGB or as samples with tables), never speaks SQL or HTTP, never fetches
//! anything, and never falls back to another device than the one asked for.

mod canonical;
mod charsmap;
mod checkpoint;
mod config;
mod device;
mod encoder;
mod error;
mod graph;
mod launch;
mod model_id;
mod picture;
mod preprocess;
mod quantised;
mod ready;
mod recipe;
mod resample;
mod runtime;
mod samples;
mod self_check;
mod session;
mod shared;
mod staging;
mod tokens;
mod values;
mod version;
mod weights;

pub use checkpoint::Checkpoint;
pub use config::{PreprocessorConfig, TargetSize};
pub use device::{Device, Profile};
pub use encoder::{Encoder, EncoderOptions, Patches};
pub use error::{EncoderError, TensorProblem, Tower};
pub use model_id::ModelId;
pub use picture::Picture;
pub use preprocess::{preprocess, preprocess_samples};
pub use ready::Ready;
pub use recipe::{Precision, Recipe};
pub use runtime::Runtime;
pub use samples::{Plane, Samples, TABLE_LENGTH, Tables};
pub use self_check::{Agreement, SelfCheckRecord, SelfCheckVector, least_cosine};
