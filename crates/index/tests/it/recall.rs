//! The index against exact search: 20,000 clustered vectors of 256 dimensions, with and without filters.

use std::collections::HashSet;

use casekin_index::{CaseEntry, CaseFacts, Field, Filter, Index, IndexStats, NearestQuery};

use crate::support;
use crate::support::{Dice, open, settings, views};

const DIMENSION: u32 = 256;
const CLUSTERS: usize = 200;
const CASES: u64 = 10_000;

struct Library {
    _root: tempfile::TempDir,
    index: Index,
    centres: Vec<Vec<f32>>,
    dice: Dice,
}

/// 10,000 cases of two views each, in at least three segments (the last one may wait for its graph); ages spread evenly over 0 to 100 so that a range of
/// them lets any share through, sites follow the clusters.
fn library() -> Library {
    let root = tempfile::tempdir().unwrap();
    let mut dice = Dice(7);
    let log = support::open_log(root.path(), DIMENSION);
    let index = Index::open(
        &root.path().join("index"),
        &support::stamp(DIMENSION),
        log.clone(),
        settings(),
    )
    .unwrap();
    let centres: Vec<Vec<f32>> = (0..CLUSTERS)
        .map(|_| dice.vector(DIMENSION as usize))
        .collect();
    let mut entries = Vec::new();
    for case_no in 1..=CASES {
        let cluster = dice.below(CLUSTERS as u64) as usize;
        let vectors = [
            dice.near(&centres[cluster], 0.7),
            dice.near(&centres[cluster], 0.7),
        ];
        let facts = CaseFacts {
            age_years: Some((case_no * 7_919 % CASES) as f32 / CASES as f32 * 100.0),
            site: Some(format!("site {}", cluster % 20)),
            ..CaseFacts::default()
        };
        let views = views(
            &log,
            case_no,
            if case_no % 2 == 0 { "CT" } else { "CR" },
            &vectors,
        );
        entries.push(CaseEntry {
            case_no,
            facts,
            report: None,
            views,
        });
    }
    for (at, batch) in entries.chunks(500).enumerate() {
        index.apply(batch, &[], at as u64 + 1).unwrap();
    }
    index.settle();
    Library {
        _root: root,
        index,
        centres,
        dice,
    }
}

impl Library {
    fn recall(&mut self, filter: &Filter, queries: usize, views: usize) -> f64 {
        let mut found = 0;
        let mut wanted = 0;
        for _ in 0..queries {
            let centre = self.dice.below(CLUSTERS as u64) as usize;
            let vectors = (0..views)
                .map(|_| self.dice.near(&self.centres[centre], 0.7))
                .collect();
            let query = NearestQuery {
                vectors,
                filter: filter.clone(),
                k: 10,
                ..NearestQuery::default()
            };
            let truth = self
                .index
                .nearest(&NearestQuery {
                    exact: true,
                    ..query.clone()
                })
                .unwrap();
            let answer = self.index.nearest(&query).unwrap();
            assert!(answer.complete && truth.complete);
            let truth: HashSet<u64> = truth.matches.iter().map(|found| found.case_no).collect();
            wanted += truth.len();
            found += answer
                .matches
                .iter()
                .filter(|found| truth.contains(&found.case_no))
                .count();
        }
        found as f64 / wanted as f64
    }
}

#[test]
fn recall_does_not_depend_on_the_filter() {
    let mut library = library();
    let stats = library.index.stats();
    assert_eq!((stats.cases, stats.views), (CASES, 2 * CASES));
    assert!(stats.segments >= 3, "{} segments", stats.segments);
    assert!(
        stats.graphed >= 18_000,
        "graphs hold {} views",
        stats.graphed
    );
    let aged = |share: f64| Filter::Between {
        field: Field::AgeYears,
        min: None,
        max: Some(share * 100.0 - 0.001),
    };
    let site = |site: &str| Filter::Is {
        field: Field::Site,
        value: site.into(),
    };
    let filters = [
        ("all", Filter::All),
        ("90 %", aged(0.9)),
        ("50 %", aged(0.5)),
        ("10 %", aged(0.1)),
        ("1 %", aged(0.01)),
        ("0.1 %", aged(0.001)),
        ("0.01 %", aged(0.000_1)),
        ("half, CT", Filter::parse("modality=CT").unwrap()),
        ("5 %, by cluster", site("site 3")),
        (
            "0.5 %, by cluster",
            Filter::And(vec![site("site 3"), aged(0.1)]),
        ),
        ("95 %, by cluster", Filter::Not(Box::new(site("site 3")))),
    ];
    for (name, filter) in filters {
        let (single, several) = (
            library.recall(&filter, 100, 1),
            library.recall(&filter, 20, 4),
        );
        let passing = library.index.count(&filter).unwrap();
        assert!(passing > 0, "{name} lets nothing through");
        println!(
            "{name}: {passing} cases, recall@10 {single:.4} (one view), {several:.4} (four views)"
        );
        assert!(
            single >= 0.98 && several >= 0.98,
            "{name}: {single} {several}"
        );
    }
}

