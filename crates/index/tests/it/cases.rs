//! Cases in and out of the index: replacing, filters on views, facets, searching while applying.

use casekin_index::{
    CaseEntry, CaseFacts, Field, Filter, Index, IndexError, NearestQuery, Stamp, WordsQuery,
};

use crate::support::{Dice, facts, open, open_log, settings, stamp, view, views};

const DIMENSION: u32 = 32;

fn ask(vector: &[f32]) -> NearestQuery {
    NearestQuery {
        vectors: vec![vector.to_vec()],
        ..NearestQuery::default()
    }
}

fn library() -> (
    tempfile::TempDir,
    std::sync::Arc<casekin_index::VectorLog>,
    Index,
) {
    let root = tempfile::tempdir().unwrap();
    let log = open_log(root.path(), DIMENSION);
    let index = Index::open(
        &root.path().join("index"),
        &stamp(DIMENSION),
        log.clone(),
        settings(),
    )
    .unwrap();
    (root, log, index)
}

#[test]
fn a_filter_on_a_view_holds_for_the_view_that_matched() {
    let (_root, log, index) = library();
    let mut dice = Dice(1);
    let (ct, radiograph) = (dice.vector(32), dice.vector(32));
    let mut both = views(&log, 1, "CT", &[ct, radiograph.clone()]);
    both[1].modality = Some("DX".into());
    index
        .apply(
            &[CaseEntry {
                case_no: 1,
                views: both,
                ..CaseEntry::default()
            }],
            &[],
            1,
        )
        .unwrap();
    let query = NearestQuery {
        filter: Filter::parse("modality=ct").unwrap(),
        ..ask(&radiograph)
    };
    let answer = index.nearest(&query).unwrap();
    assert_eq!(
        answer.matches[0]
            .views
            .iter()
            .map(|view| view.view_no)
            .collect::<Vec<_>>(),
        [0]
    );
    assert!(answer.matches[0].score < 0.9);
    let query = NearestQuery {
        filter: Filter::parse("modality!=ct").unwrap(),
        ..ask(&radiograph)
    };
    let answer = index.nearest(&query).unwrap();
    assert_eq!(
        answer.matches[0]
            .views
            .iter()
            .map(|view| view.view_no)
            .collect::<Vec<_>>(),
        [1]
    );
    assert!(answer.matches[0].score > 0.999);
    let nothing = Filter::And(vec![
        Filter::parse("modality=CT").unwrap(),
        Filter::parse("modality=DX").unwrap(),
    ]);
    assert_eq!(index.count(&nothing).unwrap(), 0);
}

#[test]
fn a_view_decides_for_a_query_view_even_where_it_is_more_like_another() {
    let (_root, log, index) = library();
    let at = |x: f32, y: f32, z: f32| {
        let mut vector = vec![0.0; DIMENSION as usize];
        vector[..3].copy_from_slice(&[x, y, z]);
        vector
    };
    // The second is the case's nearest to the second question, and yet more like the first; the third is neither's.
    let shown = [at(1.0, 0.0, 0.0), at(0.6, 0.5, 0.62), at(0.5, 0.1, 0.86)];
    let case = CaseEntry {
        case_no: 1,
        views: views(&log, 1, "CT", &shown),
        ..CaseEntry::default()
    };
    index.apply(&[case], &[], 1).unwrap();
    let query = NearestQuery {
        vectors: vec![at(1.0, 0.0, 0.0), at(0.0, 1.0, 0.0)],
        ..NearestQuery::default()
    };
    let answer = index.nearest(&query).unwrap();
    let matched = answer.matches[0].views.iter();
    let matched: Vec<_> = matched
        .map(|view| (view.view_no, view.query_no, view.decides))
        .collect();
    assert_eq!(matched, [(0, 0, true), (1, 0, true), (2, 0, false)]);
}

#[test]
fn applying_replaces_and_is_idempotent() {
    let (_root, log, index) = library();
    let mut dice = Dice(2);
    let (old, new) = (dice.vector(32), dice.vector(32));
    let first = CaseEntry {
        case_no: 5,
        facts: facts("Alpha", &["one"]),
        report: None,
        views: views(&log, 5, "CT", std::slice::from_ref(&old)),
    };
    let second = CaseEntry {
        case_no: 5,
        facts: facts("Beta", &["two"]),
        report: None,
        views: views(&log, 5, "MR", std::slice::from_ref(&new)),
    };
    index.apply(std::slice::from_ref(&first), &[], 1).unwrap();
    for _ in 0..3 {
        index.apply(std::slice::from_ref(&second), &[], 2).unwrap();
    }
    assert_eq!(
        (index.stats().cases, index.stats().views, index.applied()),
        (1, 1, 2)
    );
    assert!(index.nearest(&ask(&old)).unwrap().matches[0].score < 0.9);
    assert!(index.nearest(&ask(&new)).unwrap().matches[0].score > 0.999);
    let said = |word: &str| {
        index
            .words(&WordsQuery {
                affirmed: word.into(),
                ..WordsQuery::default()
            })
            .unwrap()
            .len()
    };
    assert_eq!(
        (said("alpha"), said("one"), said("beta"), said("two")),
        (0, 0, 1, 1)
    );
    index.apply(&[second], &[5], 3).unwrap();
    assert_eq!((index.stats().cases, said("beta")), (0, 0));
}

