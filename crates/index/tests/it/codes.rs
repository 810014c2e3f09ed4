//! The codes of graphs: each finds what an exact search finds, says of itself how well, and leaves nothing behind.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use casekin_index::{CaseEntry, Filter, Index, IndexSettings, NearestQuery, VectorCode, VectorLog};

use crate::support;
use crate::support::{Dice, settings, views};

const DIMENSION: u32 = 256;
const VIEWS: u64 = 3_000;

/// Vectors in clusters around a common direction, as those of image-text models lie: a narrow cone.
fn vectors(dice: &mut Dice) -> Vec<Vec<f32>> {
    let cone = dice.vector(DIMENSION as usize);
    let centres: Vec<Vec<f32>> = (0..60).map(|_| dice.near(&cone, 1.0)).collect();
    (0..VIEWS)
        .map(|at| dice.near(&centres[at as usize % 60], 0.6))
        .collect()
}

fn settings_of(code: VectorCode) -> IndexSettings {
    IndexSettings {
        code,
        recall_target: 0.95,
        ..settings()
    }
}

fn filled(root: &Path, code: VectorCode) -> (Index, Vec<Vec<f32>>, Dice) {
    let mut dice = Dice(21);
    let vectors = vectors(&mut dice);
    let (index, log) = open_with_log(root, DIMENSION, code);
    for (at, chunk) in vectors.chunks(700).enumerate() {
        let first = at as u64 * 700 + 1;
        let entries: Vec<CaseEntry> = (first..)
            .zip(chunk)
            .map(|(case_no, vector)| CaseEntry {
                case_no,
                views: views(&log, case_no, "CT", std::slice::from_ref(vector)),
                ..CaseEntry::default()
            })
            .collect();
        index.apply(&entries, &[], at as u64 + 1).unwrap();
        index.settle();
    }
    (index, vectors, dice)
}

fn open_with_log(root: &Path, dimension: u32, code: VectorCode) -> (Index, Arc<VectorLog>) {
    let log = support::open_log(root, dimension);
    let folder = root.join("index");
    let settings = settings_of(code);
    let index = Index::open(&folder, &support::stamp(dimension), log.clone(), settings);
    (index.unwrap(), log)
}

fn recall(index: &Index, vectors: &[Vec<f32>], dice: &mut Dice) -> f64 {
    let (mut met, mut wanted) = (0, 0);
    for _ in 0..40 {
        let of = dice.below(vectors.len() as u64) as usize;
        let query = NearestQuery {
            vectors: vec![dice.near(&vectors[of], 0.3)],
            filter: Filter::All,
            k: 10,
            ..NearestQuery::default()
        };
        let exact = NearestQuery {
            exact: true,
            ..query.clone()
        };
        let truth = index.nearest(&exact).unwrap().matches;
        let found = index.nearest(&query).unwrap().matches;
        wanted += truth.len();
        met += truth
            .iter()
            .filter(|one| found.iter().any(|other| other.case_no == one.case_no))
            .count();
        for one in &found {
            let same = truth.iter().find(|other| other.case_no == one.case_no);
            assert!(
                same.is_none_or(|same| same.score == one.score),
                "a code never decides a score"
            );
        }
    }
    met as f64 / wanted as f64
}

#[test]
fn every_code_finds_what_an_exact_search_finds() {
    for code in [
        VectorCode::F16,
        VectorCode::I8,
        VectorCode::B1,
        VectorCode::Auto,
    ] {
        let root = tempfile::tempdir().unwrap();
        let (index, vectors, mut dice) = filled(root.path(), code);
        assert!(
            index.stats().graphed >= 2_500,
            "{code:?}: {:?}",
            index.stats()
        );
        let recall = recall(&index, &vectors, &mut dice);
        assert!(recall >= 0.93, "{code:?}: {recall}");
    }
}

/// Black frames and empty tiles have one vector, to the bit: a graph must hold them without hiding any, or anything else.
#[test]
fn views_of_one_vector_are_taken_into_a_graph() {
    for code in [VectorCode::F16, VectorCode::B1] {
        let root = tempfile::tempdir().unwrap();
        let mut dice = Dice(22);
        let mut vectors = vectors(&mut dice);
        let black = vectors[0].clone();
        for vector in vectors.iter_mut().step_by(2) {
            vector.clone_from(&black);
        }
        let (index, log) = open_with_log(root.path(), DIMENSION, code);
        let entries: Vec<CaseEntry> = (1..)
            .zip(&vectors)
            .map(|(case_no, vector)| CaseEntry {
                case_no,
                views: views(&log, case_no, "CT", std::slice::from_ref(vector)),
                ..CaseEntry::default()
            })
            .collect();
        index.apply(&entries, &[], 1).unwrap();
        index.settle();
        let stats = index.stats();
        assert_eq!(stats.graphed, VIEWS, "{code:?}: {stats:?}");
        let others: Vec<Vec<f32>> = vectors.into_iter().skip(1).step_by(2).collect();
        let recall = recall(&index, &others, &mut dice);
        assert!(recall >= 0.93, "{code:?}: {recall}");
    }
}

