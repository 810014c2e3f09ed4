//! `cargo xtask parity`: casekin beside other programs, value by value. `dicom` holds its stages of DICOM pictures
//! against pydicom's, `encoder` its vectors and token ids against transformers'.
//!
//! pydicom and its codecs live in a virtual environment of their own in the cache. One of them, pylibjpeg-libjpeg,
//! is under the GPL: it is a developer's measuring rod there and no part of what is built or shipped.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

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
    run(cargo().args([
        "build",
        "--quiet",
        "--package",
        "casekin-imaging",
        "--example",
        "stages",
    ]))?;
    let assets = paths::repository().join("crates/xtask/assets");
    let mut compare = Command::new(python);
    compare
        .arg(assets.join("parity_dicom.py"))
        .arg(shared.join("data").join("dicom"))
        .arg(paths::target().join("debug/examples/stages"));
    if let Some(goldens) = goldens {
        compare.arg("--goldens").arg(goldens);
    }
    run(&mut compare)
}

const ENCODER_REQUIREMENTS: &str = include_str!("../assets/parity-encoder-requirements.txt");

/// Compares vectors and token ids with transformers': of the checkpoint in `model`, or of a random one of MedSigLIP's size.
pub fn encoder(model: Option<&Path>, pictures: usize) -> Result<()> {
    let Some(shared) = paths::shared() else {
        bail!("no shared data: set CASEKIN_SHARED to its folder");
    };
    let python = encoder_environment()?;
    run(cargo().args([
        "build",
        "--quiet",
        "--package",
        "casekin-encoder",
        "--example",
        "emit",
    ]))?;
    let assets = paths::repository().join("crates/xtask/assets");
    let mut compare = Command::new(python);
    compare
        .arg(assets.join("parity_encoder.py"))
        .arg("--shared")
        .arg(&shared)
        .arg("--cache")
        .arg(paths::cache()?)
        .arg("--emit")
        .arg(paths::target().join("debug/examples/emit"))
        .arg("--pictures")
        .arg(pictures.to_string());
    if let Some(model) = model {
        compare.arg("--model").arg(std::path::absolute(model)?);
    }
    run(&mut compare)
}

/// The Python that has transformers.
pub fn encoder_environment() -> Result<PathBuf> {
    eprintln!(
        "PyPI's torch brings CUDA's libraries: 3 GB to fetch and 6 GB of the cache the first time. A random checkpoint takes 3.5 GB more."
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
            .chain(ENCODER_REQUIREMENTS.lines())
            .chain([WHERE_IT_INSTALLS])
            .collect();
        assert!(lines.iter().all(|line| line.contains("==")), "{lines:?}");
        assert!(lines.iter().any(|line| line.starts_with("pydicom==3.0.")));
    }
}
