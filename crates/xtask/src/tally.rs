//! How many tests passed, failed and were skipped, read from what test runners print when they end.
//!
//! Knows nextest, `cargo test`, vitest, node's runner, Playwright's and the plain line `N passed, N failed`.

use std::fmt;
use std::ops::AddAssign;

/// Counts of one or more runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Tests that ran and held.
    pub passed: u64,
    /// Tests that ran and failed, timed out or could not be started.
    pub failed: u64,
    /// Tests that did not run.
    pub skipped: u64,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} passed, {} failed, {} skipped",
            self.passed, self.failed, self.skipped
        )
    }
}

impl Tally {
    /// Adds up every closing line among the lines; zero where there is none.
    ///
    /// nextest closes once, and shows a failed test's own output, which has a closing line of its own: only nextest's
    /// counts then.
    pub fn read(lines: &[String]) -> Self {
        let plain: Vec<String> = lines.iter().map(|line| without_colour(line)).collect();
        let nextest = plain.iter().rev().find_map(|line| nextest_summary(line));
        nextest.unwrap_or_else(|| {
            let mut sum = Self::default();
            for counts in plain.iter().filter_map(|line| closing_line(line.trim())) {
                sum += counts;
            }
            sum
        })
    }

    /// Whether nothing was counted.
    pub fn is_empty(self) -> bool {
        self == Self::default()
    }

    /// Counts tests as skipped that their runner counted as passed.
    pub fn move_to_skipped(&mut self, tests: u64) {
        let moved = tests.min(self.passed);
        self.passed -= moved;
        self.skipped += moved;
    }

    fn add(&mut self, count: u64, word: &str) -> bool {
        match word {
            "passed" | "pass" => self.passed += count,
            "failed" | "fail" | "timed out" | "exec failed" | "cancelled" | "did not run" => {
                self.failed += count;
            }
            "skipped" | "ignored" | "todo" => self.skipped += count,
            // Said besides the counts, of tests that are among them.
            "measured" | "filtered out" | "flaky" | "expected fail" => {}
            _ => return false,
        }
        true
    }
}

fn nextest_summary(line: &str) -> Option<Tally> {
    let counts = line.trim_start().strip_prefix("Summary [")?;
    let (_, counts) = counts
        .split_once("tests run: ")
        .or_else(|| counts.split_once("test run: "))?;
    list(counts, ", ")
}

fn closing_line(line: &str) -> Option<Tally> {
    if let Some(counts) = line.strip_prefix("test result: ") {
        return list(counts.split_once(". ")?.1, "; ");
    }
    if let Some(counts) = line.strip_prefix("Tests ") {
        return list(counts, " | ");
    }
    if let Some(count) = line.strip_prefix("# ").or_else(|| line.strip_prefix("ℹ ")) {
        let (word, number) = count.split_once(' ')?;
        return list(&format!("{number} {word}"), ", ");
    }
    list(line, ", ")
}

/// Reads `5 passed, 1 failed`; every part must be a count and a known word, with a remark in brackets at most.
fn list(counts: &str, separator: &str) -> Option<Tally> {
    let mut tally = Tally::default();
    for part in counts.trim().split(separator) {
        let bare = part.split(" (").next().unwrap_or(part).trim();
        let (number, word) = bare.split_once(' ')?;
        // `cargo test` closes with `finished in 0.01s`.
        if number == "finished" {
            continue;
        }
        if !tally.add(number.parse().ok()?, word) {
            return None;
        }
    }
    Some(tally)
}

/// Drops terminal colours (ECMA-48 control sequences that end in `m`).
fn without_colour(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        plain.push_str(before);
        rest = after.split_once('m').map_or("", |(_, text)| text);
    }
    plain + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (u64, u64, u64) {
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let Tally {
            passed,
            failed,
            skipped,
        } = Tally::read(&lines);
        (passed, failed, skipped)
    }

    #[test]
    fn nextest() {
        let text = "     Summary [   1.2s] 123 tests run: 118 passed (1 slow), 3 failed, 2 timed out, 4 skipped";
        assert_eq!(read(text), (118, 5, 4));
        assert_eq!(
            read("Summary [ 0.0s] 1 test run: 1 passed, 0 skipped"),
            (1, 0, 0)
        );
        assert_eq!(
            read(
                "\u{1b}[32;1m Summary\u{1b}[0m [1s] \u{1b}[1m9\u{1b}[0m tests run: \u{1b}[1m9\u{1b}[0m \u{1b}[32;1mpassed\u{1b}[0m, \u{1b}[1m2\u{1b}[0m skipped"
            ),
            (9, 0, 2)
        );
    }

    #[test]
    fn cargo_test_adds_up_over_its_binaries() {
        let text = "test result: ok. 5 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s\n\
                    test a ... ok\n\
                    test result: FAILED. 2 passed; 3 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s";
        assert_eq!(read(text), (7, 3, 1));
    }

    #[test]
    fn web_runners() {
        let vitest = " Test Files  3 passed (3)\n      Tests  1 failed | 12 passed | 2 skipped (15)\n   Duration  1.2s";
        assert_eq!(read(vitest), (12, 1, 2));
        assert_eq!(
            read("ℹ tests 7\nℹ suites 0\nℹ pass 5\nℹ fail 1\nℹ cancelled 0\nℹ skipped 1\nℹ todo 0"),
            (5, 1, 1)
        );
        assert_eq!(
            read("  1 failed\n    a.spec.ts:3:1\n  2 skipped\n  5 passed (3.0s)"),
            (5, 1, 2)
        );
        assert_eq!(read("11 passed, 0 failed, 1 skipped"), (11, 0, 1));
    }

    #[test]
    fn other_lines_count_nothing() {
        assert_eq!(
            read("300 cases ingested, 2 failed\n5 passed through the filter\n\n(3 passed)"),
            (0, 0, 0)
        );
    }

    #[test]
    fn a_skip_that_its_runner_took_for_a_pass_is_moved_and_never_goes_below_zero() {
        let mut tally = Tally {
            passed: 2,
            failed: 0,
            skipped: 1,
        };
        tally.move_to_skipped(1);
        assert_eq!(
            tally,
            Tally {
                passed: 1,
                failed: 0,
                skipped: 2
            }
        );
        tally.move_to_skipped(9);
        assert_eq!(
            tally,
            Tally {
                passed: 0,
                failed: 0,
                skipped: 3
            }
        );
    }
}
