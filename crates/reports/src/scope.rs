//! How far a trigger reaches within its piece of a sentence.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use crate::Polarity;
use crate::lexicon::symptoms::names_complaint;
use crate::triggers::{Reach, Trigger, compile};

/// Words that may stand before a trigger and belong to it.
const LIGHT: &str = concat!(
    r"there|is|are|was|were|be|been|has|have|had|with|shows?|showing|demonstrates?|demonstrating|reveals?|revealing|contains?|containing|exhibits?|displays?|and|or|also|now|currently|again|overall|we|see|the|a|an|this|that|he|she|they|it|in|of|as|at|most|more|less|highly|very|well|some|which|",
    r"il|elle|y|existe|est|sont|avec|on|note|et|ou|qui|zeigt|zeigen|ist|sind|es|findet|finden|sich|und|oder|mit|hay|con|se|observa|observan|muestra|o|que|un|una|une|ein|eine|der|die|das|el|la|los|las|le|les",
);
/// Nouns that carry no finding where they stand alone ("features are suggestive of"), but may elsewhere ("bony changes").
const EMPTY_NOUNS: &str = "findings?|features?|appearances?|changes?|patients?|aspect|hallazgos?|imagen|certainty|confidence|sicherheit|certitude|certeza";
static LIGHT_TAIL: LazyLock<Regex> =
    LazyLock::new(|| compile(&format!(r"(?:\b(?:{LIGHT})(?:\s+|\s*$)|[\s,:(–-]+)+$")));
static ALL_LIGHT: LazyLock<Regex> = LazyLock::new(|| {
    compile(&format!(
        r"^(?:(?:{LIGHT}|{EMPTY_NOUNS})\b|[^\p{{L}}\p{{N}}]+)*$"
    ))
});
/// What stands before an adjective that stands before its noun.
static BEFORE_NOUN: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"(?:^|[\s,:(])(?:a|an|the|this|with|of|for|and|or|no|has|have|had|shows?|known|un|une|le|la|les|l|d|de|des|du|cette|ce|avec|una|el|los|las|del|con|su|por|para|sur|à|y|e|o|et|ou|sans|sin)(?:\s+|['’])$|(?:^|[,:(])\s*$",
    )
});
static STARTS_ANEW: LazyLock<Regex> = LazyLock::new(|| {
    compile(concat!(
        r"^\s*(?:and\s+|et\s+|und\s+|y\s+|sowie\s+)?(?:there|i|we|he|she|it|they|cannot|can|could|may|might|the|an?|its|this|these|both|mild(?:ly)?|moderate(?:ly)?|severe(?:ly)?|small|tiny|large|minimal(?:ly)?|slight(?:ly)?|marked(?:ly)?|extensive|diffuse|scattered|multiple|several|stable|unchanged|persistent|new|increas(?:ed|ing)|decreas(?:ed|ing)|normal|clear|intact|unremarkable|positive|prominent|degenerative|post-?operative|with|known|chronic|trace|subtle|some|few|bilateral|only|consistent|compatible|in\s+keeping|due|related|representing|suggesting|likely|probably|",
        r"une?|les?|la|l['’]|des|discrète?s?|petite?s?|importante?s?|modérée?s?|minimes?|volumineu(?:x|se)|présence|aspect|avec|connue?s?|normale?s?|",
        r"eine?|der|die|das|leichte[rs]?|mäßige[rs]?|kleine[rs]?|große[rs]?|geringe[rs]?|diskrete[rs]?|deutliche[rs]?|bekannte[rs]?|nachweisbare[rns]?|multiple|mehrere|einzelne|normale[rs]?|regelrechte[rs]?|unauffällige[rs]?|mit|zeigt|",
        r"derrame|una?|unos|unas|el|los|las|leves?|moderad[oa]s?|pequeñ[oa]s?|grandes?|discret[oa]s?|marcad[oa]s?|extens[oa]s?|múltiples|sever[oa]s?|importantes?|mínim[oa]s?|conocid[oa]s?|con|se|presencia|normales|conservad[oa]s?)(?:\b|\s)",
    ))
});
/// Part of a history, unlike what else begins anew.
static CHRONIC: LazyLock<Regex> = LazyLock::new(|| compile(r"^\s*(?:and\s+)?chronic\b"));
/// A verb that makes a new statement, and not the "is seen" that closes a list.
static NEW_PREDICATE: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"\b(?:is|are|was|were|has|have|had|does|shows?|showed|demonstrates?|demonstrated|reveals?|revealed|remains?|remained|appears?|appeared|measures?|contains?|extends?|persists?|continues?|est|sont|montre|mesure|présente|persiste|retrouve|ist|sind|war|waren|zeigt|zeigte|zeigen|besteht|misst|weist|está|están|presentaba|presenta|muestra|persiste|persistía|mide|observa|aprecia|objetiva)\b",
    )
});
static CLOSES_LIST: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"\b(?:is|are|was|were|has\s+been|have\s+been)\s+(?:\w+ly\s+)?(?:seen|identified|noted|present|visible|visuali[sz]ed|evident|demonstrated|appreciated|detected|observed|found|apparent|shown|mentioned|reported|described|recorded|documented|elicited|experienced|complained\s+of|palpated|palpable|encountered)\b",
    )
});
static OR_WORD: LazyLock<Regex> =
    LazyLock::new(|| compile(r"\b(?:or|nor|and/or|ou|ni|oder|noch|o|u)\b"));
