//! Marks move a question: Rocchio's feedback (The SMART Retrieval System, 1971, chapter 14), view by view.
//!
//! Each view of the question is pulled towards the nearest view of each case marked as relevant and pushed from the
//! nearest one of each case marked as not relevant. What one mark can do is bounded, and so is what all of them can, so
//! that the question itself always weighs most.

use crate::dot::dot;

/// How far one relevant mark pulls a view of length 1.
const PULL_OF_ONE: f32 = 0.25;
/// How far all relevant marks pull together; Rocchio's β.
const PULL_OF_ALL: f32 = 0.75;
/// How far one mark as not relevant pushes.
const PUSH_OF_ONE: f32 = 0.1;
/// How far all of them push together; Rocchio's γ.
const PUSH_OF_ALL: f32 = 0.15;

/// Views by which one mark asks where a question has no picture of its own: a power of two, see [`asking_views`].
const VIEWS_OF_ONE_MARK: usize = 4;

/// Vectors of one marked case, each of length 1.
pub(super) type MarkedViews<'a> = &'a [Vec<f32>];

/// A question's views after feedback, each of length 1. Marks without views do nothing, and neither does the order in
/// which marks are given as long as the caller has one order for them.
pub(super) fn moved(
    question: &[Vec<f32>],
    relevant: &[MarkedViews<'_>],
    not_relevant: &[MarkedViews<'_>],
) -> Vec<Vec<f32>> {
    let seen = |marks: &[MarkedViews<'_>]| marks.iter().filter(|views| !views.is_empty()).count();
    let pull = share(PULL_OF_ONE, PULL_OF_ALL, seen(relevant));
    let push = share(PUSH_OF_ONE, PUSH_OF_ALL, seen(not_relevant));
    let moved_view = |view: &Vec<f32>| {
        let mut sum = view.clone();
        for mark in relevant {
            add(&mut sum, nearest(view, mark), pull);
        }
        for mark in not_relevant {
            add(&mut sum, nearest(view, mark), -push);
        }
        normalised(sum).unwrap_or_else(|| view.clone())
    };
    question.iter().map(moved_view).collect()
}

/// The part of each of `count` marks.
fn share(one: f32, all: f32, count: usize) -> f32 {
    one.min(all / count.max(1) as f32)
}

/// How much the way by pictures counts beside words where marks alone are its pictures: as one mark pulls, so it weighs.
pub(super) fn weight_beside_words(marks: usize) -> f64 {
    f64::from((PULL_OF_ONE * marks as f32).min(PULL_OF_ALL))
}

/// Which of a mark's views ask where the question has no picture of its own, by place. Every mark asks by the same number
/// of views, so that a series of 64 slices does not outweigh a radiograph: evenly spread ones of many, and of few each
/// several times.
pub(super) fn asking_views(count: usize) -> Vec<usize> {
    if count == 0 {
        return Vec::new();
    }
    let distinct = match count {
        1 => 1,
        2 | 3 => 2,
        _ => VIEWS_OF_ONE_MARK,
    };
    (0..VIEWS_OF_ONE_MARK)
        .map(|at| (at % distinct) * count / distinct)
        .collect()
}

fn nearest<'a>(view: &[f32], mark: MarkedViews<'a>) -> Option<&'a [f32]> {
    mark.iter()
        .map(|other| (dot(view, other), other))
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, other)| other.as_slice())
}

fn add(sum: &mut [f32], other: Option<&[f32]>, weight: f32) {
    for (held, own) in sum.iter_mut().zip(other.unwrap_or_default()) {
        *held += weight * own;
    }
}

fn normalised(mut vector: Vec<f32>) -> Option<Vec<f32>> {
    let length = dot(&vector, &vector).sqrt();
    (length.is_finite() && length > 1e-6).then(|| {
        for value in &mut vector {
            *value /= length;
        }
        vector
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(degrees: f32) -> Vec<f32> {
        vec![degrees.to_radians().cos(), degrees.to_radians().sin()]
    }

    fn angle(vector: &[f32]) -> f32 {
        vector[1].atan2(vector[0]).to_degrees()
    }

    #[test]
    fn relevant_marks_pull_and_the_others_push() {
        let (towards, away) = (vec![at(60.0)], vec![at(-20.0)]);
        let pulled = moved(&[at(0.0)], &[&towards], &[]);
        assert!(angle(&pulled[0]) > 5.0, "{}", angle(&pulled[0]));
        let both = moved(&[at(0.0)], &[&towards], &[&away]);
        assert!(angle(&both[0]) > angle(&pulled[0]));
        assert_eq!(moved(&[at(0.0)], &[], &[]), [at(0.0)]);
        assert_eq!(moved(&[at(0.0)], &[&[]], &[&[]]), [at(0.0)]);
    }

    #[test]
    fn no_mark_and_not_all_of_them_take_over() {
        // A mark as far to the side as can be turns the question by asin(0.25) at most, however many views it has.
        let far = vec![at(104.4); 64];
        let one = moved(&[at(0.0)], &[&far], &[]);
        assert!(
            angle(&one[0]) <= PULL_OF_ONE.asin().to_degrees() + 0.01,
            "{}",
            angle(&one[0])
        );
        // Sixteen of each together: the question stays nearer to itself than to any of them.
        let (pull, push) = (vec![at(120.0)], vec![at(-90.0)]);
        let all = moved(&[at(0.0)], &[pull.as_slice(); 16], &[push.as_slice(); 16]);
        let most = (PULL_OF_ALL + PUSH_OF_ALL).asin().to_degrees();
        assert!(angle(&all[0]) <= most, "{}", angle(&all[0]));
        assert!(weight_beside_words(1) < weight_beside_words(2));
        assert!(weight_beside_words(100) < 1.0);
    }

    #[test]
    fn each_view_follows_its_own_counterpart() {
        let mark = vec![at(10.0), at(170.0)];
        let all = moved(&[at(0.0), at(180.0)], &[&mark], &[]);
        assert!(angle(&all[0]) > 0.0 && angle(&all[0]) < 10.0);
        assert!(angle(&all[1]) > 170.0 && angle(&all[1]) < 180.0);
    }

    #[test]
    fn every_mark_asks_by_as_many_views() {
        assert_eq!(asking_views(1), [0, 0, 0, 0]);
        assert_eq!(asking_views(2), [0, 1, 0, 1]);
        assert_eq!(asking_views(3), [0, 1, 0, 1]);
        assert_eq!(asking_views(64), [0, 16, 32, 48]);
        assert!(asking_views(0).is_empty());
    }
}
