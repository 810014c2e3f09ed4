//! Which pictures of a case answer: facts of pictures in filters, encoded or not, and families of modalities, through the
//! API.

use image::{Rgb, RgbImage};
use serde_json::{Value, json};

use crate::support::{Http, Library, Service, case_ids, text};

/// One picture of a manifest.
struct Row {
    case_id: &'static str,
    patient_id: &'static str,
    modality: &'static str,
    report: &'static str,
    diagnosis: &'static str,
}

impl Row {
    fn new(case_id: &'static str, modality: &'static str) -> Self {
        Self {
            case_id,
            patient_id: "",
            modality,
            report: "",
            diagnosis: "",
        }
    }

    fn saying(case_id: &'static str, modality: &'static str, report: &'static str) -> Self {
        Self {
            report,
            ..Self::new(case_id, modality)
        }
    }
}

/// Writes pictures, each unlike the others, and ingests them by a manifest; the service is left running.
fn service(rows: &[Row], encode: bool) -> (Library, Service) {
    let library = Library::new();
    let mut manifest = String::from("path,case_id,patient_id,modality,report,diagnosis\n");
    for (number, row) in rows.iter().enumerate() {
        let name = format!("{number}.png");
        picture(number as u32)
            .save(library.path().join(&name))
            .unwrap();
        let Row {
            case_id,
            patient_id,
            modality,
            report,
            diagnosis,
        } = row;
        manifest += &format!("{name},{case_id},{patient_id},{modality},{report},{diagnosis}\n");
    }
    let file = library.path().join("manifest.csv");
    std::fs::write(&file, manifest).unwrap();
    let file = file.to_str().unwrap();
    if encode {
        library.json(&["ingest", "--manifest", file]);
        let service = library.serve(&[]);
        return (library, service);
    }
    let service = library.serve(&["--no-worker"]);
    library.json(&["ingest", "--no-wait", "--manifest", file]);
    (library, service)
}

/// Stripes, of a width and colour of its own for each number.
fn picture(number: u32) -> RgbImage {
    let width = 3 + 5 * number;
    let tint = |channel: u32| (60 + (number * 53 + channel * 71) % 180) as u8;
    RgbImage::from_fn(160, 160, |x, y| match (x + y * (number % 3)) / width % 2 {
        0 => Rgb([tint(0), tint(1), tint(2)]),
        _ => Rgb([10, 10, 10]),
    })
}

fn ask(http: &Http, question: Value) -> Value {
    http.post_json("/api/v1/search", &question)
}

fn sorted_ids(answer: &Value) -> Vec<String> {
    let mut ids = case_ids(answer);
    ids.sort_unstable();
    ids
}

fn image_of(http: &Http, case_id: &str, at: usize) -> Value {
    let record = http.get_json(&format!("/api/v1/cases/{case_id}"));
    record["images"][at]["image_id"].clone()
}

fn facet(answer: &Value, key: &str) -> Vec<(String, u64)> {
    let facets = answer["facets"].as_array().unwrap();
    let facet = facets.iter().find(|facet| facet["key"] == key).unwrap();
    let values = facet["values"].as_array().unwrap().iter();
    values
        .map(|value| {
            let name = value["value"].as_str().unwrap().to_owned();
            (name, value["cases"].as_u64().unwrap())
        })
        .collect()
}

fn notices(answer: &Value) -> String {
    answer["notices"].to_string()
}

#[test]
fn words_find_a_case_by_its_pictures_before_they_are_encoded() {
    let rows = [
        Row::saying("both", "X-ray", "A pleural effusion is seen."),
        Row::new("both", "CT"),
        Row::saying("plain", "X-ray", "A small pleural effusion."),
    ];
    let (_library, service) = service(&rows, false);
    let http = service.http();
    let question =
        |filter: &str| json!({ "text": "effusion", "filters": [filter], "ways": ["report"] });
    let answer = ask(&http, question("modality=CT"));
    assert_eq!(case_ids(&answer), ["both"]);
    assert_eq!(answer["cases_searched"], 1);
    assert_eq!(answer["complete"], true);
    assert_eq!(facet(&answer, "modality"), [("CT".to_owned(), 1)]);
    let all = ask(&http, json!({ "text": "effusion", "ways": ["report"] }));
    assert_eq!(
        facet(&all, "modality"),
        [("X-ray".to_owned(), 2), ("CT".to_owned(), 1)]
    );
    assert_eq!(
        sorted_ids(&ask(&http, question("modality=X-ray"))),
        ["both", "plain"]
    );
    assert_eq!(case_ids(&ask(&http, question("modality=MR"))), [""; 0]);
    let listed = http.get_json("/api/v1/cases?filter=modality%3DCT");
    assert_eq!(listed["total"], 1, "{listed}");
}

