//! Random histories of applying, deleting, flushing and reopening, against a plain model of what must be there.

use std::collections::BTreeMap;
use std::sync::Arc;

use casekin_index::{
    CaseEntry, CaseFacts, Field, Filter, Index, IndexSettings, NearestAnswer, NearestQuery,
    WordsQuery,
};
use proptest::prelude::*;

use crate::support;
use crate::support::{Dice, settings, stamp, views};

const DIMENSION: u32 = 8;

#[derive(Debug, Clone)]
enum Step {
    /// Case, number of views, seed of vectors, whether it is a CT.
    Put(u64, usize, u64, bool),
    Remove(Vec<u64>),
    Flush,
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (1u64..40, 0usize..6, 0u64..1000, any::<bool>()).prop_map(|(case, views, seed, ct)| Step::Put(case, views, seed, ct)),
        3 => prop::collection::vec(1u64..40, 1..12).prop_map(Step::Remove),
        1 => Just(Step::Flush),
        1 => Just(Step::Reopen),
    ]
}

fn small() -> IndexSettings {
    IndexSettings {
        segment_vectors: 64,
        graph_from: 16,
        scan_views: 1,
        ..settings()
    }
}

fn vectors(seed: u64, count: usize) -> Vec<Vec<f32>> {
    let mut dice = Dice(seed);
    (0..count)
        .map(|_| dice.vector(DIMENSION as usize))
        .collect()
}

/// Case, seed, views, CT.
type Model = BTreeMap<u64, (u64, usize, bool)>;

fn check(index: &Index, model: &Model, seed: u64) {
    let views: usize = model.values().map(|(_, views, _)| views).sum();
    let stats = index.stats();
    assert_eq!(
        (stats.cases, stats.views),
        (model.len() as u64, views as u64)
    );
    let word = |seed: u64| WordsQuery {
        affirmed: format!("seed{seed}"),
        k: 100,
        ..WordsQuery::default()
    };
    for (case, (seed, views, _)) in model {
        let found = index.words(&word(*seed)).unwrap();
        assert!(found.iter().any(|found| found.case_no == *case));
        assert!(found.iter().all(|found| {
            model
                .get(&found.case_no)
                .is_some_and(|held| held.0 == *seed)
        }));
        if *views > 0 {
            let query = NearestQuery {
                vectors: vectors(*seed, *views),
                k: 40,
                ..NearestQuery::default()
            };
            let answer = index.nearest(&query).unwrap();
            alike(index, &query, &answer);
            let met = answer
                .matches
                .iter()
                .find(|found| found.case_no == *case)
                .unwrap();
            assert!(answer.complete && met.score > 0.999 && met.views.len() == *views);
        }
    }
    for (modality, ct) in [("CT", true), ("MR", false)] {
        let filter = Filter::Is {
            field: Field::Modality,
            value: modality.into(),
        };
        let pictured = model
            .values()
            .filter(|held| held.1 > 0 && held.2 == ct)
            .count() as u64;
        assert_eq!(index.count(&filter).unwrap(), pictured);
        let query = NearestQuery {
            vectors: vectors(seed, 2),
            filter,
            k: 100,
            ..NearestQuery::default()
        };
        let answer = index.nearest(&query).unwrap();
        assert_eq!(answer.matches.len() as u64, pictured);
        alike(index, &query, &answer);
    }
}

/// Cases and views that are asked for one after the other are those that come together.
fn alike(index: &Index, query: &NearestQuery, answer: &NearestAnswer) {
    let together = answer.matches.iter();
    let ranked = index.rank_by_vectors(query).unwrap();
    let cases: Vec<(u64, f32)> = together
        .clone()
        .map(|one| (one.case_no, one.score))
        .collect();
    assert_eq!((ranked.cases, ranked.complete), (cases, answer.complete));
    let shown: Vec<u64> = together.clone().map(|one| one.case_no).rev().collect();
    let views = index.matched_views(query, &shown).unwrap();
    let wanted = together.rev().map(|one| (one.case_no, one.views.clone()));
    assert_eq!(views, wanted.collect::<Vec<_>>());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, max_shrink_iters: 40, ..ProptestConfig::default() })]
    #[test]
    fn the_index_holds_what_its_history_says(steps in prop::collection::vec(step(), 1..60)) {
        let root = tempfile::tempdir().unwrap();
        let log = support::open_log(root.path(), DIMENSION);
        let open = || Index::open(&root.path().join("index"), &stamp(DIMENSION), Arc::clone(&log), small()).unwrap();
        let mut index = Some(open());
        let (mut model, mut durable) = (Model::new(), Model::new());
        for (seq, step) in steps.into_iter().enumerate() {
            let held = index.as_ref().unwrap();
            match step {
                Step::Put(case_no, count, seed, ct) => {
                    let views = views(&log, case_no, if ct { "CT" } else { "MR" }, &vectors(seed, count));
                    let facts = CaseFacts { title: format!("seed{seed}"), ..CaseFacts::default() };
                    held.apply(&[CaseEntry { case_no, facts, report: None, views }], &[], seq as u64).unwrap();
                    model.insert(case_no, (seed, count, ct));
                }
                Step::Remove(cases) => {
                    held.apply(&[], &cases, seq as u64).unwrap();
                    model.retain(|case, _| !cases.contains(case));
                }
                Step::Flush => {
                    held.flush().unwrap();
                    durable = model.clone();
                }
                Step::Reopen => {
                    drop(index.take());
                    index = Some(open());
                    model = durable.clone();
                }
            }
            if seq % 8 == 0 {
                check(index.as_ref().unwrap(), &model, seq as u64);
            }
        }
        check(index.as_ref().unwrap(), &model, 99);
        index.as_ref().unwrap().flush().unwrap();
        drop(index.take());
        check(&open(), &model, 98);
    }
}
