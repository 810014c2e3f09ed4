//! "No good match": questions from a family of pictures that the library does not hold are turned away, questions from
//! families that it holds are answered. Phantoms of two seeds, one family withheld at a time, and each kind of question:
//! a picture, all pictures of a case, words.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use casekin_phantoms::PhantomCase;
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
        let case = casekin_phantoms::draw_case(LIBRARY, index);
        if case.family.name() == family {
            let at = format!("{}/api/v1/cases/{}", http.url, case.case_id);
            let deleted = http.client.delete(at).send().unwrap();
            assert!(deleted.status().is_success(), "{}", deleted.text().unwrap());
        }
    }
    service
}

fn unseen() -> impl Iterator<Item = PhantomCase> {
    (0..QUESTIONS).map(|index| casekin_phantoms::draw_case(UNSEEN, index))
}

/// Ids of a case's pictures as questions.
fn kept(http: &Http, folder: &Path, case: &PhantomCase) -> Vec<Value> {
    let keep = |(at, image): (usize, &casekin_phantoms::PhantomImage)| {
        let path: PathBuf = folder.join(format!("asked-{at}-{}", image.file_name));
        std::fs::write(&path, &image.bytes).unwrap();
        let form = reqwest::blocking::multipart::Form::new().file("picture", path);
        let kept = http
            .client
            .post(format!("{}/api/v1/query-images", http.url))
            .multipart(form.unwrap())
            .send()
            .unwrap();
        json!({ "image_id": kept.json::<Value>().unwrap()["id"] })
    };
    case.images.iter().enumerate().map(keep).collect()
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

fn ask_by_pictures(http: &Http, folder: &Path, withheld: &str, tallies: &mut Tallies) {
    for case in unseen() {
        let is_withheld = case.family.name() == withheld;
        let images = kept(http, folder, &case);
        for image in &images {
            let question = by_pictures(std::slice::from_ref(image));
            let away = turned_away(http, &question, "picture");
            let tally = tallies.entry(("picture", is_withheld)).or_default();
            tally.count(away);
            if away && tally.turned_away % 10 == 1 {
                shown_to_those_who_ask_for_all(http, &question);
            }
        }
        if images.len() > 1 {
            let away = turned_away(http, &by_pictures(&images), "case");
            tallies
                .entry(("case", is_withheld))
                .or_default()
                .count(away);
        }
    }
}

/// Names of findings, and what reports of unseen cases conclude.
fn ask_by_words(http: &Http, withheld: &str, tallies: &mut Tallies) {
    let names = casekin_phantoms::finding_names();
    let names = names.iter().filter(|(_, key, _)| *key != "normal");
    let names = names.map(|(family, _, name)| (family.name(), (*name).to_owned()));
    let concluded = unseen().filter(|case| !case.labels.contains(&"normal".to_owned()));
    let concluded = concluded.map(|case| {
        let (_, impression) = case.report.split_once("Impression: ").unwrap();
        (case.family.name(), impression.trim().to_owned())
    });
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
fn ask_under_filters(http: &Http, folder: &Path, withheld: &str, tallies: &mut Tallies) {
    let labels = ["glaucoma", "diabetic retinopathy", "retinal detachment"];
    let by_labels = format!("label={}", labels.join("|"));
    for case in unseen() {
        let is_withheld = case.family.name() == withheld;
        let has_label = case
            .labels
            .iter()
            .any(|label| labels.contains(&label.as_str()));
        let question = by_pictures(&kept(http, folder, &case)[..1]);
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
    let mut tallies = Tallies::new();
    for withheld in ["chest", "skin"] {
        let library = Library::new();
        let service = without(withheld, &library);
        let http = service.http();
        ask_by_pictures(&http, library.path(), withheld, &mut tallies);
        ask_by_words(&http, withheld, &mut tallies);
        ask_under_filters(&http, library.path(), withheld, &mut tallies);
    }
    println!("{tallies:?}");
    for ((kind, is_withheld), tally) in &tallies {
        match is_withheld {
            true => assert!(tally.share() >= 0.95, "{kind}, withheld: {tally:?}"),
            false => assert!(tally.share() <= 0.05, "{kind}, held: {tally:?}"),
        }
    }
}
