//! What may be asked, checked before anything is done for it.

use std::collections::BTreeSet;

use casekin_index::Filter;

use crate::error::EngineError;
use crate::query::SearchRequest;

/// Most cases of one answer.
const MAX_TOP: u32 = 200;
pub(super) const DEFAULT_TOP: u32 = 20;
/// Longest question text, in characters.
const MAX_TEXT_CHARS: usize = 4000;
/// Most pictures of one question.
const MAX_IMAGES: usize = 16;
/// Most marks of each kind.
const MAX_MARKS: usize = 32;
/// Most filters, and the longest, in characters.
const MAX_FILTERS: usize = 64;
const MAX_FILTER_CHARS: usize = 10_000;
/// Heaviest way.
const MAX_WEIGHT: f64 = 100.0;

/// The question in its canonical form, or why it cannot be asked.
pub(super) fn understood(mut request: SearchRequest) -> Result<SearchRequest, EngineError> {
    request.text = trimmed(request.text);
    request.case = trimmed(request.case);
    request.relevant = set_of(request.relevant);
    request.not_relevant = set_of(request.not_relevant);
    if request.text.is_none()
        && request.images.is_empty()
        && request.case.is_none()
        && request.relevant.is_empty()
    {
        return Err(EngineError::EmptyQuery);
    }
    if request
        .text
        .as_ref()
        .is_some_and(|text| text.chars().count() > MAX_TEXT_CHARS)
    {
        return Err(EngineError::bad_query(format!(
            "the text is longer than {MAX_TEXT_CHARS} characters"
        )));
    }
    if request.images.len() > MAX_IMAGES {
        return Err(EngineError::bad_query(format!(
            "at most {MAX_IMAGES} pictures make one question"
        )));
    }
    let long = |filter: &String| filter.chars().count() > MAX_FILTER_CHARS;
    if request.filters.len() > MAX_FILTERS || request.filters.iter().any(long) {
        return Err(EngineError::bad_query(format!(
            "at most {MAX_FILTERS} filters of {MAX_FILTER_CHARS} characters each narrow one question"
        )));
    }
    let top = request.top.unwrap_or(DEFAULT_TOP);
    if !(1..=MAX_TOP).contains(&top) {
        return Err(EngineError::bad_query(format!(
            "top must lie between 1 and {MAX_TOP}"
        )));
    }
    request.top = Some(top);
    marks_are_sound(&request)?;
    ways_are_sound(&request)?;
    Ok(request)
}

fn trimmed(text: Option<String>) -> Option<String> {
    text.map(|text| text.trim().to_owned())
        .filter(|text| !text.is_empty())
}

/// Ids in one order, each once: a mark that is made twice is one mark.
fn set_of(ids: Vec<String>) -> Vec<String> {
    let ids = ids.iter().map(|id| id.trim()).filter(|id| !id.is_empty());
    let ids: BTreeSet<String> = ids.map(str::to_owned).collect();
    ids.into_iter().collect()
}

fn marks_are_sound(request: &SearchRequest) -> Result<(), EngineError> {
    if request.relevant.len() > MAX_MARKS || request.not_relevant.len() > MAX_MARKS {
        return Err(EngineError::bad_query(format!(
            "at most {MAX_MARKS} cases may be marked as relevant, and as many as not relevant"
        )));
    }
    let marked = |id: &String| request.relevant.contains(id) || request.not_relevant.contains(id);
    if request.case.as_ref().is_some_and(marked) {
        return Err(EngineError::bad_query(
            "the example case cannot be marked too; it is what is asked",
        ));
    }
    match request
        .relevant
        .iter()
        .find(|id| request.not_relevant.contains(id))
    {
        Some(id) => Err(EngineError::bad_query(format!(
            "the case {id:?} is marked both as relevant and as not relevant; take one mark back"
        ))),
        None => Ok(()),
    }
}

