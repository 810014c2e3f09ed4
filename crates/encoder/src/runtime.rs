//! skeleton
use std::path::Path;

use crate::{Device, EncoderError};

/// ONNX Runtime, loaded once per process.
#[derive(Clone)]
pub struct Runtime;

impl Runtime {
    /// Finds and loads the library.
    ///
    /// # Errors
    /// [`EncoderError::FindRuntime`], [`EncoderError::LoadRuntime`].
    pub fn load(lib: Option<&Path>) -> Result<Self, EncoderError> {
        Self::load_for(lib, Device::Cpu)
    }

    /// As [`Self::load`], preferring a build for the device where the developer cache holds several.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn load_for(_lib: Option<&Path>, _device: Device) -> Result<Self, EncoderError> {
        Err(EncoderError::FindRuntime {
            searched: String::new(),
        })
    }
}
