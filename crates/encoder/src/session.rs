//! One tower in ONNX Runtime: started at first use from a graph in memory and the weights in their own file, then run
//! batch by batch.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use ort::session::{OutputSelector, RunOptions, Session, SessionInputValue, SessionOutputs};
use ort::value::{Tensor, Value};

use crate::graph::{PATCHES, POOLED, TowerGraph};
use crate::launch::Launch;
use crate::quantised::quantise;
use crate::shared::{Place, Taken};
use crate::staging::{self, Buffers};
use crate::weights::Dtype;
use crate::{EncoderError, Runtime, TensorProblem, Tower};

/// What one run takes, under the names of the graph's inputs.
pub(crate) type Inputs<'v> = Vec<(&'static str, SessionInputValue<'v>)>;

/// A tower that starts when it is first needed. Runs are one at a time; each run uses all its threads.
pub(crate) struct TowerSession {
    tower: Tower,
    graph: TowerGraph,
    dimension: usize,
    launch: Launch,
    buffers: Buffers,
    /// Where the session is, with other encoders of the same tower; found when it is first needed.
    place: OnceLock<Arc<Place>>,
    /// Asked without waiting for a run to end, which holds the place.
    loaded: AtomicBool,
}

impl TowerSession {
    pub fn new(tower: Tower, graph: TowerGraph, dimension: usize, launch: Launch) -> Self {
        Self {
            tower,
            graph,
            dimension,
            launch,
            buffers: Buffers::default(),
            place: OnceLock::new(),
            loaded: AtomicBool::new(false),
        }
    }

    pub fn runtime(&self) -> &Runtime {
        &self.launch.runtime
    }

    /// Starts the session if it has not been started.
    pub fn start(&self) -> Result<(), EncoderError> {
        self.started().map(|_| ())
    }

    /// Whether the session has been started, or another encoder's been taken.
    pub fn is_loaded(&self) -> bool {
        self.loaded.load(Ordering::Acquire)
    }

    /// The session, started. A panic elsewhere cannot leave it half made: it is put in place whole.
    fn started(&self) -> Result<Taken<'_>, EncoderError> {
        let place = match self.place.get() {
            Some(place) => place,
            None => {
                // Also where another encoder runs this tower already: a changed file is no longer what was opened.
                self.launch.weights.recheck()?;
                self.place
                    .get_or_init(|| Place::of(&self.launch, &self.graph))
            }
        };
        let mut session = place.take();
        if session.is_none() {
            self.launch.weights.recheck()?;
            let begun = std::time::Instant::now();
            *session = Some(self.make_session()?);
            let took_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
            tracing::info!(tower = %self.tower, device = %self.launch.device, took_ms, "model loaded");
        }
        self.loaded.store(true, Ordering::Release);
        Ok(session)
    }

    fn make_session(&self) -> Result<Session, EncoderError> {
        let fail = |source| EncoderError::StartSession {
            tower: self.tower,
            source,
        };
        let (graph, weights) = (&self.graph, &self.launch.weights);
        // Activations in 8 bit come out finite whatever went in: what would spoil a vector in f32 does not show here.
        if !graph.quantised.is_empty() {
            weights.check_finite(&graph.read_as_stored)?;
        }
        let mut builder = self.launch.builder().map_err(fail)?;
        for (name, value) in quantise(&graph.quantised, weights)? {
            builder = builder
                .with_external_initializer(name, value)
                .map_err(|error| fail(error.into()))?;
        }
        builder.commit_from_memory(&graph.bytes).map_err(fail)
    }

    /// A buffer for a batch of pixels that this tower will run; its bytes are anything.
    pub fn buffer(&self, shape: [i64; 4]) -> Result<Tensor<u8>, EncoderError> {
        if let Some(buffer) = self.buffers.take(shape) {
            return Ok(buffer);
        }
        let session = self.started()?;
        let session = session
            .as_ref()
            .expect("`started` gives a session that is in place");
        staging::make(session, self.launch.device, shape).map_err(|source| self.run_error(source))
    }

    /// Keeps a buffer whose batch has run.
    pub fn keep_buffer(&self, buffer: Tensor<u8>) {
        self.buffers.keep(buffer);
    }

    /// Whether another encoder's tower is the same session.
    #[cfg(test)]
    pub fn shares_with(&self, other: &Self) -> bool {
        let places = self.place.get().zip(other.place.get());
        places.is_some_and(|(place, other)| Arc::ptr_eq(place, other))
    }

    /// Runs one batch of `count` inputs and gives a unit vector for each.
    pub fn run(
        &self,
        inputs: ort::Result<Inputs<'_>>,
        count: usize,
    ) -> Result<Vec<Vec<f32>>, EncoderError> {
        self.run_for(inputs, &[POOLED], |outputs| self.pooled(outputs, count))
    }

    /// Runs one picture and gives its unit vector and the `tokens` rows of its patches as they leave the last norm.
    pub fn run_with_patches(
        &self,
        inputs: ort::Result<Inputs<'_>>,
        tokens: usize,
    ) -> Result<(Vec<f32>, Vec<f32>), EncoderError> {
        self.run_for(inputs, &[POOLED, PATCHES], |outputs| {
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
        inputs: ort::Result<Inputs<'_>>,
        wanted: &[&str],
        read: impl FnOnce(&SessionOutputs<'_>) -> Result<T, EncoderError>,
    ) -> Result<T, EncoderError> {
        let fail = |source| self.run_error(source);
        let inputs = inputs.map_err(fail)?;
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
        let outputs = session.run_with_options(inputs, &options).map_err(fail)?;
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
            None if self.graph.arithmetic == Dtype::F16 => {
                let hint = "beyond 65,504 f16 overflows, bf16 and f32 do not";
                self.refuse(format!("{reason}; {hint}"))
            }
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
pub(crate) fn tensor<T>(shape: Vec<i64>, values: Vec<T>) -> ort::Result<SessionInputValue<'static>>
where
    T: ort::value::PrimitiveTensorElementType + std::fmt::Debug + Clone + Send + Sync + 'static,
{
    Ok(Value::from_array((shape, values))?.into())
}
