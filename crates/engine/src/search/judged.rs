//! What the best match of a way by vectors comes to: under the question's filters by what kin its family would have there, and
//! in the whole library, for what nothing in the library is like has no match in a part of it either.

use casekin_index::{Aggregate, Filter, NearestQuery};

use super::ways::{Asked, family_of, own_filter};
use crate::answer::Judgement;
use crate::error::EngineError;
use crate::judgement::Kind;
use crate::library::Serving;
use crate::query::Way;

/// Judges what a way found: `nearest` is the similarity of the first case. `None` where nothing was found, or nothing is
/// known yet of what similarities mean here.
pub(super) fn judged(
    serving: &Serving,
    asked: &Asked,
    (way, kind): (Way, Kind),
    query: &NearestQuery,
    nearest: Option<f32>,
) -> Result<Option<Judgement>, EngineError> {
    let (Some(calibration), Some(nearest)) = (&asked.calibration, nearest) else {
        return Ok(None);
    };
    let best = best_of(serving, way, query)?.unwrap_or(nearest);
    let share = share_of(serving, asked, way)?;
    let mut judgement = calibration.judge(way, kind, best, share);
    if judgement.no_match || asked.filter == Filter::All {
        return Ok(Some(judgement));
    }
    // Of a small part little can be asked: kin may be missing by chance. Of the library more can.
    let in_library = |best: f32| calibration.judge(way, kind, best, 1.0);
    if in_library(best).no_match {
        let unfiltered = NearestQuery {
            filter: own_filter(asked, way),
            ..query.clone()
        };
        let found = match best_of(serving, way, &unfiltered)? {
            Some(best) => Some(best),
            None => first_of(serving, unfiltered)?,
        };
        let of_library = found.map(in_library).filter(|judged| judged.no_match);
        if let Some(of_library) = of_library {
            judgement.needed = of_library.needed;
            judgement.no_match = true;
        }
    }
    Ok(Some(judgement))
}

/// The similarity that is judged, where it is not that of the first case: what a match must reach was drawn by means over
/// views, and by words of one finding. Words of several have a match where one of them has.
fn best_of(serving: &Serving, way: Way, query: &NearestQuery) -> Result<Option<f32>, EngineError> {
    if query.vectors.len() < 2 {
        return Ok(None);
    }
    if way != Way::TextToImage {
        return match query.aggregate {
            Aggregate::Mean => Ok(None),
            _ => first_of(serving, query.clone()),
        };
    }
    let mut best = None;
    for vector in &query.vectors {
        let alone = NearestQuery {
            vectors: vec![vector.clone()],
            ..query.clone()
        };
        best = best
            .into_iter()
            .chain(first_of(serving, alone)?)
            .reduce(f32::max);
    }
    Ok(best)
}

/// The similarity of the nearest case, by the mean.
fn first_of(serving: &Serving, query: NearestQuery) -> Result<Option<f32>, EngineError> {
    let answer = serving.index.rank_by_vectors(&NearestQuery {
        aggregate: Aggregate::Mean,
        k: 1,
        ..query
    })?;
    Ok(answer.cases.first().map(|(_, score)| *score))
}

/// The share of the cases among which a way's question may have kin that the question's own filters let through. Kin of
/// pictures are of their family: `modality=CT` lets through few cases, and all that a CT could find.
fn share_of(serving: &Serving, asked: &Asked, way: Way) -> Result<f64, EngineError> {
    let family = family_of(asked);
    if way != Way::Image || asked.filter == Filter::All || family == Filter::All {
        return Ok(asked.share);
    }
    let passing = Filter::all_of([asked.filter.clone(), family.clone()]);
    let (passing, all) = (
        serving.index.count(&passing)?,
        serving.index.count(&family)?,
    );
    Ok(match passing {
        // None of its kin passes, so what is found is of other families, as likely there as any case.
        0 => asked.share,
        _ => passing as f64 / all.max(1) as f64,
    })
}
