//! The ways of finding, each a ranked list of cases: words in reports, pictures near pictures, pictures near words.

use std::collections::HashMap;
use std::sync::Arc;

use casekin_catalog::CaseNo;
use casekin_imaging::{DecodeRequest, RegionRequest};
use casekin_index::{CaseMatch, Filter, NearestQuery, WordMatch, WordsQuery};
use casekin_reports::query_words;

use crate::answer::Judgement;
use crate::convert::{patient_number, to_index_location};
use crate::error::EngineError;
use crate::judgement::{Calibration, Kind};
use crate::library::{Library, Serving};
use crate::pictures::AskedPicture;
use crate::query::{ImageQuery, SearchRequest, Way};

/// Views of one example case or picture that take part in a question.
const MAX_QUERY_VIEWS: usize = 64;

/// The vectors of a question.
#[derive(Default)]
pub(super) struct QuestionVectors {
    /// Of example pictures and of the example case.
    pub(super) pictures: Vec<Vec<f32>>,
    /// Modalities of those pictures, as far as they say.
    pub(super) modalities: Vec<Option<String>>,
    /// What kind of question the pictures are.
    pub(super) kind: Option<Kind>,
    /// Of the words, by the text tower.
    pub(super) text: Option<Vec<f32>>,
}

/// Cases and patients that must not answer.
#[derive(Clone, Default)]
pub(super) struct LeftOut {
    cases: Vec<u64>,
    patients: Vec<u64>,
}

/// Everything that the index is asked.
pub(super) struct Asked {
    pub(super) text: Option<String>,
    pub(super) filter: Filter,
    pub(super) question: QuestionVectors,
    pub(super) left_out: LeftOut,
    pub(super) ways: Option<Vec<Way>>,
    pub(super) demo: bool,
    pub(super) depth: usize,
    pub(super) calibration: Option<Arc<Calibration>>,
    /// Share of the library's cases that the filters let through.
    pub(super) share: f64,
    pub(super) all: bool,
    pub(super) any_modality: bool,
}

/// One way's cases, best first, with the way's own score.
pub(super) struct RankedList {
    pub(super) way: Way,
    pub(super) weight: f64,
    pub(super) cases: Vec<(u64, f32)>,
}

/// What was found, before fusion.
pub(super) struct Found {
    pub(super) lists: Vec<RankedList>,
    pub(super) words: HashMap<u64, WordMatch>,
    /// Matches by picture, and where none by the text tower.
    pub(super) pictures: HashMap<u64, CaseMatch>,
    /// Kind of question by which a case's pictures matched.
    pub(super) kinds: HashMap<u64, Kind>,
    pub(super) judgements: Vec<Judgement>,
    pub(super) calibration: Option<Arc<Calibration>>,
    pub(super) complete: bool,
}

impl Found {
    pub(super) fn ways(&self) -> impl Iterator<Item = Way> + '_ {
        self.lists.iter().map(|list| list.way)
    }
}

/// A case after fusion.
pub(super) struct Ranked {
    pub(super) case_no: u64,
    pub(super) score: f32,
    /// Place of the way in [`Found::lists`], and the rank there from 1.
    pub(super) ways: Vec<(usize, usize)>,
}

/// Asks every way that applies. Blocks.
pub(super) fn ask(serving: &Serving, asked: &Asked) -> Result<Found, EngineError> {
    let mut found = Found {
        lists: Vec::new(),
        words: HashMap::new(),
        pictures: HashMap::new(),
        kinds: HashMap::new(),
        judgements: Vec::new(),
        calibration: asked.calibration.clone(),
        complete: true,
    };
    let wanted = |way| asked.ways.as_ref().is_none_or(|ways| ways.contains(&way));
    if let Some(text) = asked.text.as_deref().filter(|_| wanted(Way::Report)) {
        by_words(serving, asked, text, &mut found)?;
    }
    if !asked.question.pictures.is_empty() && wanted(Way::Image) {
        by_vectors(
            serving,
            asked,
            Way::Image,
            asked.question.pictures.clone(),
            &mut found,
        )?;
    }
    if let Some(vector) = asked
        .question
        .text
        .clone()
        .filter(|_| wanted(Way::TextToImage))
    {
        by_vectors(serving, asked, Way::TextToImage, vec![vector], &mut found)?;
    }
    Ok(found)
}

