//! What a crash or a bad disk leaves: every file cut short or overwritten at every boundary opens to a consistent

//! state or to a typed error that says what to run; never a panic, never a wrong answer.

use std::path::{Path, PathBuf};

use casekin_index::{
    CaseEntry, Index, IndexError, IndexSettings, NearestQuery, VectorLocation, VectorLog,
    WordsQuery,
};

use crate::support;
use crate::support::{Dice, copy_dir, report, settings, stamp, views};

const DIMENSION: u32 = 16;
const HEADER_BYTES: usize = 4096;
const RECORD_BYTES: usize = 48;

/// A log of twelve vectors in a folder, with its only segment file.
fn small_log() -> (tempfile::TempDir, PathBuf, Vec<(Vec<f32>, VectorLocation)>) {
    let root = tempfile::tempdir().unwrap();
    let log = VectorLog::open(root.path(), &stamp(DIMENSION)).unwrap();
    let mut dice = Dice(5);
    let held = (0..12u64)
        .map(|key| {
            let vector = dice.vector(16);
            let place = log.append(&[(key, &vector)]).unwrap()[0];
            (log.read(&place).unwrap(), place)
        })
        .collect();
    let file = root.path().join("00000001.ckv");
    assert!(file.exists());
    (root, file, held)
}

/// Opens the log; what is read is right or an error; new vectors can be appended and read.
fn check_log(root: &Path, held: &[(Vec<f32>, VectorLocation)], least_whole: usize) {
    let log = VectorLog::open(root, &stamp(DIMENSION)).unwrap();
    let mut whole = 0;
    for (vector, place) in held {
        match log.read(place) {
            Ok(read) => {
                assert_eq!(read, *vector);
                whole += 1;
            }
            Err(error) => assert!(
                matches!(
                    error,
                    IndexError::VectorMissing { .. }
                        | IndexError::VectorDamaged { .. }
                        | IndexError::VectorErased { .. }
                ),
                "{error}"
            ),
        }
    }
    assert!(whole >= least_whole, "{whole} of at least {least_whole}");
    let fresh = log.append(&[(99, &[1.0; 16])]).unwrap()[0];
    assert!(
        log.read(&fresh)
            .unwrap()
            .iter()
            .all(|value| (value - 0.25).abs() < 1e-3)
    );
    drop(log);
    let log = VectorLog::open(root, &stamp(DIMENSION)).unwrap();
    log.read(&fresh).unwrap();
}

#[test]
fn a_log_cut_anywhere_keeps_what_is_whole() {
    let (root, file, held) = small_log();
    let bytes = std::fs::read(&file).unwrap();
    assert_eq!(bytes.len(), HEADER_BYTES + 12 * RECORD_BYTES);
    for length in (0..=bytes.len()).filter(|length| *length > HEADER_BYTES || length % 512 == 0) {
        let copy = tempfile::tempdir().unwrap();
        copy_dir(root.path(), copy.path());
        std::fs::write(copy.path().join("00000001.ckv"), &bytes[..length]).unwrap();
        check_log(
            copy.path(),
            &held,
            length.saturating_sub(HEADER_BYTES) / RECORD_BYTES,
        );
    }
}

#[test]
fn garbage_in_a_log_damages_only_what_it_hits() {
    let (root, file, held) = small_log();
    let bytes = std::fs::read(&file).unwrap();
    let mut dice = Dice(9);
    for round in 0..200 {
        let mut garbled = bytes.clone();
        let at = HEADER_BYTES + dice.below((bytes.len() - HEADER_BYTES) as u64) as usize;
        let end = (at + 1 + dice.below(60) as usize).min(bytes.len());
        garbled[at..end].fill_with(|| if round % 3 == 0 { 0 } else { dice.roll() as u8 });
        if round % 4 == 0 {
            garbled.extend((0..dice.below(200)).map(|_| dice.roll() as u8));
        }
        let copy = tempfile::tempdir().unwrap();
        copy_dir(root.path(), copy.path());
        std::fs::write(copy.path().join("00000001.ckv"), &garbled).unwrap();
        let hit = (end - 1 - HEADER_BYTES) / RECORD_BYTES - (at - HEADER_BYTES) / RECORD_BYTES + 1;
        check_log(copy.path(), &held, 12 - hit);
    }
    let mut garbled = bytes;
    garbled[..HEADER_BYTES].fill(0x5a);
    std::fs::write(&file, &garbled).unwrap();
    check_log(root.path(), &held, 0);
}

#[test]
fn a_torn_tail_is_cut_so_that_no_byte_of_it_stays() {
    let (root, file, held) = small_log();
    let mut bytes = std::fs::read(&file).unwrap();
    bytes.extend([0xa5; 100]);
    std::fs::write(&file, &bytes).unwrap();
    check_log(root.path(), &held, 12);
    assert!(!support::contains(
        &std::fs::read(&file).unwrap(),
        &[0xa5; 8]
    ));
}

