//! A set of prompts: what is said of a picture for each class, or for each finding's absence and presence.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use crate::error::EngineError;

/// Prompts of one task, as a file under `config/zero-shot` has them: either classes, of which a picture shows one, or
/// findings, each of which it shows or does not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ZeroShotPrompts {
    /// Name of the set, for people.
    pub name: String,
    /// Where the prompts come from.
    #[serde(default)]
    pub source: String,
    /// The classes.
    #[serde(default, rename = "class")]
    pub classes: Vec<ClassPrompts>,
    /// The findings.
    #[serde(default, rename = "finding")]
    pub findings: Vec<FindingPrompts>,
}

/// A class and what is said of a picture that shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClassPrompts {
    /// Its name in the labels.
    pub label: String,
    /// Other names that the labels may use.
    #[serde(default)]
    pub also: Vec<String>,
    /// The prompts.
    pub prompts: Vec<String>,
}

/// A finding and what is said of a picture without it and of one with it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FindingPrompts {
    /// Its name in the labels.
    pub label: String,
    /// Other names that the labels may use.
    #[serde(default)]
    pub also: Vec<String>,
    /// Prompts of its absence.
    pub absent: Vec<String>,
    /// Prompts of its presence.
    pub present: Vec<String>,
}

impl ZeroShotPrompts {
    /// Whether a picture shows one class, rather than any number of findings.
    #[must_use]
    pub fn is_of_classes(&self) -> bool {
        !self.classes.is_empty()
    }

    /// Names of the classes or findings, in order.
    pub fn labels(&self) -> impl Iterator<Item = &str> {
        let classes = self.classes.iter().map(|class| class.label.as_str());
        classes.chain(self.findings.iter().map(|finding| finding.label.as_str()))
    }

    /// The place of the class or finding that goes by this name, whatever its case; `_` and `-` count as spaces.
    #[must_use]
    pub fn place(&self, name: &str) -> Option<usize> {
        let wanted = folded(name);
        self.names().position(|(label, also)| {
            folded(label) == wanted || also.iter().any(|other| folded(other) == wanted)
        })
    }

    fn names(&self) -> impl Iterator<Item = (&str, &[String])> {
        let classes = self
            .classes
            .iter()
            .map(|one| (one.label.as_str(), one.also.as_slice()));
        let findings = self.findings.iter();
        classes.chain(findings.map(|one| (one.label.as_str(), one.also.as_slice())))
    }

    /// Lists of prompts: one for each class, or of each finding first its absence, then its presence.
    pub(super) fn lists(&self) -> Vec<&[String]> {
        let classes = self.classes.iter().map(|class| class.prompts.as_slice());
        let findings = self.findings.iter();
        let findings = findings.flat_map(|one| [one.absent.as_slice(), one.present.as_slice()]);
        classes.chain(findings).collect()
    }

    /// Insists that the set can be asked.
    ///
    /// # Errors
    /// [`EngineError::BadQuery`] saying what is wrong with it.
    pub fn check(&self) -> Result<(), EngineError> {
        let refuse = |what: &str| {
            Err(EngineError::bad_query(format!(
                "prompts {:?}: {what}",
                self.name
            )))
        };
        match (self.classes.len(), self.findings.len()) {
            (0, 0) => return refuse("give [[class]] or [[finding]] sections"),
            (1.., 1..) => return refuse("classes and findings are two tasks; make two files"),
            (1, 0) => return refuse("one class leaves nothing to choose; give two or more"),
            _ => {}
        }
        if self
            .lists()
            .iter()
            .any(|list| list.is_empty() || list.iter().any(|text| text.trim().is_empty()))
        {
            return refuse("a list of prompts is empty or holds an empty prompt");
        }
        let mut seen = HashSet::new();
        for (label, also) in self.names() {
            let own = std::iter::once(label).chain(also.iter().map(String::as_str));
            for name in own.map(folded) {
                if !seen.insert(name.clone()) {
                    return refuse(&format!("the name {name:?} stands twice"));
                }
            }
        }
        Ok(())
    }
}

/// A name without what labels are spelt differently by.
fn folded(name: &str) -> String {
    let spaced = name.to_lowercase().replace(['_', '-'], " ");
    spaced.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(label: &str, also: &[&str]) -> ClassPrompts {
        ClassPrompts {
            label: label.into(),
            also: also.iter().map(|name| (*name).into()).collect(),
            prompts: vec![label.into()],
        }
    }

    fn set(classes: Vec<ClassPrompts>) -> ZeroShotPrompts {
        ZeroShotPrompts {
            name: "a test".into(),
            source: String::new(),
            classes,
            findings: Vec::new(),
        }
    }

    #[test]
    fn names_are_found_however_they_are_spelt() {
        let prompts = set(vec![
            class("ADI", &["adipose"]),
            class("smooth muscle", &["MUS"]),
        ]);
        prompts.check().unwrap();
        assert_eq!(prompts.place("adi"), Some(0));
        assert_eq!(prompts.place("Smooth_Muscle"), Some(1));
        assert_eq!(prompts.place(" MUS "), Some(1));
        assert_eq!(prompts.place("stroma"), None);
    }

    #[test]
    fn a_set_that_cannot_be_asked_says_why() {
        let why = |prompts: ZeroShotPrompts| prompts.check().unwrap_err().to_string();
        assert!(why(set(Vec::new())).contains("[[class]]"));
        assert!(why(set(vec![class("a", &[])])).contains("two or more"));
        assert!(why(set(vec![class("a b", &[]), class("c", &["A_b"])])).contains("twice"));
        let mut empty = set(vec![class("a", &[]), class("b", &[])]);
        empty.classes[1].prompts.clear();
        assert!(why(empty).contains("empty"));
    }
}
