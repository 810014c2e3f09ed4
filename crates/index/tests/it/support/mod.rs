//! What the tests of the index share: a stamp, a dice, clustered vectors, a library in a temporary folder.
#![allow(dead_code, clippy::unwrap_used)]

use std::path::Path;
use std::sync::Arc;

use casekin_index::{
    CaseEntry, CaseFacts, Index, IndexSettings, ReportFields, Stamp, VectorLocation, VectorLog,
    ViewEntry, view_key,
};

pub fn stamp(dimension: u32) -> Stamp {
    Stamp {
        model_id: "ab".repeat(32),
        profile: "train".into(),
        precision: "f32".into(),
        pipeline_version: 1,
        dimension,
    }
}

/// SplitMix64 (Steele, Lea, Flood 2014).
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, limit: u64) -> u64 {
        self.roll() % limit
    }

    /// Roughly normal, mean 0, variance 1.
    pub fn normal(&mut self) -> f32 {
        (0..12)
            .map(|_| (self.roll() >> 40) as f32 / (1u64 << 24) as f32)
            .sum::<f32>()
            - 6.0
    }

    pub fn vector(&mut self, dimension: usize) -> Vec<f32> {
        (0..dimension).map(|_| self.normal()).collect()
    }

    pub fn near(&mut self, centre: &[f32], spread: f32) -> Vec<f32> {
        centre
            .iter()
            .map(|value| value + spread * self.normal())
            .collect()
    }
}

pub fn settings() -> IndexSettings {
    IndexSettings {
        segment_vectors: 4_000,
        graph_from: 500,
        scan_views: 32,
        ..IndexSettings::default()
    }
}

pub fn open_log(root: &Path, dimension: u32) -> Arc<VectorLog> {
    Arc::new(VectorLog::open(&root.join("vectors"), &stamp(dimension)).unwrap())
}

pub fn open(root: &Path, dimension: u32, settings: IndexSettings) -> Index {
    Index::open(
        &root.join("index"),
        &stamp(dimension),
        open_log(root, dimension),
        settings,
    )
    .unwrap()
}

pub fn view(view_no: u32, modality: &str, location: VectorLocation) -> ViewEntry {
    ViewEntry {
        view_no,
        modality: Some(modality.into()),
        body_part: Some("CHEST".into()),
        laterality: None,
        stain: None,
        location,
    }
}

/// Appends one vector per view and describes them.
pub fn views(
    log: &VectorLog,
    case_no: u64,
    modality: &str,
    vectors: &[Vec<f32>],
) -> Vec<ViewEntry> {
    let batch: Vec<(u64, &[f32])> = vectors
        .iter()
        .enumerate()
        .map(|(at, vector)| (view_key(case_no, at as u32).unwrap(), &vector[..]))
        .collect();
    let places = log.append(&batch).unwrap();
    places
        .into_iter()
        .enumerate()
        .map(|(at, place)| view(at as u32, modality, place))
        .collect()
}

pub fn facts(title: &str, labels: &[&str]) -> CaseFacts {
    CaseFacts {
        title: title.into(),
        labels: labels.iter().map(|label| (*label).to_owned()).collect(),
        ..CaseFacts::default()
    }
}

pub fn report(language: &str, findings: &str, negated: &str) -> ReportFields {
    ReportFields {
        language: language.into(),
        findings: findings.into(),
        negated: negated.into(),
        ..ReportFields::default()
    }
}

pub fn text_case(case_no: u64, report: ReportFields) -> CaseEntry {
    CaseEntry {
        case_no,
        facts: CaseFacts::default(),
        report: Some(report),
        views: Vec::new(),
    }
}

/// All bytes of all files below a folder.
pub fn all_bytes(root: &Path) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(root).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(all_bytes(&path))
        } else {
            files.push((path.clone(), std::fs::read(&path).unwrap()))
        }
    }
    files
}

pub fn copy_dir(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_dir(&path, &target)
        } else {
            std::fs::copy(&path, &target).map(|_| ()).unwrap()
        }
    }
}

pub fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack
        .windows(needle.len())
        .any(|window| window == needle)
}
