//! The compact codes under which graphs hold vectors: half floats, signed bytes, or the signs that are left after
//! subtracting the segment's mean. A code only proposes; the vector log decides by exact cosine.

use half::f16;
use half::slice::HalfFloatSliceExt;
use serde::{Deserialize, Serialize};
use usearch::{MetricKind, ScalarKind};

/// The code of one segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Code {
    F16,
    I8,
    B1,
}

impl Code {
    pub(crate) fn number(self) -> u32 {
        match self {
            Self::F16 => 0,
            Self::I8 => 1,
            Self::B1 => 2,
        }
    }

    pub(crate) fn from_number(number: u32) -> Option<Self> {
        [Self::F16, Self::I8, Self::B1]
            .into_iter()
            .find(|code| code.number() == number)
    }

    pub(crate) fn metric(self) -> (MetricKind, ScalarKind) {
        match self {
            // Vectors of the log have length one, so the inner product is the cosine.
            Self::F16 => (MetricKind::IP, ScalarKind::F16),
            // Each vector is scaled on its own, which the cosine does not notice.
            Self::I8 => (MetricKind::Cos, ScalarKind::I8),
            Self::B1 => (MetricKind::Hamming, ScalarKind::B1),
        }
    }
}

/// Makes the codes of one segment.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Coder {
    pub(crate) code: Code,
    /// What B1 subtracts, one value per dimension; empty for other codes.
    pub(crate) mean: Vec<f32>,
}

/// One coded vector.
pub(crate) enum Coded {
    F16(Vec<f16>),
    I8(Vec<i8>),
    B1(Vec<u8>),
}

impl Coder {
    pub(crate) fn new(code: Code, mean: Vec<f32>) -> Self {
        let mean = if code == Code::B1 { mean } else { Vec::new() };
        Self { code, mean }
    }

    pub(crate) fn encode(&self, vector: &[f32]) -> Coded {
        match self.code {
            Code::F16 => {
                let mut rounded = vec![f16::ZERO; vector.len()];
                rounded.convert_from_f32_slice(vector);
                Coded::F16(rounded)
            }
            Code::I8 => {
                let largest = vector
                    .iter()
                    .fold(f32::MIN_POSITIVE, |most, v| most.max(v.abs()));
                let scale = 127.0 / largest;
                Coded::I8(vector.iter().map(|v| (v * scale).round() as i8).collect())
            }
            Code::B1 => Coded::B1(signs(vector, &self.mean)),
        }
    }

    /// Bytes of one code.
    pub(crate) fn code_bytes(&self, dimension: u32) -> usize {
        match self.code {
            Code::F16 => 2 * dimension as usize,
            Code::I8 => dimension as usize,
            Code::B1 => sign_bytes(dimension),
        }
    }

    /// Dimensions as usearch counts them: whole bytes of bits.
    pub(crate) fn scalars(&self, dimension: u32) -> usize {
        match self.code {
            Code::B1 => 8 * sign_bytes(dimension),
            Code::F16 | Code::I8 => dimension as usize,
        }
    }
}

/// Bytes of the signs of a vector; whole 64-bit words, so that they can be compared by words.
pub(crate) fn sign_bytes(dimension: u32) -> usize {
    (dimension as usize).div_ceil(64) * 8
}

/// One bit per dimension: whether the value lies above the mean. The bits that fill the last word are zero.
fn signs(vector: &[f32], mean: &[f32]) -> Vec<u8> {
    let mut bytes = vec![0u8; sign_bytes(vector.len() as u32)];
    let pairs = vector.chunks(8).zip(mean.chunks(8));
    for (byte, (values, means)) in bytes.iter_mut().zip(pairs) {
        for (bit, (value, mean)) in values.iter().zip(means).enumerate() {
            *byte |= u8::from(value > mean) << bit;
        }
    }
    bytes
}

/// Number of differing bits. Both have the same length, a multiple of eight.
pub(crate) fn hamming(a: &[u8], b: &[u8]) -> u32 {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vpopcntdq") {
        #[allow(unsafe_code)]
        // SAFETY: the features were detected just now.
        return unsafe { hamming_avx512(a, b) };
    }
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("popcnt") {
        #[allow(unsafe_code)]
        // SAFETY: the feature was detected just now.
        return unsafe { hamming_popcnt(a, b) };
    }
    hamming_words(a, b)
}

/// [`hamming`] between one code and each of several, into `distances`.
pub(crate) fn hamming_each<'a>(
    codes: impl Iterator<Item = &'a [u8]>,
    query: &[u8],
    distances: &mut Vec<u32>,
) {
    distances.clear();
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vpopcntdq") {
        #[allow(unsafe_code)]
        // SAFETY: the features were detected just now.
        distances.extend(codes.map(|code| unsafe { hamming_avx512(code, query) }));
        return;
    }
    distances.extend(codes.map(|code| hamming(code, query)));
}

/// As [`hamming_words`], which the compiler makes of whole registers here.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vpopcntdq")]
fn hamming_avx512(a: &[u8], b: &[u8]) -> u32 {
    hamming_words(a, b)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "popcnt")]
fn hamming_popcnt(a: &[u8], b: &[u8]) -> u32 {
    hamming_words(a, b)
}

#[inline(always)]
fn hamming_words(a: &[u8], b: &[u8]) -> u32 {
    let word = |bytes: &[u8]| u64::from_ne_bytes(bytes.try_into().expect("eight bytes"));
    a.chunks_exact(8)
        .zip(b.chunks_exact(8))
        .map(|(a, b)| (word(a) ^ word(b)).count_ones())
        .sum()
}

/// Running mean of vectors.
#[derive(Debug)]
pub(crate) struct Mean {
    sum: Vec<f64>,
    count: u64,
}

impl Mean {
    pub(crate) fn new(dimension: u32) -> Self {
        Self {
            sum: vec![0.0; dimension as usize],
            count: 0,
        }
    }

    pub(crate) fn add(&mut self, vector: &[f32]) {
        self.count += 1;
        for (sum, value) in self.sum.iter_mut().zip(vector) {
            *sum += f64::from(*value);
        }
    }

    pub(crate) fn value(&self) -> Vec<f32> {
        let count = self.count.max(1) as f64;
        self.sum.iter().map(|sum| (sum / count) as f32).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_are_those_above_the_mean_and_hamming_counts_what_differs() {
        let coder = Coder::new(Code::B1, vec![0.5; 70]);
        let mut vector = vec![0.0; 70];
        let none = coder.encode(&vector);
        vector[0] = 1.0;
        vector[69] = 0.6;
        let two = coder.encode(&vector);
        let (Coded::B1(none), Coded::B1(two)) = (none, two) else {
            panic!("signs");
        };
        assert_eq!((none.len(), coder.scalars(70)), (16, 128));
        assert_eq!((none[0], two[0], two[8]), (0, 1, 1 << 5));
        assert_eq!((hamming(&none, &two), hamming_words(&none, &two)), (2, 2));
    }

    #[test]
    fn bytes_keep_the_direction() {
        let Coded::I8(bytes) = Coder::new(Code::I8, Vec::new()).encode(&[0.1, -0.2, 0.0]) else {
            panic!("bytes");
        };
        assert_eq!(bytes, [64, -127, 0]);
    }
}
