//! config.json and preprocessor_config.json of a SigLIP checkpoint, read with the defaults of transformers'
//! `configuration_siglip.py` (published checkpoints leave out what equals the default) and checked against bounds.

use std::ops::RangeInclusive;
use std::path::Path;

use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};

use crate::EncoderError;
use crate::checkpoint::read_bounded;

pub(crate) const CONFIG_FILE: &str = "config.json";
pub(crate) const PREPROCESSOR_FILE: &str = "preprocessor_config.json";
const CONFIG_LIMIT_BYTES: u64 = 1 << 20;
/// Bounds far above every published SigLIP, so that a hostile configuration costs no time or memory.
const MOST_HIDDEN: u64 = 16_384;
const MOST_WIDE: u64 = 131_072;
const MOST_LAYERS: u64 = 256;

/// The configuration as it stands in config.json; further keys are left alone.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct SiglipConfig {
    pub model_type: String,
    #[serde(default)]
    pub vision_config: VisionConfig,
    #[serde(default)]
    pub text_config: TextConfig,
    #[serde(rename = "_name_or_path")]
    pub name_or_path: Option<String>,
    pub quantization_config: Option<IgnoredAny>,
}

/// The image tower.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub(crate) struct VisionConfig {
    pub hidden_size: u64,
    pub intermediate_size: u64,
    pub num_hidden_layers: u64,
    pub num_attention_heads: u64,
    pub num_channels: u64,
    pub image_size: u64,
    pub patch_size: u64,
    pub hidden_act: String,
    pub layer_norm_eps: f32,
    pub vision_use_head: bool,
}

impl Default for VisionConfig {
    fn default() -> Self {
        Self {
            hidden_size: 768,
            intermediate_size: 3072,
            num_hidden_layers: 12,
            num_attention_heads: 12,
            num_channels: 3,
            image_size: 224,
            patch_size: 16,
            hidden_act: "gelu_pytorch_tanh".into(),
            layer_norm_eps: 1e-6,
            vision_use_head: true,
        }
    }
}

impl VisionConfig {
    fn check(&self) -> Result<(), EncoderError> {
        let (hidden, wide, layers) = (
            self.hidden_size,
            self.intermediate_size,
            self.num_hidden_layers,
        );
        within("vision_config.hidden_size", hidden, 1..=MOST_HIDDEN)?;
        within("vision_config.intermediate_size", wide, 1..=MOST_WIDE)?;
        within("vision_config.num_hidden_layers", layers, 1..=MOST_LAYERS)?;
        within("vision_config.image_size", self.image_size, 1..=4096)?;
        within(
            "vision_config.patch_size",
            self.patch_size,
            1..=self.image_size,
        )?;
        within("vision_config.num_channels", self.num_channels, 3..=3)?;
        heads(
            "vision_config.num_attention_heads",
            self.num_attention_heads,
            hidden,
        )?;
        activation("vision_config.hidden_act", &self.hidden_act)?;
        epsilon("vision_config.layer_norm_eps", self.layer_norm_eps)?;
        if !self.vision_use_head {
            let reason = "is false: without the head there is no picture vector".into();
            return Err(refuse("vision_config.vision_use_head", reason));
        }
        Ok(())
    }

    /// Tokens per picture: SigLIP has no class token.
    pub fn tokens(&self) -> u64 {
        let side = self.image_size / self.patch_size;
        side * side
    }
}

/// The text tower.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub(crate) struct TextConfig {
    pub vocab_size: u64,
    pub hidden_size: u64,
    pub intermediate_size: u64,
    pub num_hidden_layers: u64,
    pub num_attention_heads: u64,
    pub max_position_embeddings: u64,
    pub hidden_act: String,
    pub layer_norm_eps: f32,
    pub pad_token_id: Option<i64>,
    pub projection_size: Option<u64>,
}

impl Default for TextConfig {
    fn default() -> Self {
        Self {
            vocab_size: 32_000,
            hidden_size: 768,
            intermediate_size: 3072,
            num_hidden_layers: 12,
            num_attention_heads: 12,
            max_position_embeddings: 64,
            hidden_act: "gelu_pytorch_tanh".into(),
            layer_norm_eps: 1e-6,
            pad_token_id: Some(1),
            projection_size: None,
        }
    }
}

