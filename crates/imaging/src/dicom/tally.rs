//! Passes over all values of a frame: mapping them to pixels, and counting them.

use crate::Samples;

/// Maps every stored value to a pixel. Values of up to 16 bits go through a table of all from the least to the greatest,
/// where that has no more entries than there are values: a slide may have thousands of small tiles.
pub(super) fn map_values(samples: &Samples, pixel: impl Fn(f64) -> [u8; 3]) -> Vec<u8> {
    match samples {
        Samples::U8(values) => tabled(values, pixel),
        Samples::I8(values) => tabled(values, pixel),
        Samples::U16(values) => tabled(values, pixel),
        Samples::I16(values) => tabled(values, pixel),
        Samples::U32(values) => mapped(values, |value| pixel(value.into())),
        Samples::I32(values) => mapped(values, |value| pixel(value.into())),
        Samples::F32(values) => mapped(values, |value| pixel(value.into())),
        Samples::F64(values) => mapped(values, pixel),
    }
}

fn tabled<T: Copy + Ord + Into<i32>>(values: &[T], pixel: impl Fn(f64) -> [u8; 3]) -> Vec<u8> {
    let (Some(least), Some(most)) = (values.iter().min(), values.iter().max()) else {
        return Vec::new();
    };
    let (least, most): (i32, i32) = ((*least).into(), (*most).into());
    if (most - least) as usize >= values.len() {
        return mapped(values, |value| pixel(value.into().into()));
    }
    let table: Vec<[u8; 3]> = (least..=most).map(|value| pixel(value.into())).collect();
    mapped(values, |value| table[(value.into() - least) as usize])
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

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// Found by fuzzing: a tile of a few pixels took a table of 65,536 entries, and each of a slide's thousands did.
    #[test]
    fn no_more_pixels_are_made_than_there_are_values_or_kinds_of_them() {
        let made = Cell::new(0);
        let pixel = |value: f64| {
            made.set(made.get() + 1);
            [(value.rem_euclid(251.0)) as u8, 1, 2]
        };
        let few = Samples::U16(vec![65_535, 0, 7, 300]);
        assert_eq!(
            map_values(&few, pixel),
            [24, 1, 2, 0, 1, 2, 7, 1, 2, 49, 1, 2]
        );
        assert_eq!(made.take(), 4);
        let many = Samples::I16((0..3_000).map(|at| at % 10 - 5).collect());
        let pixels = map_values(&many, pixel);
        assert_eq!((pixels.len(), made.get()), (9_000, 10));
        assert_eq!((pixels[0], pixels[3 * 9]), (246, 4));
        assert!(map_values(&Samples::U8(Vec::new()), pixel).is_empty());
    }
}
