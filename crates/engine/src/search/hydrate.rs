//! Ranked case numbers become hits: facts from the catalog, views that matched, passages cut at the matched words.
//! A case that the catalog no longer has is left out.

use std::collections::HashMap;
use std::sync::Arc;

use casekin_catalog::{CaseNo, CaseSummary, HydratedView, PixelBox};
use casekin_index::{Filter, NearestQuery, ViewMatch};

use super::duplicates::{self, Shown, ShownView};
use super::ways::{Found, Ranked};
use crate::answer::{FoundBy, Hit, HitView, Passage, PassagePart, QueryPart, QueryView};
use crate::convert::to_index_location;
use crate::error::EngineError;
use crate::judgement::Kind;
use crate::library::{Library, Serving};
use crate::query::Way;

/// Views of one hit that are shown.
const SHOWN_VIEWS: usize = 8;

/// Found cases on their way into an answer.
pub(super) struct Hydration<'a> {
    pub(super) serving: &'a Arc<Serving>,
    pub(super) found: &'a Found,
    /// The question's own.
    pub(super) filter: &'a Filter,
    pub(super) top: usize,
    pub(super) keep_duplicates: bool,
}

impl Library {
    /// The best `top` cases with near-duplicates counted at the first of them; what those leave free goes to the next.
    pub(super) async fn hydrate(
        &self,
        with: &Hydration<'_>,
        ranked: Vec<Ranked>,
    ) -> Result<Vec<Hit>, EngineError> {
        let mut hits: Vec<Shown> = Vec::with_capacity(with.top);
        let mut rest = ranked.into_iter().peekable();
        while hits.len() < with.top && rest.peek().is_some() {
            let next: Vec<Ranked> = rest.by_ref().take(with.top - hits.len()).collect();
            let mut next = self.hydrated(with, next).await?;
            if !with.keep_duplicates {
                self.print_doubtful(&mut hits, &mut next).await;
            }
            for shown in next {
                duplicates::add(&mut hits, shown, with.keep_duplicates);
            }
        }
        Ok(hits.into_iter().map(|shown| shown.hit).collect())
    }

    /// Reads the thumbnails without which it cannot be said whether two views are of the same picture.
    async fn print_doubtful(&self, hits: &mut [Shown], next: &mut [Shown]) {
        let mut prints = HashMap::new();
        for (image_id, key) in duplicates::in_doubt(hits, next) {
            let print = self.print(&image_id, &key).await;
            prints.insert(image_id, print);
        }
        let views = hits.iter_mut().chain(next).flat_map(|one| &mut one.views);
        for view in views {
            if let Some(print) = prints.get(&view.image_id) {
                view.print.clone_from(print);
            }
        }
    }

    /// Cases with what the catalog knows of them, but those that are gone.
    async fn hydrated(
        &self,
        with: &Hydration<'_>,
        ranked: Vec<Ranked>,
    ) -> Result<Vec<Shown>, EngineError> {
        let found = with.found;
        let cases: Vec<CaseNo> = ranked.iter().map(|one| CaseNo(one.case_no)).collect();
        let of_pictures = async {
            let matched = matched_of(with, &ranked).await?;
            let views = self.views_of(&matched, &cases).await?;
            let vectors = vectors_of(with.serving, &views).await?;
            let is_shown = |case: &CaseNo| {
                let mut of_case = matched.get(&case.0).into_iter().flatten();
                of_case.any(|view| views.contains_key(&(case.0, view.view_no)))
            };
            let hidden: Vec<CaseNo> = cases
                .iter()
                .copied()
                .filter(|case| !is_shown(case))
                .collect();
            let first = self.first_images(with, &hidden).await?;
            Ok((matched, views, vectors, first))
        };
        let ((matched, views_by_no, vectors, mut first), summaries, mut passages) = tokio::try_join!(
            of_pictures,
            async { Ok(self.inner.catalog.case_summaries(&cases).await?) },
            passages_of(with, &ranked),
        )?;
        let summaries: HashMap<u64, CaseSummary> = summaries
            .into_iter()
            .map(|one| (one.case_no.0, one))
            .collect();
        let mut hits = Vec::with_capacity(ranked.len());
        for one in ranked {
            let Some(summary) = summaries.get(&one.case_no) else {
                continue;
            };
            let matched = matched.get(&one.case_no).map_or(&[][..], Vec::as_slice);
            let shown = matched.iter().filter_map(|view| {
                let at = (one.case_no, view.view_no);
                let row = views_by_no.get(&at)?;
                Some(ShownView {
                    image_id: row.image_id.clone(),
                    thumbnail_key: row.thumbnail_key.clone(),
                    vector: vectors.get(&at)?.clone(),
                    decides: view.decides,
                    print: None,
                })
            });
            let views = shown.collect();
            let of_matched = views_shown(found, (one.case_no, matched), &views_by_no);
            let shown = match of_matched.is_empty() {
                true => first.remove(&one.case_no).into_iter().collect(),
                false => of_matched,
            };
            hits.push(Shown {
                hit: hit(
                    &one,
                    summary,
                    found,
                    shown,
                    passages.remove(&one.case_no).unwrap_or_default(),
                ),
                views,
            });
        }
        Ok(hits)
    }

