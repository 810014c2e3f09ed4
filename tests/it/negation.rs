//! What is denied is not found by who looks for it, however it is written: in reports, in quotes, in labels, in tables.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::support::{Http, Library, case_ids};

/// Case, report, label, and the value of a column that is named after a finding.
const CASES: [[&str; 4]; 7] = [
    ["affirms", "Large right pneumothorax.", "left lung", ""],
    ["denies", "Lungs clear. No pneumothorax.", "right lung", ""],
    [
        "elsewhere",
        "Large pleural effusion. No pericardial effusion. No pleural thickening.",
        "",
        "",
    ],
    ["denies-fluid", "Lungs clear. No pleural effusion.", "", ""],
    [
        "label-denies",
        "Fundus of the left eye.",
        "no diabetic retinopathy",
        "0",
    ],
    [
        "label-affirms",
        "Fundus of the right eye.",
        "diabetic retinopathy",
        "1",
    ],
    ["label-open", "Fundus of either eye.", "", "-1"],
];

fn library() -> Library {
    let library = Library::new();
    let picture = &casekin_phantoms::draw_case(4711, 0).images[0];
    let mut manifest = "path,case_id,report,labels,cataract\n".to_owned();
    for [case, report, label, cataract] in CASES {
        let name = format!("{case}-{}", picture.file_name.replace('/', "-"));
        std::fs::write(library.path().join(&name), &picture.bytes).unwrap();
        writeln!(manifest, "{name},{case},{report},{label},{cataract}").unwrap();
    }
    let path = library.path().join("manifest.csv");
    std::fs::write(&path, manifest).unwrap();
    let done = library.json(&["ingest", "--manifest", path.to_str().unwrap()]);
    assert!(done.is_object(), "{done}");
    library
}

fn found(http: &Http, text: &str, ways: &[&str]) -> Vec<String> {
    let answer: Value = http.post_json("/api/v1/search", &json!({ "text": text, "ways": ways }));
    let mut ids = case_ids(&answer);
    ids.sort_unstable();
    ids
}

#[test]
fn a_denial_is_found_as_one_and_never_as_what_it_denies() {
    let library = library();
    let service = library.serve(&["--no-worker"]);
    let http = service.http();
    let by = |way: &str, text: &str| found(&http, text, &[way]);

    assert_eq!(by("report", "pneumothorax"), ["affirms"]);
    assert_eq!(by("report", "no pneumothorax"), ["denies"]);
    assert_eq!(by("report", "\"no pneumothorax\""), ["denies"]);
    assert_eq!(by("report", "\"pneumothorax\""), ["affirms"]);
    assert_eq!(
        by("report", "\"lungs clear\" \"no pneumothorax\""),
        ["denies"]
    );
    assert_eq!(by("report", "lungs \"no pneumothorax\""), ["denies"]);

    assert_eq!(by("report", "no pleural effusion"), ["denies-fluid"]);
    assert_eq!(by("report", "no pericardial effusion"), ["elsewhere"]);

    assert_eq!(by("label", "diabetic retinopathy"), ["label-affirms"]);
    assert_eq!(by("label", "no diabetic retinopathy"), ["label-denies"]);
    assert_eq!(
        found(&http, "retinopathy", &["report", "label"]),
        ["label-affirms"]
    );

    // A column of a table: 1, 0, and -1 where nobody knows.
    assert_eq!(by("label", "cataract"), ["label-affirms", "label-open"]);
    assert_eq!(by("label", "no cataract"), ["label-denies"]);
}
