//! A question becomes an answer: encoded, asked in every way that applies, fused, exactly scored, hydrated, explained.

mod hydrate;
mod votes;
mod ways;

use std::sync::Arc;
use std::time::Instant;

use casekin_index::{Filter, RankedWay, fuse};

use crate::answer::{Facet, FacetValue, Judgement, SearchAnswer};
use crate::convert::model_summary;
use crate::error::EngineError;
use crate::library::{Library, Serving};
use crate::query::{SearchRequest, Way};
use ways::{Found, QuestionVectors};

/// Cases that each way hands to the fusion.
const DEPTH: usize = 200;
/// Most cases of one answer.
const MAX_TOP: u32 = 200;
const DEFAULT_TOP: u32 = 20;
/// Longest question text, in characters.
const MAX_TEXT_CHARS: usize = 4000;
/// Most pictures of one question.
const MAX_IMAGES: usize = 16;

impl Library {
    /// Answers a question.
    ///
    /// # Errors
    /// A question that is empty or cannot be understood; a picture that cannot be read; errors of the leaves. Where
    /// no model can be run, words alone are searched and the answer says so.
    pub async fn search(&self, request: SearchRequest) -> Result<SearchAnswer, EngineError> {
        let started = Instant::now();
        let request = understood(request)?;
        let filter = parse_filters(&request.filters)?;
        let serving = self.inner.serving();
        let mut notices = Vec::new();
        let question = self
            .question_vectors(&serving, &request, &mut notices)
            .await?;
        let cases_searched = count_of(&serving, &filter).await?;
        let found = self
            .ask(&serving, &request, (&filter, cases_searched), question)
            .await?;
        let ranked = rank(&found, request.top.unwrap_or(DEFAULT_TOP) as usize);
        let hits = self.hydrate(&found, ranked).await?;
        let counts = self.inner.catalog.status_counts(60_000).await?;
        let facets = facets_of(&serving, &filter).await?;
        let pending = counts.jobs.queued + counts.jobs.running;
        let pictures_asked = found.ways().any(|way| way != Way::Report);
        if pending > 0 && pictures_asked {
            notices.push(format!(
                "{pending} pictures are not encoded yet and cannot be found by picture"
            ));
        }
        notices.extend(self.stand_in_notices(&serving, &hits));
        let left_out = found.judgements.iter().any(|one| one.no_match);
        let without_match = found.judgements.iter().filter(|one| one.no_match);
        notices.extend(without_match.map(|one| in_words(one, request.all)));
        let no_match = left_out && !request.all && hits.is_empty();
        Ok(SearchAnswer {
            complete: found.complete && !(pending > 0 && pictures_asked),
            model: Some(model_summary(&serving.model, &serving.stamp.profile)),
            stand_in: serving.model.demo,
            notices,
            took_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
            cases_searched,
            votes: votes::count(&hits),
            judgements: found.judgements,
            no_match,
            query: request,
            hits,
            facets,
        })
    }

    fn stand_in_notices(&self, serving: &Serving, hits: &[crate::answer::Hit]) -> Option<String> {
        let real = hits.iter().any(|hit| !hit.synthetic);
        serving.model.demo.then(|| {
            if real {
                "The demo model knows drawn phantoms only: over real pictures its similarity is a stand-in without \
                 medical meaning, and words come first; nothing here is for medical use"
                    .to_owned()
            } else {
                "This is the demo model, which knows drawn phantoms only; nothing here is for medical use".to_owned()
            }
        })
    }

    async fn ask(
        &self,
        serving: &Arc<Serving>,
        request: &SearchRequest,
        (filter, cases_searched): (&Filter, u64),
        question: QuestionVectors,
    ) -> Result<Found, EngineError> {
        let left_out = self.left_out(request).await?;
        let text = match (&request.text, &request.case) {
            (None, Some(case_id)) if question.pictures.is_empty() => {
                self.case_words(case_id).await?
            }
            (text, _) => text.clone(),
        };
        let by_vectors = question.text.is_some() || !question.pictures.is_empty();
        let calibration = match by_vectors {
            true => self.calibration(serving).await,
            false => None,
        };
        let cases = serving.index.stats().cases.max(1);
        let asked = ways::Asked {
            calibration,
            share: cases_searched as f64 / cases as f64,
            all: request.all,
            any_modality: request.any_modality,
            text,
            filter: filter.clone(),
            question,
            left_out,
            ways: request.ways.clone(),
            demo: serving.model.demo,
            depth: DEPTH,
        };
        let serving = Arc::clone(serving);
        tokio::task::spawn_blocking(move || ways::ask(&serving, &asked)).await?
    }
}

