//! Chance, told apart from merit: intervals by resampling patients, and a control with labels permuted across patients.

use super::metrics::{LabelSet, Scored, VOTES, macro_f1};

/// Seed of everything random in an evaluation: the same library gives the same figures.
pub(super) const SEED: u64 = 20_240_917;
/// Resamples of an interval.
pub(super) const RESAMPLES: usize = 1_000;

/// SplitMix64 (Steele, Lea and Flood, 2014): small, and the same on every machine and in every version.
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `bound`, which is not 0.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        ((u128::from(self.next()) * bound as u128) >> 64) as usize
    }

    /// Fisher and Yates.
    pub(super) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

/// Means over queries, each counted `weights` times, then the macro-F1 of each vote.
pub(super) fn summarise(scored: &[Scored], truths: &[&LabelSet], weights: &[u32]) -> Vec<f64> {
    let total: f64 = weights.iter().map(|weight| f64::from(*weight)).sum();
    let width = scored.first().map_or(0, |one| one.values.len());
    let mut sums = vec![0.0; width];
    for (one, weight) in scored
        .iter()
        .zip(weights)
        .filter(|(_, weight)| **weight > 0)
    {
        for (sum, value) in sums.iter_mut().zip(&one.values) {
            *sum += value * f64::from(*weight);
        }
    }
    let mut summary: Vec<f64> = sums.into_iter().map(|sum| sum / total.max(1.0)).collect();
    summary.extend((0..VOTES.len()).map(|vote| {
        let pairs = truths.iter().zip(scored);
        macro_f1(
            pairs.map(|(truth, one)| (*truth, &one.votes[vote])),
            weights,
        )
    }));
    summary
}

/// 2.5th and 97.5th percentile of each column.
pub(super) fn intervals(rows: &[Vec<f64>]) -> Vec<[f64; 2]> {
    let width = rows.first().map_or(0, Vec::len);
    let column = |at: usize| interval(rows.iter().map(|row| row[at]).collect());
    (0..width).map(column).collect()
}

/// 2.5th and 97.5th percentile of what is at least one value.
pub(super) fn interval(mut values: Vec<f64>) -> [f64; 2] {
    values.sort_unstable_by(f64::total_cmp);
    [percentile(&values, 0.025), percentile(&values, 0.975)]
}

/// Between the two nearest values, as numpy's default.
fn percentile(sorted: &[f64], share: f64) -> f64 {
    let at = share * (sorted.len() - 1) as f64;
    let (low, part) = (at.floor() as usize, at.fract());
    let high = (low + 1).min(sorted.len() - 1);
    sorted[low] + (sorted[high] - sorted[low]) * part
}

/// Percentile intervals by patient: whole patients are drawn with replacement, a patient's queries come together.
/// `patients` names each query's patient by a number below `count`.
pub(super) fn by_patient(
    scored: &[Scored],
    truths: &[&LabelSet],
    patients: &[usize],
    count: usize,
) -> Vec<[f64; 2]> {
    let mut dice = Dice::new(SEED);
    let resample = |_| {
        let mut drawn = vec![0_u32; count];
        for _ in 0..count {
            drawn[dice.below(count)] += 1;
        }
        let weights: Vec<u32> = patients.iter().map(|patient| drawn[*patient]).collect();
        summarise(scored, truths, &weights)
    };
    let rows: Vec<Vec<f64>> = (0..RESAMPLES).map(resample).collect();
    intervals(&rows)
}

/// The percentile interval of a mean, by patient as [`by_patient`].
pub(super) fn of_means(values: &[f64], patients: &[usize], count: usize) -> [f64; 2] {
    let mut dice = Dice::new(SEED);
    let mut rows = Vec::with_capacity(RESAMPLES);
    for _ in 0..RESAMPLES {
        let mut drawn = vec![0_u32; count];
        for _ in 0..count {
            drawn[dice.below(count)] += 1;
        }
        let weighed = values.iter().zip(patients);
        let (mut sum, mut total) = (0.0, 0.0);
        for (value, patient) in weighed {
            let weight = f64::from(drawn[*patient]);
            sum += value * weight;
            total += weight;
        }
        rows.push(vec![sum / f64::max(total, 1.0)]);
    }
    intervals(&rows).first().copied().unwrap_or_default()
}

/// The labels handed on from patient to patient at random; a patient's cases keep to one giver, whose cases are gone
/// through in turn.
pub(super) fn permuted(
    labels: &[LabelSet],
    members: &[Vec<usize>],
    dice: &mut Dice,
) -> Vec<LabelSet> {
    let mut givers: Vec<usize> = (0..members.len()).collect();
    dice.shuffle(&mut givers);
    let mut handed = vec![LabelSet::new(); labels.len()];
    for (taker, giver) in members.iter().zip(givers) {
        let given = members[giver].iter().cycle();
        for (case, from) in taker.iter().zip(given) {
            handed[*case].clone_from(&labels[*from]);
        }
    }
    handed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dice_are_splitmix64() {
        // First outputs for the seed 1234567, as the reference implementation prints them.
        let mut dice = Dice::new(1_234_567);
        assert_eq!(dice.next(), 6_457_827_717_110_365_317);
        assert_eq!(dice.next(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn percentiles_are_numpys() {
        // numpy.percentile([1, 2, 3, 4], [2.5, 97.5])
        let found = intervals(&[vec![4.0], vec![2.0], vec![3.0], vec![1.0]]);
        assert!((found[0][0] - 1.075).abs() < 1e-9 && (found[0][1] - 3.925).abs() < 1e-9);
    }

    #[test]
    fn labels_are_handed_on_whole_and_none_is_invented() {
        let labels: Vec<LabelSet> = (0..6).map(|label| vec![label]).collect();
        let members = vec![vec![0, 1], vec![2, 3], vec![4, 5]];
        let mut handed = permuted(&labels, &members, &mut Dice::new(3));
        assert_ne!(handed, labels);
        handed.sort();
        assert_eq!(handed, labels);
    }

    #[test]
    fn an_interval_by_patient_is_wider_than_one_by_query() {
        let one = |value: f64| Scored {
            values: vec![value],
            votes: vec![vec![0], vec![0], vec![0]],
            relevant: 1,
        };
        // Ten patients with twenty equal queries each: two hundred queries, but ten independent ones.
        let scored: Vec<Scored> = (0..200).map(|at| one(f64::from(at / 20 % 2))).collect();
        let truth = vec![0];
        let truths = vec![&truth; 200];
        let width = |patients: Vec<usize>, count| {
            let [low, high] = by_patient(&scored, &truths, &patients, count)[0];
            high - low
        };
        let by_patient = width((0..200).map(|at| at / 20).collect(), 10);
        let by_query = width((0..200).collect(), 200);
        assert!(by_patient > 2.0 * by_query, "{by_patient} {by_query}");
    }
}