fn ways_are_sound(request: &SearchRequest) -> Result<(), EngineError> {
    if request.ways.as_ref().is_some_and(Vec::is_empty) {
        return Err(EngineError::bad_query(
            "at least one way must take part; leave `ways` out for all that apply",
        ));
    }
    let sound = |weight: f64| weight > 0.0 && weight <= MAX_WEIGHT;
    match request.weights.iter().find(|(_, weight)| !sound(**weight)) {
        Some((way, weight)) => Err(EngineError::bad_query(format!(
            "the weight of {} must be above 0 and at most {MAX_WEIGHT}, not {weight}; leave a way out of `ways` to do \
             without it",
            way.name()
        ))),
        None => Ok(()),
    }
}

/// Filters as the index takes them.
pub(crate) fn parse_filters(filters: &[String]) -> Result<Filter, EngineError> {
    let parsed: Result<Vec<Filter>, _> = filters.iter().map(|text| Filter::parse(text)).collect();
    parsed
        .map(Filter::all_of)
        .map_err(|error| EngineError::bad_query(error.to_string()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::query::Way;

    fn refused(request: SearchRequest) -> String {
        understood(request).unwrap_err().to_string()
    }

    #[test]
    fn an_empty_question_is_refused_and_blanks_count_as_nothing() {
        assert!(matches!(
            understood(SearchRequest::default()),
            Err(EngineError::EmptyQuery)
        ));
        let blank = SearchRequest {
            text: Some("  ".into()),
            relevant: vec![" ".into()],
            ..SearchRequest::default()
        };
        assert!(matches!(understood(blank), Err(EngineError::EmptyQuery)));
        let only_not = SearchRequest {
            not_relevant: vec!["c-1".into()],
            ..SearchRequest::default()
        };
        assert!(matches!(understood(only_not), Err(EngineError::EmptyQuery)));
    }

    #[test]
    fn bounds_are_named() {
        let text = |text: &str| SearchRequest {
            text: Some(text.into()),
            ..SearchRequest::default()
        };
        for top in [0, 201, 1_000_000_000] {
            let far = SearchRequest {
                top: Some(top),
                ..text("x")
            };
            assert!(refused(far).contains("between 1 and 200"));
        }
        assert!(refused(text(&"x".repeat(4001))).contains("4000"));
        let many = SearchRequest {
            filters: vec!["sex=F".into(); 65],
            ..text("x")
        };
        assert!(refused(many).contains("64 filters"));
        for weight in [0.0, -1.0, f64::NAN, 1e9] {
            let heavy = SearchRequest {
                weights: BTreeMap::from([(Way::Report, weight)]),
                ..text("x")
            };
            assert!(refused(heavy).contains("weight of report"));
        }
        let no_way = SearchRequest {
            ways: Some(Vec::new()),
            ..text("x")
        };
        assert!(refused(no_way).contains("at least one way"));
    }

    #[test]
    fn marks_are_a_set_and_a_case_is_marked_once() {
        let marked = |relevant: &[&str], not_relevant: &[&str]| SearchRequest {
            relevant: relevant.iter().map(|id| (*id).to_owned()).collect(),
            not_relevant: not_relevant.iter().map(|id| (*id).to_owned()).collect(),
            ..SearchRequest::default()
        };
        let twice = understood(marked(&["b", "a", " b"], &["d", "c"])).unwrap();
        assert_eq!(twice.relevant, ["a", "b"]);
        assert_eq!(twice.not_relevant, ["c", "d"]);
        assert!(refused(marked(&["a"], &["a"])).contains("both"));
        let example = SearchRequest {
            case: Some("a".into()),
            ..marked(&["a"], &[])
        };
        assert!(refused(example).contains("example case"));
    }

    #[test]
    fn a_wrong_filter_says_what_is_allowed() {
        let error = parse_filters(&["colour=red".into()])
            .unwrap_err()
            .to_string();
        assert!(error.contains("modality"), "{error}");
    }
}
