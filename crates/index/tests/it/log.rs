//! The vector log: what it takes, gives back, erases and removes.

use casekin_index::{IndexError, Stamp, VectorLocation, VectorLog};

use crate::support;
use crate::support::{Dice, stamp};

const DIMENSION: u32 = 48;

fn norm(vector: &[f32]) -> f32 {
    vector.iter().map(|value| value * value).sum::<f32>().sqrt()
}

#[test]
fn vectors_come_back_normalised() {
    let root = tempfile::tempdir().unwrap();
    let log = VectorLog::open(root.path(), &stamp(DIMENSION)).unwrap();
    let mut dice = Dice(1);
    let vectors: Vec<Vec<f32>> = (0..100).map(|_| dice.vector(48)).collect();
    let batch: Vec<(u64, &[f32])> = vectors
        .iter()
        .enumerate()
        .map(|(key, vector)| (key as u64, &vector[..]))
        .collect();
    let places = log.append(&batch).unwrap();
    for reopened in [false, true] {
        let again = reopened.then(|| tempfile::tempdir().unwrap());
        if let Some(again) = &again {
            support::copy_dir(root.path(), again.path());
        }
        let other = again
            .as_ref()
            .map(|again| VectorLog::open(again.path(), &stamp(DIMENSION)).unwrap());
        let log = other.as_ref().unwrap_or(&log);
        for (vector, place) in vectors.iter().zip(&places) {
            let read = log.read(place).unwrap();
            let length = norm(vector);
            assert!(
                read.iter()
                    .zip(vector)
                    .all(|(read, given)| (read - given / length).abs() < 1e-3)
            );
            let unit: Vec<f32> = vector.iter().map(|value| value / length).collect();
            assert!((log.dot(place, &unit).unwrap() - 1.0).abs() < 1e-3);
        }
        assert_eq!(
            log.records(&stamp(DIMENSION))
                .unwrap()
                .iter()
                .map(|record| record.location)
                .collect::<Vec<_>>(),
            places
        );
    }
}

#[test]
fn bad_vectors_are_refused_whole() {
    let root = tempfile::tempdir().unwrap();
    let log = VectorLog::open(root.path(), &stamp(4)).unwrap();
    let good: &[f32] = &[1.0, 0.0, 0.0, 0.0];
    assert!(matches!(
        log.append(&[(1, good), (2, &[1.0])]),
        Err(IndexError::Dimension {
            expected: 4,
            found: 1
        })
    ));
    assert!(matches!(
        log.append(&[(1, good), (2, &[f32::NAN; 4])]),
        Err(IndexError::BadVector { .. })
    ));
    assert!(log.records(&stamp(4)).unwrap().is_empty());
    assert!(log.append(&[]).unwrap().is_empty());
    assert!(VectorLog::open(&root.path().join("none"), &stamp(0)).is_err());
}

#[test]
fn an_erased_vector_is_gone_and_others_are_not() {
    let root = tempfile::tempdir().unwrap();
    let log = VectorLog::open(root.path(), &stamp(4)).unwrap();
    let places = log
        .append(&[(1, &[1.0, 2.0, 3.0, 4.0]), (2, &[4.0, 3.0, 2.0, 1.0])])
        .unwrap();
    log.erase(&places[0]).unwrap();
    log.erase(&places[0]).unwrap();
    assert!(matches!(
        log.read(&places[0]),
        Err(IndexError::VectorErased { .. })
    ));
    assert!(matches!(
        log.dot(&places[0], &[1.0; 4]),
        Err(IndexError::VectorErased { .. })
    ));
    log.read(&places[1]).unwrap();
    let stale = VectorLocation {
        crc32: !places[1].crc32,
        ..places[1]
    };
    log.erase(&stale).unwrap();
    assert!(matches!(
        log.read(&stale),
        Err(IndexError::VectorMissing { .. })
    ));
    log.read(&places[1]).unwrap();
    for missing in [
        VectorLocation {
            segment: 99,
            ..places[1]
        },
        VectorLocation {
            offset: places[1].offset + 1,
            ..places[1]
        },
        VectorLocation {
            offset: u64::MAX - 3,
            ..places[1]
        },
        VectorLocation {
            offset: 0,
            ..places[1]
        },
    ] {
        assert!(matches!(
            log.read(&missing),
            Err(IndexError::VectorMissing { .. })
        ));
        log.erase(&missing).unwrap();
    }
    assert_eq!(log.records(&stamp(4)).unwrap().len(), 1);
}

#[test]
fn two_models_live_side_by_side_until_one_is_swept() {
    let root = tempfile::tempdir().unwrap();
    let new_stamp = Stamp {
        model_id: "cd".repeat(32),
        ..stamp(6)
    };
    let old = VectorLog::open(root.path(), &stamp(4)).unwrap();
    let kept = old.append(&[(1, &[1.0, 2.0, 3.0, 4.0])]).unwrap()[0];
    let new = VectorLog::open(root.path(), &new_stamp).unwrap();
    let fresh = new.append(&[(1, &[1.0; 6])]).unwrap()[0];
    let late = old.append(&[(2, &[1.0; 4])]).unwrap()[0];
    assert_eq!(
        (
            old.read(&fresh).unwrap().len(),
            new.read(&kept).unwrap().len(),
            new.read(&late).unwrap().len()
        ),
        (6, 4, 4)
    );
    assert_eq!(new.stamps().unwrap(), [stamp(4), new_stamp.clone()]);
    assert!(matches!(
        new.remove_stamp(&new_stamp),
        Err(IndexError::StampInUse)
    ));
    assert!(matches!(
        new.remove_stamp(&stamp(4)),
        Err(IndexError::Busy { .. })
    ));
    drop(old);
    assert!(new.remove_stamp(&stamp(4)).unwrap() > 4_096);
    assert_eq!(new.remove_stamp(&stamp(4)).unwrap(), 0);
    assert_eq!(new.stamps().unwrap(), [new_stamp]);
    assert!(matches!(
        new.read(&kept),
        Err(IndexError::VectorMissing { .. })
    ));
    new.read(&fresh).unwrap();
}

#[test]
fn a_log_has_one_writer_per_model() {
    let root = tempfile::tempdir().unwrap();
    let log = VectorLog::open(root.path(), &stamp(4)).unwrap();
    assert!(matches!(
        VectorLog::open(root.path(), &stamp(4)),
        Err(IndexError::Busy { .. })
    ));
    drop(log);
    VectorLog::open(root.path(), &stamp(4)).unwrap();
}

#[test]
fn threads_append_and_read_at_once() {
    let root = tempfile::tempdir().unwrap();
    let log = VectorLog::open(root.path(), &stamp(DIMENSION)).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4u64 {
            let log = &log;
            scope.spawn(move || {
                let mut dice = Dice(thread);
                for round in 0..20 {
                    let vector = dice.vector(48);
                    let place = log.append(&[(thread * 100 + round, &vector)]).unwrap()[0];
                    let length = norm(&vector);
                    assert!(
                        log.read(&place)
                            .unwrap()
                            .iter()
                            .zip(&vector)
                            .all(|(read, given)| (read - given / length).abs() < 1e-3)
                    );
                }
            });
        }
    });
    let mut keys: Vec<u64> = log
        .records(&stamp(DIMENSION))
        .unwrap()
        .iter()
        .map(|record| record.key)
        .collect();
    keys.sort_unstable();
    assert_eq!(
        keys,
        (0..4)
            .flat_map(|thread| (0..20).map(move |round| thread * 100 + round))
            .collect::<Vec<_>>()
    );
}