static JOINED: LazyLock<Regex> =
    LazyLock::new(|| compile(r"\b(?:and|or|nor|et|ou|und|oder|y|o)\b"));
static AND_WORD: LazyLock<Regex> = LazyLock::new(|| compile(r"\s(?:and|et|und|y|sowie)\s"));
static STARTS_WITH_AND: LazyLock<Regex> =
    LazyLock::new(|| compile(r"^\s*(?:and|et|und|y|e|sowie)\s"));
/// Triggers that a list follows ("history of A, B and C", "rule out A and B").
static TAKES_LIST: LazyLock<Regex> = LazyLock::new(|| {
    compile(concat!(
        r"^(?:.*\bhistory\b|h/o|p?m?hx?\b|pmh|psh|ant[eé]c|atcd|rule\s+out|r/o|evaluat|assess|differential|d/?dx|dd\b|query|.*underg|underwent|",
        r".*vorgeschichte|vorerkrank|.*anamnese|.*recherche|éliminer|rechercher|zum\s+ausschl|.*descartar|.*diferencial|historia|intervenid|operad|sometid)",
        r"|\b(?:for|of|auf|para|entre)$",
    ))
});
/// Requests and histories, whose lists need no closing "and".
static OPEN_LIST: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"^(?:rule\s+out|r/o|query|d/?dx|dd\b|antec|antéc|atcd|pmh|psh|vorerkrank|.*vorgeschichte|.*\b(?:past|medical|surgical)\b.*history)",
    )
});
static HISTORY: LazyLock<Regex> = LazyLock::new(|| compile(r"\bhistory\b|h/o|\bhx\b"));
/// Words that date or doubt every noun joined by "and" ("healed rib and hip fractures").
static JOINS_ALL: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"^(?:healed|old|status.*|s/p|st\.?\s?[pn]\.|z\.\s?n\.|zn|zustand.*|état.*|statut.*|post.*)$",
    )
});
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
    compile(concat!(
        r"\b(?:who|presents?|presenting|presented|admitted|complain(?:s|ing)|comes|came|now|currently|today|here|with|showing|demonstrating|revealing|is|has|reports|the\s+patient|he|she|there|developed|remains?|",
        r"avec|qui|actuellement|adressée?|consulte|consultant|consultait|présentant|présentait|vue?\s+pour|présente|montrant|révélant|retrouvant|le\s+patient|la\s+patiente|était|mit|wurde|kam|zeigte|zeigt|besteht|fand|aktuell|jetzt|derzeit|nun|kommt|con|que|quien|acude|consulta|presenta|ingresa|el\s+paciente|la\s+paciente|presentó|presentaba|persiste|se\s+(?:observ|apreci|objetiv|visualiz)\w+|actualmente)\b",
    ))
});
/// What follows a request once it is answered ("evaluation for embolism showed").
static ANSWERS: LazyLock<Regex> = LazyLock::new(|| {
    compile(r"\b(?:shows?|showed|reveal(?:s|ed)|demonstrate[sd]?|was|were|is|are|given|due\s+to)\b")
});
static REQUEST: LazyLock<Regex> = LazyLock::new(|| compile(r"\bfor$|^exclude|^rule"));
static FOR_WORD: LazyLock<Regex> =
    LazyLock::new(|| compile(r"\b(?:for|of|pour|wegen|bei|por|de)\b"));
static LIST_AND: LazyLock<Regex> =
    LazyLock::new(|| compile(r"\b(?:and|or|et|ou|und|oder|sowie|y|e|o|u)\s"));
static WITH_WORD: LazyLock<Regex> =
    LazyLock::new(|| compile(r"\s(?:with|and|avec|et|mit|und|con|y)\s"));
