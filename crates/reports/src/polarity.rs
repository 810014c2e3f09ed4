//! A sentence → clauses of one polarity each.
//!
//! A trigger paints the words in its reach; what stays unpainted is affirmed. Denial paints over dating and doubt.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use crate::lexicon::symptoms::names_complaint;
use crate::lexicon::{LANGUAGES, any_of};
use crate::scope::{has_content, reach_of};
use crate::triggers::{Reach, Trigger, compile, find_triggers};
use crate::{Polarity, east_asian};

/// Words that end every reach; the clause begins with them.
static TERMINATORS: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    let separators = compile(r";|\s[–—]\s|\s-\s");
    LANGUAGES
        .iter()
        .map(|words| compile(&any_of(words.terminators)))
        .chain([separators])
        .collect()
});
/// "It is not excluded", "which has resolved": said of what was named before.
static PRONOUN: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"\b(?:it|this|these|they|that|those|which|both|dies|diese|diese[rs]|welche[rs]?|sie|elle|il|celle-ci|celui-ci|qui|ce qui|cela|éste|ésta|que|lo cual|el cual|la cual)(?:\s+(?:seems?|seemed|appears?|appeared|semble|scheint|parece))?\s*$",
    )
});
static RELATIVE: LazyLock<Regex> =
    LazyLock::new(|| compile(r"\b(?:which|that|welche[rs]?|qui|que|lo cual|el cual|la cual)\b"));
/// Where one thing asked for ends and the next begins.
static ASKED_PARTS: LazyLock<Regex> = LazyLock::new(|| compile(r"[,/+:]|\.\s"));
/// A year dates a finding only where nothing says that it has lasted.
static LASTS: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"\b(?:unchanged|stable|since|compared|comparison|again|still|persist\w*|increas\w*|decreas\w*|larger|smaller|grown|dating|seit|unverändert|vergleich\w*|depuis|inchangée?s?|comparée?s?|comparaison|stables?|desde|estables?|compara\w+|respecto)\b",
    )
});

/// "Atelectasis or scarring": the words before the second of two readings.
static ALTERNATIVE: LazyLock<Regex> = LazyLock::new(|| compile(r"^\w+\s+or$"));

/// What was thought before this and is something else.
static REFUTES: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"\b(?:(?:proved|proven|turned\s+out|shown)\s+to\s+be|s['’]est\s+(?:avérée?|révélée?)|s['’]avère|erwies\s+sich\s+als|stellte\s+sich\s+als|result(?:ó|aron)\s+(?:ser|tratarse))\b",
    )
});

/// Clauses of `sentence` in order, together covering all of its words; `base` holds where no trigger reaches.
pub(crate) fn split_clauses(sentence: &str, base: Polarity) -> Vec<(Range<usize>, Polarity)> {
    if east_asian::judges(sentence) {
        return east_asian::split_clauses(sentence, base);
    }
    let mut painted: Vec<Paint> = Vec::new();
    let mut triggers = find_triggers(sentence);
    if let Some(refutes) = REFUTES.find(sentence) {
        for trigger in &mut triggers {
            if trigger.polarity == Polarity::Uncertain && trigger.end <= refutes.start() {
                trigger.polarity = Polarity::Negated;
            }
        }
    }
    let mut earlier = 0..0;
    for piece in pieces(sentence) {
        let inside: Vec<Trigger> = triggers
            .iter()
            .copied()
            .filter(|t| piece.start <= t.start && t.end <= piece.end)
            .filter(|t| !dates_what_lasts(&sentence[piece.clone()], &sentence[t.start..t.end], t))
            .collect();
        // "No polyp, mass or fold": what is denied, doubted or dated already is no choice between two readings.
        let inside: Vec<Trigger> = inside
            .iter()
            .enumerate()
            .filter(|(i, t)| *i == 0 || !ALTERNATIVE.is_match(&sentence[t.start..t.end]))
            .map(|(_, trigger)| *trigger)
            .collect();
        for (i, trigger) in inside.iter().enumerate() {
            let range = reach_of(sentence, &piece, &inside, i);
            painted.push(Paint::of(range, trigger.polarity));
            if let Some(range) = said_of_earlier(sentence, &earlier, &piece, trigger) {
                painted.push(Paint {
                    range,
                    polarity: trigger.polarity,
                    priority: OVERRIDE,
                });
            }
        }
        if inside.is_empty() && !has_content(&sentence[piece.clone()]) {
            continue;
        }
        painted.push(Paint {
            range: piece.clone(),
            polarity: base,
            priority: BASE,
        });
        if base == Polarity::Uncertain {
            painted.extend(complaints(sentence, &piece));
        }
        earlier = piece;
    }
    painted.retain(|paint| !paint.range.is_empty());
    merge(sentence, &painted)
}

