//! Whole questions: a parsed request to the answer as JSON.

use std::path::Path;
use std::time::Instant;

use casekin_engine::{Library, SearchRequest, Way};
use serde_json::{Value, json};

use crate::{PICTURE_QUESTIONS, SLIDE_QUESTIONS};

const WORDS: [&str; 10] = [
    "pneumothorax",
    "no pneumothorax",
    "pleural effusion",
    "hemorrhage in the left hemisphere",
    "\"renal cyst\"",
    "tumour",
    "fracture without displacement",
    "drusen",
    "lesion with irregular border",
    "normal chest radiograph",
];
const FILTERS: [&str; 6] = [
    "sex=F",
    "age=40..60",
    "site=site 3",
    "body_part=CHEST",
    "date=2010-01-01..2015-12-31",
    "label=normal",
];

pub async fn ask(folder: &Path) -> Value {
    let started = Instant::now();
    let library = crate::open(folder).await;
    let open_s = started.elapsed().as_secs_f64();
    answer(&library, &picture(0, 0)).await;
    let answers_s = started.elapsed().as_secs_f64();
    // What similarities mean is drawn beside the first questions; these are not measured.
    for at in 0..PICTURE_QUESTIONS {
        answer(&library, &picture(at, at)).await;
    }
    let mut pictures = Vec::new();
    for round in 1..3 {
        for at in 0..PICTURE_QUESTIONS {
            pictures.push(answer(&library, &picture(at, at + round)).await);
        }
    }
    let mut alone = Vec::new();
    for at in 0..PICTURE_QUESTIONS {
        alone.push(answer(&library, &by_case(format!("c-picture-{at}"))).await);
    }
    let mut slides = Vec::new();
    for _ in 0..2 {
        for at in 0..SLIDE_QUESTIONS {
            slides.push(answer(&library, &by_case(format!("c-slide-{at}"))).await);
        }
    }
    json!({"open_s": open_s, "answers_s": answers_s, "picture_words_filter": percentiles(pictures),
        "picture": percentiles(alone), "slide": percentiles(slides), "memory": memory()})
}

/// A picture, words and a filter together.
fn picture(case: usize, turn: usize) -> SearchRequest {
    SearchRequest {
        text: Some(WORDS[turn % WORDS.len()].to_owned()),
        filters: vec![FILTERS[turn % FILTERS.len()].to_owned()],
        ..by_case(format!("c-picture-{case}"))
    }
}

fn by_case(case: String) -> SearchRequest {
    SearchRequest {
        case: Some(case),
        // The synthetic vectors have no text tower.
        ways: Some(vec![Way::Report, Way::Label, Way::Image]),
        all: true,
        ..SearchRequest::default()
    }
}

/// Milliseconds from the request to the bytes of the answer.
async fn answer(library: &Library, request: &SearchRequest) -> f64 {
    let started = Instant::now();
    let found = library.search(request.clone()).await.unwrap();
    let bytes = serde_json::to_vec(&found).unwrap();
    let took = 1e3 * started.elapsed().as_secs_f64();
    assert!(bytes.len() > 100 && !found.hits.is_empty(), "{request:?}");
    took
}

fn percentiles(mut taken: Vec<f64>) -> Value {
    taken.sort_unstable_by(f64::total_cmp);
    let at = |share: f64| taken[((taken.len() - 1) as f64 * share) as usize];
    json!({"p50_ms": at(0.5), "p95_ms": at(0.95), "p99_ms": at(0.99), "most_ms": at(1.0), "questions": taken.len()})
}

/// RssAnon and RssFile of this process.
fn memory() -> Value {
    let text = std::fs::read_to_string("/proc/self/status").unwrap();
    let kib = |name: &str| -> u64 {
        let line = text.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    };
    json!({"anonymous": 1024 * kib("RssAnon:"), "mapped": 1024 * kib("RssFile:")})
}
