//! `cargo xtask demo`: the program on a synthetic library, from nothing to an address in the browser.

use std::env;
use std::os::unix::process::CommandExt;
use std::process::Command;

use anyhow::{Context, Result};

use crate::process::{cargo, run};
use crate::{paths, setup};

/// Sets up, builds the release binary and becomes `casekin demo`; returns only on failure.
pub fn command(cases: Option<u32>, port: Option<u16>) -> Result<()> {
    setup::ensure(false)?;
    run(cargo().args(["build", "--release", "--bin", "casekin"]))?;
    let mut casekin = Command::new(paths::target().join("release/casekin"));
    casekin.arg("demo").env("CASEKIN_CACHE", paths::cache()?);
    if let Some(cases) = cases {
        casekin.args(["--cases", &cases.to_string()]);
    }
    if let Some(port) = port {
        casekin.args(["--port", &port.to_string()]);
    }
    if env::var_os("CASEKIN_DATA_DIR").is_none() {
        casekin.arg("--data-dir").arg(paths::cache()?.join("demo"));
    }
    Err(casekin.exec()).context("cannot start the program that was just built")
}
