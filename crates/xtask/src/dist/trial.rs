//! Unpacks the tarball and runs the program as a bare machine would: no environment, no network.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::paths;
use crate::process::{output_of, run};

/// Runs the unpacked program: its version, a library's status, and one text through the demo model.
pub fn check(tarball: &Path, name: &str) -> Result<()> {
    let trial = Trial::unpack(tarball, name)?;
    let version = trial.run(&["--version"])?;
    if !version.contains(env!("CARGO_PKG_VERSION")) {
        bail!("the packed program calls itself {}", version.trim());
    }
    let status: Value = serde_json::from_str(&trial.run(&["status", "--json"])?)
        .context("the packed program's status is no JSON")?;
    if status.get("cases").is_none() {
        bail!("the packed program's status tells no number of cases");
    }
    let vectors: Value =
        serde_json::from_str(&trial.run(&["embed", "--json", "--text", "pleural effusion"])?)
            .context("the packed program's vectors are no JSON")?;
    if vectors
        .pointer("/0/vector/0")
        .and_then(Value::as_f64)
        .is_none()
    {
        bail!("the packed program made no vector with the demo model");
    }
    fs::remove_dir_all(&trial.folder)?;
    Ok(())
}

struct Trial {
    folder: PathBuf,
    binary: PathBuf,
    /// The words that take the network away, where this machine permits it.
    offline: &'static [&'static str],
}

impl Trial {
    fn unpack(tarball: &Path, name: &str) -> Result<Self> {
        let folder = paths::target().join("dist-trial");
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir_all(&folder)?;
        run(Command::new("tar")
            .arg("-xzf")
            .arg(tarball)
            .arg("-C")
            .arg(&folder))?;
        let offline = offline();
        if offline.is_empty() {
            eprintln!("unshare is not permitted here: the trial runs with the network there");
        }
        Ok(Self {
            binary: folder.join(name).join("bin/casekin"),
            folder,
            offline,
        })
    }

    fn run(&self, args: &[&str]) -> Result<String> {
        let mut command = match self.offline.split_first() {
            Some((program, words)) => {
                let mut command = Command::new(program);
                command.args(words).arg("env").arg("-i").arg(&self.binary);
                command
            }
            None => {
                let mut command = Command::new(&self.binary);
                command.env_clear();
                command
            }
        };
        command
            .arg("--data-dir")
            .arg(self.folder.join("library"))
            .args(args)
            .current_dir("/");
        let output = command
            .output()
            .context("cannot start the packed program")?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            bail!(
                "the packed `casekin {}` failed: {}",
                args.join(" "),
                said.trim()
            );
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

fn offline() -> &'static [&'static str] {
    if output_of("unshare", &["--net", "true"]).is_some() {
        return &["unshare", "--net"];
    }
    if output_of("unshare", &["--map-root-user", "--net", "true"]).is_some() {
        return &["unshare", "--map-root-user", "--net"];
    }
    &[]
}
