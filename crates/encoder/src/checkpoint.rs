//! A checkpoint folder in Hugging Face layout, opened and checked: configuration, weights' header, tokenizer.
//! Reads the weights themselves only to hash them. Never writes into the folder.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::config::SiglipConfig;
use crate::graph::{self, PixelInput, TowerGraph};
use crate::model_id;
use crate::tokens::TextTokenizer;
use crate::weights::{WEIGHTS_FILE, Weights};
use crate::{EncoderError, ModelId, Precision, PreprocessorConfig};

/// A checkpoint folder, opened and checked.
#[derive(Debug)]
pub struct Checkpoint {
    dir: PathBuf,
    name: String,
    config: SiglipConfig,
    preprocessor: PreprocessorConfig,
    pub(crate) weights: Arc<Weights>,
    pub(crate) tokenizer: Arc<TextTokenizer>,
    image_graph: TowerGraph,
    pub(crate) text_graph: TowerGraph,
    logit_scale: f32,
    logit_bias: f32,
}

impl Checkpoint {
    /// Opens a folder with config.json, preprocessor_config.json, tokenizer.json and model.safetensors, and checks
    /// everything but the weights' values: every tensor's name, shape, element type and byte range against the
    /// configuration, the tokenizer's ids against the vocabulary. Reads a few megabytes at most; hashes nothing.
    ///
    /// # Errors
    /// [`EncoderError::CheckConfig`], [`EncoderError::CheckTensor`], [`EncoderError::CheckTokenizer`] and their like,
    /// each naming the file and the field or tensor.
    pub fn open(dir: &Path) -> Result<Self, EncoderError> {
        let config = SiglipConfig::read(dir)?;
        let preprocessor = PreprocessorConfig::read(dir, config.vision_config.image_size)?;
        let weights = Weights::open(dir)?;
        let location = weights.file_name()?.to_owned();
        let place = (&weights, location.as_str());
        let image_graph = graph::image_tower(
            &config.vision_config,
            place,
            (Precision::F32, PixelInput::Values),
        )?;
        let text_graph = graph::text_tower(&config.text_config, place)?;
        let logit_scale = weights.scalar("logit_scale")?.exp();
        let logit_bias = weights.scalar("logit_bias")?;
        let tokenizer = TextTokenizer::read(dir, &config.text_config)?;
        let name = name_of(dir, &config);
        Ok(Self {
            dir: dir.to_owned(),
            name,
            config,
            preprocessor,
            weights: Arc::new(weights),
            tokenizer: Arc::new(tokenizer),
            image_graph,
            text_graph,
            logit_scale,
            logit_bias,
        })
    }

    /// The image tower in the arithmetic asked for.
    pub(crate) fn image_graph(
        &self,
        precision: Precision,
        input: PixelInput,
    ) -> Result<TowerGraph, EncoderError> {
        if (precision, input) == (Precision::F32, PixelInput::Values) {
            return Ok(self.image_graph.clone());
        }
        let place = (self.weights.as_ref(), self.weights.file_name()?);
        graph::image_tower(&self.config.vision_config, place, (precision, input))
    }

    /// The model's identity: see [`ModelId`]. Reads every byte of the weights (3.5 GB for MedSigLIP).
    ///
    /// # Errors
    /// [`EncoderError::ReadFile`]; [`EncoderError::RecheckWeights`] if the weights changed since they were opened.
    pub fn model_id(&self) -> Result<ModelId, EncoderError> {
        self.model_id_with_progress(&mut |_, _| ())
    }

