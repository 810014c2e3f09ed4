//! A question's vectors: what it shows and says is encoded, what it names in the library is read, and marks move it.

mod ground;
mod pictures;

use std::sync::Arc;

use casekin_catalog::CaseNo;
use casekin_reports::query_words;

use super::feedback;
use crate::answer::{Mark, QueryPart, QueryView};
use crate::convert::{patient_number, to_index_location};
use crate::error::EngineError;
use crate::judgement::Kind;
use crate::library::{Library, Serving};
use crate::query::{SearchRequest, Way};

use super::hydrate::box_of;

/// Views of one example case or picture that take part in a question.
const MAX_PART_VIEWS: usize = 64;
/// Views of all of them together.
const MAX_QUESTION_VIEWS: usize = casekin_index::MAX_QUERY_VIEWS;
/// Sentences of a question's words that are compared with pictures.
pub(crate) const MAX_QUERY_SENTENCES: usize = 16;

/// The vectors of a question.
#[derive(Default)]
pub(super) struct QuestionVectors {
    /// Of example pictures, of the example case, or of marks where there are neither.
    pub(super) pictures: Vec<Vec<f32>>,
    /// What each of those vectors is of.
    pub(super) parts: Vec<QueryView>,
    /// Modalities of those pictures, as far as they say.
    pub(super) modalities: Vec<Option<String>>,
    /// What kind of question the pictures are.
    pub(super) kind: Option<Kind>,
    /// Of the words, by the text tower: one of each sentence that affirms.
    pub(super) sentences: Vec<Vec<f32>>,
    /// How much the way by pictures counts, before the question's own weights.
    pub(super) picture_weight: f64,
}

/// One view with its vector.
pub(super) struct AskedView {
    vector: Vec<f32>,
    modality: Option<String>,
    part: QueryView,
}

/// A case that the question marks.
pub(super) struct MarkedCase {
    pub(super) mark: Mark,
    pub(super) case_no: u64,
    patient: Option<String>,
    views: Vec<AskedView>,
}

/// Cases and patients that must not answer.
#[derive(Clone, Default)]
pub(super) struct LeftOut {
    /// The example case, the marked ones, and those of their patients.
    pub(super) cases: Vec<u64>,
    pub(super) patients: Vec<u64>,
}

impl QuestionVectors {
    fn push(&mut self, view: AskedView) {
        self.pictures.push(view.vector);
        self.parts.push(view.part);
        self.modalities.push(view.modality);
    }

    /// Leaves as many views as a question may have, evenly spread over all that it shows.
    fn thin(&mut self, notices: &mut Vec<String>) {
        let count = self.pictures.len();
        if count > MAX_QUESTION_VIEWS {
            thin(&mut self.pictures, MAX_QUESTION_VIEWS);
            thin(&mut self.parts, MAX_QUESTION_VIEWS);
            thin(&mut self.modalities, MAX_QUESTION_VIEWS);
            notices.push(format!(
                "The pictures of this question have {count} views, slices and frames among them; it was asked with \
                 {MAX_QUESTION_VIEWS} of them, evenly spread"
            ));
        }
    }

    /// Lets marks move the pictures, or stand for them where the question has none.
    fn follow(&mut self, marks: &[MarkedCase]) {
        let vectors = |relevant: bool| -> Vec<Vec<Vec<f32>>> {
            marks
                .iter()
                .filter(|marked| marked.mark.relevant == relevant)
                .map(|marked| {
                    marked
                        .views
                        .iter()
                        .map(|view| view.vector.clone())
                        .collect()
                })
                .collect()
        };
        let (relevant, not_relevant) = (vectors(true), vectors(false));
        let seen = |marks: &[Vec<Vec<f32>>]| marks.iter().filter(|one| !one.is_empty()).count();
        self.picture_weight = 1.0;
        let mut pulling: Vec<&[Vec<f32>]> = relevant.iter().map(Vec::as_slice).collect();
        if self.pictures.is_empty() {
            for marked in marks.iter().filter(|marked| marked.mark.relevant) {
                for at in feedback::asking_views(marked.views.len()) {
                    let view = &marked.views[at];
                    self.pictures.push(view.vector.clone());
                    self.parts.push(view.part.clone());
                    self.modalities.push(view.modality.clone());
                }
            }
            self.picture_weight = feedback::weight_beside_words(seen(&relevant).max(1));
            pulling.clear();
        }
        if !self.pictures.is_empty() && seen(&relevant) + seen(&not_relevant) > 0 {
            let pushing: Vec<&[Vec<f32>]> = not_relevant.iter().map(Vec::as_slice).collect();
            self.pictures = feedback::moved(&self.pictures, &pulling, &pushing);
            self.kind = Some(Kind::Marked);
        }
    }
}

