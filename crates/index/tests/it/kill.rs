//! A writer killed at random moments: what was acknowledged is there, and the index opens at a flushed state.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use casekin_index::{
    CaseEntry, Index, IndexSettings, NearestQuery, VectorLocation, VectorLog, WordsQuery,
};

use crate::support;
use crate::support::{Dice, report, settings, stamp, views};

const DIMENSION: u32 = 16;
const ROUNDS: u64 = 12;
const FOLDER: &str = "CASEKIN_INDEX_KILL_TEST";

fn small() -> IndexSettings {
    IndexSettings {
        segment_vectors: 150,
        graph_from: 40,
        ..settings()
    }
}

fn open(root: &Path) -> (Arc<VectorLog>, Index) {
    let log = support::open_log(root, DIMENSION);
    let index = Index::open(
        &root.join("index"),
        &stamp(DIMENSION),
        Arc::clone(&log),
        small(),
    )
    .unwrap();
    (log, index)
}

/// Writes case after case, each at the sequence number of its own; acknowledges in a file what is durable.
/// Run by the test below as a process of its own.
#[test]
#[ignore = "runs until it is killed"]
fn writes_until_killed() {
    let Some(root) = std::env::var_os(FOLDER) else {
        return;
    };
    let root = Path::new(&root);
    let (log, index) = open(root);
    let said = |line: String| {
        let mut file = std::fs::File::options()
            .append(true)
            .create(true)
            .open(root.join("said"));
        file.as_mut().unwrap().write_all(line.as_bytes()).unwrap();
    };
    for case_no in index.applied() + 1.. {
        let views = views(&log, case_no, "CT", &[Dice(case_no).vector(16)]);
        let at = views[0].location;
        said(format!(
            "vector {case_no} {} {} {}\n",
            at.segment, at.offset, at.crc32
        ));
        let report = Some(report("en", &format!("finding number{case_no}"), ""));
        index
            .apply(
                &[CaseEntry {
                    case_no,
                    report,
                    views,
                    ..CaseEntry::default()
                }],
                &[],
                case_no,
            )
            .unwrap();
        if case_no % 7 == 0 {
            index.flush().unwrap();
            said(format!("flushed {case_no}\n"));
        }
    }
}

fn check(root: &Path) -> u64 {
    let said = std::fs::read_to_string(root.join("said")).unwrap_or_default();
    let (log, index) = open(root);
    let mut flushed = 0;
    let whole = said.rfind('\n').map_or("", |end| &said[..end]);
    for line in whole.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let number = |at: usize| words[at].parse::<u64>().unwrap();
        if words[0] == "flushed" {
            flushed = number(1);
            continue;
        }
        let at = VectorLocation {
            segment: number(2) as u32,
            offset: number(3),
            crc32: number(4) as u32,
        };
        let mut vector = Dice(number(1)).vector(16);
        let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
        vector.iter_mut().for_each(|value| *value /= length);
        assert!(
            (log.dot(&at, &vector).unwrap() - 1.0).abs() < 1e-2,
            "an acknowledged vector is lost"
        );
        log.read(&at).unwrap();
    }
    let applied = index.applied();
    assert!(
        applied >= flushed,
        "opened at {applied}, flushed was {flushed}"
    );
    assert_eq!(index.stats().cases, applied);
    let query = WordsQuery {
        affirmed: "finding".into(),
        k: 10_000,
        ..WordsQuery::default()
    };
    assert_eq!(index.words(&query).unwrap().len() as u64, applied);
    for case_no in (1..=applied).step_by(5) {
        let query = NearestQuery {
            vectors: vec![Dice(case_no).vector(16)],
            k: 1,
            ..NearestQuery::default()
        };
        assert_eq!(index.nearest(&query).unwrap().matches[0].case_no, case_no);
    }
    applied
}

#[test]
fn a_killed_writer_loses_nothing_that_it_acknowledged() {
    let root = tempfile::tempdir().unwrap();
    let mut dice = Dice(3);
    let mut applied = 0;
    for _ in 0..ROUNDS {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["kill::writes_until_killed", "--exact", "--ignored"])
            .env(FOLDER, root.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // A busy machine may take long to start a process; the random moment counts from its first word.
        let length = || std::fs::metadata(root.path().join("said")).map_or(0, |said| said.len());
        let before = length();
        let patience = std::time::Instant::now() + Duration::from_secs(60);
        while length() == before && std::time::Instant::now() < patience {
            std::thread::sleep(Duration::from_millis(2));
        }
        std::thread::sleep(Duration::from_millis(dice.below(500)));
        child.kill().unwrap();
        child.wait().unwrap();
        let now = check(root.path());
        assert!(now >= applied);
        applied = now;
    }
    assert!(applied > 0, "no round flushed anything");
}
