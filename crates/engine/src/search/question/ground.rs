//! What each way goes by in a question: a way that was chosen and has nothing to go by is told, never passed over.

use casekin_reports::query_words;

use super::QuestionVectors;
use crate::error::EngineError;
use crate::library::Library;
use crate::query::{SearchRequest, Way};

impl Library {
    /// Tells of chosen ways that have nothing to go by.
    ///
    /// # Errors
    /// [`EngineError::NothingToGoBy`] where that is all of them: the answer would be empty whatever the library holds.
    pub(super) async fn check_ground(
        &self,
        request: &SearchRequest,
        vectors: &QuestionVectors,
        notices: &mut Vec<String>,
    ) -> Result<(), EngineError> {
        let Some(chosen) = &request.ways else {
            return Ok(());
        };
        let has_pictures = !vectors.pictures.is_empty();
        // Words of cases stand for their pictures, not beside them.
        let words_of_cases = match &request.text {
            None if !has_pictures => self.words_of_cases(request).await?.is_some(),
            _ => false,
        };
        let usable = usable(request.text.as_deref(), has_pictures, words_of_cases);
        if !chosen.iter().any(|way| usable.contains(way)) {
            return Err(EngineError::NothingToGoBy {
                chosen: names(chosen),
                usable: names(&usable),
            });
        }
        let idle: Vec<Way> = chosen
            .iter()
            .copied()
            .filter(|way| !usable.contains(way))
            .collect();
        if !idle.is_empty() {
            notices.push(format!(
                "Nothing to go by in this question, and so without part in the answer: {}",
                names(&idle)
            ));
        }
        Ok(())
    }
}

/// The ways that a question gives something to go by.
fn usable(text: Option<&str>, has_pictures: bool, words_of_cases: bool) -> Vec<Way> {
    let has_words = text.is_some() || words_of_cases;
    let affirms = text.is_some_and(|text| !query_words(text).sentences.is_empty());
    let goes_by = |way: &Way| match way {
        Way::Report | Way::Label => has_words,
        Way::Image => has_pictures,
        Way::TextToImage => affirms,
    };
    Way::ALL.into_iter().filter(goes_by).collect()
}

fn names(ways: &[Way]) -> String {
    let names: Vec<&str> = ways.iter().map(|way| way.name()).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ways_go_by_words_or_pictures() {
        let words = [Way::Report, Way::Label];
        assert_eq!(
            usable(Some("effusion"), false, false),
            [Way::Report, Way::Label, Way::TextToImage]
        );
        assert_eq!(usable(Some("no effusion"), false, false), words);
        assert_eq!(usable(None, true, false), [Way::Image]);
        assert_eq!(usable(None, false, true), words);
        assert!(usable(None, false, false).is_empty());
    }
}
