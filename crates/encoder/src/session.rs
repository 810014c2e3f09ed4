//! One tower in ONNX Runtime: started at first use from a graph in memory and the weights in their own file, then run
//! batch by batch. Never falls back to another device.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ort::ep::cuda::ConvAlgorithmSearch;
use ort::ep::{CPU, CUDA, ExecutionProvider, ExecutionProviderDispatch};
use ort::session::builder::{GraphOptimizationLevel, SessionBuilder};
use ort::session::{OutputSelector, RunOptions, Session, SessionOutputs};
use ort::value::{DynValue, Value};

use crate::graph::{PATCHES, POOLED, TowerGraph};
use crate::quantised::quantise;
use crate::weights::Weights;
use crate::{Device, EncoderError, Runtime, TensorProblem, Tower};

/// Where external weights lie for a graph that has no file of its own.
const WEIGHTS_FOLDER_KEY: &str = "session.model_external_initializers_file_folder_path";

/// How both towers are started.
#[derive(Clone)]
pub(crate) struct Launch {
    pub runtime: Runtime,
    pub weights: Arc<Weights>,
    pub device: Device,
    pub intra_threads: usize,
}

impl Launch {
    /// Proves that the device can be used, before anything large is loaded.
    pub fn check_device(&self) -> Result<(), EncoderError> {
        let Device::Cuda { id } = self.device else {
            return Ok(());
        };
        if !CUDA::is_available().unwrap_or(false) {
            let missing = "the ONNX Runtime in use was built without CUDA".to_owned();
            return Err(EncoderError::UseCuda {
                id,
                missing,
                source: None,
            });
        }
        let builder = Session::builder(self.runtime.environment())
            .map_err(|source| self.cuda_error(id, source))?;
        builder
            .with_execution_providers([self.provider()])
            .map_err(|error| self.cuda_error(id, error.into()))?;
        Ok(())
    }

    fn cuda_error(&self, id: u32, source: ort::Error) -> EncoderError {
        let missing =
            "the CUDA provider does not start (driver, CUDA 13 or cuDNN 9 missing, or no such GPU)"
                .to_owned();
        EncoderError::UseCuda {
            id,
            missing,
            source: Some(source),
        }
    }

    fn provider(&self) -> ExecutionProviderDispatch {
        match self.device {
            // Without the arena every operation's buffers are mapped and faulted in anew.
            Device::Cpu => CPU::default()
                .with_arena_allocator(true)
                .build()
                .error_on_failure(),
            // TF32 would cost three digits of the cosine; vectors of one model must agree across devices.
            Device::Cuda { id } => CUDA::default()
                .with_device_id(i32::try_from(id).unwrap_or(i32::MAX))
                .with_conv_algorithm_search(ConvAlgorithmSearch::Heuristic)
                .with_tf32(false)
                .build()
                .error_on_failure(),
        }
    }

    fn builder(&self) -> Result<SessionBuilder, ort::Error> {
        // The graph's `location` is a plain file name, this is the folder it is looked for in.
        let folder = self
            .weights
            .path()
            .parent()
            .and_then(|folder| folder.to_str());
        let folder =
            folder.ok_or_else(|| ort::Error::new("the path of the weights is not UTF-8"))?;
        let builder = Session::builder(self.runtime.environment())?
            .with_optimization_level(GraphOptimizationLevel::All)?
            // Search and decoding share the cores; a pool that spins between runs would take them.
            .with_intra_op_spinning(false)?
            .with_inter_threads(1)?
            .with_config_entry(WEIGHTS_FOLDER_KEY, folder)?
            .with_execution_providers([self.provider()])?;
        // On a CPU the fused sum and norm takes twice the time of the two: measured, 5 % of a picture's.
        let builder = match self.device {
            Device::Cpu => builder.with_disabled_optimizers("SkipLayerNormFusion")?,
            Device::Cuda { .. } => builder,
        };
        // ONNX Runtime itself counts the machine's cores and knows nothing of a container's quota.
        let threads = match self.intra_threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            threads => threads,
        };
        Ok(builder.with_intra_threads(threads)?)
    }
}

/// A tower that starts when it is first needed. Runs are one at a time; each run uses all its threads.
pub(crate) struct TowerSession {
    tower: Tower,
    graph: TowerGraph,
    input: &'static str,
    dimension: usize,
    launch: Launch,
    session: Mutex<Option<Session>>,
}

impl TowerSession {
    pub fn new(tower: Tower, graph: TowerGraph, dimension: usize, launch: Launch) -> Self {
        let input = match tower {
            Tower::Image => crate::graph::PIXELS,
            Tower::Text => crate::graph::IDS,
        };
        Self {
            tower,
            graph,
            input,
            dimension,
            launch,
            session: Mutex::new(None),
        }
    }

    pub fn runtime(&self) -> &Runtime {
        &self.launch.runtime
    }

    /// Starts the session if it has not been started.
    pub fn start(&self) -> Result<(), EncoderError> {
        self.started().map(|_| ())
    }

