//! Passes over all values of a frame: mapping them to pixels, and counting them.

use crate::Samples;

/// Maps every stored value to a pixel; values of up to 16 bits go through a table of all of them.
pub(super) fn map_values(samples: &Samples, pixel: impl Fn(f64) -> [u8; 3]) -> Vec<u8> {
    let table = |range: std::ops::RangeInclusive<i32>| {
        range.map(|value| pixel(value.into())).collect::<Vec<_>>()
    };
    match samples {
        Samples::U8(values) => {
            let table = table(0..=255);
            mapped(values, |value| table[usize::from(value)])
        }
        Samples::I8(values) => {
            let table = table(-128..=127);
            mapped(values, |value| table[(i32::from(value) + 128) as usize])
        }
        Samples::U16(values) => {
            let table = table(0..=i32::from(values.iter().copied().max().unwrap_or(0)));
            mapped(values, |value| table[usize::from(value)])
        }
        Samples::I16(values) => {
            let lowest = i32::from(values.iter().copied().min().unwrap_or(0));
            let table = table(lowest..=i32::from(values.iter().copied().max().unwrap_or(0)));
            mapped(values, |value| table[(i32::from(value) - lowest) as usize])
        }
        Samples::U32(values) => mapped(values, |value| pixel(value.into())),
        Samples::I32(values) => mapped(values, |value| pixel(value.into())),
        Samples::F32(values) => mapped(values, |value| pixel(value.into())),
        Samples::F64(values) => mapped(values, pixel),
    }
}

/// One pixel for each value. Whole pixels are written, not their channels one by one: that is several times faster.
pub(super) fn mapped<T: Copy>(values: &[T], pixel: impl Fn(T) -> [u8; 3]) -> Vec<u8> {
    let pixels: Vec<[u8; 3]> = values.iter().map(|value| pixel(*value)).collect();
    pixels.into_flattened()
}

/// Distinct stored values and how often each occurs; for values of more than 16 bits, each by itself.
pub(super) fn count_values(samples: &Samples) -> Vec<(f64, u64)> {
    fn tally(values: impl Iterator<Item = i32> + Clone) -> Vec<(f64, u64)> {
        let (low, high) = values.clone().fold((i32::MAX, i32::MIN), |(low, high), v| {
            (low.min(v), high.max(v))
        });
        let mut counts =
            vec![0u64; usize::try_from(i64::from(high) - i64::from(low) + 1).unwrap_or(0)];
        values.for_each(|value| counts[(value - low) as usize] += 1);
        let seen = counts
            .into_iter()
            .enumerate()
            .filter(|(_, count)| *count > 0);
        seen.map(|(index, count)| (index as f64 + f64::from(low), count))
            .collect()
    }
    match samples {
        Samples::U8(values) => tally(values.iter().map(|value| i32::from(*value))),
        Samples::I8(values) => tally(values.iter().map(|value| i32::from(*value))),
        Samples::U16(values) => tally(values.iter().map(|value| i32::from(*value))),
        Samples::I16(values) => tally(values.iter().map(|value| i32::from(*value))),
        Samples::U32(values) => values.iter().map(|value| (f64::from(*value), 1)).collect(),
        Samples::I32(values) => values.iter().map(|value| (f64::from(*value), 1)).collect(),
        Samples::F32(values) => values.iter().map(|value| (f64::from(*value), 1)).collect(),
        Samples::F64(values) => values.iter().map(|value| (*value, 1)).collect(),
    }
}

/// The first value with more than `cut` values up to and including it.
pub(super) fn first_beyond<'a>(
    mut counted: impl Iterator<Item = &'a (f64, u64)>,
    cut: u64,
) -> Option<f64> {
    let mut seen = 0;
    let found = counted.find(|(_, count)| {
        seen += count;
        seen > cut
    });
    found.map(|(value, _)| *value)
}
