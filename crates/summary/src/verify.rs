//! Does a sentence say only what the text it cites says?
//!
//! Checked are findings, side, numbers and polarity, word by word. A paraphrase may be marked as not in the cited text
//! although it is true; the reader is shown the passage either way. What is never done: correcting a sentence.

use std::sync::LazyLock;

use regex::Regex;

use crate::segment::{Cited, own};
use crate::words::{Side, Word, content, same, side, words};
use crate::{Evidence, Polarity, Sentence, Verdict};

static NUMBER: LazyLock<Regex> = LazyLock::new(|| {
    own(
        r"(?i)(\d+(?:[.,]\d+)?)\s*(?:-\s*)?(mm|cm|µm|um|ml|mg|hu|%|percent|years?|yrs?|days?|weeks?|months?|°|kg)?(?:\b|$|\s)",
    )
});
static COUNT: LazyLock<Regex> = LazyLock::new(|| {
    own(r"(?i)\b(\d+)\s+(?:out\s+)?of\s+(?:the\s+)?(\d+)\b|\b(\d+)\s+(?:\w+\s+)?cases\b")
});
static DENIES: LazyLock<Regex> = LazyLock::new(|| {
    own(
        r"(?i)\b(?:no|not|without|absence of|absent|negative for|free of|den(?:y|ies)|never|neither|nor|none|lack(?:s|ing)?|excludes?)\b",
    )
});
static DENIES_BEFORE: LazyLock<Regex> = LazyLock::new(|| {
    own(
        r"(?i)\b(?:(?:is|are|was|were)\s+)?(?:absent|excluded|ruled out|not\s+(?:seen|present|identified|visible|found|mentioned|described))\b",
    )
});
static ENDS_REACH: LazyLock<Regex> = LazyLock::new(|| {
    own(
        r"(?i);|\b(?:but|however|although|though|except|while|whereas|yet)\b|\band\s+(?:there|an?|the|mild|moderate|severe|small|large)\b|,\s*(?:with|and\s+(?:an?|the|there))\b",
    )
});
static HEDGES: LazyLock<Regex> = LazyLock::new(|| {
    own(
        r"(?i)\b(?:possibl[ey]|probabl[ey]|likely|may|might|could|suspect\w*|suspicious|suggest\w*|uncertain|concern\w*|question\w*|equivocal|cannot)\b",
    )
});
static HISTORY: LazyLock<Regex> = LazyLock::new(|| {
    own(
        r"(?i)\b(?:history|prior|previous(?:ly)?|former(?:ly)?|status post|after|earlier|resolved|resolution|cleared|healed|no longer)\b",
    )
});
/// Words of a refusal to conclude, which claims nothing.
const INSUFFICIENT: &str = "insufficient evidence";

/// Checks a sentence against the evidence it cites.
pub(crate) fn check(cited: Cited, evidence: &[Evidence]) -> Sentence {
    let verdict = judge(&cited, evidence);
    Sentence {
        text: cited.text,
        citations: cited.citations,
        verdict,
    }
}

fn judge(cited: &Cited, evidence: &[Evidence]) -> Verdict {
    let numbers: Vec<u32> = cited
        .citations
        .iter()
        .copied()
        .filter(|n| !evidence.iter().any(|e| e.number == *n))
        .collect();
    if !numbers.is_empty() {
        return Verdict::UnknownCitation { numbers };
    }
    if cited.citations.is_empty() {
        let refuses = cited.text.to_lowercase().contains(INSUFFICIENT)
            && cited.text.split_whitespace().count() <= 12;
        return if refuses {
            Verdict::Supported
        } else {
            Verdict::NoCitation
        };
    }
    let texts: Vec<CitedText> = evidence
        .iter()
        .filter(|e| cited.citations.contains(&e.number))
        .map(CitedText::new)
        .collect();
    let sentence = words(&cited.text);
    let mut what = missing_words(&sentence, &texts);
    what.extend(unmentioned(&sentence, &texts));
    what.extend(wrong_sides(&cited.text, &sentence, &texts));
    what.extend(missing_numbers(cited, &texts, evidence.len()));
    what.extend(wrong_polarity(&cited.text, &sentence, &texts));
    what.dedup();
    if what.is_empty() {
        Verdict::Supported
    } else {
        Verdict::NotInCitedText { what }
    }
}

/// One case's text, clause by clause; title and labels count as affirmed clauses.
struct CitedText {
    number: u32,
    clauses: Vec<Clause>,
}

struct Clause {
    text: String,
    words: Vec<Word>,
    polarity: Polarity,
}

impl Clause {
    fn holds(&self, word: &str) -> bool {
        self.words.iter().any(|w| same(&w.text, word))
    }
}

impl CitedText {
    fn new(evidence: &Evidence) -> Self {
        let affirmed = std::iter::once(&evidence.title)
            .chain(&evidence.labels)
            .map(|t| (t.clone(), Polarity::Affirmed));
        let passages = evidence
            .passages
            .iter()
            .map(|p| (p.text.clone(), p.polarity));
        let clauses = affirmed
            .chain(passages)
            .map(|(text, polarity)| Clause {
                words: words(&text),
                text,
                polarity,
            })
            .collect();
        Self {
            number: evidence.number,
            clauses,
        }
    }

