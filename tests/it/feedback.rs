//! Marks, near-duplicates, weights, and questions that are no questions, through the API.

use std::io::Cursor;
use std::sync::LazyLock;

use casekin_phantoms::draw_case;
use image::codecs::jpeg::JpegEncoder;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::{Http, Library, Service, case_ids, text};

const SEED: u64 = 77_004;
const CASES: u64 = 60;

fn service() -> (Library, Service) {
    let library = Library::new();
    library.ingest_drawn(SEED, CASES);
    let service = library.serve(&[]);
    (library, service)
}

/// What was drawn, as far as the test asks. Drawing a case draws its pictures too: once is enough.
struct Drawn {
    case_id: String,
    finding: String,
    patient_id: String,
}

fn drawn(index: u64) -> &'static Drawn {
    static DRAWN: LazyLock<Vec<Drawn>> = LazyLock::new(|| {
        let of = |index| {
            let case = draw_case(SEED, index);
            Drawn {
                finding: format!("{:?}/{}", case.family, case.main_finding),
                patient_id: case.patient_id,
                case_id: case.case_id,
            }
        };
        (0..CASES).map(of).collect()
    });
    &DRAWN[index as usize]
}

fn drawn_of(case_id: &str) -> &'static Drawn {
    drawn(case_id.rsplit('-').next().unwrap().parse().unwrap())
}

fn finding(case_id: &str) -> &'static str {
    &drawn_of(case_id).finding
}

fn first_picture(http: &Http, case_id: &str) -> Value {
    let record = http.get_json(&format!("/api/v1/cases/{case_id}"));
    record["images"][0]["image_id"].clone()
}

/// An answer without what differs from one asking to the next.
fn lasting(mut answer: Value) -> Value {
    answer.as_object_mut().unwrap().remove("took_ms");
    answer
}

fn mean_rank(ids: &[String], wanted: &[String]) -> f64 {
    let rank = |id: &String| ids.iter().position(|own| own == id).unwrap_or(ids.len());
    wanted.iter().map(|id| rank(id) as f64).sum::<f64>() / wanted.len() as f64
}

