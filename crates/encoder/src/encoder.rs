//! skeleton
use crate::{Checkpoint, Device, EncoderError, Picture, Profile, Runtime, Tower};

/// The arithmetic that both towers run in, as it is stamped on vectors.
pub const PRECISION: &str = "f32";

/// How to run an encoder.
#[derive(Debug, Clone)]
pub struct EncoderOptions {
    /// The processor.
    pub device: Device,
    /// The preprocessing.
    pub profile: Profile,
    /// Threads of one run; 0 leaves it to ONNX Runtime (one per core).
    pub intra_threads: usize,
    /// Pictures or texts per run, at least 1.
    pub batch_size: usize,
}

impl Default for EncoderOptions {
    fn default() -> Self {
        Self {
            device: Device::Cpu,
            profile: Profile::Train,
            intra_threads: 0,
            batch_size: 8,
        }
    }
}

/// A checkpoint on a device, ready to encode. `Send + Sync`: share it in an `Arc`.
pub struct Encoder {
    profile: Profile,
}

impl Encoder {
    /// Prepares both towers; each is loaded at its first use, or by [`Self::load_tower`].
    ///
    /// # Errors
    /// [`EncoderError::UseCuda`] where CUDA is asked for and cannot be had.
    pub fn load(
        _runtime: &Runtime,
        _checkpoint: &Checkpoint,
        options: &EncoderOptions,
    ) -> Result<Self, EncoderError> {
        Ok(Self {
            profile: options.profile,
        })
    }

    /// Loads one tower now, so that the first query need not wait for it.
    ///
    /// # Errors
    /// [`EncoderError::StartSession`].
    pub fn load_tower(&self, _tower: Tower) -> Result<(), EncoderError> {
        Ok(())
    }

    /// One L2-normalised vector per picture, in order.
    ///
    /// # Errors
    /// [`EncoderError::CheckPicture`] before anything is run; [`EncoderError::RunSession`].
    pub fn encode_images(&self, _pictures: &[Picture<'_>]) -> Result<Vec<Vec<f32>>, EncoderError> {
        Ok(Vec::new())
    }

    /// One L2-normalised vector per text, in order.
    ///
    /// # Errors
    /// [`EncoderError::TokeniseText`]; [`EncoderError::RunSession`].
    pub fn encode_texts(&self, _texts: &[&str]) -> Result<Vec<Vec<f32>>, EncoderError> {
        Ok(Vec::new())
    }

    /// The ids that a text becomes, padded to the checkpoint's text length.
    ///
    /// # Errors
    /// [`EncoderError::TokeniseText`].
    pub fn token_ids(&self, _text: &str) -> Result<Vec<i64>, EncoderError> {
        Ok(Vec::new())
    }

    /// Length of the vectors.
    #[must_use]
    pub fn dimension(&self) -> usize {
        0
    }

    /// The preprocessing profile.
    #[must_use]
    pub fn profile(&self) -> Profile {
        self.profile
    }
}
