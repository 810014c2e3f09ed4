//! Tests that do not run because something is missing, and which of them are failures all the same.
//!
//! The protocol: a test that cannot run prints one line `skipped: <reason>`, appends the same line to the file named
//! by the variable `CASEKIN_SKIPS_FILE` where that is set, and returns. Runners hide what passing tests print and
//! count them as passed; the file lets them be counted and shown. One line for each test, with its newline in one
//! write, so that tests in parallel do not mix theirs.
//!
//! With `CASEKIN_NO_SKIPS=1` (as under CI) a skip fails whose reason the run could have removed: no Chromium, no
//! ONNX Runtime, no OpenSlide, or no shared reference data although its folder is there.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The variable that names the file.
pub const FILE_VARIABLE: &str = "CASEKIN_SKIPS_FILE";
/// The variable that turns avoidable skips into failures.
pub const STRICT_VARIABLE: &str = "CASEKIN_NO_SKIPS";

/// An empty file for the tests to append to.
pub fn new_file(target: &Path) -> Result<PathBuf> {
    fs::create_dir_all(target)?;
    let file = target.join(format!("xtask-skips-{}.txt", std::process::id()));
    fs::write(&file, "").with_context(|| format!("cannot write {}", file.display()))?;
    Ok(file)
}

/// The reasons appended since the last call; empties the file.
pub fn take(file: &Path) -> Result<Vec<String>> {
    let text =
        fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    fs::write(file, "")?;
    let reasons = text.lines().map(|line| {
        line.strip_prefix("skipped:")
            .unwrap_or(line)
            .trim()
            .to_owned()
    });
    Ok(reasons.filter(|reason| !reason.is_empty()).collect())
}

/// Whether avoidable skips are failures.
pub fn strict() -> bool {
    std::env::var(STRICT_VARIABLE).is_ok_and(|value| !value.is_empty() && value != "0")
}

/// Whether this run could have removed the reason.
pub fn is_avoidable(reason: &str, has_shared: bool) -> bool {
    let reason = reason.to_lowercase();
    let mentions = |words: &[&str]| words.iter().any(|word| reason.contains(word));
    mentions(&["chromium", "onnx", "openslide"])
        || has_shared && mentions(&["shared", "reference data"])
}

/// Each reason once, with how many tests gave it, most frequent first.
pub fn grouped(reasons: &[String]) -> Vec<(usize, &str)> {
    let mut sorted: Vec<&str> = reasons.iter().map(String::as_str).collect();
    sorted.sort_unstable();
    let mut groups: Vec<_> = sorted
        .chunk_by(|a, b| a == b)
        .map(|same| (same.len(), same[0]))
        .collect();
    groups.sort_by_key(|(count, _)| std::cmp::Reverse(*count));
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_taken_once() {
        let dir = tempfile::tempdir().unwrap();
        let file = new_file(dir.path()).unwrap();
        fs::write(
            &file,
            "skipped: no ONNX Runtime\n\nskipped: no shared data\n",
        )
        .unwrap();
        assert_eq!(take(&file).unwrap(), ["no ONNX Runtime", "no shared data"]);
        assert!(take(&file).unwrap().is_empty());
    }

    #[test]
    fn a_skip_is_avoidable_when_its_cause_could_be_removed() {
        assert!(is_avoidable("no Chromium was found", false));
        assert!(is_avoidable("ONNX Runtime's library is not there", false));
        assert!(is_avoidable("shared/data/chest is not there", true));
        assert!(!is_avoidable("shared/data/chest is not there", false));
        assert!(!is_avoidable("no GPU", true));
    }

    #[test]
    fn the_commonest_reason_is_shown_first() {
        let reasons = ["b", "a", "b"].map(str::to_owned);
        assert_eq!(grouped(&reasons), [(2, "b"), (1, "a")]);
    }
}
