//! Scores and truths become figures, pure: by class or finding and over all of them, with intervals by resampling patients.

use rayon::prelude::*;

use super::super::bootstrap::{Dice, RESAMPLES, SEED, interval};

/// Pictures with their truths and scores; all lists have one entry for each class or finding.
pub(super) struct Scored {
    /// Whether a picture shows exactly one of them.
    pub(super) one_each: bool,
    /// What is true of each picture; nothing where it is not known.
    pub(super) truths: Vec<Vec<Option<bool>>>,
    /// How much speaks for each.
    pub(super) scores: Vec<Vec<f64>>,
    /// What the model would say.
    pub(super) said: Vec<Vec<bool>>,
    /// The patient of each picture, by a number below `patient_count`.
    pub(super) patients: Vec<usize>,
    /// How many patients there are.
    pub(super) patient_count: usize,
}

/// Figures of one class or finding. Nothing where there is nothing to divide by.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Column {
    pub(super) positives: f64,
    pub(super) negatives: f64,
    pub(super) auc: f64,
    pub(super) accuracy: f64,
    pub(super) precision: f64,
    pub(super) recall: f64,
    pub(super) f1: f64,
}

/// Figures of all.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Figures {
    pub(super) accuracy: f64,
    pub(super) macro_auc: f64,
    pub(super) macro_f1: f64,
    pub(super) weighted_f1: f64,
    pub(super) columns: Vec<Column>,
}

impl Figures {
    /// As one row, for the intervals.
    fn row(&self) -> Vec<f64> {
        let own = [
            self.accuracy,
            self.macro_auc,
            self.macro_f1,
            self.weighted_f1,
        ];
        let columns = self.columns.iter().flat_map(|one| [one.auc, one.f1]);
        own.into_iter().chain(columns).collect()
    }
}

/// Intervals of the figures that have one, in the order of [`Figures::row`].
pub(super) struct Intervals(Vec<Option<[f64; 2]>>);

impl Intervals {
    pub(super) fn overall(&self) -> &[Option<[f64; 2]>] {
        &self.0[..4]
    }

    /// Of the AUC and of the F1 of one class or finding.
    pub(super) fn column(&self, at: usize) -> [Option<[f64; 2]>; 2] {
        [self.0[4 + 2 * at], self.0[5 + 2 * at]]
    }
}

impl Scored {
    /// The figures, and 95 % intervals by drawing patients with replacement.
    pub(super) fn figures(&self) -> (Figures, Intervals) {
        let orders: Vec<Vec<usize>> = (0..self.width()).map(|at| self.order(at)).collect();
        let once = vec![1; self.truths.len()];
        let resample = |number: usize| {
            let mut dice = Dice::new(SEED ^ (number as u64).wrapping_mul(0xD6E8_FEB8_6659_FD93));
            let mut drawn = vec![0_u32; self.patient_count];
            for _ in 0..self.patient_count {
                drawn[dice.below(self.patient_count)] += 1;
            }
            let weights: Vec<u32> = self.patients.iter().map(|own| drawn[*own]).collect();
            self.weighed(&orders, &weights).row()
        };
        let rows: Vec<Vec<f64>> = (0..RESAMPLES).into_par_iter().map(resample).collect();
        let figures = self.weighed(&orders, &once);
        let column = |at: usize| {
            let values = rows
                .iter()
                .map(|row| row[at])
                .filter(|value| value.is_finite());
            let values: Vec<f64> = values.collect();
            // Where most draws miss the class altogether, the rest say nothing of it.
            (values.len() * 2 > rows.len()).then(|| interval(values))
        };
        let width = figures.row().len();
        let intervals = Intervals((0..width).map(column).collect());
        (figures, intervals)
    }

    fn width(&self) -> usize {
        self.scores.first().map_or(0, Vec::len)
    }

