//! `cargo xtask dist`: a tarball that runs on a machine without toolchain and network.
//!
//! The same inputs give the same bytes: sorted names, one time stamp, no owner. The tarball is unpacked and tried
//! before it counts as made.

mod trial;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::process::{cargo, output_of, run};
use crate::{digest, paths, setup};

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Sets up, builds, packs, tries; prints the tarball's path and digest.
pub fn command() -> Result<()> {
    let library = setup::ensure(false)?;
    run(cargo().args(["build", "--release", "--bin", "casekin"]))?;
    let name = format!("casekin-{VERSION}-{}", host()?);
    let staging = paths::target().join("dist");
    if staging.exists() {
        fs::remove_dir_all(&staging)?;
    }
    let root = staging.join(&name);
    stage(&root, &library)?;

    let out = paths::repository().join("dist");
    fs::create_dir_all(&out)?;
    let tarball = out.join(format!("{name}.tar.gz"));
    pack(&staging, &name, &tarball)?;
    trial::check(&tarball, &name)?;
    fs::remove_dir_all(&staging)?;
    println!("{}  {}", digest::of_file(&tarball)?, tarball.display());
    Ok(())
}

fn host() -> Result<String> {
    let said = output_of("rustc", &["-vV"]).context("`rustc -vV` failed")?;
    let host = said.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("`rustc -vV` names no host")?.to_owned())
}

fn stage(root: &Path, library: &Path) -> Result<()> {
    let repository = paths::repository();
    let runtime = library.parent().expect("the library lies in its folder");
    let binary = root.join("bin/casekin");
    copy(&paths::target().join("release/casekin"), &binary)?;
    // Symbol names stay for readable backtraces; the line tables are most of the size.
    run(Command::new("strip").arg("--strip-debug").arg(&binary))?;
    for entry in fs::read_dir(runtime)? {
        let path = entry?.path();
        let name = file_name(&path);
        if name.to_string_lossy().starts_with("libonnxruntime") {
            copy(&path, &root.join("lib").join(&name))?;
        }
    }
    copy(
        &runtime.join("LICENSE"),
        &root.join("lib/onnxruntime-LICENSE"),
    )?;
    copy(
        &runtime.join("ThirdPartyNotices.txt"),
        &root.join("lib/onnxruntime-ThirdPartyNotices.txt"),
    )?;
    copy_folder(
        &repository.join("crates/encoder/demo-model"),
        &root.join("demo-model"),
    )?;
    let assets = repository.join("crates/xtask/assets");
    copy(
        &assets.join("casekin.service"),
        &root.join("systemd/casekin.service"),
    )?;
    copy(&assets.join("INSTALL.md"), &root.join("INSTALL.md"))?;
    copy(
        &repository.join("config/default.toml"),
        &root.join("config/default.toml"),
    )?;
    copy_folder(
        &repository.join("config/zero-shot"),
        &root.join("config/zero-shot"),
    )?;
    for name in ["LICENSE", "NOTICE", "README.md"] {
        copy(&repository.join(name), &root.join(name))?;
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    let folder = to.parent().expect("a file in the tarball lies in a folder");
    fs::create_dir_all(folder)?;
    fs::copy(from, to)
        .with_context(|| format!("cannot copy {}", from.display()))
        .map(drop)
}

fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    let entries = fs::read_dir(from).with_context(|| format!("cannot list {}", from.display()))?;
    for entry in entries {
        let path = entry?.path();
        let into = to.join(file_name(&path));
        if path.is_dir() {
            copy_folder(&path, &into)?;
        } else {
            copy(&path, &into)?;
        }
    }
    Ok(())
}

fn file_name(path: &Path) -> PathBuf {
    path.file_name()
        .expect("an entry of a folder has a name")
        .into()
}

fn pack(staging: &Path, name: &str, tarball: &Path) -> Result<()> {
    let tar = tarball.with_extension("");
    run(Command::new("tar")
        .args([
            "--sort=name",
            "--owner=0",
            "--group=0",
            "--numeric-owner",
            "--format=gnu",
        ])
        .args(["--mode=u+rw,go+r-w,a+X"])
        .arg(format!("--mtime=@{}", time_stamp()))
        .arg("--directory")
        .arg(staging)
        .arg("--create")
        .arg("--file")
        .arg(&tar)
        .arg(name))?;
    run(Command::new("gzip")
        .args(["--no-name", "--force", "-9"])
        .arg(&tar))?;
    if !tarball.is_file() {
        bail!("gzip left no {}", tarball.display());
    }
    Ok(())
}

/// Seconds since 1970: `SOURCE_DATE_EPOCH`, else the last commit's time, else 0.
fn time_stamp() -> u64 {
    let told = std::env::var("SOURCE_DATE_EPOCH").ok();
    let repository = paths::repository();
    let committed = || {
        output_of(
            "git",
            &[
                "-C",
                &repository.to_string_lossy(),
                "log",
                "-1",
                "--format=%ct",
            ],
        )
    };
    told.or_else(committed)
        .and_then(|text| text.trim().parse().ok())
        .unwrap_or(0)
}
