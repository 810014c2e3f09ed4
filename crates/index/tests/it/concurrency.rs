//! Searching goes on, and stays right, while cases come and go.

use std::sync::atomic::{AtomicBool, Ordering};

use casekin_index::{CaseEntry, Index, IndexSettings, NearestQuery, VectorLog, WordsQuery};
use rayon::prelude::*;

use crate::support;
use crate::support::{Dice, report, settings, stamp, views};

const DIMENSION: u32 = 32;
const ROUNDS: u64 = 25;
const BATCH: u64 = 40;

fn entry(log: &VectorLog, case_no: u64, vector: &[f32]) -> CaseEntry {
    let views = views(log, case_no, "CT", &[vector.to_vec()]);
    let report = Some(report("en", "steady finding", ""));
    CaseEntry {
        case_no,
        report,
        views,
        ..CaseEntry::default()
    }
}

fn search_until(done: &AtomicBool, index: &Index, fixed: &[f32]) {
    let pictures = NearestQuery {
        vectors: vec![fixed.to_vec()],
        ..NearestQuery::default()
    };
    let words = WordsQuery {
        affirmed: "steady".into(),
        k: 10_000,
        ..WordsQuery::default()
    };
    while !done.load(Ordering::Relaxed) {
        let answer = index.nearest(&pictures).unwrap();
        assert!(answer.complete && answer.matches[0].case_no == 1);
        assert!(answer.matches[0].score > 0.999);
        assert!(
            index
                .words(&words)
                .unwrap()
                .iter()
                .any(|found| found.case_no == 1)
        );
    }
}

#[test]
fn searching_goes_on_while_cases_are_applied() {
    let root = tempfile::tempdir().unwrap();
    let log = support::open_log(root.path(), DIMENSION);
    let small = IndexSettings {
        segment_vectors: 300,
        graph_from: 50,
        scan_views: 8,
        ..settings()
    };
    let folder = root.path().join("index");
    let index = Index::open(&folder, &stamp(DIMENSION), log.clone(), small).unwrap();
    let mut dice = Dice(8);
    let fixed = dice.vector(32);
    index.apply(&[entry(&log, 1, &fixed)], &[], 1).unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| search_until(&done, &index, &fixed));
        }
        for round in 0..ROUNDS {
            let first = 2 + round * BATCH;
            let batch: Vec<CaseEntry> = (first..first + BATCH)
                .map(|case_no| entry(&log, case_no, &dice.vector(32)))
                .collect();
            // Half of the batch of five rounds ago goes.
            let gone: Vec<u64> = match round.checked_sub(5) {
                Some(old) => (2 + old * BATCH..2 + old * BATCH + BATCH / 2).collect(),
                None => Vec::new(),
            };
            index.apply(&batch, &gone, round + 2).unwrap();
            if round % 6 == 0 {
                index.flush().unwrap();
            }
        }
        done.store(true, Ordering::Relaxed);
    });
    index.flush().unwrap();
    assert_eq!(
        index.stats().cases,
        1 + ROUNDS * BATCH - (ROUNDS - 5) * BATCH / 2
    );
}

#[test]
fn questions_on_threads_of_any_pool_end_while_cases_come() {
    let root = tempfile::tempdir().unwrap();
    let log = support::open_log(root.path(), DIMENSION);
    let folder = root.path().join("index");
    let index = Index::open(&folder, &stamp(DIMENSION), log.clone(), settings()).unwrap();
    let mut dice = Dice(9);
    let entries: Vec<CaseEntry> = (1..200)
        .map(|case_no| entry(&log, case_no, &dice.vector(32)))
        .collect();
    index.apply(&entries, &[], 1).unwrap();
    // So many views that a question is worth more than one thread.
    let question = NearestQuery {
        vectors: (0..32).map(|_| dice.vector(32)).collect(),
        ..NearestQuery::default()
    };
    let ask = |_| assert!(index.rank_by_vectors(&question).unwrap().complete);
    let done = AtomicBool::new(false);
    let threads = rayon::ThreadPoolBuilder::new().num_threads(3).build();
    let threads = threads.unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for seq in 2.. {
                index.apply(&entries[..1], &[], seq).unwrap();
                if done.load(Ordering::Relaxed) {
                    break;
                }
            }
        });
        let outside = scope.spawn(|| (0..600).for_each(ask));
        let own = scope.spawn(|| threads.install(|| (0..600).into_par_iter().for_each(ask)));
        (0..600).into_par_iter().for_each(ask);
        let ended = (outside.join(), own.join());
        done.store(true, Ordering::Relaxed);
        assert!(ended.0.is_ok() && ended.1.is_ok());
    });
}
