//! Times the parts of the encoder for `cargo xtask bench encoder`, which runs its peers by turns with it. Reads one wish
//! per line as JSON from standard input, answers each with a line. Times are of the work alone, in milliseconds.

use std::io::{BufRead, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use casekin_encoder::{
    Checkpoint, Encoder, EncoderOptions, Picture, Plane, PreprocessorConfig, Profile, Ready,
    Recipe, Runtime, Samples, TABLE_LENGTH, Tables, Tower, preprocess_samples,
};
use ort::editor::{Graph, Model, Node, ONNX_DOMAIN, Opset};
use ort::memory::Allocator;
use ort::operator::Attribute;
use ort::session::Session;
use ort::value::{Outlet, Shape, SymbolicDimensions, Tensor, TensorElementType, ValueType};
use serde::Deserialize;
use serde_json::{Value, json};

type Failure = Box<dyn std::error::Error>;

#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
enum Wish {
    /// Loads the image tower.
    Load {
        model: PathBuf,
        device: String,
        threads: usize,
        batch: usize,
        /// Preprocessing and arithmetic, `train-bf16` say.
        recipe: String,
    },
    /// Runs the image tower over so many pictures that are prepared already; the first one's vector with it.
    Run { pictures: usize },
    /// One linear layer in ONNX Runtime, with weights that lie still: the fastest of some runs.
    Gemm {
        rows: usize,
        from: usize,
        to: usize,
        threads: usize,
    },
    /// A plane of 16-bit samples under a window to the model's input, the window's table included.
    Prepare {
        file: PathBuf,
        width_px: u32,
        height_px: u32,
        centre: f64,
        width: f64,
        size_px: u32,
    },
    /// Resident memory now and at its highest.
    Memory,
}

struct Bench {
    runtime: Runtime,
    loaded: Option<(Encoder, Vec<Ready>)>,
    gemm: Option<(Session, [usize; 4])>,
    samples: Option<(PathBuf, Vec<u16>)>,
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Failure> {
    let device = std::env::args().nth(1).unwrap_or_else(|| "cpu".to_owned());
    let mut bench = Bench {
        runtime: Runtime::load_for(None, device.parse()?)?,
        loaded: None,
        gemm: None,
        samples: None,
    };
    let mut answers = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let answer = match serde_json::from_str(&line?) {
            Ok(wish) => bench
                .fulfil(wish)
                .unwrap_or_else(|error| json!({ "error": error.to_string() })),
            Err(error) => json!({ "error": error.to_string() }),
        };
        writeln!(answers, "{answer}")?;
        answers.flush()?;
    }
    Ok(())
}

impl Bench {
    fn fulfil(&mut self, wish: Wish) -> Result<Value, Failure> {
        match wish {
            Wish::Load {
                model,
                device,
                threads,
                batch,
                recipe,
            } => {
                let Recipe { profile, precision } = recipe.parse()?;
                let options = EncoderOptions {
                    device: device.parse()?,
                    profile,
                    precision,
                    intra_threads: threads,
                    batch_size: batch,
                };
                self.load(&model, &options)
            }
            Wish::Run { pictures } => self.run(pictures),
            Wish::Gemm {
                rows,
                from,
                to,
                threads,
            } => self.gemm([rows, from, to, threads]),
            Wish::Prepare {
                file,
                width_px,
                height_px,
                centre,
                width,
                size_px,
            } => self.prepare(file, (width_px, height_px), (centre, width), size_px),
            Wish::Memory => Ok(memory()),
        }
    }

    fn load(
        &mut self,
        model: &std::path::Path,
        options: &EncoderOptions,
    ) -> Result<Value, Failure> {
        let begun = Instant::now();
        let checkpoint = Checkpoint::open(model)?;
        let encoder = Encoder::load(&self.runtime, &checkpoint, options)?;
        encoder.load_tower(Tower::Image)?;
        let ms = since(begun);
        let size_px = checkpoint.image_size_px();
        let rgb: Vec<u8> = (0..size_px * size_px * 3)
            .map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8)
            .collect();
        let picture = Picture {
            width_px: size_px,
            height_px: size_px,
            rgb: &rgb,
        };
        let ready = encoder.ready_images(&[picture])?;
        self.loaded = Some((encoder, ready));
        Ok(json!({ "ms": ms, "runtime": self.runtime.path() }))
    }

    fn run(&mut self, pictures: usize) -> Result<Value, Failure> {
        let (encoder, ready) = self.loaded.as_ref().ok_or("load comes first")?;
        let inputs: Vec<Ready> = ready.iter().cycle().take(pictures).cloned().collect();
        let begun = Instant::now();
        let vectors = encoder.run_ready(&inputs)?;
        Ok(json!({ "ms": since(begun), "vector": vectors.first() }))
    }

    fn gemm(&mut self, sides: [usize; 4]) -> Result<Value, Failure> {
        let [rows, from, ..] = sides;
        if self.gemm.as_ref().is_none_or(|(_, made)| *made != sides) {
            self.gemm = Some((self.linear_layer(sides)?, sides));
        }
        let (session, _) = self.gemm.as_mut().expect("it was made above");
        let input = Tensor::from_array(([rows, from], noise(rows * from)))?;
        session.run(ort::inputs!["rows" => &input])?;
        let mut fastest = f64::INFINITY;
        for _ in 0..8 {
            let begun = Instant::now();
            session.run(ort::inputs!["rows" => &input])?;
            fastest = fastest.min(since(begun));
        }
        Ok(json!({ "ms": fastest }))
    }

    fn linear_layer(&self, [rows, from, to, threads]: [usize; 4]) -> Result<Session, Failure> {
        let outlet = |name: &str, sides: [usize; 2]| {
            let ty = ValueType::Tensor {
                ty: TensorElementType::Float32,
                shape: Shape::new(sides.map(|side| side as i64)),
                dimension_symbols: SymbolicDimensions::empty(2),
            };
            Outlet::new(name, ty)
        };
        let mut graph = Graph::new()?;
        graph.set_inputs([outlet("rows", [rows, from])])?;
        graph.set_outputs([outlet("out", [rows, to])])?;
        graph.add_initializer("weight", constant(&[to, from])?, false)?;
        graph.add_initializer("bias", constant(&[to])?, false)?;
        let transposed = Attribute::new("transB", 1_i64)?;
        let inputs = ["rows", "weight", "bias"];
        let node = Node::new("Gemm", ONNX_DOMAIN, "linear", inputs, ["out"], [transposed])?;
        graph.add_node(node)?;
        let mut model = Model::new([Opset::new(ONNX_DOMAIN, 21)?])?;
        model.set_graph(graph)?;
        let builder = Session::builder(self.runtime.environment())?
            .with_intra_threads(threads)?
            .with_intra_op_spinning(false)?;
        Ok(model.into_session(&builder)?)
    }

    fn prepare(
        &mut self,
        file: PathBuf,
        (width_px, height_px): (u32, u32),
        (centre, width): (f64, f64),
        size_px: u32,
    ) -> Result<Value, Failure> {
        if self.samples.as_ref().is_none_or(|(read, _)| *read != file) {
            let bytes = std::fs::read(&file)?;
            let (pairs, _) = bytes.as_chunks::<2>();
            let samples = pairs.iter().map(|pair| u16::from_le_bytes(*pair)).collect();
            self.samples = Some((file, samples));
        }
        let (_, samples) = self.samples.as_ref().expect("they were read above");
        let config = PreprocessorConfig::siglip(size_px);
        let begun = Instant::now();
        let table = window(centre, width);
        let samples = Samples {
            width_px,
            height_px,
            plane: Plane::Unsigned(samples),
            tables: Tables::Grey(&table),
        };
        let values = preprocess_samples(&samples, size_px, Profile::Train, &config)?;
        let ms = since(begun);
        let sum: f64 = values.iter().map(|value| f64::from(*value)).sum();
        Ok(json!({ "ms": ms, "mean": sum / values.len() as f64 }))
    }
}