#[test]
fn marks_move_the_answer_and_taking_them_back_gives_the_first_one_again() {
    let (library, service) = service();
    let http = service.http();
    let own = &drawn(0).case_id;
    let question = json!({
        "images": [{ "image_id": first_picture(&http, own) }],
        "top": 60, "all": true, "keep_duplicates": true, "any_modality": true,
    });
    let ask = |relevant: &[&str], not_relevant: &[&str]| {
        let mut marked = question.clone();
        marked["relevant"] = json!(relevant);
        marked["not_relevant"] = json!(not_relevant);
        lasting(http.post_json("/api/v1/search", &marked))
    };
    let before = ask(&[], &[]);
    let ids = case_ids(&before);
    assert_eq!(ids[0], *own, "the picture itself is first");

    // The last case of a finding that another has too, and which is not the question's.
    let kin_of = |mark: &String| -> Vec<String> {
        let same = ids
            .iter()
            .filter(|id| *id != mark && finding(id) == finding(mark));
        same.cloned().collect()
    };
    let mark = ids
        .iter()
        .rev()
        .find(|id| finding(id) != finding(own) && !kin_of(id).is_empty())
        .unwrap();
    let after = ask(&[mark], &[]);
    let moved = case_ids(&after);
    assert!(!moved.contains(mark), "a marked case takes no place");
    assert_eq!(after["marks"][0]["case_id"], mark.as_str());
    assert_eq!(after["marks"][0]["relevant"], true);
    let others: Vec<String> = ids.iter().filter(|id| *id != mark).cloned().collect();
    let kin: Vec<String> = kin_of(mark)
        .into_iter()
        .filter(|id| moved.contains(id))
        .collect();
    assert!(
        mean_rank(&moved, &kin) < mean_rank(&others, &kin),
        "kin of the mark rise: {kin:?} in {moved:?} and {others:?}"
    );
    assert_eq!(
        finding(&moved[0]),
        finding(own),
        "one mark does not take over"
    );

    // Order means nothing, nor does a mark made twice; a mark taken back leaves nothing.
    let (a, b, c) = (&ids[5], &ids[9], &ids[30]);
    let both = ask(&[a, b], &[c]);
    assert_eq!(ask(&[b, a, b], &[c])["hits"], both["hits"]);
    assert!(
        case_ids(&both)
            .iter()
            .all(|id| id != a && id != b && id != c)
    );
    assert_eq!(ask(&[], &[]), before);

    // Marks alone are a question, and their patients do not answer it.
    let alone = http.post_json(
        "/api/v1/search",
        &json!({ "relevant": [mark], "all": true }),
    );
    let found = case_ids(&alone);
    assert!(found.iter().take(3).any(|id| kin.contains(id)), "{found:?}");
    assert_eq!(alone["hits"][0]["views"][0]["matched"]["part"], "relevant");
    assert_eq!(
        alone["hits"][0]["views"][0]["matched"]["case_id"],
        mark.as_str()
    );
    let patient = |id: &str| &drawn_of(id).patient_id;
    assert!(found.iter().all(|id| patient(id) != patient(mark)));

    // The command line asks the same.
    let printed = library.json(&["search", "--relevant", mark, "--all", "--top", "20"]);
    assert_eq!(case_ids(&printed), found);

    for (body, code) in [
        (
            json!({ "text": "x", "relevant": ["c-none"] }),
            "no_such_marked_case",
        ),
        (
            json!({ "relevant": [mark], "not_relevant": [mark] }),
            "bad_query",
        ),
        (json!({ "case": mark, "relevant": [mark] }), "bad_query"),
        (json!({ "not_relevant": [mark] }), "empty_query"),
    ] {
        let refused: Value = http.post("/api/v1/search", &body).json().unwrap();
        assert_eq!(refused["code"], code, "{body}: {refused}");
    }
    let deleted = library.run(&["case", "delete", mark, "--yes"]);
    assert!(deleted.status.success(), "{}", text(&deleted.stderr));
    for body in [
        json!({ "text": "x", "relevant": [mark] }),
        json!({ "text": "x", "not_relevant": [mark] }),
    ] {
        let gone = http.post("/api/v1/search", &body);
        assert_eq!(gone.status(), StatusCode::NOT_FOUND);
        let gone: Value = gone.json().unwrap();
        assert_eq!(gone["code"], "no_such_marked_case");
        assert!(gone["message"].as_str().unwrap().contains(mark.as_str()));
    }
    let gone: Value = http
        .post("/api/v1/search", &json!({ "case": mark }))
        .json()
        .unwrap();
    assert_eq!(gone["code"], "no_such_case");
}

#[test]
fn ways_have_weights_and_say_what_they_found() {
    let (_library, service) = service();
    let http = service.http();
    let case = (0..CASES)
        .map(|index| draw_case(SEED, index))
        .find(|case| case.main_finding != "normal" && case.labels.len() == 1)
        .unwrap();
    let words = &case.labels[0];
    let ask = |body: Value| http.post_json("/api/v1/search", &body);
    let by_label = ask(json!({ "text": words, "ways": ["label"] }));
    for hit in by_label["hits"].as_array().unwrap() {
        assert_eq!(hit["found_by"][0]["way"], "label");
        assert_eq!(hit["found_by"][0]["rank"], hit["rank"]);
    }
    assert_eq!(by_label["facets_over"]["nearest"], false);
    let question = |weights: Value| {
        json!({
            "text": words, "images": [{ "image_id": first_picture(&http, &case.case_id) }],
            "ways": ["report", "image"], "weights": weights, "top": 60, "keep_duplicates": true,
        })
    };
    // Almost all weight on one way is that way's order.
    for (way, other) in [("report", "image"), ("image", "report")] {
        let answer = ask(question(json!({ way: 100.0, other: 0.001 })));
        let ranks: Vec<u64> = answer["hits"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|hit| {
                let found = hit["found_by"].as_array().unwrap();
                let own = found.iter().find(|found| found["way"] == way)?;
                own["rank"].as_u64()
            })
            .collect();
        assert!(ranks.is_sorted(), "{way}: {ranks:?}");
        assert!(answer["facets_over"]["nearest"].as_bool().unwrap());
        assert!(answer["index_seq"].as_u64().unwrap() > 0);
        assert!(answer["pipeline_version"].as_u64().unwrap() > 0);
    }
    let median = ask(json!({ "case": case.case_id, "aggregate": "median" }));
    assert!(!median["hits"].as_array().unwrap().is_empty());
}