#[test]
fn a_case_without_an_encoded_picture_says_what_it_was_asked_by() {
    let rows = [
        Row::new("bare", "CT"),
        Row::saying("plain", "CT", "A small pleural effusion."),
    ];
    let (_library, service) = service(&rows, false);
    let http = service.http();
    let alone = ask(&http, json!({ "case": "bare" }));
    assert_eq!(alone["complete"], false, "its pictures wait: {alone}");
    assert!(
        notices(&alone).contains("searched by its words alone"),
        "{alone}"
    );
    assert_eq!(case_ids(&alone), ["plain"], "it is called as this one is");
    let beside_words = ask(&http, json!({ "case": "bare", "text": "effusion" }));
    assert!(notices(&beside_words).contains("it had no part in the answer"));
    assert_eq!(case_ids(&beside_words), ["plain"]);
    let by_words = json!({ "case": "bare", "text": "effusion", "ways": ["report"] });
    assert_eq!(ask(&http, by_words)["complete"], true);
}

#[test]
fn a_hit_by_words_shows_a_picture_that_passes_the_filters() {
    let rows = [
        Row::saying("both", "X-ray", "A pleural effusion is seen."),
        Row::new("both", "CT"),
    ];
    for encode in [false, true] {
        let (_library, service) = service(&rows, encode);
        let http = service.http();
        for (filter, at, modality) in [
            ("modality=CT", 1, "CT"),
            ("modality!=CT", 0, "X-ray"),
            ("label!=x", 0, "X-ray"),
        ] {
            let question = json!({ "text": "effusion", "filters": [filter], "ways": ["report"] });
            let answer = ask(&http, question);
            let view = &answer["hits"][0]["views"][0];
            assert_eq!(view["modality"], modality, "{filter}: {answer}");
            assert_eq!(view["image_id"], image_of(&http, "both", at), "{filter}");
        }
    }
}

#[test]
fn pictures_meet_their_family_whatever_a_table_calls_it() {
    let rows = [
        Row::new("asking", "CR"),
        Row::new("one", "X-ray"),
        Row::new("two", "Röntgen"),
        Row::new("eye", "colour fundus photograph"),
        Row::new("skin", "dermoscopy"),
        Row::new("untold", ""),
    ];
    let (_library, service) = service(&rows, true);
    let http = service.http();
    let by_picture = |any_modality: bool| {
        let question = json!({
            "images": [{ "image_id": image_of(&http, "asking", 0) }], "ways": ["image"],
            "all": true, "keep_duplicates": true, "any_modality": any_modality,
        });
        sorted_ids(&ask(&http, question))
    };
    assert_eq!(by_picture(false), ["asking", "one", "two", "untold"]);
    assert_eq!(
        by_picture(true),
        ["asking", "eye", "one", "skin", "two", "untold"]
    );
    let by_case = json!({ "case": "asking", "all": true, "keep_duplicates": true });
    let answer = ask(&http, by_case);
    assert_eq!(sorted_ids(&answer), ["one", "two", "untold"]);
    assert!(!notices(&answer).contains("--any-modality"));
}

#[test]
fn a_tomogram_meets_slides_only_where_the_question_allows_it() {
    let rows = [
        Row::new("asking", "CT"),
        Row::new("tomogram", "computed tomography"),
        Row::new("slide", "SM"),
        Row::new("stain", "histology"),
    ];
    let (_library, service) = service(&rows, true);
    let http = service.http();
    let found = |more: Value| {
        let mut question = json!({
            "images": [{ "image_id": image_of(&http, "asking", 0) }],
            "all": true, "keep_duplicates": true,
        });
        let fields = question.as_object_mut().unwrap();
        fields.extend(more.as_object().unwrap().clone());
        sorted_ids(&ask(&http, question))
    };
    assert_eq!(found(json!({})), ["asking", "tomogram"]);
    assert_eq!(
        found(json!({ "any_modality": true })),
        ["asking", "slide", "stain", "tomogram"]
    );
}

