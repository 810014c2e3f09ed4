//! A name planted in header, report, file name and query is in no log, error, metric, answer or data file.

use serde_json::json;

use crate::support::{Library, files_under, holds, text};

/// Words that stand for one patient; nothing else in the world holds them.
const PLANTED: [&str; 5] = [
    "Quastelheimer",
    "Zwiebrodt",
    "MRN-8812749",
    "ACC-5550123",
    "1.2.826.0.1.99.4711",
];

/// A DICOM object that carries the planted words in its header.
fn planted_object(path: &std::path::Path) {
    use casekin_phantoms::draw_case;
    use dicom_object::{FileDicomObject, InMemDicomObject};
    let dicom = (0..50)
        .find_map(|index| {
            draw_case(41, index)
                .images
                .into_iter()
                .find(|image| image.file_name.ends_with(".dcm"))
        })
        .unwrap();
    let mut object: FileDicomObject<InMemDicomObject> =
        dicom_object::from_reader(dicom.bytes.as_slice()).unwrap();
    for (tag, vr, value) in [
        (
            dicom_dictionary_std::tags::PATIENT_NAME,
            dicom_core::VR::PN,
            "Quastelheimer^Zwiebrodt",
        ),
        (
            dicom_dictionary_std::tags::PATIENT_ID,
            dicom_core::VR::LO,
            "MRN-8812749",
        ),
        (
            dicom_dictionary_std::tags::ACCESSION_NUMBER,
            dicom_core::VR::SH,
            "ACC-5550123",
        ),
        (
            dicom_dictionary_std::tags::STUDY_INSTANCE_UID,
            dicom_core::VR::UI,
            "1.2.826.0.1.99.4711",
        ),
        (
            dicom_dictionary_std::tags::STUDY_DESCRIPTION,
            dicom_core::VR::LO,
            "Chest of Zwiebrodt Quastelheimer",
        ),
    ] {
        object.put(dicom_core::DataElement::new(
            tag,
            vr,
            dicom_core::PrimitiveValue::from(value),
        ));
    }
    object.write_to_file(path).unwrap();
}

fn assert_clean(what: &str, bytes: &[u8]) {
    for word in PLANTED {
        assert!(
            !holds(bytes, word),
            "{word} stands in {what}: {}",
            text(&bytes[..bytes.len().min(2000)])
        );
    }
}

