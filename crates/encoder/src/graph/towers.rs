//! The arithmetic of SigLIP (arXiv 2303.15343; transformers' `modeling_siglip.py`) as two graphs.
//! Rows of all tokens are kept as one `[batch * tokens, hidden]` matrix, split into sequences only for attention.

use super::builder::Builder;
use super::protobuf::{Attribute, ElementType};
use super::{IDS, PATCHES, PIXELS, POOLED, TowerGraph};
use crate::config::{TextConfig, VisionConfig};
use crate::weights::Weights;
use crate::{EncoderError, Precision};

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

/// The graph from `pixel_values` to `pooler_output` and `last_hidden_state`. `location` is the file name of the weights.
///
/// # Errors
/// The first tensor that is missing or not of the shape that the configuration asks for.
pub(crate) fn image_tower(
    config: &VisionConfig,
    (weights, location): (&Weights, &str),
    precision: Precision,
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
    let mut b = Builder::new("siglip-image-tower", weights, location);
    b.input(
        PIXELS,
        ElementType::Float,
        &[config.num_channels, config.image_size, config.image_size],
    );
    let kernel = b.weight(
        "vision_model.embeddings.patch_embedding.weight",
        &[hidden, config.num_channels, patch, patch],
    )?;
    let bias = b.weight("vision_model.embeddings.patch_embedding.bias", &[hidden])?;
    let strides = [patch as i64, patch as i64];
    let patches = b.node(
        "Conv",
        &[PIXELS, &kernel, &bias],
        &[("strides", Attribute::Ints(&strides))],
    );
    let columns = b.reshape(&patches, &[0, hidden as i64, -1]);
    let sequences = b.node(
        "Transpose",
        &[&columns],
        &[("perm", Attribute::Ints(&[0, 2, 1]))],
    );
    let positions = b.weight(
        "vision_model.embeddings.position_embedding.weight",
        &[stack.tokens, hidden],
    )?;
    let placed = b.node("Add", &[&sequences, &positions], &[]);
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
        projected.push(b.linear(from, &super::builder::Pair { weight, bias }));
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
    (weights, location): (&Weights, &str),
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
    let mut b = Builder::new("siglip-text-tower", weights, location);
    b.input(IDS, ElementType::Int64, &[length]);
    // The table is looked up before it is widened, so that a half-precision vocabulary is not held twice.
    let (table, dtype) = b.stored_weight(
        "text_model.embeddings.token_embedding.weight",
        &[config.vocab_size, hidden],
    )?;
    let tokens = b.node("Gather", &[&table, IDS], &[("axis", Attribute::Int(0))]);
    let tokens = b.widen(tokens, dtype);
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
