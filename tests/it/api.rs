//! The HTTP interface, on drawn cases.

use reqwest::StatusCode;
use reqwest::blocking::multipart::{Form, Part};
use serde_json::{Value, json};

use crate::support::{Http, Library, Service, case_ids};

fn wait_until_encoded(http: &Http) {
    loop {
        let status = http.get_json("/api/v1/status");
        if status["jobs"]["queued"] == 0 && status["jobs"]["running"] == 0 {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}

fn drawn_service(seed: u64, cases: u64) -> (Library, Service) {
    let library = Library::new();
    library.ingest_drawn(seed, cases);
    let service = library.serve(&[]);
    (library, service)
}

#[test]
fn search_cases_images_and_summary_answer_over_http() {
    let (_library, service) = drawn_service(31, 12);
    let http = service.http();
    assert_eq!(http.get("/healthz").text().unwrap(), "ok");
    let answer = http.post_json("/api/v1/search", &json!({ "text": "findings", "top": 5 }));
    assert!(answer["hits"].as_array().is_some());
    let case = casekin_phantoms::draw_case(31, 4);
    let picture = Part::bytes(case.images[0].bytes.clone()).file_name("query");
    let request =
        Part::text(json!({ "filters": [format!("modality={}", case.modality)] }).to_string());
    let form = Form::new()
        .part("request", request)
        .part("picture", picture);
    let response = http
        .client
        .post(format!("{}/api/v1/search", http.url))
        .multipart(form)
        .send()
        .unwrap();
    let answer: Value = response.json().unwrap();
    assert_eq!(answer["hits"][0]["case_id"], case.case_id.as_str());
    assert!(
        answer["hits"][0]["views"][0].get("path").is_none(),
        "paths are for the command line"
    );

    let record = http.get_json(&format!("/api/v1/cases/{}", case.case_id));
    assert_eq!(
        record["images"].as_array().unwrap().len(),
        case.images.len()
    );
    let image = record["images"][0]["image_id"].as_str().unwrap();
    for path in [
        format!("/api/v1/images/{image}/thumbnail"),
        format!("/api/v1/images/{image}/rendered?size=64"),
        format!("/api/v1/images/{image}/rendered?window=40,350&box=0,0,50,60"),
        format!("/api/v1/images/{image}/tiles/0/5/0_0.jpg"),
    ] {
        let bytes = http.get(&path).bytes().unwrap();
        assert_eq!(&bytes[..3], b"\xff\xd8\xff", "{path}: {bytes:?}");
    }
    let pyramid = http.get_json(&format!("/api/v1/images/{image}/pyramid"));
    assert_eq!(pyramid["width_px"], record["images"][0]["width_px"]);

    let body = json!({ "search": { "case": case.case_id }, "top": 3 });
    let events = http.post("/api/v1/summary", &body).text().unwrap();
    let events: Vec<Value> = events
        .lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .map(|data| serde_json::from_str(data).unwrap())
        .collect();
    assert_eq!(events[0]["event"], "started");
    assert_eq!(events[0]["writer"]["kind"], "extractive");
    assert_eq!(events.last().unwrap()["event"], "done");
    let sentences: Vec<&Value> = events
        .iter()
        .filter(|event| event["event"] == "sentence")
        .collect();
    assert!(!sentences.is_empty());
    assert!(
        sentences
            .iter()
            .all(|sentence| !sentence["citations"].as_array().unwrap().is_empty())
    );
}

#[test]
fn uploads_become_cases_and_jobs_run_beside_search() {
    let library = Library::new();
    let service = library.serve(&[]);
    let http = service.http();
    let case = casekin_phantoms::draw_case(32, 0);
    let form = Form::new()
        .part(
            "file",
            Part::bytes(case.images[0].bytes.clone()).file_name(case.images[0].file_name.clone()),
        )
        .text("report", "Findings: a quokka is seen.")
        .text("title", "Uploaded")
        .text("labels", "one|two");
    let response = http
        .client
        .post(format!("{}/api/v1/ingest", http.url))
        .multipart(form)
        .send()
        .unwrap();
    assert_eq!(response.status(), StatusCode::ACCEPTED);
    let batch: Value = response.json().unwrap();
    wait_until_encoded(&http);
    let batch = http.get_json(&format!(
        "/api/v1/batches/{}",
        batch["batch_id"].as_str().unwrap()
    ));
    assert_eq!(
        (&batch["state"], &batch["done"]),
        (&"finished".into(), &1.into()),
        "{batch}"
    );
    let answer = http.post_json("/api/v1/search", &json!({ "text": "quokka" }));
    assert_eq!(answer["hits"][0]["title"], "Uploaded");
    assert_eq!(answer["hits"][0]["labels"], json!(["one", "two"]));
    let passage = answer["hits"][0]["passages"][0]["parts"]
        .as_array()
        .unwrap();
    assert!(
        passage
            .iter()
            .any(|part| part["mark"] == true && part["text"] == "quokka"),
        "{passage:?}"
    );
}

#[test]
fn commands_work_through_the_service_that_holds_the_library() {
    let (library, service) = drawn_service(33, 5);
    let status = library.json(&["status"]);
    assert_eq!(status["cases"], 5);
    let manifest = library.path().join("more");
    casekin_phantoms::write_library(&manifest, 34, 3, 1, &mut |_| {}).unwrap();
    let batch = library.json(&[
        "ingest",
        "--manifest",
        manifest.join("manifest.csv").to_str().unwrap(),
    ]);
    assert_eq!(batch["failed"], 0, "{batch}");
    assert_eq!(service.http().get_json("/api/v1/status")["cases"], 8);
}

#[test]
fn a_worker_of_its_own_encodes_for_a_service_without_one() {
    let library = Library::new();
    let manifest = library.draw(35, 4);
    let service = library.serve(&["--no-worker"]);
    library.json(&[
        "ingest",
        "--no-wait",
        "--manifest",
        manifest.to_str().unwrap(),
    ]);
    let queued = service.http().get_json("/api/v1/status");
    assert!(queued["jobs"]["queued"].as_u64().unwrap() > 0);
    let elsewhere = Library::new();
    let output = elsewhere.run(&["worker", "--server", &service.url, "--until-idle"]);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let status = service.http().get_json("/api/v1/status");
    assert_eq!(
        (&status["jobs"]["queued"], &status["jobs"]["failed"]),
        (&0.into(), &0.into())
    );
    assert_eq!(status["coverage"], 1.0);
    let case = casekin_phantoms::draw_case(35, 1);
    let picture = library
        .path()
        .join("phantoms")
        .join(&case.case_id)
        .join(&case.images[0].file_name);
    let answer = library.json(&["search", "--image", picture.to_str().unwrap()]);
    assert_eq!(case_ids(&answer)[0], case.case_id);
}

#[test]
fn collections_keep_order_and_notes_and_go_out_as_csv() {
    let (_library, service) = drawn_service(36, 3);
    let http = service.http();
    let ids: Vec<String> = (0..3)
        .map(|index| casekin_phantoms::draw_case(36, index).case_id)
        .collect();
    let made = http.post_json("/api/v1/collections", &json!({ "name": "Tumour board" }));
    let at = format!("/api/v1/collections/{}", made["id"].as_str().unwrap());
    for id in &ids {
        http.post_json(
            &format!("{at}/cases"),
            &json!({ "case_id": id, "note": "=1+1" }),
        );
    }
    let change = json!({ "position": 0, "note": "first" });
    let moved = http
        .client
        .patch(format!("{}{at}/cases/{}", http.url, ids[2]))
        .json(&change)
        .send()
        .unwrap();
    let moved: Value = moved.json().unwrap();
    let order: Vec<&str> = moved["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["case_id"].as_str().unwrap())
        .collect();
    assert_eq!(order, [ids[2].as_str(), &ids[0], &ids[1]]);
    let csv = http.get(&format!("{at}/export.csv")).text().unwrap();
    assert!(csv.starts_with("position,case_id,title,labels,note\n"));
    assert!(csv.contains("'=1+1") && csv.contains(",first"), "{csv}");
    let record = http.get_json(&format!("/api/v1/cases/{}", ids[0]));
    assert_eq!(record["collections"][0]["name"], "Tumour board");
}

#[test]
fn hosts_origins_tokens_and_roles_are_checked() {
    let (library, service) = drawn_service(37, 2);
    let http = service.http();
    let status = format!("{}/api/v1/status", http.url);
    let foreign = http
        .client
        .get(&status)
        .header("host", "evil.example")
        .send()
        .unwrap();
    assert_eq!(foreign.status(), StatusCode::FORBIDDEN);
    let body: Value = foreign.json().unwrap();
    assert!(
        body["code"].is_string()
            && body["message"].is_string()
            && !body["request_id"].as_str().unwrap().is_empty()
    );
    let other_page = http
        .client
        .get(&status)
        .header("origin", "http://evil.example")
        .send()
        .unwrap();
    assert_eq!(other_page.status(), StatusCode::FORBIDDEN);

    let reader = library.json(&["token", "create", "--role", "reader"])["secret"]
        .as_str()
        .unwrap()
        .to_owned();
    let curator = library.json(&["token", "create", "--role", "curator"])["secret"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(
        http.get("/api/v1/status").status(),
        StatusCode::UNAUTHORIZED
    );
    let case_id = casekin_phantoms::draw_case(37, 0).case_id;
    let ask = |method: reqwest::Method, path: &str, token: &str| {
        http.client
            .request(method, format!("{}{path}", http.url))
            .bearer_auth(token)
            .send()
            .unwrap()
            .status()
    };
    let identity = format!("/api/v1/cases/{case_id}/identity");
    assert_eq!(
        ask(reqwest::Method::GET, "/api/v1/status", &reader),
        StatusCode::OK
    );
    assert_eq!(
        ask(reqwest::Method::GET, &identity, &reader),
        StatusCode::FORBIDDEN
    );
    assert_eq!(
        ask(reqwest::Method::GET, &identity, &curator),
        StatusCode::OK
    );
    assert_eq!(
        ask(
            reqwest::Method::DELETE,
            &format!("/api/v1/cases/{case_id}"),
            &curator
        ),
        StatusCode::FORBIDDEN
    );
    assert_eq!(
        ask(reqwest::Method::GET, "/api/v1/status", "made-up"),
        StatusCode::UNAUTHORIZED
    );
    let signed_in = http.post("/api/v1/session", &json!({ "token": reader }));
    let cookie = signed_in.headers()["set-cookie"]
        .to_str()
        .unwrap()
        .to_owned();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"));
    let with_cookie = http
        .client
        .get(&status)
        .header("cookie", cookie.split(';').next().unwrap())
        .send()
        .unwrap();
    assert_eq!(with_cookie.status(), StatusCode::OK);
}

#[test]
fn a_study_and_an_accession_lead_to_their_case() {
    let (_library, service) = drawn_service(38, 3);
    let http = service.http();
    let case = casekin_phantoms::draw_case(38, 1);
    let found = http.get_json(&format!("/api/v1/launch?accession={}", case.accession));
    assert_eq!(found["case_ids"], json!([case.case_id]));
    assert_eq!(http.get("/api/v1/launch").status(), StatusCode::BAD_REQUEST);
}

#[test]
fn wrong_requests_get_the_one_shape_of_error() {
    let library = Library::new();
    let service = library.serve(&[]);
    let http = service.http();
    for (path, body, code) in [
        ("/api/v1/search", json!({}), "empty_query"),
        (
            "/api/v1/search",
            json!({ "text": "x", "filters": ["colour=red"] }),
            "bad_query",
        ),
        (
            "/api/v1/search",
            json!({ "text": "x", "colour": 1 }),
            "bad_request",
        ),
        (
            "/api/v1/search",
            json!({ "case": "c-nothing" }),
            "no_such_case",
        ),
        (
            "/api/v1/search",
            json!({ "images": [{ "image_id": "q-gone" }] }),
            "query_picture_gone",
        ),
    ] {
        let response = http.post(path, &body);
        assert!(response.status().is_client_error(), "{body}");
        let answer: Value = response.json().unwrap();
        assert_eq!(answer["code"], code, "{body}: {answer}");
        assert!(!answer["request_id"].as_str().unwrap().is_empty());
    }
    assert_eq!(http.get("/api/v1/nothing").status(), StatusCode::NOT_FOUND);
    let description = http.get_json("/api/v1/openapi.json");
    assert!(description["paths"]["/api/v1/search"]["post"].is_object());
    let mut seen = std::collections::BTreeSet::new();
    let paths = description["paths"].as_object().unwrap();
    for operation in paths
        .values()
        .flat_map(|path| path.as_object().unwrap().values())
    {
        let Some(id) = operation["operationId"].as_str() else {
            continue;
        };
        assert!(seen.insert(id.to_owned()), "{id} names two operations");
    }
    assert!(seen.len() > 40, "{seen:?}");
}
