//! A deletion leaves nothing: no word, no label, no vector byte in any file of the index or the log.

use casekin_index::{CaseEntry, Index, NearestQuery, VectorLocation, VectorLog, WordsQuery};
use half::f16;

use crate::support;
use crate::support::{Dice, all_bytes, contains, facts, report, settings, views};

const DIMENSION: u32 = 64;
const WORDS: [&str; 3] = ["zzquondam", "zzquixotic", "zzquagmire"];

fn secret(log: &VectorLog, case_no: u64, vector: &[f32]) -> CaseEntry {
    let mut facts = facts("Zzquondam title", &["zzquixotic"]);
    facts.site = Some("zzquagmire".into());
    let report = report("en", "The Zzquondam finding.", "No zzquixotic finding.");
    CaseEntry {
        case_no,
        facts,
        report: Some(report),
        views: views(log, case_no, "CT", &[vector.to_vec()]),
    }
}

fn plain(log: &VectorLog, case_no: u64, vector: Vec<f32>) -> CaseEntry {
    let report = report("en", "A plain finding of every day.", "");
    CaseEntry {
        case_no,
        facts: facts("Plain", &["common"]),
        report: Some(report),
        views: views(log, case_no, "CT", &[vector]),
    }
}

/// The vector as it lies in files.
fn stored(log: &VectorLog, at: &VectorLocation) -> Vec<u8> {
    log.read(at)
        .unwrap()
        .iter()
        .flat_map(|value| f16::from_f32(*value).to_le_bytes())
        .collect()
}

fn assert_nothing(root: &std::path::Path, vectors: &[Vec<u8>]) {
    for (path, bytes) in all_bytes(root) {
        let lower = bytes.to_ascii_lowercase();
        for word in WORDS {
            assert!(
                !contains(&lower, word.as_bytes()),
                "{word} is left in {}",
                path.display()
            );
        }
        for vector in vectors {
            for piece in [
                &vector[..16],
                &vector[vector.len() / 2..vector.len() / 2 + 16],
                &vector[vector.len() - 16..],
            ] {
                assert!(
                    !contains(&bytes, piece),
                    "vector bytes are left in {}",
                    path.display()
                );
            }
        }
    }
}

fn is_anywhere(root: &std::path::Path, needle: &[u8]) -> bool {
    all_bytes(root)
        .iter()
        .any(|(_, bytes)| contains(&bytes.to_ascii_lowercase(), &needle.to_ascii_lowercase()))
}

/// Cases of which those that will go say what no other says.
fn history(log: &VectorLog, cases: u64, gone: &[u64]) -> Vec<CaseEntry> {
    let mut dice = Dice(21);
    (1..=cases)
        .map(|case_no| {
            let vector = dice.vector(DIMENSION as usize);
            if gone.contains(&case_no) {
                secret(log, case_no, &vector)
            } else {
                plain(log, case_no, vector)
            }
        })
        .collect()
}

/// Deletes cases that lie in a graph, in a tail, or in a graph made again, and looks into every file.
fn deleted_cases_leave_nothing(cases: u64, gone: &[u64], reopen: bool) {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("index");
    let log = support::open_log(root.path(), DIMENSION);
    let mut index =
        Index::open(&folder, &support::stamp(DIMENSION), log.clone(), settings()).unwrap();
    let entries = history(&log, cases, gone);
    for (at, batch) in entries.chunks(100).enumerate() {
        index.apply(batch, &[], at as u64 + 1).unwrap();
    }
    index.flush().unwrap();
    let places: Vec<VectorLocation> = entries
        .iter()
        .filter(|entry| gone.contains(&entry.case_no))
        .map(|entry| entry.views[0].location)
        .collect();
    let vectors: Vec<Vec<u8>> = places.iter().map(|place| stored(&log, place)).collect();
    assert!(
        WORDS
            .iter()
            .all(|word| is_anywhere(&folder, word.as_bytes()))
    );
    assert!(is_anywhere(root.path(), &vectors[0]));
    if reopen {
        drop(index);
        index = Index::open(&folder, &support::stamp(DIMENSION), log.clone(), settings()).unwrap();
    }
    index.apply(&[], gone, 1_000).unwrap();
    log.erase_all(&places).unwrap();
    index.flush().unwrap();
    assert_nothing(root.path(), &vectors);
    let kept = entries
        .iter()
        .find(|entry| !gone.contains(&entry.case_no))
        .unwrap();
    let query = NearestQuery {
        vectors: vec![log.read(&kept.views[0].location).unwrap()],
        k: 1,
        ..NearestQuery::default()
    };
    assert_eq!(
        index.nearest(&query).unwrap().matches[0].case_no,
        kept.case_no
    );
    let words = WordsQuery {
        affirmed: WORDS[0].into(),
        ..WordsQuery::default()
    };
    assert!(index.words(&words).unwrap().is_empty());
    drop(index);
    let index = Index::open(&folder, &support::stamp(DIMENSION), log.clone(), settings()).unwrap();
    assert_eq!(
        (index.stats().cases, index.applied()),
        (cases - gone.len() as u64, 1_000)
    );
    assert_eq!(
        index.nearest(&query).unwrap().matches[0].case_no,
        kept.case_no
    );
    index.flush().unwrap();
    assert_nothing(root.path(), &vectors);
}

