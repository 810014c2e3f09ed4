//! skeleton
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::config::SiglipConfig;
use crate::{EncoderError, PreprocessorConfig};

/// Identity of a model: SHA-256 over its weight bytes, tokenizer and configuration, 64 lower-case hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ModelId(String);

impl ModelId {
    /// The 64 digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ModelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for ModelId {
    type Err = EncoderError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digit = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        if text.len() == 64 && text.bytes().all(digit) {
            Ok(Self(text.to_owned()))
        } else {
            Err(EncoderError::ParseModelId)
        }
    }
}

/// A checkpoint folder, opened and checked.
#[derive(Debug)]
pub struct Checkpoint {
    dir: PathBuf,
    config: SiglipConfig,
    preprocessor: PreprocessorConfig,
}

impl Checkpoint {
    /// Opens a folder and checks everything but the weights' values.
    ///
    /// # Errors
    /// The file, field or tensor that is not as it should be.
    pub fn open(dir: &Path) -> Result<Self, EncoderError> {
        let config = SiglipConfig::read(dir)?;
        let preprocessor = PreprocessorConfig::read(dir, config.vision_config.image_size)?;
        Ok(Self {
            dir: dir.to_owned(),
            config,
            preprocessor,
        })
    }

    /// The model's identity; reads every byte of the weights.
    ///
    /// # Errors
    /// [`EncoderError::ReadFile`].
    pub fn model_id(&self) -> Result<ModelId, EncoderError> {
        self.model_id_with_progress(&mut |_, _| ())
    }

    /// As [`Self::model_id`], telling `progress` the bytes done and the bytes in all.
    ///
    /// # Errors
    /// [`EncoderError::ReadFile`].
    pub fn model_id_with_progress(
        &self,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<ModelId, EncoderError> {
        progress(0, 0);
        Err(EncoderError::ParseModelId)
    }

    /// The checkpoint's name for people: the hub's name where it is known, otherwise the folder's.
    #[must_use]
    pub fn name(&self) -> &str {
        self.dir
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or("model")
    }

    /// Length of the vectors.
    #[must_use]
    pub fn dimension(&self) -> usize {
        self.config.vision_config.hidden_size as usize
    }

    /// Side of the square that the image tower takes, in pixels.
    #[must_use]
    pub fn image_size_px(&self) -> u32 {
        self.preprocessor.size.width
    }

    /// Tokens of a text, padding included.
    #[must_use]
    pub fn text_length(&self) -> usize {
        self.config.text_config.max_position_embeddings as usize
    }

    /// The factor of the cosine in SigLIP's match probability; already exponentiated.
    #[must_use]
    pub fn logit_scale(&self) -> f32 {
        1.0
    }

    /// What is added to the scaled cosine in SigLIP's match probability.
    #[must_use]
    pub fn logit_bias(&self) -> f32 {
        0.0
    }

    /// preprocessor_config.json.
    #[must_use]
    pub fn preprocessor(&self) -> &PreprocessorConfig {
        &self.preprocessor
    }
}

pub(crate) fn read_bounded(
    dir: &Path,
    file: &'static str,
    limit_bytes: u64,
) -> Result<Vec<u8>, EncoderError> {
    let fail = |source| EncoderError::ReadFile { file, source };
    let mut bytes = Vec::new();
    let length = File::open(dir.join(file))
        .map_err(fail)?
        .take(limit_bytes + 1)
        .read_to_end(&mut bytes)
        .map_err(fail)? as u64;
    if length > limit_bytes {
        return Err(EncoderError::BoundFile {
            file,
            length_bytes: length,
            limit_bytes,
        });
    }
    Ok(bytes)
}