#[test]
fn signs_take_a_sixteenth_of_half_floats_and_a_reopened_index_answers_alike() {
    let roots = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let bytes_of = |root: &Path| -> usize {
        support::all_bytes(&root.join("index"))
            .iter()
            .filter(|(path, _)| path.extension().is_some_and(|kind| kind == "graph"))
            .map(|(_, bytes)| bytes.len())
            .sum()
    };
    let mut sizes = Vec::new();
    for (root, code) in roots.iter().zip([VectorCode::F16, VectorCode::B1]) {
        let (index, vectors, _) = filled(root.path(), code);
        index.flush().unwrap();
        let query = NearestQuery {
            vectors: vec![vectors[17].clone()],
            k: 5,
            ..NearestQuery::default()
        };
        let before = index.nearest(&query).unwrap();
        assert_eq!(before.matches[0].case_no, 18);
        drop(index);
        let index = support::open(root.path(), DIMENSION, settings_of(code));
        assert_eq!(index.nearest(&query).unwrap(), before);
        sizes.push(bytes_of(root.path()));
    }
    let links = 2_800 * 2 * 16 * 4;
    assert!(
        sizes[0] > sizes[1] + 2_800 * 256 && sizes[1] < links * 2,
        "{sizes:?}"
    );
}

#[test]
fn signs_that_do_not_suffice_are_replaced_by_half_floats() {
    // Eight dimensions have too few signs to tell 3,000 views apart.
    let root = tempfile::tempdir().unwrap();
    let (index, log) = open_with_log(root.path(), 8, VectorCode::Auto);
    let mut dice = Dice(5);
    let vectors: Vec<Vec<f32>> = (0..VIEWS).map(|_| dice.vector(8)).collect();
    let entries: Vec<CaseEntry> = (1..)
        .zip(&vectors)
        .map(|(case_no, vector)| CaseEntry {
            case_no,
            views: views(&log, case_no, "CT", std::slice::from_ref(vector)),
            ..CaseEntry::default()
        })
        .collect();
    index.apply(&entries, &[], 1).unwrap();
    index.settle();
    assert!(recall(&index, &vectors, &mut dice) >= 0.95);
}

#[test]
fn a_segment_says_what_it_takes_and_signs_of_one_case_are_measured_too() {
    let root = tempfile::tempdir().unwrap();
    let (index, vectors, _) = filled(root.path(), VectorCode::Auto);
    let stats = index.stats();
    assert!((64..1_024).contains(&stats.candidates), "{stats:?}");
    assert!(stats.recall_permille >= 950, "{stats:?}");

    // Nothing is left where a case is left out that has all views: each leaves out itself only.
    let root = tempfile::tempdir().unwrap();
    let (index, log) = open_with_log(root.path(), DIMENSION, VectorCode::Auto);
    let case = CaseEntry {
        case_no: 1,
        views: views(&log, 1, "SM", &vectors),
        ..CaseEntry::default()
    };
    index.apply(&[case], &[], 1).unwrap();
    index.settle();
    let of_one = index.stats();
    assert!((64..1_024).contains(&of_one.candidates), "{of_one:?}");
    assert!(of_one.recall_permille >= 950, "{of_one:?}");
    let bytes = |stats: casekin_index::IndexStats| stats.bytes / stats.views;
    assert!(
        bytes(of_one) < 2 * u64::from(DIMENSION),
        "signs: {of_one:?}"
    );
}

#[test]
fn a_deleted_view_leaves_no_code_in_any_file() {
    let root = tempfile::tempdir().unwrap();
    let (index, vectors, _) = filled(root.path(), VectorCode::B1);
    let gone: Vec<u64> = (1..=VIEWS).filter(|case_no| case_no % 50 == 0).collect();
    index.flush().unwrap();
    index.apply(&[], &gone, 9).unwrap();
    index.settle();
    index.flush().unwrap();
    let graphs: Vec<Vec<u8>> = support::all_bytes(&root.path().join("index"))
        .into_iter()
        .filter(|(path, _)| path.extension().is_some_and(|kind| kind == "graph"))
        .map(|(_, bytes)| bytes)
        .collect();
    assert!(!graphs.is_empty());
    // The code is made from the mean that the file states, at byte 64.
    let mut stays = 0;
    for bytes in &graphs {
        let mean: Vec<f32> = bytes[64..64 + 4 * DIMENSION as usize]
            .chunks_exact(4)
            .map(|word| f32::from_le_bytes(word.try_into().unwrap()))
            .collect();
        let signs = |vector: &[f32]| -> Vec<u8> {
            let length = vector.iter().map(|v| v * v).sum::<f32>().sqrt();
            let bit =
                |at: usize| u8::from(half::f16::from_f32(vector[at] / length).to_f32() > mean[at]);
            (0..DIMENSION as usize / 8)
                .map(|byte| (0..8).map(|at| bit(8 * byte + at) << at).sum())
                .collect()
        };
        let held: HashSet<&[u8]> = bytes.windows(DIMENSION as usize / 8).collect();
        for case_no in &gone {
            let code = signs(&vectors[*case_no as usize - 1]);
            assert!(!held.contains(&code[..]), "case {case_no} left its code");
        }
        stays += (1..=VIEWS)
            .filter(|case_no| case_no % 50 != 0)
            .filter(|case_no| held.contains(&signs(&vectors[*case_no as usize - 1])[..]))
            .count();
    }
    assert!(stays > 2_000, "the codes of the others are found: {stays}");
    let answer = index
        .nearest(&NearestQuery {
            vectors: vec![vectors[49].clone()],
            k: 10,
            ..NearestQuery::default()
        })
        .unwrap();
    assert!(answer.matches.iter().all(|found| found.case_no % 50 != 0));
}
