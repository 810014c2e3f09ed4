//! `web/openapi.json`: the program's own description of its HTTP interface, from which the page's types are made.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::process::{cargo, run};
use crate::{page, paths};

/// Builds the program and writes the file, or with `check` compares it.
pub fn command(check: bool) -> Result<()> {
    page::ensure()?;
    run(cargo().args(["build", "--bin", "casekin"]))?;
    let binary = paths::target().join("debug/casekin");
    if check {
        return compare(&binary);
    }
    let described = describe(&binary)?;
    let text = serde_json::to_string_pretty(&described)? + "\n";
    fs::write(paths::web().join("openapi.json"), text).context("cannot write web/openapi.json")
}

/// Fails if the committed file says something else than the program does.
pub fn compare(binary: &Path) -> Result<()> {
    let file = paths::web().join("openapi.json");
    let committed = fs::read(&file).context("cannot read web/openapi.json")?;
    let committed: Value =
        serde_json::from_slice(&committed).context("web/openapi.json is no JSON")?;
    if committed != describe(binary)? {
        bail!("web/openapi.json is out of date: run `cargo xtask openapi` and commit it");
    }
    Ok(())
}

fn describe(binary: &Path) -> Result<Value> {
    let output = Command::new(binary)
        .arg("openapi")
        .output()
        .with_context(|| format!("cannot start {}", binary.display()))?;
    if !output.status.success() {
        bail!(
            "`casekin openapi` failed: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    serde_json::from_slice(&output.stdout).context("`casekin openapi` printed no JSON")
}
