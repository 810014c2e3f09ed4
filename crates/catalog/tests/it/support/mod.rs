//! A library in a temporary folder, with a model, whose cases a test admits one by one.

// Every test file uses its own part of this.
#![allow(dead_code, clippy::unwrap_used, missing_docs)]

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use casekin_catalog::{
    Admission, Admitted, CaseFallback, CaseIdentity, Catalog, CatalogOptions, Clock, JobOutcome,
    Keyring, LeasedJob, ModelStamp, NewImage, NewModel, NewView, ObjectRef, VectorLocation,
};

pub struct Library {
    pub folder: tempfile::TempDir,
    pub catalog: Catalog,
    pub keyring: Keyring,
    pub now_ms: Arc<AtomicI64>,
}

impl Library {
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let keyring = Keyring::from_bytes([7; 32]);
        let (clock, now_ms) = Clock::manual(1_000_000);
        let mut options =
            CatalogOptions::new(folder.path().join("catalog.sqlite"), keyring.clone());
        options.clock = clock;
        let catalog = Catalog::open(&options).await.unwrap();
        for letter in ["a", "b"] {
            let model = NewModel {
                model_id: letter.repeat(64),
                name: format!("model {letter}"),
                dir: "models".to_owned(),
                dimension: 4,
                demo: true,
            };
            catalog.register_model(model).await.unwrap();
        }
        catalog.set_active(&stamp("a")).await.unwrap();
        Self {
            folder,
            catalog,
            keyring,
            now_ms,
        }
    }

    pub fn pass(&self, span_ms: i64) {
        self.now_ms.fetch_add(span_ms, Ordering::SeqCst);
    }

    pub async fn admit(&self, admission: Admission) -> Admitted {
        self.catalog.admit(admission).await.unwrap()
    }

    /// Leases the next job and ends it with `views` views.
    pub async fn complete_next(&self, views: u32) -> LeasedJob {
        let job = self.catalog.lease_job("w", 60_000).await.unwrap().unwrap();
        let outcome = self.outcome(&job, views).await;
        self.catalog.complete_job(&job, outcome).await.unwrap();
        job
    }

    pub async fn outcome(&self, job: &LeasedJob, views: u32) -> JobOutcome {
        let first = self
            .catalog
            .reserve_views(job.case_no, views)
            .await
            .unwrap();
        JobOutcome {
            facts_json: Some(r#"{"frames":1}"#.to_owned()),
            modality: Some("OT".to_owned()),
            body_part: None,
            laterality: None,
            views: (first..first + views).map(view).collect(),
            thumbnail_key: Some(format!("thumbs/aa/{}", job.image_id)),
            stamp: stamp("a"),
        }
    }
}

pub fn stamp(letter: &str) -> ModelStamp {
    ModelStamp {
        model_id: letter.repeat(64),
        profile: "train".to_owned(),
        precision: "f32".to_owned(),
        pipeline_version: 1,
        dimension: 4,
    }
}

pub fn view(view_no: u32) -> NewView {
    NewView {
        view_no,
        kind: "whole".to_owned(),
        frame: None,
        box_px: None,
        mm_per_px: None,
        made_by: "whole-v1".to_owned(),
        location: VectorLocation {
            segment: 1,
            offset: u64::from(view_no) * 64,
            crc: view_no,
        },
    }
}

/// Picture `number` of case `case`, in place.
pub fn picture(case: &str, number: u8) -> Admission {
    Admission {
        case: CaseIdentity {
            case_id: Some(case.to_owned()),
            fallback: CaseFallback {
                study_day: None,
                file_sha256: [number; 32],
            },
            ..CaseIdentity::default()
        },
        image: Some(NewImage {
            content_sha256: [number; 32],
            object: ObjectRef::InPlace {
                path: PathBuf::from(format!("/pictures/{number}.png")),
            },
            bytes: 10,
            format: "png".to_owned(),
            modality: None,
            body_part: None,
            laterality: None,
            sop_instance_uid: None,
            original_name: None,
            facts_json: "{}".to_owned(),
            slice: None,
        }),
        ..Admission::default()
    }
}
