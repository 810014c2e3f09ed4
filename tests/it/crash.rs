//! kill -9 at any moment: nothing acknowledged is lost, nothing is there twice, the index can be rebuilt to the same.

use std::process::Stdio;
use std::time::Duration;

use crate::support::{Library, case_ids};

const KILLS: u64 = 20;

#[test]
fn twenty_kills_during_an_ingest_lose_nothing_and_double_nothing() {
    let library = Library::new();
    let manifest = library.draw(21, 60);
    let arguments = ["ingest", "--manifest", manifest.to_str().unwrap()];
    // Moments spread over the ingest by a fixed sequence: the machine's own jitter makes them random enough.
    for kill in 0..KILLS {
        let mut child = library
            .command(&arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(60 + (kill * 7919) % 1400));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let batch = library.json(&arguments);
    assert_eq!(batch["failed"], 0, "{batch}");
    let status = library.json(&["status"]);
    let expected: u64 = (0..60)
        .map(|index| casekin_phantoms::draw_case(21, index).images.len() as u64)
        .sum();
    assert_eq!(status["cases"], 60);
    assert_eq!(status["images"], expected);
    assert_eq!(status["vectors"], status["views"]);
    assert_eq!(status["coverage"], 1.0);
    assert_eq!(status["jobs"]["done"], expected);

    let questions: [&[&str]; 3] = [
        &["search", "--text", "pleural effusion", "--top", "30"],
        &[
            "search",
            "--case",
            &casekin_phantoms::draw_case(21, 5).case_id.clone(),
            "--top",
            "30",
        ],
        &["search", "--text", "no pneumothorax", "--top", "30"],
    ];
    let before: Vec<_> = questions
        .iter()
        .map(|question| case_ids(&library.json(question)))
        .collect();
    library.json(&["index", "rebuild"]);
    let after: Vec<_> = questions
        .iter()
        .map(|question| case_ids(&library.json(question)))
        .collect();
    assert_eq!(before, after);
    assert!(before.iter().all(|ids| !ids.is_empty()));
}

#[test]
fn a_killed_reencoding_serves_the_old_index_and_goes_on_where_it_was() {
    let library = Library::new();
    library.ingest_drawn(22, 40);
    let case_id = casekin_phantoms::draw_case(22, 3).case_id;
    let question = ["search", "--case", &case_id, "--top", "10"];
    let old = case_ids(&library.json(&question));
    let reencode = [
        "reencode",
        "--profile",
        "hf",
        "--model",
        "casekin demo model",
    ];
    let mut killed = 0;
    for kill in 0..4 {
        let mut child = library
            .command(&reencode)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(250 + kill * 100));
        child.kill().unwrap();
        child.wait().unwrap();
        let status = library.json(&["status"]);
        if status["model"]["profile"] == "train" {
            killed += 1;
            assert_eq!(status["coverage"], 1.0);
            assert_eq!(case_ids(&library.json(&question)), old);
        }
    }
    library.json(&reencode);
    let status = library.json(&["status"]);
    println!("{killed} of 4 kills came before the swap");
    assert_eq!(status["model"]["profile"], "hf");
    assert_eq!(status["coverage"], 1.0);
    assert_eq!(status["vectors"], status["views"]);
    assert!(!case_ids(&library.json(&question)).is_empty());
    library.json(&["index", "rebuild"]);
}
