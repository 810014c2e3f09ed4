//! Words of a query → what is wanted and what is not.

use std::sync::LazyLock;

use regex::{Captures, Regex};

use crate::polarity::split_clauses;
use crate::sentences::split_typed_sentences;
use crate::triggers::{compile, find_triggers};
use crate::{Polarity, east_asian};

/// A query split by polarity.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct QueryWords {
    /// What the user looks for; quoted phrases keep their quotes. Empty when everything was negated.
    pub affirmed: String,
    /// The same, a sentence each, in order.
    pub sentences: Vec<String>,
    /// Each finding the user wants absent, one phrase an entry, without the negating words; in quotes where it was denied
    /// within quotes.
    pub negated: Vec<String>,
}

/// Longest query read, in characters.
pub const MAX_QUERY_CHARS: usize = 4_000;

static QUOTED: LazyLock<Regex> = LazyLock::new(|| compile(r#""[^"]*"|“[^”]*”"#));
static PLACEHOLDER: LazyLock<Regex> = LazyLock::new(|| compile(r"\bquotedphrase(\d+)x\b"));
/// "-word" and "not word" are search-box habits for "without word".
static EXCLUDING: LazyLock<Regex> =
    LazyLock::new(|| compile(r"(^|\s)(?:-(\p{L})|not\s+([\p{L}\d]+))"));
static EDGE_WORDS: LazyLock<Regex> = LazyLock::new(|| {
    compile(concat!(
        r"^(?:(?:but|and|or|nor|however|although|though|yet|except|for|with|there|is|are|a|an|the|any|of|which|shows?|aber|und|oder|mais|et|ou|de|d['’]|pero|y|o|ni|noch)(?:\s+|$)|[\s,;–-]+)+",
        r"|(?:\s+(?:and|or|with|is|are|but|seen|identified|present|visible|noted|found|et|ou|avec|und|oder|mit|y|con)|[\s,;.–-]+)+$",
    ))
});
static LIST_BREAK: LazyLock<Regex> = LazyLock::new(|| {
    compile(r"\s*[,;/]\s*|\s+(?:and/or|or|nor|and|ou|et|ni|oder|und|noch|o|y)\s+")
});

/// Splits a query: "effusion without pneumothorax" wants "effusion" and not "pneumothorax".
///
/// Words of doubt and dating ("possible", "history of") stay words of the query: they lift the sentences that say them.
/// What stands beyond [`MAX_QUERY_CHARS`] is left out.
#[must_use]
pub fn query_words(text: &str) -> QueryWords {
    let text = text
        .char_indices()
        .nth(MAX_QUERY_CHARS)
        .map_or(text, |(end, _)| &text[..end]);
    let phrases: Vec<&str> = QUOTED.find_iter(text).map(|m| m.as_str()).collect();
    let mut next = 0..;
    let hidden = QUOTED.replace_all(text, |_: &Captures<'_>| {
        format!("quotedphrase{}x", next.next().unwrap_or(0))
    });
    let plain = EXCLUDING.replace_all(&hidden, |c: &Captures<'_>| match (c.get(2), c.get(3)) {
        (_, Some(word))
            if matches!(
                word.as_str().to_lowercase().as_str(),
                "only" | "significantly"
            ) =>
        {
            c[0].to_owned()
        }
        (Some(word), _) | (_, Some(word)) => format!("{}without {}", &c[1], word.as_str()),
        _ => c[0].to_owned(),
    });
    let show = |hidden: &str| {
        let shown = PLACEHOLDER.replace_all(hidden, |c: &Captures<'_>| {
            c[1].parse::<usize>()
                .ok()
                .and_then(|n| phrases.get(n))
                .copied()
                .unwrap_or("")
                .to_owned()
        });
        shown.into_owned()
    };
    let mut words = QueryWords::default();
    // Sentence and words of each clause that affirms. A negation ends with its sentence.
    let mut affirmed: Vec<(usize, String)> = Vec::new();
    let east_asian = east_asian::judges(text);
    for (number, range) in split_typed_sentences(&plain).into_iter().enumerate() {
        for part in judged(&plain[range], east_asian) {
            match part {
                Judged::Denied(found) => {
                    words
                        .negated
                        .push(show(&found).replace(['"', '“', '”'], ""));
                }
                Judged::Wanted(found) => {
                    let kept = without_denials(&show(&found), east_asian, &mut words.negated);
                    affirmed.extend((!kept.is_empty()).then_some((number, kept)));
                }
            }
        }
    }
    let same = |a: &(usize, String), b: &(usize, String)| a.0 == b.0;
    let joined = |clauses: &[(usize, String)]| {
        let clauses: Vec<&str> = clauses.iter().map(|(_, words)| words.as_str()).collect();
        clauses.join(" ")
    };
    words.sentences = affirmed.chunk_by(same).map(joined).collect();
    words.affirmed = joined(&affirmed);
    words
}

/// A part of a sentence that is wanted, or a finding that is not.
enum Judged {
    Wanted(String),
    Denied(String),
}

fn judged(sentence: &str, east_asian: bool) -> Vec<Judged> {
    let clauses = match east_asian {
        true => east_asian::split_clauses(sentence, Polarity::Affirmed),
        false => split_clauses(sentence, Polarity::Affirmed),
    };
    let mut parts = Vec::new();
    for (range, polarity) in clauses {
        let clause = &sentence[range];
        if polarity != Polarity::Negated {
            let kept = trim_edges(clause);
            parts.extend((!kept.is_empty()).then_some(Judged::Wanted(kept)));
            continue;
        }
        let denied = match east_asian {
            true => east_asian::denied_findings(clause),
            false => denied_phrases(clause),
        };
        parts.extend(denied.into_iter().map(Judged::Denied));
    }
    parts
}