#[test]
fn every_vector_of_a_sealed_segment_is_found() {
    let root = tempfile::tempdir().unwrap();
    let log = support::open_log(root.path(), 64);
    let index = Index::open(
        &root.path().join("index"),
        &support::stamp(64),
        log.clone(),
        settings(),
    )
    .unwrap();
    let mut dice = Dice(11);
    let centres: Vec<Vec<f32>> = (0..40).map(|_| dice.vector(64)).collect();
    let vectors: Vec<Vec<f32>> = (0..4_000)
        .map(|at| dice.near(&centres[at % 40], 0.4))
        .collect();
    let entries: Vec<CaseEntry> = vectors
        .iter()
        .enumerate()
        .map(|(at, vector)| {
            let case_no = at as u64 + 1;
            CaseEntry {
                case_no,
                views: views(&log, case_no, "CT", std::slice::from_ref(vector)),
                ..CaseEntry::default()
            }
        })
        .collect();
    index.apply(&entries, &[], 1).unwrap();
    index.settle();
    assert_eq!(index.stats().graphed, 4_000);
    for (at, vector) in vectors.iter().enumerate() {
        let answer = index
            .nearest(&NearestQuery {
                vectors: vec![vector.clone()],
                k: 1,
                ..NearestQuery::default()
            })
            .unwrap();
        assert_eq!(answer.matches[0].case_no, at as u64 + 1);
        assert!(answer.matches[0].score > 0.999);
    }
}

#[test]
fn an_index_reopened_answers_alike() {
    let mut library = library();
    library.index.flush().unwrap();
    let queries: Vec<NearestQuery> = (0..20)
        .map(|at| NearestQuery {
            vectors: vec![library.dice.near(&library.centres[at], 0.5)],
            k: 10,
            ..NearestQuery::default()
        })
        .collect();
    let before: Vec<_> = queries
        .iter()
        .map(|query| library.index.nearest(query).unwrap())
        .collect();
    let (stats, root) = (library.index.stats(), library._root);
    drop(library.index);
    let index = open(root.path(), DIMENSION, settings());
    assert_eq!(index.applied(), CASES / 500);
    let held = |stats: IndexStats| (stats.cases, stats.views, stats.graphed, stats.segments);
    assert_eq!(held(index.stats()), held(stats));
    let after: Vec<_> = queries
        .iter()
        .map(|query| index.nearest(query).unwrap())
        .collect();
    assert_eq!(before, after);
}

#[test]
fn rows_wait_for_a_graph_scanned_and_a_graph_that_was_not_flushed_is_made_again() {
    let root = tempfile::tempdir().unwrap();
    let log = support::open_log(root.path(), 32);
    let folder = root.path().join("index");
    let index = Index::open(&folder, &support::stamp(32), log.clone(), settings()).unwrap();
    let mut dice = Dice(12);
    let vectors: Vec<Vec<f32>> = (0..2_100).map(|_| dice.vector(32)).collect();
    let entry = |case_no: u64| {
        let views = views(
            &log,
            case_no,
            "CT",
            std::slice::from_ref(&vectors[case_no as usize - 1]),
        );
        CaseEntry {
            case_no,
            views,
            ..CaseEntry::default()
        }
    };
    let found = |index: &Index, cases: std::ops::RangeInclusive<u64>| {
        for case_no in cases {
            let vectors = vec![vectors[case_no as usize - 1].clone()];
            let query = NearestQuery {
                vectors,
                k: 1,
                ..NearestQuery::default()
            };
            assert_eq!(index.nearest(&query).unwrap().matches[0].case_no, case_no);
        }
    };
    let apply = |index: &Index, cases: std::ops::RangeInclusive<u64>, gone: &[u64], seq: u64| {
        index
            .apply(&cases.map(entry).collect::<Vec<_>>(), gone, seq)
            .unwrap();
        index.settle();
    };
    let held = |index: &Index| (index.stats().views, index.stats().graphed);
    apply(&index, 1..=700, &[], 1);
    apply(&index, 701..=900, &[], 2);
    assert_eq!(held(&index), (900, 700), "200 wait for a graph");
    index.flush().unwrap();
    apply(&index, 901..=1_400, &[], 3);
    assert_eq!(held(&index), (1_400, 1_400), "the graph grew");
    found(&index, 1..=1_400);
    drop(index);
    let index = Index::open(&folder, &support::stamp(32), log.clone(), settings()).unwrap();
    assert_eq!((index.applied(), held(&index)), (2, (900, 700)));
    found(&index, 1..=900);
    apply(&index, 901..=2_100, &[3], 3);
    assert_eq!(held(&index), (2_099, 2_099));
    found(&index, 4..=2_100);
    index.flush().unwrap();
    drop(index);
    let index = Index::open(&folder, &support::stamp(32), log.clone(), settings()).unwrap();
    assert_eq!(held(&index), (2_099, 2_099));
    found(&index, 4..=2_100);
}

#[test]
fn a_picture_that_many_cases_share_is_found_in_all_of_them() {
    let root = tempfile::tempdir().unwrap();
    let log = support::open_log(root.path(), 32);
    let index = Index::open(
        &root.path().join("index"),
        &support::stamp(32),
        log.clone(),
        settings(),
    )
    .unwrap();
    let mut dice = Dice(13);
    let shared = dice.vector(32);
    let entries: Vec<CaseEntry> = (1..=4_000u64)
        .map(|case_no| {
            let vector = if case_no % 40 == 0 {
                shared.clone()
            } else {
                dice.vector(32)
            };
            CaseEntry {
                case_no,
                views: views(&log, case_no, "CT", &[vector]),
                ..CaseEntry::default()
            }
        })
        .collect();
    index.apply(&entries, &[], 1).unwrap();
    let query = NearestQuery {
        vectors: vec![shared],
        k: 100,
        ..NearestQuery::default()
    };
    let answer = index.nearest(&query).unwrap();
    let cases: Vec<u64> = answer.matches.iter().map(|found| found.case_no).collect();
    assert_eq!(cases, (1..=100).map(|at| at * 40).collect::<Vec<u64>>());
}