    /// As [`Self::model_id`], telling `progress` the bytes done and the bytes in all, about every megabyte.
    ///
    /// # Errors
    /// As [`Self::model_id`].
    pub fn model_id_with_progress(
        &self,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<ModelId, EncoderError> {
        self.weights.recheck()?;
        let id = model_id::hash_folder(&self.dir, progress)?;
        self.weights.recheck()?;
        Ok(id)
    }

    /// The folder, as it was given.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The checkpoint's name for people: the hub's name where it is known, otherwise the folder's.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Length of the vectors of both towers.
    #[must_use]
    pub fn dimension(&self) -> usize {
        self.config.vision_config.hidden_size as usize
    }

    /// Side of the square that the image tower takes, in pixels.
    #[must_use]
    pub fn image_size_px(&self) -> u32 {
        self.preprocessor.size.width
    }

    /// Patches along one side of that square: the image tower has its square of tokens.
    #[must_use]
    pub fn grid_side(&self) -> u32 {
        let vision = &self.config.vision_config;
        u32::try_from(vision.image_size / vision.patch_size).unwrap_or(u32::MAX)
    }

    /// Tokens of a text, end mark and padding included.
    #[must_use]
    pub fn text_length(&self) -> usize {
        self.config.text_config.max_position_embeddings as usize
    }

    /// Parameters' bytes in model.safetensors, for a person to see how large the model is.
    #[must_use]
    pub fn weight_bytes(&self) -> u64 {
        self.weights.data_bytes()
    }

    /// Factor of the cosine in SigLIP's match probability `sigmoid(scale * cosine + bias)`; the file stores its logarithm.
    #[must_use]
    pub fn logit_scale(&self) -> f32 {
        self.logit_scale
    }

    /// Summand of SigLIP's match probability, see [`Self::logit_scale`].
    #[must_use]
    pub fn logit_bias(&self) -> f32 {
        self.logit_bias
    }

    /// preprocessor_config.json, which the profile `hf` follows.
    #[must_use]
    pub fn preprocessor(&self) -> &PreprocessorConfig {
        &self.preprocessor
    }
}

/// The hub's name stands in config.json, or in a cache folder's path (`models--google--medsiglip-448/snapshots/<commit>`).
fn name_of(dir: &Path, config: &SiglipConfig) -> String {
    if let Some(name) = config.name_or_path.as_deref() {
        let (mut parts, hub) = (name.split('/'), |part: &str| {
            !part.is_empty() && !part.starts_with('.')
        });
        if name.len() <= 128 && parts.clone().count() == 2 && parts.all(hub) {
            return name.to_owned();
        }
    }
    let real = dir.canonicalize().unwrap_or_else(|_| dir.to_owned());
    let cached = real
        .ancestors()
        .filter_map(|part| part.file_name()?.to_str()?.strip_prefix("models--"));
    if let Some(cached) = cached.into_iter().next() {
        return cached.replacen("--", "/", 1);
    }
    real.file_name().map_or_else(
        || "model".into(),
        |name| name.to_string_lossy().into_owned(),
    )
}

/// Reads a whole small file of a folder, however long it claims to be.
pub(crate) fn read_bounded(
    dir: &Path,
    file: &'static str,
    limit_bytes: u64,
) -> Result<Vec<u8>, EncoderError> {
    let fail = |source| EncoderError::ReadFile { file, source };
    let opened = File::open(dir.join(file)).map_err(fail)?;
    let mut bytes = Vec::new();
    opened
        .take(limit_bytes + 1)
        .read_to_end(&mut bytes)
        .map_err(fail)?;
    if bytes.len() as u64 > limit_bytes {
        return Err(EncoderError::BoundFile { file, limit_bytes });
    }
    Ok(bytes)
}

impl Weights {
    /// The weights' real file name, which the graphs name as their `location`: plain, as ONNX Runtime demands.
    fn file_name(&self) -> Result<&str, EncoderError> {
        self.path()
            .file_name()
            .and_then(|name| name.to_str())
            .ok_or(EncoderError::ReadFile {
                file: WEIGHTS_FILE,
                source: std::io::Error::new(
                    std::io::ErrorKind::InvalidFilename,
                    "its real name is not UTF-8",
                ),
            })
    }
}