impl TextConfig {
    fn check(&self) -> Result<(), EncoderError> {
        let (hidden, wide, layers) = (
            self.hidden_size,
            self.intermediate_size,
            self.num_hidden_layers,
        );
        within("text_config.hidden_size", hidden, 1..=MOST_HIDDEN)?;
        within("text_config.intermediate_size", wide, 1..=MOST_WIDE)?;
        within("text_config.num_hidden_layers", layers, 1..=MOST_LAYERS)?;
        within(
            "text_config.max_position_embeddings",
            self.max_position_embeddings,
            2..=8192,
        )?;
        within("text_config.vocab_size", self.vocab_size, 2..=4_000_000)?;
        heads(
            "text_config.num_attention_heads",
            self.num_attention_heads,
            hidden,
        )?;
        activation("text_config.hidden_act", &self.hidden_act)?;
        epsilon("text_config.layer_norm_eps", self.layer_norm_eps)
    }

    /// Length of a text vector.
    pub fn projection(&self) -> u64 {
        self.projection_size.unwrap_or(self.hidden_size)
    }
}

impl SiglipConfig {
    /// Reads and checks config.json.
    pub fn read(dir: &Path) -> Result<Self, EncoderError> {
        let config: Self = read_json(dir, CONFIG_FILE)?;
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), EncoderError> {
        if self.model_type != "siglip" {
            let reason = format!("is {:?}, this program runs \"siglip\"", self.model_type);
            return Err(refuse("model_type", reason));
        }
        if self.quantization_config.is_some() {
            let reason = "is set: fetch the model's weights in F32, F16 or BF16".into();
            return Err(refuse("quantization_config", reason));
        }
        self.vision_config.check()?;
        self.text_config.check()?;
        let (vision, text) = (
            self.vision_config.hidden_size,
            self.text_config.projection(),
        );
        if text != vision {
            let reason = format!("gives text vectors of {text}, picture vectors have {vision}");
            return Err(refuse("text_config.projection_size", reason));
        }
        Ok(())
    }
}

/// preprocessor_config.json: what the profile `hf` does to a picture. The profile `train` reads nothing of it but the size.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct PreprocessorConfig {
    /// Side of the square that the model sees, in pixels.
    pub size: TargetSize,
    /// Pillow's number of the filter: 2 bilinear, 3 bicubic.
    #[serde(default = "bicubic")]
    pub resample: u8,
    /// What an 8-bit value is multiplied with; the published files say 0.00392156862, a truncated 1/255.
    #[serde(default = "one_255th")]
    pub rescale_factor: f64,
    /// Mean per channel, subtracted after rescaling.
    #[serde(default = "halves")]
    pub image_mean: [f32; 3],
    /// Standard deviation per channel, divided by after subtracting the mean.
    #[serde(default = "halves")]
    pub image_std: [f32; 3],
    #[serde(default = "yes")]
    do_resize: bool,
    #[serde(default = "yes")]
    do_rescale: bool,
    #[serde(default = "yes")]
    do_normalize: bool,
}

/// The size entry of preprocessor_config.json.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct TargetSize {
    /// Height in pixels.
    pub height: u32,
    /// Width in pixels.
    pub width: u32,
}

fn bicubic() -> u8 {
    3
}
fn one_255th() -> f64 {
    1.0 / 255.0
}
fn halves() -> [f32; 3] {
    [0.5; 3]
}
fn yes() -> bool {
    true
}

impl PreprocessorConfig {
    /// The configuration that published SigLIP checkpoints of this size carry.
    #[must_use]
    pub fn siglip(size_px: u32) -> Self {
        Self {
            size: TargetSize {
                height: size_px,
                width: size_px,
            },
            resample: bicubic(),
            rescale_factor: 0.003_921_568_62,
            image_mean: halves(),
            image_std: halves(),
            do_resize: true,
            do_rescale: true,
            do_normalize: true,
        }
    }