fn by_words(
    serving: &Serving,
    asked: &Asked,
    text: &str,
    found: &mut Found,
) -> Result<(), EngineError> {
    let words = query_words(text);
    let matches = serving.index.words(&WordsQuery {
        affirmed: words.affirmed,
        negated: words.negated,
        filter: asked.filter.clone(),
        k: asked.depth,
        exclude: asked.left_out.cases.clone(),
        texts: casekin_index::WordTexts::Both,
    })?;
    let cases = matches.iter().map(|one| (one.case_no, one.score)).collect();
    found.words = matches.into_iter().map(|one| (one.case_no, one)).collect();
    found.lists.push(RankedList {
        way: Way::Report,
        weight: 1.0,
        cases,
    });
    Ok(())
}

fn by_vectors(
    serving: &Serving,
    asked: &Asked,
    way: Way,
    vectors: Vec<Vec<f32>>,
    found: &mut Found,
) -> Result<(), EngineError> {
    let answer = serving.index.nearest(&NearestQuery {
        vectors,
        filter: filter_of(asked, way),
        exclude: asked.left_out.cases.clone(),
        exclude_patients: asked.left_out.patients.clone(),
        k: asked.depth,
        exact: false,
    })?;
    found.complete &= answer.complete;
    let kind = match way {
        Way::TextToImage => Kind::Text,
        _ => asked.question.kind.unwrap_or(Kind::Case),
    };
    if let (Some(best), Some(calibration)) = (answer.matches.first(), &asked.calibration) {
        let judgement = calibration.judge(way, kind, best.score, asked.share);
        let is_no_match = judgement.no_match;
        found.judgements.push(judgement);
        if is_no_match && !asked.all {
            return Ok(());
        }
    }
    let cases: Vec<(u64, f32)> = answer
        .matches
        .iter()
        .map(|one| (one.case_no, one.score))
        .collect();
    for one in answer.matches {
        found.kinds.entry(one.case_no).or_insert(kind);
        found.pictures.entry(one.case_no).or_insert(one);
    }
    if !cases.is_empty() || way == Way::Image {
        found.lists.push(RankedList {
            way,
            weight: 1.0,
            cases,
        });
    }
    Ok(())
}

/// The views that may answer one way.
fn filter_of(asked: &Asked, way: Way) -> Filter {
    let own = match way {
        // The demo model's words mean something over phantoms only: real pictures are never ranked by them.
        Way::TextToImage if asked.demo => Filter::Is {
            field: casekin_index::Field::Synthetic,
            value: "true".into(),
        },
        Way::Image if !asked.any_modality => {
            Filter::same_family(asked.question.modalities.iter().map(Option::as_deref))
        }
        _ => Filter::All,
    };
    Filter::all_of([asked.filter.clone(), own])
}

