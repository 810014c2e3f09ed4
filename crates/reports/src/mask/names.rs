//! Known names in the shapes they take in reports.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use super::{Folded, Found, Kind};
use crate::fold::fold;

/// Parts of a name field that name nobody.
const TITLES: &[&str] = &[
    "dr",
    "med",
    "prof",
    "mr",
    "mrs",
    "ms",
    "miss",
    "md",
    "phd",
    "jr",
    "sr",
    "ii",
    "iii",
    "iv",
    "herr",
    "frau",
    "mme",
    "von",
    "van",
    "de",
    "der",
    "den",
    "del",
    "la",
    "le",
    "el",
    "da",
    "di",
    "do",
    "dos",
    "bin",
    "al",
    "anonymous",
    "anonymized",
    "unknown",
    "test",
    "patient",
    "nn",
    "none",
];
/// Names that are also words of reports: masked only where they stand like a name.
const COMMON_WORDS: &[&str] = &[
    "will", "hand", "no", "may", "long", "short", "head", "back", "foot", "arm", "leg", "hip",
    "hill", "rose", "young", "old", "brown", "white", "black", "gray", "grey", "green", "blue",
    "red", "price", "stone", "stones", "bone", "heart", "small", "large", "case", "mark", "marks",
    "art", "grant", "sharp", "rich", "wood", "bush", "cook", "ray", "lung", "chest", "left",
    "right", "upper", "lower", "field", "fields", "page", "best", "good", "low", "high", "day",
    "days", "weeks", "winter", "summer", "may", "june", "april", "august", "march", "west",
    "north", "south", "east", "rush", "power", "drew", "pat", "sue", "bill", "frank", "grace",
    "hope", "faith", "joy", "dawn", "iris", "lens", "ring", "band", "cross", "cord", "wall",
    "body", "neck", "skin", "hair", "nail", "root", "branch", "lane", "park", "pool", "ball",
    "bell", "bird", "fish", "fox", "wolf", "king", "major", "minor", "moody", "little", "strong",
    "swift", "noble", "true", "new", "love", "chance", "church", "house", "hall", "banks",
    "rivers", "brooks", "waters", "snow", "frost", "storm", "gross", "klein", "lang", "kurz",
    "braun", "weiss", "schwarz", "kopf", "arzt", "petit", "grand", "blanc", "noir", "roux",
    "blanco", "delgado", "cabeza", "normal", "clear", "stable", "mild", "severe", "post", "first",
    "second", "one", "two", "three", "ten", "an", "in", "on", "so", "see", "seen", "line", "lines",
    "tube", "mass", "cyst", "view",
];
const NAME_CONTEXTS: &[&str] = &[
    "mr", "mrs", "ms", "miss", "dr", "doctor", "prof", "patient", "pt", "name", "herr", "frau",
    "mme", "madame", "monsieur", "sr", "sra", "by", "surname", "given",
];

struct Word {
    range: Range<usize>,
    /// Range in the original.
    original: Range<usize>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Strong,
    Weak,
    Initial,
}

/// Places of the known names, in bytes of the original.
pub(super) fn find(text: &str, folded: &Folded, names: &[String]) -> Vec<Found> {
    let mut found = Vec::new();
    for name in names {
        let parts: Vec<String> = words_of_name(name);
        if parts.is_empty() {
            continue;
        }
        found.extend(
            find_runs(text, folded, &parts)
                .into_iter()
                .map(|r| (r, Kind::Name)),
        );
        found.extend(
            find_glued(folded, &parts)
                .into_iter()
                .map(|r| (r, Kind::Name)),
        );
    }
    found
}

/// The name's words, and those that a hyphen or apostrophe joins once more as one ("obrien").
fn words_of_name(name: &str) -> Vec<String> {
    let folded = fold(name);
    let is_between =
        |c: char| c.is_whitespace() || matches!(c, '^' | ',' | '=' | '.' | '_' | '(' | ')' | '/');
    let glue = |part: &str| {
        part.chars()
            .filter(|c| c.is_alphanumeric())
            .collect::<String>()
    };
    let joined = folded
        .split(is_between)
        .flat_map(|part| std::iter::once(glue(part)).chain(part.split('-').map(glue)));
    let single = folded
        .split(|c: char| !c.is_alphanumeric())
        .map(str::to_owned);
    let mut seen = HashSet::new();
    single
        .chain(joined)
        .filter(|w| {
            !w.is_empty() && !w.chars().any(|c| c.is_ascii_digit()) && !TITLES.contains(&w.as_str())
        })
        .filter(|w| seen.insert(w.clone()))
        .collect()
}

/// Runs of neighbouring name words and initials.
fn find_runs(text: &str, folded: &Folded, parts: &[String]) -> Vec<Range<usize>> {
    let kinds: HashMap<&str, Part> = parts.iter().map(|p| (p.as_str(), strength(p))).collect();
    let initials: HashSet<char> = parts.iter().filter_map(|p| p.chars().next()).collect();
    let words = words(folded);
    let part_of = |word: &Word| {
        let token = &folded.text[word.range.clone()];
        let is_initial = token.chars().count() == 1
            && token.chars().all(|c| initials.contains(&c))
            && text[word.original.clone()].chars().all(char::is_uppercase);
        if is_initial {
            Some(Part::Initial)
        } else {
            kinds.get(token).copied()
        }
    };
    let mut found = Vec::new();
    let mut at = 0;
    while at < words.len() {
        let mut run: Vec<(usize, Part)> = Vec::new();
        while let Some(part) = words.get(at).and_then(&part_of) {
            if run
                .last()
                .is_some_and(|(last, p)| !joins(text, &words[*last], &words[at], *p))
            {
                break;
            }
            run.push((at, part));
            at += 1;
        }
        if run.is_empty() {
            at += 1;
        } else if let Some(range) = judge(text, folded, &words, run) {
            found.push(range);
        }
    }
    found
}

