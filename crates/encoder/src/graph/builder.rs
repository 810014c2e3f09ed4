//! A graph that grows node by node: names for values, checked weights, and the shapes of operation that SigLIP needs.

use super::TowerGraph;
use super::protobuf::{self, Attribute, ElementType, ExternalTensor, Message, Node};
use crate::quantised::QuantisedLayer;
use crate::weights::{Dtype, TensorRange, Weights};
use crate::{EncoderError, Precision};

const MICROSOFT: &str = "com.microsoft";

/// A graph under construction. Values are known by their names.
pub(super) struct Builder<'a> {
    weights: &'a Weights,
    location: &'a str,
    graph: Message,
    values: u32,
    quantised: Vec<QuantisedLayer>,
}

/// The names of one linear layer's or norm's two tensors.
pub(super) struct Pair {
    pub weight: String,
    pub bias: String,
}

impl<'a> Builder<'a> {
    pub fn new(name: &str, weights: &'a Weights, location: &'a str) -> Self {
        Self {
            weights,
            location,
            graph: Message::default().bytes(2, name),
            values: 0,
            quantised: Vec::new(),
        }
    }

    fn push(&mut self, field: u32, message: &Message) {
        self.graph = std::mem::take(&mut self.graph).message(field, message);
    }

    /// A name that no other value of this graph has.
    fn fresh(&mut self, what: &str) -> String {
        self.values += 1;
        format!("{what}_{}", self.values)
    }

    pub fn input(&mut self, name: &str, element: ElementType, sides: &[u64]) {
        self.push(11, &protobuf::batched_value(name, element, sides));
    }

    /// Declares one of the graph's outputs.
    pub fn output(&mut self, name: &str, sides: &[u64]) {
        self.push(
            12,
            &protobuf::batched_value(name, ElementType::Float, sides),
        );
    }

    /// Writes the file around the graph.
    pub fn finish(self) -> TowerGraph {
        TowerGraph {
            bytes: protobuf::model(&self.graph),
            quantised: self.quantised,
        }
    }

    /// Adds a node with one output.
    pub fn node(
        &mut self,
        op: &'static str,
        inputs: &[&str],
        attributes: &[(&'static str, Attribute<'_>)],
    ) -> String {
        let output = self.fresh(op);
        self.push(
            1,
            &Node {
                op,
                domain: "",
                inputs,
                outputs: &[&output],
                attributes,
            }
            .message(),
        );
        output
    }

    /// Adds a node whose output has the name of one of the graph's outputs.
    pub fn last_node(
        &mut self,
        op: &'static str,
        inputs: &[&str],
        output: &str,
        attributes: &[(&'static str, Attribute<'_>)],
    ) {
        self.push(
            1,
            &Node {
                op,
                domain: "",
                inputs,
                outputs: &[output],
                attributes,
            }
            .message(),
        );
    }

    fn microsoft(
        &mut self,
        op: &'static str,
        inputs: &[&str],
        attributes: &[(&'static str, Attribute<'_>)],
    ) -> String {
        let output = self.fresh(op);
        self.push(
            1,
            &Node {
                op,
                domain: MICROSOFT,
                inputs,
                outputs: &[&output],
                attributes,
            }
            .message(),
        );
        output
    }

    /// A tensor of the checkpoint as f32.
    pub fn weight(&mut self, name: &str, shape: &[u64]) -> Result<String, EncoderError> {
        let range = self.weights.find(name, shape)?;
        let stored = self.initializer(name, shape, range);
        Ok(self.widen(stored, range.dtype))
    }

    /// A tensor of the checkpoint, in the type it is stored in: for tables of which a run reads a few rows.
    pub fn stored_weight(
        &mut self,
        name: &str,
        shape: &[u64],
    ) -> Result<(String, Dtype), EncoderError> {
        let range = self.weights.find(name, shape)?;
        Ok((self.initializer(name, shape, range), range.dtype))
    }

    /// A tensor under another shape with as many elements.
    pub fn reshaped_weight(
        &mut self,
        name: &str,
        shape: &[u64],
        dims: &[u64],
    ) -> Result<String, EncoderError> {
        debug_assert_eq!(shape.iter().product::<u64>(), dims.iter().product::<u64>());
        let range = self.weights.find(name, shape)?;
        let stored = self.initializer(name, dims, range);
        Ok(self.widen(stored, range.dtype))
    }

    /// The `part`-th of `parts` equal slices along the first dimension: torch packs query, key and value so.
    pub fn weight_part(
        &mut self,
        name: &str,
        shape: &[u64],
        (part, parts): (u64, u64),
    ) -> Result<String, EncoderError> {
        let whole = self.weights.find(name, shape)?;
        let mut dims = shape.to_vec();
        dims[0] /= parts;
        let length = whole.length / parts;
        let range = TensorRange {
            offset: whole.offset + part * length,
            length,
            ..whole
        };
        let stored = self.initializer(&format!("{name}.{part}"), &dims, range);
        Ok(self.widen(stored, range.dtype))
    }

    fn initializer(&mut self, name: &str, dims: &[u64], range: TensorRange) -> String {
        let element = match range.dtype {
            Dtype::F32 => ElementType::Float,
            Dtype::F16 => ElementType::Float16,
            Dtype::Bf16 => ElementType::Bfloat16,
        };
        let TensorRange { offset, length, .. } = range;
        let tensor = ExternalTensor {
            name,
            dims,
            element,
            location: self.location,
            offset,
            length,
        };
        self.push(5, &tensor.message());
        name.to_owned()
    }

    /// Widens a half-precision value; ONNX Runtime folds this into the weights when the session starts.
    pub fn widen(&mut self, value: String, dtype: Dtype) -> String {
        match dtype {
            Dtype::F32 => value,
            Dtype::F16 | Dtype::Bf16 => self.node(
                "Cast",
                &[&value],
                &[("to", Attribute::Int(ElementType::Float as i64))],
            ),
        }
    }

    pub fn ints(&mut self, values: &[i64]) -> String {
        let name = self.fresh("ints");
        self.push(5, &protobuf::int64_tensor(&name, values));
        name
    }

    pub fn reshape(&mut self, value: &str, shape: &[i64]) -> String {
        let shape = self.ints(shape);
        self.node("Reshape", &[value, &shape], &[])
    }

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
            Precision::F32 => {
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
        self.weights.find(&layer.tensor, &[of, from])?;
        let bias = self.weight(&format!("{prefix}.bias"), &[of])?;
        let (weight, scale) = (layer.weight_name(), layer.scale_name());
        self.given(&weight, &[from, of], ElementType::Int8, of * from);
        self.given(&scale, &[of], ElementType::Float, of * 4);
        self.quantised.push(layer);
        let inputs = [rows, &weight, &scale, "", &bias];
        Ok(self.microsoft("DynamicQuantizeMatMul", &inputs, &[]))
    }

    /// Declares an initializer that is handed over when the session starts; its place in a file is never read.
    fn given(&mut self, name: &str, dims: &[u64], element: ElementType, length: u64) {
        let tensor = ExternalTensor {
            name,
            dims,
            element,
            location: "handed-over",
            offset: 0,
            length,
        };
        self.push(5, &tensor.message());
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
