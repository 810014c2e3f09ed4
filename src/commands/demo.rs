//! `casekin demo`: a library of drawn cases, ingested like any other, then served.

use std::path::Path;

use anyhow::Context as _;
use casekin_engine::{BatchRecord, IngestRequest};
use serde::{Deserialize, Serialize};

use super::ingest::ingest;
use super::serve::Service;
use crate::cli::{DemoArgs, Global};
use crate::client::{Client, open_service};
use crate::config::{Config, data_dir};
use crate::progress::bar;
use crate::show;

/// What was drawn and ingested, so that a second run starts at once.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Made {
    version: String,
    seed: u64,
    cases: u64,
    #[serde(default = "one")]
    findings: u8,
}

/// What a library had before there was a choice.
fn one() -> u8 {
    1
}

pub async fn run(global: &Global, config: &Config, args: DemoArgs) -> anyhow::Result<()> {
    let data_dir = if global.data_dir.is_some() {
        data_dir(global)?
    } else {
        data_dir(global)?.join("demo")
    };
    let made = Made {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        seed: args.seed,
        cases: args.cases,
        findings: args.findings,
    };
    let marker = data_dir.join("phantoms").join("ingested.json");
    let known = std::fs::read(&marker)
        .ok()
        .and_then(|bytes| serde_json::from_slice::<Made>(&bytes).ok());
    if known.as_ref() != Some(&made) {
        let batch = make(&data_dir, config, &args, global.json).await?;
        if batch.failed == 0 {
            std::fs::write(&marker, serde_json::to_vec(&made)?)?;
        }
        if global.json {
            show::json(&batch)?
        } else {
            show::batch(&batch)
        }
    }
    if args.no_serve {
        return Ok(());
    }
    let (library, app, secret) = open_service(&data_dir, config).await?;
    let listener = casekin_server::bind(&app, &format!("127.0.0.1:{}", args.port)).await?;
    let address = listener.local_addr()?;
    eprintln!(
        "The cases are drawn, not real. Open http://{address} in a browser; Ctrl-C ends the service."
    );
    Service {
        library,
        app,
        secret,
        worker: true,
    }
    .run(&data_dir, listener)
    .await
}

async fn make(
    data_dir: &Path,
    config: &Config,
    args: &DemoArgs,
    quiet: bool,
) -> anyhow::Result<BatchRecord> {
    let folder = data_dir.join("phantoms");
    let mut client = Client::connect(data_dir, config).await?;
    let drawing = bar("drawing", quiet);
    drawing.set_length(args.cases);
    let (seed, cases, to) = (args.seed, args.cases, folder.clone());
    let findings = usize::from(args.findings);
    let shown = drawing.clone();
    tokio::task::spawn_blocking(move || {
        let mut progress = |done| shown.set_position(done);
        casekin_phantoms::write_library(&to, seed, cases, findings, &mut progress)
    })
    .await?
    .context("the cases cannot be drawn")?;
    drawing.finish_and_clear();
    client.start_worker();
    let request = IngestRequest {
        manifest: Some(folder.join("manifest.csv")),
        site: Some("phantoms".to_owned()),
        synthetic: true,
        ..IngestRequest::default()
    };
    let batch = ingest(&client, &request, quiet, false).await?;
    client.close().await?;
    Ok(batch)
}