#[test]
fn a_copy_under_another_case_is_counted_and_kin_keep_their_places() {
    let library = Library::new();
    library.ingest_drawn(SEED, 30);
    // A photograph of the library, smaller and as JPEG, under a case of its own.
    let photograph = (0..30)
        .map(|index| draw_case(SEED, index))
        .find(|case| case.images[0].file_name.ends_with(".png"))
        .unwrap();
    let pixels = image::load_from_memory(&photograph.images[0].bytes)
        .unwrap()
        .to_rgb8();
    let (width, height) = pixels.dimensions();
    let small = image::imageops::thumbnail(&pixels, width * 3 / 4, height * 3 / 4);
    let mut bytes = Vec::new();
    small
        .write_with_encoder(JpegEncoder::new_with_quality(Cursor::new(&mut bytes), 85))
        .unwrap();
    std::fs::write(library.path().join("copy.jpg"), bytes).unwrap();
    let manifest = format!(
        "path,case_id,modality\ncopy.jpg,copied,{}\n",
        photograph.modality
    );
    let file = library.path().join("copy.csv");
    std::fs::write(&file, manifest).unwrap();
    library.json(&["ingest", "--manifest", file.to_str().unwrap()]);
    let service = library.serve(&["--no-worker"]);
    let http = service.http();
    let picture = first_picture(&http, &photograph.case_id);
    let question = json!({ "images": [{ "image_id": picture }], "top": 5, "all": true });
    let answer = http.post_json("/api/v1/search", &question);
    assert_eq!(answer["hits"][0]["case_id"], photograph.case_id.as_str());
    assert_eq!(answer["hits"][0]["duplicates"], json!(["copied"]));
    let ids = case_ids(&answer);
    assert_eq!(ids.len(), 5, "the place goes to another case");
    assert!(!ids.contains(&"copied".to_owned()));
    let rest = answer["hits"].as_array().unwrap().iter().skip(1);
    for hit in rest {
        assert_eq!(hit["duplicates"], json!([]), "other drawings are no copies");
    }
    let mut kept = question.clone();
    kept["keep_duplicates"] = json!(true);
    let kept = http.post_json("/api/v1/search", &kept);
    assert!(case_ids(&kept).contains(&"copied".to_owned()));
}

