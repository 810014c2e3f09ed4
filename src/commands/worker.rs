//! `casekin worker`: encodes for a service elsewhere.

use std::sync::Arc;

use anyhow::{Context as _, bail};
use casekin_engine::{LooseEncoder, Worker, WorkerMeasure};

use crate::cli::{Global, WorkerArgs};
use crate::config::{Config, data_dir};
use crate::decoding::decoding;
use crate::remote_port::RemotePort;

pub async fn run(global: &Global, config: &Config, args: WorkerArgs) -> anyhow::Result<()> {
    let token = match &args.token_file {
        None => None,
        Some(path) => {
            let text = std::fs::read_to_string(path)
                .with_context(|| format!("{} cannot be read", path.display()))?;
            Some(text.trim().to_owned())
        }
    };
    let http = reqwest::Client::builder()
        .no_proxy()
        .build()
        .context("the HTTP client cannot be made")?;
    let port = RemotePort::new(http, args.server.trim_end_matches('/').to_owned(), token);
    let WorkerMeasure { model, self_check } = port.get("/api/v1/worker/self-check").await?;
    let data_dir = data_dir(global)?;
    let (dir, config_encoder, profile) = (
        data_dir.clone(),
        config.encoder.clone(),
        model.profile.clone(),
    );
    let given = args.model.clone();
    let demo = model.demo;
    let encoder = tokio::task::spawn_blocking(move || match given {
        Some(dir) => LooseEncoder::open(&dir, &config_encoder, &profile).map(Some),
        None if demo => LooseEncoder::demo(&dir, &config_encoder, &profile).map(Some),
        None => Ok(None),
    })
    .await??;
    let Some(encoder) = encoder else {
        bail!(
            "the service encodes with {}; give --model DIR with that model's folder on this machine",
            model.name
        )
    };
    if encoder.model_id() != model.id {
        bail!(
            "this folder holds another model than the service's ({}); their vectors must not meet",
            model.name
        );
    }
    let encoder = encoder.for_worker(self_check, &data_dir);
    let held = encoder.clone();
    tokio::task::spawn_blocking(move || held.check()).await??;
    let worker = Worker {
        decoding: decoding(),
        decoders: config.ingest.decoders(),
        thumbnail_px: config.ingest.thumbnail_px,
        cuts: config.cuts.clone(),
        limits: casekin_engine::Limits {
            max_views: config.ingest.max_views,
            ..config.limits.clone()
        },
        until_idle: args.until_idle,
    };
    worker.run(Arc::new(port.with_encoder(encoder))).await?;
    Ok(())
}
