//! The command line, on drawn cases.

use serde_json::Value;

use crate::support::{Library, case_ids, text};

#[test]
fn drawn_cases_are_found_by_words_picture_case_and_all_at_once() {
    let library = Library::new();
    let batch = library.ingest_drawn(11, 24);
    assert_eq!(batch["failed"], 0, "{batch}");
    assert!(batch["done"].as_u64().unwrap() >= 24);
    let status = library.json(&["status"]);
    assert_eq!(status["cases"], 24);
    assert_eq!(status["coverage"], 1.0);
    assert_eq!(status["index"]["applied"], status["index"]["latest"]);
    assert_eq!(status["stand_in"], true);

    let case = casekin_phantoms::draw_case(11, 0);
    let words = library.json(&[
        "search",
        "--text",
        &case.main_finding.replace('_', " "),
        "--top",
        "24",
    ]);
    assert!(
        case_ids(&words).contains(&case.case_id),
        "{} not in {words}",
        case.main_finding
    );

    let picture = library
        .path()
        .join("phantoms")
        .join(&case.case_id)
        .join(&case.images[0].file_name);
    let picture = picture.to_str().unwrap();
    let by_picture = library.json(&["search", "--image", picture]);
    let first = &by_picture["hits"][0];
    assert_eq!(
        first["case_id"],
        case.case_id.as_str(),
        "a picture finds its own case first"
    );
    assert!(first["similarity"].as_f64().unwrap() > 0.999);
    assert!(
        first["views"][0]["path"]
            .as_str()
            .unwrap()
            .ends_with(&case.images[0].file_name)
    );

    let by_case = library.json(&["search", "--case", &case.case_id]);
    assert!(!case_ids(&by_case).is_empty());
    assert!(
        !case_ids(&by_case).contains(&case.case_id),
        "a case does not answer for itself"
    );

    let filter = format!("modality={}", case.modality);
    let mixed = library.json(&[
        "search",
        "--text",
        "no pneumothorax",
        "--image",
        picture,
        "--filter",
        &filter,
        "--top",
        "5",
    ]);
    for hit in mixed["hits"].as_array().unwrap() {
        assert!(
            hit["modalities"]
                .as_array()
                .unwrap()
                .contains(&Value::from(case.modality.as_str())),
            "{hit}"
        );
    }
    let region = library.json(&["search", "--image", picture, "--roi", "10,10,120,120"]);
    assert_eq!(
        region["query"]["images"][0]["box"],
        serde_json::json!([10, 10, 120, 120])
    );
}

#[test]
fn the_same_bytes_are_known_again_under_another_name() {
    let library = Library::new();
    let manifest = library.draw(12, 4);
    let manifest = manifest.to_str().unwrap();
    let first = library.json(&["ingest", "--manifest", manifest]);
    let again = library.json(&["ingest", "--manifest", manifest]);
    assert_eq!(again["done"], 0);
    assert_eq!(again["known"], first["done"]);
    let case = casekin_phantoms::draw_case(12, 0);
    let copy = library.path().join("copy.bin");
    std::fs::copy(
        library
            .path()
            .join("phantoms")
            .join(&case.case_id)
            .join(&case.images[0].file_name),
        &copy,
    )
    .unwrap();
    let copied = library.json(&["ingest", copy.to_str().unwrap()]);
    assert_eq!(copied["known"], 1, "{copied}");
    assert_eq!(library.json(&["status"])["cases"], 4);
}

#[test]
fn a_bad_file_fails_alone_with_its_name_and_reason() {
    let library = Library::new();
    let folder = library.path().join("in");
    std::fs::create_dir_all(&folder).unwrap();
    let case = casekin_phantoms::draw_case(13, 1);
    std::fs::write(
        folder.join(&case.images[0].file_name),
        &case.images[0].bytes,
    )
    .unwrap();
    std::fs::write(folder.join("broken.png"), b"\x89PNG\r\n\x1a\nnothing").unwrap();
    std::fs::write(folder.join("notes.csv"), "a,b\n1,2\n").unwrap();
    let output = library
        .command(&["ingest", folder.to_str().unwrap(), "--json"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
    let batch: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&batch["done"], &batch["not_a_picture"], &batch["failed"]),
        (&1.into(), &1.into(), &1.into()),
        "{batch}"
    );
    let failure = &batch["failures"][0];
    assert!(failure["path"].as_str().unwrap().ends_with("broken.png"));
    assert!(!failure["reason"].as_str().unwrap().is_empty());
}