    pub(crate) fn read(dir: &Path, image_size: u64) -> Result<Self, EncoderError> {
        let config: Self = read_json(dir, PREPROCESSOR_FILE)?;
        config.check(image_size)?;
        Ok(config)
    }

    fn check(&self, image_size: u64) -> Result<(), EncoderError> {
        let refuse = |field, reason: String| {
            Err(EncoderError::CheckConfig {
                file: PREPROCESSOR_FILE,
                field,
                reason,
            })
        };
        let TargetSize { height, width } = self.size;
        if u64::from(height) != image_size || u64::from(width) != image_size {
            return refuse(
                "size",
                format!("is {width} x {height}, config.json says {image_size} x {image_size}"),
            );
        }
        if !matches!(self.resample, 2 | 3) {
            return refuse(
                "resample",
                format!(
                    "is {}; 2 (bilinear) and 3 (bicubic) are known",
                    self.resample
                ),
            );
        }
        let steps = [
            ("do_resize", self.do_resize),
            ("do_rescale", self.do_rescale),
            ("do_normalize", self.do_normalize),
        ];
        if let Some((field, _)) = steps.into_iter().find(|(_, on)| !on) {
            return refuse(field, "is false; SigLIP needs it".into());
        }
        if !(self.rescale_factor.is_finite() && self.rescale_factor > 0.0) {
            return refuse("rescale_factor", format!("is {}", self.rescale_factor));
        }
        if !self.image_mean.iter().all(|mean| mean.is_finite()) {
            return refuse("image_mean", "is not finite".into());
        }
        if !self
            .image_std
            .iter()
            .all(|std| std.is_finite() && *std > 0.0)
        {
            return refuse("image_std", "is not above zero".into());
        }
        Ok(())
    }
}

pub(crate) fn read_json<T: DeserializeOwned>(
    dir: &Path,
    file: &'static str,
) -> Result<T, EncoderError> {
    let bytes = read_bounded(dir, file, CONFIG_LIMIT_BYTES)?;
    parse_json(&bytes, file)
}

/// As serde_json reads it, but what does not fit is told with its field's name.
pub(crate) fn parse_json<T: DeserializeOwned>(
    bytes: &[u8],
    file: &'static str,
) -> Result<T, EncoderError> {
    let fail = |source| EncoderError::ParseJson { file, source };
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let parsed = serde_path_to_error::deserialize(&mut json).map_err(fail)?;
    json.end().map_err(|error| {
        let whole = serde_path_to_error::Track::new().path();
        fail(serde_path_to_error::Error::new(whole, error))
    })?;
    Ok(parsed)
}

fn refuse(field: &'static str, reason: String) -> EncoderError {
    EncoderError::CheckConfig {
        file: CONFIG_FILE,
        field,
        reason,
    }
}

fn within(
    field: &'static str,
    value: u64,
    bounds: RangeInclusive<u64>,
) -> Result<(), EncoderError> {
    if bounds.contains(&value) {
        return Ok(());
    }
    Err(refuse(
        field,
        format!(
            "is {value}, expected {} to {}",
            bounds.start(),
            bounds.end()
        ),
    ))
}

fn heads(field: &'static str, heads: u64, hidden: u64) -> Result<(), EncoderError> {
    if heads >= 1 && hidden.is_multiple_of(heads) {
        return Ok(());
    }
    Err(refuse(
        field,
        format!("is {heads}, which does not divide the hidden size {hidden}"),
    ))
}

fn activation(field: &'static str, name: &str) -> Result<(), EncoderError> {
    // "gelu" in transformers is the erf form: close enough to look right and wrong enough to spoil a ranking.
    if name == "gelu_pytorch_tanh" {
        return Ok(());
    }
    Err(refuse(
        field,
        format!("is {name:?}; SigLIP's is \"gelu_pytorch_tanh\""),
    ))
}

fn epsilon(field: &'static str, value: f32) -> Result<(), EncoderError> {
    if value > 0.0 && value < 0.1 {
        return Ok(());
    }
    Err(refuse(field, format!("is {value}")))
}
