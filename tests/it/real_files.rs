//! A hospital's own files: real radiographs with notes, real DICOM, real histology.

use crate::support::{Library, case_ids, shared};

#[test]
fn chest_radiographs_with_notes_dicom_and_histology_are_ingested_and_found() {
    let Some(shared) = shared() else { return };
    let data = shared.join("data");
    let library = Library::new();
    let chest = data.join("chest");
    let manifest = chest.join("metadata.csv");
    let arguments = [
        "ingest",
        chest.to_str().unwrap(),
        "--manifest",
        manifest.to_str().unwrap(),
        "--map",
        "file=path",
        "--map",
        "notes=report",
    ];
    let batch = library.json(&arguments);
    assert_eq!(batch["failed"], 0, "{batch}");
    assert_eq!(
        batch["done"].as_u64().unwrap() + batch["known"].as_u64().unwrap(),
        211,
        "{batch}"
    );
    assert!(batch["reports"].as_u64().unwrap() > 100);

    let dicom = library
        .command(&["ingest", data.join("dicom").to_str().unwrap(), "--json"])
        .output()
        .unwrap();
    assert_eq!(
        dicom.status.code(),
        Some(2),
        "broken files fail with a reason"
    );
    let batch: serde_json::Value = serde_json::from_slice(&dicom.stdout).unwrap();
    assert!(batch["done"].as_u64().unwrap() >= 200, "{batch}");
    assert!(
        batch["conflicts"].as_u64().unwrap() > 0,
        "different objects with one SOP Instance UID are shown"
    );
    for failure in batch["failures"].as_array().unwrap() {
        assert!(
            failure["path"].is_string() && !failure["reason"].as_str().unwrap().is_empty(),
            "{failure}"
        );
    }
    let histology = library.json(&[
        "ingest",
        data.join("histology").to_str().unwrap(),
        "--manifest",
        data.join("histology/metadata.csv").to_str().unwrap(),
        "--map",
        "file=path",
    ]);
    assert_eq!(histology["failed"], 0, "{histology}");

    let words = library.json(&["search", "--text", "pleural effusion", "--top", "20"]);
    assert!(!case_ids(&words).is_empty());
    let first = &words["hits"][0];
    assert!(
        first["passages"]
            .to_string()
            .to_lowercase()
            .contains("effusion"),
        "{first}"
    );
    assert!(
        words["notices"].to_string().contains("stand-in"),
        "over real pictures the demo model says what it is"
    );

    let picture = chest.join("vqa_rad/synpic59126.jpg");
    let by_picture = library.json(&["search", "--image", picture.to_str().unwrap()]);
    assert!(
        by_picture["hits"][0]["views"][0]["path"]
            .as_str()
            .unwrap()
            .ends_with("synpic59126.jpg"),
        "itself first"
    );
    let case_id = by_picture["hits"][0]["case_id"].as_str().unwrap();
    let by_case = library.json(&["search", "--case", case_id]);
    assert!(!case_ids(&by_case).is_empty() && !case_ids(&by_case).contains(&case_id.to_owned()));
    let mixed = library.json(&[
        "search",
        "--text",
        "effusion",
        "--image",
        picture.to_str().unwrap(),
        "--case",
        case_id,
        "--filter",
        "body_part=chest",
    ]);
    assert!(!case_ids(&mixed).is_empty());
    for hit in mixed["hits"].as_array().unwrap() {
        assert!(hit["body_parts"].to_string().contains("chest"), "{hit}");
    }
    library.json(&["index", "rebuild"]);
    let rebuilt = library.json(&["search", "--text", "pleural effusion", "--top", "20"]);
    assert_eq!(case_ids(&words), case_ids(&rebuilt));
}