/// Twenty cases: every second with an effusion, five women, ages 4.5 to 76.5 (one unknown), the last ten synthetic.
fn twenty_cases() -> (tempfile::TempDir, Index) {
    let (root, log, index) = library();
    let mut dice = Dice(3);
    let entries: Vec<CaseEntry> = (1..=20u64)
        .map(|case_no| CaseEntry {
            case_no,
            facts: CaseFacts {
                labels: vec![
                    if case_no % 2 == 0 {
                        "Effusion"
                    } else {
                        "Nodule"
                    }
                    .into(),
                    "Chest".into(),
                ],
                sex: Some(if case_no <= 5 { "F" } else { "M" }.into()),
                age_years: (case_no != 20).then_some(case_no as f32 * 4.0 + 0.5),
                date: Some(20_200_100 + case_no as i32),
                synthetic: case_no > 10,
                ..CaseFacts::default()
            },
            report: None,
            views: views(&log, case_no, "CT", &[dice.vector(32), dice.vector(32)]),
        })
        .collect();
    index.apply(&entries, &[], 1).unwrap();
    (root, index)
}

#[test]
fn filters_count_cases() {
    let (_root, index) = twenty_cases();
    let count = |filter: &str| index.count(&Filter::parse(filter).unwrap()).unwrap();
    assert_eq!(
        (
            count("label=effusion"),
            count("label=effusion|nodule"),
            count("label!=effusion")
        ),
        (10, 20, 10)
    );
    assert_eq!(
        (
            count("sex=f"),
            count("synthetic=true"),
            count("site=nowhere")
        ),
        (5, 10, 0)
    );
    assert_eq!(
        (
            count("age=4..8"),
            count("age=8"),
            count("age=..8"),
            count("age=70.."),
            count("age!=0..200")
        ),
        (2, 1, 2, 2, 1)
    );
    assert_eq!(
        (
            count("date=2020-01-01..2020-01-05"),
            count("date=2020"),
            count("date=2021")
        ),
        (5, 20, 0)
    );
    let wrong = Filter::Between {
        field: Field::Label,
        min: None,
        max: None,
    };
    assert!(matches!(
        index.count(&wrong),
        Err(IndexError::FilterValue { .. })
    ));
}

#[test]
fn facets_count_cases() {
    let (_root, index) = twenty_cases();
    let facet = |field: Field, among: Option<&[u64]>| {
        let facets = index
            .facets(&Filter::parse("sex=F").unwrap(), among)
            .unwrap();
        facets
            .into_iter()
            .find(|facet| facet.field == field)
            .unwrap()
            .values
    };
    assert_eq!(
        facet(Field::Label, None),
        [
            ("Chest".into(), 5),
            ("Nodule".into(), 3),
            ("Effusion".into(), 2)
        ]
    );
    assert_eq!(facet(Field::Modality, None), [("CT".into(), 5)]);
    assert_eq!(
        facet(Field::AgeYears, Some(&[1, 2, 3, 99])),
        [("0-9".into(), 2), ("10-19".into(), 1)]
    );
    assert_eq!(
        index
            .cases(&Filter::parse("sex=F").unwrap(), Some(&[4, 2, 9]))
            .unwrap(),
        [2, 4]
    );
}

#[test]
fn what_is_left_out_does_not_answer() {
    let (_root, log, index) = library();
    let mut dice = Dice(4);
    let vectors: Vec<Vec<f32>> = (0..6).map(|_| dice.vector(32)).collect();
    let entries: Vec<CaseEntry> = (1..=6u64)
        .map(|case_no| CaseEntry {
            case_no,
            facts: CaseFacts {
                patient: case_no.div_ceil(2) % 3,
                ..CaseFacts::default()
            },
            report: None,
            views: views(
                &log,
                case_no,
                "CT",
                std::slice::from_ref(&vectors[case_no as usize - 1]),
            ),
        })
        .collect();
    index.apply(&entries, &[], 1).unwrap();
    let query = NearestQuery {
        exclude: vec![1],
        exclude_patients: vec![0, 2],
        ..ask(&vectors[0])
    };
    let alone = NearestQuery {
        exclude: vec![1, 4, 77],
        ..ask(&vectors[0])
    };
    let mut left: Vec<u64> = index
        .nearest(&alone)
        .unwrap()
        .matches
        .iter()
        .map(|found| found.case_no)
        .collect();
    left.sort_unstable();
    assert_eq!(left, [2, 3, 5, 6]);
    let mut found: Vec<u64> = index
        .nearest(&query)
        .unwrap()
        .matches
        .iter()
        .map(|found| found.case_no)
        .collect();
    found.sort_unstable();
    assert_eq!(found, [2, 5, 6]);
}

