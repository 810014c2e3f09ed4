//! How sessions of ONNX Runtime are made: device, threads, where the weights lie. Never falls back to another device.

use std::sync::Arc;

use ort::ep::cuda::ConvAlgorithmSearch;
use ort::ep::{CPU, CUDA, ExecutionProvider, ExecutionProviderDispatch};
use ort::session::Session;
use ort::session::builder::{GraphOptimizationLevel, SessionBuilder};

use crate::weights::Weights;
use crate::{Device, EncoderError, Runtime};

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

    /// What a session of either tower is built with.
    pub fn builder(&self) -> Result<SessionBuilder, ort::Error> {
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
        Ok(builder.with_intra_threads(threads_for(self.intra_threads))?)
    }
}

/// Threads of one run, 0 meaning as many as this process may use. ONNX Runtime itself counts the machine's cores and
/// knows nothing of a container's quota; the standard library looks at the quota and at the cores allowed.
pub(crate) fn threads_for(setting: usize) -> usize {
    match setting {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        threads => threads,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_are_as_many_as_asked_for_and_else_as_many_as_are_allowed() {
        for asked in [1, 3, 1000] {
            assert_eq!(threads_for(asked), asked);
        }
        let allowed = std::thread::available_parallelism().unwrap().get();
        assert_eq!(threads_for(0), allowed);
        assert!(threads_for(0) >= 1);
    }
}
