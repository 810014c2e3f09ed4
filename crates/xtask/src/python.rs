//! A Python that has pip. Debian ships Python without it, so one is made in the cache where needed.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::{prerequisites, process};

/// The given Python if it has pip, else that of a virtual environment in the cache folder.
pub fn with_pip(python: &Path, cache: &Path) -> Result<PathBuf> {
    if has_pip(python) {
        return Ok(python.to_owned());
    }
    let venv = cache.join("python");
    let inside = venv.join("bin").join("python3");
    if has_pip(&inside) {
        return Ok(inside);
    }
    if make_venv(python, &venv).is_err() || !has_pip(&inside) {
        prerequisites::install(&[&venv_package(python)])?;
        make_venv(python, &venv)
            .context("Python can make no virtual environment, and has no pip of its own")?;
    }
    Ok(inside)
}

fn has_pip(python: &Path) -> bool {
    process::output_of(python, &["-m", "pip", "--version"]).is_some()
}

/// Makes an empty virtual environment.
pub fn make_venv(python: &Path, venv: &Path) -> Result<()> {
    process::run(
        Command::new(python)
            .args(["-m", "venv", "--clear"])
            .arg(venv),
    )
}

/// Debian's package that gives this Python its `venv`: `python3-venv`, `python3.11-venv`.
fn venv_package(python: &Path) -> String {
    let name = python
        .file_name()
        .unwrap_or_else(|| "python3".as_ref())
        .to_string_lossy();
    format!("{name}-venv")
}
