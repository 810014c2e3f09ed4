//! The `[summary]` section of the configuration.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Where and how summaries are written. Without `url` they are extractive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SummaryConfig {
    /// Base URL of an OpenAI-compatible service, with its version path: `http://127.0.0.1:8000/v1`.
    pub url: Option<String>,
    /// Model name sent with each request.
    pub model: String,
    /// Allows an endpoint that is neither loopback nor private. Masked evidence then leaves the site.
    pub allow_remote: bool,
    /// File whose first line is sent as bearer token.
    pub api_key_file: Option<PathBuf>,
    /// Longest wait for the connection and for each next piece of the answer, in milliseconds.
    pub idle_timeout_ms: u64,
    /// Longest time for a whole summary, in milliseconds.
    pub timeout_ms: u64,
    /// Most tokens the model may write, thinking included.
    pub max_tokens: u32,
    /// Most evidence handed to the model; the rest is left out.
    pub max_evidence: usize,
    /// Most characters of passages taken per case.
    pub max_passage_chars: usize,
}

impl Default for SummaryConfig {
    fn default() -> Self {
        Self {
            url: None,
            model: "google/medgemma-27b-it".to_owned(),
            allow_remote: false,
            api_key_file: None,
            idle_timeout_ms: 30_000,
            timeout_ms: 120_000,
            max_tokens: 1_500,
            max_evidence: 10,
            max_passage_chars: 1_500,
        }
    }
}