    async fn views_of(
        &self,
        matched: &HashMap<u64, Vec<ViewMatch>>,
        cases: &[CaseNo],
    ) -> Result<HashMap<(u64, u32), HydratedView>, EngineError> {
        let wanted: Vec<(CaseNo, Vec<u32>)> = cases
            .iter()
            .filter_map(|case| {
                let views = matched.get(&case.0)?.iter();
                Some((*case, views.map(|view| view.view_no).collect()))
            })
            .collect();
        let hydrated = self.inner.catalog.hydrate(&wanted).await?;
        Ok(hydrated
            .into_iter()
            .map(|view| ((view.view.case_no.0, view.view.view_no), view))
            .collect())
    }
}

/// The views that match, of those cases that were found by vectors.
async fn matched_of(
    with: &Hydration<'_>,
    ranked: &[Ranked],
) -> Result<HashMap<u64, Vec<ViewMatch>>, EngineError> {
    let found = with.found;
    let mut asked: Vec<(Arc<NearestQuery>, Vec<u64>)> = found
        .vectors
        .iter()
        .map(|vectors| (Arc::clone(&vectors.query), Vec::new()))
        .collect();
    for one in ranked {
        if let Some(at) = found.by_vectors.get(&one.case_no) {
            asked[*at].1.push(one.case_no);
        }
    }
    asked.retain(|(_, cases)| !cases.is_empty());
    let index = with.serving.index.clone();
    let read = move || {
        let mut matched = HashMap::new();
        for (query, cases) in asked {
            matched.extend(index.matched_views(&query, &cases)?);
        }
        Ok::<_, EngineError>(matched)
    };
    let mut matched: HashMap<u64, Vec<ViewMatch>> = tokio::task::spawn_blocking(read).await??;
    let views = matched.values_mut();
    views.for_each(|views| views.truncate(SHOWN_VIEWS));
    Ok(matched)
}

/// The vectors of views; one that cannot be read is left out, and its picture is nobody's duplicate.
async fn vectors_of(
    serving: &Arc<Serving>,
    views: &HashMap<(u64, u32), HydratedView>,
) -> Result<HashMap<(u64, u32), Vec<f32>>, EngineError> {
    let places: Vec<_> = views
        .iter()
        .map(|(view, row)| (*view, to_index_location(row.location)))
        .collect();
    let log = Arc::clone(&serving.log);
    let read = move || {
        let read = places.into_iter();
        read.filter_map(|(view, at)| Some((view, log.read(&at).ok()?)))
            .collect()
    };
    Ok(tokio::task::spawn_blocking(read).await?)
}

/// What cases say, of those that were found by words: the report's passages first.
async fn passages_of(
    with: &Hydration<'_>,
    ranked: &[Ranked],
) -> Result<HashMap<u64, Vec<Passage>>, EngineError> {
    let found = with.found;
    let by_words = |one: &&Ranked| {
        let mut ways = one.ways.iter().map(|(way, _)| found.lists[*way].way);
        ways.any(|way| matches!(way, Way::Report | Way::Label))
    };
    let cases: Vec<u64> = ranked
        .iter()
        .filter(by_words)
        .map(|one| one.case_no)
        .collect();
    if cases.is_empty() {
        return Ok(HashMap::new());
    }
    let (index, asked) = (with.serving.index.clone(), found.words.clone());
    let read = move || {
        let mut passages: HashMap<u64, Vec<Passage>> = HashMap::new();
        for query in &asked {
            for (case_no, found) in index.passages(query, &cases)? {
                let of_case = passages.entry(case_no).or_default();
                of_case.extend(found.iter().map(passage));
            }
        }
        Ok::<_, EngineError>(passages)
    };
    tokio::task::spawn_blocking(read).await?
}

