//! Near-duplicates: the same picture in another file, under another case, or a slice beside its neighbour. They count,
//! and take no places of their own.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::prints::Print;
use crate::answer::{Hit, HitView};
use crate::dot::dot;

/// Vectors of the same picture in two files, of another size or compression, have at least this cosine. Different
/// pictures may have it too: their thumbnails decide.
const MAY_BE_SAME: f32 = 0.97;
/// Frames or parts of one picture with at least this cosine show the same.
const NEAR_IDENTICAL: f32 = 0.995;
/// Thumbnails that one answer looks at, at the most; what is beyond is nobody's duplicate.
const MAX_PRINTS: usize = 256;

/// A hit with what tells its views apart, in the same order; empty where it was not found by pictures.
pub(super) struct Shown {
    pub(super) hit: Hit,
    pub(super) views: Vec<ShownView>,
}

/// A view that matched.
#[derive(Clone)]
pub(super) struct ShownView {
    pub(super) image_id: String,
    pub(super) thumbnail_key: Option<String>,
    pub(super) vector: Vec<f32>,
    /// It is its case's nearest to some view of the question: those gave the case its rank.
    pub(super) decides: bool,
    /// Of its picture's thumbnail, where it was needed.
    pub(super) print: Option<Arc<Print>>,
}

impl ShownView {
    fn may_be(&self, other: &Self) -> bool {
        dot(&self.vector, &other.vector) >= MAY_BE_SAME
    }

    fn is_same(&self, other: &Self) -> bool {
        if self.image_id == other.image_id {
            return dot(&self.vector, &other.vector) >= NEAR_IDENTICAL;
        }
        let prints = self.print.as_ref().zip(other.print.as_ref());
        self.may_be(other) && prints.is_some_and(|(own, others)| own.is_same(others))
    }
}

