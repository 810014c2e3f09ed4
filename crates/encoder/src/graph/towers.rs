//! The arithmetic of SigLIP (arXiv 2303.15343; transformers' `modeling_siglip.py`) as two graphs.
//! Rows of all tokens are kept as one `[batch * tokens, hidden]` matrix, split into sequences only for attention.

use super::builder::Builder;
use super::layers::Pair;
use super::protobuf::{Attribute, ElementType};
use super::{IDS, LEVELS, PATCHES, PIXELS, POOLED, TowerGraph};
use crate::config::{TextConfig, VisionConfig};
use crate::weights::{Dtype, Weights};
use crate::{Device, EncoderError, Precision};

/// The sizes that an encoder stack has in either tower.
struct Stack<'a> {
    prefix: &'a str,
    final_norm: &'a str,
    layers: u64,
    heads: u64,
    hidden: u64,
    wide: u64,
    tokens: u64,
    epsilon: f32,
    precision: Precision,
}

impl Stack<'_> {
    /// Shape of `[batch, tokens, hidden]`, the batch left to be worked out.
    fn sequences(&self) -> [i64; 3] {
        [-1, self.tokens as i64, self.hidden as i64]
    }

    /// All layers and the norm after them: rows in, rows out. Pre-norm: `x += attention(norm(x)); x += mlp(norm(x))`.
    fn write(&self, b: &mut Builder<'_>, rows: String) -> Result<String, EncoderError> {
        let Self {
            prefix,
            hidden,
            epsilon,
            ..
        } = *self;
        let first = b.norm_pair(&format!("{prefix}.encoder.layers.0.layer_norm1"), hidden)?;
        let mut normalised = b.layer_norm(&rows, &first, epsilon);
        let mut residual = rows;
        for layer in 0..self.layers {
            let name = |part: &str| format!("{prefix}.encoder.layers.{layer}.{part}");
            let attended = self.write_attention(b, &normalised, &name("self_attn"))?;
            let norm2 = b.norm_pair(&name("layer_norm2"), hidden)?;
            (normalised, residual) = b.skip_layer_norm(&attended, &residual, &norm2, epsilon);
            let (wide, precision) = (self.wide, self.precision);
            let spread = b.linear_in(&normalised, &name("mlp.fc1"), (wide, hidden), precision)?;
            let bent = b.gelu(&spread);
            let bent = b.linear_in(&bent, &name("mlp.fc2"), (hidden, wide), precision)?;
            let next = match layer + 1 {
                next if next < self.layers => format!("{prefix}.encoder.layers.{next}.layer_norm1"),
                _ => format!("{prefix}.{}", self.final_norm),
            };
            let next = b.norm_pair(&next, hidden)?;
            (normalised, residual) = b.skip_layer_norm(&bent, &residual, &next, epsilon);
        }
        Ok(normalised)
    }

    fn write_attention(
        &self,
        b: &mut Builder<'_>,
        rows: &str,
        name: &str,
    ) -> Result<String, EncoderError> {
        let (square, precision) = ((self.hidden, self.hidden), self.precision);
        let mut sequences = Vec::with_capacity(3);
        for projection in ["q_proj", "k_proj", "v_proj"] {
            let prefix = format!("{name}.{projection}");
            let projected = b.linear_in(rows, &prefix, square, precision)?;
            sequences.push(b.reshape(&projected, &self.sequences()));
        }
        let attended = b.attention(&sequences[0], &sequences[1], &sequences[2], self.heads);
        let rows = b.reshape(&attended, &[-1, self.hidden as i64]);
        b.linear_in(&rows, &format!("{name}.out_proj"), square, precision)
    }
}

/// What the image tower takes. Its vectors are the same to the bit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PixelInput {
    /// Pixels of 8 bit and the table of what each becomes: a quarter of the bytes travels to a GPU.
    Bytes,
    /// The finished values in f32. On a CPU nothing travels, and there the table is slower: 3.3 ms of a thread for a
    /// picture of 448 pixels, measured.
    Values,
}

