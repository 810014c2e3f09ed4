//! A sentence → clauses of one polarity each.
//!
//! A trigger paints the words in its reach; what stays unpainted is affirmed. Denial paints over dating and doubt.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use crate::triggers::{Reach, Trigger, compile, find_triggers};
use crate::{Polarity, east_asian};

/// Words that end every reach; the clause begins with them.
static TERMINATORS: LazyLock<Regex> = LazyLock::new(|| {
    compile(concat!(
        r"\b(?:but|however|although|though|yet|whereas|nevertheless|except(?:\s+for)?|with\s+the\s+exception\s+of|aside\s+from|apart\s+from|other\s+than|besides|while)\b",
        r"|;|\s[–—]\s|\s-\s|,\s*which\b|,\s*where\b|\bmais\b|\bcependant\b|\btoutefois\b|\bhormis\b|\bà\s+l['’]exception\b|\baber\b|\bjedoch\b|\baußer\b|\bsondern\b|\bbis\s+auf\b|\bpero\b|\bsin\s+embargo\b|\bexcepto\b|\bsalvo\b",
    ))
});
/// Words that may stand before a trigger and belong to it.
const LIGHT: &str = concat!(
    r"there|is|are|was|were|be|been|has|have|had|with|shows?|showing|demonstrates?|demonstrating|reveals?|revealing|contains?|containing|exhibits?|displays?|and|or|also|now|currently|again|overall|we|see|the|a|an|this|that|he|she|they|it|in|of|as|at|most|more|less|highly|very|well|some|",
    r"il|elle|y|existe|est|sont|avec|on|note|et|ou|zeigt|zeigen|ist|sind|es|findet|finden|sich|und|oder|mit|hay|con|se|observa|observan|muestra|o",
);
/// Nouns that carry no finding where they stand alone ("features are suggestive of"), but may elsewhere ("bony changes").
const EMPTY_NOUNS: &str =
    "findings?|features?|appearances?|changes?|patients?|aspect|hallazgos?|imagen";
static LIGHT_TAIL: LazyLock<Regex> =
    LazyLock::new(|| compile(&format!(r"(?:\b(?:{LIGHT})(?:\s+|\s*$)|[\s,:(–-]+)+$")));
static ALL_LIGHT: LazyLock<Regex> = LazyLock::new(|| {
    compile(&format!(
        r"^(?:(?:{LIGHT}|{EMPTY_NOUNS})\b|[^\p{{L}}\p{{N}}]+)*$"
    ))
});
static STARTS_ANEW: LazyLock<Regex> = LazyLock::new(|| {
    compile(concat!(
        r"^\s*(?:and\s+)?(?:there|the|a|an|its|this|these|both|mild(?:ly)?|moderate(?:ly)?|severe(?:ly)?|small|tiny|large|minimal(?:ly)?|slight(?:ly)?|marked(?:ly)?|extensive|diffuse|scattered|multiple|several|stable|unchanged|persistent|new|increas(?:ed|ing)|decreas(?:ed|ing)|normal|clear|intact|unremarkable|positive|prominent|degenerative|post-?operative|",
        r"un|une|le|la|les|ein|eine|der|die|das|leichte|mäßige|kleiner?|derrame|el|los|las|leve)\b",
    ))
});
/// A verb that makes a new statement, and not the "is seen" that closes a list.
static NEW_PREDICATE: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"\b(?:is|are|was|were|has|have|shows?|demonstrates?|remains?|appears?|measures?|contains?|extends?|persists?|est|sont|ist|sind|zeigt|está|están)\b",
    )
});
static CLOSES_LIST: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"\b(?:is|are|was|were|has\s+been|have\s+been)\s+(?:\w+ly\s+)?(?:seen|identified|noted|present|visible|visuali[sz]ed|evident|demonstrated|appreciated|detected|observed|found|apparent|shown)\b",
    )
});
static OR_WORD: LazyLock<Regex> =
    LazyLock::new(|| compile(r"\b(?:or|nor|and/or|ou|ni|oder|noch|o|u)\b"));
