//! The arithmetic of vectors: normalising, rounding to f16, and the dot product of a stored f16 vector with an
//! f32 query, without unpacking the stored one.

use half::f16;
use half::slice::HalfFloatSliceExt;

use crate::IndexError;

/// The vector at length one.
pub(crate) fn normalised(vector: &[f32], dimension: u32) -> Result<Vec<f32>, IndexError> {
    if vector.len() != dimension as usize {
        return Err(IndexError::Dimension {
            expected: dimension,
            found: vector.len(),
        });
    }
    if vector.iter().any(|value| !value.is_finite()) {
        return Err(IndexError::BadVector {
            reason: "a component is not finite",
        });
    }
    let length = vector
        .iter()
        .map(|value| f64::from(*value) * f64::from(*value))
        .sum::<f64>()
        .sqrt();
    if length < 1e-12 {
        return Err(IndexError::BadVector {
            reason: "all components are zero",
        });
    }
    Ok(vector
        .iter()
        .map(|value| (f64::from(*value) / length) as f32)
        .collect())
}

/// Rounds to half precision.
pub(crate) fn to_f16(vector: &[f32]) -> Vec<f16> {
    let mut rounded = vec![f16::ZERO; vector.len()];
    rounded.convert_from_f32_slice(vector);
    rounded
}

/// Dot product. The shorter length counts.
pub(crate) fn dot(stored: &[f16], query: &[f32]) -> f32 {
    let shared = stored.len().min(query.len());
    let (stored, query) = (&stored[..shared], &query[..shared]);
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx512f") {
        #[allow(unsafe_code)]
        // SAFETY: the feature was detected just now; both slices have the same length.
        return unsafe { dot_avx512(stored, query) };
    }
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2")
        && is_x86_feature_detected!("f16c")
        && is_x86_feature_detected!("fma")
    {
        #[allow(unsafe_code)]
        // SAFETY: the three features were detected just now; both slices have the same length.
        return unsafe { dot_avx2(stored, query) };
    }
    dot_portable(stored, query)
}

fn dot_portable(stored: &[f16], query: &[f32]) -> f32 {
    let mut unpacked = [0.0f32; 128];
    let mut sum = 0.0;
    for (stored, query) in stored
        .chunks(unpacked.len())
        .zip(query.chunks(unpacked.len()))
    {
        let unpacked = &mut unpacked[..stored.len()];
        stored.convert_to_f32_slice(unpacked);
        sum += unpacked.iter().zip(query).map(|(a, b)| a * b).sum::<f32>();
    }
    sum
}

#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code)]
#[target_feature(enable = "avx512f")]
/// # Safety
/// The processor has AVX-512F, and both slices have the same length.
unsafe fn dot_avx512(stored: &[f16], query: &[f32]) -> f32 {
    use std::arch::x86_64::{
        _mm256_loadu_si256, _mm512_add_ps, _mm512_cvtph_ps, _mm512_fmadd_ps, _mm512_loadu_ps,
        _mm512_reduce_add_ps, _mm512_setzero_ps,
    };
    const LANES: usize = 16;
    const SUMS: usize = 4;
    let blocks = stored.len() / (LANES * SUMS);
    let mut sums = [_mm512_setzero_ps(); SUMS];
    for block in 0..blocks {
        for (way, sum) in sums.iter_mut().enumerate() {
            let at = (block * SUMS + way) * LANES;
            // SAFETY: at + LANES <= blocks * SUMS * LANES <= length of both slices; loads are unaligned ones.
            let (packed, values) = unsafe {
                (
                    _mm256_loadu_si256(stored.as_ptr().add(at).cast()),
                    _mm512_loadu_ps(query.as_ptr().add(at)),
                )
            };
            *sum = _mm512_fmadd_ps(_mm512_cvtph_ps(packed), values, *sum);
        }
    }
    let total = _mm512_add_ps(
        _mm512_add_ps(sums[0], sums[1]),
        _mm512_add_ps(sums[2], sums[3]),
    );
    let rest = blocks * SUMS * LANES;
    _mm512_reduce_add_ps(total) + dot_portable(&stored[rest..], &query[rest..])
}

