//! Questions of several sentences: a case whose pictures show each of them comes before those that show one.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::support::{Http, Library};

fn ask(http: &Http, text: &str) -> Value {
    let question = json!({ "text": text, "ways": ["text_to_image"], "top": 5, "all": true });
    http.post_json("/api/v1/search", &question)
}

/// Labels of the drawn cases, in the order of their findings.
fn labels_of_cases(library: &Library) -> BTreeMap<String, Vec<String>> {
    let manifest = library.data().join("phantoms").join("manifest.csv");
    let mut manifest = csv::Reader::from_path(manifest).unwrap();
    let rows = manifest.deserialize::<BTreeMap<String, String>>();
    rows.map(|row| {
        let mut row = row.unwrap();
        let labels = row["labels"].split('|').map(str::to_owned).collect();
        (row.remove("case_id").unwrap(), labels)
    })
    .collect()
}

#[test]
fn a_case_that_shows_every_sentence_comes_first() {
    let library = Library::new();
    // One walk through all findings.
    let drawn = ["--findings", "2", "--seed", "77301", "--cases", "34"];
    library.json(&[["demo", "--no-serve"].as_slice(), &drawn].concat());
    let service = library.serve(&[]);
    let http = service.http();

    let (mut asked, mut first, mut first_of_one) = (0, 0, 0);
    for labels in labels_of_cases(&library).values() {
        // Those of the first finding come first, those of the second last; a normal case has one.
        let [one, .., other] = labels.as_slice() else {
            continue;
        };
        let shows_both = |text: &str| {
            let answer = ask(&http, text);
            let found = answer["hits"][0]["labels"].as_array().unwrap();
            [one, other]
                .iter()
                .all(|label| found.contains(&json!(label)))
        };
        asked += 1;
        first += u32::from(shows_both(&format!("{one}. {other}.")));
        first_of_one += u32::from(shows_both(&format!("{one} {other}")));
    }
    println!("{first} of {asked} by sentence, {first_of_one} as one");
    assert!(asked >= 20, "{asked}");
    assert!(4 * first >= 3 * asked, "{first} of {asked}");
    assert!(
        first > first_of_one,
        "{first}, {first_of_one} as one sentence"
    );

    let many = |count: usize| -> String { (0..count).map(|at| format!("Mass {at}. ")).collect() };
    let told = |answer: Value| answer["notices"].to_string().contains("the first 16 of 17");
    assert!(told(ask(&http, &many(17))));
    assert!(!told(ask(&http, &many(16))));
}
