//! The weights' values, read once from end to end: is each of them a number? A file that was damaged where its header is
//! right, or a training that diverged, shows here and nowhere before the first vector.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};

use crate::weights::{Dtype, TensorRange, Weights, read_error};
use crate::{Checkpoint, EncoderError, TensorProblem};

/// A multiple of every element's size.
const CHUNK_BYTES: usize = 1 << 20;

impl Dtype {
    /// Whether a value of these bytes has all bits of its exponent set: infinity or no number at all (IEEE 754).
    fn has_not_finite(self, bytes: &[u8]) -> bool {
        let halves = |mask: u16| {
            bytes
                .chunks_exact(2)
                .any(|value| u16::from_le_bytes([value[0], value[1]]) & mask == mask)
        };
        match self {
            Self::F16 => halves(0x7C00),
            Self::Bf16 => halves(0x7F80),
            Self::F32 => bytes.chunks_exact(4).any(|value| {
                let bits = u32::from_le_bytes([value[0], value[1], value[2], value[3]]);
                bits & 0x7F80_0000 == 0x7F80_0000
            }),
        }
    }
}

impl Weights {
    /// The first tensor in the file with a value that is not finite. Tensors of other types than the graph reads are
    /// passed over. Tells `progress` the bytes done and the bytes in all.
    pub fn first_not_finite(
        &self,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<Option<String>, EncoderError> {
        self.recheck()?;
        let mut file =
            BufReader::with_capacity(CHUNK_BYTES, File::open(self.path()).map_err(read_error)?);
        file.seek_relative(i64::try_from(self.data_start()).unwrap_or(i64::MAX))
            .map_err(read_error)?;
        let (mut done, mut chunk) = (0, vec![0_u8; CHUNK_BYTES]);
        // They lie one after another without a gap, which `Weights::open` has checked.
        for (name, dtype, length) in self.in_file_order() {
            let mut left = length;
            while left > 0 {
                let part = &mut chunk[..left.min(CHUNK_BYTES as u64) as usize];
                file.read_exact(part).map_err(read_error)?;
                if dtype.is_some_and(|dtype| dtype.has_not_finite(part)) {
                    return Ok(Some(name.to_owned()));
                }
                left -= part.len() as u64;
                done += part.len() as u64;
                progress(done, self.data_bytes());
            }
        }
        Ok(None)
    }

    /// Reads these tensors and insists that every value of them is a number.
    ///
    /// # Errors
    /// [`EncoderError::CheckTensor`] naming the first that holds something else; [`EncoderError::ReadFile`].
    pub fn check_finite(&self, tensors: &[(String, TensorRange)]) -> Result<(), EncoderError> {
        let mut file = File::open(self.path()).map_err(read_error)?;
        let mut chunk = vec![0_u8; CHUNK_BYTES];
        for (name, range) in tensors {
            file.seek(SeekFrom::Start(range.offset))
                .map_err(read_error)?;
            let mut left = range.length;
            while left > 0 {
                let part = &mut chunk[..left.min(CHUNK_BYTES as u64) as usize];
                file.read_exact(part).map_err(read_error)?;
                if range.dtype.has_not_finite(part) {
                    return Err(EncoderError::CheckTensor {
                        tensor: name.clone(),
                        problem: TensorProblem::NotFinite,
                    });
                }
                left -= part.len() as u64;
            }
        }
        Ok(())
    }
}

impl Checkpoint {
    /// Reads every value of the weights (3.5 GB for MedSigLIP) and insists that each is a number.
    ///
    /// # Errors
    /// [`EncoderError::CheckTensor`] naming the first tensor that holds something else; [`EncoderError::ReadFile`].
    pub fn check_values(&self, progress: &mut dyn FnMut(u64, u64)) -> Result<(), EncoderError> {
        match self.weights.first_not_finite(progress)? {
            None => Ok(()),
            Some(tensor) => Err(EncoderError::CheckTensor {
                tensor,
                problem: TensorProblem::NotFinite,
            }),
        }
    }

    /// Tensors that model.safetensors lists. Opening has found every one that the configuration asks for among them.
    #[must_use]
    pub fn tensor_count(&self) -> usize {
        self.weights.in_file_order().len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn infinities_and_what_is_no_number_are_seen_in_every_type() {
        for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let bytes = [1.0_f32.to_le_bytes(), value.to_le_bytes()].concat();
            assert!(Dtype::F32.has_not_finite(&bytes), "{value}");
            let bytes = half::f16::from_f32(value).to_le_bytes();
            assert!(Dtype::F16.has_not_finite(&bytes), "{value}");
            let bytes = half::bf16::from_f32(value).to_le_bytes();
            assert!(Dtype::Bf16.has_not_finite(&bytes), "{value}");
        }
        for value in [0.0, -0.0, f32::MAX, f32::MIN, f32::MIN_POSITIVE, 1e-40] {
            assert!(!Dtype::F32.has_not_finite(&value.to_le_bytes()), "{value}");
        }
        let largest = half::f16::MAX.to_le_bytes();
        assert!(!Dtype::F16.has_not_finite(&largest));
        let largest = half::bf16::MAX.to_le_bytes();
        assert!(!Dtype::Bf16.has_not_finite(&largest));
    }
}