static VERSUS: LazyLock<Regex> = LazyLock::new(|| compile(r"^(?:versus|vs|frente)"));

static DENIES_VERB: LazyLock<Regex> = LazyLock::new(|| compile(r"^(?:do|does|did)\b"));
static RELATIVE: LazyLock<Regex> = LazyLock::new(|| compile(r"\b(?:which|that|who|qui|que)\b"));

/// The words of `piece` that its trigger at `index` speaks of.
pub(crate) fn reach_of(
    sentence: &str,
    piece: &Range<usize>,
    triggers: &[Trigger],
    index: usize,
) -> Range<usize> {
    let (trigger, later) = (&triggers[index], &triggers[index + 1..]);
    let reach = direction(sentence, piece, trigger);
    let mut start = match reach {
        Reach::After | Reach::Onward => left_of_after(sentence, piece, trigger),
        _ => part_start(sentence, piece, trigger.start, reach),
    };
    let is_versus = VERSUS.is_match(&sentence[trigger.start..trigger.end]);
    if is_versus {
        let doubted = triggers[..index]
            .iter()
            .rfind(|t| t.reach == Reach::After)
            .map_or(piece.start, |t| t.end);
        start = start.max(doubted);
    }
    let end = match reach {
        Reach::After | Reach::Around | Reach::Onward => scope_end(sentence, piece, trigger, later),
        _ => tail_end(sentence, piece, trigger),
    };
    within_brackets(sentence, trigger, reach, start..end)
}

/// What is said within brackets is not said of what stands around them, but for a word that stands there alone
/// ("fracture (healed)").
fn within_brackets(
    sentence: &str,
    trigger: &Trigger,
    reach: Reach,
    reached: Range<usize>,
) -> Range<usize> {
    let (before, after) = (&sentence[..trigger.start], &sentence[trigger.end..]);
    let opened = before
        .rfind('(')
        .filter(|open| !before[*open..].contains(')'));
    let closed = after
        .find(')')
        .filter(|close| !after[..*close].contains('('));
    let (Some(open), Some(close)) = (opened, closed) else {
        return reached;
    };
    let start = match reach {
        Reach::Before | Reach::Around if has_content(&before[open + 1..]) => open + 1,
        _ => 0,
    };
    let end = match has_content(&sentence[open + 1..trigger.start]) || has_content(&after[..close])
    {
        true => trigger.end + close,
        false => sentence.len(),
    };
    reached.start.max(start)..reached.end.min(end).max(trigger.end)
}

/// Where a trigger points, given what stands on either side of it.
fn direction(sentence: &str, piece: &Range<usize>, trigger: &Trigger) -> Reach {
    let before = &sentence[piece.start..trigger.start];
    let after = &sentence[trigger.end..piece.end];
    let part_after = match trigger.polarity {
        Polarity::Negated => after,
        _ => after.split([',', ')', ']']).next().unwrap_or(after),
    };
    match trigger.reach {
        Reach::Beside if BEFORE_NOUN.is_match(before) && has_content(part_after) => Reach::After,
        Reach::Beside | Reach::Before if !has_content(before) => Reach::After,
        Reach::Beside => Reach::Before,
        Reach::Before if in_part(before).is_empty() && has_content(part_after) => Reach::After,
        // "A hernia, no other findings" denies nothing that was named before the comma.
        Reach::After if trigger.polarity == Polarity::Negated && in_part(before).is_empty() => {
            Reach::After
        }
        // "The ulcer does not heal" denies that it heals.
        Reach::After if DENIES_VERB.is_match(&sentence[trigger.start..trigger.end]) => Reach::After,
        Reach::After if !has_content(part_after) && has_content(before) => Reach::Before,
        other => other,
    }
}

