//! `cargo xtask parity`: casekin beside other programs, value by value. `dicom` holds its stages of DICOM pictures
//! against pydicom's, `raster` its other pictures against Pillow's, `encoder` its vectors and token ids against
//! transformers'.
//!
//! pydicom and its codecs live in a virtual environment of their own in the cache, as do Pillow and transformers. One of them, pylibjpeg-libjpeg,
//! is under the GPL: it is a developer's measuring rod there and no part of what is built or shipped.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::process::{cargo, run};
use crate::{digest, paths, prerequisites, python};

const REQUIREMENTS: &str = include_str!("../assets/parity-requirements.txt");
/// Its wheels exist for few platforms; pydicom does without it.
pub const WHERE_IT_INSTALLS: &str = "python-gdcm==3.2.6";

/// Compares all pictures of the shared data; with `goldens`, also writes the table that the tests hold.
pub fn dicom(goldens: Option<&Path>) -> Result<()> {
    let Some(shared) = paths::shared() else {
        bail!("no shared data: set CASEKIN_SHARED to its folder");
    };
    let python = environment("parity-dicom", REQUIREMENTS, Some(WHERE_IT_INSTALLS))?;
    let stages = build_stages()?;
    let assets = paths::repository().join("crates/xtask/assets");
    let mut compare = Command::new(python);
    compare
        .arg(assets.join("parity_dicom.py"))
        .arg(shared.join("data").join("dicom"))
        .arg(stages);
    if let Some(goldens) = goldens {
        compare.arg("--goldens").arg(goldens);
    }
    run(&mut compare)
}

const RASTER_REQUIREMENTS: &str = include_str!("../assets/parity-raster-requirements.txt");

/// Compares all pictures of the shared data that are neither DICOM nor slides, and all of their pages.
pub fn raster() -> Result<()> {
    let Some(shared) = paths::shared() else {
        bail!("no shared data: set CASEKIN_SHARED to its folder");
    };
    let python = environment("parity-raster", RASTER_REQUIREMENTS, None)?;
    let stages = build_stages()?;
    let assets = paths::repository().join("crates/xtask/assets");
    run(Command::new(python)
        .arg(assets.join("parity_raster.py"))
        .arg(shared.join("data"))
        .arg(stages))
}

/// Builds the example that writes stages as NumPy files; its path.
fn build_stages() -> Result<PathBuf> {
    run(cargo().args([
        "build",
        "--quiet",
        "--package",
        "casekin-imaging",
        "--example",
        "stages",
    ]))?;
    Ok(paths::target().join("debug/examples/stages"))
}

const ENCODER_REQUIREMENTS: &str = include_str!("../assets/parity-encoder-requirements.txt");

/// What the encoder is compared with. As it stands, a random checkpoint of MedSigLIP's size on the CPU.
#[derive(Args, Debug, PartialEq, Eq)]
pub struct EncoderParity {
    /// A checkpoint's folder; a random one of the shape below (3.5 GB at MedSigLIP's size) when left out
    #[arg(long, value_name = "DIR")]
    pub model: Option<PathBuf>,
    #[command(flatten)]
    pub shape: Shape,
    /// Where either side runs: cpu, cuda or cuda:N
    #[arg(long, default_value = "cpu", value_parser = device)]
    pub device: String,
    /// casekin's arithmetic, against transformers' f32: f32, bf16 or f16, on a CPU also int8; bf16 on CUDA when left out, else f32
    #[arg(long, value_parser = ["f32", "bf16", "f16", "int8"])]
    pub precision: Option<String>,
    /// Pictures of the shared data, one of every kind first; each takes seconds per profile at full size
    #[arg(long, default_value_t = 32, value_parser = at_least_one)]
    pub pictures: usize,
}

/// What a random checkpoint looks like: MedSigLIP's shape where nothing is asked for.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    /// Width and height of the random checkpoint's pictures; MedSigLIP's are 448
    #[arg(long, value_name = "PX", conflicts_with = "model")]
    pub size: Option<u32>,
    /// Width and height of its patches; MedSigLIP's are 14, the smaller SigLIPs' 16
    #[arg(long, value_name = "PX", conflicts_with = "model")]
    pub patch: Option<u32>,
    /// Values per token, a multiple of 72 or 64; MedSigLIP has 1152
    #[arg(long, value_name = "N", conflicts_with = "model")]
    pub hidden: Option<u32>,
    /// Layers of either tower; MedSigLIP has 27
    #[arg(long, value_name = "N", conflicts_with = "model")]
    pub layers: Option<u32>,
}

