//! K-means (Lloyd) with k-means++ seeding (Arthur and Vassilvitskii, 2007) and a fixed seed: the same points give
//! the same clusters on every machine with the same floating point.

const ROUNDS: usize = 25;
const SEED: u64 = 0x5EED_0F7E_1E5C_0FE5;

/// Clusters of points.
pub(super) struct Clusters {
    /// The cluster of each point.
    pub labels: Vec<usize>,
    /// The centre of each cluster.
    pub centres: Vec<Vec<f32>>,
}

/// Parts `points` (all of the same length) into at most `k` clusters, none of them empty.
pub(super) fn k_means(points: &[Vec<f32>], k: usize) -> Clusters {
    let mut centres = seeds(points, k);
    let mut labels = vec![0; points.len()];
    for _ in 0..ROUNDS {
        let mut moved = false;
        for (label, point) in labels.iter_mut().zip(points) {
            let nearest = nearest(point, &centres).0;
            moved |= *label != nearest;
            *label = nearest;
        }
        centres = means(points, &labels, centres);
        if !moved {
            break;
        }
    }
    without_empty(labels, centres)
}

/// Squared Euclidean distance.
pub(super) fn distance(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum()
}

/// Index and squared distance of the nearest centre; the first of several equally near ones.
fn nearest(point: &[f32], centres: &[Vec<f32>]) -> (usize, f32) {
    let mut best = (0, f32::INFINITY);
    for (index, centre) in centres.iter().enumerate() {
        let apart = distance(point, centre);
        if apart < best.1 {
            best = (index, apart);
        }
    }
    best
}

fn seeds(points: &[Vec<f32>], k: usize) -> Vec<Vec<f32>> {
    let Some(first) = points.first() else {
        return Vec::new();
    };
    let mut dice = SplitMix(SEED);
    let mut centres = vec![points[dice.below(points.len())].clone()];
    let mut apart: Vec<f32> = points
        .iter()
        .map(|point| distance(point, &centres[0]))
        .collect();
    while centres.len() < k.min(points.len()) {
        let total: f64 = apart.iter().map(|value| f64::from(*value)).sum();
        if total <= 0.0 {
            break;
        }
        let mut left = dice.fraction() * total;
        let chosen = apart.iter().position(|value| {
            left -= f64::from(*value);
            left < 0.0
        });
        let centre = chosen.map_or(first, |index| &points[index]).clone();
        for (value, point) in apart.iter_mut().zip(points) {
            *value = value.min(distance(point, &centre));
        }
        centres.push(centre);
    }
    centres
}

fn means(points: &[Vec<f32>], labels: &[usize], old: Vec<Vec<f32>>) -> Vec<Vec<f32>> {
    let mut sums: Vec<Vec<f64>> = old.iter().map(|centre| vec![0.0; centre.len()]).collect();
    let mut counts = vec![0usize; old.len()];
    for (point, label) in points.iter().zip(labels) {
        counts[*label] += 1;
        for (sum, value) in sums[*label].iter_mut().zip(point) {
            *sum += f64::from(*value);
        }
    }
    let mean = |((sum, count), old): ((Vec<f64>, usize), Vec<f32>)| {
        if count == 0 {
            return old;
        }
        sum.iter().map(|sum| (sum / count as f64) as f32).collect()
    };
    sums.into_iter().zip(counts).zip(old).map(mean).collect()
}

fn without_empty(labels: Vec<usize>, centres: Vec<Vec<f32>>) -> Clusters {
    let mut new_index = vec![None; centres.len()];
    let mut kept = Vec::new();
    for (index, centre) in centres.into_iter().enumerate() {
        if labels.contains(&index) {
            new_index[index] = Some(kept.len());
            kept.push(centre);
        }
    }
    Clusters {
        labels: labels
            .iter()
            .filter_map(|label| new_index[*label])
            .collect(),
        centres: kept,
    }
}

/// Vigna's splitmix64.
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn fraction(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    fn below(&mut self, bound: usize) -> usize {
        ((self.fraction() * bound as f64) as usize).min(bound.saturating_sub(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clouds_are_told_apart_and_no_cluster_is_empty() {
        let cloud = |x: f32| (0..10).map(move |i| vec![x + i as f32 * 0.01, 0.0]);
        let points: Vec<Vec<f32>> = cloud(0.0).chain(cloud(5.0)).chain(cloud(9.0)).collect();
        let found = k_means(&points, 3);
        for part in found.labels.chunks(10) {
            assert!(part.iter().all(|label| *label == part[0]), "{part:?}");
        }
        assert_eq!(found.centres.len(), 3);
        assert_eq!(k_means(&points, 3).labels, found.labels, "the same again");
        assert_eq!(k_means(&vec![vec![1.0]; 5], 3).centres.len(), 1);
        assert!(k_means(&[], 3).labels.is_empty());
    }
}
