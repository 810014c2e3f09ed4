//! The one error type of this crate. Messages name the file, field or tensor and say what to do next where that helps.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::{Device, Precision};

/// Which half of the model: each is a session of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tower {
    /// Pictures to vectors.
    Image,
    /// Words to vectors.
    Text,
}

impl fmt::Display for Tower {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Image => "image tower",
            Self::Text => "text tower",
        })
    }
}

/// What is wrong with one tensor of `model.safetensors`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TensorProblem {
    /// The header does not list it.
    Missing,
    /// The header lists it twice.
    Repeated,
    /// Its shape is not what config.json asks for.
    Shape {
        /// What the configuration asks for.
        expected: Vec<u64>,
        /// What the header says.
        found: Vec<u64>,
    },
    /// Its element type is none of F32, F16 and BF16.
    Dtype {
        /// What the header says.
        found: String,
    },
    /// Its byte range does not lie within the file's data.
    OutOfRange {
        /// First byte, counted from the start of the data.
        begin: u64,
        /// One past the last byte.
        end: u64,
        /// Bytes of data that the file really has.
        available: u64,
    },
    /// Its byte range is not as long as shape and type demand.
    Length {
        /// Bytes that shape and type demand; `None` where the number overflows.
        expected: Option<u64>,
        /// Bytes of the range.
        found: u64,
    },
    /// Its byte range does not start where the previous tensor ends: the two overlap, or bytes between them belong to none.
    Misplaced {
        /// Where the previous tensor ends.
        expected_begin: u64,
        /// Where this one begins.
        begin: u64,
    },
    /// It holds a value that is not a finite number.
    NotFinite,
}

impl fmt::Display for TensorProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("is missing"),
            Self::Repeated => f.write_str("is listed twice"),
            Self::Shape { expected, found } => write!(
                f,
                "has shape {found:?}, the configuration asks for {expected:?}"
            ),
            Self::Dtype { found } => write!(
                f,
                "has element type {found:?}; F32, F16 and BF16 can be read"
            ),
            Self::OutOfRange {
                begin,
                end,
                available,
            } => {
                write!(
                    f,
                    "lies at bytes {begin}..{end}, the file has {available} bytes of data; is the download complete?"
                )
            }
            Self::Length {
                expected: Some(expected),
                found,
            } => {
                write!(
                    f,
                    "has {found} bytes, shape and element type demand {expected}"
                )
            }
            Self::Length {
                expected: None,
                found,
            } => write!(f, "has {found} bytes and a shape beyond all bounds"),
            Self::Misplaced {
                expected_begin,
                begin,
            } => {
                write!(
                    f,
                    "begins at byte {begin}, the tensor before it ends at {expected_begin}"
                )
            }
            Self::NotFinite => {
                f.write_str("holds a value that is not a finite number; fetch the file again")
            }
        }
    }
}

