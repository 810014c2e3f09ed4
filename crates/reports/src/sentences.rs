//! A section's body → sentence ranges. Survives abbreviations, decimals, initials, lists and hard-wrapped lines.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use crate::east_asian::is_east_asian;
use crate::triggers::compile;

const ABBREVIATIONS: &[&str] = &[
    "dr",
    "drs",
    "mr",
    "mrs",
    "ms",
    "prof",
    "st",
    "e.g",
    "i.e",
    "eg",
    "ie",
    "vs",
    "approx",
    "ca",
    "fig",
    "no",
    "nos",
    "resp",
    "incl",
    "cf",
    "al",
    "dept",
    "z.b",
    "bzw",
    "ggf",
    "z.n",
    "v.a",
    "o.b",
    "evtl",
    "inkl",
    "li",
    "re",
    "bds",
    "u.a",
    "d.h",
    "usw",
    "max",
    "min",
    "sog",
    "mme",
    "mlle",
    "sr",
    "sra",
    "p.ej",
    "p.ex",
    "z",
    "v",
    "d",
    "u",
    "o",
    "a.e",
    "pt",
    "hx",
    "st.p",
    "z.t",
    "a",
    "n",
    "p",
    "b",
    "h",
    "e",
    "i",
    "susp",
    "dg",
    "atcd",
    "bzgl",
    "lat",
    "inf",
    "sup",
    "dx",
    "ddx",
    "abd",
    "rad",
    // German reports shorten any adjective. Those that stand before their noun; "unauff." and "lks." end sentences.
    "signifik",
    "signif",
    "rez",
    "rezid",
    "fragl",
    "frgl",
    "thromb",
    "path",
    "pathol",
    "chron",
    "akt",
    "diskr",
    "deutl",
    "beids",
    "beidseit",
    "hochgr",
    "mittelgr",
    "geringgr",
    "leichtgr",
    "hgr",
    "mgr",
    "ggr",
    "ger",
    "dors",
    "ventr",
    "prox",
    "dist",
    "ant",
    "pulm",
    "kard",
    "ven",
    "degen",
    "entz",
    "entzündl",
    "metast",
    "zust",
    "insb",
    "insbes",
    "entspr",
    "bek",
    "vorbek",
    "vorbesteh",
    "parenchymersetz",
    "raumford",
    "intrahep",
    "extrahep",
    "arter",
    "subk",
    "multipl",
    "kl",
    "hist",
    "histol",
    "klin",
    "radiol",
    "sonogr",
    "neurol",
    "chir",
    "gyn",
    "postop",
    "präop",
    "intraop",
    "konserv",
    "altersentspr",
    "o.g",
    "s.o",
    "i.s",
    "i.s.d",
    "i.r",
    "m.e",
    "v.d",
    "v.d.a",
    "f.n",
    "z.a",
    "st.n",
    "wg",
    "bes",
    "sek",
    "prim",
    "ausgepr",
    // Shorthand of the other languages.
    "bilat",
    "mod",
    "eval",
    "poss",
    "prob",
    "assoc",
    "esp",
    "aprox",
    "dcho",
    "dcha",
    "izq",
    "izqdo",
    "izqda",
    "gche",
    "dte",
    "méd",
];
static LIST_MARK: LazyLock<Regex> =
    LazyLock::new(|| compile(r"^\s*(?:[-*•·–]\s+|\(?\d{1,2}[.)]\s+|[a-z]\)\s+)"));
/// Lines at least this long are taken for wrapped when the next line goes on.
const WRAPPED_LINE_CHARS: usize = 50;

/// Longest sentence, in bytes; a single word may be longer.
pub(crate) const MAX_SENTENCE_BYTES: usize = 2_000;

/// Ranges of the sentences of `body`, trimmed, without list marks, in order.
pub(crate) fn split_sentences(body: &str) -> Vec<Range<usize>> {
    split(body, false)
}

/// The same of what somebody typed into a search box, where a sentence may begin with a small letter.
pub(crate) fn split_typed_sentences(text: &str) -> Vec<Range<usize>> {
    split(text, true)
}

