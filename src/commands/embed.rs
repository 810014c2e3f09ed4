//! `casekin embed`.

use std::collections::HashMap;
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use casekin_engine::{EmbedRequest, Embedding, LooseEncoder, ModelRecord};

use super::connect;
use super::search::keep_picture;
use crate::cli::{EmbedArgs, Global};
use crate::config::Config;
use crate::decoding::decoding;
use crate::show;

pub async fn run(global: &Global, config: &Config, args: EmbedArgs) -> anyhow::Result<()> {
    if args.text.is_empty() && args.files.is_empty() {
        bail!("nothing to encode: give --text or files");
    }
    let embeddings = match (&args.model, &args.profile) {
        (None, None) => with_library(global, config, &args).await?,
        _ => with_folder(global, config, &args).await?,
    };
    if global.json {
        return show::json(&embeddings);
    }
    for embedding in &embeddings {
        let numbers: Vec<String> = embedding.vector.iter().map(|x| format!("{x:.6}")).collect();
        println!("{}\t{}", embedding.source, numbers.join(" "));
    }
    Ok(())
}

/// With the library's own model and profile.
async fn with_library(
    global: &Global,
    config: &Config,
    args: &EmbedArgs,
) -> anyhow::Result<Vec<Embedding>> {
    let client = connect(global, config).await?;
    let (mut request, mut names) = (
        EmbedRequest {
            texts: args.text.clone(),
            images: Vec::new(),
        },
        HashMap::new(),
    );
    for path in &args.files {
        let kept = keep_picture(&client, path).await?;
        names.insert(kept.id.clone(), path.display().to_string());
        request.images.push(kept.id);
    }
    let mut embeddings: Vec<Embedding> = client.post("/api/v1/embed", &request).await?;
    for embedding in &mut embeddings {
        let (id, frame) = match embedding.source.split_once('#') {
            Some((id, frame)) => (id, format!("#{frame}")),
            None => (embedding.source.as_str(), String::new()),
        };
        if let Some(name) = names.get(id) {
            embedding.source = format!("{name}{frame}");
        }
    }
    client.close().await?;
    Ok(embeddings)
}

/// With a model folder or another profile, beside any library.
async fn with_folder(
    global: &Global,
    config: &Config,
    args: &EmbedArgs,
) -> anyhow::Result<Vec<Embedding>> {
    let dir = match &args.model {
        Some(dir) => dir.clone(),
        None => model_of_library(global, config).await?,
    };
    let profile = args
        .profile
        .clone()
        .unwrap_or_else(|| config.encoder.profile.clone());
    let (config, texts, files) = (config.clone(), args.text.clone(), args.files.clone());
    tokio::task::spawn_blocking(move || {
        let encoder = LooseEncoder::open(&dir, &config.encoder, &profile)?;
        Ok(encoder.embed(&texts, &files, &config.limits, &decoding())?)
    })
    .await?
}

/// Folder of the model that the library is searched with.
pub(super) async fn model_of_library(global: &Global, config: &Config) -> anyhow::Result<PathBuf> {
    let client = connect(global, config).await?;
    let models: Vec<ModelRecord> = client.get("/api/v1/models").await?;
    client.close().await?;
    let dir = models
        .into_iter()
        .find(|model| model.active)
        .and_then(|model| model.dir);
    dir.map(PathBuf::from)
        .context("the library has no model; give --model DIR")
}
