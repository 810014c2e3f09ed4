//! "No good match": questions from a family of pictures that the library does not hold are turned away, questions from
//! families that it holds are answered. Phantoms of two seeds, one family withheld at a time.

use std::collections::HashMap;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::support::{Http, Library, Service};

const LIBRARY: u64 = 2601;
const UNSEEN: u64 = 2602;
const CASES: u64 = 180;
const QUESTIONS: u64 = 60;

/// A drawn library from which one family was deleted, served.
fn without(family: &str, library: &Library) -> Service {
    let (seed, cases) = (LIBRARY.to_string(), CASES.to_string());
    library.json(&["demo", "--seed", &seed, "--cases", &cases, "--no-serve"]);
    let service = library.serve(&["--no-worker"]);
    let http = service.http();
    for index in 0..CASES {
        let case = casekin_phantoms::draw_case(LIBRARY, index);
        if case.family.name() == family {
            let at = format!("{}/api/v1/cases/{}", http.url, case.case_id);
            let deleted = http.client.delete(at).send().unwrap();
            assert!(deleted.status().is_success(), "{}", deleted.text().unwrap());
        }
    }
    service
}

/// Every picture of unseen cases, by family.
fn questions(library: &Library) -> Vec<(String, PathBuf)> {
    let folder = library.path().join("asked");
    std::fs::create_dir_all(&folder).unwrap();
    let mut questions = Vec::new();
    for index in 0..QUESTIONS {
        let case = casekin_phantoms::draw_case(UNSEEN, index);
        for image in &case.images {
            let path = folder.join(format!("{index}-{}", image.file_name));
            std::fs::write(&path, &image.bytes).unwrap();
            questions.push((case.family.name().to_owned(), path));
        }
    }
    questions
}

fn ask(http: &Http, picture: &std::path::Path, all: bool) -> Value {
    let form = reqwest::blocking::multipart::Form::new().file("picture", picture);
    let kept: Value = http
        .client
        .post(format!("{}/api/v1/query-images", http.url))
        .multipart(form.unwrap())
        .send()
        .unwrap()
        .json()
        .unwrap();
    // Of other kinds too: otherwise a family that is not there would have nothing to be compared with.
    http.post_json(
        "/api/v1/search",
        &json!({ "images": [{ "image_id": kept["id"] }], "any_modality": true, "all": all }),
    )
}

fn share(counts: (usize, usize)) -> f64 {
    counts.0 as f64 / counts.1.max(1) as f64
}

#[test]
fn a_family_that_is_not_there_is_turned_away_and_one_that_is_there_is_not() {
    let mut turned_away: HashMap<bool, (usize, usize)> = HashMap::new();
    for withheld in ["chest", "skin"] {
        let library = Library::new();
        let service = without(withheld, &library);
        let http = service.http();
        for (family, picture) in questions(&library) {
            let answer = ask(&http, &picture, false);
            let judgement = &answer["judgements"][0];
            assert!(judgement["needed"].is_number(), "{answer}");
            let refused = answer["no_match"].as_bool().unwrap();
            assert_eq!(refused, answer["hits"].as_array().unwrap().is_empty());
            let counts = turned_away.entry(family == withheld).or_default();
            counts.0 += usize::from(refused);
            counts.1 += 1;
            if refused {
                let shown = ask(&http, &picture, true);
                assert!(!shown["hits"].as_array().unwrap().is_empty());
                assert!(
                    shown["notices"]
                        .to_string()
                        .contains("no better than chance")
                );
            }
        }
    }
    let (withheld, held) = (turned_away[&true], turned_away[&false]);
    println!("turned away: withheld {withheld:?}, held {held:?}");
    assert!(share(withheld) >= 0.95, "withheld {withheld:?}");
    assert!(share(held) <= 0.05, "held {held:?}");
}

#[test]
fn words_for_what_is_not_there_find_no_picture() {
    let library = Library::new();
    let service = without("fundus", &library);
    let http = service.http();
    let by_words = |text: &str| {
        http.post_json(
            "/api/v1/search",
            &json!({ "text": text, "ways": ["text_to_image"] }),
        )
    };
    let mut refused = 0;
    let absent = [
        "retinal detachment",
        "glaucoma",
        "diabetic retinopathy",
        "macular drusen",
    ];
    for text in absent {
        refused += usize::from(by_words(text)["no_match"] == true);
    }
    assert!(refused >= 3, "{refused} of {}", absent.len());
    let present = [
        "pleural effusion",
        "psoriasis",
        "subdural haematoma",
        "ascites",
        "steatosis",
    ];
    for text in present {
        let answer = by_words(text);
        assert_eq!(
            answer["no_match"], false,
            "{text}: {}",
            answer["judgements"]
        );
    }
}
