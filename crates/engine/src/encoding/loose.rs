//! A model outside any library.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use casekin_encoder::{Checkpoint, Recipe, SelfCheckRecord};
use casekin_imaging::{Decoders, Source};

use super::EncoderSlot;
use super::embed::{Label, Wanted, embed};
use crate::config::EncoderConfig;
use crate::error::EngineError;
use crate::pictures::AskedPicture;
use crate::records::Embedding;
use crate::self_check::Measure;
use crate::worker::WorkerEncoder;

/// A model outside any library: for `casekin embed --model` and for a worker on another machine. Cheap to clone.
#[derive(Clone)]
pub struct LooseEncoder {
    slot: Arc<EncoderSlot>,
    model_id: String,
    profile: String,
}

impl LooseEncoder {
    /// Opens the checkpoint in `dir` and hashes it; the sessions are made when first used.
    ///
    /// # Errors
    /// Any error of the encoder: a missing file, a tensor of the wrong shape, no runtime.
    pub fn open(dir: &Path, config: &EncoderConfig, profile: &str) -> Result<Self, EngineError> {
        let model_id = Checkpoint::open(dir)?.model_id()?;
        Self::known(dir, model_id.as_str(), config, profile)
    }

    /// As [`LooseEncoder::open`], of a model whose id is known already: nothing is hashed.
    ///
    /// # Errors
    /// A profile that does not exist.
    pub fn known(
        dir: &Path,
        model_id: &str,
        config: &EncoderConfig,
        profile: &str,
    ) -> Result<Self, EngineError> {
        let _: Recipe = profile.parse()?;
        let slot = EncoderSlot::new(dir.to_path_buf(), config.clone(), profile.to_owned());
        Ok(Self {
            slot: Arc::new(slot),
            model_id: model_id.to_owned(),
            profile: profile.to_owned(),
        })
    }

    /// The built-in demo model, unpacked under `data_dir`.
    ///
    /// # Errors
    /// As [`LooseEncoder::open`].
    pub fn demo(
        data_dir: &Path,
        config: &EncoderConfig,
        profile: &str,
    ) -> Result<Self, EngineError> {
        Self::open(&crate::models::unpack_demo(data_dir)?, config, profile)
    }

    /// Id of the model.
    pub fn model_id(&self) -> &str {
        &self.model_id
    }

    pub(crate) fn slot(&self) -> &EncoderSlot {
        &self.slot
    }

    /// Whether it is the built-in demo model, wherever its files lie.
    pub fn is_demo(&self) -> bool {
        let id = self.model_id.parse();
        id.is_ok_and(|id| SelfCheckRecord::shipped(&id).is_some())
    }

    /// The arithmetic of the image tower: "f32", "f16", "bf16" or "int8".
    pub fn precision(&self) -> String {
        let recipe: Recipe = self.profile.parse().unwrap_or_default();
        recipe.precision.to_string()
    }

    /// Preprocessing profile.
    pub fn profile(&self) -> &str {
        &self.profile
    }

    /// The encoder as a worker needs it, held to `self_check`; what that lacks is recorded under `data_dir`.
    pub fn for_worker(&self, self_check: SelfCheckRecord, data_dir: &Path) -> WorkerEncoder {
        WorkerEncoder {
            slot: Arc::clone(&self.slot),
            model_id: self.model_id.clone(),
            profile: self.profile.clone(),
            measure: Measure::handed(self_check, data_dir),
        }
    }

    /// Encodes texts and pictures. Blocks.
    ///
    /// # Errors
    /// The first picture that cannot be read, or an error of the encoder.
    pub fn embed(
        &self,
        texts: &[String],
        files: &[PathBuf],
        limits: &casekin_imaging::Limits,
        decoding: &Decoders,
    ) -> Result<Vec<Embedding>, EngineError> {
        let picture = |path: &PathBuf| {
            let picture = AskedPicture {
                source: Source::Path(path.clone()),
                volume: None,
                modality: None,
            };
            (path.display().to_string(), picture)
        };
        let label = Label {
            model: &self.model_id,
            profile: &self.profile,
        };
        let wanted = Wanted {
            texts,
            pictures: files.iter().map(picture).collect(),
            limits,
            decoding,
        };
        embed(&self.slot, &label, wanted)
    }
}
