//! Passes over all values of a frame: mapping them to pixels, and counting them.

use crate::Samples;

/// Maps every stored value to a pixel. Values of up to 16 bits go through a table of all from the least to the greatest,
/// where that has no more entries than there are values: a slide may have thousands of small tiles.
pub(super) fn map_values(samples: &Samples, pixel: impl Fn(f64) -> [u8; 3]) -> Vec<u8> {
    match samples {
        Samples::U8(values) if values.len() >= 256 => {
            let table: [u32; 256] = std::array::from_fn(|value| packed(pixel(value as f64)));
            written(values, |value| table[usize::from(value)])
        }
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
    let Some(first) = values.first() else {
        return Vec::new();
    };
    // By value: the compiler takes many at once, which it does not where it follows references.
    let (least, most) = values
        .iter()
        .fold((*first, *first), |(least, most), value| {
            (least.min(*value), most.max(*value))
        });
    let (least, most): (i32, i32) = (least.into(), most.into());
    if (most - least) as usize >= values.len() {
        return mapped(values, |value| pixel(value.into().into()));
    }
    let table: Vec<u32> = (least..=most)
        .map(|value| packed(pixel(value.into())))
        .collect();
    written(values, |value| table[(value.into() - least) as usize])
}

/// A pixel in the lower three bytes of a word.
fn packed([red, green, blue]: [u8; 3]) -> u32 {
    u32::from_le_bytes([red, green, blue, 0])
}

/// One pixel for each value, four of them as three words: a third of the time that pixels of three bytes take.
fn written<T: Copy>(values: &[T], pixel: impl Fn(T) -> u32) -> Vec<u8> {
    let (fours, rest) = values.as_chunks::<4>();
    let words = fours.iter().map(|four| {
        let [a, b, c, d] = four.map(&pixel);
        [a | b << 24, b >> 8 | c << 16, c >> 16 | d << 8].map(u32::to_le_bytes)
    });
    // Room for what is left over as well, or all would be copied for its sake.
    let mut pixels: Vec<[[u8; 4]; 3]> = Vec::with_capacity(fours.len() + 1);
    pixels.extend(words);
    let mut bytes = pixels.into_flattened().into_flattened();
    for value in rest {
        bytes.extend_from_slice(&pixel(*value).to_le_bytes()[..3]);
    }
    bytes
}

/// One pixel for each value. Whole pixels are written, not their channels one by one: that is several times faster.
pub(super) fn mapped<T: Copy>(values: &[T], pixel: impl Fn(T) -> [u8; 3]) -> Vec<u8> {
    let pixels: Vec<[u8; 3]> = values.iter().map(|value| pixel(*value)).collect();
    pixels.into_flattened()
}

/// Distinct stored values and how often each occurs; each by itself where they have more than 16 bits, or where a table
/// of them would have more entries than there are values.
pub(super) fn count_values(samples: &Samples) -> Vec<(f64, u64)> {
    fn tally(values: impl ExactSizeIterator<Item = i32> + Clone) -> Vec<(f64, u64)> {
        let (low, high) = values.clone().fold((i32::MAX, i32::MIN), |(low, high), v| {
            (low.min(v), high.max(v))
        });
        if i64::from(high) - i64::from(low) >= values.len() as i64 {
            return values.map(|value| (f64::from(value), 1)).collect();
        }
        let mut counts =
            vec![0u64; usize::try_from(i64::from(high) - i64::from(low) + 1).unwrap_or(0)];
        // By turns in two tables: the next count need not wait for the last where neighbours are alike, as in a background.
        let mut others = counts.clone();
        let mut values = values;
        while let Some(value) = values.next() {
            counts[(value - low) as usize] += 1;
            if let Some(value) = values.next() {
                others[(value - low) as usize] += 1;
            }
        }
        for (count, other) in counts.iter_mut().zip(others) {
            *count += other;
        }
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
    use std::collections::BTreeMap;

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

    #[test]
    fn pixels_written_in_words_are_those_written_one_by_one() {
        let pixel = |value: f64| [value as u8, (value * 3.0) as u8, (255.0 - value) as u8];
        for count in (0..9).chain(255..262).chain([1_003]) {
            let values: Vec<u8> = (0..count).map(|at| (at * 37 % 256) as u8).collect();
            let one_by_one = mapped(&values, |value| pixel(value.into()));
            assert_eq!(map_values(&Samples::U8(values.clone()), pixel), one_by_one);
            let wide: Vec<u16> = values.iter().map(|value| u16::from(*value) + 9).collect();
            let shifted = |value: f64| pixel(value - 9.0);
            assert_eq!(map_values(&Samples::U16(wide), shifted), one_by_one);
        }
    }

    #[test]
    fn signed_values_are_written_and_counted_like_others() {
        let pixel = |value: f64| [value.abs() as u8, u8::from(value < 0.0), 7];
        for count in [1, 2, 3, 254, 255, 256, 257, 4_001] {
            let bytes: Vec<i8> = (0..count).map(|at| (at * 37) as i8).collect();
            let words: Vec<i16> = (0..count).map(|at| (at % 600 - 450) as i16).collect();
            let expected = mapped(&bytes, |value| pixel(value.into()));
            assert_eq!(map_values(&Samples::I8(bytes.clone()), pixel), expected);
            let expected = mapped(&words, |value| pixel(value.into()));
            assert_eq!(map_values(&Samples::I16(words.clone()), pixel), expected);
            let bytes: Vec<i32> = bytes.into_iter().map(i32::from).collect();
            assert_eq!(
                counted(&bytes, |value| value as i8, Samples::I8),
                tallied(&bytes)
            );
            let words: Vec<i32> = words.into_iter().map(i32::from).collect();
            assert_eq!(
                counted(&words, |value| value as i16, Samples::I16),
                tallied(&words)
            );
        }
        let ends: Vec<i32> = [i16::MIN, 0, i16::MAX].map(i32::from).repeat(30_000);
        assert_eq!(
            counted(&ends, |value| value as i16, Samples::I16),
            tallied(&ends)
        );
        let none = count_values(&Samples::U16(Vec::new()));
        assert!(none.is_empty(), "{none:?}");
    }

    #[test]
    fn few_values_are_counted_without_a_table_of_all_between_them() {
        let far_apart = vec![65_535, 0, 65_535];
        let found = counted(&far_apart, |value| value as u16, Samples::U16);
        assert_eq!(found, tallied(&far_apart));
        assert_eq!(
            count_values(&Samples::U16(vec![65_535, 0, 65_535])).len(),
            3
        );
    }

    /// The counts of a frame, equal values put together.
    fn counted<T>(
        values: &[i32],
        narrow: impl Fn(i32) -> T,
        kind: impl Fn(Vec<T>) -> Samples,
    ) -> BTreeMap<i32, u64> {
        let samples = kind(values.iter().copied().map(narrow).collect());
        let mut counts = BTreeMap::new();
        for (value, count) in count_values(&samples) {
            *counts.entry(value as i32).or_default() += count;
        }
        counts
    }

    fn tallied(values: &[i32]) -> BTreeMap<i32, u64> {
        let mut counts = BTreeMap::new();
        for value in values {
            *counts.entry(*value).or_default() += 1;
        }
        counts
    }
}