/// Pictures whose thumbnails must be compared before `next` can be added to `hits`, with the keys of those.
pub(super) fn in_doubt(hits: &[Shown], next: &[Shown]) -> BTreeMap<String, String> {
    let mut needed = BTreeMap::new();
    for (number, shown) in next.iter().enumerate() {
        let own = shown.views.iter().enumerate();
        let beside = own.flat_map(|(at, view)| {
            let before = &shown.views[..at];
            before.iter().map(move |other| (view, other))
        });
        let better = hits.iter().chain(&next[..number]);
        let elsewhere = better.flat_map(|better| {
            let deciding = shown.deciding();
            deciding.flat_map(|view| better.views.iter().map(move |other| (view, other)))
        });
        for (view, other) in beside.chain(elsewhere) {
            if view.image_id == other.image_id || !view.may_be(other) {
                continue;
            }
            if needed.len() + 2 > MAX_PRINTS {
                return needed;
            }
            for doubtful in [view, other] {
                let key = doubtful.thumbnail_key.clone();
                needed.extend(key.map(|key| (doubtful.image_id.clone(), key)));
            }
        }
    }
    needed
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
            let same = kept.iter_mut().find(|(_, other)| other.is_same(&shown));
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

    /// The views that gave the hit its rank, as far as they are among those that it shows.
    fn deciding(&self) -> impl Iterator<Item = &ShownView> {
        self.views.iter().filter(|view| view.decides)
    }

    /// Whether this hit shows nothing that `better` does not: each view that gave it its rank is near-identical to one of
    /// the other's, and no way found it that did not find the other.
    fn repeats(&self, better: &Self) -> bool {
        // Where no view that decided could be read, nothing is known of them.
        self.deciding().next().is_some()
            && self
                .deciding()
                .all(|own| better.views.iter().any(|other| own.is_same(other)))
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
        // However many: what the ways hand over bounds them, and a count that stops would be none.
        Some(better) => better.hit.duplicates.push(next.hit.case_id),
        None => {
            next.hit.rank = hits.len() as u32 + 1;
            next.collapse_views();
            hits.push(next);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::FoundBy;
    use crate::query::Way;

    /// A view whose thumbnail is `print`.
    fn view_of(
        (image_id, print): (&str, &Arc<Print>),
        degrees: f32,
        decides: bool,
    ) -> (HitView, ShownView) {
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
        let view = ShownView {
            image_id: image_id.into(),
            thumbnail_key: Some(image_id.into()),
            vector: vec![degrees.to_radians().cos(), degrees.to_radians().sin()],
            decides,
            print: Some(Arc::clone(print)),
        };
        (shown, view)
    }

    /// A view whose thumbnail is like all others.
    fn view(image_id: &str, degrees: f32, decides: bool) -> (HitView, ShownView) {
        view_of((image_id, &Print::drawn(1)), degrees, decides)
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
        Shown {
            hit,
            views: views.iter().map(|(_, shown)| shown.clone()).collect(),
        }
    }

    #[test]
    fn a_picture_under_another_case_is_counted_and_takes_no_place() {
        let mut hits = Vec::new();
        let pictures = [Way::Image];
        add(
            &mut hits,
            shown("a", &[view("1", 0.0, true)], &pictures),
            false,
        );
        // Its other picture is its own, but the one that was asked for is a copy.
        let copy = [view("2", 0.5, true), view("3", 60.0, false)];
        add(&mut hits, shown("b", &copy, &pictures), false);
        add(
            &mut hits,
            shown("c", &[view("4", 30.0, true)], &pictures),
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
            shown("a", &[view("1", 0.0, true)], &[Way::Image]),
            false,
        );
        // Another part of the question found another picture.
        let two = [view("2", 0.0, true), view("3", 60.0, true)];
        add(&mut hits, shown("b", &two, &[Way::Image]), false);
        // Its report says the words, the other's does not.
        let ways = [Way::Image, Way::Report];
        add(&mut hits, shown("c", &[view("4", 0.0, true)], &ways), false);
        // Found by words alone: no picture to compare.
        add(&mut hits, shown("d", &[], &[Way::Report]), false);
        assert_eq!(hits.len(), 4);
    }

    #[test]
    fn every_copy_is_counted() {
        let mut hits = Vec::new();
        for number in 0..100 {
            let copy = [view(&number.to_string(), 0.0, true)];
            add(
                &mut hits,
                shown(&number.to_string(), &copy, &[Way::Image]),
                false,
            );
        }
        assert_eq!(hits.len(), 1);
        assert_eq!(hits[0].hit.duplicates.len(), 99);
    }

    #[test]
    fn a_case_of_which_no_view_that_decided_is_known_repeats_nothing() {
        let mut hits = Vec::new();
        let ways = [Way::Image];
        add(&mut hits, shown("a", &[view("1", 0.0, true)], &ways), false);
        add(
            &mut hits,
            shown("b", &[view("2", 0.0, false)], &ways),
            false,
        );
        assert_eq!(hits.len(), 2);
    }

    #[test]
    fn neighbours_of_one_case_are_one_view_with_a_count() {
        let slices = [
            view("1", 0.0, true),
            view("1", 1.0, true),
            view("2", 2.0, true),
            view("3", 40.0, true),
        ];
        let mut hits = Vec::new();
        add(&mut hits, shown("a", &slices, &[Way::Image]), false);
        let views = &hits[0].hit.views;
        assert_eq!(views.len(), 2);
        assert_eq!((views[0].alike, views[1].alike), (2, 0));
        assert_eq!(views[0].alike_images, ["2"]);
    }

    #[test]
    fn another_picture_with_the_same_vector_is_no_duplicate() {
        let mut hits = Vec::new();
        add(
            &mut hits,
            shown("a", &[view("1", 0.0, true)], &[Way::Image]),
            false,
        );
        let other = view_of(("2", &Print::drawn(2)), 0.0, true);
        let next = [shown("b", &[other], &[Way::Image])];
        let doubtful: Vec<String> = in_doubt(&hits, &next).into_keys().collect();
        assert_eq!(doubtful, ["1", "2"]);
        let [next] = next;
        add(&mut hits, next, false);
        assert_eq!(hits.len(), 2);
        // Far apart by vector: no thumbnail is looked at.
        let far = [shown("c", &[view("3", 80.0, true)], &[Way::Image])];
        assert!(in_doubt(&hits, &far).is_empty());
    }
}
