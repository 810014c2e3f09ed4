//! Python wheels: fetched by pip, held against their pinned digest, unpacked. Installs nothing into a Python.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::pins::Wheel;
use crate::{digest, process};

/// Downloads one wheel into an empty folder and checks it; the file's path.
pub fn fetch(python: &Path, wheel: &Wheel, folder: &Path) -> Result<PathBuf> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let mut pip = Command::new(python);
    pip.args([
        "-m",
        "pip",
        "download",
        "--quiet",
        "--disable-pip-version-check",
        "--no-input",
    ])
    .args(["--no-deps", "--only-binary=:all:", "--implementation", "cp"])
    .args([
        "--python-version",
        "3.12",
        "--platform",
        wheel.platform,
        "--dest",
    ])
    .arg(folder)
    .arg(format!("{}=={}", wheel.package, wheel.version));
    process::run(&mut pip).with_context(|| {
        format!(
            "cannot fetch {} {}: is the Python package index reachable?",
            wheel.package, wheel.version
        )
    })?;
    let file = only_wheel(folder)?;
    check(wheel, &file)?;
    Ok(file)
}

/// Unpacks a wheel into a folder.
pub fn unpack(python: &Path, file: &Path, into: &Path) -> Result<()> {
    fs::create_dir_all(into).with_context(|| format!("cannot make {}", into.display()))?;
    process::run(
        Command::new(python)
            .args(["-m", "zipfile", "-e"])
            .arg(file)
            .arg(into),
    )
}

fn only_wheel(folder: &Path) -> Result<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "whl") {
            found.push(path);
        }
    }
    match found.len() {
        1 => Ok(found.remove(0)),
        count => bail!(
            "pip left {count} wheels in {} where one was expected",
            folder.display()
        ),
    }
}

fn check(wheel: &Wheel, file: &Path) -> Result<()> {
    let found = digest::of_file(file)?;
    if found != wheel.sha256 {
        let Wheel {
            package,
            version,
            sha256,
            ..
        } = wheel;
        bail!(
            "{package} {version} is not the file that was pinned and is not used:\n    \
             expected sha256 {sha256}\n    fetched  sha256 {found}"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ABC: Wheel = Wheel {
        package: "abc",
        version: "1",
        platform: "any",
        sha256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    };

    #[test]
    fn another_content_than_the_pinned_one_is_refused_with_both_digests() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("abc.whl");
        fs::write(&file, "abc").unwrap();
        check(&ABC, &file).unwrap();
        fs::write(&file, "ab").unwrap();
        let error = check(&ABC, &file).unwrap_err().to_string();
        assert!(error.contains(ABC.sha256), "{error}");
        assert!(
            error.contains("fb8e20fc2e4c3f248c60c39bd652f3c1347298bb977b8b4d5903b85055620603"),
            "{error}"
        );
    }

    #[test]
    fn two_wheels_or_none_are_an_error() {
        let dir = tempfile::tempdir().unwrap();
        assert!(only_wheel(dir.path()).is_err());
        fs::write(dir.path().join("a.whl"), "").unwrap();
        assert_eq!(only_wheel(dir.path()).unwrap(), dir.path().join("a.whl"));
        fs::write(dir.path().join("b.whl"), "").unwrap();
        assert!(only_wheel(dir.path()).is_err());
    }
}
