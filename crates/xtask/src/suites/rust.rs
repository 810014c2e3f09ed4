//! The workspace's Rust tests, with nextest where it is installed, and its documentation's examples.

use std::fs;
use std::path::Path;

use anyhow::Result;

use super::{Outcome, Surroundings};
use crate::paths;
use crate::process::{cargo, output_of};

/// Unit and integration tests of every crate; with arguments, of what they choose.
pub fn tests(surroundings: &Surroundings, args: &[String]) -> Result<Outcome> {
    let nextest = output_of("cargo", &["nextest", "--version"]).is_some();
    let mut command = cargo();
    if nextest {
        command.args(["nextest", "run"]);
    } else {
        eprintln!("cargo-nextest is not installed: the tests run with cargo test, which is slower");
        command.arg("test");
    }
    let chooses_packages = args
        .iter()
        .any(|arg| arg.starts_with("-p") || arg.starts_with("--package"));
    if !chooses_packages {
        command.arg("--workspace");
    }
    if !nextest {
        // Documentation's examples are a suite of their own.
        command.args(["--no-fail-fast", "--lib", "--bins", "--tests"]);
    }
    surroundings.run_suite("Rust", command.args(args))
}

/// Examples in documentation; `None` where no crate has any.
pub fn doctests(surroundings: &Surroundings) -> Result<Option<Outcome>> {
    let crates = paths::repository().join("crates");
    if !has_example(&crates)? {
        return Ok(None);
    }
    let mut command = cargo();
    command.args(["test", "--doc", "--workspace", "--no-fail-fast"]);
    surroundings
        .run_suite("documentation", &mut command)
        .map(Some)
}

/// Whether a documentation comment under the folder opens a code block that is Rust.
fn has_example(folder: &Path) -> Result<bool> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let found = if path.is_dir() {
            has_example(&path)?
        } else {
            path.extension().is_some_and(|extension| extension == "rs")
                && opens_example(&fs::read_to_string(&path)?)
        };
        if found {
            return Ok(true);
        }
    }
    Ok(false)
}

fn opens_example(source: &str) -> bool {
    let mut inside = false;
    for line in source.lines().map(str::trim_start) {
        let Some(comment) = line
            .strip_prefix("///")
            .or_else(|| line.strip_prefix("//!"))
        else {
            continue;
        };
        let Some(language) = comment.trim().strip_prefix("```") else {
            continue;
        };
        if !inside
            && matches!(
                language,
                "" | "rust" | "no_run" | "should_panic" | "compile_fail"
            )
        {
            return true;
        }
        inside = !inside;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_example_is_a_code_block_of_rust() {
        assert!(opens_example(
            "/// Adds.\n/// ```\n/// assert!(true);\n/// ```"
        ));
        assert!(opens_example("//! ```no_run\n//! main();\n//! ```"));
        assert!(!opens_example("/// ```text\n/// a table\n/// ```"));
        assert!(!opens_example("let fence = \"```\";"));
    }
}