    fn holds(&self, word: &str) -> bool {
        self.clauses.iter().any(|clause| clause.holds(word))
    }
}

fn missing_words(sentence: &[Word], texts: &[CitedText]) -> Vec<String> {
    let claimed = sentence.iter().filter(|w| w.is_content() && !w.is_side());
    claimed
        .filter(|w| !texts.iter().any(|t| t.holds(&w.text)))
        .map(|w| w.text.clone())
        .collect()
}

/// A case that holds none of the sentence's findings is cited in vain.
fn unmentioned(sentence: &[Word], texts: &[CitedText]) -> Vec<String> {
    let claimed: Vec<&Word> = sentence.iter().filter(|w| w.is_finding()).collect();
    let in_vain = texts
        .iter()
        .filter(|t| !claimed.is_empty() && !claimed.iter().any(|w| t.holds(&w.text)));
    in_vain
        .map(|t| format!("nothing of this in [{}]", t.number))
        .collect()
}

/// Each side with the finding that follows it must stand so in every cited case that holds the finding.
fn wrong_sides(text: &str, sentence: &[Word], texts: &[CitedText]) -> Vec<String> {
    let mut wrong = Vec::new();
    for (i, word) in sentence.iter().enumerate() {
        let Some(wanted) = side(&word.text) else {
            continue;
        };
        let near = sentence[i + 1..].iter().take(6).filter(|w| w.is_finding());
        let same_clause = near.take_while(|w| !text[word.start..w.start].contains([';', '.']));
        let targets: Vec<&Word> = same_clause.collect();
        // "effusion on the left": the finding stands before its side.
        let targets = if targets.is_empty() {
            sentence[..i]
                .iter()
                .rev()
                .filter(|w| w.is_finding())
                .take(2)
                .collect()
        } else {
            targets
        };
        let is_borne_out = |t: &CitedText| {
            let bearing: Vec<&Clause> = t
                .clauses
                .iter()
                .filter(|c| targets.is_empty() || targets.iter().any(|w| c.holds(&w.text)))
                .collect();
            bearing.is_empty() || bearing.iter().any(|c| clause_has_side(c, wanted, &targets))
        };
        let any_bears = texts.iter().any(|t| {
            t.clauses
                .iter()
                .any(|c| clause_has_side(c, wanted, &targets))
        });
        if !any_bears || !texts.iter().all(is_borne_out) {
            wrong.push(format!("side: {}", wanted.name()));
        }
    }
    wrong
}

fn clause_has_side(clause: &Clause, wanted: Side, targets: &[&Word]) -> bool {
    let sides: Vec<(usize, Side)> = clause
        .words
        .iter()
        .filter_map(|w| Some((w.start, side(&w.text)?)))
        .collect();
    let has = |s: Side| sides.iter().any(|(_, found)| *found == s);
    if wanted == Side::Both {
        return has(Side::Both)
            || clause.words.iter().any(|w| w.text == "both")
            || (has(Side::Left) && has(Side::Right));
    }
    if !(has(Side::Left) && has(Side::Right)) {
        return has(wanted) || has(Side::Both);
    }
    // Both sides in one clause: the last side before the finding is the finding's.
    let ends_of: Vec<usize> = clause
        .words
        .iter()
        .filter(|w| targets.iter().any(|t| same(&t.text, &w.text)))
        .map(|w| w.start)
        .collect();
    ends_of.is_empty()
        || ends_of.iter().any(|at| {
            let before = sides.iter().rfind(|(start, _)| start < at).map(|(_, s)| *s);
            before.or_else(|| sides.first().map(|(_, s)| *s)) == Some(wanted)
        })
}

/// Numbers must stand in a cited text with their unit; counts of cases must fit the citations.
fn missing_numbers(cited: &Cited, texts: &[CitedText], cases: usize) -> Vec<String> {
    let mut wrong = Vec::new();
    for count in COUNT.captures_iter(&cited.text) {
        let of = |i: usize| count.get(i).and_then(|m| m.as_str().parse::<usize>().ok());
        let fits = match (of(1), of(2), of(3)) {
            (Some(some), Some(all), _) => some == cited.citations.len() && all == cases,
            (_, _, Some(some)) => some == cited.citations.len(),
            _ => false,
        };
        // "Gleason 3 of 5" may also be a score that the text holds.
        let stands = texts
            .iter()
            .any(|t| t.clauses.iter().any(|c| c.text.contains(&count[0])));
        if !fits && !stands {
            wrong.push(format!("count: {}", &count[0]));
        }
    }
    let rest = COUNT.replace_all(&cited.text, " ");
    let held: Vec<(f64, &str)> = texts
        .iter()
        .flat_map(|t| &t.clauses)
        .flat_map(|c| measures(&c.text))
        .collect();
    for (value, unit) in measures(&rest) {
        let is_held = held
            .iter()
            .any(|(v, u)| (v - value).abs() < 1e-6 && (unit.is_empty() || *u == unit));
        if !is_held {
            wrong.push(as_written(value, unit, &rest));
        }
    }
    wrong
}

