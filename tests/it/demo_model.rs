//! The demo model inside the program: it reproduces its makers' vectors, and finds what it was made to find among
//! drawn cases that its training never saw.

use std::collections::HashMap;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::Library;

/// A seed that no training and no choice of weights has used.
const UNSEEN: u64 = 77_001;
const CASES: u64 = 300;

fn demo_model() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/encoder/demo-model")
}

fn read(name: &str) -> Value {
    serde_json::from_slice(&std::fs::read(demo_model().join(name)).unwrap()).unwrap()
}

#[test]
fn drawn_pictures_get_the_vectors_that_the_training_code_gives_them() {
    let library = Library::new();
    for expected in read("expected.json")["images"].as_array().unwrap() {
        let number = |key: &str| expected[key].as_u64().unwrap();
        let case = casekin_phantoms::draw_case(number("seed"), number("index"));
        let image = &case.images[number("image") as usize];
        let file = library.path().join(&image.file_name);
        std::fs::write(&file, &image.bytes).unwrap();
        let embedded = library.json(&["embed", file.to_str().unwrap()]);
        let numbers = |value: &Value| -> Vec<f64> {
            value
                .as_array()
                .unwrap()
                .iter()
                .map(|x| x.as_f64().unwrap())
                .collect()
        };
        let (ours, theirs) = (
            numbers(&embedded[0]["vector"]),
            numbers(&expected["embedding"]),
        );
        let cosine: f64 = ours.iter().zip(&theirs).map(|(a, b)| a * b).sum();
        assert!(cosine > 0.9995, "{}: cosine {cosine}", image.file_name);
    }
}

/// Sums of right answers and answers.
#[derive(Default)]
struct Precision {
    by_family: HashMap<String, (f64, f64)>,
}

impl Precision {
    fn add(&mut self, family: &str, right: usize, of: usize) {
        let sums = self.by_family.entry(family.to_owned()).or_default();
        sums.0 += right as f64;
        sums.1 += of as f64;
    }

    fn overall(&self) -> f64 {
        let (right, of) = self
            .by_family
            .values()
            .fold((0.0, 0.0), |sum, own| (sum.0 + own.0, sum.1 + own.1));
        right / of
    }

    fn weakest(&self) -> f64 {
        self.by_family
            .values()
            .map(|(right, of)| right / of)
            .fold(1.0, f64::min)
    }
}

#[test]
fn unseen_phantoms_are_found_by_reworded_phrases_and_by_pictures() {
    let library = Library::new();
    // As `casekin demo` does it: words are looked for in pictures of drawn cases only.
    let (seed, cases) = (UNSEEN.to_string(), CASES.to_string());
    library.json(&["demo", "--seed", &seed, "--cases", &cases, "--no-serve"]);
    let service = library.serve(&["--no-worker"]);
    let http = service.http();
    let mut findings: HashMap<String, (String, String)> = HashMap::new();
    let mut counts: HashMap<(String, String), usize> = HashMap::new();
    for index in 0..CASES {
        let case = casekin_phantoms::draw_case(UNSEEN, index);
        let family = serde_json::to_value(case.family)
            .unwrap()
            .as_str()
            .unwrap()
            .to_lowercase();
        *counts
            .entry((family.clone(), case.main_finding.clone()))
            .or_default() += 1;
        findings.insert(case.case_id, (family, case.main_finding));
    }
    let top_five = |request: Value| -> Vec<(String, String)> {
        let answer = http.post_json("/api/v1/search", &request);
        let ids = answer["hits"]
            .as_array()
            .unwrap()
            .iter()
            .map(|hit| hit["case_id"].as_str().unwrap().to_owned());
        ids.map(|id| findings[&id].clone()).collect()
    };

    let (mut by_text, mut denied) = (Precision::default(), Precision::default());
    let wordings = read("wordings.json");
    for (family, key, name) in casekin_phantoms::finding_names() {
        let family = serde_json::to_value(family)
            .unwrap()
            .as_str()
            .unwrap()
            .to_lowercase();
        let finding = counts
            .keys()
            .find(|(own, main)| *own == family && (main == key || main == name));
        let Some(finding) = finding.filter(|finding| counts[*finding] >= 5) else {
            continue;
        };
        for phrase in wordings[format!("{family}/{key}")]["held"]
            .as_array()
            .unwrap()
        {
            let found = top_five(json!({ "text": phrase, "ways": ["text_to_image"], "top": 5 }));
            by_text.add(
                &family,
                found.iter().filter(|own| *own == finding).count(),
                found.len(),
            );
        }
        if key != "normal" {
            let found = top_five(json!({ "text": format!("no {name}"), "top": 5 }));
            denied.add(
                &family,
                found.iter().filter(|own| *own == finding).count(),
                found.len().max(1),
            );
        }
    }
    let mut by_case = Precision::default();
    let mut asked: Vec<_> = findings
        .iter()
        .filter(|(_, finding)| counts[*finding] >= 6)
        .collect();
    asked.sort();
    for (case_id, finding) in asked.into_iter().step_by(2) {
        let found = top_five(json!({ "case": case_id, "top": 5 }));
        by_case.add(
            &finding.0,
            found.iter().filter(|own| *own == finding).count(),
            found.len(),
        );
    }
    println!(
        "text to image {:.3}, weakest family {:.3}",
        by_text.overall(),
        by_text.weakest()
    );
    println!(
        "image to image {:.3}, weakest family {:.3}",
        by_case.overall(),
        by_case.weakest()
    );
    println!("denied finding in the top five {:.3}", denied.overall());
    assert!(by_text.overall() >= 0.7 && by_text.weakest() >= 0.45);
    assert!(by_case.overall() >= 0.7 && by_case.weakest() >= 0.45);
    assert!(denied.overall() < 0.2);
}
