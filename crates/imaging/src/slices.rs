//! Which slices of a volume are worth a vector.
//!
//! The rule looks at thumbnails: it drops slices without tissue at both ends, thins what remains to slices that
//! differ from the last one taken, and spreads evenly where there are still too many.

use crate::Rgb8;

/// Longest side of a thumbnail, in pixels.
pub(crate) const THUMB_PX: u32 = 32;
/// A slice at either end is without tissue when its levels spread by less than this share of the widest spread.
const EMPTY_SHARE: f64 = 0.1;
/// Two slices are alike when their levels differ by less than this on average (of 255).
const ALIKE_LEVELS: f64 = 1.5;

/// A slice at low resolution: grey levels in reading order.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Thumb {
    /// `width * height` levels; all thumbs of a volume have the same size.
    pub levels: Vec<u8>,
}

impl Thumb {
    /// Of a slice as a person sees it.
    pub(crate) fn of(rgb: &Rgb8) -> Self {
        let small = rgb.fit_within(THUMB_PX);
        let grey = small.pixels.chunks_exact(3).map(|pixel| {
            let sum: u32 = pixel.iter().map(|level| u32::from(*level)).sum();
            (sum / 3) as u8
        });
        Self {
            levels: grey.collect(),
        }
    }

    /// Standard deviation of the levels.
    fn spread(&self) -> f64 {
        let count = self.levels.len().max(1) as f64;
        let mean = self
            .levels
            .iter()
            .map(|level| f64::from(*level))
            .sum::<f64>()
            / count;
        let squares = self
            .levels
            .iter()
            .map(|level| (f64::from(*level) - mean).powi(2));
        (squares.sum::<f64>() / count).sqrt()
    }

    /// Mean absolute difference of the levels; pictures of other sizes differ altogether.
    fn difference(&self, other: &Self) -> f64 {
        if self.levels.len() != other.levels.len() {
            return 255.0;
        }
        let pairs = self.levels.iter().zip(&other.levels);
        let sum: u64 = pairs.map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
        sum as f64 / self.levels.len().max(1) as f64
    }
}

/// Indices of the slices to take, in order, at least one of a volume that is not empty and `max` at the most.
pub(crate) fn choose_slices(thumbs: &[Thumb], max: usize) -> Vec<usize> {
    let spreads: Vec<f64> = thumbs.iter().map(Thumb::spread).collect();
    let widest = spreads.iter().copied().fold(0.0, f64::max);
    let has_tissue = |spread: &f64| *spread > 0.0 && *spread >= widest * EMPTY_SHARE;
    let first = spreads.iter().position(has_tissue).unwrap_or(0);
    let last = spreads
        .iter()
        .rposition(has_tissue)
        .unwrap_or(thumbs.len().saturating_sub(1));
    let mut taken: Vec<usize> = Vec::new();
    for (index, thumb) in thumbs.iter().enumerate().take(last + 1).skip(first) {
        let differs = taken
            .last()
            .is_none_or(|before| thumb.difference(&thumbs[*before]) >= ALIKE_LEVELS);
        if differs {
            taken.push(index);
        }
    }
    spread_evenly(taken.len(), max.max(1))
        .map(|index| taken[index])
        .collect()
}

/// `max` of the numbers below `count`, or all of them: evenly spread, first and last included.
pub(crate) fn spread_evenly(count: usize, max: usize) -> impl Iterator<Item = usize> {
    let wanted = count.min(max);
    (0..wanted).map(move |index| match wanted {
        _ if wanted == count => index,
        1 => (count - 1) / 2,
        _ => (index * (count - 1) + (wanted - 1) / 2) / (wanted - 1),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A disc of the given radius on black: what a body looks like in axial slices.
    fn disc(radius: f64) -> Thumb {
        let inside = |x: i32, y: i32| f64::from((x - 16).pow(2) + (y - 16).pow(2)).sqrt() < radius;
        let levels = (0..32)
            .flat_map(|y| (0..32).map(move |x| if inside(x, y) { 200 } else { 0 }))
            .collect();
        Thumb { levels }
    }

    #[test]
    fn ends_without_tissue_are_dropped_and_gaps_within_are_kept_once() {
        let radii = [0.0, 0.0, 5.0, 9.0, 0.0, 0.0, 13.0, 0.0];
        let thumbs: Vec<Thumb> = radii.into_iter().map(disc).collect();
        assert_eq!(choose_slices(&thumbs, 64), [2, 3, 4, 6]);
    }

    #[test]
    fn slices_that_look_alike_are_taken_once() {
        let mut thumbs = vec![disc(10.0); 5];
        thumbs.extend(vec![disc(12.0); 5]);
        thumbs[3].levels[0] = 40;
        assert_eq!(choose_slices(&thumbs, 64), [0, 5]);
    }

    #[test]
    fn what_is_left_is_spread_evenly() {
        let thumbs: Vec<Thumb> = (0..200)
            .map(|index| Thumb {
                levels: vec![index as u8, 0, 255 - index as u8, 90],
            })
            .collect();
        let chosen = choose_slices(&thumbs, 64);
        assert_eq!((chosen.len(), chosen[0]), (64, 0));
        // Neighbours differ by half a level: every third is taken, and 64 of those 67.
        let steps = chosen.windows(2).map(|pair| pair[1] - pair[0]);
        assert!(chosen[63] == 198 && steps.clone().all(|step| step == 3 || step == 6));
        assert_eq!(choose_slices(&thumbs[..9], 3).len(), 3);
        assert_eq!(choose_slices(&thumbs[..3], 1).len(), 1);
    }

    #[test]
    fn a_volume_without_anything_still_has_a_slice() {
        assert_eq!(choose_slices(&vec![disc(0.0); 7], 64), [0]);
        assert_eq!(choose_slices(&[], 64), [] as [usize; 0]);
    }
}
