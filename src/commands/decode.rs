//! `casekin decode`: the pixels of one picture, without a library.

use std::path::PathBuf;

use anyhow::Context as _;
use casekin_imaging::{ImagingError, Source, Stage, StagePixels, StageRequest, stage};
use serde::Serialize;

use crate::cli::{DecodeArgs, Global, StageName};
use crate::config::Config;
use crate::show;

/// What was written.
#[derive(Serialize)]
struct Written {
    path: PathBuf,
    frame: u32,
    stage: Stage,
    width_px: u32,
    height_px: u32,
    channels: u16,
    /// In numpy's notation.
    values: &'static str,
}

pub async fn run(global: &Global, config: &Config, args: DecodeArgs) -> anyhow::Result<()> {
    let limits = config.limits.clone();
    let written = tokio::task::spawn_blocking(move || decode(args, limits)).await??;
    if global.json {
        return show::json(&written);
    }
    Ok(())
}

fn decode(args: DecodeArgs, limits: casekin_engine::Limits) -> anyhow::Result<Written> {
    let wanted = match args.stage {
        Some(StageName::Stored) => Stage::Stored,
        Some(StageName::Modality) => Stage::Modality,
        Some(StageName::Voi) => Stage::Voi,
        Some(StageName::Rgb) => Stage::Rgb,
        None if args.output.png.is_some() => Stage::Rgb,
        None => Stage::Stored,
    };
    let shown = args.file.display().to_string();
    let pixels = stage(&StageRequest {
        source: Source::Path(args.file),
        frame: args.frame,
        stage: wanted,
        limits,
    })
    .with_context(|| shown.clone())?;
    let (path, bytes) = match (args.output.npy, args.output.png) {
        (Some(npy), _) => (npy, pixels.to_npy()),
        (None, Some(png)) => {
            let bytes = to_png(&pixels).with_context(|| shown)?;
            (png, bytes)
        }
        (None, None) => anyhow::bail!("give --npy OUT or --png OUT"),
    };
    std::fs::write(&path, bytes)
        .with_context(|| format!("{} cannot be written", path.display()))?;
    Ok(Written {
        path,
        frame: args.frame,
        stage: wanted,
        width_px: pixels.width_px,
        height_px: pixels.height_px,
        channels: pixels.channels,
        values: pixels.samples.numpy_type(),
    })
}

fn to_png(pixels: &StagePixels) -> anyhow::Result<Vec<u8>> {
    pixels.to_png().map_err(|error| match error {
        ImagingError::EncodePicture { reason } => {
            anyhow::anyhow!("{reason}: write them with --npy, or take --stage rgb")
        }
        other => other.into(),
    })
}
