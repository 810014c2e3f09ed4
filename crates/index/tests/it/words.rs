//! Search by words: polarity, phrases, languages, labels, passages, and whatever people type.

use casekin_index::{
    CaseEntry, Filter, Index, ReportFields, WordMatch, WordTexts, WordsQuery, view_key,
};

use crate::support;
use crate::support::{facts, open, report, settings, text_case};

fn library(entries: &[CaseEntry]) -> (tempfile::TempDir, Index) {
    let root = tempfile::tempdir().unwrap();
    let index = open(root.path(), 8, settings());
    index.apply(entries, &[], 1).unwrap();
    (root, index)
}

fn affirmed(text: &str) -> WordsQuery {
    WordsQuery {
        affirmed: text.into(),
        ..WordsQuery::default()
    }
}

fn denied(text: &str) -> WordsQuery {
    WordsQuery {
        negated: vec![text.into()],
        ..WordsQuery::default()
    }
}

fn cases(found: &[WordMatch]) -> Vec<u64> {
    found.iter().map(|found| found.case_no).collect()
}

fn marked(found: &WordMatch) -> Vec<(&str, Vec<&str>)> {
    let words = |at: usize| {
        found.passages[at]
            .marks
            .iter()
            .map(|(from, to)| &found.passages[at].text[*from..*to])
            .collect()
    };
    found
        .passages
        .iter()
        .enumerate()
        .map(|(at, passage)| (passage.field.as_str(), words(at)))
        .collect()
}

#[test]
fn affirming_and_denying_are_different() {
    let (_root, index) = library(&[
        text_case(
            1,
            report("en", "Large right pneumothorax.", "No pleural effusion."),
        ),
        text_case(
            2,
            report(
                "en",
                "Heart size normal.",
                "No pneumothorax or pleural effusion.",
            ),
        ),
        text_case(
            3,
            ReportFields {
                uncertain: "Possible small pneumothorax.".into(),
                ..report("en", "Rib fracture.", "")
            },
        ),
        text_case(4, report("en", "Pleural thickening.", "No fracture.")),
    ]);
    let found = index.words(&affirmed("pneumothorax")).unwrap();
    assert_eq!(
        cases(&found),
        [1, 3],
        "uncertain counts less, denied not at all"
    );
    assert_eq!(marked(&found[0]), [("findings", vec!["pneumothorax"])]);
    assert_eq!(marked(&found[1]), [("uncertain", vec!["pneumothorax"])]);
    let found = index.words(&denied("pneumothorax")).unwrap();
    assert_eq!(cases(&found), [2]);
    assert_eq!(marked(&found[0]), [("negated", vec!["pneumothorax"])]);
    assert_eq!(
        cases(&index.words(&denied("no pneumothorax")).unwrap()),
        [2]
    );
    let mut both = cases(&index.words(&denied("pleural effusion")).unwrap());
    both.sort_unstable();
    assert_eq!(
        both,
        [1, 2],
        "every word of a denied finding must be denied"
    );
    let mixed = WordsQuery {
        affirmed: "pneumothorax".into(),
        negated: vec!["effusion".into()],
        ..WordsQuery::default()
    };
    assert_eq!(cases(&index.words(&mixed).unwrap()), [1, 3]);
    for query in [affirmed("pneumothorax"), denied("pleural effusion"), mixed] {
        let found = index.words(&query).unwrap();
        let ranked: Vec<(u64, f32)> = found.iter().map(|one| (one.case_no, one.score)).collect();
        assert_eq!(index.rank_by_words(&query).unwrap(), ranked);
        // Of any cases, in any order; those that say nothing of it, or are not there, fall out.
        let said = index.passages(&query, &[99, 3, 2, 1]).unwrap();
        for one in &found {
            assert!(said.contains(&(one.case_no, one.passages.clone())));
        }
        assert!(said.iter().all(|(_, passages)| !passages.is_empty()));
        assert!(!said.iter().any(|(case_no, _)| *case_no == 99));
    }
}

