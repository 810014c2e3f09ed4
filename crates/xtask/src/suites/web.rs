//! The page's suites: types, style, unit tests, and tests in a real browser against the program.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::Value;

use super::{Outcome, Surroundings};
use crate::paths;
use crate::process::{is_executable, npm};
use crate::tally::Tally;

const BROWSERS: [&str; 4] = [
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
];

/// Types, style where a script for it is there, and unit tests.
pub fn checks(surroundings: &Surroundings) -> Result<Vec<Outcome>> {
    let scripts = scripts()?;
    let mut outcomes = Vec::new();
    for (name, script, required) in [
        ("web types", "typecheck", true),
        ("web style", "lint", false),
        ("web", "test", true),
    ] {
        if required || scripts.contains(&script.to_owned()) {
            outcomes.push(surroundings.run_suite(name, npm().args(["run", script]))?);
        }
    }
    Ok(outcomes)
}

/// Tests in a browser; skipped with a reason where there is none.
pub fn browser_tests(surroundings: &Surroundings, built: bool) -> Result<Outcome> {
    let name = "browser";
    if !built {
        eprintln!("the browser tests need the program, and it was not built");
        return Ok(Outcome {
            name,
            tally: Tally {
                failed: 1,
                ..Tally::default()
            },
            skips: Vec::new(),
        });
    }
    let Some(browser) = chromium() else {
        let reason = "no Chromium is installed: `apt-get install chromium`, or name one in CHROME"
            .to_owned();
        let tally = Tally {
            skipped: 1,
            ..Tally::default()
        };
        return Ok(Outcome {
            name,
            tally,
            skips: vec![reason],
        });
    };
    let mut outcome =
        surroundings.run_suite(name, npm().args(["run", "e2e"]).env("CHROME", browser))?;
    if outcome.tally.is_empty() {
        // A runner that ends well and counts nothing is one test.
        outcome.tally.passed = 1;
    }
    Ok(outcome)
}

fn scripts() -> Result<Vec<String>> {
    let file = paths::web().join("package.json");
    let text = fs::read(&file).context("cannot read web/package.json")?;
    let package: Value = serde_json::from_slice(&text).context("web/package.json is no JSON")?;
    let scripts = package.get("scripts").and_then(Value::as_object);
    Ok(scripts
        .map(|scripts| scripts.keys().cloned().collect())
        .unwrap_or_default())
}

fn chromium() -> Option<PathBuf> {
    if let Some(named) = env::var_os("CHROME").filter(|value| !value.is_empty()) {
        return Some(PathBuf::from(named)).filter(|path| is_executable(path));
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&path).chain([Path::new("/usr/bin").to_owned()]);
    let candidates = folders.flat_map(|dir| BROWSERS.map(|browser| dir.join(browser)));
    candidates.into_iter().find(|path| is_executable(path))
}
