//! A sentence → its triggers: the words of the [`lexicon`](crate::lexicon) that deny, doubt or date, without those that
//! only look so.

use std::sync::LazyLock;

use regex::Regex;

use crate::Polarity;
use crate::lexicon::{LANGUAGES, Words, any_of};

/// Which words a trigger speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Those after it.
    After,
    /// Those before it, in the same comma part.
    Before,
    /// Both ("is not enlarged").
    Around,
    /// Those after it where it stands before its noun ("une ancienne fracture"), otherwise those before it.
    Beside,
    /// The trigger itself and those after it.
    Onward,
}

/// A trigger found in a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Trigger {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) polarity: Polarity,
    pub(crate) reach: Reach,
}

/// A list of words in one language and what it says.
type Lexicon = Vec<(Regex, Polarity, Reach)>;

static LEXICON: LazyLock<Lexicon> =
    LazyLock::new(|| LANGUAGES.iter().flat_map(|words| lists_of(words)).collect());

/// Of two words as long as each other the earlier list counts: "does not exclude" doubts.
fn lists_of(words: &Words) -> Lexicon {
    use Polarity::{Historical, Negated, Uncertain};
    [
        (words.doubt_after, Uncertain, Reach::After),
        (words.doubt_before, Uncertain, Reach::Before),
        (words.ended_after, Historical, Reach::After),
        (words.ended_before, Historical, Reach::Before),
        (words.ended_beside, Historical, Reach::Beside),
        (words.date_after, Historical, Reach::After),
        (words.date_before, Historical, Reach::Before),
        (words.date_beside, Historical, Reach::Beside),
        (words.done_before, Historical, Reach::Onward),
        (words.deny_before, Negated, Reach::Before),
        (words.deny_after, Negated, Reach::After),
        (words.deny_around, Negated, Reach::Around),
    ]
    .into_iter()
    .filter(|(list, ..)| !list.is_empty())
    .map(|(list, polarity, reach)| (compile(&any_of(list)), polarity, reach))
    .collect()
}

static ENDED: LazyLock<Regex> = LazyLock::new(|| {
    let lists: Vec<String> = LANGUAGES
        .iter()
        .flat_map(|words| [words.ended_after, words.ended_before, words.ended_beside])
        .filter(|list| !list.is_empty())
        .map(any_of)
        .collect();
    compile(&format!("^(?:{})$", lists.join("|")))
});
static PSEUDO: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    LANGUAGES
        .iter()
        .map(|words| compile(&any_of(words.pseudo)))
        .collect()
});

/// Compiles a pattern of this crate's own, whatever the case of the text.
pub(crate) fn compile(pattern: &str) -> Regex {
    Regex::new(&format!("(?i){pattern}")).expect("the crate's own patterns are valid")
}

/// Whether the clause says that what was there has gone.
pub(crate) fn says_ended(clause: &str) -> bool {
    find_triggers(clause)
        .iter()
        .any(|t| t.polarity == Polarity::Historical && ENDED.is_match(&clause[t.start..t.end]))
}

/// All triggers of a sentence in order, none overlapping: of two that overlap the longer one counts.
pub(crate) fn find_triggers(sentence: &str) -> Vec<Trigger> {
    let pseudo: Vec<_> = PSEUDO
        .iter()
        .flat_map(|regex| regex.find_iter(sentence).map(|m| m.range()))
        .collect();
    let mut found: Vec<Trigger> = LEXICON
        .iter()
        .flat_map(|(regex, polarity, reach)| {
            regex.find_iter(sentence).map(|m| Trigger {
                start: m.start(),
                end: m.end(),
                polarity: *polarity,
                reach: *reach,
            })
        })
        .filter(|t| {
            !pseudo
                .iter()
                .any(|p| t.start < p.end && p.start < t.end && !covers(t, p))
        })
        .collect();
    found.sort_by_key(|t| (std::cmp::Reverse(t.end - t.start), t.start));
    let mut kept: Vec<Trigger> = Vec::new();
    for trigger in found {
        if !kept
            .iter()
            .any(|k| trigger.start < k.end && k.start < trigger.end)
        {
            kept.push(trigger);
        }
    }
    kept.sort_by_key(|t| t.start);
    kept
}

/// A trigger that reaches beyond the pseudo-trigger on both sides stands: "cannot be excluded" over "not".
fn covers(trigger: &Trigger, pseudo: &std::ops::Range<usize>) -> bool {
    trigger.start <= pseudo.start
        && pseudo.end <= trigger.end
        && trigger.end - trigger.start > pseudo.len()
}
