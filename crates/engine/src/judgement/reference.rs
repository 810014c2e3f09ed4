//! What a similarity means in one library: against random pairs of different patients, and against what the library's
//! own cases find when each is the question. Pure.

use serde::{Deserialize, Serialize};

/// The two distributions of one kind of question.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Reference {
    /// Of questions drawn from the library: similarities of cases of other patients at [`ranks`], best first.
    kin: Vec<Vec<f32>>,
    /// Of random pairs of different patients, ascending.
    random: Vec<f32>,
}

/// The first ranks that are kept one by one.
const DENSE_RANKS: usize = 32;

/// The ranks that are kept of a long list: all of the first, then ever fewer, each an eighth further down. What lies between
/// two is taken to be as little similar as the lower one.
fn ranks() -> impl Iterator<Item = usize> {
    std::iter::successors(Some(1), |rank| match *rank < DENSE_RANKS {
        true => Some(rank + 1),
        false => Some(rank + rank.div_ceil(8)),
    })
}

impl Reference {
    /// `kin`: of each question the similarities of the nearest cases of other patients, best first. `random`: of random pairs
    /// of different patients.
    pub(crate) fn new(kin: Vec<Vec<f32>>, mut random: Vec<f32>) -> Self {
        random.sort_unstable_by(f32::total_cmp);
        let kept = |nearest: Vec<f32>| {
            ranks()
                .map_while(|rank| nearest.get(rank - 1).copied())
                .collect()
        };
        Self {
            kin: kin.into_iter().map(kept).collect(),
            random,
        }
    }

    /// The similarity that a best match must reach among a `share` of the library's cases, so that no more than
    /// `wrongly` of the questions that are like the library's own are turned away. `None` where too few cases are
    /// there to say.
    ///
    /// A question of the library stands for those that will be asked (split conformal prediction: Vovk, Gammerman and
    /// Shafer 2005). Of a smaller selection each of its near cases is there with probability `share`, so the best
    /// that is there is not the best of all.
    pub(crate) fn needed(&self, share: f64, wrongly: f64) -> Option<f32> {
        let allowed = wrongly * (self.kin.len() + 1) as f64 - 1.0;
        if allowed < 0.0 {
            return None;
        }
        let absent = 1.0 - share.clamp(0.0, 1.0);
        let longest = self.kin.iter().map(Vec::len).max().unwrap_or(0);
        let all_absent: Vec<f64> = std::iter::once(0)
            .chain(ranks().take(longest))
            .map(|reaching| absent.powi(reaching as i32))
            .collect();
        let turned_away = |level: f32| -> f64 {
            let missed = |nearest: &Vec<f32>| {
                all_absent[nearest.partition_point(|similarity| *similarity >= level)]
            };
            self.kin.iter().map(missed).sum()
        };
        let mut levels: Vec<f32> = self.kin.iter().flatten().copied().collect();
        levels.sort_unstable_by(f32::total_cmp);
        let within = levels.partition_point(|level| turned_away(*level) <= allowed);
        levels[..within].last().copied()
    }

    /// The share of random pairs of different patients that are less similar; `None` without such pairs.
    pub(crate) fn nearer_than(&self, similarity: f32) -> Option<f32> {
        let less = self.random.partition_point(|pair| *pair < similarity);
        (!self.random.is_empty()).then(|| less as f32 / self.random.len() as f32)
    }

    /// The similarity that half of the library's own questions reach with their best match.
    pub(crate) fn typical(&self) -> Option<f32> {
        let mut best: Vec<f32> = self
            .kin
            .iter()
            .filter_map(|nearest| nearest.first().copied())
            .collect();
        best.sort_unstable_by(f32::total_cmp);
        best.get(best.len() / 2).copied()
    }

    /// Questions that were drawn.
    pub(crate) fn questions(&self) -> usize {
        self.kin.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 200 questions whose best match lies evenly between 0.8 and 1, with 30 further cases below.
    fn reference() -> Reference {
        let kin = (0..200)
            .map(|question| {
                let best = 0.8 + question as f32 / 1000.0;
                (0..512).map(|rank| best - rank as f32 / 1000.0).collect()
            })
            .collect();
        Reference::new(kin, (0..1000).map(|pair| pair as f32 / 2000.0).collect())
    }

    #[test]
    fn no_more_of_the_librarys_own_questions_are_turned_away_than_allowed() {
        let reference = reference();
        for wrongly in [0.01, 0.05, 0.2] {
            let needed = reference.needed(1.0, wrongly).unwrap();
            let away = reference
                .kin
                .iter()
                .filter(|nearest| nearest[0] < needed)
                .count();
            assert!(away as f64 <= wrongly * 201.0 - 1.0, "{wrongly}: {away}");
            let next = reference
                .kin
                .iter()
                .filter(|nearest| nearest[0] <= needed)
                .count();
            assert!(next as f64 > wrongly * 201.0 - 1.0, "it could ask for more");
        }
    }

    #[test]
    fn a_selection_asks_for_less_than_the_whole_library() {
        let reference = reference();
        let all = reference.needed(1.0, 0.05).unwrap();
        let half = reference.needed(0.5, 0.05).unwrap();
        let tenth = reference.needed(0.1, 0.05).unwrap();
        let hundredth = reference.needed(0.01, 0.05).unwrap();
        assert!(
            all > half && half > tenth && tenth > hundredth,
            "{all} {half} {tenth} {hundredth}"
        );
        assert_eq!(
            reference.needed(0.001, 0.05),
            None,
            "of so few cases nothing can be said"
        );
    }

    #[test]
    fn what_is_not_kept_of_a_list_never_turns_a_question_away() {
        let (reference, wrongly) = (reference(), 0.05);
        let whole =
            |question: usize, rank: usize| 0.8 + question as f32 / 1000.0 - rank as f32 / 1000.0;
        for share in [1.0, 0.3, 0.1, 0.02] {
            let needed = reference.needed(share, wrongly).unwrap();
            let away: f64 = (0..200)
                .map(|question| {
                    let reaching = (0..512)
                        .filter(|rank| whole(question, *rank) >= needed)
                        .count();
                    (1.0 - share).powi(reaching as i32)
                })
                .sum();
            assert!(away <= wrongly * 201.0 - 1.0, "{share}: {away}");
        }
    }

    #[test]
    fn too_few_questions_judge_nothing() {
        let few = Reference::new(vec![vec![0.9]; 98], Vec::new());
        assert_eq!(few.needed(1.0, 0.01), None);
        assert_eq!(few.nearer_than(0.5), None);
        let enough = Reference::new(vec![vec![0.9]; 99], Vec::new());
        assert_eq!(enough.needed(1.0, 0.01), Some(0.9));
        assert_eq!(Reference::default().needed(1.0, 0.01), None);
    }

    #[test]
    fn a_similarity_is_placed_among_random_pairs() {
        let reference = reference();
        assert_eq!(reference.nearer_than(0.25), Some(0.5));
        assert_eq!(reference.nearer_than(-1.0), Some(0.0));
        assert_eq!(reference.nearer_than(1.0), Some(1.0));
        assert!((reference.typical().unwrap() - 0.9).abs() < 1e-6);
    }
}
