//! Linear layers in 8 bit: weights are read from the checkpoint and rounded when a tower starts; no file is written.
//! Symmetric, one scale for each output. A weight that is not finite is an error here: rounded it would not show.

use ort::value::{DynValue, Value};
use rayon::prelude::*;

use crate::weights::Weights;
use crate::{EncoderError, TensorProblem};

/// One linear layer whose weights a graph takes in 8 bit.
#[derive(Debug, Clone)]
pub(crate) struct QuantisedLayer {
    /// The tensor in the checkpoint, of shape `[outputs, inputs]`.
    pub tensor: String,
    pub outputs: u64,
    pub inputs: u64,
}

impl QuantisedLayer {
    /// Name of the 8-bit weights in the graph, `[inputs, outputs]`.
    pub fn weight_name(&self) -> String {
        format!("{}.int8", self.tensor)
    }

    /// Name of the scales in the graph, `[outputs]`.
    pub fn scale_name(&self) -> String {
        format!("{}.scale", self.tensor)
    }
}

/// What stands for one initializer of a graph.
pub(crate) type Initializer = (String, DynValue);

/// Reads and rounds all layers.
///
/// # Errors
/// [`EncoderError::ReadFile`]; [`EncoderError::CheckTensor`].
pub(crate) fn quantise(
    layers: &[QuantisedLayer],
    weights: &Weights,
) -> Result<Vec<Initializer>, EncoderError> {
    let made: Result<Vec<_>, EncoderError> = layers
        .par_iter()
        .map(|layer| quantise_layer(layer, weights))
        .collect();
    Ok(made?.into_iter().flatten().collect())
}

fn quantise_layer(
    layer: &QuantisedLayer,
    weights: &Weights,
) -> Result<[Initializer; 2], EncoderError> {
    let values = weights.values(&layer.tensor, &[layer.outputs, layer.inputs])?;
    let (rounded, scales) =
        round_rows(&values, layer.inputs as usize).ok_or_else(|| EncoderError::CheckTensor {
            tensor: layer.tensor.clone(),
            problem: TensorProblem::NotFinite,
        })?;
    let (inputs, outputs) = (layer.inputs as i64, layer.outputs as i64);
    let fail = |source| EncoderError::StartSession {
        tower: crate::Tower::Image,
        source,
    };
    let weight = Value::from_array((vec![inputs, outputs], rounded)).map_err(fail)?;
    let scale = Value::from_array((vec![outputs], scales)).map_err(fail)?;
    Ok([
        (layer.weight_name(), weight.into_dyn()),
        (layer.scale_name(), scale.into_dyn()),
    ])
}

/// Rows of `inputs` values to columns of 8 bit, and the scale of each; `None` where a value is not finite.
fn round_rows(values: &[f32], inputs: usize) -> Option<(Vec<i8>, Vec<f32>)> {
    let outputs = values.len() / inputs;
    let mut rounded = vec![0_i8; values.len()];
    let mut scales = Vec::with_capacity(outputs);
    for (output, row) in values.chunks_exact(inputs).enumerate() {
        if !row.iter().all(|value| value.is_finite()) {
            return None;
        }
        let largest = row.iter().fold(0_f32, |most, value| most.max(value.abs()));
        let scale = if largest > 0.0 { largest / 127.0 } else { 1.0 };
        scales.push(scale);
        for (input, value) in row.iter().enumerate() {
            rounded[input * outputs + output] = (value / scale).round() as i8;
        }
    }
    Some((rounded, scales))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_become_columns_with_a_scale_each() {
        let (rounded, scales) = round_rows(&[1.0, -2.0, 0.5, 0.0, 0.0, 0.0], 3).unwrap();
        assert_eq!(rounded, [64, 0, -127, 0, 32, 0]);
        assert_eq!(scales, [2.0 / 127.0, 1.0]);
        assert!(round_rows(&[1.0, f32::NAN], 2).is_none());
        assert!(round_rows(&[1.0, f32::INFINITY], 2).is_none());
    }
}