/// Takes out of quoted phrases what they deny: reports keep it apart from what they affirm, so that "no pneumothorax", word by
/// word, would be found where pneumothorax is affirmed alone. Each part stays a phrase, which is required.
fn without_denials(affirmed: &str, east_asian: bool, negated: &mut Vec<String>) -> String {
    let kept = QUOTED.replace_all(affirmed, |quoted: &Captures<'_>| {
        let parts = judged(quoted[0].trim_matches(['"', '“', '”']), east_asian);
        if !parts.iter().any(|part| matches!(part, Judged::Denied(_))) {
            return quoted[0].to_owned();
        }
        let mut wanted = Vec::new();
        for part in parts {
            match part {
                Judged::Wanted(part) => wanted.push(format!("\"{part}\"")),
                Judged::Denied(part) => negated.push(format!("\"{part}\"")),
            }
        }
        wanted.join(" ")
    });
    kept.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn denied_phrases(clause: &str) -> Vec<String> {
    let mut bare = String::new();
    let mut from = 0;
    for trigger in find_triggers(clause)
        .into_iter()
        .filter(|t| t.polarity == Polarity::Negated)
    {
        bare.push_str(&clause[from..trigger.start]);
        // A trigger between two findings parts them: "no effusion, no pneumothorax".
        bare.push_str(if from == 0 && bare.trim().is_empty() {
            " "
        } else {
            " , "
        });
        from = trigger.end;
    }
    bare.push_str(&clause[from..]);
    LIST_BREAK
        .split(&bare)
        .map(trim_edges)
        .filter(|p| p.chars().any(char::is_alphanumeric))
        .collect()
}

fn trim_edges(text: &str) -> String {
    let folded = text.split_whitespace().collect::<Vec<_>>().join(" ");
    EDGE_WORDS.replace_all(&folded, "").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn affirmed_words_are_given_by_sentence_too() {
        for (query, sentences) in [
            ("lung mass", vec!["lung mass"]),
            ("", vec![]),
            ("No effusion.", vec![]),
            (
                "Mass in the left lung, no effusion. Old fibrosis of 1.5 cm.",
                vec!["Mass in the left lung", "Old fibrosis of 1.5 cm"],
            ),
            (
                "mass in the left lung, no effusion. old fibrosis",
                vec!["mass in the left lung", "old fibrosis"],
            ),
            (
                "effusion without pneumothorax and with rib fractures",
                vec!["effusion rib fractures"],
            ),
            (
                "\"ground glass. here\" of dr. X",
                vec!["\"ground glass. here\" of dr. X"],
            ),
        ] {
            let words = query_words(query);
            assert_eq!(words.sentences, sentences, "{query}");
            assert_eq!(words.sentences.join(" "), words.affirmed, "{query}");
        }
    }

    #[track_caller]
    fn check(query: &str, affirmed: &str, negated: &[&str]) {
        let words = query_words(query);
        assert_eq!(
            (words.affirmed.as_str(), &words.negated[..]),
            (
                affirmed,
                &negated.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>()[..]
            ),
            "{query}"
        );
    }

    #[test]
    fn wanted_and_unwanted_are_parted() {
        check(
            "effusion without pneumothorax",
            "effusion",
            &["pneumothorax"],
        );
        check("no pneumothorax", "", &["pneumothorax"]);
        check("pleural effusion", "pleural effusion", &[]);
        check(
            "no effusion or consolidation",
            "",
            &["effusion", "consolidation"],
        );
        check(
            "no effusion, no consolidation",
            "",
            &["effusion", "consolidation"],
        );
        check(
            "large left effusion but no pneumothorax",
            "large left effusion",
            &["pneumothorax"],
        );
        check("nodule with no calcification", "nodule", &["calcification"]);
        check("no evidence of pleural effusion", "", &["pleural effusion"]);
        check("cardiomegaly -pacemaker", "cardiomegaly", &["pacemaker"]);
        check("effusion NOT pneumothorax", "effusion", &["pneumothorax"]);
        check("pneumothorax absent", "", &["pneumothorax"]);
        check("", "", &[]);
    }

    #[test]
    fn pseudo_negations_and_quotes_stay() {
        check("non-small cell carcinoma", "non-small cell carcinoma", &[]);
        check("no change in nodule", "no change in nodule", &[]);
        check(
            "\"no change in nodule\" chest",
            "\"no change in nodule\" chest",
            &[],
        );
        check(
            "mass without \"pleural effusion\"",
            "mass",
            &["pleural effusion"],
        );
    }

    #[test]
    fn what_a_quoted_phrase_denies_is_denied() {
        check("\"no pneumothorax\"", "", &["\"pneumothorax\""]);
        check(
            "\"no acute disease\" chest",
            "chest",
            &["\"acute disease\""],
        );
        check(
            "“small effusion without pneumothorax”",
            "\"small effusion\"",
            &["\"pneumothorax\""],
        );
        check("\"kein Erguss\"", "", &["\"Erguss\""]);
        check("\"sans épanchement\"", "", &["\"épanchement\""]);
        check("\"无气胸\"", "", &["\"气胸\""]);
        let words = query_words("\"no pneumothorax\"");
        assert_eq!(words.sentences, [] as [&str; 0]);
    }

    #[test]
    fn other_languages() {
        check("opacité sans épanchement", "opacité", &["épanchement"]);
        check("Kardiomegalie ohne Erguss", "Kardiomegalie", &["Erguss"]);
        check("consolidación sin derrame", "consolidación", &["derrame"]);
    }
}