/// Everything that can go wrong between a checkpoint folder and a vector.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EncoderError {
    /// The text is no device.
    #[error("{text:?} is no device; write cpu, cuda or cuda:1")]
    ParseDevice {
        /// What was given.
        text: String,
    },
    /// The text is no preprocessing profile.
    #[error(
        "{text:?} is no preprocessing profile; write train or hf, or either with -int8, -f16 or -bf16"
    )]
    ParseProfile {
        /// What was given.
        text: String,
    },
    /// The text is no model id.
    #[error("a model id is 64 lower-case hexadecimal digits")]
    ParseModelId,
    /// A file of the checkpoint folder cannot be read.
    #[error("cannot read {file} of the checkpoint folder")]
    ReadFile {
        /// The file's name within the folder.
        file: &'static str,
        /// Why.
        source: std::io::Error,
    },
    /// A file of the checkpoint folder is larger than such a file can sensibly be.
    #[error("{file} has more than the {limit_bytes} bytes that are accepted")]
    BoundFile {
        /// The file's name within the folder.
        file: &'static str,
        /// The bound.
        limit_bytes: u64,
    },
    /// A file of the checkpoint folder is not the JSON that it should be.
    #[error("cannot understand {file}")]
    ParseJson {
        /// The file's name within the folder.
        file: &'static str,
        /// Which field, where and why.
        source: serde_path_to_error::Error<serde_json::Error>,
    },
    /// A value in config.json or preprocessor_config.json is impossible or not supported.
    #[error("{file}: {field} {reason}")]
    CheckConfig {
        /// The file's name within the folder.
        file: &'static str,
        /// The field, with dots for nesting.
        field: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// model.safetensors has no readable header.
    #[error("model.safetensors has no valid header: {reason}")]
    CheckHeader {
        /// What is wrong with it.
        reason: String,
    },
    /// A tensor is not what the configuration asks for.
    #[error("model.safetensors: tensor {tensor} {problem}")]
    CheckTensor {
        /// The tensor's name.
        tensor: String,
        /// What is wrong with it.
        problem: TensorProblem,
    },
    /// tokenizer.json cannot be loaded.
    #[error("cannot load tokenizer.json: {reason}")]
    LoadTokenizer {
        /// What the tokenizer library says.
        reason: String,
    },
    /// tokenizer.json does not fit the model.
    #[error("tokenizer.json does not fit the model: {reason}")]
    CheckTokenizer {
        /// What does not fit.
        reason: String,
    },
    /// model.safetensors is no longer the file that was checked.
    #[error("model.safetensors has changed since it was checked; open the checkpoint again")]
    RecheckWeights,
    /// No ONNX Runtime library was found.
    #[error(
        "ONNX Runtime's shared library was not found in {searched}; run `cargo xtask setup`, or set CASEKIN_ONNXRUNTIME to the library's path"
    )]
    FindRuntime {
        /// The places that were looked at, for a person.
        searched: String,
    },
    /// The ONNX Runtime library was found but cannot be used.
    #[error("cannot load ONNX Runtime from {}; run `cargo xtask setup`, or set CASEKIN_ONNXRUNTIME to another library", path.display())]
    LoadRuntime {
        /// The library.
        path: PathBuf,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Another ONNX Runtime library is already loaded; a process holds one.
    #[error("this process has already loaded ONNX Runtime from {}", loaded.display())]
    SwitchRuntime {
        /// The library that is loaded.
        loaded: PathBuf,
    },
    /// CUDA was asked for and cannot be had.
    #[error(
        "device cuda:{id} cannot be used: {missing}; run `cargo xtask setup --cuda`, or choose --device cpu"
    )]
    UseCuda {
        /// The GPU asked for.
        id: u32,
        /// What is missing.
        missing: String,
        /// What ONNX Runtime says, where it says anything.
        source: Option<ort::Error>,
    },
    /// The device does not have the arithmetic that was asked for.
    #[error("{precision} does not run on {device}: {instead}")]
    UsePrecision {
        /// The arithmetic.
        precision: Precision,
        /// The device.
        device: Device,
        /// What to do.
        instead: &'static str,
    },
    /// ONNX Runtime refuses the graph or its weights.
    #[error("cannot start the {tower}")]
    StartSession {
        /// Which half.
        tower: Tower,
        /// What ONNX Runtime says.
        source: ort::Error,
    },
    /// A batch failed.
    #[error("cannot run the {tower}")]
    RunSession {
        /// Which half.
        tower: Tower,
        /// What ONNX Runtime says.
        source: ort::Error,
    },
    /// The tower answered with something that is no embedding.
    #[error("the {tower} gave {reason}")]
    CheckOutput {
        /// Which half.
        tower: Tower,
        /// What it gave.
        reason: String,
    },
    /// A tower does not give the vector that it gave when its self-check was recorded.
    #[error(
        "the {tower} does not give its self-check vector (cosine {cosine:.6}, {least} or more is right; recorded by {recorded_by}): its vectors would not fit those of the library. `casekin model verify` says more; go back to that ONNX Runtime and device, or restore the model's files"
    )]
    SelfCheck {
        /// Which half.
        tower: Tower,
        /// What it reached.
        cosine: f64,
        /// What it had to reach.
        least: f64,
        /// What made the recorded vector.
        recorded_by: String,
    },
    /// A tower gives two vectors for one input.
    #[error(
        "the {tower} gave two vectors for one input, {difference:.1e} apart; test the machine's memory or GPU, or choose another --device"
    )]
    RepeatRun {
        /// Which half.
        tower: Tower,
        /// Largest difference between two values.
        difference: f64,
    },
    /// A picture's buffer does not fit its size.
    #[error("a picture of {width_px} x {height_px} pixels cannot have {length_bytes} bytes of RGB")]
    CheckPicture {
        /// Width given.
        width_px: u32,
        /// Height given.
        height_px: u32,
        /// Length of the buffer.
        length_bytes: usize,
    },
    /// A picture's samples do not fit its size, or a table is not whole.
    #[error("samples of a picture cannot be read: {reason}")]
    CheckSamples {
        /// What does not fit.
        reason: String,
    },
    /// A text cannot be tokenised.
    #[error("cannot tokenise a text: {reason}")]
    TokeniseText {
        /// What the tokenizer library says; never the text itself.
        reason: String,
    },
}