#[test]
fn bad_queries_are_errors_or_bounded() {
    let (_root, log, index) = library();
    let vector = Dice(5).vector(32);
    index
        .apply(
            &[CaseEntry {
                case_no: 1,
                views: views(&log, 1, "CT", std::slice::from_ref(&vector)),
                ..CaseEntry::default()
            }],
            &[],
            1,
        )
        .unwrap();
    assert!(matches!(
        index.nearest(&ask(&[1.0; 31])),
        Err(IndexError::Dimension {
            expected: 32,
            found: 31
        })
    ));
    assert!(matches!(
        index.nearest(&ask(&[f32::INFINITY; 32])),
        Err(IndexError::BadVector { .. })
    ));
    assert!(
        index
            .nearest(&NearestQuery {
                k: 0,
                ..ask(&vector)
            })
            .unwrap()
            .matches
            .is_empty()
    );
    assert_eq!(
        index
            .nearest(&NearestQuery {
                k: 1_000_000_000,
                ..ask(&vector)
            })
            .unwrap()
            .matches
            .len(),
        1
    );
    let many = NearestQuery {
        vectors: vec![vector.clone(); 2_000],
        ..NearestQuery::default()
    };
    assert!(matches!(
        index.nearest(&many),
        Err(IndexError::QueryTooLarge { .. })
    ));
}

#[test]
fn bad_filters_and_cases_are_refused_whole() {
    let (_root, _log, index) = library();
    index
        .apply(
            &[CaseEntry {
                case_no: 1,
                ..CaseEntry::default()
            }],
            &[],
            1,
        )
        .unwrap();
    let deep = (0..100).fold(Filter::All, |inner, _| Filter::Not(Box::new(inner)));
    assert!(matches!(
        index.count(&deep),
        Err(IndexError::QueryTooLarge { .. })
    ));
    let far = CaseEntry {
        case_no: 1 << 41,
        ..CaseEntry::default()
    };
    assert!(matches!(
        index.apply(&[far], &[], 2),
        Err(IndexError::KeyRange)
    ));
    assert_eq!(index.applied(), 1);
}

#[test]
fn a_view_whose_vector_is_gone_makes_the_answer_incomplete() {
    let (_root, log, index) = library();
    let mut dice = Dice(6);
    let vectors = [dice.vector(32), dice.vector(32)];
    let mut both = views(&log, 1, "CT", &vectors);
    both.push(view(
        2,
        "CT",
        casekin_index::VectorLocation {
            segment: 77,
            offset: 4_096,
            crc32: 1,
        },
    ));
    index
        .apply(
            &[CaseEntry {
                case_no: 1,
                views: both.clone(),
                ..CaseEntry::default()
            }],
            &[],
            1,
        )
        .unwrap();
    let answer = index.nearest(&ask(&vectors[1])).unwrap();
    assert!(!answer.complete);
    assert_eq!(answer.matches[0].views[0].view_no, 1);
    log.erase(&both[1].location).unwrap();
    assert!(index.nearest(&ask(&vectors[1])).unwrap().matches[0].score < 0.9);
}

#[test]
fn vectors_of_different_making_never_meet() {
    let (root, log, index) = library();
    index.flush().unwrap();
    drop(index);
    let other = Stamp {
        pipeline_version: 2,
        ..stamp(DIMENSION)
    };
    let refused = Index::open(&root.path().join("index"), &other, log, settings()).unwrap_err();
    assert!(matches!(refused, IndexError::StampMismatch { .. }));
    assert!(refused.to_string().contains("casekin reencode"));
    let other_log = std::sync::Arc::new(
        casekin_index::VectorLog::open(&root.path().join("vectors"), &other).unwrap(),
    );
    let refused =
        Index::open(&root.path().join("index"), &other, other_log, settings()).unwrap_err();
    assert!(refused.to_string().contains("casekin reencode"));
}

#[test]
fn an_index_has_one_writer() {
    let (root, log, index) = library();
    let refused = Index::open(
        &root.path().join("index"),
        &stamp(DIMENSION),
        log,
        settings(),
    )
    .unwrap_err();
    assert!(matches!(refused, IndexError::Busy { .. }));
    drop(index);
    open(root.path(), DIMENSION, settings());
}