fn hit(
    ranked: &Ranked,
    summary: &CaseSummary,
    found: &Found,
    views: Vec<HitView>,
    passages: Vec<Passage>,
) -> Hit {
    let found_by = ranked.ways.iter().map(|&(way, way_rank)| {
        let list = &found.lists[way];
        let score = list
            .cases
            .get(way_rank - 1)
            .map_or(0.0, |(_, score)| *score);
        FoundBy {
            way: list.way,
            rank: way_rank as u32,
            score,
        }
    });
    let facts = &summary.facts;
    let similarity = views
        .iter()
        .filter_map(|view| view.similarity)
        .reduce(f32::max);
    let kind = found.vectors_of(ranked.case_no).map(|asked| asked.kind);
    let nearer_than = similarity
        .zip(found.calibration.as_ref())
        .zip(kind)
        .and_then(|((similarity, calibration), kind)| {
            // A single view is compared as pictures are, whatever asked.
            let kind = if kind == Kind::Text {
                Kind::Text
            } else {
                Kind::Picture
            };
            calibration.nearer_than(kind, similarity)
        });
    Hit {
        rank: 0,
        case_id: summary.case_id.clone(),
        score: ranked.score,
        similarity,
        nearer_than,
        title: facts.title.clone().unwrap_or_default(),
        labels: facts.labels.clone(),
        modalities: summary.modalities.clone(),
        body_parts: summary.body_parts.clone(),
        date: facts.date.clone(),
        sex: facts.sex.clone(),
        age_years: facts.age_years.map(|years| years as f32),
        synthetic: facts.synthetic,
        found_by: found_by.collect(),
        views,
        passages,
        duplicates: Vec::new(),
    }
}

/// The views that matched, best first.
fn views_shown(
    found: &Found,
    (case_no, matched): (u64, &[ViewMatch]),
    hydrated: &HashMap<(u64, u32), HydratedView>,
) -> Vec<HitView> {
    matched
        .iter()
        .filter_map(|view| Some((view, hydrated.get(&(case_no, view.view_no))?)))
        .map(|(view, row)| HitView {
            image_id: row.image_id.clone(),
            path: None,
            similarity: Some(view.cosine),
            box_px: row.box_px.map_or([0; 4], box_of),
            frame: row.frame.unwrap_or(0),
            kind: row.kind.clone(),
            modality: row.modality.clone(),
            matched: query_view(found, case_no, view.query_no),
            alike: 0,
            alike_images: Vec::new(),
        })
        .collect()
}

/// The part of the question that a case's view is nearest to.
fn query_view(found: &Found, case_no: u64, query_no: usize) -> Option<QueryView> {
    match found.vectors_of(case_no).map(|asked| asked.kind) {
        Some(Kind::Text) => Some(QueryView {
            part: QueryPart::Text,
            image: None,
            image_id: None,
            case_id: None,
            frame: 0,
            box_px: [0; 4],
        }),
        _ => found.parts.get(query_no).cloned(),
    }
}

pub(crate) fn box_of(at: PixelBox) -> [u32; 4] {
    [at.x_px, at.y_px, at.width_px, at.height_px]
}

fn passage(found: &casekin_index::Passage) -> Passage {
    Passage {
        section: found.field.clone(),
        parts: parts(&found.text, &found.marks),
    }
}

/// Cuts a text at its marks. Marks that overlap, run backwards or split a character are passed over.
fn parts(text: &str, marks: &[(usize, usize)]) -> Vec<PassagePart> {
    let mut parts = Vec::new();
    let mut at = 0;
    for &(start, end) in marks {
        if start < at
            || end <= start
            || !text.is_char_boundary(start)
            || !text.is_char_boundary(end)
            || end > text.len()
        {
            continue;
        }
        if start > at {
            parts.push(PassagePart {
                text: text[at..start].to_owned(),
                mark: false,
            });
        }
        parts.push(PassagePart {
            text: text[start..end].to_owned(),
            mark: true,
        });
        at = end;
    }
    if at < text.len() {
        parts.push(PassagePart {
            text: text[at..].to_owned(),
            mark: false,
        });
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_passage_is_cut_at_its_marks_and_put_together_again() {
        let text = "kleiner Erguß links";
        let cut = parts(text, &[(8, 14), (3, 5), (13, 20), (15, 20)]);
        assert_eq!(
            cut.iter()
                .map(|part| part.text.as_str())
                .collect::<String>(),
            text
        );
        let marked: Vec<&str> = cut
            .iter()
            .filter(|part| part.mark)
            .map(|part| part.text.as_str())
            .collect();
        assert_eq!(marked, ["Erguß", "links"]);
    }
}