/// DICOM's linear window to 8 bit (PS3.3 C.11.2.1.2.1) of every sample.
fn window(centre: f64, width: f64) -> Vec<u8> {
    let value = |sample: usize| {
        let scaled = ((sample as f64 - (centre - 0.5)) / (width - 1.0) + 0.5) * 255.0;
        scaled.clamp(0.0, 255.0) as u8
    };
    (0..TABLE_LENGTH).map(value).collect()
}

/// Noise in memory of ONNX Runtime's own, as it wants constants to be.
fn constant(sides: &[usize]) -> Result<Tensor<f32>, Failure> {
    let shape = Shape::new(sides.iter().map(|side| *side as i64));
    let mut tensor = Tensor::<f32>::new(&Allocator::default(), shape)?;
    let (_, values) = tensor.extract_tensor_mut();
    values.copy_from_slice(&noise(values.len()));
    Ok(tensor)
}

fn noise(length: usize) -> Vec<f32> {
    let value = |at: usize| ((at as u32).wrapping_mul(2_654_435_761) >> 16) as f32 / 65_536.0 - 0.5;
    (0..length).map(value).collect()
}

/// Linux's account of this process, in kilobytes.
fn memory() -> Value {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = |key: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(key))?;
        line.trim().strip_suffix(" kB")?.parse::<u64>().ok()
    };
    json!({ "now_kb": line("VmRSS:"), "own_kb": line("RssAnon:"), "peak_kb": line("VmHWM:") })
}

fn since(begun: Instant) -> f64 {
    begun.elapsed().as_secs_f64() * 1e3
}