impl Library {
    /// Encodes what a question shows and says. Without a model, words alone are left and a notice says why.
    pub(super) async fn question_vectors(
        &self,
        serving: &std::sync::Arc<Serving>,
        request: &SearchRequest,
        notices: &mut Vec<String>,
    ) -> Result<QuestionVectors, EngineError> {
        let mut vectors = QuestionVectors::default();
        if let Some(case_id) = &request.case {
            let views = self.case_vectors(serving, case_id).await?;
            (vectors.pictures, vectors.modalities) = views.into_iter().unzip();
            vectors.kind = Some(Kind::Case);
            if vectors.pictures.is_empty() {
                notices.push(
                    "This case has no encoded picture yet; it was searched by its words alone"
                        .into(),
                );
            }
        }
        for image in &request.images {
            let (views, modality) = self.image_vectors(serving, image).await?;
            vectors.kind = Some(match (vectors.kind, image.box_px, views.len()) {
                (None, Some(_), _) | (Some(Kind::Region), ..) => Kind::Region,
                (None, None, 1) => Kind::Picture,
                _ => Kind::Case,
            });
            vectors.pictures.extend(views);
            vectors.modalities.push(modality);
        }
        let vector_ways = request
            .ways
            .as_ref()
            .is_none_or(|ways| ways.contains(&Way::TextToImage));
        if let Some(text) = request.text.clone().filter(|_| vector_ways) {
            // A negation means nothing to the text tower (arXiv:2501.09425): it is left to the reports.
            let affirmed = query_words(&text).affirmed;
            if !affirmed.is_empty() {
                let serving = std::sync::Arc::clone(serving);
                let encoded = tokio::task::spawn_blocking(move || {
                    serving.encoder.question_texts(&[&affirmed])
                })
                .await?;
                match encoded {
                    Ok(mut encoded) => vectors.text = encoded.pop(),
                    Err(EngineError::NoEncoder { reason }) => {
                        notices.push(format!("Only words were searched, no pictures: {reason}"));
                    }
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(vectors)
    }

    async fn case_vectors(
        &self,
        serving: &std::sync::Arc<Serving>,
        case_id: &str,
    ) -> Result<Vec<(Vec<f32>, Option<String>)>, EngineError> {
        let case_no = self.known_case_no(case_id).await?;
        let entries = self.inner.catalog.case_entries(&[case_no]).await?;
        let views = entries
            .into_iter()
            .next()
            .map(|entry| entry.views)
            .unwrap_or_default();
        // Of a long series, views evenly spread stand for all.
        let step = views.len().div_ceil(MAX_QUERY_VIEWS).max(1);
        let locations: Vec<_> = views
            .iter()
            .step_by(step)
            .map(|view| (to_index_location(view.location), view.modality.clone()))
            .collect();
        let log = std::sync::Arc::clone(&serving.log);
        tokio::task::spawn_blocking(move || {
            locations
                .into_iter()
                .map(|(at, modality)| Ok((log.read(&at)?, modality)))
                .collect()
        })
        .await?
    }

    /// The words by which a case without encoded pictures is searched: its title and its labels.
    pub(super) async fn case_words(&self, case_id: &str) -> Result<Option<String>, EngineError> {
        let case_no = self.known_case_no(case_id).await?;
        let summaries = self.inner.catalog.case_summaries(&[case_no]).await?;
        Ok(summaries.into_iter().next().map(|summary| {
            let labels = summary
                .facts
                .labels
                .into_iter()
                .filter(|label| !label.contains(": "));
            summary
                .facts
                .title
                .into_iter()
                .chain(labels)
                .collect::<Vec<_>>()
                .join(" ")
        }))
    }

    async fn image_vectors(
        &self,
        serving: &std::sync::Arc<Serving>,
        image: &ImageQuery,
    ) -> Result<(Vec<Vec<f32>>, Option<String>), EngineError> {
        let AskedPicture {
            source,
            volume,
            modality,
        } = self.asked_picture(&image.image_id).await?;
        let limits = self.inner.config.limits.clone();
        let cuts = self.inner.config.cuts.clone();
        let decoding = self.inner.decoding.clone();
        let (serving, image) = (std::sync::Arc::clone(serving), image.clone());
        tokio::task::spawn_blocking(move || {
            let (views, modality) = match image.box_px {
                Some(box_px) => {
                    let request = RegionRequest {
                        source,
                        frame: image.frame.saturating_add(1),
                        box_px,
                        cuts,
                        limits,
                        volume,
                    };
                    (vec![decoding.region(&request)?], modality)
                }
                None => {
                    let request = DecodeRequest {
                        source,
                        limits,
                        thumbnail_px: 1,
                        cuts,
                        volume,
                    };
                    let decoded = decoding.decode(&request)?;
                    (decoded.views, modality.or(decoded.header.facts.modality))
                }
            };
            let step = views.len().div_ceil(MAX_QUERY_VIEWS).max(1);
            let chosen: Vec<_> = views.iter().step_by(step).map(|view| &view.rgb).collect();
            Ok((serving.encoder.question_images(&chosen)?, modality))
        })
        .await?
    }

    /// The example case itself and everything of its patient stay out of the answer.
    pub(super) async fn left_out(&self, request: &SearchRequest) -> Result<LeftOut, EngineError> {
        let Some(case_id) = &request.case else {
            return Ok(LeftOut::default());
        };
        let case_no: CaseNo = self.known_case_no(case_id).await?;
        let summaries = self.inner.catalog.case_summaries(&[case_no]).await?;
        let patient = summaries.first().map_or(0, |summary| {
            patient_number(summary.facts.patient.as_deref())
        });
        Ok(LeftOut {
            cases: vec![case_no.0],
            patients: if patient == 0 || request.same_patient {
                Vec::new()
            } else {
                vec![patient]
            },
        })
    }
}
