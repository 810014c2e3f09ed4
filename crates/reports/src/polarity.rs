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
        r"\b(?:but|however|although|though|yet|whereas|nevertheless|except(?:\s+for)?|with\s+the\s+exception\s+of|aside\s+from|apart\s+from|other\s+than|besides|while|because)\b",
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
/// Triggers that a list follows ("history of A, B and C", "rule out A and B").
static TAKES_LIST: LazyLock<Regex> = LazyLock::new(|| {
    compile(r"^(?:.*\bhistory\b|h/o|hx|ant[eé]c|rule\s+out|r/o|evaluat|assess|differential|query)")
});
/// Requests, whose lists need no closing "and".
static REQUESTS: LazyLock<Regex> = LazyLock::new(|| compile(r"^(?:rule\s+out|r/o|query)"));
/// Adjectives that date every noun joined by "and" ("healed rib and hip fractures").
static DATING_ADJECTIVE: LazyLock<Regex> = LazyLock::new(|| compile(r"^(?:healed|old)$"));
/// A phrase, not an adjective, that begins the telling of what was before.
static TELLS_PAST: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?:\bof|\bpost|s/p|h/o|\bp\.|\bn\.|\bnach|\baprès|antécédents?(?:\s+d.*)?|antecedentes?.*)$",
    )
});
static ENDS_IN_OR: LazyLock<Regex> =
    LazyLock::new(|| compile(r"\b(?:or|nor|ou|ni|oder|noch|o|u)\s*$"));
/// What turns from the past to the present.
static TURNS_TO_NOW: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"\b(?:who|presents?|presenting|presented|admitted|now\s+with|with|avec|mit|con|qui|que|quien)\b",
    )
});
/// "It is not excluded": the doubt is of what was named before.
static PRONOUN: LazyLock<Regex> =
    LazyLock::new(|| compile(r"\b(?:it|this|these|they|dies|diese|elle|il|celle-ci|celui-ci)\s*$"));
static FOR_WORD: LazyLock<Regex> = LazyLock::new(|| compile(r"\b(?:for|pour|wegen|bei|por)\b"));
static LIST_AND: LazyLock<Regex> =
    LazyLock::new(|| compile(r"\b(?:and|or|et|ou|und|oder|sowie|y|e|o|u)\s"));
static WITH_WORD: LazyLock<Regex> = LazyLock::new(|| compile(r"\s(?:with|and|avec|mit|con)\s"));

/// Clauses of `sentence` in order, together covering all of its words; `base` holds where no trigger reaches.
pub(crate) fn split_clauses(sentence: &str, base: Polarity) -> Vec<(Range<usize>, Polarity)> {
    if east_asian::judges(sentence) {
        return east_asian::split_clauses(sentence, base);
    }
    let mut painted: Vec<Paint> = Vec::new();
    let triggers = find_triggers(sentence);
    let mut earlier = 0..0;
    for piece in pieces(sentence) {
        let inside: Vec<Trigger> = triggers
            .iter()
            .copied()
            .filter(|t| piece.start <= t.start && t.end <= piece.end)
            .collect();
        for (i, trigger) in inside.iter().enumerate() {
            let range = reach_of(sentence, &piece, trigger, &inside[i + 1..]);
            painted.push(Paint::of(range, trigger.polarity));
            if doubts_earlier(&sentence[piece.start..trigger.start], trigger) {
                painted.push(Paint {
                    range: earlier.clone(),
                    polarity: Polarity::Uncertain,
                    priority: OVERRIDE,
                });
            }
        }
        if inside.is_empty() && !has_content(&sentence[piece.clone()]) {
            continue;
        }
        painted.push(Paint::of(piece.clone(), base));
        earlier = piece;
    }
    painted.retain(|paint| !paint.range.is_empty());
    merge(sentence, &painted)
}

