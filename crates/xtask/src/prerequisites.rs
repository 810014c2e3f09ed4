//! What a machine must have: Rust, Node, Python, and the system's C++ tools.
//!
//! Rust, Node and Python are the user's to choose, so a missing one is an error with its remedy. Missing system
//! packages are installed by apt-get as root or by sudo without a password, else the one line is printed.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::process::{on_path, output_of, run};

/// The page's build tool asks for it.
const NODE: Version = Version(20, 19);
const PYTHON: Version = Version(3, 11);
const PYTHONS: [&str; 5] = [
    "python3",
    "python3.14",
    "python3.13",
    "python3.12",
    "python3.11",
];

/// A tool's major and minor version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Version(u32, u32);

/// Checks everything and installs the missing system packages; returns the Python to use.
pub fn ensure() -> Result<PathBuf> {
    let python = python()?;
    rust()?;
    node()?;
    let missing = missing_packages();
    if !missing.is_empty() {
        install(&missing)?;
    }
    Ok(python)
}

/// Installs Debian packages, or fails with the line that does it.
pub fn install(packages: &[&str]) -> Result<()> {
    let line = format!(
        "apt-get update && apt-get install -y {}",
        packages.join(" ")
    );
    let Some(prefix) = way_to_root() else {
        bail!("these system packages are missing, run this as root and start again:\n    {line}");
    };
    eprintln!("Installing {}", packages.join(", "));
    apt_get(prefix, &["update", "--quiet=2"])?;
    let mut args = vec!["install", "--quiet=2", "--yes", "--no-install-recommends"];
    args.extend(packages);
    apt_get(prefix, &args).with_context(|| format!("install them by hand:\n    {line}"))
}

fn rust() -> Result<()> {
    let wanted =
        parse(env!("CARGO_PKG_RUST_VERSION")).expect("Cargo.toml gives rust-version as a number");
    let found = output_of("rustc", &["--version"]).and_then(|text| parse(&text));
    at_least(
        "Rust",
        wanted,
        found,
        "`rustup update stable` brings a newer one",
    )
}

fn node() -> Result<()> {
    let found = output_of("node", &["--version"]).and_then(|text| parse(&text));
    let remedy = "Debian 12 and Ubuntu 24.04 carry older ones: install it from nodejs.org's \
                  instructions for your system, or with nvm (`nvm install 22`)";
    at_least("Node.js", NODE, found, remedy)?;
    if !on_path("npm") {
        bail!("npm was not found beside Node.js: `apt-get install npm` brings it");
    }
    Ok(())
}

/// The first Python that is new enough.
pub fn python() -> Result<PathBuf> {
    let mut best = None;
    for name in PYTHONS {
        let found = output_of(name, &["--version"]).and_then(|text| parse(&text));
        if found >= Some(PYTHON) {
            return Ok(name.into());
        }
        best = best.max(found);
    }
    let remedy = "`apt-get install python3` on Debian 12 and Ubuntu 24.04, \
                  `apt-get install python3.11` on Ubuntu 22.04";
    at_least("Python", PYTHON, best, remedy).map(|()| "python3".into())
}

fn at_least(tool: &str, wanted: Version, found: Option<Version>, remedy: &str) -> Result<()> {
    let Version(major, minor) = wanted;
    match found {
        Some(version) if version >= wanted => Ok(()),
        Some(Version(old_major, old_minor)) => {
            bail!(
                "{tool} {major}.{minor} or newer is needed, found {old_major}.{old_minor}: {remedy}"
            )
        }
        None => bail!("{tool} {major}.{minor} or newer is needed, found none: {remedy}"),
    }
}

/// The first `major.minor` in a text such as `v20.20.2`, `Python 3.11.7` or `rustc 1.95.0 (…)`.
fn parse(text: &str) -> Option<Version> {
    let start = text.find(|c: char| c.is_ascii_digit())?;
    let mut numbers = text[start..].split(|c: char| !c.is_ascii_digit());
    Some(Version(
        numbers.next()?.parse().ok()?,
        numbers.next()?.parse().ok()?,
    ))
}

fn missing_packages() -> Vec<&'static str> {
    let mut missing = Vec::new();
    let compilers = ["c++", "g++", "clang++"];
    if std::env::var_os("CXX").is_none() && !compilers.iter().any(|name| on_path(name)) {
        missing.push("g++");
    }
    if !on_path("cmake") {
        missing.push("cmake");
    }
    // libjpeg's fast loops are written for it; on other processors its compiler has them.
    if cfg!(any(target_arch = "x86_64", target_arch = "x86")) && !on_path("nasm") {
        missing.push("nasm");
    }
    if !["pkg-config", "pkgconf"].iter().any(|name| on_path(name)) {
        missing.push("pkg-config");
    }
    missing
}

/// The words before `apt-get` that make it run as root; `None` where there is no way or no apt-get.
fn way_to_root() -> Option<&'static [&'static str]> {
    if !on_path("apt-get") {
        return None;
    }
    if output_of("id", &["-u"]).is_some_and(|id| id.trim() == "0") {
        return Some(&[]);
    }
    output_of("sudo", &["-n", "true"]).map(|_| ["sudo", "-n"].as_slice())
}

fn apt_get(prefix: &[&str], args: &[&str]) -> Result<()> {
    let words: Vec<&str> = prefix
        .iter()
        .copied()
        .chain(["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"])
        .collect();
    let (program, before) = words
        .split_first()
        .expect("apt-get itself is among the words");
    run(Command::new(program)
        .args(before)
        .args(args)
        .stdin(Stdio::null()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_tools_print_them() {
        assert_eq!(parse("v20.20.2\n"), Some(Version(20, 20)));
        assert_eq!(parse("Python 3.11.7"), Some(Version(3, 11)));
        assert_eq!(
            parse("rustc 1.95.0 (59807616e 2026-04-14)"),
            Some(Version(1, 95))
        );
        assert_eq!(parse("no number"), None);
        assert_eq!(parse("3"), None);
    }

    #[test]
    fn an_old_or_missing_tool_is_an_error_with_its_remedy() {
        assert!(at_least("Python", PYTHON, Some(Version(3, 12)), "x").is_ok());
        let old = at_least("Python", PYTHON, Some(Version(3, 9)), "get it").unwrap_err();
        assert_eq!(
            old.to_string(),
            "Python 3.11 or newer is needed, found 3.9: get it"
        );
        let none = at_least("Python", PYTHON, None, "get it").unwrap_err();
        assert_eq!(
            none.to_string(),
            "Python 3.11 or newer is needed, found none: get it"
        );
    }
}
