//! Settings of a library: everything but the network's.
//!
//! Every key has a default, an unknown key is an error. `config/default.toml` documents them; a test of the binary
//! holds the two together.

use std::path::PathBuf;

use casekin_imaging::{Cuts, Limits};
use casekin_index::IndexSettings;
use serde::{Deserialize, Serialize};

use crate::query::Aggregate;

/// Settings of the flows `ingest` and `search`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EngineConfig {
    /// The model and how it is run.
    pub encoder: EncoderConfig,
    /// Reading files and encoding their pictures.
    pub ingest: IngestConfig,
    /// Which parts of a picture get a vector of their own.
    pub cuts: Cuts,
    /// Bounds on what a picture may be.
    pub limits: Limits,
    /// De-identification at ingest.
    pub deidentify: DeidentifyConfig,
    /// Answering questions.
    pub search: SearchConfig,
    /// Building and walking the index of vectors.
    pub index: IndexSettings,
}

/// How questions are answered where they do not say so themselves.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SearchConfig {
    /// How the views of a question of many views come together.
    pub aggregate: Aggregate,
}

/// How pictures and words become vectors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EncoderConfig {
    /// "cpu", "cuda" or "cuda:N".
    pub device: String,
    /// Preprocessing profile for new libraries: "train" or "hf", or either with "-int8" (on a CPU), "-bf16" or "-f16" (on a GPU).
    pub profile: String,
    /// Threads of one ONNX Runtime session; 0 means as many as this process may use (its cores, its cgroup's CPU quota).
    pub threads: usize,
    /// Views encoded at once.
    pub batch_views: usize,
    /// Path of libonnxruntime; searched for in the usual places when left out.
    pub onnxruntime: Option<PathBuf>,
}

impl Default for EncoderConfig {
    fn default() -> Self {
        Self {
            device: "cpu".into(),
            profile: "train".into(),
            threads: 0,
            batch_views: 16,
            onnxruntime: None,
        }
    }
}

/// How files become cases.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct IngestConfig {
    /// Files opened at once while a batch is read.
    pub readers: usize,
    /// Pictures decoded at once by the worker; 0 means as many as the cores that this process may use.
    pub decoders: usize,
    /// How long a job is leased to a worker before another may take it, in milliseconds.
    pub lease_ms: u64,
    /// Longest side of a thumbnail, in pixels.
    pub thumbnail_px: u32,
    /// Views cut from one picture at the most; more frames than this are thinned evenly.
    pub max_views: u32,
    /// Longest report text, in bytes.
    pub max_report_bytes: u64,
}

impl Default for IngestConfig {
    fn default() -> Self {
        Self {
            readers: 2,
            decoders: 0,
            lease_ms: 120_000,
            thumbnail_px: 320,
            max_views: 64,
            max_report_bytes: 1 << 20,
        }
    }
}

impl IngestConfig {
    /// Pictures decoded at once: as configured, or as many as this process may use cores (its cgroup's CPU quota counts).
    pub fn decoders(&self) -> usize {
        match self.decoders {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            decoders => decoders,
        }
    }
}

/// What is done about identity at ingest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DeidentifyConfig {
    /// Mask known identifiers in report texts, titles and labels. Pseudonyms and sealing stay on either way.
    pub mask_reports: bool,
    /// File that holds the pseudonym key; `keys/library.key` in the data folder when left out.
    pub key_file: Option<PathBuf>,
}

impl Default for DeidentifyConfig {
    fn default() -> Self {
        Self {
            mask_reports: true,
            key_file: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decoders_are_as_many_as_cores_unless_they_are_said() {
        let cores = std::thread::available_parallelism().unwrap().get();
        assert_eq!(IngestConfig::default().decoders(), cores);
        let said = IngestConfig {
            decoders: 3,
            ..IngestConfig::default()
        };
        assert_eq!(said.decoders(), 3);
    }
}