/// Keeps `most` of more, evenly spread.
fn thin<T>(all: &mut Vec<T>, most: usize) {
    let count = all.len().max(1);
    let mut place = 0;
    all.retain(|_| {
        place += 1;
        place * most / count > (place - 1) * most / count
    });
}

impl Library {
    /// Encodes what a question shows and says. Without a model, words alone are left and a notice says why; it is an error
    /// where the question wants no words in reports and labels.
    pub(super) async fn question_vectors(
        &self,
        serving: &Arc<Serving>,
        request: &SearchRequest,
        marks: &[MarkedCase],
        notices: &mut Vec<String>,
    ) -> Result<QuestionVectors, EngineError> {
        let mut vectors = QuestionVectors::default();
        if let Some(case_id) = &request.case {
            let case_no = self.known_case_no(case_id).await?;
            let views = self.case_views(serving, case_no, QueryPart::Case).await?;
            views.into_iter().for_each(|view| vectors.push(view));
            vectors.kind = Some(Kind::Case);
        }
        let unseen = request.case.is_some() && vectors.pictures.is_empty();
        for (number, image) in (0..).zip(&request.images) {
            let views = self.image_views(serving, image, number).await?;
            vectors.kind = Some(match (vectors.kind, image.box_px, views.len()) {
                (None, Some(_), _) | (Some(Kind::Region), ..) => Kind::Region,
                (None, None, 1) => Kind::Picture,
                _ => Kind::Case,
            });
            views.into_iter().for_each(|view| vectors.push(view));
        }
        vectors.thin(notices);
        vectors.follow(marks);
        if unseen {
            let told = match request.text.is_none() && vectors.pictures.is_empty() {
                true => "it was searched by its words alone",
                false => "it had no part in the answer, the rest of the question was asked",
            };
            notices.push(format!("This case has no encoded picture yet; {told}"));
        }
        self.check_ground(request, &vectors, notices).await?;
        let asked = |way| request.ways.as_ref().is_none_or(|ways| ways.contains(&way));
        if let Some(text) = request.text.as_ref().filter(|_| asked(Way::TextToImage)) {
            let alone = !asked(Way::Report) && !asked(Way::Label) && vectors.pictures.is_empty();
            vectors.sentences = match self.sentence_vectors(serving, text, notices).await {
                Err(EngineError::NoEncoder { reason }) if !alone => {
                    notices.push(format!("Only words were searched, no pictures: {reason}"));
                    Vec::new()
                }
                sentences => sentences?,
            };
        }
        Ok(vectors)
    }

    /// A sentence is what the text tower was trained on, and 64 tokens are all that it reads: of a whole paragraph, one
    /// vector would say little (docs/EVALUATION.md). A case answers by its best picture for each sentence.
    async fn sentence_vectors(
        &self,
        serving: &Arc<Serving>,
        text: &str,
        notices: &mut Vec<String>,
    ) -> Result<Vec<Vec<f32>>, EngineError> {
        // A negation means nothing to the text tower (arXiv:2501.09425): it is left to the reports.
        let mut sentences = query_words(text).sentences;
        if sentences.len() > MAX_QUERY_SENTENCES {
            notices.push(format!(
                "Pictures were compared with the first {MAX_QUERY_SENTENCES} of {} sentences; reports were searched for all",
                sentences.len()
            ));
            sentences.truncate(MAX_QUERY_SENTENCES);
        }
        if sentences.is_empty() {
            return Ok(Vec::new());
        }
        serving.encoder.ask_texts(sentences).await
    }

    /// The vectors of a case's views; of a long series, views evenly spread stand for all.
    async fn case_views(
        &self,
        serving: &Arc<Serving>,
        case_no: CaseNo,
        part: QueryPart,
    ) -> Result<Vec<AskedView>, EngineError> {
        let entries = self.inner.catalog.case_entries(&[case_no]).await?;
        let Some(entry) = entries.into_iter().next() else {
            return Ok(Vec::new());
        };
        let step = entry.views.len().div_ceil(MAX_PART_VIEWS).max(1);
        let log = Arc::clone(&serving.log);
        tokio::task::spawn_blocking(move || {
            let chosen = entry.views.into_iter().step_by(step);
            let asked = chosen.map(|view| {
                Ok(AskedView {
                    vector: log.read(&to_index_location(view.location))?,
                    modality: view.modality,
                    part: QueryView {
                        part,
                        image: None,
                        image_id: Some(view.image_id),
                        case_id: Some(entry.case_id.clone()),
                        frame: view.frame.unwrap_or(0),
                        box_px: view.box_px.map_or([0; 4], box_of),
                    },
                })
            });
            asked.collect()
        })
        .await?
    }