impl PixelInput {
    pub fn on(device: Device) -> Self {
        match device {
            Device::Cpu => Self::Values,
            Device::Cuda { .. } => Self::Bytes,
        }
    }

    /// Declares the inputs and gives the values that the model sees, `[batch, 3, size, size]` f32.
    fn write(self, b: &mut Builder<'_>, config: &VisionConfig) -> String {
        let sides = [config.num_channels, config.image_size, config.image_size];
        if self == Self::Values {
            b.input(PIXELS, ElementType::Float, &sides);
            return PIXELS.to_owned();
        }
        b.input(PIXELS, ElementType::Uint8, &sides);
        b.fixed_input(LEVELS, ElementType::Float, &[config.num_channels * 256]);
        let to = [("to", Attribute::Int(ElementType::Int32 as i64))];
        let values = b.node("Cast", &[PIXELS], &to);
        let starts = b.int32s(&[3, 1, 1], &[0, 256, 512]);
        let places = b.node("Add", &[&values, &starts], &[]);
        b.node("Gather", &[LEVELS, &places], &[("axis", Attribute::Int(0))])
    }
}

/// The graph from `pixel_values` to `pooler_output` and `last_hidden_state`. `location` is the file name of the weights.
/// In half precision everything behind the patch embedding is half: that itself is a thousandth of the work and stays in
/// f32 (ONNX's convolution of this operator set has no bf16), and norms and softmax sum up in f32 within their kernels.
///
/// # Errors
/// The first tensor that is missing or not of the shape that the configuration asks for.
pub(crate) fn image_tower(
    config: &VisionConfig,
    place: (&Weights, &str),
    (precision, input): (Precision, PixelInput),
) -> Result<TowerGraph, EncoderError> {
    let (hidden, patch) = (config.hidden_size, config.patch_size);
    let stack = Stack {
        prefix: "vision_model",
        final_norm: "post_layernorm",
        layers: config.num_hidden_layers,
        heads: config.num_attention_heads,
        hidden,
        wide: config.intermediate_size,
        tokens: config.tokens(),
        epsilon: config.layer_norm_eps,
        precision,
    };
    let arithmetic = precision.arithmetic();
    let mut b = Builder::new("siglip-image-tower", place, arithmetic);
    let pixels = input.write(&mut b, config);
    let kernel = b.weight_as(
        "vision_model.embeddings.patch_embedding.weight",
        &[hidden, config.num_channels, patch, patch],
        Dtype::F32,
    )?;
    let bias = "vision_model.embeddings.patch_embedding.bias";
    let bias = b.weight_as(bias, &[hidden], Dtype::F32)?;
    let strides = [patch as i64, patch as i64];
    let patches = b.node(
        "Conv",
        &[&pixels, &kernel, &bias],
        &[("strides", Attribute::Ints(&strides))],
    );
    let columns = b.reshape(&patches, &[0, hidden as i64, -1]);
    let sequences = b.node(
        "Transpose",
        &[&columns],
        &[("perm", Attribute::Ints(&[0, 2, 1]))],
    );
    let positions = b.weight_as(
        "vision_model.embeddings.position_embedding.weight",
        &[stack.tokens, hidden],
        Dtype::F32,
    )?;
    let placed = b.node("Add", &[&sequences, &positions], &[]);
    let placed = b.cast(placed, Dtype::F32, arithmetic);
    let rows = b.reshape(&placed, &[-1, hidden as i64]);
    let rows = stack.write(&mut b, rows)?;
    let sequences = b.ints(&stack.sequences());
    b.last_node("Reshape", &[&rows, &sequences], PATCHES, &[]);
    write_pooling(&mut b, &stack, &rows)?;
    b.output(POOLED, &[hidden]);
    b.output(PATCHES, &[stack.tokens, hidden]);
    Ok(b.finish())
}

