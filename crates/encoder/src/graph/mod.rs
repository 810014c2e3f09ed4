//! Writes the two towers as ONNX graphs whose weights are byte ranges of model.safetensors.
//! Writing and checking are one act: a tensor gets into a graph only through [`crate::weights::Weights::find`].
//! Never holds weights.

mod builder;
mod layers;
mod protobuf;
mod towers;

use crate::quantised::QuantisedLayer;
use crate::weights::{Dtype, TensorRange};

pub(crate) use towers::{PixelInput, image_tower, text_tower};

/// A tower written as an ONNX file, and the layers whose 8-bit weights are handed to ONNX Runtime beside it.
#[derive(Debug, Clone)]
pub(crate) struct TowerGraph {
    pub bytes: Vec<u8>,
    /// What it reckons in, layers in 8 bit apart.
    pub arithmetic: Dtype,
    pub quantised: Vec<QuantisedLayer>,
    /// Every other tensor of the tower, under its name in the checkpoint: ONNX Runtime reads these from the file itself.
    pub read_as_stored: Vec<(String, TensorRange)>,
}

/// Name of the image tower's input, `[batch, 3, size, size]`: f32 values, or pixels as [`PixelInput`] says.
pub(crate) const PIXELS: &str = "pixel_values";
/// Name of the second input beside pixels of 8 bit, `[3 * 256]` f32: what the model sees for each, channel by channel.
pub(crate) const LEVELS: &str = "levels";
/// Name of the text tower's input, `[batch, length]` i64.
pub(crate) const IDS: &str = "input_ids";
/// Name of either tower's output, `[batch, dimension]` f32, not normalised; the name that exported SigLIP models use.
pub(crate) const POOLED: &str = "pooler_output";
/// Name of the image tower's second output, `[batch, tokens, dimension]` f32: the patches after the last norm, in
/// rows from the top left. Fetched only where it is asked for; the name that exported SigLIP models use.
pub(crate) const PATCHES: &str = "last_hidden_state";