/// The measure as the sentence writes it: lengths were turned into millimetres to compare them.
fn as_written(value: f64, unit: &str, sentence: &str) -> String {
    let centimetres = format!("{} cm", value / 10.0);
    if unit == "mm" && sentence.contains(&centimetres) {
        return centimetres;
    }
    format!("{value} {unit}").trim().to_owned()
}

/// Numbers with their unit; lengths in millimetres. In "3 x 4 cm" the unit belongs to both.
fn measures(text: &str) -> Vec<(f64, &'static str)> {
    let mut found: Vec<(f64, &'static str, usize)> = Vec::new();
    for number in NUMBER.captures_iter(text) {
        let Some(value) = number[1].replace(',', ".").parse::<f64>().ok() else {
            continue;
        };
        let unit = number
            .get(2)
            .map_or(String::new(), |u| u.as_str().to_lowercase());
        let (factor, unit) = match unit.as_str() {
            "" => (1.0, ""),
            "mm" => (1.0, "mm"),
            "cm" => (10.0, "mm"),
            "µm" | "um" => (0.001, "mm"),
            "%" | "percent" => (1.0, "%"),
            "ml" => (1.0, "ml"),
            "hu" => (1.0, "HU"),
            u if u.starts_with('y') => (1.0, "years"),
            u if u.starts_with('d') => (1.0, "days"),
            u if u.starts_with('w') => (1.0, "weeks"),
            u if u.starts_with("mo") => (1.0, "months"),
            "mg" => (1.0, "mg"),
            "kg" => (1.0, "kg"),
            _ => (1.0, "degrees"),
        };
        let start = number.get(1).map_or(0, |m| m.start());
        if !unit.is_empty()
            && let Some(previous) = found
                .last_mut()
                .filter(|(_, u, at)| u.is_empty() && is_product(&text[*at..start]))
        {
            *previous = (previous.0 * factor, unit, previous.2);
        }
        found.push((value * factor, unit, start));
    }
    found
        .into_iter()
        .map(|(value, unit, _)| (value, unit))
        .collect()
}

fn is_product(between: &str) -> bool {
    between
        .trim_start_matches(|c: char| c.is_ascii_digit() || c == '.' || c == ',')
        .trim()
        .trim_matches(['x', '×', '-', '–'])
        .trim()
        .is_empty()
}

/// What the sentence affirms must not be denied in a cited case, and the other way round.
fn wrong_polarity(text: &str, sentence: &[Word], texts: &[CitedText]) -> Vec<String> {
    let denied = denied_ranges(text);
    let mut wrong = Vec::new();
    for word in sentence.iter().filter(|w| w.is_finding()) {
        let is_denied = denied.iter().any(|r| r.contains(&word.start));
        for cited in texts {
            let held: Vec<Polarity> = cited
                .clauses
                .iter()
                .filter(|c| c.holds(&word.text))
                .map(|c| c.polarity)
                .collect();
            let has = |p: Polarity| held.contains(&p);
            let only = |p: Polarity| !held.is_empty() && held.iter().all(|h| *h == p);
            let fault = match is_denied {
                true if !held.is_empty() && !has(Polarity::Negated) => Some("not denied"),
                false if only(Polarity::Negated) => Some("denied"),
                false if only(Polarity::Uncertain) && !HEDGES.is_match(text) => {
                    Some("only possible")
                }
                false if only(Polarity::Historical) && !HISTORY.is_match(text) => {
                    Some("only in the past")
                }
                _ => None,
            };
            wrong.extend(fault.map(|f| format!("{f} in [{}]: {}", cited.number, word.text)));
        }
    }
    wrong
}

/// Ranges of the sentence that it denies.
fn denied_ranges(text: &str) -> Vec<std::ops::Range<usize>> {
    let mut ranges = Vec::new();
    let before: Vec<std::ops::Range<usize>> =
        DENIES_BEFORE.find_iter(text).map(|m| m.range()).collect();
    for found in &before {
        let start = ENDS_REACH
            .find_iter(&text[..found.start])
            .last()
            .map_or(0, |m| m.end());
        ranges.push(start..found.start);
    }
    let is_taken = |m: &regex::Match<'_>| {
        before
            .iter()
            .any(|b| b.start < m.end() && m.start() < b.end)
    };
    for found in DENIES.find_iter(text).filter(|m| !is_taken(m)) {
        let end = ENDS_REACH
            .find(&text[found.end()..])
            .map_or(text.len(), |m| found.end() + m.start());
        ranges.push(found.end()..end);
    }
    ranges
}

/// How many of `wanted` a text holds.
pub(crate) fn overlap(text: &str, wanted: &[String]) -> usize {
    let held = content(text);
    wanted
        .iter()
        .filter(|w| held.iter().any(|h| same(h, w)))
        .count()
}