/// The attention-pooling head: one learned query looks at all tokens; `r + mlp(norm(r))`, the residual past the norm.
fn write_pooling(b: &mut Builder<'_>, stack: &Stack<'_>, rows: &str) -> Result<(), EncoderError> {
    const HEAD: &str = "vision_model.head";
    let hidden = stack.hidden;
    let (packed, packed_bias) = (
        format!("{HEAD}.attention.in_proj_weight"),
        format!("{HEAD}.attention.in_proj_bias"),
    );
    let mut projected = Vec::with_capacity(3);
    let probe = b.reshaped_weight(&format!("{HEAD}.probe"), &[1, 1, hidden], &[1, hidden])?;
    for part in 0..3 {
        let weight = b.weight_part(&packed, &[3 * hidden, hidden], (part, 3))?;
        let bias = b.weight_part(&packed_bias, &[3 * hidden], (part, 3))?;
        let from = if part == 0 { &probe } else { rows };
        projected.push(b.linear(from, &Pair { weight, bias }));
    }
    let batch = b.node(
        "Shape",
        &[PIXELS],
        &[("start", Attribute::Int(0)), ("end", Attribute::Int(1))],
    );
    let one_row = b.ints(&[1, hidden as i64]);
    let query_shape = b.node(
        "Concat",
        &[&batch, &one_row],
        &[("axis", Attribute::Int(0))],
    );
    let query = b.node("Expand", &[&projected[0], &query_shape], &[]);
    let key = b.reshape(&projected[1], &stack.sequences());
    let value = b.reshape(&projected[2], &stack.sequences());
    let attended = b.attention(&query, &key, &value, stack.heads);
    let attended = b.reshape(&attended, &[-1, hidden as i64]);
    let out = b.linear_pair(&format!("{HEAD}.attention.out_proj"), hidden, hidden)?;
    let residual = b.linear(&attended, &out);
    let norm = b.norm_pair(&format!("{HEAD}.layernorm"), hidden)?;
    let normalised = b.layer_norm(&residual, &norm, stack.epsilon);
    let fc1 = b.linear_pair(&format!("{HEAD}.mlp.fc1"), stack.wide, hidden)?;
    let fc2 = b.linear_pair(&format!("{HEAD}.mlp.fc2"), hidden, stack.wide)?;
    let bent = b.mlp(&normalised, &fc1, &fc2);
    b.last_node("Add", &[&residual, &bent], POOLED, &[]);
    Ok(())
}

