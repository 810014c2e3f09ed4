//! The product of two vectors.

/// Sums that are formed beside each other; one after the other, each addition would wait for the last.
const LANES: usize = 16;

/// The cosine where both are of length 1.
pub(crate) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let (a, rest_a) = a.as_chunks::<LANES>();
    let (b, rest_b) = b.as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    for (a, b) in a.iter().zip(b) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * b[lane];
        }
    }
    let rest = rest_a.iter().zip(rest_b).map(|(a, b)| a * b);
    sums.into_iter().chain(rest).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_products_are_summed() {
        for length in [0, 1, 15, 16, 17, 1_152] {
            let a: Vec<f32> = (0..length).map(|at| (at % 7) as f32 - 3.0).collect();
            let b: Vec<f32> = (0..length).map(|at| (at % 5) as f32).collect();
            let wanted: f32 = a.iter().zip(&b).map(|(a, b)| a * b).sum();
            assert_eq!(dot(&a, &b), wanted, "whole numbers add up exactly");
        }
    }
}
