//! "No good match": questions from a family of pictures that the library does not hold are turned away, questions from
//! families that it holds are answered. Phantoms of two seeds, one family withheld at a time, and each kind of question:
//! a picture, all pictures of a case, words.

use std::collections::BTreeMap;

use casekin_phantoms::{PhantomCase, PhantomImage};
use serde_json::{Value, json};

use crate::support::{Http, Library, Service, case_ids};

const LIBRARY: u64 = 2601;
const UNSEEN: u64 = 2602;
const CASES: u64 = 180;
const QUESTIONS: u64 = 60;

/// How many were asked, and turned away.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    asked: usize,
    turned_away: usize,
}

impl Tally {
    fn count(&mut self, turned_away: bool) {
        self.asked += 1;
        self.turned_away += usize::from(turned_away);
    }

    fn share(self) -> f64 {
        self.turned_away as f64 / self.asked.max(1) as f64
    }
}

/// By kind of question, and whether its family is withheld.
type Tallies = BTreeMap<(&'static str, bool), Tally>;

/// A drawn library from which one family was deleted, served.
fn without(family: &str, library: &Library) -> Service {
    let (seed, cases) = (LIBRARY.to_string(), CASES.to_string());
    library.json(&["demo", "--seed", &seed, "--cases", &cases, "--no-serve"]);
    let service = library.serve(&["--no-worker"]);
    let http = service.http();
    for index in 0..CASES {
        if casekin_phantoms::plan_case(LIBRARY, index).family.name() == family {
            let at = format!("{}/api/v1/cases/phantom-{LIBRARY}-{index:05}", http.url);
            let deleted = http.client.delete(at).send().unwrap();
            assert!(deleted.status().is_success(), "{}", deleted.text().unwrap());
        }
    }
    service
}

/// A case that the library has not seen.
struct Unseen {
    family: &'static str,
    labels: Vec<String>,
    impression: String,
    /// Its pictures as questions: ids that the service gave them.
    images: Vec<Value>,
}

fn unseen(http: &Http, drawn: &[PhantomCase]) -> Vec<Unseen> {
    let keep = |image: &PhantomImage| {
        let part = reqwest::blocking::multipart::Part::bytes(image.bytes.clone());
        let form =
            reqwest::blocking::multipart::Form::new().part("picture", part.file_name("asked"));
        let at = format!("{}/api/v1/query-images", http.url);
        let kept = http.client.post(at).multipart(form).send().unwrap();
        json!({ "image_id": kept.json::<Value>().unwrap()["id"] })
    };
    let asked = |case: &PhantomCase| Unseen {
        family: case.family.name(),
        labels: case.labels.clone(),
        impression: (case.report.split_once("Impression: ").unwrap().1)
            .trim()
            .to_owned(),
        images: case.images.iter().map(keep).collect(),
    };
    drawn.iter().map(asked).collect()
}

/// Of other kinds too: otherwise a family that is not there would have nothing to be compared with.
fn by_pictures(images: &[Value]) -> Value {
    json!({ "images": images, "any_modality": true })
}

/// Asks, and says whether it was turned away.
fn turned_away(http: &Http, question: &Value, kind: &str) -> bool {
    let answer = http.post_json("/api/v1/search", question);
    let judgement = &answer["judgements"][0];
    assert_eq!(judgement["kind"], kind);
    assert!(judgement["needed"].is_number(), "{answer}");
    let away = answer["no_match"].as_bool().unwrap();
    assert_eq!(away, case_ids(&answer).is_empty());
    away
}

/// What was turned away is shown to those who ask for all, with what to think of it.
fn shown_to_those_who_ask_for_all(http: &Http, question: &Value) {
    let mut all = question.clone();
    all["all"] = true.into();
    let shown = http.post_json("/api/v1/search", &all);
    assert!(!case_ids(&shown).is_empty());
    let told = shown["notices"].to_string();
    assert!(told.contains("no better than chance"), "{told}");
}

fn ask_by_pictures(http: &Http, cases: &[Unseen], withheld: &str, tallies: &mut Tallies) {
    for case in cases {
        let is_withheld = case.family == withheld;
        for image in &case.images {
            let question = by_pictures(std::slice::from_ref(image));
            let away = turned_away(http, &question, "picture");
            let tally = tallies.entry(("picture", is_withheld)).or_default();
            tally.count(away);
            if away && tally.turned_away % 10 == 1 {
                shown_to_those_who_ask_for_all(http, &question);
            }
        }
        if case.images.len() > 1 {
            let away = turned_away(http, &by_pictures(&case.images), "case");
            tallies
                .entry(("case", is_withheld))
                .or_default()
                .count(away);
        }
    }
}

/// Names of findings, and what reports of unseen cases conclude.
fn ask_by_words(http: &Http, cases: &[Unseen], withheld: &str, tallies: &mut Tallies) {
    let names = casekin_phantoms::finding_names();
    let names = names.iter().filter(|(_, key, _)| *key != "normal");
    let names = names.map(|(family, _, name)| (family.name(), *name));
    let is_normal = |case: &&Unseen| case.labels.iter().any(|label| label == "normal");
    let concluded = cases.iter().filter(|case| !is_normal(case));
    let concluded = concluded.map(|case| (case.family, case.impression.as_str()));
    for (family, text) in names.chain(concluded) {
        let question = json!({ "text": text, "ways": ["text_to_image"] });
        let away = turned_away(http, &question, "text");
        let is_withheld = family == withheld;
        if away != is_withheld {
            println!("without {withheld}: {text:?} of {family}, turned away: {away}");
        }
        tallies
            .entry(("text", is_withheld))
            .or_default()
            .count(away);
    }
}

/// Filters that let through about a tenth: cases of one family that is there, and any cases. Of its questions those are
/// answered that the part holds, and what is not there is turned away as without a filter.
fn ask_under_filters(http: &Http, cases: &[Unseen], withheld: &str, tallies: &mut Tallies) {
    let labels = ["glaucoma", "diabetic retinopathy", "retinal detachment"];
    let by_labels = format!("label={}", labels.join("|"));
    for case in cases {
        let is_withheld = case.family == withheld;
        let has_label = (case.labels.iter()).any(|label| labels.contains(&label.as_str()));
        let question = by_pictures(&case.images[..1]);
        for (kind, filter) in [("by label", by_labels.as_str()), ("by age", "age=65..70")] {
            if kind == "by label" && !is_withheld && !has_label {
                continue;
            }
            let mut question = question.clone();
            question["filters"] = json!([filter]);
            let answer = http.post_json("/api/v1/search", &question);
            let part = answer["cases_searched"].as_f64().unwrap() / CASES as f64;
            assert!((0.05..0.15).contains(&part), "{filter}: {part}");
            let tally = tallies.entry((kind, is_withheld)).or_default();
            tally.count(answer["no_match"].as_bool().unwrap());
        }
    }
}

#[test]
fn a_family_that_is_not_there_is_turned_away_and_one_that_is_there_is_not() {
    let draw = |index| casekin_phantoms::draw_case(UNSEEN, index);
    let drawn: Vec<PhantomCase> = (0..QUESTIONS).map(draw).collect();
    let mut tallies = Tallies::new();
    for withheld in ["chest", "skin"] {
        let library = Library::new();
        let service = without(withheld, &library);
        let http = service.http();
        let cases = unseen(&http, &drawn);
        ask_by_pictures(&http, &cases, withheld, &mut tallies);
        ask_by_words(&http, &cases, withheld, &mut tallies);
        ask_under_filters(&http, &cases, withheld, &mut tallies);
    }
    println!("{tallies:?}");
    for ((kind, is_withheld), tally) in &tallies {
        match is_withheld {
            true => assert!(tally.share() >= 0.95, "{kind}, withheld: {tally:?}"),
            false => assert!(tally.share() <= 0.05, "{kind}, held: {tally:?}"),
        }
    }
}
