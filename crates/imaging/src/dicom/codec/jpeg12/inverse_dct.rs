//! The inverse DCT (A.3.3), separable and in floating point: at most half a level from the exact one.

use std::f32::consts::{FRAC_1_SQRT_2, PI};
use std::sync::LazyLock;

/// `BASIS[u][x]` = C(u) / 2 · cos((2x + 1) u π / 16).
static BASIS: LazyLock<[[f32; 8]; 8]> = LazyLock::new(|| {
    std::array::from_fn(|u| {
        std::array::from_fn(|x| {
            let scale = if u == 0 { FRAC_1_SQRT_2 } else { 1.0 };
            scale / 2.0 * ((2 * x + 1) as f32 * u as f32 * PI / 16.0).cos()
        })
    })
});

/// Values from 0 to 4095 of one block of coefficients (both in natural order).
pub(super) fn block(coefficients: &[i32; 64], quantisation: &[f32; 64]) -> [u16; 64] {
    let basis = &*BASIS;
    let mut rows = [0f32; 64];
    for (index, coefficient) in coefficients
        .iter()
        .enumerate()
        .filter(|(_, value)| **value != 0)
    {
        let value = *coefficient as f32 * quantisation[index];
        let (v, u) = (index / 8, index % 8);
        for (sum, weight) in rows[v * 8..v * 8 + 8].iter_mut().zip(&basis[u]) {
            *sum += value * weight;
        }
    }
    let mut pixels = [2048.5f32; 64];
    for (v, row) in rows.chunks_exact(8).enumerate() {
        for (y, line) in pixels.chunks_exact_mut(8).enumerate() {
            for (pixel, value) in line.iter_mut().zip(row) {
                *pixel += value * basis[v][y];
            }
        }
    }
    // Casting truncates and saturates at 0; the half is in the start value.
    pixels.map(|value| (value as u16).min(4095))
}

#[cfg(test)]
mod tests {
    use super::block;

    #[test]
    fn one_coefficient_gives_a_flat_or_a_waving_block() {
        let mut coefficients = [0; 64];
        assert!(
            block(&coefficients, &[1.0; 64])
                .iter()
                .all(|value| *value == 2048)
        );
        coefficients[0] = 100;
        assert!(
            block(&coefficients, &[8.0; 64])
                .iter()
                .all(|value| *value == 2148),
            "DC / 8"
        );
        coefficients = [0; 64];
        coefficients[1] = 800;
        let waving = block(&coefficients, &[1.0; 64]);
        // 800 · (1/√2)/2 · 1/2 · cos((2x + 1) π / 16)
        assert_eq!(
            waving[..8],
            [2187, 2166, 2127, 2076, 2020, 1969, 1930, 1909]
        );
    }
}
