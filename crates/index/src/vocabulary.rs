//! Words as numbers, one vocabulary for each field, and the facts that a view has of its image as such numbers.

use std::collections::HashMap;

use crate::ImageFacts;

/// Words as numbers; 0 means unknown. Upper and lower case are alike, the first spelling is shown.
#[derive(Debug, Default)]
pub(crate) struct Vocabulary {
    codes: HashMap<String, u32>,
    words: Vec<String>,
}

impl Vocabulary {
    pub(crate) fn code(&mut self, word: Option<&str>) -> u32 {
        let Some(word) = word.map(str::trim).filter(|word| !word.is_empty()) else {
            return 0;
        };
        let next = self.words.len() as u32 + 1;
        let code = *self.codes.entry(word.to_lowercase()).or_insert(next);
        if code == next {
            self.words.push(word.to_owned());
        }
        code
    }

    pub(crate) fn find(&self, word: &str) -> Option<u32> {
        self.codes.get(&word.trim().to_lowercase()).copied()
    }

    pub(crate) fn word(&self, code: u32) -> Option<&str> {
        self.words
            .get((code as usize).checked_sub(1)?)
            .map(String::as_str)
    }

    /// All words with their codes.
    pub(crate) fn words(&self) -> impl Iterator<Item = (u32, &str)> {
        (1..).zip(self.words.iter().map(String::as_str))
    }
}

/// One vocabulary per field.
#[derive(Debug, Default)]
pub(crate) struct Vocabularies {
    pub(crate) modality: Vocabulary,
    pub(crate) body_part: Vocabulary,
    pub(crate) laterality: Vocabulary,
    pub(crate) stain: Vocabulary,
    pub(crate) label: Vocabulary,
    pub(crate) sex: Vocabulary,
    pub(crate) site: Vocabulary,
}

/// What filters ask of a view, or of an image that has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub(crate) struct ViewFacts {
    pub(crate) modality: u32,
    pub(crate) body_part: u32,
    pub(crate) laterality: u32,
}

impl Vocabularies {
    /// The codes of an image's facts; words that are new get theirs.
    pub(crate) fn codes(&mut self, image: &ImageFacts) -> ViewFacts {
        ViewFacts {
            modality: self.modality.code(image.modality.as_deref()),
            body_part: self.body_part.code(image.body_part.as_deref()),
            laterality: self.laterality.code(image.laterality.as_deref()),
        }
    }

    /// The same without giving codes: a word that nothing here has is known, and like no other.
    pub(crate) fn find(&self, image: &ImageFacts) -> ViewFacts {
        const LIKE_NO_OTHER: u32 = u32::MAX;
        let find = |vocabulary: &Vocabulary, word: &Option<String>| match word.as_deref() {
            Some(word) if !word.trim().is_empty() => vocabulary.find(word).unwrap_or(LIKE_NO_OTHER),
            _ => 0,
        };
        ViewFacts {
            modality: find(&self.modality, &image.modality),
            body_part: find(&self.body_part, &image.body_part),
            laterality: find(&self.laterality, &image.laterality),
        }
    }
}