#[test]
fn a_text_beside_a_picture_is_its_report() {
    let library = Library::new();
    let folder = library.path().join("in");
    std::fs::create_dir_all(&folder).unwrap();
    let case = casekin_phantoms::draw_case(14, 2);
    let name = &case.images[0].file_name;
    std::fs::write(folder.join(name), &case.images[0].bytes).unwrap();
    let report = std::path::Path::new(name).with_extension("txt");
    std::fs::write(
        folder.join(report),
        "Findings: A zebrafish was seen. No unicorn.\n",
    )
    .unwrap();
    library.json(&["ingest", folder.to_str().unwrap()]);
    let affirmed = library.json(&["search", "--text", "zebrafish", "--ways", "report"]);
    assert_eq!(case_ids(&affirmed).len(), 1);
    assert_eq!(
        case_ids(&library.json(&["search", "--text", "unicorn", "--ways", "report"])).len(),
        0,
        "a negated word is no match"
    );
    assert_eq!(
        case_ids(&library.json(&["search", "--text", "no unicorn", "--ways", "report"])).len(),
        1
    );
}

#[test]
fn a_deleted_case_is_gone_everywhere_and_the_rest_stays() {
    let library = Library::new();
    library.ingest_drawn(15, 6);
    let case = casekin_phantoms::draw_case(15, 3);
    library.json(&["case", "delete", &case.case_id, "--yes"]);
    let gone = library.run(&["case", "show", &case.case_id]);
    assert!(!gone.status.success());
    assert!(text(&gone.stderr).contains("no case with this id"));
    assert_eq!(library.json(&["status"])["cases"], 5);
    let all = library.json(&["search", "--text", "impression findings", "--top", "50"]);
    assert!(!case_ids(&all).contains(&case.case_id));
    library.json(&["index", "rebuild"]);
    assert_eq!(library.json(&["status"])["cases"], 5);
}

#[test]
fn embedding_prints_normalised_vectors_of_the_librarys_model() {
    let library = Library::new();
    let case = casekin_phantoms::draw_case(16, 0);
    let file = library.path().join(&case.images[0].file_name);
    std::fs::write(&file, &case.images[0].bytes).unwrap();
    let embeddings = library.json(&[
        "embed",
        "--text",
        "pleural effusion",
        file.to_str().unwrap(),
    ]);
    let embeddings = embeddings.as_array().unwrap();
    assert_eq!(embeddings.len(), 2);
    assert_eq!(embeddings[1]["source"], file.to_str().unwrap());
    for embedding in embeddings {
        let norm: f64 = embedding["vector"]
            .as_array()
            .unwrap()
            .iter()
            .map(|x| x.as_f64().unwrap().powi(2))
            .sum();
        assert!((norm - 1.0).abs() < 1e-3);
    }
    let other = library.json(&["embed", file.to_str().unwrap(), "--profile", "hf"]);
    assert_eq!(other[0]["profile"], "hf");
}

#[test]
fn another_profile_is_reached_by_reencoding_and_answers_stay_whole() {
    let library = Library::new();
    library.ingest_drawn(17, 6);
    let before = library.json(&["status"]);
    for profile in ["hf", "train-int8"] {
        library.json(&[
            "reencode",
            "--profile",
            profile,
            "--model",
            "casekin demo model",
        ]);
        let after = library.json(&["status"]);
        assert_eq!(after["model"]["profile"], profile);
        assert_eq!(
            (&after["vectors"], &after["coverage"]),
            (&before["vectors"], &before["coverage"])
        );
    }
    let case = casekin_phantoms::draw_case(17, 0);
    let picture = library
        .path()
        .join("phantoms")
        .join(&case.case_id)
        .join(&case.images[0].file_name);
    let answer = library.json(&["search", "--image", picture.to_str().unwrap()]);
    assert_eq!(answer["hits"][0]["case_id"], case.case_id.as_str());
    library.json(&["model", "verify"]);
}

#[test]
fn commands_say_what_is_wrong_and_what_to_do() {
    let library = Library::new();
    for (arguments, expected) in [
        (&["search"][..], "--text"),
        (&["ingest"][..], "nothing to ingest"),
        (
            &["ingest", "/does/not/exist"][..],
            "/does/not/exist is not there",
        ),
        (
            &["search", "--text", "x", "--filter", "colour=red"][..],
            "modality",
        ),
        (
            &["search", "--case", "c-nothing"][..],
            "no case with this id",
        ),
        (&["model", "add", "/does/not/exist"][..], "model's folder"),
        (
            &["serve", "--listen", "0.0.0.0:0"][..],
            "casekin token create",
        ),
    ] {
        let output = library.run(arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        assert!(output.stdout.is_empty());
        assert!(
            text(&output.stderr).contains(expected),
            "{arguments:?}: {}",
            text(&output.stderr)
        );
    }
}