#[test]
fn an_answer_that_the_family_left_empty_says_so() {
    let rows = [
        Row::new("asking", "CT"),
        Row::new("eye", "colour fundus photograph"),
        Row::new("film", "X-ray"),
    ];
    let (_library, service) = service(&rows, true);
    let http = service.http();
    let question = |more: Value| {
        let mut question = json!({ "case": "asking", "all": true, "keep_duplicates": true });
        let fields = question.as_object_mut().unwrap();
        fields.extend(more.as_object().unwrap().clone());
        question
    };
    let left = ask(&http, question(json!({})));
    assert_eq!(case_ids(&left), [""; 0]);
    let told = notices(&left);
    assert!(
        told.contains("(CT)") && told.contains("--any-modality"),
        "{told}"
    );
    let all = ask(&http, question(json!({ "any_modality": true })));
    assert_eq!(sorted_ids(&all), ["eye", "film"]);
    assert!(!notices(&all).contains("--any-modality"));
    // Where the question's own filters left none, its kind is not to blame.
    let none = ask(&http, question(json!({ "filters": ["label=nothing"] })));
    assert!(!notices(&none).contains("--any-modality"));
}

#[test]
fn other_cases_of_the_patient_answer_a_case_only_when_asked_for() {
    let of = |case_id, patient_id| Row {
        patient_id,
        ..Row::new(case_id, "X-ray")
    };
    let rows = [
        of("first", "patient-1"),
        of("later", "patient-1"),
        of("other", "patient-2"),
        of("unknown", ""),
    ];
    let (_library, service) = service(&rows, true);
    let http = service.http();
    let found = |same_patient: Value| {
        let question = json!({
            "case": "first", "all": true, "keep_duplicates": true, "same_patient": same_patient,
        });
        sorted_ids(&ask(&http, question))
    };
    let by_default = json!({ "case": "first", "all": true, "keep_duplicates": true });
    assert_eq!(sorted_ids(&ask(&http, by_default)), ["other", "unknown"]);
    assert_eq!(found(json!(false)), ["other", "unknown"]);
    assert_eq!(found(json!(true)), ["later", "other", "unknown"]);
}

#[test]
fn an_export_holds_the_views_that_pass_and_no_others_of_their_cases() {
    let rows = [
        Row::new("both", "X-ray"),
        Row::new("both", "CT"),
        Row::new("film", "X-ray"),
    ];
    let (library, service) = service(&rows, true);
    drop(service);
    let npy = library.path().join("v.npy");
    let export = |filter: &str| {
        let path = npy.to_str().unwrap();
        library.json(&["export", "vectors", "--npy", path, "--filter", filter]);
        std::fs::read_to_string(npy.with_extension("npy.csv")).unwrap()
    };
    let table = export("modality=CT");
    assert!(table.contains(",CT") && table.contains("both"), "{table}");
    assert!(
        !table.contains("X-ray") && !table.contains("film"),
        "{table}"
    );
    let table = export("modality=X-ray");
    assert!(!table.contains(",CT"), "{table}");
    assert!(table.contains("both") && table.contains("film"), "{table}");
}

#[test]
fn a_value_with_a_bar_is_filtered_by_when_the_bar_is_escaped() {
    let of = |case_id, diagnosis| Row {
        diagnosis,
        ..Row::saying(case_id, "CT", "Effusion.")
    };
    let rows = [of("bar", "a|b"), of("a", "a"), of("b", "b")];
    let (library, service) = service(&rows, false);
    let http = service.http();
    let found = |filter: &str| {
        let question = json!({ "text": "effusion", "filters": [filter], "ways": ["report"] });
        sorted_ids(&ask(&http, question))
    };
    assert_eq!(found(r"label=diagnosis: a\|b"), ["bar"]);
    assert_eq!(found("label=diagnosis: a|diagnosis: b"), ["a", "b"]);
    assert_eq!(found(r"label!=diagnosis: a\|b"), ["a", "b"]);
    let answer = ask(&http, json!({ "text": "effusion", "ways": ["report"] }));
    let labels = facet(&answer, "label");
    assert!(
        labels.contains(&("diagnosis: a|b".to_owned(), 1)),
        "values of facets are as they are: {labels:?}"
    );
    let help = library.run(&["search", "--help"]);
    assert!(text(&help.stdout).contains(r"\|"));
}