    /// The marked cases, relevant ones first, then in the library's own order, whatever order they were given in.
    pub(super) async fn marked(
        &self,
        serving: &Arc<Serving>,
        request: &SearchRequest,
    ) -> Result<Vec<MarkedCase>, EngineError> {
        let mut numbers = Vec::new();
        for (ids, relevant) in [(&request.relevant, true), (&request.not_relevant, false)] {
            for case_id in ids {
                let known = self.inner.catalog.case_no(case_id).await?;
                let case_no = known.ok_or_else(|| EngineError::NoSuchMarkedCase {
                    case_id: case_id.clone(),
                })?;
                numbers.push((case_no, relevant));
            }
        }
        numbers.sort_unstable_by_key(|(case_no, relevant)| (!relevant, case_no.0));
        // What is not relevant moves pictures; words alone have none.
        let only_words =
            request.images.is_empty() && request.case.is_none() && request.relevant.is_empty();
        let mut marks = Vec::with_capacity(numbers.len());
        for (case_no, relevant) in numbers {
            let summaries = self.inner.catalog.case_summaries(&[case_no]).await?;
            let Some(summary) = summaries.into_iter().next() else {
                continue;
            };
            let views = self
                .case_views(serving, case_no, QueryPart::Relevant)
                .await?;
            marks.push(MarkedCase {
                mark: Mark {
                    case_id: summary.case_id,
                    relevant,
                    title: summary.facts.title.unwrap_or_default(),
                    image_id: summary.first_image_id,
                    views: match only_words {
                        true => 0,
                        false => views.len() as u32,
                    },
                },
                case_no: case_no.0,
                patient: summary.facts.patient,
                views,
            });
        }
        Ok(marks)
    }

    /// The words by which cases without encoded pictures are searched: titles and labels of the example and of the
    /// relevant ones.
    pub(super) async fn words_of_cases(
        &self,
        request: &SearchRequest,
    ) -> Result<Option<String>, EngineError> {
        let mut words = Vec::new();
        for case_id in request.case.iter().chain(&request.relevant) {
            words.extend(self.case_words(case_id).await?);
        }
        Ok((!words.is_empty()).then(|| words.join(" ")))
    }

    async fn case_words(&self, case_id: &str) -> Result<Option<String>, EngineError> {
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

    /// The example case and the marked ones stay out of the answer, and everything of the example's and the relevant
    /// ones' patients.
    pub(super) async fn left_out(
        &self,
        request: &SearchRequest,
        marks: &[MarkedCase],
    ) -> Result<LeftOut, EngineError> {
        let mut cases: Vec<u64> = marks.iter().map(|marked| marked.case_no).collect();
        let relevant = marks.iter().filter(|marked| marked.mark.relevant);
        let mut pseudonyms: Vec<String> = relevant
            .filter_map(|marked| marked.patient.clone())
            .collect();
        if let Some(case_id) = &request.case {
            let case_no = self.known_case_no(case_id).await?;
            let summaries = self.inner.catalog.case_summaries(&[case_no]).await?;
            pseudonyms.extend(summaries.into_iter().filter_map(|one| one.facts.patient));
            cases.push(case_no.0);
        }
        if request.same_patient {
            pseudonyms.clear();
        }
        for pseudonym in &pseudonyms {
            let kin = self.inner.catalog.cases_of_patient(pseudonym).await?;
            cases.extend(kin.iter().map(|case_no| case_no.0));
        }
        cases.sort_unstable();
        cases.dedup();
        let number = |pseudonym: &String| patient_number(Some(pseudonym));
        Ok(LeftOut {
            cases,
            patients: pseudonyms.iter().map(number).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_much_is_thinned_evenly() {
        let thinned = |count: usize, most: usize| {
            let mut all: Vec<usize> = (0..count).collect();
            thin(&mut all, most);
            all
        };
        assert_eq!(thinned(4, 4), [0, 1, 2, 3]);
        assert_eq!(thinned(6, 3), [1, 3, 5]);
        let many = thinned(1_088, 1_024);
        assert_eq!(many.len(), 1_024);
        assert!(many.windows(2).all(|pair| pair[1] - pair[0] <= 2));
        assert!(thinned(0, 3).is_empty());
    }
}
