//! Cases with reports, facts, pictures and vectors, written where an ingest would have put them.

use std::collections::HashMap;
use std::path::Path;

use casekin_engine::{Decoders, EngineConfig, Library};
use casekin_index::{Stamp, VectorLocation, VectorLog, view_key};
use casekin_phantoms::draw_case;
use serde_json::json;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{Connection as _, Executor as _, SqliteConnection};

use crate::{DIMENSION, PICTURE_QUESTIONS, SLIDE_QUESTIONS, SLIDE_VIEWS};

const MODEL: &str = "0000000000000000000000000000000000000000000000000000000000000001";
/// Phantom cases whose words the reports are made of.
const WRITTEN: usize = 300;
/// Views in one batch of the vector log and one transaction of the catalog, about.
const BATCH_VIEWS: usize = 8_192;

struct Case {
    no: u64,
    name: String,
    words: usize,
    modality: &'static str,
    vectors: Vec<Vec<f32>>,
}

/// What a phantom's plan gives to a case.
struct Words {
    report: String,
    analysis: String,
    label: String,
    title: String,
}

pub async fn fill(data: &Path, folder: &Path, views: usize) -> serde_json::Value {
    drop(
        Library::open(folder, EngineConfig::default(), Decoders::in_process())
            .await
            .unwrap(),
    );
    let mut catalog = SqliteConnection::connect_with(
        &SqliteConnectOptions::new()
            .filename(folder.join("catalog.sqlite"))
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Off),
    )
    .await
    .unwrap();
    let stamp = Stamp {
        model_id: MODEL.into(),
        profile: "train".into(),
        precision: "f32".into(),
        pipeline_version: 1,
        dimension: DIMENSION as u32,
    };
    activate(&mut catalog, &stamp).await;
    let log = VectorLog::open(&folder.join("vectors"), &stamp).unwrap();
    let written: Vec<Words> = (0..WRITTEN).map(words_of).collect();

    let (mut no, mut total, mut batch, mut waiting) = (0, 0, Vec::new(), 0);
    for (name, vectors) in grouped(data, views).into_iter().chain(asking(data)) {
        no += 1;
        waiting += vectors.len();
        total += vectors.len();
        let words = (no as usize * 7_919) % WRITTEN;
        let modality = ["CR", "CT", "MR", "DX", "SM"][no as usize % 5];
        batch.push(Case {
            no,
            name,
            words,
            modality,
            vectors,
        });
        if waiting >= BATCH_VIEWS {
            put(&mut catalog, &log, &batch, &written).await;
            batch.clear();
            waiting = 0;
        }
    }
    put(&mut catalog, &log, &batch, &written).await;
    json!({"cases": no, "views": total})
}

async fn activate(catalog: &mut SqliteConnection, stamp: &Stamp) {
    sqlx::query("INSERT INTO models (model_id, name, dir, dimension, demo) VALUES (?, 'synthetic', '', ?, 0)")
        .bind(&stamp.model_id)
        .bind(stamp.dimension)
        .execute(&mut *catalog)
        .await
        .unwrap();
    catalog
        .execute("UPDATE stamps SET active = 0")
        .await
        .unwrap();
    sqlx::query(
        "INSERT INTO stamps (model_id, profile, precision, pipeline_version, dimension, active) \
         VALUES (?, ?, ?, ?, ?, 1)",
    )
    .bind(&stamp.model_id)
    .bind(&stamp.profile)
    .bind(&stamp.precision)
    .bind(stamp.pipeline_version)
    .bind(stamp.dimension)
    .execute(&mut *catalog)
    .await
    .unwrap();
}

fn words_of(number: usize) -> Words {
    let drawn = draw_case(90_210, number as u64);
    let analysis = casekin_reports::analyse(&drawn.report);
    Words {
        analysis: serde_json::to_string(&analysis).unwrap(),
        report: drawn.report,
        label: drawn.labels.first().cloned().unwrap_or_default(),
        title: drawn.title,
    }
}

/// The first `views` vectors by their cases.
fn grouped(data: &Path, views: usize) -> Vec<(String, Vec<Vec<f32>>)> {
    let base = std::fs::File::open(data.join("base.f32")).unwrap();
    let mut base = std::io::BufReader::with_capacity(1 << 22, base);
    let cases = std::fs::read(data.join("case.u32")).unwrap();
    let case_of = |at: usize| u32::from_le_bytes(cases[4 * at..4 * at + 4].try_into().unwrap());
    let mut grouped: Vec<(String, Vec<Vec<f32>>)> = Vec::new();
    let mut bytes = vec![0u8; 4 * DIMENSION];
    let mut last = u32::MAX;
    for at in 0..views {
        std::io::Read::read_exact(&mut base, &mut bytes).unwrap();
        if case_of(at) != last {
            last = case_of(at);
            grouped.push((format!("c-{last:012x}"), Vec::new()));
        }
        grouped.last_mut().unwrap().1.push(floats(&bytes));
    }
    grouped
}