/// "Fever, pneumonia?": what the patient complains of is there, whatever is asked.
fn complaints(sentence: &str, piece: &Range<usize>) -> Vec<Paint> {
    let text = &sentence[piece.clone()];
    let mut cuts: Vec<usize> = ASKED_PARTS.find_iter(text).map(|m| m.end()).collect();
    cuts.insert(0, 0);
    cuts.push(text.len());
    cuts.windows(2)
        .filter(|part| {
            let part = &text[part[0]..part[1]];
            !part.contains('?') && names_complaint(part)
        })
        .map(|part| Paint {
            range: piece.start + part[0]..piece.start + part[1],
            polarity: Polarity::Affirmed,
            priority: COMPLAINT,
        })
        .collect()
}

fn dates_what_lasts(piece: &str, words: &str, trigger: &Trigger) -> bool {
    trigger.polarity == Polarity::Historical
        && trigger.reach == Reach::Before
        && words.contains(|c: char| c.is_ascii_digit())
        && LASTS.is_match(piece)
}

/// "There was an effusion, which has resolved": the words before that the trigger speaks of through a pronoun.
fn said_of_earlier(
    sentence: &str,
    earlier: &Range<usize>,
    piece: &Range<usize>,
    trigger: &Trigger,
) -> Option<Range<usize>> {
    let before = &sentence[piece.start..trigger.start];
    let speaks = matches!(trigger.reach, Reach::Before | Reach::Beside)
        && before.split_whitespace().count() <= 4
        && PRONOUN.is_match(before);
    if !speaks {
        return None;
    }
    // A relative pronoun stands for what is next to it.
    let start = if RELATIVE.is_match(before) {
        sentence[earlier.clone()]
            .rfind(',')
            .map_or(earlier.start, |comma| earlier.start + comma + 1)
    } else {
        earlier.start
    };
    Some(start..earlier.end)
}

fn pieces(sentence: &str) -> Vec<Range<usize>> {
    let mut cuts: Vec<usize> = TERMINATORS
        .iter()
        .chain([&*REFUTES])
        .flat_map(|words| words.find_iter(sentence).map(|m| m.start()))
        .collect();
    cuts.push(0);
    cuts.push(sentence.len());
    cuts.sort_unstable();
    cuts.dedup();
    cuts.windows(2).map(|w| w[0]..w[1]).collect()
}

/// What holds where nothing else is said.
const BASE: u8 = 0;
const COMPLAINT: u8 = 1;
/// Above every other: a word that speaks of what was said before.
const OVERRIDE: u8 = 5;

fn priority(polarity: Polarity) -> u8 {
    match polarity {
        Polarity::Affirmed => BASE,
        Polarity::Historical => 2,
        Polarity::Uncertain => 3,
        Polarity::Negated => 4,
    }
}

/// A range and what is said of it; where several lie over each other the highest priority counts.
struct Paint {
    range: Range<usize>,
    polarity: Polarity,
    priority: u8,
}

impl Paint {
    fn of(range: Range<usize>, polarity: Polarity) -> Self {
        Self {
            range,
            polarity,
            priority: priority(polarity),
        }
    }
}

/// Lays the painted ranges over each other and joins neighbours of one polarity.
fn merge(sentence: &str, painted: &[Paint]) -> Vec<(Range<usize>, Polarity)> {
    let mut cuts: Vec<usize> = painted
        .iter()
        .flat_map(|paint| [paint.range.start, paint.range.end])
        .collect();
    cuts.sort_unstable();
    cuts.dedup();
    let mut clauses: Vec<(Range<usize>, Polarity)> = Vec::new();
    for pair in cuts.windows(2) {
        let (start, end) = (pair[0], pair[1]);
        let over = painted
            .iter()
            .filter(|paint| paint.range.start <= start && end <= paint.range.end);
        let Some(polarity) = over.max_by_key(|paint| paint.priority).map(|p| p.polarity) else {
            continue;
        };
        let bare = !sentence[start..end].chars().any(char::is_alphanumeric);
        match clauses.last_mut() {
            Some((last, kept)) if last.end == start && (bare || *kept == polarity) => {
                last.end = end
            }
            _ if bare => {}
            _ => clauses.push((start..end, polarity)),
        }
    }
    clauses
}