/// Tells the processor that these bytes are read soon.
pub(crate) fn prefetch(bytes: &[u8]) {
    #[cfg(target_arch = "x86_64")]
    for line in bytes.chunks(64) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        #[allow(unsafe_code)]
        // SAFETY: a hint about memory that is borrowed; it reads nothing.
        unsafe {
            _mm_prefetch::<_MM_HINT_T0>(line.as_ptr().cast())
        };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = bytes;
}

#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code)]
#[target_feature(enable = "avx2,f16c,fma")]
/// # Safety
/// The processor has AVX2, F16C and FMA, and both slices have the same length.
unsafe fn dot_avx2(stored: &[f16], query: &[f32]) -> f32 {
    use std::arch::x86_64::{
        _mm_loadu_si128, _mm256_add_ps, _mm256_cvtph_ps, _mm256_fmadd_ps, _mm256_loadu_ps,
        _mm256_setzero_ps, _mm256_storeu_ps,
    };
    const LANES: usize = 8;
    const SUMS: usize = 4;
    let blocks = stored.len() / (LANES * SUMS);
    let mut sums = [_mm256_setzero_ps(); SUMS];
    for block in 0..blocks {
        for (way, sum) in sums.iter_mut().enumerate() {
            let at = (block * SUMS + way) * LANES;
            // SAFETY: at + LANES <= blocks * SUMS * LANES <= length of both slices; loads are unaligned ones.
            let (packed, values) = unsafe {
                (
                    _mm_loadu_si128(stored.as_ptr().add(at).cast()),
                    _mm256_loadu_ps(query.as_ptr().add(at)),
                )
            };
            *sum = _mm256_fmadd_ps(_mm256_cvtph_ps(packed), values, *sum);
        }
    }
    let total = _mm256_add_ps(
        _mm256_add_ps(sums[0], sums[1]),
        _mm256_add_ps(sums[2], sums[3]),
    );
    let mut lanes = [0.0f32; LANES];
    // SAFETY: `lanes` holds exactly the eight floats that are stored.
    unsafe { _mm256_storeu_ps(lanes.as_mut_ptr(), total) };
    let rest = blocks * SUMS * LANES;
    lanes.iter().sum::<f32>() + dot_portable(&stored[rest..], &query[rest..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_arithmetic_in_f64() {
        for dimension in [1usize, 7, 32, 33, 256, 1152] {
            let a: Vec<f32> = (0..dimension)
                .map(|i| ((i * 37 % 101) as f32 - 50.0) / 50.0)
                .collect();
            let b: Vec<f32> = (0..dimension)
                .map(|i| ((i * 53 % 97) as f32 - 48.0) / 48.0)
                .collect();
            let (a, stored) = (
                normalised(&a, dimension as u32).unwrap(),
                to_f16(&normalised(&b, dimension as u32).unwrap()),
            );
            let truth: f64 = stored
                .iter()
                .zip(&a)
                .map(|(s, q)| s.to_f64() * f64::from(*q))
                .sum();
            assert!(
                (f64::from(dot(&stored, &a)) - truth).abs() < 1e-5,
                "{dimension}"
            );
            assert!(
                (f64::from(dot_portable(&stored, &a)) - truth).abs() < 1e-5,
                "{dimension}"
            );
        }
    }

    #[test]
    fn refuses_vectors_without_direction() {
        assert!(matches!(
            normalised(&[0.0, 0.0], 2),
            Err(IndexError::BadVector { .. })
        ));
        assert!(matches!(
            normalised(&[f32::NAN, 1.0], 2),
            Err(IndexError::BadVector { .. })
        ));
        assert!(matches!(
            normalised(&[1.0], 2),
            Err(IndexError::Dimension {
                expected: 2,
                found: 1
            })
        ));
    }
}