/// The graph from `input_ids` to `pooler_output`. No mask and no causality; the last position is the text's vector.
///
/// # Errors
/// The first tensor that is missing or not of the shape that the configuration asks for.
pub(crate) fn text_tower(
    config: &TextConfig,
    place: (&Weights, &str),
) -> Result<TowerGraph, EncoderError> {
    let (hidden, length) = (config.hidden_size, config.max_position_embeddings);
    let stack = Stack {
        prefix: "text_model",
        final_norm: "final_layer_norm",
        layers: config.num_hidden_layers,
        heads: config.num_attention_heads,
        hidden,
        wide: config.intermediate_size,
        tokens: length,
        epsilon: config.layer_norm_eps,
        precision: Precision::F32,
    };
    let mut b = Builder::new("siglip-text-tower", place, Dtype::F32);
    b.input(IDS, ElementType::Int64, &[length]);
    // The table is looked up before it is widened, so that a half-precision vocabulary is not held twice.
    let (table, dtype) = b.stored_weight(
        "text_model.embeddings.token_embedding.weight",
        &[config.vocab_size, hidden],
    )?;
    let tokens = b.node("Gather", &[&table, IDS], &[("axis", Attribute::Int(0))]);
    let tokens = b.cast(tokens, dtype, Dtype::F32);
    let positions = b.weight(
        "text_model.embeddings.position_embedding.weight",
        &[length, hidden],
    )?;
    let placed = b.node("Add", &[&tokens, &positions], &[]);
    let rows = b.reshape(&placed, &[-1, hidden as i64]);
    let rows = stack.write(&mut b, rows)?;
    let sequences = b.reshape(&rows, &stack.sequences());
    // A list of one index, not a scalar: its axis is dropped by the reshape that makes rows of it again.
    let last = b.ints(&[length as i64 - 1]);
    let last = b.node(
        "Gather",
        &[&sequences, &last],
        &[("axis", Attribute::Int(1))],
    );
    let last = b.reshape(&last, &[-1, hidden as i64]);
    let head = b.linear_pair("text_model.head", config.projection(), hidden)?;
    b.last_node(
        "Gemm",
        &[&last, &head.weight, &head.bias],
        POOLED,
        &[("transB", Attribute::Int(1))],
    );
    b.output(POOLED, &[config.projection()]);
    Ok(b.finish())
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use super::*;
    use crate::launch::Launch;
    use crate::preprocess::{Preparation, preprocess};
    use crate::session::{Inputs, TowerSession, tensor};
    use crate::{Checkpoint, Picture, PreprocessorConfig, Profile, Runtime, Tower};

    fn demo() -> Checkpoint {
        Checkpoint::open(&Path::new(env!("CARGO_MANIFEST_DIR")).join("demo-model")).unwrap()
    }

    fn tower(checkpoint: &Checkpoint, precision: Precision, input: PixelInput) -> TowerSession {
        let launch = Launch {
            runtime: Runtime::load(None).unwrap(),
            weights: Arc::clone(&checkpoint.weights),
            device: Device::Cpu,
            intra_threads: 1,
        };
        let graph = checkpoint.image_graph(precision, input).unwrap();
        TowerSession::new(Tower::Image, graph, checkpoint.dimension(), launch)
    }

    #[test]
    fn every_channel_has_levels_of_its_own() {
        // Before the first tensor is made.
        Runtime::load(None).unwrap();
        let checkpoint = demo();
        let mut config = PreprocessorConfig::siglip(checkpoint.image_size_px());
        config.image_mean = [0.48, 0.45, 0.41];
        config.image_std = [0.27, 0.26, 0.28];
        let rgb: Vec<u8> = (0..90 * 70 * 3_u32)
            .map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8)
            .collect();
        let picture = Picture {
            width_px: 90,
            height_px: 70,
            rgb: &rgb,
        };
        let preparation = Preparation {
            size_px: checkpoint.image_size_px(),
            profile: Profile::Hf,
            config: &config,
        };
        let side = i64::from(preparation.size_px);
        let shape = vec![1, 3, side, side];
        let of_bytes = || -> ort::Result<Inputs<'_>> {
            let pixels = tensor(shape.clone(), preparation.pixels(&[picture]))?;
            let levels = tensor(vec![3 * 256], preparation.levels().concat())?;
            Ok(vec![(PIXELS, pixels), (LEVELS, levels)])
        };
        let values = preprocess(&picture, preparation.size_px, Profile::Hf, &config).unwrap();
        let of_values = tensor(shape.clone(), values).map(|values| vec![(PIXELS, values)]);
        let found = tower(&checkpoint, Precision::F32, PixelInput::Bytes).run(of_bytes(), 1);
        let wanted = tower(&checkpoint, Precision::F32, PixelInput::Values).run(of_values, 1);
        assert_eq!(found.unwrap(), wanted.unwrap());
    }

    /// Where this fails, the CPU has learned bf16, and `Precision::check_on` may let it through.
    #[test]
    fn a_cpu_cannot_run_the_graph_in_bf16() {
        let tower = tower(&demo(), Precision::Bf16, PixelInput::Bytes);
        match tower.start() {
            Err(EncoderError::StartSession { source, .. }) => {
                println!("{source}");
                assert!(source.to_string().contains("implement"), "{source}");
            }
            other => panic!("{other:?}"),
        }
    }
}