#[test]
fn words_of_a_denial_stand_in_one_denied_sentence() {
    let other = "No pericardial effusion.\nNo pleural thickening.";
    let both = "No fracture.\nNeither effusion nor pleural thickening.";
    let long = format!("No {} effusion of the pleural space", "very ".repeat(40));
    let (_root, index) = library(&[
        text_case(1, report("en", "Large pleural effusion.", other)),
        text_case(2, report("en", "", "No pleural effusion.\nNo fracture.")),
        text_case(3, report("en", "", both)),
        text_case(4, report("en", "", &long)),
        text_case(
            5,
            report("de", "", "Kein Pleuraerguss.\nKein Perikarderguss rechts."),
        ),
    ]);
    let sorted = |query: &WordsQuery| {
        let mut found = cases(&index.words(query).unwrap());
        found.sort_unstable();
        found
    };
    assert_eq!(sorted(&denied("pleural effusion")), [2, 3, 4]);
    assert_eq!(sorted(&denied("effusion pleural")), [2, 3, 4]);
    assert_eq!(sorted(&denied("pericardial effusion")), [1]);
    assert_eq!(sorted(&denied("pericardial thickening")), [] as [u64; 0]);
    assert_eq!(sorted(&denied("fracture")), [2, 3]);
    assert_eq!(sorted(&denied("\"pleural effusion\"")), [2]);
    assert_eq!(sorted(&denied("Pleuraerguss rechts")), [] as [u64; 0]);
    assert_eq!(sorted(&denied("Perikarderguss rechts")), [5]);
    // A phrase is required, words only help.
    let with = |negated: &str| WordsQuery {
        negated: vec![negated.into()],
        ..affirmed("effusion")
    };
    assert_eq!(sorted(&with("fracture")), [1]);
    assert_eq!(sorted(&with("\"fracture\"")), [] as [u64; 0]);
    assert_eq!(sorted(&with("\"pleural thickening\"")), [1]);
    assert_eq!(sorted(&with("\"nowhere written\"")), [] as [u64; 0]);
}

#[test]
fn labels_that_deny_or_leave_open_are_no_labels_that_affirm() {
    let mut denying = text_case(
        1,
        ReportFields {
            labels: "left\nlymph nodes: normal".into(),
            denied_labels: "no retinopathy\nedema: 0\nnodes: no".into(),
            ..ReportFields::default()
        },
    );
    // What denies is part of the text of another label, which affirms all the same.
    let labels = [
        "no retinopathy",
        "edema: 0",
        "nodes: no",
        "left",
        "lymph nodes: normal",
    ];
    denying.facts = facts("Fundus", &labels);
    let mut open = text_case(
        2,
        ReportFields {
            uncertain_labels: "retinopathy: -1".into(),
            ..ReportFields::default()
        },
    );
    open.facts = facts("Fundus", &["retinopathy: -1"]);
    let mut affirming = text_case(3, ReportFields::default());
    affirming.facts = facts("Fundus", &["retinopathy", "edema: 1"]);
    let (_root, index) = library(&[denying, open, affirming]);
    let of =
        |texts, query: WordsQuery| cases(&index.words(&WordsQuery { texts, ..query }).unwrap());
    for texts in [WordTexts::Label, WordTexts::Both] {
        assert_eq!(of(texts, affirmed("retinopathy")), [3, 2]);
        assert_eq!(of(texts, affirmed("edema")), [3]);
        assert_eq!(of(texts, affirmed("left")), [1]);
        assert_eq!(of(texts, affirmed("lymph")), [1]);
        assert_eq!(of(texts, denied("retinopathy")), [1]);
        assert_eq!(of(texts, denied("edema")), [1]);
    }
    for texts in [WordTexts::Report, WordTexts::Prose] {
        assert_eq!(of(texts, denied("retinopathy")), [] as [u64; 0]);
    }
    assert_eq!(of(WordTexts::Report, affirmed("fundus")), [1, 2, 3]);
    assert_eq!(of(WordTexts::Prose, affirmed("fundus")), [] as [u64; 0]);
}

#[test]
fn phrases_are_required() {
    let (_root, index) = library(&[
        text_case(1, report("en", "A pleural effusion on the left.", "")),
        text_case(
            2,
            report("en", "Effusion of the joint. Pleural plaques.", ""),
        ),
    ]);
    let mut both = cases(&index.words(&affirmed("pleural effusion")).unwrap());
    both.sort_unstable();
    assert_eq!(both, [1, 2]);
    assert_eq!(
        cases(&index.words(&affirmed("\"pleural effusion\"")).unwrap()),
        [1]
    );
    assert_eq!(
        cases(
            &index
                .words(&affirmed("joint \"pleural effusion\""))
                .unwrap()
        ),
        [1]
    );
    assert_eq!(
        cases(&index.words(&affirmed("\"effusion on the left\"")).unwrap()),
        [1]
    );
    assert!(
        index
            .words(&affirmed("effusion \"effusion pleural\""))
            .unwrap()
            .is_empty()
    );
}

#[test]
fn languages_have_their_own_rules() {
    let (_root, index) = library(&[
        text_case(1, report("de", "Kleine Ergüsse beidseits.", "")),
        text_case(
            2,
            report(
                "fr",
                "Épanchements pleuraux modérés.",
                "Pas de pneumothorax.",
            ),
        ),
        text_case(3, report("es", "Fracturas costales múltiples.", "")),
        text_case(4, report("xx", "Vätska i lungsäcken.", "")),
        text_case(5, report("en", "Bilateral effusions.", "")),
    ]);
    for (text, case) in [
        ("ergusse", 1),
        ("Ergüsse", 1),
        ("epanchement", 2),
        ("\u{45}\u{301}panchement pleural", 2),
        ("fractura", 3),
        ("vatska", 4),
        ("EFFUSION", 5),
    ] {
        assert_eq!(
            cases(&index.words(&affirmed(text)).unwrap()),
            [case],
            "{text}"
        );
    }
    let found = index.words(&affirmed("epanchement")).unwrap();
    assert_eq!(marked(&found[0]), [("findings", vec!["Épanchements"])]);
    assert_eq!(cases(&index.words(&denied("pneumothorax")).unwrap()), [2]);
}

