//! Settings of the service.

use serde::{Deserialize, Serialize};

/// Where the service listens and whom it lets in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ServerConfig {
    /// Address and port. Any but loopback is refused until a token exists.
    pub listen: String,
    /// Names under which browsers may reach the service, besides loopback's: the `Host` header must be one of them.
    pub hosts: Vec<String>,
    /// Largest upload, in bytes.
    pub max_upload_bytes: usize,
    /// Requests for pictures and searches served at once; more are told to come again (429).
    pub max_concurrent: usize,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:7878".into(),
            hosts: Vec::new(),
            max_upload_bytes: 2 << 30,
            max_concurrent: 64,
        }
    }
}