fn split(body: &str, may_begin_small: bool) -> Vec<Range<usize>> {
    let mut ranges = Vec::new();
    let mut start = 0;
    for (at, c) in body.char_indices() {
        let next = at + c.len_utf8();
        let ends = match c {
            '.' => ends_at_full_stop(body, start, at, may_begin_small),
            // "? pneumonia" asks with the mark before the word.
            '!' | '?' => {
                body[start..at].contains(char::is_alphanumeric)
                    && body[next..].chars().next().is_none_or(char::is_whitespace)
            }
            '。' | '｡' | '！' | '？' | '；' => true,
            '\n' => ends_at_line(&body[..at], &body[next..]),
            _ => false,
        };
        // A text without stops is cut at a word, or in a script without spaces anywhere: work on a sentence grows faster than its length.
        let may_cut = c.is_whitespace() || is_east_asian(c);
        let is_overlong = may_cut && at - start > MAX_SENTENCE_BYTES;
        if ends || is_overlong {
            push_trimmed(body, start..next, &mut ranges);
            start = next;
        }
    }
    push_trimmed(body, start..body.len(), &mut ranges);
    ranges
}

fn ends_at_full_stop(body: &str, start: usize, at: usize, may_begin_small: bool) -> bool {
    let word = body[start..at]
        .rsplit(|c: char| c.is_whitespace() || c == '(')
        .next()
        .unwrap_or("");
    let rest = &body[at + 1..];
    let Some(following) = rest.chars().next() else {
        return true;
    };
    if !following.is_whitespace() {
        // "effusion.No": two sentences run together.
        let second_is_lower = rest.chars().nth(1).is_some_and(char::is_lowercase);
        return following.is_uppercase()
            && second_is_lower
            && word.chars().count() > 3
            && !word.contains('.');
    }
    let is_list_number = word.chars().all(|c| c.is_ascii_digit()) && body[start..at].trim() == word;
    let is_initial = word.chars().count() == 1 && word.chars().all(char::is_uppercase);
    let is_abbreviation = ABBREVIATIONS.contains(&word.to_lowercase().as_str());
    // An abbreviation may also be a sentence's last word; it counts as that before a new line.
    if (is_list_number || is_initial || is_abbreviation) && following != '\n' {
        return false;
    }
    let begins_small = rest.trim_start().starts_with(char::is_lowercase);
    may_begin_small || !begins_small || rest.starts_with("\n\n")
}

fn ends_at_line(before: &str, after: &str) -> bool {
    let line = before.rsplit('\n').next().unwrap_or("").trim();
    let next_line = after.split('\n').next().unwrap_or("");
    let next = next_line.trim_start();
    if line.is_empty() || next.is_empty() || LIST_MARK.is_match(next_line) {
        return true;
    }
    if line.ends_with([',', '-', '(']) || next.starts_with(char::is_lowercase) {
        return false;
    }
    line.ends_with(':') || line.chars().count() < WRAPPED_LINE_CHARS
}

fn push_trimmed(body: &str, range: Range<usize>, ranges: &mut Vec<Range<usize>>) {
    let mut start = range.start;
    let text = &body[range.clone()];
    if let Some(mark) = LIST_MARK.find(text) {
        start += mark.end();
    }
    let text = &body[start..range.end];
    start += text.len() - text.trim_start().len();
    let end = start + body[start..range.end].trim_end().len();
    if body[start..end].chars().any(char::is_alphanumeric) {
        ranges.push(start..end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(body: &str) -> Vec<&str> {
        split_sentences(body)
            .into_iter()
            .map(|r| &body[r])
            .collect()
    }

    #[test]
    fn full_stops_that_end_nothing_are_kept() {
        assert_eq!(
            split("Seen by Dr. Smith, e.g. a 3.5 cm mass. No effusion vs. prior. J. Doe reported."),
            [
                "Seen by Dr. Smith, e.g. a 3.5 cm mass.",
                "No effusion vs. prior.",
                "J. Doe reported."
            ]
        );
        assert_eq!(
            split("Keine signifik. Mediastinalverlagerung. Z.n. rez. Lungenembolie."),
            [
                "Keine signifik. Mediastinalverlagerung.",
                "Z.n. rez. Lungenembolie."
            ]
        );
        assert_eq!(
            split("Small effusion.No pneumothorax."),
            ["Small effusion.", "No pneumothorax."]
        );
    }

    #[test]
    fn lists_and_wrapped_lines() {
        assert_eq!(
            split("1. Small effusion.\n2. No pneumothorax\n- Stable nodule"),
            ["Small effusion.", "No pneumothorax", "Stable nodule"]
        );
        assert_eq!(
            split(
                "There is a large right-sided pleural effusion with adjacent\natelectasis of the lower lobe.\nNext."
            ),
            [
                "There is a large right-sided pleural effusion with adjacent\natelectasis of the lower lobe.",
                "Next."
            ]
        );
        assert!(split(" \n . \n").is_empty());
    }
}
