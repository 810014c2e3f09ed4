//! `casekin model verify`: is a model whole, and does it give here what it gave when it was added?

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use casekin_engine::{LooseEncoder, ModelCheck, ModelRecord};
use serde::Serialize;
use serde_json::json;

use super::connect;
use super::golden::{self, Asked, Golden};
use super::library::segment;
use crate::cli::{Global, VerifyArgs};
use crate::config::{Config, data_dir};
use crate::progress::bar;
use crate::show;

/// A model and what was found.
#[derive(Serialize)]
struct Verified {
    #[serde(flatten)]
    model: ModelRecord,
    check: ModelCheck,
    #[serde(skip_serializing_if = "Option::is_none")]
    golden: Option<Golden>,
}

pub async fn run(global: &Global, config: &Config, args: VerifyArgs) -> anyhow::Result<ExitCode> {
    let waiting = bar("verify", global.json);
    waiting.set_message("the files are hashed");
    let verified = verify(global, config, &args, &waiting).await;
    waiting.finish_and_clear();
    let verified = verified?;
    if global.json {
        // A list, as of the other commands about models.
        show::json(&[&verified])?;
    } else {
        print(&verified);
    }
    let reached = verified.golden.is_none_or(|golden| golden.reached());
    Ok(if reached {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

async fn verify(
    global: &Global,
    config: &Config,
    args: &VerifyArgs,
    waiting: &indicatif::ProgressBar,
) -> anyhow::Result<Verified> {
    let client = connect(global, config).await?;
    let name = segment(args.model.as_deref().unwrap_or("active"));
    let path = format!("/api/v1/models/{name}/verify");
    let model: ModelRecord = client.post(&path, &json!({})).await?;
    let models: Vec<ModelRecord> = client.get("/api/v1/models").await?;
    client.close().await?;
    let same = models
        .into_iter()
        .find(|one| one.summary.id == model.summary.id);
    let dir = same.and_then(|one| one.dir).map(PathBuf::from);
    let dir = dir.context("the service does not say where the model lies")?;
    // In this process, whoever serves: what is checked is this machine and its ONNX Runtime, and the answer is whole.
    waiting.set_message("every value is read and both towers are run");
    let summary = &model.summary;
    let encoder = LooseEncoder::known(&dir, &summary.id, &config.encoder, &summary.profile)?;
    let data_dir = data_dir(global)?;
    let checked = tokio::task::spawn_blocking(move || {
        let check = encoder.verify(&data_dir)?;
        Ok::<_, anyhow::Error>((check, encoder))
    });
    let (check, encoder) = checked.await??;
    let golden = match asked(args, &dir, config, encoder)? {
        Some(asked) => Some(tokio::task::spawn_blocking(move || golden::compare(&asked)).await??),
        None => None,
    };
    Ok(Verified {
        model,
        check,
        golden,
    })
}

/// What is to be compared with published vectors, if anything is.
fn asked(
    args: &VerifyArgs,
    dir: &Path,
    config: &Config,
    checked: LooseEncoder,
) -> anyhow::Result<Option<Asked>> {
    let Some(archive) = args.golden.clone() else {
        return Ok(None);
    };
    let profile = args.profile.as_deref().unwrap_or("hf");
    let encoder = if profile == checked.profile() {
        checked
    } else {
        LooseEncoder::known(dir, checked.model_id(), &config.encoder, profile)?
    };
    let beside = archive.parent().map(Path::to_path_buf);
    Ok(Some(Asked {
        images: args.images.clone().or(beside).unwrap_or_default(),
        archive,
        most: args.most.unwrap_or(usize::MAX),
        limits: config.limits.clone(),
        encoder,
    }))
}

fn print(verified: &Verified) {
    let (model, check) = (&verified.model, &verified.check);
    let id = model.summary.id.get(..12).unwrap_or(&model.summary.id);
    let active = if model.active { ", active" } else { "" };
    println!("{} ({id}){active}", model.summary.name);
    println!("files        as they were when the model was added");
    println!(
        "tensors      {}, all that config.json asks for among them, every value finite",
        check.tensors
    );
    for tower in &check.towers {
        let name = tower.tower.to_string();
        let found = match tower.agreement {
            Some(agreement) => format!(
                "cosine {:.7}, largest difference {:.1e}, to the vector of {}",
                agreement.cosine, agreement.largest_difference, tower.recorded_by
            ),
            None => "recorded now: later runs are held against this one".to_owned(),
        };
        println!("{name:<12} {found}");
    }
    println!(
        "run by       ONNX Runtime {}, {}, {}, profile {} ({})",
        check.runtime_version,
        check.provider,
        check.precision,
        check.profile,
        check.runtime_path.display()
    );
    println!("took         {} ms", check.took_ms);
    if let Some(golden) = &verified.golden {
        print!("\n{}", golden.markdown());
    }
}
