//! Question–answer texts ("Is there a pneumothorax? No Where is the mass? Left lung") → one clause per pair.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use crate::Polarity;
use crate::polarity::split_clauses;
use crate::sentences::MAX_SENTENCE_BYTES;

const ASKING: &str = r"(?:Is|Are|Was|Were|Do|Does|Did|Has|Have|Had|Can|Could|Would|Should|Where|What|Which|How|Who|Whose|Why|When|Any|In\s+(?:what|which)|On\s+(?:what|which)|Of\s+what|Name|Describe)\b";
static OPENS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(&format!(r"^\s*(?i:{ASKING})")).expect("the crate's own patterns are valid")
});
static NEXT_CAPITAL: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(&format!(r"\s({ASKING})")).expect("the crate's own patterns are valid")
});
static NEXT_ANY: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(&format!(r"\s((?i:{ASKING}|there\s+is|the\b))"))
        .expect("the crate's own patterns are valid")
});
static NEGATIVE: LazyLock<Regex> = LazyLock::new(|| {
    crate::triggers::compile(r"^\s*(?:no|none|nope|not|nein|non|negative|absent)\b")
});
static POSITIVE: LazyLock<Regex> =
    LazyLock::new(|| crate::triggers::compile(r"^\s*(?:yes|yeah|ja|oui|sí)\b"));
static UNSURE: LazyLock<Regex> = LazyLock::new(|| {
    crate::triggers::compile(
        r"^\s*(?:maybe|possibly|probably|unclear|uncertain|cannot|can['’]?t|unsure|likely|not\s+(?:sure|certain))\b",
    )
});

/// The pairs of a body that is written as questions and answers, or `None` where it is not.
pub(crate) fn split_pairs(body: &str) -> Option<Vec<(Range<usize>, Polarity)>> {
    let marks: Vec<usize> = body.match_indices('?').map(|(i, _)| i).collect();
    let first = *marks.first()?;
    if !OPENS.is_match(body) || body[first + 1..].trim().is_empty() {
        return None;
    }
    let mut pairs = Vec::with_capacity(marks.len());
    let mut question_start = 0;
    for (n, &mark) in marks.iter().enumerate() {
        let answer_end = match marks.get(n + 1) {
            Some(&next) => mark + 1 + next_question(&body[mark + 1..next]),
            None => body.len(),
        };
        let answer = &body[mark + 1..answer_end];
        let question = &body[question_start..mark];
        if question.chars().any(char::is_alphanumeric) {
            pairs.push((
                trimmed(body, question_start..answer_end),
                judge(question, answer),
            ));
        }
        question_start = answer_end;
    }
    Some(pairs)
}

/// Where the next question starts in `between`, the text from one question mark to the next.
fn next_question(between: &str) -> usize {
    let lead = between.len() - between.trim_start().len();
    let short = NEGATIVE.find(between).or_else(|| POSITIVE.find(between));
    let from = short.map_or(lead, |m| m.end());
    // Without an answer the question starts at once: "Is it left? Is it right? Yes".
    if short.is_none()
        && NEXT_CAPITAL
            .find(between)
            .is_some_and(|m| m.start() + 1 == lead)
    {
        return lead;
    }
    let capital = NEXT_CAPITAL.captures_iter(&between[from..]).last();
    let found = capital.or_else(|| NEXT_ANY.captures(&between[from..]));
    found
        .and_then(|c| c.get(1))
        .map_or(from, |m| from + m.start())
}

fn judge(question: &str, answer: &str) -> Polarity {
    if answer.trim().is_empty() || UNSURE.is_match(answer) {
        return Polarity::Uncertain;
    }
    let is_short = question.len() <= MAX_SENTENCE_BYTES;
    let denied = is_short
        && split_clauses(question, Polarity::Affirmed)
            .iter()
            .any(|(_, p)| *p == Polarity::Negated);
    match (NEGATIVE.is_match(answer), POSITIVE.is_match(answer)) {
        (true, _) if denied => Polarity::Affirmed,
        (true, _) => Polarity::Negated,
        (_, true) if denied => Polarity::Negated,
        _ => Polarity::Affirmed,
    }
}

fn trimmed(body: &str, range: Range<usize>) -> Range<usize> {
    let text = &body[range.clone()];
    let start = range.start + (text.len() - text.trim_start().len());
    start..start + body[start..range.end].trim_end().len()
}
