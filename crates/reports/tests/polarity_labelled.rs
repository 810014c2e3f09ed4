//! Polarity on sentences that were labelled apart from the rules (`labelled/README.md`): the open half is measured
//! here, the sealed half is for the end.

use std::collections::BTreeMap;

use casekin_reports::{Polarity, analyse};

const OPEN: &str = include_str!("labelled/open.tsv");
/// Classes, and the F1 below which the rules have become worse.
const CLASSES: [(&str, f64); 4] = [
    ("affirmed", 0.89),
    ("negated", 0.91),
    ("uncertain", 0.87),
    ("historical", 0.68),
];

/// What the rules say of a finding in a sentence; of several sentences, of the one that names it.
fn said(sentence: &str, finding: &str) -> Option<&'static str> {
    let analysis = analyse(sentence);
    let named = finding.to_lowercase();
    let part = analysis
        .sentences
        .iter()
        .find(|part| part.text.to_lowercase().contains(&named))?;
    Some(match part.polarity {
        Polarity::Affirmed => "affirmed",
        Polarity::Negated => "negated",
        Polarity::Uncertain => "uncertain",
        Polarity::Historical => "historical",
    })
}

#[derive(Default)]
struct Counts {
    right: usize,
    labelled: usize,
    named: usize,
}

impl Counts {
    fn f1(&self) -> f64 {
        2.0 * self.right as f64 / (self.labelled + self.named).max(1) as f64
    }
}

#[test]
fn the_open_half_is_understood_no_worse_than_before() {
    let mut counts: BTreeMap<&str, Counts> = BTreeMap::new();
    for line in OPEN.lines().filter(|line| !line.starts_with('#')) {
        let [label, _, finding, sentence, _] = line.split('\t').collect::<Vec<_>>()[..] else {
            panic!("{line}")
        };
        let found = said(sentence, finding).unwrap_or("affirmed");
        counts.entry(label).or_default().labelled += 1;
        counts.entry(found).or_default().named += 1;
        if found == label {
            counts.entry(label).or_default().right += 1;
        } else {
            println!("{label} taken for {found}: {finding} | {sentence}");
        }
    }
    let all: usize = counts.values().map(|one| one.labelled).sum();
    let right: usize = counts.values().map(|one| one.right).sum();
    println!("right: {right} of {all}");
    assert_eq!(all, 228);
    for (class, least) in CLASSES {
        let f1 = counts[class].f1();
        println!("{class}: F1 {f1:.3} of {}", counts[class].labelled);
        assert!(f1 >= least, "{class}: F1 {f1:.3}");
    }
}