static JOINED: LazyLock<Regex> =
    LazyLock::new(|| compile(r"\b(?:and|or|nor|et|ou|und|oder|y|o)\b"));
static AND_WORD: LazyLock<Regex> = LazyLock::new(|| compile(r"\s(?:and|et|und|y)\s"));
static WITH_WORD: LazyLock<Regex> = LazyLock::new(|| compile(r"\s(?:with|and|avec|mit|con)\s"));

/// Clauses of `sentence` in order, together covering all of its words; `base` holds where no trigger reaches.
pub(crate) fn split_clauses(sentence: &str, base: Polarity) -> Vec<(Range<usize>, Polarity)> {
    if east_asian::judges(sentence) {
        return east_asian::split_clauses(sentence, base);
    }
    let mut painted: Vec<(Range<usize>, Polarity)> = Vec::new();
    let triggers = find_triggers(sentence);
    for piece in pieces(sentence) {
        let inside: Vec<Trigger> = triggers
            .iter()
            .copied()
            .filter(|t| piece.start <= t.start && t.end <= piece.end)
            .collect();
        for (i, trigger) in inside.iter().enumerate() {
            painted.push((
                reach_of(sentence, &piece, trigger, &inside[i + 1..]),
                trigger.polarity,
            ));
        }
        if inside.is_empty() && !has_content(&sentence[piece.clone()]) {
            continue;
        }
        painted.push((piece, base));
    }
    painted.retain(|(range, _)| !range.is_empty());
    merge(sentence, &painted)
}

fn pieces(sentence: &str) -> Vec<Range<usize>> {
    let mut cuts: Vec<usize> = TERMINATORS.find_iter(sentence).map(|m| m.start()).collect();
    cuts.insert(0, 0);
    cuts.push(sentence.len());
    cuts.dedup();
    cuts.windows(2).map(|w| w[0]..w[1]).collect()
}

fn reach_of(
    sentence: &str,
    piece: &Range<usize>,
    trigger: &Trigger,
    later: &[Trigger],
) -> Range<usize> {
    let before = &sentence[piece.start..trigger.start];
    let after = &sentence[trigger.end..piece.end];
    let reach = match trigger.reach {
        Reach::Before if !has_content(before) => Reach::After,
        Reach::After if !has_content(after) => Reach::Before,
        other => other,
    };
    let start = match reach {
        Reach::After => left_of_after(sentence, piece, trigger),
        Reach::Before | Reach::Around => part_start(sentence, piece, trigger.start),
    };
    let end = match reach {
        Reach::After | Reach::Around => scope_end(sentence, piece, trigger, later),
        Reach::Before => sentence[trigger.end..piece.end]
            .find(',')
            .map_or(piece.end, |i| trigger.end + i),
    };
    start..end
}

/// Takes light words before the trigger with it ("there is no", "with no").
fn left_of_after(sentence: &str, piece: &Range<usize>, trigger: &Trigger) -> usize {
    let before = &sentence[piece.start..trigger.start];
    let light = LIGHT_TAIL.find(before).map_or(before.len(), |m| m.start());
    if has_content(&before[..light]) {
        piece.start + light
    } else {
        piece.start
    }
}

/// The start of the comma part that holds `at`; of the whole list where the part closes one ("a, b and c are not seen").
fn part_start(sentence: &str, piece: &Range<usize>, at: usize) -> usize {
    let before = &sentence[piece.start..at];
    let Some(comma) = before.rfind(',') else {
        return piece.start;
    };
    let closes_list =
        JOINED.is_match(&before[comma + 1..]) && !NEW_PREDICATE.is_match(&before[..comma]);
    if closes_list {
        piece.start
    } else {
        piece.start + comma + 1
    }
}

