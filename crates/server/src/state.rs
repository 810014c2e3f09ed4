//! What every request shares.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use casekin_engine::{EngineError, Library};
use casekin_summary::SummaryConfig;
use metrics_exporter_prometheus::PrometheusHandle;

use crate::config::ServerConfig;

/// The service's state.
pub struct App {
    /// The library that is served.
    pub library: Library,
    /// Settings of the service.
    pub config: ServerConfig,
    /// Settings of the summary.
    pub summary: SummaryConfig,
    /// Names under which browsers may reach the service.
    pub hosts: Vec<String>,
    pub(crate) metrics: Option<PrometheusHandle>,
    pub(crate) requests: tokio::sync::Semaphore,
    service_secret: String,
    tokens_exist: AtomicBool,
}

impl App {
    /// State for a library. `service_secret` opens everything to commands of the same machine.
    pub fn new(
        library: Library,
        config: ServerConfig,
        summary: SummaryConfig,
        service_secret: String,
    ) -> Arc<Self> {
        Arc::new(Self {
            hosts: config.hosts.clone(),
            requests: tokio::sync::Semaphore::new(config.max_concurrent.max(1)),
            metrics: crate::metrics::install(),
            library,
            config,
            summary,
            service_secret,
            tokens_exist: AtomicBool::new(false),
        })
    }

    /// True for the secret in `service.json`. Compared in constant time.
    pub fn is_service_secret(&self, secret: &str) -> bool {
        let (own, given) = (self.service_secret.as_bytes(), secret.as_bytes());
        let differing = own
            .iter()
            .zip(given)
            .fold(0u8, |differing, (a, b)| differing | (a ^ b));
        !own.is_empty() && own.len() == given.len() && differing == 0
    }

    /// Whether callers must show a token. Once a token has been seen to exist the answer stays yes until a restart, so
    /// that revoking the last one locks the door instead of opening it.
    ///
    /// # Errors
    /// Any error of the catalog.
    pub async fn auth_required(&self) -> Result<bool, EngineError> {
        if self.tokens_exist.load(Ordering::Acquire) {
            return Ok(true);
        }
        let exist = !self.library.tokens().await?.is_empty();
        if exist {
            self.tokens_exist.store(true, Ordering::Release);
        }
        Ok(exist)
    }
}