/// Cases to ask by: of one view each, and slides.
fn asking(data: &Path) -> Vec<(String, Vec<Vec<f32>>)> {
    let queries = std::fs::read(data.join("query.f32")).unwrap();
    let queries: Vec<Vec<f32>> = queries.chunks_exact(4 * DIMENSION).map(floats).collect();
    let picture = |at: usize| (format!("c-picture-{at}"), vec![queries[at].clone()]);
    let slide = |at: usize| {
        let tiles = (0..SLIDE_VIEWS).map(|tile| (at * SLIDE_VIEWS + 17 * tile) % queries.len());
        let tiles = tiles.map(|at| queries[at].clone()).collect();
        (format!("c-slide-{at}"), tiles)
    };
    let pictures = (0..PICTURE_QUESTIONS).map(picture);
    pictures.chain((0..SLIDE_QUESTIONS).map(slide)).collect()
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    let words = bytes.chunks_exact(4);
    words
        .map(|word| f32::from_le_bytes(word.try_into().unwrap()))
        .collect()
}

async fn put(catalog: &mut SqliteConnection, log: &VectorLog, batch: &[Case], written: &[Words]) {
    let keyed: Vec<(u64, &[f32])> = batch
        .iter()
        .flat_map(|case| {
            let views = (0u32..).zip(&case.vectors);
            views.map(|(view, vector)| (view_key(case.no, view).unwrap(), &vector[..]))
        })
        .collect();
    let places: HashMap<u64, VectorLocation> = keyed
        .iter()
        .map(|(key, _)| *key)
        .zip(log.append(&keyed).unwrap())
        .collect();
    let mut write = catalog.begin().await.unwrap();
    for case in batch {
        put_case(&mut write, case, &written[case.words]).await;
        for view in 0..case.vectors.len() as u32 {
            put_view(
                &mut write,
                case,
                view,
                &places[&view_key(case.no, view).unwrap()],
            )
            .await;
        }
    }
    write.commit().await.unwrap();
}

async fn put_case(write: &mut SqliteConnection, case: &Case, words: &Words) {
    let no = case.no as i64;
    let date = format!("{}-{:02}-{:02}", 2005 + no % 20, 1 + no % 12, 1 + no % 28);
    sqlx::query(
        "INSERT INTO cases (case_no, case_id, patient, title, sex, age_years, study_date, site, synthetic, \
         next_view_no, admitted_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, ?, 0)",
    )
    .bind(no)
    .bind(&case.name)
    .bind(format!("p-{:016x}", (no as u64 * 3 / 4).wrapping_mul(0x9E37_79B9_7F4A_7C15)))
    .bind(&words.title)
    .bind(["F", "M"][case.words % 2])
    .bind((no * 7 % 95) as f64)
    .bind(date)
    .bind(format!("site {}", no % 12))
    .bind(case.vectors.len() as i64)
    .execute(&mut *write)
    .await
    .unwrap();
    sqlx::query("INSERT INTO case_labels (case_no, label) VALUES (?, ?)")
        .bind(no)
        .bind(&words.label)
        .execute(&mut *write)
        .await
        .unwrap();
    sqlx::query(
        "INSERT INTO reports (case_no, source_lookup, text, language, analysis_json) VALUES (?, ?, ?, 'en', ?)",
    )
    .bind(no)
    .bind(no.to_le_bytes().to_vec())
    .bind(&words.report)
    .bind(&words.analysis)
    .execute(&mut *write)
    .await
    .unwrap();
    sqlx::query("INSERT INTO changes (case_no) VALUES (?)")
        .bind(no)
        .execute(&mut *write)
        .await
        .unwrap();
}

async fn put_view(write: &mut SqliteConnection, case: &Case, view: u32, at: &VectorLocation) {
    let key = view_key(case.no, view).unwrap();
    let mut content = key.to_le_bytes().to_vec();
    content.resize(32, 0);
    let image: (i64,) = sqlx::query_as(
        "INSERT INTO images (image_id, case_no, content_sha256, bytes, format, modality, body_part, facts_json, \
         admitted_ms) VALUES (?, ?, ?, 1000, 'dicom', ?, ?, '{}', 0) RETURNING image_no",
    )
    .bind(format!("i-{key:016x}"))
    .bind(case.no as i64)
    .bind(content)
    .bind(case.modality)
    .bind(["CHEST", "HEAD", "ABDOMEN"][case.words % 3])
    .fetch_one(&mut *write)
    .await
    .unwrap();
    sqlx::query("INSERT INTO jobs (image_no, state, queued_ms, ended_ms) VALUES (?, 'done', 0, 1)")
        .bind(image.0)
        .execute(&mut *write)
        .await
        .unwrap();
    sqlx::query(
        "INSERT INTO views (case_no, view_no, image_no, kind, frame, made_by) VALUES (?, ?, ?, 'whole', 0, 'synthetic')",
    )
    .bind(case.no as i64)
    .bind(view)
    .bind(image.0)
    .execute(&mut *write)
    .await
    .unwrap();
    sqlx::query(
        "INSERT INTO view_vectors (case_no, view_no, stamp_no, segment, offset_b, crc) \
         VALUES (?, ?, (SELECT stamp_no FROM stamps WHERE active = 1), ?, ?, ?)",
    )
    .bind(case.no as i64)
    .bind(view)
    .bind(i64::from(at.segment))
    .bind(at.offset as i64)
    .bind(i64::from(at.crc32))
    .execute(&mut *write)
    .await
    .unwrap();
}
