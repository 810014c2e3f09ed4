//! Which tiles of a slide stand for it: clusters of like tiles by colour and texture, then by place inside each,
//! a share of every cluster (Yottixel: Kalra et al., Medical Image Analysis 65, 2020, in kind).

use super::clusters::{distance, k_means};
use crate::Rgb8;

/// Clusters by look, as Yottixel takes.
const LOOKS: usize = 9;
/// Share of the tissue tiles that is drawn, and its bounds.
const SHARE: f64 = 0.05;
const FEWEST: usize = 16;
const MOST: usize = 256;
/// Bins of optical density per channel, from 0 to `DENSEST`.
const BINS: usize = 8;
const DENSEST: f32 = 1.6;
/// Weight of texture against the colours' histogram, whose entries are of the order 0.1.
const TEXTURE: f32 = 2.0;

/// What a tile looks like, small: the square roots of its histograms of optical density per channel, how much the
/// density varies, and how much it changes from pixel to pixel and over four pixels.
pub(super) fn look_of(tile: &Rgb8) -> Vec<f32> {
    let pixels = tile.pixels.as_chunks::<3>().0;
    let width = tile.width_px as usize;
    let count = pixels.len().max(1) as f32;
    let density = |value: u8| -((f32::from(value) + 1.0) / 256.0).log10();
    let table: Vec<f32> = (0..=255).map(density).collect();
    let mut histogram = [0f32; BINS * 3];
    for pixel in pixels {
        for (channel, value) in pixel.iter().enumerate() {
            let bin = (table[usize::from(*value)] / DENSEST * BINS as f32) as usize;
            histogram[channel * BINS + bin.min(BINS - 1)] += 1.0;
        }
    }
    let mean_density: Vec<f32> = pixels
        .iter()
        .map(|pixel| {
            pixel
                .iter()
                .map(|value| table[usize::from(*value)])
                .sum::<f32>()
                / 3.0
        })
        .collect();
    let mean = mean_density.iter().sum::<f32>() / count;
    let spread = (mean_density
        .iter()
        .map(|value| (value - mean).powi(2))
        .sum::<f32>()
        / count)
        .sqrt();
    let mut look: Vec<f32> = histogram.iter().map(|part| (part / count).sqrt()).collect();
    look.push(spread * TEXTURE);
    look.extend([1, 4].map(|step| change_over(&mean_density, width, step) * TEXTURE));
    look
}

/// Mean absolute difference of values `step` apart, across and down.
fn change_over(values: &[f32], width: usize, step: usize) -> f32 {
    let (mut sum, mut count) = (0.0, 0u32);
    for (index, value) in values.iter().enumerate() {
        if index % width + step < width {
            sum += (value - values[index + step]).abs();
            count += 1;
        }
        if let Some(below) = values.get(index + step * width) {
            sum += (value - below).abs();
            count += 1;
        }
    }
    sum / count.max(1) as f32
}

/// Indices of the tiles that are drawn, ascending. `places` are the tiles' centres.
pub(super) fn draw(looks: &[Vec<f32>], places: &[[f32; 2]]) -> Vec<usize> {
    let wanted = ((looks.len() as f64 * SHARE).ceil() as usize)
        .clamp(FEWEST, MOST)
        .min(looks.len());
    if wanted == looks.len() {
        return (0..looks.len()).collect();
    }
    let clusters = k_means(looks, LOOKS);
    let mut members: Vec<Vec<usize>> = vec![Vec::new(); clusters.centres.len()];
    for (index, label) in clusters.labels.iter().enumerate() {
        members[*label].push(index);
    }
    let sizes: Vec<usize> = members.iter().map(Vec::len).collect();
    let mut drawn: Vec<usize> = members
        .iter()
        .zip(allot(&sizes, wanted))
        .flat_map(|(members, share)| spread_over(members, places, share))
        .collect();
    drawn.sort_unstable();
    drawn
}

