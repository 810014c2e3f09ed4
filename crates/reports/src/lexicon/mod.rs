//! The words that deny, doubt or date a finding, a file for each language.
//!
//! English after NegEx and ConText (Chapman et al., J Biomed Inform 2001;34:301; Harkema et al., 2009;42:839), the
//! others after what was published for them (French eds-nlp, Spanish NegEx-MES; German was written without a published
//! list), all widened for radiology and pathology. Entries are patterns in which a space stands for any white space,
//! " ?" for one that may be missing, `{de}` for the French "de" with its articles, and `{end}` for the end of a part.
//! It never judges: what a word reaches is said in `triggers` and `scope`.

mod english;
mod french;
mod german;
mod spanish;
pub(crate) mod symptoms;

/// The words of one language. A list is named by what its words do and by where the words stand that they speak of.
pub(crate) struct Words {
    /// They hold a trigger's words and mean something else.
    pub(crate) pseudo: &'static [&'static str],
    pub(crate) deny_after: &'static [&'static str],
    pub(crate) deny_before: &'static [&'static str],
    pub(crate) deny_around: &'static [&'static str],
    pub(crate) doubt_after: &'static [&'static str],
    pub(crate) doubt_before: &'static [&'static str],
    pub(crate) date_after: &'static [&'static str],
    pub(crate) date_before: &'static [&'static str],
    /// Adjectives that follow their noun, or stand between an article and its noun.
    pub(crate) date_beside: &'static [&'static str],
    /// What was done before, with the word that says so ("after lobectomy"): they date themselves and what follows.
    pub(crate) done_before: &'static [&'static str],
    /// They date, and say that what was there has gone.
    pub(crate) ended_after: &'static [&'static str],
    pub(crate) ended_before: &'static [&'static str],
    pub(crate) ended_beside: &'static [&'static str],
    /// They end every reach; the clause begins with them.
    pub(crate) terminators: &'static [&'static str],
}

/// All languages are tried on every text: reports quote, and queries are too short to tell.
pub(crate) const LANGUAGES: [&Words; 4] = [
    &english::WORDS,
    &french::WORDS,
    &german::WORDS,
    &spanish::WORDS,
];

/// A pattern of all entries of a list, the earlier before the later.
pub(crate) fn any_of(list: &[&str]) -> String {
    let entries: Vec<String> = list.iter().map(|entry| whole_word(entry)).collect();
    entries.join("|")
}

/// An entry as a pattern that begins and ends with a word, where it has one there.
pub(crate) fn whole_word(entry: &str) -> String {
    let starts = entry.starts_with(|c: char| c.is_alphanumeric() || c == '(');
    let ends = !entry.ends_with([']', '.', '$', '}']);
    let pattern = entry
        .replace("{de}", r"(?:de l['’]|de la\b|des\b|du\b|de\b|d['’])")
        .replace("{end}", r"\s*(?:[.,;)]|$)")
        .replace("{ne}", r"\b(?:ne |n['’])")
        .replace(" ?", r"\s*")
        .replace(' ', r"\s+");
    let (before, after) = (
        if starts { r"\b" } else { "" },
        if ends { r"\b" } else { "" },
    );
    format!("{before}(?:{pattern}){after}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_whole_words() {
        let matches = |entry: &str, text: &str| {
            regex::Regex::new(&whole_word(entry)).is_ok_and(|pattern| pattern.is_match(text))
        };
        assert!(matches("no sign of", "with no  sign of air"));
        assert!(!matches("no", "know"));
        assert!(!matches("no", "nodule"));
        assert!(matches("absence {de}", "absence d'épanchement"));
        assert!(matches("absence {de}", "absence de la lésion"));
        assert!(!matches("absence {de}", "absence décrite"));
        assert!(matches(r"z\. ?n\.", "bei z. n. sturz"));
    }
}
