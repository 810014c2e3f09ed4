//! Requests that are too many, too large, or that nobody waits for any more.

use std::io::Write as _;
use std::net::TcpStream;
use std::time::Duration;

use reqwest::StatusCode;
use reqwest::blocking::Response;
use serde_json::{Value, json};

use crate::support::{Http, Library, Service};

/// Most texts of one request.
const MOST_TEXTS: usize = 4096;

fn texts(name: &str, count: usize) -> Vec<String> {
    (0..count)
        .map(|number| format!("{name}: small effusion, image {number}"))
        .collect()
}

fn serve(library: &Library, config: &str) -> Service {
    let file = library.path().join("casekin.toml");
    std::fs::write(&file, config).unwrap();
    library.serve(&["--no-worker", "--config", file.to_str().unwrap()])
}

/// Sends a request whose answer is not read; dropping the connection is hanging up.
fn begin(service: &Service, texts: &[String]) -> TcpStream {
    let address = service.url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    let body = json!({ "texts": texts }).to_string();
    write!(
        stream,
        "POST /api/v1/embed HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    stream
}

fn metric(http: &Http, name: &str) -> u64 {
    let all = http.get("/metrics").text().unwrap();
    let line = all.lines().find_map(|line| line.strip_prefix(name));
    line.map_or(0, |value| value.trim().parse().unwrap())
}

/// Texts and views that the encoder has begun with.
fn ran(http: &Http) -> u64 {
    metric(http, "casekin_encoder_ran ")
}

fn wait_until(mut done: impl FnMut() -> bool) {
    while !done() {
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// It is told to come again, and when.
fn assert_turned_away(response: Response, code: &str) {
    assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
    let later = response.headers()["retry-after"].to_str().unwrap();
    assert!(later.parse::<u64>().unwrap() >= 1);
    let answer: Value = response.json().unwrap();
    assert_eq!(answer["code"], code, "{answer}");
    assert!(answer["message"].as_str().unwrap().contains("try again"));
}

fn search(http: &Http, text: &str) -> Response {
    http.post("/api/v1/search", &json!({ "text": text }))
}

#[test]
fn a_client_that_hangs_up_is_not_encoded_for() {
    let library = Library::new();
    let service = serve(&library, "");
    let http = service.http();
    let connection = begin(&service, &texts("hung up", MOST_TEXTS));
    wait_until(|| ran(&http) > 0);
    drop(connection);
    // Nobody else is encoded for once questions of one text follow each other with nothing in between.
    let (mut before, mut alone, mut asked) = (ran(&http), 0, 0);
    while alone < 3 {
        asked += 1;
        http.post_json(
            "/api/v1/embed",
            &json!({ "texts": [format!("only this {asked}")] }),
        );
        let now = ran(&http);
        alone = if now == before + 1 { alone + 1 } else { 0 };
        before = now;
    }
    println!("{} of {MOST_TEXTS} were encoded", before - asked);
    assert!(before < MOST_TEXTS as u64, "all were encoded for nobody");
}

#[test]
fn who_finds_all_places_taken_is_told_when_to_come_again() {
    let library = Library::new();
    let service = serve(&library, "[server]\nmax_concurrent = 1\n");
    let http = service.http();
    let connection = begin(&service, &texts("busy", MOST_TEXTS));
    wait_until(|| ran(&http) > 0);
    assert_turned_away(search(&http, "effusion"), "overloaded");
    assert_eq!(http.get("/api/v1/status").status(), StatusCode::OK);
    drop(connection);
    wait_until(|| search(&http, "effusion").status() == StatusCode::OK);
}

#[test]
fn who_finds_the_encoders_queue_full_is_told_when_to_come_again() {
    let library = Library::new();
    let service = serve(&library, "[encoder]\nbatch_views = 256\n");
    let http = service.http();
    let connections = ["one", "another"].map(|name| begin(&service, &texts(name, MOST_TEXTS)));
    wait_until(|| metric(&http, "casekin_encoder_waiting ") >= 512);
    assert_turned_away(search(&http, "effusion"), "encoder_busy");
    drop(connections);
    wait_until(|| search(&http, "effusion").status() == StatusCode::OK);
}

#[test]
fn more_texts_than_the_queue_holds_are_encoded_and_too_many_are_refused() {
    let library = Library::new();
    let service = serve(&library, "");
    let http = service.http();
    let many = texts("many", 700);
    let encoded = http.post_json("/api/v1/embed", &json!({ "texts": many }));
    let encoded = encoded.as_array().unwrap();
    assert_eq!(encoded.len(), many.len());
    let vector = |embedding: &Value| -> Vec<f64> {
        let values = embedding["vector"].as_array().unwrap().iter();
        values.map(|value| value.as_f64().unwrap()).collect()
    };
    for at in [0, 1, 31, 512, 699] {
        assert_eq!(encoded[at]["source"], many[at].as_str());
        // Other words beside it, lest a kept vector answers.
        let asked = json!({ "texts": [many[at], format!("beside {at}")] });
        let alone = http.post_json("/api/v1/embed", &asked);
        let pairs = vector(&encoded[at]).into_iter().zip(vector(&alone[0]));
        let cosine: f64 = pairs.map(|(a, b)| a * b).sum();
        assert!(cosine > 0.9999, "{at}: {cosine}");
    }

    for (request, bound) in [
        (
            json!({ "texts": texts("too many", MOST_TEXTS + 1) }),
            "4096 texts",
        ),
        (json!({ "images": vec!["q-any"; 257] }), "256 images"),
    ] {
        let response = http.post("/api/v1/embed", &request);
        assert_eq!(response.status(), StatusCode::BAD_REQUEST);
        let answer: Value = response.json().unwrap();
        assert_eq!(answer["code"], "bad_query");
        assert!(
            answer["message"].as_str().unwrap().contains(bound),
            "{answer}"
        );
    }
}
