//! `cargo xtask test`: every suite one after the other, each to its end, then one count of all.
//!
//! The Rust suite builds the whole workspace in the dev profile; the browser tests use the program it built.

mod rust;
mod web;

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::process::run_and_listen;
use crate::tally::Tally;
use crate::{openapi, paths, setup, skips};

/// What one suite came to.
struct Outcome {
    name: &'static str,
    tally: Tally,
    skips: Vec<String>,
}

/// What the tests are told of their surroundings.
struct Surroundings {
    onnxruntime: PathBuf,
    skips_file: PathBuf,
    binary: PathBuf,
}

/// Sets up, runs the suites, prints the count; the process ends with 1 if anything failed.
pub fn command(runner_args: &[String]) -> Result<()> {
    let surroundings = Surroundings {
        onnxruntime: setup::ensure(false)?,
        skips_file: skips::new_file(&paths::target())?,
        binary: paths::target().join("debug/casekin"),
    };
    let mut outcomes = vec![rust::tests(&surroundings, runner_args)?];
    if runner_args.is_empty() {
        let built = outcomes[0].tally.passed > 0;
        outcomes.extend(rust::doctests(&surroundings)?);
        outcomes.push(description(&surroundings, built));
        outcomes.extend(web::checks(&surroundings)?);
        outcomes.push(web::browser_tests(&surroundings, built)?);
    }
    std::fs::remove_file(&surroundings.skips_file)?;
    if !report(&outcomes) {
        std::process::exit(1);
    }
    Ok(())
}

impl Surroundings {
    /// Runs one suite's command and counts; a failure that its runner did not count counts as one.
    fn run_suite(&self, name: &'static str, command: &mut Command) -> Result<Outcome> {
        command
            .env("CASEKIN_CACHE", paths::cache()?)
            .env("CASEKIN_ONNXRUNTIME", &self.onnxruntime)
            .env("CASEKIN_BIN", &self.binary)
            .env(skips::FILE_VARIABLE, &self.skips_file);
        let (status, lines) = run_and_listen(command)?;
        let mut tally = Tally::read(&lines);
        if !status.success() && tally.failed == 0 {
            tally.failed = 1;
        }
        let skips = skips::take(&self.skips_file)?;
        tally.move_to_skipped(skips.len() as u64);
        Ok(Outcome { name, tally, skips })
    }
}

/// Holds web/openapi.json against the program.
fn description(surroundings: &Surroundings, built: bool) -> Outcome {
    let mut tally = Tally::default();
    let name = "openapi.json";
    match if built {
        openapi::compare(&surroundings.binary)
    } else {
        Ok(())
    } {
        Ok(()) if built => tally.passed = 1,
        Ok(()) => tally.failed = 1,
        Err(error) => {
            eprintln!("{error:#}");
            tally.failed = 1;
        }
    }
    Outcome {
        name,
        tally,
        skips: Vec::new(),
    }
}

/// Prints what each suite came to, the skips with their reasons, and last the count; whether all is well.
fn report(outcomes: &[Outcome]) -> bool {
    let mut sum = Tally::default();
    let mut reasons = Vec::new();
    println!();
    for outcome in outcomes {
        println!("{:<14} {}", outcome.name, outcome.tally);
        sum += outcome.tally;
        reasons.extend(outcome.skips.iter().cloned());
    }
    let has_shared = paths::shared().is_some();
    let mut avoidable = 0;
    for (count, reason) in skips::grouped(&reasons) {
        let failed = skips::strict() && skips::is_avoidable(reason, has_shared);
        let word = if failed {
            "skipped where it need not be, so failed"
        } else {
            "skipped"
        };
        println!("{word}: {reason} ({count} of the tests)");
        avoidable += if failed { count as u64 } else { 0 };
    }
    sum.skipped -= avoidable.min(sum.skipped);
    sum.failed += avoidable;
    println!("{sum}");
    sum.failed == 0 && sum.passed > 0
}