/// Parts `wanted` among the clusters by size (largest remainder), at least one each.
fn allot(sizes: &[usize], wanted: usize) -> Vec<usize> {
    let total: usize = sizes.iter().sum();
    let exact = |size: usize| size as f64 * wanted as f64 / total.max(1) as f64;
    let mut shares: Vec<usize> = sizes
        .iter()
        .map(|size| (exact(*size) as usize).clamp(1, *size))
        .collect();
    let owed = |shares: &[usize], index: usize| exact(sizes[index]) - shares[index] as f64;
    loop {
        let given: usize = shares.iter().sum();
        let open = (0..sizes.len()).filter(|index| {
            if given < wanted {
                shares[*index] < sizes[*index]
            } else {
                shares[*index] > 1
            }
        });
        let next = if given < wanted {
            open.max_by(|a, b| owed(&shares, *a).total_cmp(&owed(&shares, *b)))
        } else {
            open.min_by(|a, b| owed(&shares, *a).total_cmp(&owed(&shares, *b)))
        };
        match next {
            Some(index) if given < wanted => shares[index] += 1,
            Some(index) if given > wanted => shares[index] -= 1,
            _ => return shares,
        }
    }
}

/// `share` members that lie evenly: the one nearest to the middle of each cluster by place.
fn spread_over(members: &[usize], places: &[[f32; 2]], share: usize) -> Vec<usize> {
    if share >= members.len() {
        return members.to_vec();
    }
    let points: Vec<Vec<f32>> = members
        .iter()
        .map(|index| places[*index].to_vec())
        .collect();
    let by_place = k_means(&points, share);
    let nearest = |(label, centre): (usize, &Vec<f32>)| {
        let own = (0..members.len()).filter(|at| by_place.labels[*at] == label);
        own.min_by(|a, b| distance(&points[*a], centre).total_cmp(&distance(&points[*b], centre)))
            .map(|at| members[at])
    };
    let mut drawn: Vec<usize> = by_place
        .centres
        .iter()
        .enumerate()
        .filter_map(nearest)
        .collect();
    // Fewer places than wanted came out non-empty: the first that are left fill up.
    let missing = share.saturating_sub(drawn.len());
    let others: Vec<usize> = members
        .iter()
        .filter(|index| !drawn.contains(index))
        .take(missing)
        .copied()
        .collect();
    drawn.extend(others);
    drawn
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(colour: [u8; 3]) -> Rgb8 {
        Rgb8 {
            width_px: 8,
            height_px: 8,
            pixels: colour.repeat(64),
        }
    }

    #[test]
    fn looks_differ_by_colour_and_by_texture() {
        let pink = look_of(&plain([210, 140, 180]));
        assert_eq!(pink, look_of(&plain([210, 140, 180])));
        assert!(distance(&pink, &look_of(&plain([90, 60, 140]))) > 0.5);
        let mut striped = plain([210, 140, 180]);
        for pixel in striped.pixels.as_chunks_mut::<3>().0.iter_mut().step_by(2) {
            *pixel = [190, 120, 160];
        }
        assert!(distance(&pink, &look_of(&striped)) > 0.01);
    }

    #[test]
    fn a_share_of_every_look_is_drawn_evenly_and_always_the_same() {
        let looks: Vec<Vec<f32>> = (0..1000).map(|i| vec![(i / 990) as f32, 0.0]).collect();
        let places: Vec<[f32; 2]> = (0..1000)
            .map(|i| [(i % 40) as f32, (i / 40) as f32])
            .collect();
        let drawn = draw(&looks, &places);
        assert_eq!(drawn.len(), 50, "5 %");
        assert!(
            drawn.iter().any(|index| *index >= 990),
            "the rare look, too"
        );
        let left = drawn
            .iter()
            .filter(|index| places[**index][0] < 20.0)
            .count();
        assert!((18..=32).contains(&left), "{left} of 50 in the left half");
        assert_eq!(drawn, draw(&looks, &places));
    }

    #[test]
    fn the_share_has_bounds() {
        let many = |count: usize| {
            let looks: Vec<Vec<f32>> = (0..count).map(|i| vec![(i % 5) as f32]).collect();
            let places: Vec<[f32; 2]> = (0..count).map(|i| [i as f32, 0.0]).collect();
            draw(&looks, &places).len()
        };
        assert_eq!((many(3), many(16), many(100)), (3, 16, 16));
        assert_eq!(many(6000), 256);
        assert_eq!(many(0), 0);
    }

    #[test]
    fn shares_add_up() {
        assert_eq!(allot(&[90, 9, 1], 10).iter().sum::<usize>(), 10);
        assert_eq!(allot(&[1, 1, 1], 3), [1, 1, 1]);
        assert_eq!(allot(&[98, 1, 1], 4), [2, 1, 1]);
    }
}
