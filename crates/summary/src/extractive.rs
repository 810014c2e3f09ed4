//! A summary made of the evidence's own sentences, in the shape of the model's. The same evidence gives the same text.

use crate::verify::overlap;
use crate::words::{content, same};
use crate::{Evidence, Passage, Polarity, Question, Sentence, Verdict};

/// Most sentences after the first.
const MAX_SENTENCES: usize = 8;
/// Cases of which two sentences are taken; of more cases one each.
const FEW_CASES: usize = 3;

/// All sentences, in order.
pub(crate) fn write(question: &Question, evidence: &[Evidence]) -> Vec<Sentence> {
    let wanted = wanted_words(question);
    let mut sentences = counts(question, &wanted, evidence);
    let per_case = if evidence.len() <= FEW_CASES { 2 } else { 1 };
    let first = sentences.len();
    for case in evidence {
        for text in best_passages(case, &wanted, evidence, per_case) {
            // The same sentence of several reports is said once and cites them all.
            let taken = sentences.len() - first;
            match sentences[first..].iter_mut().find(|s| s.text == text) {
                Some(known) if known.citations.contains(&case.number) => {}
                Some(known) => known.citations.push(case.number),
                None if taken < MAX_SENTENCES => sentences.push(supported(text, vec![case.number])),
                None => {}
            }
        }
    }
    if sentences.is_empty() {
        sentences.push(supported("Insufficient evidence.".to_owned(), Vec::new()));
    }
    sentences
}

/// Taken from the evidence word by word, or counted in it: nothing is left to check.
fn supported(text: String, citations: Vec<u32>) -> Sentence {
    Sentence {
        text,
        citations,
        verdict: Verdict::Supported,
    }
}

fn wanted_words(question: &Question) -> Vec<String> {
    let absent: Vec<String> = question.absent.iter().flat_map(|p| content(p)).collect();
    let mut words = content(question.text.as_deref().unwrap_or(""));
    words.retain(|w| !absent.iter().any(|a| same(a, w)));
    words.dedup();
    words
}

/// How many cases affirm what is wanted, and deny what is to be absent; without words, what label most share.
fn counts(question: &Question, wanted: &[String], evidence: &[Evidence]) -> Vec<Sentence> {
    let all = evidence.len();
    if all == 0 {
        return Vec::new();
    }
    let mut sentences = Vec::new();
    if !wanted.is_empty() {
        let citations = citing(evidence, |case| affirms(case, wanted));
        let phrase = wanted.join(" ");
        sentences.push(match citations.len() {
            0 => supported(
                format!("None of the {all} cases mentions {phrase} as present."),
                numbers(evidence),
            ),
            1 => supported(format!("1 of {all} cases mentions {phrase}."), citations),
            some => supported(
                format!("{some} of {all} cases mention {phrase}."),
                citations,
            ),
        });
    } else if let Some((label, citations)) = shared_label(evidence) {
        let verb = if citations.len() == 1 {
            "case is"
        } else {
            "cases are"
        };
        let count = citations.len();
        let text = if count == 1 && all > 1 {
            format!("1 of {all} cases is labelled {label}.")
        } else {
            format!("{count} of {all} {verb} labelled {label}.")
        };
        sentences.push(supported(text, citations));
    }
    for absent in &question.absent {
        let words = content(absent);
        let citations = citing(evidence, |case| denies(case, &words));
        if !citations.is_empty() {
            let verb = if citations.len() == 1 {
                "denies"
            } else {
                "deny"
            };
            sentences.push(supported(
                format!(
                    "{} of {all} cases {verb} {}.",
                    citations.len(),
                    words.join(" ")
                ),
                citations,
            ));
        }
    }
    sentences
}

fn numbers(evidence: &[Evidence]) -> Vec<u32> {
    evidence.iter().map(|case| case.number).collect()
}

fn citing(evidence: &[Evidence], holds: impl Fn(&Evidence) -> bool) -> Vec<u32> {
    evidence
        .iter()
        .filter(|case| holds(case))
        .map(|case| case.number)
        .collect()
}

/// All words in one affirmed clause, the title or one label.
fn affirms(case: &Evidence, wanted: &[String]) -> bool {
    let affirmed = case
        .passages
        .iter()
        .filter(|p| p.polarity == Polarity::Affirmed)
        .map(|p| &p.text);
    affirmed
        .chain(std::iter::once(&case.title))
        .chain(&case.labels)
        .any(|text| overlap(text, wanted) == wanted.len())
}

fn denies(case: &Evidence, words: &[String]) -> bool {
    let mut denied = case
        .passages
        .iter()
        .filter(|p| p.polarity == Polarity::Negated);
    !words.is_empty() && denied.any(|p| overlap(&p.text, words) == words.len())
}

fn shared_label(evidence: &[Evidence]) -> Option<(String, Vec<u32>)> {
    let mut labels: Vec<&String> = evidence
        .iter()
        .flat_map(|case| &case.labels)
        .filter(|l| l.chars().count() < 80)
        .collect();
    labels.sort();
    labels.dedup();
    let counted = labels.into_iter().map(|label| {
        (
            label.clone(),
            citing(evidence, |case| case.labels.contains(label)),
        )
    });
    // The first of equals: the order of the alphabet.
    counted.fold(None, |best: Option<(String, Vec<u32>)>, next| match best {
        Some(best) if best.1.len() >= next.1.len() => Some(best),
        _ => Some(next),
    })
}

/// The case's clauses that answer best: words of the query, then impressions, then what other cases say too.
fn best_passages(
    case: &Evidence,
    wanted: &[String],
    evidence: &[Evidence],
    most: usize,
) -> Vec<String> {
    let mut ranked: Vec<(usize, usize, &Passage)> = case
        .passages
        .iter()
        .enumerate()
        .filter(|(_, p)| p.polarity == Polarity::Affirmed && !content(&p.text).is_empty())
        .map(|(at, p)| (score(p, wanted, case, evidence), at, p))
        .collect();
    ranked.sort_by_key(|(score, at, _)| (std::cmp::Reverse(*score), *at));
    ranked.truncate(most);
    ranked.sort_by_key(|(_, at, _)| *at);
    ranked
        .into_iter()
        .map(|(.., p)| as_sentence(&p.text))
        .collect()
}

fn score(passage: &Passage, wanted: &[String], case: &Evidence, evidence: &[Evidence]) -> usize {
    let words = content(&passage.text);
    let others = evidence.iter().filter(|other| other.number != case.number);
    let shared: usize = others
        .map(|other| {
            other
                .passages
                .iter()
                .filter(|p| p.polarity == Polarity::Affirmed)
                .map(|p| overlap(&p.text, &words))
                .max()
                .unwrap_or(0)
        })
        .sum();
    let centrality = (shared * 100)
        .checked_div(words.len() * evidence.len())
        .unwrap_or(0);
    overlap(&passage.text, wanted) * 1_000 + usize::from(passage.impression) * 300 + centrality
}

/// With a capital and a full stop.
fn as_sentence(text: &str) -> String {
    let text = text.trim().trim_end_matches([',', ';', ':']);
    let mut chars = text.chars();
    let mut sentence: String = chars
        .next()
        .map(|c| c.to_uppercase().collect())
        .unwrap_or_default();
    sentence.push_str(chars.as_str());
    if !sentence.ends_with(['.', '!', '?']) {
        sentence.push('.');
    }
    sentence
}
