//! `casekin ingest`.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail};
use casekin_engine::{BatchRecord, IngestRequest, manifest_in};

use super::{SOME_FAILED, connect};
use crate::cli::{Global, IngestArgs};
use crate::client::Client;
use crate::config::{Config, absolute};
use crate::progress::IngestBars;
use crate::show;

pub async fn run(global: &Global, config: &Config, args: IngestArgs) -> anyhow::Result<ExitCode> {
    let request = request(&args)?;
    let mut client = connect(global, config).await?;
    client.start_worker();
    let batch = ingest(&client, &request, global.json, args.no_wait).await;
    client.close().await?;
    let batch = batch?;
    if global.json {
        show::json(&batch)?;
    } else {
        show::batch(&batch);
        if args.manifest.is_none() {
            let forgotten = args.paths.iter().filter_map(|path| manifest_in(path));
            forgotten.for_each(|manifest| show::forgotten_manifest(&manifest));
        }
    }
    Ok(if batch.failed > 0 {
        ExitCode::from(SOME_FAILED)
    } else {
        ExitCode::SUCCESS
    })
}

fn request(args: &IngestArgs) -> anyhow::Result<IngestRequest> {
    if args.paths.is_empty() && args.manifest.is_none() {
        bail!("nothing to ingest: give files, folders or --manifest FILE");
    }
    for path in args.paths.iter().chain(&args.manifest) {
        if !path.exists() {
            bail!("{} is not there", path.display());
        }
    }
    let map = args.maps.iter().map(|map| {
        let (column, field) = map
            .split_once('=')
            .with_context(|| format!("--map {map}: write COLUMN=FIELD"))?;
        Ok((column.to_owned(), field.to_owned()))
    });
    Ok(IngestRequest {
        paths: args
            .paths
            .iter()
            .map(|path| absolute(path))
            .collect::<anyhow::Result<_>>()?,
        manifest: args.manifest.as_deref().map(absolute).transpose()?,
        map: map.collect::<anyhow::Result<_>>()?,
        site: args.site.clone(),
        synthetic: false,
    })
}

/// Begins a batch and follows it until its pictures are encoded, or only read.
pub async fn ingest(
    client: &Client,
    request: &IngestRequest,
    quiet: bool,
    no_wait: bool,
) -> anyhow::Result<BatchRecord> {
    let bars = IngestBars::new(quiet);
    let mut batch: BatchRecord = client.post("/api/v1/ingest/paths", request).await?;
    loop {
        bars.show(&batch);
        if batch.state == "finished" || (no_wait && batch.state != "reading") {
            bars.finish();
            return Ok(batch);
        }
        if let (Some(reason), false) = (&batch.not_encoding, no_wait) {
            bars.finish();
            bail!("{reason}; what was read waits, and is encoded once that is done");
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        batch = client
            .get(&format!("/api/v1/batches/{}", batch.batch_id))
            .await?;
    }
}