    /// The session, started. A panic elsewhere cannot leave it half made: it is put in place whole.
    fn started(&self) -> Result<MutexGuard<'_, Option<Session>>, EncoderError> {
        let mut session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        if session.is_none() {
            self.launch.weights.recheck()?;
            let begun = std::time::Instant::now();
            let fail = |source| EncoderError::StartSession {
                tower: self.tower,
                source,
            };
            let mut builder = self.launch.builder().map_err(fail)?;
            for (name, value) in quantise(&self.graph.quantised, &self.launch.weights)? {
                builder = builder
                    .with_external_initializer(name, value)
                    .map_err(|error| fail(error.into()))?;
            }
            let made = builder.commit_from_memory(&self.graph.bytes);
            *session = Some(made.map_err(fail)?);
            let took_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
            tracing::info!(tower = %self.tower, device = %self.launch.device, took_ms, "model loaded");
        }
        Ok(session)
    }

    /// Runs one batch of `count` inputs and gives a unit vector for each.
    pub fn run(
        &self,
        input: ort::Result<DynValue>,
        count: usize,
    ) -> Result<Vec<Vec<f32>>, EncoderError> {
        self.run_for(input, &[POOLED], |outputs| self.pooled(outputs, count))
    }

    /// Runs one picture and gives its unit vector and the `tokens` rows of its patches as they leave the last norm.
    pub fn run_with_patches(
        &self,
        input: ort::Result<DynValue>,
        tokens: usize,
    ) -> Result<(Vec<f32>, Vec<f32>), EncoderError> {
        self.run_for(input, &[POOLED, PATCHES], |outputs| {
            let vector = self.pooled(outputs, 1)?.remove(0);
            let sides = [1, tokens as i64, self.dimension as i64];
            let patches = self.extract(outputs, PATCHES, &sides)?;
            if !patches.iter().all(|value| value.is_finite()) {
                return Err(self.refuse_not_finite("a patch that is not finite".to_owned()));
            }
            Ok((vector, patches.to_vec()))
        })
    }

    /// Runs the graph for these outputs alone: what is not wanted is neither kept nor copied.
    fn run_for<T>(
        &self,
        input: ort::Result<DynValue>,
        wanted: &[&str],
        read: impl FnOnce(&SessionOutputs<'_>) -> Result<T, EncoderError>,
    ) -> Result<T, EncoderError> {
        let fail = |source| self.run_error(source);
        let input = input.map_err(fail)?;
        let outputs = wanted
            .iter()
            .fold(OutputSelector::no_default(), |outputs, name| {
                outputs.with(*name)
            });
        let options = RunOptions::new().map_err(fail)?.with_outputs(outputs);
        let mut session = self.started()?;
        let session = session
            .as_mut()
            .expect("`started` gives a session that is in place");
        let outputs = session
            .run_with_options(ort::inputs![self.input => input], &options)
            .map_err(fail)?;
        read(&outputs)
    }

    fn run_error(&self, source: ort::Error) -> EncoderError {
        EncoderError::RunSession {
            tower: self.tower,
            source,
        }
    }

    fn extract<'o>(
        &self,
        outputs: &'o SessionOutputs<'_>,
        name: &str,
        sides: &[i64],
    ) -> Result<&'o [f32], EncoderError> {
        let (shape, values) = outputs[name]
            .try_extract_tensor::<f32>()
            .map_err(|source| self.run_error(source))?;
        if **shape != *sides {
            return Err(self.refuse(format!("{name} of shape {shape:?}")));
        }
        Ok(values)
    }

    fn pooled(
        &self,
        outputs: &SessionOutputs<'_>,
        count: usize,
    ) -> Result<Vec<Vec<f32>>, EncoderError> {
        let sides = [count as i64, self.dimension as i64];
        self.extract(outputs, POOLED, &sides)?
            .chunks_exact(self.dimension)
            .map(|vector| self.normalise(vector))
            .collect()
    }

    /// To length 1. The sum is taken in f64, so that it cannot overflow.
    fn normalise(&self, vector: &[f32]) -> Result<Vec<f32>, EncoderError> {
        let norm = vector
            .iter()
            .map(|value| f64::from(*value).powi(2))
            .sum::<f64>()
            .sqrt();
        if !(norm.is_finite() && norm > 0.0) {
            return Err(self.refuse_not_finite(format!("a vector of length {norm}")));
        }
        Ok(vector
            .iter()
            .map(|value| (f64::from(*value) / norm) as f32)
            .collect())
    }

    /// Names the tensor whose values are no numbers, where it is the weights that are broken.
    fn refuse_not_finite(&self, reason: String) -> EncoderError {
        match self.launch.weights.not_finite() {
            Some(tensor) => EncoderError::CheckTensor {
                tensor: tensor.to_owned(),
                problem: TensorProblem::NotFinite,
            },
            None => self.refuse(reason),
        }
    }

    fn refuse(&self, reason: String) -> EncoderError {
        EncoderError::CheckOutput {
            tower: self.tower,
            reason,
        }
    }
}

/// A batch as ONNX Runtime takes it; the buffer is handed over, not copied.
pub(crate) fn tensor<T>(shape: Vec<i64>, values: Vec<T>) -> ort::Result<DynValue>
where
    T: ort::value::PrimitiveTensorElementType + std::fmt::Debug + Clone + Send + Sync + 'static,
{
    Ok(Value::from_array((shape, values))?.into_dyn())
}