    /// Pictures whose truth is known, lowest score first.
    fn order(&self, at: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.truths.len())
            .filter(|picture| self.truths[*picture][at].is_some())
            .collect();
        order.sort_by(|a, b| self.scores[*a][at].total_cmp(&self.scores[*b][at]));
        order
    }

    fn weighed(&self, orders: &[Vec<usize>], weights: &[u32]) -> Figures {
        let columns: Vec<Column> = orders
            .iter()
            .enumerate()
            .map(|(at, order)| self.column(at, order, weights))
            .collect();
        let shown = || columns.iter().filter(|one| one.positives > 0.0);
        let accuracy = if self.one_each {
            let right: f64 = shown().map(|one| one.recall * one.positives).sum();
            right / shown().map(|one| one.positives).sum::<f64>()
        } else {
            mean(columns.iter().map(|one| one.accuracy))
        };
        let weight: f64 = shown().map(|one| one.positives).sum();
        let weighted: f64 = shown().map(|one| one.f1 * one.positives).sum();
        Figures {
            accuracy,
            macro_auc: mean(columns.iter().map(|one| one.auc)),
            macro_f1: mean(shown().map(|one| one.f1)),
            weighted_f1: weighted / weight,
            columns,
        }
    }

    /// `order` has the pictures whose truth is known, lowest score first.
    fn column(&self, at: usize, order: &[usize], weights: &[u32]) -> Column {
        let (mut positives, mut negatives, mut pairs) = (0.0, 0.0, 0.0);
        let (mut right, mut missed, mut wrong) = (0.0, 0.0, 0.0);
        for tied in order.chunk_by(|a, b| self.scores[*a][at] == self.scores[*b][at]) {
            let (mut with, mut without) = (0.0, 0.0);
            for picture in tied {
                let weight = f64::from(weights[*picture]);
                let truth = self.truths[*picture][at] == Some(true);
                if truth {
                    with += weight;
                } else {
                    without += weight;
                }
                match (truth, self.said[*picture][at]) {
                    (true, true) => right += weight,
                    (true, false) => missed += weight,
                    (false, true) => wrong += weight,
                    (false, false) => {}
                }
            }
            // Mann and Whitney: pairs in the right order, a tie counts half.
            pairs += with * (negatives + without / 2.0);
            positives += with;
            negatives += without;
        }
        let f1 = 2.0 * right / (2.0 * right + missed + wrong);
        Column {
            positives,
            negatives,
            auc: pairs / (positives * negatives),
            accuracy: (positives + negatives - missed - wrong) / (positives + negatives),
            precision: right / (right + wrong),
            recall: right / positives,
            f1: if f1.is_nan() { 0.0 } else { f1 },
        }
    }
}

/// The mean of those that are numbers.
fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (mut sum, mut count) = (0.0, 0.0);
    for value in values.filter(|value| value.is_finite()) {
        sum += value;
        count += 1.0;
    }
    sum / count
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classes(truths: &[usize], scores: &[[f64; 3]]) -> Scored {
        let best = |row: &[f64; 3]| (0..3).max_by(|a, b| row[*a].total_cmp(&row[*b])).unwrap();
        Scored {
            one_each: true,
            truths: truths
                .iter()
                .map(|own| (0..3).map(|at| Some(at == *own)).collect())
                .collect(),
            scores: scores.iter().map(|row| row.to_vec()).collect(),
            said: scores
                .iter()
                .map(|row| (0..3).map(|at| at == best(row)).collect())
                .collect(),
            patients: (0..truths.len()).collect(),
            patient_count: truths.len(),
        }
    }

    #[test]
    fn figures_are_those_of_scikit_learn() {
        let truths = [0, 0, 1, 1, 2, 2];
        let scores = [
            [0.6, 0.3, 0.1],
            [0.2, 0.5, 0.3],
            [0.1, 0.8, 0.1],
            [0.3, 0.4, 0.3],
            [0.5, 0.2, 0.3],
            [0.1, 0.1, 0.8],
        ];
        let (figures, intervals) = classes(&truths, &scores).figures();
        let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-9, "{a} {b}");
        // accuracy_score, f1_score(average=None), roc_auc_score of each class against the others.
        near(figures.accuracy, 4.0 / 6.0);
        near(figures.columns[0].f1, 0.5);
        near(figures.columns[1].f1, 0.8);
        near(figures.columns[2].f1, 2.0 / 3.0);
        near(figures.macro_f1, (0.5 + 0.8 + 2.0 / 3.0) / 3.0);
        near(figures.weighted_f1, figures.macro_f1);
        near(figures.columns[0].auc, 6.0 / 8.0);
        near(figures.columns[1].auc, 7.0 / 8.0);
        near(figures.columns[2].auc, 7.0 / 8.0);
        let [low, high] = intervals.overall()[0].unwrap();
        assert!(low < figures.accuracy && figures.accuracy < high && high <= 1.0);
        assert!(intervals.column(2)[0].is_some());
    }

    #[test]
    fn ties_count_half_and_what_is_not_known_counts_nothing() {
        let scored = Scored {
            one_each: false,
            truths: vec![
                vec![Some(true)],
                vec![Some(false)],
                vec![None],
                vec![Some(false)],
            ],
            scores: vec![vec![1.0], vec![1.0], vec![9.0], vec![0.0]],
            said: vec![vec![true], vec![true], vec![true], vec![false]],
            patients: vec![0, 1, 2, 3],
            patient_count: 4,
        };
        let (figures, _) = scored.figures();
        let column = figures.columns[0];
        assert_eq!((column.positives, column.negatives), (1.0, 2.0));
        assert_eq!(column.auc, 0.75);
        assert_eq!((column.precision, column.recall), (0.5, 1.0));
        assert!((figures.accuracy - 2.0 / 3.0).abs() < 1e-9);
    }

    #[test]
    fn a_class_that_no_picture_shows_has_no_figures_and_spoils_none() {
        let (figures, intervals) = classes(&[0, 1], &[[0.9, 0.1, 0.0], [0.2, 0.8, 0.0]]).figures();
        assert!(figures.columns[2].auc.is_nan());
        assert_eq!((figures.macro_f1, figures.macro_auc), (1.0, 1.0));
        assert!(intervals.column(2)[0].is_none());
    }
}
