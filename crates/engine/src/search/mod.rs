//! A question becomes an answer: encoded, asked in every way that applies, fused, exactly scored, hydrated, explained.

mod duplicates;
mod families;
mod feedback;
mod first_images;
mod hydrate;
mod judged;
mod prints;
mod question;
mod understood;
mod votes;
mod ways;

use std::sync::Arc;
use std::time::Instant;

use casekin_index::{Filter, RankedWay, fuse};

use crate::answer::{Facet, FacetValue, FacetsOver, Judgement, SearchAnswer};
use crate::convert::model_summary;
use crate::error::EngineError;
use crate::library::{Library, Serving};
use crate::query::{SearchRequest, Way};
use hydrate::Hydration;
use question::{LeftOut, QuestionVectors};
use understood::{DEFAULT_TOP, understood};
use ways::Found;

pub(crate) use hydrate::box_of;
pub(crate) use prints::Prints;
pub(crate) use question::MAX_QUERY_SENTENCES;
pub(crate) use understood::parse_filters;
pub(crate) use ways::weight_of_words;

/// Cases that each way hands to the fusion.
pub(crate) const DEPTH: usize = 200;
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
        let index_seq = serving.index.applied();
        let marks = self.marked(&serving, &request).await?;
        let (question, left_out, cases_searched) = tokio::try_join!(
            self.question_vectors(&serving, &request, &marks, &mut notices),
            self.left_out(&request, &marks),
            count_of(&serving, &filter),
        )?;
        let modalities = question.modalities.clone();
        let found = self
            .ask(
                &serving,
                &request,
                (&filter, cases_searched),
                (question, left_out),
            )
            .await?;
        let hydration = Hydration {
            serving: &serving,
            found: &found,
            filter: &filter,
            top: request.top.unwrap_or(DEFAULT_TOP) as usize,
            keep_duplicates: request.keep_duplicates,
        };
        let ranked = rank(&found);
        let nearest = ranked.iter().take(DEPTH).map(|one| one.case_no);
        let among: Option<Vec<u64>> = found
            .ways()
            .any(|way| way == Way::Image)
            .then(|| nearest.collect());
        let facets_over = FacetsOver {
            nearest: among.is_some(),
            cases: among
                .as_ref()
                .map_or(cases_searched, |cases| cases.len() as u64),
        };
        let (hits, facets, pending) = tokio::try_join!(
            self.hydrate(&hydration, ranked),
            facets_of(&serving, &filter, among),
            async { Ok(self.inner.catalog.pending_jobs().await?) },
        )?;
        // A case that asks with none of its pictures encoded would have asked by them.
        let by_cases = request.case.is_some() || !request.relevant.is_empty();
        let wanted = request.ways.as_ref();
        let pictures_asked = [Way::Image, Way::TextToImage]
            .iter()
            .any(|way| found.asked.contains(way))
            || by_cases && wanted.is_none_or(|ways| ways.contains(&Way::Image));
        if found.words.iter().any(casekin_index::WordsQuery::is_cut) {
            notices.push(
                "The text has more words or phrases than reports are searched for: the first ones count"
                    .to_owned(),
            );
        }
        if pending > 0 && pictures_asked {
            notices.push(format!(
                "{pending} pictures are not encoded yet and cannot be found by picture"
            ));
        }
        notices.extend(families::left_none(&serving, &found, &filter, &modalities).await?);
        notices.extend(self.stand_in_notices(&serving, &hits));
        let left_out = found.judgements.iter().any(|one| one.no_match);
        let without_match = found.judgements.iter().filter(|one| one.no_match);
        notices.extend(without_match.map(|one| in_words(one, request.all)));
        let narrowed = cases_searched < serving.index.case_count();
        if narrowed && found.judgements.iter().any(is_unjudged) {
            notices.push(
                "The filters let too few cases through to say whether the most similar are a match: judge by the similarity"
                    .to_owned(),
            );
        }
        let no_match = left_out && !request.all && hits.is_empty();
        Ok(SearchAnswer {
            complete: found.complete && !(pending > 0 && pictures_asked),
            model: Some(model_summary(&serving.model, &serving.stamp.profile)),
            pipeline_version: serving.stamp.pipeline_version,
            index_seq,
            stand_in: serving.model.demo,
            notices,
            took_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
            cases_searched,
            votes: votes::count(&hits),
            judgements: found.judgements,
            no_match,
            marks: marks.into_iter().map(|marked| marked.mark).collect(),
            query: request,
            hits,
            facets,
            facets_over,
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
        (question, left_out): (QuestionVectors, LeftOut),
    ) -> Result<Found, EngineError> {
        let text = match &request.text {
            None if question.pictures.is_empty() => self.words_of_cases(request).await?,
            text => text.clone(),
        };
        let by_vectors = !question.sentences.is_empty() || !question.pictures.is_empty();
        let calibration = match by_vectors {
            true => self.calibration(serving).await,
            false => None,
        };
        let cases = serving.index.case_count().max(1);
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
            weights: request.weights.clone(),
            aggregate: request
                .aggregate
                .unwrap_or(self.inner.config.search.aggregate)
                .into(),
            demo: serving.model.demo,
            depth: DEPTH,
        };
        ways::ask(serving, asked).await
    }
}

/// Whether enough questions were drawn, and yet nothing can be said of this one: too few cases pass the filters.
fn is_unjudged(judgement: &Judgement) -> bool {
    const ENOUGH_QUESTIONS: u64 = 100;
    let judged_elsewhere = matches!(judgement.kind.as_str(), "picture" | "case" | "text");
    judgement.needed.is_none() && judged_elsewhere && judgement.questions >= ENOUGH_QUESTIONS
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

/// Fuses the ways and scales the score so that 1 is first in every way that took part.
fn rank(found: &Found) -> Vec<ways::Ranked> {
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
    fuse(&ranked, usize::MAX)
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

async fn facets_of(
    serving: &Arc<Serving>,
    filter: &Filter,
    among: Option<Vec<u64>>,
) -> Result<Vec<Facet>, EngineError> {
    let (index, filter) = (serving.index.clone(), filter.clone());
    let facets =
        tokio::task::spawn_blocking(move || index.facets(&filter, among.as_deref())).await??;
    Ok(facets.into_iter().map(as_filters).collect())
}

/// A facet whose key and values can be given back as a filter: ages are counted in decades, "40-49".
pub(crate) fn as_filters(facet: casekin_index::Facet) -> Facet {
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
    fn a_facet_can_be_given_back_as_a_filter() {
        let ages = casekin_index::Facet {
            field: casekin_index::Field::AgeYears,
            values: vec![("40-49".into(), 3)],
        };
        let facet = as_filters(ages);
        let filter = format!("{}={}", facet.key, Filter::escaped(&facet.values[0].value));
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
