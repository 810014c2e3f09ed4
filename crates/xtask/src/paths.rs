//! Where things lie: the repository, the cache, the shared reference data. Creates nothing.

use std::env;
use std::path::PathBuf;

use anyhow::{Context, Result};

/// The repository's root folder.
pub fn repository() -> PathBuf {
    let manifest_dir =
        env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    let mut root = PathBuf::from(manifest_dir);
    root.pop();
    root.pop();
    root
}

/// The folder of the page's sources.
pub fn web() -> PathBuf {
    repository().join("web")
}

/// The cache folder: `CASEKIN_CACHE`, else `XDG_CACHE_HOME/casekin`, else `~/.cache/casekin`.
///
/// The program looks for ONNX Runtime by the same rule.
pub fn cache() -> Result<PathBuf> {
    if let Some(dir) = set_in_env("CASEKIN_CACHE") {
        return std::path::absolute(&dir)
            .with_context(|| format!("CASEKIN_CACHE={dir:?} is no path"));
    }
    if let Some(dir) = set_in_env("XDG_CACHE_HOME") {
        return Ok(dir.join("casekin"));
    }
    let home =
        set_in_env("HOME").context("neither CASEKIN_CACHE nor HOME is set: set one of them")?;
    Ok(home.join(".cache").join("casekin"))
}

/// The folder of reference data beside the repository, or `CASEKIN_SHARED`, where there is one.
pub fn shared() -> Option<PathBuf> {
    let beside = repository().parent().map(|parent| parent.join("shared"));
    set_in_env("CASEKIN_SHARED")
        .or(beside)
        .filter(|dir| dir.is_dir())
}

/// The folder of Cargo's build products.
pub fn target() -> PathBuf {
    match set_in_env("CARGO_TARGET_DIR") {
        Some(dir) => repository().join(dir),
        None => repository().join("target"),
    }
}

fn set_in_env(name: &str) -> Option<PathBuf> {
    env::var_os(name)
        .filter(|value| !value.is_empty())
        .map(PathBuf::from)
}
