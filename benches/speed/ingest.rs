//! One picture through ingest, all but the encoder: header, pixels, admission, vector, completion; and its parts.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use casekin_catalog::{
    Admission, CaseFallback, CaseIdentity, Catalog, CatalogOptions, JobOutcome, Keyring,
    ModelStamp, NewImage, NewModel, NewView, ObjectRef, VectorLocation,
};
use casekin_imaging::{Limits, decode, inspect};
use casekin_index::{Stamp, VectorLog, view_key};
use divan::Bencher;
use divan::counter::ItemsCount;
use tokio::runtime::Runtime;

use crate::pictures;

const DIMENSION: u32 = 1152;

#[divan::bench]
fn inspect_and_decode(bencher: Bencher) {
    let files = pictures::files();
    bencher
        .counter(ItemsCount::new(files.len()))
        .bench_local(|| {
            for bytes in &files {
                read(bytes);
            }
        });
}

#[divan::bench]
fn admit_and_complete(bencher: Bencher) {
    let store = Store::make();
    bencher.bench_local(|| store.take_in());
}

#[divan::bench]
fn all_but_the_encoder(bencher: Bencher) {
    let (files, store) = (pictures::files(), Store::make());
    bencher
        .counter(ItemsCount::new(files.len()))
        .bench_local(|| {
            for bytes in &files {
                read(bytes);
                store.take_in();
            }
        });
}

fn read(bytes: &Arc<[u8]>) {
    let request = pictures::request(bytes);
    divan::black_box(inspect(&request.source, &Limits::default()).unwrap());
    divan::black_box(decode(&request).unwrap());
}

/// A catalog and a vector log on disk, both with their fsyncs.
struct Store {
    _dir: tempfile::TempDir,
    catalog: Catalog,
    log: VectorLog,
    stamp: ModelStamp,
    next: AtomicU64,
}

fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| Runtime::new().unwrap())
}

impl Store {
    fn make() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let model_id = "cd".repeat(32);
        let (profile, precision) = ("train".to_owned(), "f32".to_owned());
        let stamp = ModelStamp {
            model_id,
            profile,
            precision,
            pipeline_version: 1,
            dimension: DIMENSION,
        };
        let catalog = runtime().block_on(async {
            let options = CatalogOptions::new(
                dir.path().join("catalog.sqlite"),
                Keyring::from_bytes([7; 32]),
            );
            let catalog = Catalog::open(&options).await.unwrap();
            let model_id = stamp.model_id.clone();
            let model = NewModel {
                model_id,
                name: "bench".into(),
                dir: "/".into(),
                dimension: DIMENSION,
                demo: false,
            };
            catalog.register_model(model).await.unwrap();
            catalog.set_active(&stamp).await.unwrap();
            catalog
        });
        let log_stamp = Stamp {
            model_id: stamp.model_id.clone(),
            profile: stamp.profile.clone(),
            precision: stamp.precision.clone(),
            pipeline_version: 1,
            dimension: DIMENSION,
        };
        let log = VectorLog::open(&dir.path().join("vectors"), &log_stamp).unwrap();
        Self {
            _dir: dir,
            catalog,
            log,
            stamp,
            next: AtomicU64::new(1),
        }
    }

    /// Admission in its own transaction (a real batch shares one among up to 32), then lease, vector and completion.
    fn take_in(&self) {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        runtime().block_on(async {
            self.catalog.admit(admission(number)).await.unwrap();
            let job = self
                .catalog
                .lease_job("bench", 60_000)
                .await
                .unwrap()
                .unwrap();
            let view_no = self.catalog.reserve_views(job.case_no, 1).await.unwrap();
            let vector: Vec<f32> = (0..DIMENSION)
                .map(|at| (at as f32 + number as f32).sin())
                .collect();
            let place = self
                .log
                .append(&[(view_key(job.case_no.0, view_no).unwrap(), &vector[..])])
                .unwrap()
                .remove(0);
            let view = NewView {
                view_no,
                kind: "whole".into(),
                frame: Some(0),
                box_px: None,
                mm_per_px: None,
                made_by: "colour".into(),
                location: VectorLocation {
                    segment: place.segment,
                    offset: place.offset,
                    crc: place.crc32,
                },
            };
            let outcome = JobOutcome {
                facts_json: None,
                modality: None,
                body_part: None,
                laterality: None,
                views: vec![view],
                thumbnail_key: None,
                stamp: self.stamp.clone(),
            };
            self.catalog.complete_job(&job, outcome).await.unwrap();
        });
    }
}

fn admission(number: u64) -> Admission {
    let mut content_sha256 = [0; 32];
    content_sha256[..8].copy_from_slice(&number.to_le_bytes());
    Admission {
        case: CaseIdentity {
            accession: Some(format!("A{number}")),
            fallback: CaseFallback {
                study_day: None,
                file_sha256: content_sha256,
            },
            ..CaseIdentity::default()
        },
        image: Some(NewImage {
            content_sha256,
            object: ObjectRef::InPlace {
                path: format!("/pictures/{number}.dcm").into(),
            },
            bytes: 1 << 20,
            format: "dicom".into(),
            modality: Some("DX".into()),
            body_part: Some("chest".into()),
            laterality: None,
            sop_instance_uid: Some(format!("1.2.3.{number}")),
            original_name: None,
            facts_json: "{}".into(),
            slice: None,
        }),
        ..Admission::default()
    }
}