impl Shape {
    /// The arguments that a script takes for it.
    pub fn arguments(&self) -> Vec<String> {
        let asked = [
            ("--size", self.size),
            ("--patch", self.patch),
            ("--hidden", self.hidden),
            ("--layers", self.layers),
        ];
        asked
            .into_iter()
            .filter_map(|(name, number)| Some([name.to_owned(), number?.to_string()]))
            .flatten()
            .collect()
    }
}

/// A processor as the program names it, before hours are spent on one that it does not know.
pub fn device(text: &str) -> Result<String, String> {
    let number = text.strip_prefix("cuda:");
    if text == "cpu" || text == "cuda" || number.is_some_and(|number| number.parse::<u8>().is_ok())
    {
        return Ok(text.to_owned());
    }
    Err("give cpu, cuda or cuda:N".to_owned())
}

/// A number of things that must not be none.
pub fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("give at least 1".to_owned()),
        Ok(number) => Ok(number),
        Err(_) => Err("give a number".to_owned()),
    }
}

/// Compares vectors and token ids with transformers': of the checkpoint that is named, or of a random one.
pub fn encoder(asked: &EncoderParity) -> Result<()> {
    let Some(shared) = paths::shared() else {
        bail!("no shared data: set CASEKIN_SHARED to its folder");
    };
    let usual = if asked.device == "cpu" { "f32" } else { "bf16" };
    let precision = asked.precision.as_deref().unwrap_or(usual);
    let python = encoder_environment()?;
    let build = |what: &[&str]| run(cargo().args(["build", "--quiet", "--package"]).args(what));
    build(&["casekin-encoder", "--example", "emit"])?;
    // It decodes the DICOM pictures and slides.
    build(&["casekin", "--bin", "casekin"])?;
    let assets = paths::repository().join("crates/xtask/assets");
    let built = paths::target().join("debug");
    let mut compare = Command::new(python);
    compare
        .arg(assets.join("parity_encoder.py"))
        .arg("--shared")
        .arg(&shared)
        .arg("--cache")
        .arg(paths::cache()?)
        .arg("--emit")
        .arg(built.join("examples/emit"))
        .arg("--casekin")
        .arg(built.join("casekin"))
        .args(["--device", &asked.device, "--precision", precision])
        .args(["--pictures", &asked.pictures.to_string()])
        .args(asked.shape.arguments());
    if let Some(model) = &asked.model {
        compare.arg("--model").arg(std::path::absolute(model)?);
    }
    run(&mut compare)
}

/// The Python that has transformers.
pub fn encoder_environment() -> Result<PathBuf> {
    eprintln!(
        "PyPI's torch brings CUDA's libraries: 3 GB to fetch and 6 GB of the cache the first time. A random checkpoint of MedSigLIP's size takes 3.5 GB more."
    );
    environment("parity-encoder", ENCODER_REQUIREMENTS, None)
}

/// The Python of a virtual environment of this name in the cache, with everything pinned in it. Of `perhaps`, one
/// requirement more, a platform without a wheel does without.
pub fn environment(name: &str, requirements: &str, perhaps: Option<&str>) -> Result<PathBuf> {
    let venv = paths::cache()?.join(name);
    let inside = venv.join("bin").join("python3");
    let stamp = venv.join("requirements.stamp");
    let wanted = format!("{requirements}{}\n", perhaps.unwrap_or_default());
    if inside.is_file() && digest::stamped(&stamp, &wanted) {
        return Ok(inside);
    }
    python::make_venv(&prerequisites::python()?, &venv)
        .context("Python can make no virtual environment")?;
    let pip = || {
        let mut pip = Command::new(&inside);
        pip.args(["-m", "pip", "install", "--quiet", "--no-input"])
            .arg("--disable-pip-version-check");
        pip
    };
    let list = venv.join("requirements.txt");
    std::fs::write(&list, requirements)?;
    run(pip().arg("--requirement").arg(&list))?;
    if let Some(perhaps) = perhaps
        && run(pip().args(["--only-binary=:all:", perhaps])).is_err()
    {
        eprintln!("{perhaps} does not install here; the other decoders stand in.");
    }
    digest::write_stamp(&stamp, &wanted)?;
    Ok(inside)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_requirement_is_pinned() {
        let lines: Vec<&str> = REQUIREMENTS
            .lines()
            .chain(RASTER_REQUIREMENTS.lines())
            .chain(ENCODER_REQUIREMENTS.lines())
            .chain([WHERE_IT_INSTALLS])
            .collect();
        assert!(lines.iter().all(|line| line.contains("==")), "{lines:?}");
        assert!(lines.iter().any(|line| line.starts_with("pydicom==3.0.")));
    }
}