/// What stands after the last comma.
fn in_part(before: &str) -> &str {
    before.rsplit(',').next().unwrap_or(before).trim()
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
fn part_start(sentence: &str, piece: &Range<usize>, at: usize, reach: Reach) -> usize {
    let before = &sentence[piece.start..at];
    // A part that names nothing ("a stroke, two years ago") belongs to the one before it.
    let named = match before.rfind(',') {
        Some(comma) if reach == Reach::Before && !has_content(&before[comma + 1..]) => {
            &before[..comma]
        }
        _ => before,
    };
    let start = match named.rfind(',') {
        None => 0,
        Some(comma)
            if JOINED.is_match(&before[comma + 1..])
                && !NEW_PREDICATE.is_match(&before[..comma]) =>
        {
            0
        }
        Some(comma) => comma + 1,
    };
    // "A lesion which is not calcified" is there.
    if let Some(relative) = RELATIVE.find_iter(&before[start..]).last()
        && reach == Reach::Around
    {
        return piece.start + start + relative.start();
    }
    // "There is an effusion and pneumothorax is not seen": what states something by itself is not reached.
    let part = &before[start..];
    let joined = AND_WORD
        .find_iter(part)
        .filter(|and| NEW_PREDICATE.is_match(&part[..and.start()]))
        .filter(|and| has_content(&part[and.end()..]))
        .last()
        .map_or(0, |and| and.start());
    piece.start + start + joined
}

/// The end of what belongs to a trigger that speaks of what stands before it.
fn tail_end(sentence: &str, piece: &Range<usize>, trigger: &Trigger) -> usize {
    if sentence[..trigger.end].ends_with([',', ';', ')']) {
        return trigger.end;
    }
    let after = &sentence[trigger.end..piece.end];
    let part = &after[..after.find(',').unwrap_or(after.len())];
    let is_versus = VERSUS.is_match(&sentence[trigger.start..trigger.end]);
    let turn = WITH_WORD
        .find_iter(part)
        .find(|m| has_content(&part[m.end()..]) && !(is_versus && LIST_AND.is_match(m.as_str())));
    trigger.end + turn.map_or(part.len(), |m| m.start())
}

fn scope_end(sentence: &str, piece: &Range<usize>, trigger: &Trigger, later: &[Trigger]) -> usize {
    // "No pneumonia suggesting …": a trigger of another sense ends the reach, unless it qualifies what is denied.
    let limit = later
        .iter()
        .filter(|t| t.polarity != trigger.polarity && t.reach == Reach::After)
        .filter(|t| has_content(&sentence[trigger.end..t.start]))
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
        let is_open = OPEN_LIST.is_match(words) || HISTORY.is_match(words) && commas.len() > 1;
        return list_scope(rest, &commas, is_open);
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
        let closes = STARTS_WITH_AND.is_match(part) && part.split_whitespace().count() <= 6;
        let short = (part.split_whitespace().count() <= 3 || closes)
            && !STARTS_ANEW.is_match(part)
            && denies;
        if starts_with_trigger || has_new_predicate(part) || !(list_goes_on || short) {
            return comma;
        }
    }
    rest.len()
}

/// The end of a list of findings that a word closes ("A, B and C"); of an open list also without one.
fn list_scope(rest: &str, commas: &[usize], is_open: bool) -> usize {
    let mut end = commas.first().copied().unwrap_or(rest.len());
    for (n, &comma) in commas.iter().enumerate() {
        let next = commas.get(n + 1).copied().unwrap_or(rest.len());
        let part = &rest[comma + 1..next];
        let closes = LIST_AND.is_match(part);
        let longest = if closes { 12 } else { 6 };
        let turn = TURNS_TO_NOW.find(part).map_or(part.len(), |m| m.start());
        if part[..turn].split_whitespace().count() > longest
            || STARTS_ANEW.is_match(part) && !CHRONIC.is_match(part)
            || !has_content(&part[..turn])
            || names_complaint(part)
        {
            break;
        }
        if closes {
            return next;
        }
        if is_open {
            end = next;
        }
    }
    end
}

/// Where a word within a dating or doubting reach turns to something else.
fn join_cut(words: &str, trigger: &Trigger, scope: &str) -> Option<usize> {
    let is_past = trigger.polarity == Polarity::Historical;
    let joins_all = TAKES_LIST.is_match(words) || JOINS_ALL.is_match(words);
    let joined = WITH_WORD.find_iter(scope).find(|m| {
        let right = &scope[m.end()..];
        // "and embolism who was discharged": what comes after the turn says nothing of the list.
        let turn = TURNS_TO_NOW.find(right).filter(|_| is_past);
        let right = &right[..turn.map_or(right.len(), |turn| turn.start())];
        let goes_on = AND_WORD.is_match(m.as_str())
            && (joins_all || is_past && FOR_WORD.is_match(&scope[..m.start()]))
            && !STARTS_ANEW.is_match(right)
            && !has_new_predicate(right);
        m.start() > 0 && !goes_on
    });
    let turns = TURNS_TO_NOW.find(scope).filter(|_| is_past);
    let answers = ANSWERS
        .find(scope)
        .filter(|m| REQUEST.is_match(words) && has_content(&scope[..m.start()]));
    [joined, turns, answers]
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
pub(crate) fn has_content(text: &str) -> bool {
    !ALL_LIGHT.is_match(text)
}