fn scope_end(sentence: &str, piece: &Range<usize>, trigger: &Trigger, later: &[Trigger]) -> usize {
    // "No pneumonia suggesting …": a trigger of another sense ends the reach, unless it qualifies what is denied.
    let limit = later
        .iter()
        .filter(|t| {
            t.polarity != trigger.polarity
                && t.reach == Reach::After
                && trigger.polarity != Polarity::Negated
        })
        .map(|t| t.start)
        .next()
        .unwrap_or(piece.end);
    let rest = &sentence[trigger.end..limit];
    let mut end = trigger.end + comma_scope(rest, trigger.polarity, later, trigger.end);
    let scope = &sentence[trigger.end..end];
    let cut = if trigger.polarity == Polarity::Negated {
        and_cut(scope)
    } else {
        WITH_WORD
            .find_iter(scope)
            .map(|m| m.start())
            .find(|&i| i > 0)
    };
    if let Some(cut) = cut {
        end = trigger.end + cut;
    }
    end
}

/// How far a reach goes over commas: over lists, not over a new statement. Offsets relative to `rest`.
fn comma_scope(rest: &str, polarity: Polarity, later: &[Trigger], rest_start: usize) -> usize {
    let commas: Vec<usize> = rest.match_indices(',').map(|(i, _)| i).collect();
    if polarity == Polarity::Historical {
        return commas.first().copied().unwrap_or(rest.len());
    }
    for (n, &comma) in commas.iter().enumerate() {
        let next = commas.get(n + 1).copied().unwrap_or(rest.len());
        let part = &rest[comma + 1..next];
        let first_word = rest_start + comma + 1 + (part.len() - part.trim_start().len());
        let starts_with_trigger = later
            .iter()
            .any(|t| t.start == first_word && t.polarity != polarity);
        let list_goes_on = OR_WORD.is_match(&rest[comma + 1..]);
        let short = part.split_whitespace().count() <= 3
            && !STARTS_ANEW.is_match(part)
            && polarity == Polarity::Negated;
        if starts_with_trigger || has_new_predicate(part) || !(list_goes_on || short) {
            return comma;
        }
    }
    rest.len()
}

fn has_new_predicate(part: &str) -> bool {
    NEW_PREDICATE.find_iter(part).any(|verb| {
        !CLOSES_LIST
            .find_iter(part)
            .any(|c| c.start() == verb.start())
    })
}

/// Where "and" starts a new statement within a denial.
fn and_cut(scope: &str) -> Option<usize> {
    AND_WORD.find_iter(scope).find_map(|m| {
        let (left, right) = (&scope[..m.start()], &scope[m.end()..]);
        let stated = NEW_PREDICATE.is_match(left) && NEW_PREDICATE.is_match(right);
        (stated || STARTS_ANEW.is_match(right) || has_new_predicate(right)).then_some(m.start())
    })
}

/// Whether there is any word beyond light ones.
fn has_content(text: &str) -> bool {
    !ALL_LIGHT.is_match(text)
}

fn priority(polarity: Polarity) -> u8 {
    match polarity {
        Polarity::Affirmed => 0,
        Polarity::Uncertain => 2,
        Polarity::Historical => 1,
        Polarity::Negated => 3,
    }
}

/// Lays the painted ranges over each other and joins neighbours of one polarity.
fn merge(sentence: &str, painted: &[(Range<usize>, Polarity)]) -> Vec<(Range<usize>, Polarity)> {
    let mut cuts: Vec<usize> = painted.iter().flat_map(|(r, _)| [r.start, r.end]).collect();
    cuts.sort_unstable();
    cuts.dedup();
    let mut clauses: Vec<(Range<usize>, Polarity)> = Vec::new();
    for pair in cuts.windows(2) {
        let (start, end) = (pair[0], pair[1]);
        let over = painted
            .iter()
            .filter(|(r, _)| r.start <= start && end <= r.end)
            .map(|(_, p)| *p);
        let Some(polarity) = over.max_by_key(|p| priority(*p)) else {
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
