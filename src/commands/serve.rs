//! `casekin serve`.

use std::path::Path;
use std::sync::Arc;

use casekin_engine::{Library, ServiceAddress};
use casekin_server::{App, bind};
use tokio::net::TcpListener;

use crate::cli::{Global, ServeArgs};
use crate::client::open_service;
use crate::config::{Config, data_dir};

pub async fn run(global: &Global, config: &Config, args: ServeArgs) -> anyhow::Result<()> {
    let data_dir = data_dir(global)?;
    let (library, app, secret) = open_service(&data_dir, config).await?;
    let listener = bind(
        &app,
        args.listen.as_deref().unwrap_or(&config.server.listen),
    )
    .await?;
    let service = Service {
        library,
        app,
        secret,
        worker: !args.no_worker,
    };
    service.run(&data_dir, listener).await
}

/// A service about to be run.
pub struct Service {
    pub library: Library,
    pub app: Arc<App>,
    pub secret: String,
    pub worker: bool,
}

impl Service {
    /// Serves until the process is asked to stop; then lets requests end and makes everything durable.
    pub async fn run(self, data_dir: &Path, listener: TcpListener) -> anyhow::Result<()> {
        self.library.self_check_at_start().await;
        let address = listener.local_addr()?;
        // A service on all addresses is reached by commands of this machine through loopback.
        let own = if address.ip().is_unspecified() {
            format!("127.0.0.1:{}", address.port())
        } else {
            address.to_string()
        };
        let url = format!("http://{own}");
        ServiceAddress {
            url,
            secret: self.secret,
            pid: std::process::id(),
        }
        .publish(data_dir)?;
        println!("casekin serves http://{address}");
        let worker = self
            .worker
            .then(|| tokio::spawn(work(self.library.clone())));
        let served = casekin_server::serve(self.app, listener, stop_signal()).await;
        ServiceAddress::withdraw(data_dir);
        if let Some(worker) = worker {
            worker.abort();
            let _ = worker.await;
        }
        self.library.flush().await?;
        Ok(served?)
    }
}

/// The worker inside the service; what breaks it off is logged, once where it lasts, and it starts again.
async fn work(library: Library) {
    let mut told = String::new();
    loop {
        if let Err(error) = library.work(false).await {
            let reason = error.to_string();
            if reason != told {
                tracing::error!(%error, "the worker broke off; it starts again");
                told = reason;
            }
        }
        tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    }
}

/// Ctrl-C or a termination signal.
async fn stop_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        let _ = tokio::signal::ctrl_c().await;
        return;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}