#[test]
fn a_planted_patient_is_nowhere_but_sealed() {
    let library = Library::new();
    let folder = library.path().join("Quastelheimer_MRN-8812749");
    std::fs::create_dir_all(&folder).unwrap();
    planted_object(&folder.join("Zwiebrodt_Quastelheimer.dcm"));
    let report = "Patient: Zwiebrodt Quastelheimer, MRN-8812749. Findings: Mrs Quastelheimer has a small pleural effusion. \
                  Compared with ACC-5550123. Study 1.2.826.0.1.99.4711. No pneumothorax.";
    std::fs::write(folder.join("Zwiebrodt_Quastelheimer.txt"), report).unwrap();
    std::fs::write(
        folder.join("Quastelheimer_broken.dcm"),
        b"not a picture of Quastelheimer",
    )
    .unwrap();
    let ingested = library
        .command(&["ingest", folder.to_str().unwrap()])
        .env("CASEKIN_LOG", "trace")
        .output()
        .unwrap();
    assert_eq!(
        ingested.status.code(),
        Some(2),
        "{}",
        text(&ingested.stderr)
    );
    assert_clean("the log of the ingest", &ingested.stderr);

    let mut serve = library.command(&["serve", "--listen", "127.0.0.1:0"]);
    serve.env("CASEKIN_LOG", "casekin=trace,casekin_server=trace,casekin_engine=trace,casekin_index=trace,tower_http=trace,debug");
    let service = crate::support::Service::start(serve);
    let http = service.http();
    let answer = http.post_json("/api/v1/search", &json!({ "text": "pleural effusion" }));
    let case_id = answer["hits"][0]["case_id"].as_str().unwrap().to_owned();
    assert_clean("the answer", answer.to_string().as_bytes());
    let record = http.get_json(&format!("/api/v1/cases/{case_id}"));
    assert!(
        record["report"].to_string().contains("pleural effusion"),
        "the report itself stays: {record}"
    );
    assert_clean("the case", record.to_string().as_bytes());
    for (path, body) in [
        (
            "/api/v1/search",
            json!({ "text": "Quastelheimer Zwiebrodt MRN-8812749 ACC-5550123" }),
        ),
        ("/api/v1/search", json!({ "case": "Quastelheimer" })),
        (
            "/api/v1/search",
            json!({ "text": "x", "filters": ["Quastelheimer=MRN-8812749"] }),
        ),
        (
            "/api/v1/summary",
            json!({ "search": { "text": "pleural effusion" } }),
        ),
    ] {
        let response = http.post(path, &body);
        let answered = response.text().unwrap();
        // The question is echoed to the one who asked it, and to nobody else.
        let answered = answered.replace("Quastelheimer Zwiebrodt MRN-8812749 ACC-5550123", "");
        assert_clean("an answer or error", answered.as_bytes());
    }
    let launched = http.get_json("/api/v1/launch?accession=ACC-5550123");
    assert_eq!(launched["case_ids"], json!([case_id]));
    assert_eq!(
        http.get_json(&format!("/api/v1/cases/{case_id}/identity"))["accession"],
        "ACC-5550123"
    );
    assert_clean(
        "the metrics",
        http.get("/metrics").text().unwrap().as_bytes(),
    );
    assert_clean(
        "the failed files",
        http.get_json("/api/v1/batches/b-1").to_string().as_bytes(),
    );
    assert_clean("the log of the service", service.kill().as_bytes());
    for (path, bytes) in files_under(&library.data()) {
        let name = path
            .strip_prefix(library.data())
            .unwrap()
            .display()
            .to_string();
        assert_clean(&name, &bytes);
        assert_clean("the name of a data file", name.as_bytes());
    }
}

#[test]
fn an_upload_is_sealed_and_a_deletion_leaves_nothing_of_it() {
    let library = Library::new();
    let object = library.path().join("object.dcm");
    planted_object(&object);
    let service = library.serve(&[]);
    let http = service.http();
    let form = reqwest::blocking::multipart::Form::new()
        .part(
            "file",
            reqwest::blocking::multipart::Part::bytes(std::fs::read(&object).unwrap())
                .file_name("Quastelheimer.dcm"),
        )
        .text("report", "Findings: a wombat was seen in Quastelheimer.");
    let batch = http
        .client
        .post(format!("{}/api/v1/ingest", http.url))
        .multipart(form)
        .send()
        .unwrap();
    assert!(batch.status().is_success());
    while http.get_json("/api/v1/status")["coverage"] != 1.0 {
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    let case_id =
        http.post_json("/api/v1/search", &json!({ "text": "wombat" }))["hits"][0]["case_id"]
            .as_str()
            .unwrap()
            .to_owned();
    let image_id = http.get_json(&format!("/api/v1/cases/{case_id}"))["images"][0]["image_id"]
        .as_str()
        .unwrap()
        .to_owned();
    for (path, bytes) in files_under(&library.data()) {
        assert_clean(&path.display().to_string(), &bytes);
    }
    let deleted = http
        .client
        .delete(format!("{}/api/v1/cases/{case_id}", http.url))
        .send()
        .unwrap();
    assert_eq!(deleted.status(), reqwest::StatusCode::NO_CONTENT);
    assert_eq!(
        http.get(&format!("/api/v1/images/{image_id}/thumbnail"))
            .status(),
        reqwest::StatusCode::NOT_FOUND
    );
    assert_eq!(http.get_json("/api/v1/status")["vectors"], 0);
    drop(service);
    for (path, bytes) in files_under(&library.data()) {
        let name = path.display().to_string();
        if name.contains("audit") || name.ends_with("catalog.sqlite") {
            assert!(
                !holds(&bytes, "wombat"),
                "the report's words stand in {name}"
            );
            continue;
        }
        for word in ["wombat", image_id.as_str()] {
            assert!(
                !holds(&bytes, word) && !name.contains(word),
                "{word} stands in {name}"
            );
        }
    }
}
