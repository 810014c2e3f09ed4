//! Grey levels of a volume, from all of its voxels: slices of one volume must be comparable.
//!
//! CT is known by its air: a lowest value between -32,768 and -900, values over 100, and 99 % of all within ±4096 are
//! taken to be Hounsfield units, and get the three windows of CT. All else (MR, PET, maps) is scaled between the percentiles 0.5 and 99.5 of
//! the whole volume. MedGemma's container scales MR from minimum to maximum of the volume; percentiles do the same
//! without letting one hot voxel darken the rest. Where they coincide (masks), minimum and maximum are taken.

/// Shares of the voxels that fall outside the range.
const TAILS: f64 = 0.005;
/// Counters of a histogram.
const BINS: usize = 1 << 16;
/// A histogram is made anew, over the part that counts, while that part is narrower than this share of it.
const NARROW: f64 = 1.0 / 64.0;
/// Histograms at the most.
const ROUNDS: u32 = 4;
/// Lowest value of a CT: from the least that 16 bits hold to just above air.
const AIR: std::ops::RangeInclusive<f64> = -32_768.0..=-900.0;
/// A CT has values over this (soft tissue and bone).
const TISSUE: f64 = 100.0;
/// Nearly all values of a CT lie within 12 bits and a sign; maps and differences go further.
const NEARLY_ALL: f64 = 4096.0;

/// What the voxels of a volume span.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Span {
    /// The values are Hounsfield units.
    pub is_hounsfield: bool,
    /// Black.
    pub low: f64,
    /// White.
    pub high: f64,
}

impl Span {
    /// Of all values, which are gone through several times.
    pub(super) fn of<I: Iterator<Item = f64>>(values: impl Fn() -> I) -> Self {
        let finite = || values().filter(|value| value.is_finite());
        let (lowest, highest, count) = finite().fold((f64::MAX, f64::MIN, 0u64), |(a, b, n), v| {
            (a.min(v), b.max(v), n + 1)
        });
        if count == 0 || highest <= lowest {
            let low = if count == 0 { 0.0 } else { lowest };
            return Self {
                is_hounsfield: false,
                low,
                high: low,
            };
        }
        let (low, high) = percentiles(&finite, count, (lowest, highest));
        let is_hounsfield =
            AIR.contains(&lowest) && highest >= TISSUE && low >= -NEARLY_ALL && high <= NEARLY_ALL;
        let (low, high) = if high > low {
            (low, high)
        } else {
            (lowest, highest)
        };
        Self {
            is_hounsfield,
            low,
            high,
        }
    }
}

/// The values that leave [`TAILS`] of all outside on either side, to 1/65,536 of the range between them or better.
fn percentiles<I: Iterator<Item = f64>>(
    values: &impl Fn() -> I,
    count: u64,
    whole: (f64, f64),
) -> (f64, f64) {
    let cut = (count as f64 * TAILS) as u64;
    let (mut from, mut to) = whole;
    for _ in 0..ROUNDS {
        let scale = BINS as f64 / (to - from);
        let (mut below, mut bins) = (0u64, vec![0u64; BINS]);
        for value in values() {
            if value < from {
                below += 1;
            } else if value <= to {
                bins[(((value - from) * scale) as usize).min(BINS - 1)] += 1;
            }
        }
        let above = count - below - bins.iter().sum::<u64>();
        let first = passing(bins.iter(), below, cut);
        let last = BINS - 1 - passing(bins.iter().rev(), above, cut);
        let edge = |bin: usize| from + bin as f64 / scale;
        let (low, high) = (edge(first), edge(last + 1).min(to));
        let narrow = high - low < (to - from) * NARROW;
        if !narrow || high <= low {
            return (low, high);
        }
        // To what really lies there: where that is one value, there is nothing to narrow any more.
        (from, to) = values()
            .filter(|value| (low..=high).contains(value))
            .fold((high, low), |(a, b), value| (a.min(value), b.max(value)));
        if to <= from {
            return (from, from);
        }
    }
    (from, to)
}

/// The bin in which the count goes past `cut`.
fn passing<'a>(bins: impl Iterator<Item = &'a u64>, start: u64, cut: u64) -> usize {
    let mut seen = start;
    for (index, bin) in bins.enumerate() {
        seen += bin;
        if seen > cut {
            return index;
        }
    }
    BINS - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(values: &[f64]) -> Span {
        Span::of(|| values.iter().copied())
    }

    #[test]
    fn one_hot_voxel_darkens_nothing() {
        let mut values: Vec<f64> = (0..100_000).map(|v| f64::from(v % 1001)).collect();
        values[5] = 1e12;
        values[6] = f64::NAN;
        let found = span(&values);
        assert!(!found.is_hounsfield);
        assert!((found.low - 5.0).abs() < 1.5, "{found:?}");
        assert!((found.high - 995.0).abs() < 1.5, "{found:?}");
    }

    #[test]
    fn ct_is_known_by_its_air_and_masks_keep_their_range() {
        assert!(span(&[-1024.0, 0.0, 1500.0]).is_hounsfield);
        assert!(!span(&[-3.0, 0.0, 1500.0]).is_hounsfield);
        assert!(!span(&[-1024.0, 0.0, 1.0]).is_hounsfield);
        assert!(!span(&[-1e9, 0.0, 1500.0]).is_hounsfield);
        assert!(!span(&[-9000.0, 0.0, 12_000.0]).is_hounsfield);
        let mut mask = vec![0.0; 10_000];
        mask[7] = 2.0;
        let found = span(&mask);
        assert_eq!((found.low, found.high), (0.0, 2.0));
        let constant = span(&[4.0; 9]);
        assert_eq!((constant.low, constant.high), (4.0, 4.0));
        assert_eq!(span(&[]).low, 0.0);
    }
}
