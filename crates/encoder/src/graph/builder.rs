//! A graph that grows node by node: names for values, checked weights, and the shapes of operation that SigLIP needs.

use std::collections::BTreeMap;

use super::TowerGraph;
use super::protobuf::{self, Attribute, ElementType, ExternalTensor, Message, Node};
use crate::EncoderError;
use crate::quantised::QuantisedLayer;
use crate::weights::{Dtype, TensorRange, Weights};

const MICROSOFT: &str = "com.microsoft";

/// A graph under construction. Values are known by their names.
pub(super) struct Builder<'a> {
    weights: &'a Weights,
    location: &'a str,
    /// What the weights are cast to and the layers reckon in.
    arithmetic: Dtype,
    graph: Message,
    values: u32,
    quantised: Vec<QuantisedLayer>,
    read_as_stored: BTreeMap<String, TensorRange>,
}

impl<'a> Builder<'a> {
    pub fn new(name: &str, (weights, location): (&'a Weights, &'a str), arithmetic: Dtype) -> Self {
        Self {
            weights,
            location,
            arithmetic,
            graph: Message::default().bytes(2, name),
            values: 0,
            quantised: Vec::new(),
            read_as_stored: BTreeMap::new(),
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

    /// Declares an input that is one for the whole batch.
    pub fn fixed_input(&mut self, name: &str, element: ElementType, sides: &[u64]) {
        self.push(11, &protobuf::fixed_value(name, element, sides));
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
            arithmetic: self.arithmetic,
            quantised: self.quantised,
            read_as_stored: self.read_as_stored.into_iter().collect(),
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
        self.push_node(op, inputs, &output, attributes);
        output
    }

    /// Adds a node whose output, in f32, is the graph's output of this name.
    pub fn last_node(
        &mut self,
        op: &'static str,
        inputs: &[&str],
        output: &str,
        attributes: &[(&'static str, Attribute<'_>)],
    ) {
        if self.arithmetic == Dtype::F32 {
            return self.push_node(op, inputs, output, attributes);
        }
        let narrow = self.node(op, inputs, attributes);
        let to = [("to", Attribute::Int(ElementType::Float as i64))];
        self.push_node("Cast", &[&narrow], output, &to);
    }

    fn push_node(
        &mut self,
        op: &'static str,
        inputs: &[&str],
        output: &str,
        attributes: &[(&'static str, Attribute<'_>)],
    ) {
        let node = Node {
            op,
            domain: "",
            inputs,
            outputs: &[output],
            attributes,
        };
        self.push(1, &node.message());
    }

    /// Adds a node of ONNX Runtime's own operators with one output.
    pub fn microsoft(
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

    /// A tensor that ONNX Runtime is to read from the file.
    fn find(&mut self, name: &str, shape: &[u64]) -> Result<TensorRange, EncoderError> {
        let range = self.weights.find(name, shape)?;
        self.read_as_stored.insert(name.to_owned(), range);
        Ok(range)
    }

    /// A tensor of the checkpoint in the graph's arithmetic.
    pub fn weight(&mut self, name: &str, shape: &[u64]) -> Result<String, EncoderError> {
        self.weight_as(name, shape, self.arithmetic)
    }

    /// A tensor of the checkpoint in an arithmetic of its own.
    pub fn weight_as(
        &mut self,
        name: &str,
        shape: &[u64],
        arithmetic: Dtype,
    ) -> Result<String, EncoderError> {
        let range = self.find(name, shape)?;
        let stored = self.initializer(name, shape, range);
        Ok(self.cast(stored, range.dtype, arithmetic))
    }

    /// A tensor of the checkpoint, in the type it is stored in: for tables of which a run reads a few rows.
    pub fn stored_weight(
        &mut self,
        name: &str,
        shape: &[u64],
    ) -> Result<(String, Dtype), EncoderError> {
        let range = self.find(name, shape)?;
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
        let range = self.find(name, shape)?;
        let stored = self.initializer(name, dims, range);
        Ok(self.cast(stored, range.dtype, self.arithmetic))
    }

    /// The `part`-th of `parts` equal slices along the first dimension: torch packs query, key and value so.
    pub fn weight_part(
        &mut self,
        name: &str,
        shape: &[u64],
        (part, parts): (u64, u64),
    ) -> Result<String, EncoderError> {
        let whole = self.find(name, shape)?;
        let mut dims = shape.to_vec();
        dims[0] /= parts;
        let length = whole.length / parts;
        let range = TensorRange {
            offset: whole.offset + part * length,
            length,
            ..whole
        };
        let stored = self.initializer(&format!("{name}.{part}"), &dims, range);
        Ok(self.cast(stored, range.dtype, self.arithmetic))
    }

    fn initializer(&mut self, name: &str, dims: &[u64], range: TensorRange) -> String {
        let element = ElementType::from(range.dtype);
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

    /// A value in another arithmetic. Of a weight ONNX Runtime makes the cast once, when the session starts.
    pub fn cast(&mut self, value: String, from: Dtype, to: Dtype) -> String {
        if from == to {
            return value;
        }
        let to = [("to", Attribute::Int(ElementType::from(to) as i64))];
        self.node("Cast", &[&value], &to)
    }

    pub fn ints(&mut self, values: &[i64]) -> String {
        let name = self.fresh("ints");
        self.push(5, &protobuf::int64_tensor(&name, values));
        name
    }

    /// Whole numbers of any shape.
    pub fn int32s(&mut self, dims: &[i64], values: &[i32]) -> String {
        let name = self.fresh("int32s");
        self.push(5, &protobuf::int32_tensor(&name, dims, values));
        name
    }

    pub fn reshape(&mut self, value: &str, shape: &[i64]) -> String {
        let shape = self.ints(shape);
        self.node("Reshape", &[value, &shape], &[])
    }

    /// Takes a linear layer whose weights are rounded to 8 bit and handed over when the session starts.
    pub fn quantise(&mut self, layer: QuantisedLayer) -> Result<(String, String), EncoderError> {
        let (of, from) = (layer.outputs, layer.inputs);
        self.weights.find(&layer.tensor, &[of, from])?;
        let (weight, scale) = (layer.weight_name(), layer.scale_name());
        self.given(&weight, &[from, of], ElementType::Int8, of * from);
        self.given(&scale, &[of], ElementType::Float, of * 4);
        self.quantised.push(layer);
        Ok((weight, scale))
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
}

impl From<Dtype> for ElementType {
    fn from(dtype: Dtype) -> Self {
        match dtype {
            Dtype::F32 => Self::Float,
            Dtype::F16 => Self::Float16,
            Dtype::Bf16 => Self::Bfloat16,
        }
    }
}