/// "A fracture is not visible, yet it is not excluded": whether the doubt is of the piece before.
fn doubts_earlier(before: &str, trigger: &Trigger) -> bool {
    trigger.polarity == Polarity::Uncertain
        && trigger.reach == Reach::Before
        && before.split_whitespace().count() <= 3
        && PRONOUN.is_match(before)
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
        .filter(|t| t.polarity != trigger.polarity && t.reach == Reach::After)
        .find(|t| trigger.polarity != Polarity::Negated || tells_past(sentence, trigger.end, t))
        .map_or(piece.end, |t| t.start);
    let rest = &sentence[trigger.end..limit];
    let end = trigger.end + comma_scope(sentence, rest, trigger, later);
    let scope = &sentence[trigger.end..end];
    let cut = if trigger.polarity == Polarity::Negated {
        and_cut(scope)
    } else {
        join_cut(&sentence[trigger.start..trigger.end], trigger, scope)
    };
    cut.map_or(end, |cut| trigger.end + cut)
}

/// "No fracture, status post nephrectomy": whether `later` begins to tell what was before, after the denial from `from`.
fn tells_past(sentence: &str, from: usize, later: &Trigger) -> bool {
    let between = &sentence[from..later.start];
    later.polarity == Polarity::Historical
        && TELLS_PAST.is_match(&sentence[later.start..later.end])
        && has_content(between)
        && !ENDS_IN_OR.is_match(between)
}

/// How far a reach goes over commas: over lists, not over a new statement. Offsets relative to `rest`.
fn comma_scope(sentence: &str, rest: &str, trigger: &Trigger, later: &[Trigger]) -> usize {
    let commas: Vec<usize> = rest.match_indices(',').map(|(i, _)| i).collect();
    let first = commas.first().copied().unwrap_or(rest.len());
    let words = &sentence[trigger.start..trigger.end];
    let denies = trigger.polarity == Polarity::Negated;
    if !denies && TAKES_LIST.is_match(words) {
        return list_scope(rest, &commas, REQUESTS.is_match(words));
    }
    if trigger.polarity == Polarity::Historical {
        return first;
    }
    for (n, &comma) in commas.iter().enumerate() {
        let next = commas.get(n + 1).copied().unwrap_or(rest.len());
        let part = &rest[comma + 1..next];
        let first_word = trigger.end + comma + 1 + (part.len() - part.trim_start().len());
        let starts_with_trigger = later
            .iter()
            .any(|t| t.start == first_word && t.polarity != trigger.polarity);
        let list_goes_on = OR_WORD.is_match(&rest[comma + 1..]);
        let short = part.split_whitespace().count() <= 3 && !STARTS_ANEW.is_match(part) && denies;
        if starts_with_trigger || has_new_predicate(part) || !(list_goes_on || short) {
            return comma;
        }
    }
    rest.len()
}

/// The end of a list of findings that a word closes ("A, B and C"); of a request's list also without one.
fn list_scope(rest: &str, commas: &[usize], is_request: bool) -> usize {
    let mut end = commas.first().copied().unwrap_or(rest.len());
    for (n, &comma) in commas.iter().enumerate() {
        let next = commas.get(n + 1).copied().unwrap_or(rest.len());
        let part = &rest[comma + 1..next];
        let closes = LIST_AND.is_match(part);
        let longest = if closes { 12 } else { 5 };
        if part.split_whitespace().count() > longest
            || STARTS_ANEW.is_match(part)
            || has_new_predicate(part)
            || TURNS_TO_NOW.is_match(part)
        {
            break;
        }
        if closes {
            return next;
        }
        if is_request {
            end = next;
        }
    }
    end
}

/// Where a word within a dating or doubting reach turns to something else.
fn join_cut(words: &str, trigger: &Trigger, scope: &str) -> Option<usize> {
    let is_past = trigger.polarity == Polarity::Historical;
    let joins_all = TAKES_LIST.is_match(words) || DATING_ADJECTIVE.is_match(words);
    let joined = WITH_WORD.find_iter(scope).find(|m| {
        let right = &scope[m.end()..];
        let goes_on = AND_WORD.is_match(m.as_str())
            && (joins_all || is_past && FOR_WORD.is_match(&scope[..m.start()]))
            && !STARTS_ANEW.is_match(right)
            && !has_new_predicate(right);
        m.start() > 0 && !goes_on
    });
    let turns = TURNS_TO_NOW.find(scope).filter(|_| is_past);
    [joined, turns]
        .into_iter()
        .flatten()
        .map(|m| m.start())
        .min()
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

/// Above every other: a doubt that names what was said before.
const OVERRIDE: u8 = 4;

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
