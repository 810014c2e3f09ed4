//! The layers that SigLIP is made of, as nodes of a graph under construction.

use super::builder::Builder;
use super::protobuf::Attribute;
use crate::quantised::QuantisedLayer;
use crate::{EncoderError, Precision};

/// The names of one linear layer's or norm's two tensors.
pub(super) struct Pair {
    pub weight: String,
    pub bias: String,
}

impl Builder<'_> {
    /// `prefix.weight` of shape `[of, from]` and `prefix.bias` of shape `[of]`, as torch's Linear stores them.
    pub fn linear_pair(&mut self, prefix: &str, of: u64, from: u64) -> Result<Pair, EncoderError> {
        let weight = self.weight(&format!("{prefix}.weight"), &[of, from])?;
        Ok(Pair {
            weight,
            bias: self.weight(&format!("{prefix}.bias"), &[of])?,
        })
    }

    /// `prefix.weight` and `prefix.bias`, both of shape `[of]`, as torch's LayerNorm stores them.
    pub fn norm_pair(&mut self, prefix: &str, of: u64) -> Result<Pair, EncoderError> {
        let weight = self.weight(&format!("{prefix}.weight"), &[of])?;
        Ok(Pair {
            weight,
            bias: self.weight(&format!("{prefix}.bias"), &[of])?,
        })
    }

    /// A linear layer over rows; Gemm reads torch's `[out, in]` weights as they are.
    pub fn linear(&mut self, rows: &str, pair: &Pair) -> String {
        self.node(
            "Gemm",
            &[rows, &pair.weight, &pair.bias],
            &[("transB", Attribute::Int(1))],
        )
    }

    /// The linear layer `prefix` over rows, from `from` to `of` values, in the arithmetic asked for.
    pub fn linear_in(
        &mut self,
        rows: &str,
        prefix: &str,
        (of, from): (u64, u64),
        precision: Precision,
    ) -> Result<String, EncoderError> {
        match precision {
            Precision::F32 | Precision::F16 | Precision::Bf16 => {
                let pair = self.linear_pair(prefix, of, from)?;
                Ok(self.linear(rows, &pair))
            }
            Precision::Int8 => self.quantised_linear(rows, prefix, (of, from)),
        }
    }

    fn quantised_linear(
        &mut self,
        rows: &str,
        prefix: &str,
        (of, from): (u64, u64),
    ) -> Result<String, EncoderError> {
        let layer = QuantisedLayer {
            tensor: format!("{prefix}.weight"),
            outputs: of,
            inputs: from,
        };
        let (weight, scale) = self.quantise(layer)?;
        let bias = self.weight(&format!("{prefix}.bias"), &[of])?;
        let inputs = [rows, &weight, &scale, "", &bias];
        Ok(self.microsoft("DynamicQuantizeMatMul", &inputs, &[]))
    }

    pub fn layer_norm(&mut self, rows: &str, pair: &Pair, epsilon: f32) -> String {
        let attributes = [
            ("axis", Attribute::Int(-1)),
            ("epsilon", Attribute::Float(epsilon)),
        ];
        self.node(
            "LayerNormalization",
            &[rows, &pair.weight, &pair.bias],
            &attributes,
        )
    }

    /// Adds `rows` to the residual and normalises the sum: `(normalised, sum)`. Two nodes, which ONNX Runtime makes one of
    /// where that is faster.
    pub fn skip_layer_norm(
        &mut self,
        rows: &str,
        residual: &str,
        pair: &Pair,
        epsilon: f32,
    ) -> (String, String) {
        let sum = self.node("Add", &[rows, residual], &[]);
        let normalised = self.layer_norm(&sum, pair, epsilon);
        (normalised, sum)
    }

    /// Attention without mask over `[batch, length, hidden]`; the scale is the usual 1/sqrt(head size).
    pub fn attention(&mut self, query: &str, key: &str, value: &str, heads: u64) -> String {
        self.microsoft(
            "MultiHeadAttention",
            &[query, key, value],
            &[("num_heads", Attribute::Int(heads as i64))],
        )
    }

    /// GELU in its tanh form.
    pub fn gelu(&mut self, rows: &str) -> String {
        self.microsoft("FastGelu", &[rows], &[])
    }

    /// fc1, GELU, fc2.
    pub fn mlp(&mut self, rows: &str, fc1: &Pair, fc2: &Pair) -> String {
        let wide = self.linear(rows, fc1);
        let bent = self.gelu(&wide);
        self.linear(&bent, fc2)
    }
}
