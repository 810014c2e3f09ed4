//! What a label or a title says: that something is there, that it is not, or that nobody knows. Words find it as they find
//! sentences of a report: "pneumothorax" must not find the label "no pneumothorax", nor a table's "pneumothorax: 0".

use casekin_reports::{Polarity, analyse, query_words};

/// Values of a table's column that say that what the column names is absent.
const ABSENT: [&str; 14] = [
    "0", "0.0", "no", "n", "none", "false", "absent", "negative", "neg", "non", "nein", "nicht",
    "ausente", "negativ",
];
/// Values that leave it open; -1 is CheXpert's (Irvin et al. 2019).
const OPEN: [&str; 9] = [
    "-1",
    "-1.0",
    "uncertain",
    "unclear",
    "possible",
    "equivocal",
    "indeterminate",
    "suspected",
    "?",
];

/// A text in parts, each as it was written.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) affirmed: Vec<String>,
    pub(crate) denied: Vec<String>,
    pub(crate) uncertain: Vec<String>,
}

/// Parts a label, "column: value" of a manifest included.
pub(crate) fn said_by_label(label: &str) -> Said {
    let mut said = Said::default();
    let value = label
        .rsplit_once(": ")
        .map(|(_, value)| value.trim().to_lowercase());
    match value.as_deref() {
        Some(value) if ABSENT.contains(&value) => said.denied.push(label.to_owned()),
        Some(value) if OPEN.contains(&value) => said.uncertain.push(label.to_owned()),
        _ => return said_by_words(label),
    }
    said
}

/// Parts a text by its words. What stands as a whole or in the past stays affirmed, and so does a negation behind what it
/// is of, for it is mostly part of a name: "HER2 negative carcinoma".
pub(crate) fn said_by_words(text: &str) -> Said {
    let mut said = Said::default();
    for clause in analyse(text).sentences {
        match clause.polarity {
            Polarity::Negated if denies_from_its_start(&clause.text) => {
                said.denied.push(clause.text)
            }
            Polarity::Uncertain => said.uncertain.push(clause.text),
            _ => said.affirmed.push(clause.text),
        }
    }
    if said.denied.is_empty() && said.uncertain.is_empty() {
        said.affirmed = vec![text.to_owned()];
    }
    said
}

fn denies_from_its_start(clause: &str) -> bool {
    let denied = query_words(clause).negated;
    !denied.is_empty()
        && !denied
            .iter()
            .any(|phrase| clause.starts_with(phrase.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(label: &str) -> [Vec<String>; 3] {
        let said = said_by_label(label);
        [said.affirmed, said.denied, said.uncertain]
    }

    #[test]
    fn labels_deny_and_leave_open() {
        let none = || Vec::<String>::new();
        for label in [
            "no diabetic retinopathy",
            "Pneumothorax: 0",
            "edema: No",
            "No Finding",
            "kein Erguss",
            "sans épanchement",
            "无气胸",
        ] {
            assert_eq!(
                said(label),
                [none(), vec![label.to_owned()], none()],
                "{label}"
            );
        }
        for label in ["Pneumothorax: -1", "possible pneumonia"] {
            assert_eq!(
                said(label),
                [none(), none(), vec![label.to_owned()]],
                "{label}"
            );
        }
        for label in [
            "Pneumothorax: 1",
            "stain: HE",
            "non-small cell carcinoma",
            "HER2 negative carcinoma",
            "melanocytic nevus",
            "triple-negative breast cancer",
            "site: A",
            "age: 10",
            "diagnosis: nevus",
            "Barrett's oesophagus, no change",
        ] {
            assert_eq!(
                said(label),
                [vec![label.to_owned()], none(), none()],
                "{label}"
            );
        }
    }

    #[test]
    fn a_label_of_both_is_parted() {
        let [affirmed, denied, uncertain] = said("effusion without pneumothorax");
        assert_eq!(affirmed, ["effusion"]);
        assert_eq!(denied, ["without pneumothorax"]);
        assert!(uncertain.is_empty());
    }
}