#[test]
fn labels_and_titles_are_found_and_said() {
    let mut german = text_case(1, report("de", "Befund siehe Bild.", ""));
    german.facts = facts("Thorax liegend", &["Pleural Effusions", "Edema"]);
    let plain = CaseEntry {
        case_no: 2,
        facts: facts("Chest 2", &["Effusion"]),
        ..CaseEntry::default()
    };
    let (_root, index) = library(&[german, plain]);
    let found = index.words(&affirmed("effusion")).unwrap();
    assert_eq!(found.len(), 2);
    for found in &found {
        assert_eq!(found.passages[0].field, "label");
        assert_eq!(found.matched_labels, [found.passages[0].text.clone()]);
    }
    assert!(
        index
            .words(&WordsQuery {
                texts: WordTexts::Report,
                ..affirmed("effusion")
            })
            .unwrap()
            .is_empty()
    );
    assert_eq!(cases(&index.words(&affirmed("thorax")).unwrap()), [1]);
    let filtered = WordsQuery {
        filter: Filter::parse("label=edema").unwrap(),
        ..affirmed("effusion")
    };
    assert_eq!(cases(&index.words(&filtered).unwrap()), [1]);
    let excluded = WordsQuery {
        exclude: vec![1],
        ..affirmed("effusion")
    };
    assert_eq!(cases(&index.words(&excluded).unwrap()), [2]);
}

#[test]
fn more_of_the_words_rank_higher() {
    let (_root, index) = library(&[
        text_case(
            1,
            report("en", "Nodule, nodule, nodule and another nodule.", ""),
        ),
        text_case(2, report("en", "Spiculated nodule in the upper lobe.", "")),
        text_case(3, report("en", "Upper lobe volume loss.", "")),
    ]);
    assert_eq!(
        cases(
            &index
                .words(&affirmed("spiculated nodule of the upper lobe"))
                .unwrap()
        )[0],
        2
    );
}

#[test]
fn nothing_that_is_typed_is_an_error() {
    let (_root, index) = library(&[text_case(
        1,
        report("en", "Nodule (8 mm) in S1/S2 [left].", ""),
    )]);
    let long = "nodule ".repeat(15_000);
    let strange = [
        "",
        "\"",
        "\"\"\"",
        "nodule\"",
        "title:nodule",
        "nodule AND (",
        "+-!(){}[]^~*?:\\/",
        "nodule~2^3",
        "*",
        "no",
        "\u{0}\u{feff}",
        "🫁 nodule",
        &long,
    ];
    for text in strange {
        let found = index.words(&affirmed(text)).unwrap();
        assert_eq!(
            found.len(),
            usize::from(text.contains("nodule")),
            "{:.40}",
            text
        );
        index.words(&denied(text)).unwrap();
    }
    assert!(
        index
            .words(&WordsQuery {
                k: 0,
                ..affirmed("nodule")
            })
            .unwrap()
            .is_empty()
    );
    assert_eq!(
        index
            .words(&WordsQuery {
                k: usize::MAX,
                ..affirmed("nodule")
            })
            .unwrap()
            .len(),
        1
    );
}

#[test]
fn the_word_changes_with_the_report_and_not_with_the_pictures() {
    let root = tempfile::tempdir().unwrap();
    let log = support::open_log(root.path(), 8);
    let index = Index::open(
        &root.path().join("index"),
        &support::stamp(8),
        log.clone(),
        settings(),
    )
    .unwrap();
    let mut entry = text_case(1, report("en", "Old words.", ""));
    index.apply(std::slice::from_ref(&entry), &[], 1).unwrap();
    let place = log.append(&[(view_key(1, 0).unwrap(), &[1.0; 8])]).unwrap()[0];
    entry.views = vec![support::view(0, "CT", place)];
    index.apply(std::slice::from_ref(&entry), &[], 2).unwrap();
    assert_eq!(cases(&index.words(&affirmed("old")).unwrap()), [1]);
    entry.report = Some(report("en", "New words.", ""));
    index.apply(&[entry], &[], 3).unwrap();
    assert!(index.words(&affirmed("old")).unwrap().is_empty());
    assert_eq!(cases(&index.words(&affirmed("new")).unwrap()), [1]);
}