#[test]
fn no_question_breaks_the_search() {
    let (_library, service) = service();
    let http = service.http();
    let own = &drawn(0).case_id;
    let picture = first_picture(&http, own);
    let long = "x ".repeat(50_000);
    let many: Vec<String> = (0..10_000).map(|number| format!("age={number}")).collect();
    let refused = [
        (
            json!({ "text": "x", "filters": ["colour=red"] }),
            "bad_query",
        ),
        (json!({ "text": "x", "filters": ["sex"] }), "bad_query"),
        (
            json!({ "text": "x", "filters": ["date=2020-13-99"] }),
            "bad_query",
        ),
        (
            json!({ "text": "x", "filters": ["date=yesterday..2020"] }),
            "bad_query",
        ),
        (json!({ "text": "x", "filters": ["age=old"] }), "bad_query"),
        (json!({ "text": "x", "filters": many }), "bad_query"),
        (json!({ "text": long }), "bad_query"),
        (json!({ "text": "x", "top": 0 }), "bad_query"),
        (json!({ "text": "x", "top": 1_000_000_000 }), "bad_query"),
        (json!({ "text": "x", "top": -1 }), "bad_request"),
        (json!({ "text": "x", "top": 1e30 }), "bad_request"),
        (json!({ "text": "x", "ways": [] }), "bad_query"),
        (json!({ "text": "x", "ways": ["sound"] }), "bad_request"),
        (
            json!({ "text": "x", "weights": { "sound": 1 } }),
            "bad_request",
        ),
        (
            json!({ "text": "x", "weights": { "report": -1 } }),
            "bad_query",
        ),
        (
            json!({ "text": "x", "weights": { "report": 0 } }),
            "bad_query",
        ),
        (json!({ "text": "x", "aggregate": "best" }), "bad_request"),
        (json!({ "text": ["x"] }), "bad_request"),
        (json!({ "text": "\u{0} \u{0}" }), ""),
        (json!({ "case": "\" OR 1=1 --" }), "no_such_case"),
        (
            json!({ "images": [{ "image_id": "i-0" }] }),
            "no_such_image",
        ),
        (
            json!({ "images": [{ "image_id": "../../etc/passwd" }] }),
            "no_such_image",
        ),
        (
            json!({ "images": vec![json!({ "image_id": picture }); 17] }),
            "bad_query",
        ),
        (
            json!({ "images": [{ "image_id": picture, "box": [0, 0, 0, 9] }] }),
            "picture_unreadable",
        ),
        (
            json!({ "images": [{ "image_id": picture, "box": [4_000_000_000_u32, 1, 4_000_000_000_u32, 1] }] }),
            "picture_unreadable",
        ),
        (
            json!({ "images": [{ "image_id": picture, "frame": 4_294_967_295_u32, "box": [0, 0, 9, 9] }] }),
            "no_such_frame",
        ),
    ];
    for (body, code) in &refused {
        let response = http.post("/api/v1/search", body);
        let status = response.status();
        let answer: Value = response.json().unwrap();
        let shown: String = body.to_string().chars().take(120).collect();
        if code.is_empty() {
            assert!(
                status.is_success() || status.is_client_error(),
                "{shown}: {answer}"
            );
            continue;
        }
        assert!(status.is_client_error(), "{shown}: {status} {answer}");
        assert_eq!(answer["code"], *code, "{shown}: {answer}");
        let message = answer["message"].as_str().unwrap();
        assert!(
            !message.is_empty() && message.len() < 2000,
            "{shown}: {message}"
        );
    }
    // Signs of a query language are words like others, or nothing.
    for text in [
        "((( AND OR NOT )))",
        "title:* +a -b ^9 ~2 [a TO b] {c} /re.*x/ \\",
        "\"",
        "\"\" \"a",
        "*",
        "effusion\u{202e}\u{feff}\u{0}",
        "👩🏽‍⚕️ ﷽ 𝔘𝔫𝔦𝔠𝔬𝔡𝔢",
        "no no no no",
        "-",
    ] {
        let answer = http.post("/api/v1/search", &json!({ "text": text }));
        assert_eq!(
            answer.status(),
            StatusCode::OK,
            "{text:?}: {}",
            answer.text().unwrap()
        );
    }
    let raw = http.client.post(format!("{}/api/v1/search", http.url));
    let raw = raw
        .header("content-type", "application/json")
        .body("{\"text\":");
    assert_eq!(raw.send().unwrap().status(), StatusCode::BAD_REQUEST);
    for (path, body) in [
        ("/api/v1/eval/recall", json!({ "k": [0] })),
        ("/api/v1/eval/recall", json!({ "queries": 0 })),
        ("/api/v1/eval/recall", json!({ "filters": ["colour=red"] })),
        ("/api/v1/eval/retrieval", json!({ "k": [101] })),
        (
            "/api/v1/export/vectors",
            json!({ "filters": ["colour=red"] }),
        ),
    ] {
        assert_eq!(
            http.post(path, &body).status(),
            StatusCode::BAD_REQUEST,
            "{path} {body}"
        );
    }
    // After all that it still answers.
    let answer = http.post_json("/api/v1/search", &json!({ "case": own }));
    assert!(!answer["hits"].as_array().unwrap().is_empty());
}