fn entries(log: &VectorLog, cases: std::ops::RangeInclusive<u64>, word: &str) -> Vec<CaseEntry> {
    cases
        .map(|case_no| CaseEntry {
            case_no,
            report: Some(report("en", &format!("{word} number{case_no}"), "")),
            views: views(log, case_no, "CT", &[Dice(case_no).vector(16)]),
            ..CaseEntry::default()
        })
        .collect()
}

fn small() -> IndexSettings {
    IndexSettings {
        segment_vectors: 100,
        graph_from: 40,
        ..settings()
    }
}

/// An index of 150 cases at sequence 1 (one sealed segment with a graph, one that is scanned), flushed.
fn small_index() -> (tempfile::TempDir, Vec<CaseEntry>) {
    let root = tempfile::tempdir().unwrap();
    let log = support::open_log(root.path(), DIMENSION);
    let index = Index::open(
        &root.path().join("index"),
        &stamp(DIMENSION),
        log.clone(),
        small(),
    )
    .unwrap();
    let entries = entries(&log, 1..=150, "before");
    index.apply(&entries, &[], 1).unwrap();
    index.settle();
    index.flush().unwrap();
    (root, entries)
}

fn try_open(root: &Path) -> Result<Index, IndexError> {
    let log =
        std::sync::Arc::new(VectorLog::open(&root.join("vectors"), &stamp(DIMENSION)).unwrap());
    Index::open(&root.join("index"), &stamp(DIMENSION), log, small())
}

fn said(index: &Index, word: &str) -> usize {
    index
        .words(&WordsQuery {
            affirmed: word.into(),
            k: 1_000,
            ..WordsQuery::default()
        })
        .unwrap()
        .len()
}

/// Every case is there, by picture and by words.
fn check_index(index: &Index, cases: u64, word: &str) {
    assert_eq!((index.stats().cases, index.stats().views), (cases, cases));
    for case_no in [1, cases / 2, cases] {
        let query = NearestQuery {
            vectors: vec![Dice(case_no).vector(16)],
            k: 3,
            ..NearestQuery::default()
        };
        let answer = index.nearest(&query).unwrap();
        assert!(answer.complete && answer.matches.len() == 3);
        assert_eq!(answer.matches[0].case_no, case_no);
    }
    assert_eq!(said(index, word), cases as usize);
}

#[test]
fn every_file_of_an_index_cut_or_garbled_is_noticed() {
    let (root, _) = small_index();
    check_index(&try_open(root.path()).unwrap(), 150, "before");
    let folder = root.path().join("index");
    let (mut noticed, mut graphs) = (0, 0);
    for (path, bytes) in support::all_bytes(&folder) {
        let name = path.strip_prefix(&folder).unwrap();
        let mut changes: Vec<Vec<u8>> = [0, 1, bytes.len() / 2, bytes.len().saturating_sub(1)]
            .iter()
            .map(|end| bytes[..(*end).min(bytes.len())].to_vec())
            .collect();
        for at in [0, bytes.len() / 3, bytes.len().saturating_sub(2)] {
            let mut garbled = bytes.clone();
            garbled
                .iter_mut()
                .skip(at)
                .take(2)
                .for_each(|byte| *byte ^= 0x2c);
            changes.push(garbled);
        }
        for change in changes.iter().filter(|change| **change != bytes) {
            let copy = tempfile::tempdir().unwrap();
            copy_dir(root.path(), copy.path());
            std::fs::write(copy.path().join("index").join(name), change).unwrap();
            match try_open(copy.path()) {
                Ok(index) => check_index(&index, 150, "before"),
                Err(error) => {
                    noticed += 1;
                    let said = error.to_string();
                    assert!(
                        said.contains("casekin index rebuild"),
                        "{}: {said}",
                        name.display()
                    );
                }
            }
        }
        if name
            .extension()
            .is_some_and(|kind| kind == "columns" || kind == "graph")
        {
            let copy = tempfile::tempdir().unwrap();
            copy_dir(root.path(), copy.path());
            std::fs::remove_file(copy.path().join("index").join(name)).unwrap();
            match try_open(copy.path()) {
                // The vector log holds all that a graph is made of.
                Ok(index) if name.extension().is_some_and(|kind| kind == "graph") => {
                    check_index(&index, 150, "before");
                    index.settle();
                    assert!(index.stats().graphed >= 100, "the graph is made again");
                    check_index(&index, 150, "before");
                    graphs += 1;
                }
                opened => assert!(
                    matches!(opened, Err(IndexError::Damaged { .. })),
                    "{}",
                    name.display()
                ),
            }
        }
    }
    assert!(noticed > 40 && graphs > 0, "{noticed}, {graphs}");
}

