//! Questions to an index of 10,000 cases with one view of 1,152 dimensions each, in 200 clusters, and a short report.

use std::sync::{Arc, LazyLock};

use casekin_index::{
    CaseEntry, Index, IndexSettings, NearestQuery, ReportFields, Stamp, VectorLog, ViewEntry,
    WordsQuery, view_key,
};
use divan::Bencher;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

const DIMENSION: usize = 1152;
const CASES: u64 = 10_000;
const CLUSTERS: usize = 200;
const FINDINGS: [&str; 8] = [
    "effusion",
    "pneumothorax",
    "nodule",
    "fracture",
    "cardiomegaly",
    "consolidation",
    "oedema",
    "atelectasis",
];

static LIBRARY: LazyLock<Library> = LazyLock::new(Library::make);

struct Library {
    _dir: tempfile::TempDir,
    index: Index,
    queries: Vec<Vec<f32>>,
}

impl Library {
    fn make() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut dice = StdRng::seed_from_u64(5);
        let stamp = Stamp {
            model_id: "ab".repeat(32),
            profile: "train".into(),
            precision: "f32".into(),
            pipeline_version: 1,
            dimension: DIMENSION as u32,
        };
        let log = Arc::new(VectorLog::open(&dir.path().join("vectors"), &stamp).unwrap());
        // Few vectors wait outside the graph, so that the walk is what is measured.
        let settings = IndexSettings {
            scan_views: 32,
            graph_from: 500,
            ..IndexSettings::default()
        };
        let index = Index::open(
            &dir.path().join("index"),
            &stamp,
            Arc::clone(&log),
            settings,
        )
        .unwrap();
        let centres: Vec<Vec<f32>> = (0..CLUSTERS).map(|_| vector(&mut dice)).collect();
        let numbers: Vec<u64> = (1..=CASES).collect();
        for (seq, cases) in numbers.chunks(500).enumerate() {
            let entries: Vec<CaseEntry> = cases
                .iter()
                .map(|case_no| entry(&log, &centres, *case_no, &mut dice))
                .collect();
            index.apply(&entries, &[], seq as u64 + 1).unwrap();
        }
        index.flush().unwrap();
        let queries = centres
            .iter()
            .map(|centre| near(centre, &mut dice))
            .collect();
        Self {
            _dir: dir,
            index,
            queries,
        }
    }
}

fn vector(dice: &mut StdRng) -> Vec<f32> {
    (0..DIMENSION)
        .map(|_| dice.random_range(-1.0..1.0))
        .collect()
}

fn near(centre: &[f32], dice: &mut StdRng) -> Vec<f32> {
    centre
        .iter()
        .map(|value| value + dice.random_range(-0.7..0.7))
        .collect()
}

fn entry(log: &VectorLog, centres: &[Vec<f32>], case_no: u64, dice: &mut StdRng) -> CaseEntry {
    let vector = near(&centres[(case_no as usize * 7) % CLUSTERS], dice);
    let location = log
        .append(&[(view_key(case_no, 0).unwrap(), &vector[..])])
        .unwrap()
        .remove(0);
    let finding = FINDINGS[case_no as usize % FINDINGS.len()];
    let absent = FINDINGS[(case_no as usize + 3) % FINDINGS.len()];
    CaseEntry {
        case_no,
        report: Some(ReportFields {
            language: "en".into(),
            findings: format!(
                "There is a {finding} of moderate size on the left. Heart and mediastinum are unchanged."
            ),
            negated: format!("No {absent}."),
            ..ReportFields::default()
        }),
        views: vec![ViewEntry {
            view_no: 0,
            modality: Some("DX".into()),
            body_part: Some("chest".into()),
            laterality: None,
            stain: None,
            location,
        }],
        ..CaseEntry::default()
    }
}

fn nearest(bencher: Bencher, exact: bool) {
    let library = &*LIBRARY;
    let mut at = 0;
    bencher.bench_local(|| {
        at = (at + 1) % library.queries.len();
        let vectors = vec![library.queries[at].clone()];
        library
            .index
            .nearest(&NearestQuery {
                vectors,
                k: 10,
                exact,
                ..NearestQuery::default()
            })
            .unwrap()
    });
}

#[divan::bench]
fn nearest_by_graph(bencher: Bencher) {
    nearest(bencher, false);
}

#[divan::bench]
fn nearest_exact(bencher: Bencher) {
    nearest(bencher, true);
}

#[divan::bench]
fn words(bencher: Bencher) {
    let library = &*LIBRARY;
    let query = WordsQuery {
        affirmed: "moderate pleural effusion".into(),
        k: 200,
        ..WordsQuery::default()
    };
    bencher.bench_local(|| library.index.words(&query).unwrap());
}