/// The question in its canonical form, or why it cannot be asked.
fn understood(mut request: SearchRequest) -> Result<SearchRequest, EngineError> {
    request.text = request
        .text
        .map(|text| text.trim().to_owned())
        .filter(|text| !text.is_empty());
    request.case = request
        .case
        .map(|case| case.trim().to_owned())
        .filter(|case| !case.is_empty());
    if request.text.is_none() && request.images.is_empty() && request.case.is_none() {
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
    let top = request.top.unwrap_or(DEFAULT_TOP);
    if !(1..=MAX_TOP).contains(&top) {
        return Err(EngineError::bad_query(format!(
            "top must lie between 1 and {MAX_TOP}"
        )));
    }
    request.top = Some(top);
    Ok(request)
}

/// Why a way was left out, or what to think of it.
fn in_words(judgement: &Judgement, shown: bool) -> String {
    let asked = match judgement.kind.as_str() {
        "text" => "No picture of the library fits the words",
        "case" => "No case of the library looks like what was asked",
        _ => "No picture of the library is like the one asked",
    };
    let needed = judgement.needed.unwrap_or_default();
    let nearest = format!(
        "{asked}: the nearest has a similarity of {:.2}, a match here has {needed:.2} or more",
        judgement.best
    );
    if shown {
        format!("{nearest}; what is shown is no better than chance")
    } else {
        format!("{nearest}. It was left out; ask for all to see the nearest")
    }
}

/// Filters as the index takes them.
pub(crate) fn parse_filters(filters: &[String]) -> Result<Filter, EngineError> {
    let parsed: Result<Vec<Filter>, _> = filters.iter().map(|text| Filter::parse(text)).collect();
    parsed
        .map(Filter::all_of)
        .map_err(|error| EngineError::bad_query(error.to_string()))
}

/// Fuses the ways and scales the score so that 1 is first in every way that took part.
fn rank(found: &Found, top: usize) -> Vec<ways::Ranked> {
    let ranked: Vec<RankedWay> = found
        .lists
        .iter()
        .map(|list| RankedWay {
            name: format!("{:?}", list.way),
            weight: list.weight,
            keys: list.cases.iter().map(|(case_no, _)| *case_no).collect(),
        })
        .collect();
    let best: f64 = ranked
        .iter()
        .map(|way| way.weight / (casekin_index::RRF_K0 + 1.0))
        .sum();
    fuse(&ranked, top)
        .into_iter()
        .map(|fused| ways::Ranked {
            case_no: fused.key,
            score: if best > 0.0 {
                (fused.score / best) as f32
            } else {
                0.0
            },
            ways: fused.ways,
        })
        .collect()
}

async fn facets_of(serving: &Arc<Serving>, filter: &Filter) -> Result<Vec<Facet>, EngineError> {
    let (index, filter) = (serving.index.clone(), filter.clone());
    let facets = tokio::task::spawn_blocking(move || index.facets(&filter, None)).await??;
    Ok(facets.into_iter().map(as_filters).collect())
}

/// A facet whose key and values can be given back as a filter: ages are counted in decades, "40-49".
fn as_filters(facet: casekin_index::Facet) -> Facet {
    let age = facet.field == casekin_index::Field::AgeYears;
    let value = |value: String| {
        if age {
            value.replacen('-', "..", 1)
        } else {
            value
        }
    };
    Facet {
        key: if age { "age" } else { facet.field.name() }.to_owned(),
        values: facet
            .values
            .into_iter()
            .map(|(text, cases)| FacetValue {
                value: value(text),
                cases,
            })
            .collect(),
    }
}

async fn count_of(serving: &Arc<Serving>, filter: &Filter) -> Result<u64, EngineError> {
    let (index, filter) = (serving.index.clone(), filter.clone());
    Ok(tokio::task::spawn_blocking(move || index.count(&filter)).await??)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_question_is_refused_and_blanks_count_as_nothing() {
        assert!(matches!(
            understood(SearchRequest::default()),
            Err(EngineError::EmptyQuery)
        ));
        let blank = SearchRequest {
            text: Some("  ".into()),
            ..SearchRequest::default()
        };
        assert!(matches!(understood(blank), Err(EngineError::EmptyQuery)));
        let far = SearchRequest {
            text: Some("x".into()),
            top: Some(10_000),
            ..SearchRequest::default()
        };
        assert!(matches!(understood(far), Err(EngineError::BadQuery { .. })));
    }

    #[test]
    fn a_facet_can_be_given_back_as_a_filter() {
        let ages = casekin_index::Facet {
            field: casekin_index::Field::AgeYears,
            values: vec![("40-49".into(), 3)],
        };
        let facet = as_filters(ages);
        let filter = format!("{}={}", facet.key, facet.values[0].value);
        assert!(parse_filters(&[filter]).is_ok());
    }

    #[test]
    fn a_wrong_filter_says_what_is_allowed() {
        let error = parse_filters(&["colour=red".into()])
            .unwrap_err()
            .to_string();
        assert!(error.contains("modality"), "{error}");
    }
}