#[test]
fn what_was_applied_after_the_last_flush_is_replayed() {
    let (root, before) = small_index();
    let index = try_open(root.path()).unwrap();
    let mut changed = before.clone();
    for entry in &mut changed {
        entry.report = Some(report("en", &format!("after number{}", entry.case_no), ""));
    }
    index.apply(&changed, &[], 2).unwrap();
    index.apply(&[], &[150], 3).unwrap();
    assert_eq!(
        (
            index.applied(),
            said(&index, "before"),
            said(&index, "after")
        ),
        (3, 0, 149)
    );
    let copy = tempfile::tempdir().unwrap();
    copy_dir(root.path(), copy.path());
    drop(index);
    let crashed = try_open(copy.path()).unwrap();
    assert_eq!((crashed.applied(), crashed.stats().cases), (1, 150));
    assert_eq!(
        (said(&crashed, "before"), said(&crashed, "after")),
        (150, 0)
    );
    crashed.apply(&before, &[], 4).unwrap();
    check_index(&crashed, 150, "before");
    assert_eq!(said(&crashed, "after"), 0);
}

#[test]
fn a_flush_that_did_not_finish_leaves_the_former_state() {
    let (root, _) = small_index();
    let old = tempfile::tempdir().unwrap();
    copy_dir(root.path(), old.path());
    let log = support::open_log(root.path(), DIMENSION);
    let index = Index::open(
        &root.path().join("index"),
        &stamp(DIMENSION),
        log.clone(),
        small(),
    )
    .unwrap();
    index
        .apply(&entries(&log, 151..=300, "before"), &[], 2)
        .unwrap();
    index.flush().unwrap();
    drop((index, log));
    check_index(&try_open(root.path()).unwrap(), 300, "before");
    // All new files are there, beside the old ones, but the manifest is the old one.
    let torn = tempfile::tempdir().unwrap();
    copy_dir(old.path(), torn.path());
    copy_dir(root.path(), torn.path());
    std::fs::copy(
        old.path().join("index/MANIFEST"),
        torn.path().join("index/MANIFEST"),
    )
    .unwrap();
    std::fs::write(torn.path().join("index/MANIFEST.new"), b"half").unwrap();
    let index = try_open(torn.path()).unwrap();
    assert_eq!((index.applied(), index.stats().cases), (1, 150));
    check_index(&index, 150, "before");
    assert!(!torn.path().join("index/MANIFEST.new").exists());
    // tantivy's own list of segments does not count: the text is put back to what the manifest names.
    copy_dir(
        &old.path().join("index/text"),
        &root.path().join("index/text"),
    );
    check_index(&try_open(root.path()).unwrap(), 300, "before");
    // A file that the manifest needs is missing.
    let needed = std::fs::read_dir(root.path().join("index/text"))
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let needed = needed
        .into_iter()
        .find(|path| path.extension().is_some_and(|kind| kind == "idx"))
        .unwrap();
    std::fs::remove_file(needed).unwrap();
    assert!(matches!(
        try_open(root.path()),
        Err(IndexError::Damaged { .. })
    ));
}

#[test]
fn an_index_of_another_format_says_what_to_run() {
    let (root, _) = small_index();
    let manifest = root.path().join("index/MANIFEST");
    let text = std::fs::read_to_string(&manifest).unwrap();
    let mut body: serde_json::Value =
        serde_json::from_str(text.split_once('\n').unwrap().1).unwrap();
    body["format_version"] = 9_999.into();
    let body = body.to_string();
    std::fs::write(
        &manifest,
        format!("{:08x}\n{body}", crc32fast::hash(body.as_bytes())),
    )
    .unwrap();
    let error = try_open(root.path()).unwrap_err();
    assert!(matches!(
        error,
        IndexError::FormatVersion { found: 9_999, .. }
    ));
    assert!(error.to_string().contains("casekin index rebuild"));
}

#[test]
fn an_index_that_was_never_flushed_begins_anew() {
    let root = tempfile::tempdir().unwrap();
    let log = support::open_log(root.path(), DIMENSION);
    let index = Index::open(
        &root.path().join("index"),
        &stamp(DIMENSION),
        log.clone(),
        small(),
    )
    .unwrap();
    let held = entries(&log, 1..=20, "before");
    index.apply(&held, &[], 9).unwrap();
    drop((index, log));
    let index = try_open(root.path()).unwrap();
    assert_eq!(
        (index.applied(), index.stats().cases, said(&index, "before")),
        (0, 0, 0)
    );
    index.apply(&held, &[], 9).unwrap();
    check_index(&index, 20, "before");
    drop(index);
    std::fs::remove_file(root.path().join("index/MANIFEST")).unwrap();
    let index = try_open(root.path()).unwrap();
    assert_eq!((index.applied(), said(&index, "before")), (0, 0));
}