#[test]
fn of_a_scanned_segment() {
    deleted_cases_leave_nothing(40, &[3, 17], false);
}

#[test]
fn of_a_graph() {
    deleted_cases_leave_nothing(1_200, &[3, 500, 1_199], false);
}

#[test]
fn of_a_graph_that_was_loaded() {
    deleted_cases_leave_nothing(1_200, &[3, 500, 501, 502], true);
}

#[test]
fn of_a_graph_that_is_made_again() {
    deleted_cases_leave_nothing(1_000, &(100..500).collect::<Vec<u64>>(), false);
}

#[test]
fn of_all_cases() {
    deleted_cases_leave_nothing(31, &(2..=31).collect::<Vec<u64>>(), true);
}

#[test]
fn of_all_that_a_graph_holds_and_it_grows_again() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("index");
    let log = support::open_log(root.path(), DIMENSION);
    let index = Index::open(&folder, &support::stamp(DIMENSION), log.clone(), settings()).unwrap();
    let all: Vec<u64> = (1..=1_200).collect();
    let entries = history(&log, 1_200, &all);
    index.apply(&entries, &[], 1).unwrap();
    index.settle();
    assert!(index.stats().graphed >= 1_000);
    let places: Vec<VectorLocation> = entries
        .iter()
        .map(|entry| entry.views[0].location)
        .collect();
    let vectors: Vec<Vec<u8>> = places.iter().map(|place| stored(&log, place)).collect();

    index.apply(&[], &all, 2).unwrap();
    log.erase_all(&places).unwrap();
    index.settle();
    index.flush().unwrap();
    assert_eq!(index.stats().vectors, 0);
    assert_nothing(root.path(), &vectors);

    let mut dice = Dice(22);
    let new: Vec<CaseEntry> = (2_001..=3_200)
        .map(|case_no| plain(&log, case_no, dice.vector(DIMENSION as usize)))
        .collect();
    index.apply(&new, &[], 3).unwrap();
    index.settle();
    index.flush().unwrap();
    assert!(index.stats().graphed >= 1_000, "{:?}", index.stats());
    drop(index);
    let index = Index::open(&folder, &support::stamp(DIMENSION), log.clone(), settings()).unwrap();
    for entry in new.iter().step_by(100) {
        let query = NearestQuery {
            vectors: vec![log.read(&entry.views[0].location).unwrap()],
            k: 1,
            ..NearestQuery::default()
        };
        let found = index.nearest(&query).unwrap();
        assert_eq!(found.matches[0].case_no, entry.case_no);
    }
}

#[test]
fn a_search_that_still_runs_does_not_keep_deleted_text_for_good() {
    let root = tempfile::tempdir().unwrap();
    let log = support::open_log(root.path(), DIMENSION);
    let index = Index::open(
        &root.path().join("index"),
        &support::stamp(DIMENSION),
        log.clone(),
        settings(),
    )
    .unwrap();
    let mut dice = Dice(22);
    index
        .apply(
            &[
                secret(&log, 1, &dice.vector(64)),
                plain(&log, 2, dice.vector(64)),
            ],
            &[],
            1,
        )
        .unwrap();
    index.flush().unwrap();
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                index
                    .words(&WordsQuery {
                        affirmed: "finding".into(),
                        ..WordsQuery::default()
                    })
                    .unwrap();
            }
        });
        index.apply(&[], &[1], 2).unwrap();
        index.flush().unwrap();
        done.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    index.flush().unwrap();
    assert_nothing(&root.path().join("index"), &[]);
}
