//! Negation on a labelled set of sentences, as F1 of each polarity.

use casekin_reports::{Polarity, analyse};

const LABELLED: &str = include_str!("../polarity.tsv");
/// A sentence or more for each rule of `labelled/README.md` in each language.
const PROBES: &str = include_str!("../polarity_probes.tsv");
const UNSEEN: &str = include_str!("../polarity_unseen.tsv");

fn label(code: &str) -> Polarity {
    match code {
        "A" => Polarity::Affirmed,
        "N" => Polarity::Negated,
        "U" => Polarity::Uncertain,
        "H" => Polarity::Historical,
        _ => panic!("unknown label {code}"),
    }
}

fn judged(sentence: &str, finding: &str) -> Option<Polarity> {
    let wanted = finding.to_lowercase();
    analyse(sentence)
        .sentences
        .iter()
        .find(|c| c.text.to_lowercase().contains(&wanted))
        .map(|c| c.polarity)
}

/// The least F1 of a polarity over a labelled set, after printing what went wrong.
fn least_f1(labelled: &str) -> f64 {
    let rows: Vec<_> = labelled
        .lines()
        .filter(|l| !l.starts_with('#') && !l.is_empty())
        .map(|l| l.split('\t').collect::<Vec<_>>())
        .map(|c| (label(c[0]), judged(c[2], c[1]), c[1], c[2]))
        .collect();
    for (want, got, finding, sentence) in rows.iter().filter(|r| Some(r.0) != r.1) {
        println!("want {want:?} got {got:?}: {finding} | {sentence}");
    }
    let mut least = f64::INFINITY;
    for polarity in [
        Polarity::Negated,
        Polarity::Affirmed,
        Polarity::Uncertain,
        Polarity::Historical,
    ] {
        let both = rows
            .iter()
            .filter(|r| r.0 == polarity && r.1 == Some(polarity))
            .count() as f64;
        let wanted = rows.iter().filter(|r| r.0 == polarity).count() as f64;
        let given = rows.iter().filter(|r| r.1 == Some(polarity)).count() as f64;
        let f1 = 2.0 * both / (wanted + given);
        println!(
            "{polarity:?}: precision {:.3}, recall {:.3}, F1 {f1:.3} (n = {wanted})",
            both / given,
            both / wanted
        );
        least = least.min(f1);
    }
    least
}

#[test]
fn polarity_of_labelled_findings() {
    assert!(LABELLED.lines().count() > 180, "the labelled set was cut");
    assert!(least_f1(LABELLED) >= 0.95);
}

#[test]
fn polarity_of_sentences_the_rules_were_not_made_for() {
    assert!(least_f1(UNSEEN) >= 0.85);
}

#[test]
fn polarity_of_what_each_rule_of_labelling_says() {
    assert!(least_f1(PROBES) >= 0.98);
}