fn strength(part: &str) -> Part {
    let letters = part.chars().count();
    if letters == 1 {
        return Part::Initial;
    }
    // Two ideographs are a whole name; two Latin letters are also a word of many languages.
    let is_short = letters < 3 && part.is_ascii();
    if is_short || COMMON_WORDS.contains(&part) {
        Part::Weak
    } else {
        Part::Strong
    }
}

fn words(folded: &Folded) -> Vec<Word> {
    let mut words = Vec::new();
    let mut start = None;
    for (at, c) in folded.text.char_indices().chain([(folded.text.len(), ' ')]) {
        match (c.is_alphanumeric(), start) {
            (true, None) => start = Some(at),
            (false, Some(from)) => {
                words.push(Word {
                    range: from..at,
                    original: folded.original(from..at),
                });
                start = None;
            }
            _ => {}
        }
    }
    words
}

/// Whether two words may belong to one name: a full stop joins only after an initial.
fn joins(text: &str, left: &Word, right: &Word, left_part: Part) -> bool {
    let gap = &text[left.original.end..right.original.start];
    let stop_allowed = left_part == Part::Initial;
    gap.chars().count() <= 3
        && gap.chars().all(|c| {
            matches!(c, ' ' | ',' | '^' | '_' | '-' | '\'' | '’' | '\u{a0}')
                || (c == '.' && stop_allowed)
        })
}

/// The range of a run that stands for a person, if it does.
fn judge(
    text: &str,
    folded: &Folded,
    words: &[Word],
    mut run: Vec<(usize, Part)>,
) -> Option<Range<usize>> {
    let is_lower = |index: usize| {
        text[words[index].original.clone()]
            .chars()
            .all(char::is_lowercase)
    };
    // "Smith will return": a common word in lower case beside a capitalised name is no part of it.
    let any_capital = run
        .iter()
        .any(|(i, part)| *part == Part::Strong && !is_lower(*i));
    if any_capital {
        run.retain(|(i, part)| *part != Part::Weak || !is_lower(*i));
    }
    let (first, last) = (run.first()?.0, run.last()?.0);
    let strong = run.iter().any(|(_, p)| *p == Part::Strong);
    let named: HashSet<&str> = run
        .iter()
        .filter(|(_, p)| *p != Part::Initial)
        .map(|(i, _)| &folded.text[words[*i].range.clone()])
        .collect();
    let has_initial = run.iter().any(|(_, p)| *p == Part::Initial);
    let capital_weak = run.iter().any(|(i, p)| *p == Part::Weak && !is_lower(*i));
    let in_context = capital_weak && stands_like_a_name(text, folded, words, first);
    let is_name = strong
        || named.len() >= 2 && (capital_weak || run.len() > 2)
        || has_initial && capital_weak
        || in_context;
    is_name.then(|| words[first].original.start..words[last].original.end)
}

/// After "Mr", "Patient:" and the like, or capitalised in the middle of a sentence in mixed case.
fn stands_like_a_name(text: &str, folded: &Folded, words: &[Word], at: usize) -> bool {
    let Some(before) = at.checked_sub(1).map(|i| &words[i]) else {
        return false;
    };
    let gap = &text[before.original.end..words[at].original.start];
    let word_before = &folded.text[before.range.clone()];
    if NAME_CONTEXTS.contains(&word_before)
        && gap.chars().all(|c| matches!(c, ' ' | '.' | ':' | ','))
    {
        return true;
    }
    let original = &text[words[at].original.clone()];
    let letters = original.chars().count();
    // German capitalises every noun and headings every word: only after a lower-case word, never in German-like text.
    gap == " "
        && letters >= 3
        && original.chars().skip(1).all(char::is_lowercase)
        && text[before.original.clone()]
            .chars()
            .all(char::is_lowercase)
}

/// Names written together ("janedoe", "DOEJANE") and scripts that do not part words.
fn find_glued(folded: &Folded, parts: &[String]) -> Vec<Range<usize>> {
    let mut wanted: Vec<(String, bool)> = Vec::new();
    for (i, a) in parts.iter().enumerate() {
        for (j, b) in parts.iter().enumerate() {
            if i != j && a.chars().count() > 1 && b.chars().count() > 1 && a.len() + b.len() >= 6 {
                wanted.push((format!("{a}{b}"), true));
            }
        }
        if !parts_words(a) && a.chars().count() >= 2 {
            wanted.push((a.clone(), false));
        }
    }
    let hits = wanted.iter().flat_map(|(glued, alone)| {
        folded
            .text
            .match_indices(glued.as_str())
            .map(|(at, s)| at..at + s.len())
            .filter(move |r| !alone || folded.stands_alone(r))
    });
    hits.map(|r| folded.original(r)).collect()
}

/// Whether the script parts its words by spaces; Chinese, Japanese, Korean and Thai do not, or attach particles.
fn parts_words(word: &str) -> bool {
    !word.chars().any(|c| matches!(c as u32, 0x0E00..=0x0E7F | 0x3040..=0x30FF | 0x3400..=0x9FFF | 0xAC00..=0xD7AF))
}
