//! Near-duplicates: the same picture in another file, under another case, or a slice beside its neighbour. They count,
//! and take no places of their own.

use std::collections::HashSet;

use crate::answer::{Hit, HitView};

/// Pictures whose vectors have at least this cosine are taken for the same one. docs/EVALUATION.md says what it was
/// measured on.
pub(super) const NEAR_IDENTICAL: f32 = 0.995;
/// Ids that one hit lists at the most.
const LISTED: usize = 50;

/// A hit with the vectors of its views, in the same order; empty where it was not found by pictures.
pub(super) struct Shown {
    pub(super) hit: Hit,
    pub(super) views: Vec<ShownView>,
}

/// A view that matched.
pub(super) struct ShownView {
    pub(super) vector: Vec<f32>,
    /// The vector of the question that it is nearest to.
    pub(super) query_no: usize,
}

impl Shown {
    /// Takes views that are near-identical to a better one out of the list, and counts them there.
    pub(super) fn collapse_views(&mut self) {
        if self.views.len() != self.hit.views.len() {
            return;
        }
        let mut kept: Vec<(HitView, ShownView)> = Vec::new();
        let views = std::mem::take(&mut self.hit.views);
        for (view, shown) in views.into_iter().zip(std::mem::take(&mut self.views)) {
            let same = kept
                .iter_mut()
                .find(|(_, other)| cosine(&other.vector, &shown.vector) >= NEAR_IDENTICAL);
            match same {
                Some((first, _)) => {
                    first.alike += 1;
                    let named = view.image_id != first.image_id
                        && !first.alike_images.contains(&view.image_id);
                    if named {
                        first.alike_images.push(view.image_id);
                    }
                }
                None => kept.push((view, shown)),
            }
        }
        (self.hit.views, self.views) = kept.into_iter().unzip();
    }

    /// The nearest view to each part of the question: those that gave the hit its rank.
    fn deciding(&self) -> impl Iterator<Item = &ShownView> {
        let mut met = HashSet::new();
        self.views
            .iter()
            .filter(move |view| met.insert(view.query_no))
    }

    /// Whether this hit shows nothing that `better` does not: each view that gave it its rank is near-identical to one of
    /// the other's, and no way found it that did not find the other.
    fn repeats(&self, better: &Self) -> bool {
        !self.views.is_empty()
            && self.deciding().all(|own| {
                better
                    .views
                    .iter()
                    .any(|other| cosine(&own.vector, &other.vector) >= NEAR_IDENTICAL)
            })
            && self.hit.found_by.iter().all(|own| {
                let mut others = better.hit.found_by.iter();
                others.any(|other| other.way == own.way)
            })
    }
}

/// Adds a hit behind better ones, or to the one whose pictures it repeats.
pub(super) fn add(hits: &mut Vec<Shown>, mut next: Shown, keep_duplicates: bool) {
    let better = match keep_duplicates {
        true => None,
        false => hits.iter_mut().find(|better| next.repeats(better)),
    };
    match better {
        Some(better) => {
            if better.hit.duplicates.len() < LISTED {
                better.hit.duplicates.push(next.hit.case_id);
            }
        }
        None => {
            next.hit.rank = hits.len() as u32 + 1;
            next.collapse_views();
            hits.push(next);
        }
    }
}

/// Of vectors as they are stored: of length 1 but for rounding.
fn cosine(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::FoundBy;
    use crate::query::Way;

    fn view(image_id: &str, degrees: f32, query_no: usize) -> (HitView, ShownView) {
        let shown = HitView {
            image_id: image_id.into(),
            path: None,
            similarity: None,
            box_px: [0; 4],
            frame: 0,
            kind: "whole".into(),
            modality: None,
            matched: None,
            alike: 0,
            alike_images: Vec::new(),
        };
        let vector = vec![degrees.to_radians().cos(), degrees.to_radians().sin()];
        (shown, ShownView { vector, query_no })
    }

    fn shown(case_id: &str, views: &[(HitView, ShownView)], ways: &[Way]) -> Shown {
        let found = |way: &Way| FoundBy {
            way: *way,
            rank: 1,
            score: 0.0,
        };
        let hit = Hit {
            case_id: case_id.into(),
            views: views.iter().map(|(view, _)| view.clone()).collect(),
            found_by: ways.iter().map(found).collect(),
            ..Hit::default()
        };
        let views = views.iter().map(|(_, shown)| ShownView {
            vector: shown.vector.clone(),
            query_no: shown.query_no,
        });
        Shown {
            hit,
            views: views.collect(),
        }
    }

    #[test]
    fn a_picture_under_another_case_is_counted_and_takes_no_place() {
        let mut hits = Vec::new();
        let pictures = [Way::Image];
        add(
            &mut hits,
            shown("a", &[view("1", 0.0, 0)], &pictures),
            false,
        );
        // Its other picture is its own, but the one that was asked for is a copy.
        let copy = [view("2", 0.5, 0), view("3", 60.0, 0)];
        add(&mut hits, shown("b", &copy, &pictures), false);
        add(
            &mut hits,
            shown("c", &[view("4", 30.0, 0)], &pictures),
            false,
        );
        let ids: Vec<&str> = hits.iter().map(|one| one.hit.case_id.as_str()).collect();
        assert_eq!(ids, ["a", "c"]);
        assert_eq!(hits[0].hit.duplicates, ["b"]);
        assert_eq!(hits[1].hit.rank, 2);
        add(&mut hits, shown("b", &copy, &pictures), true);
        assert_eq!(hits.len(), 3, "kept where the question keeps duplicates");
    }

    #[test]
    fn a_case_with_something_of_its_own_stays() {
        let mut hits = Vec::new();
        add(
            &mut hits,
            shown("a", &[view("1", 0.0, 0)], &[Way::Image]),
            false,
        );
        // Another part of the question found another picture.
        let two = [view("2", 0.0, 0), view("3", 60.0, 1)];
        add(&mut hits, shown("b", &two, &[Way::Image]), false);
        // Its report says the words, the other's does not.
        let ways = [Way::Image, Way::Report];
        add(&mut hits, shown("c", &[view("4", 0.0, 0)], &ways), false);
        // Found by words alone: no picture to compare.
        add(&mut hits, shown("d", &[], &[Way::Report]), false);
        assert_eq!(hits.len(), 4);
    }

    #[test]
    fn neighbours_of_one_case_are_one_view_with_a_count() {
        let slices = [
            view("1", 0.0, 0),
            view("1", 1.0, 0),
            view("2", 2.0, 0),
            view("3", 40.0, 0),
        ];
        let mut hits = Vec::new();
        add(&mut hits, shown("a", &slices, &[Way::Image]), false);
        let views = &hits[0].hit.views;
        assert_eq!(views.len(), 2);
        assert_eq!((views[0].alike, views[1].alike), (2, 0));
        assert_eq!(views[0].alike_images, ["2"]);
    }
}
