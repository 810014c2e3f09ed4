//! Batches of pixels on their way to a GPU. They are put together in page-locked memory, from which they cross over
//! without another copy, in two buffers by turns: one batch is prepared while another runs. Only runs and the making of a
//! buffer call ONNX Runtime, one at a time; filling a buffer writes to memory and nothing else.

use std::sync::{Mutex, PoisonError};

use ort::memory::{AllocationDevice, Allocator, AllocatorType, MemoryInfo, MemoryType};
use ort::session::Session;
use ort::value::Tensor;

use crate::Device;

/// Enough for a full batch and a last one, two of each.
const KEPT: usize = 4;

/// Buffers that are not in use, the one that was used last behind.
#[derive(Default)]
pub(crate) struct Buffers(Mutex<Vec<Tensor<u8>>>);

impl Buffers {
    /// A buffer of this shape that is free; its bytes are anything.
    pub fn take(&self, shape: [i64; 4]) -> Option<Tensor<u8>> {
        let mut free = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = free.iter().position(|buffer| **buffer.shape() == shape)?;
        Some(free.remove(found))
    }

    /// Keeps a buffer for the next batch of its shape.
    pub fn keep(&self, buffer: Tensor<u8>) {
        let mut free = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if free.len() == KEPT {
            free.remove(0);
        }
        free.push(buffer);
    }
}

/// Makes a buffer for a session's input: page-locked for a GPU, ordinary memory otherwise.
pub(crate) fn make(
    session: &Session,
    device: Device,
    shape: [i64; 4],
) -> Result<Tensor<u8>, ort::Error> {
    let locked = match device {
        Device::Cpu => None,
        Device::Cuda { id } => page_locked(session, id, shape)
            .inspect_err(|error| {
                tracing::warn!(%error, "no page-locked memory; pictures go to the GPU from ordinary memory");
            })
            .ok(),
    };
    match locked {
        Some(buffer) => Ok(buffer),
        None => Tensor::new(&Allocator::default(), shape),
    }
}

fn page_locked(session: &Session, id: u32, shape: [i64; 4]) -> Result<Tensor<u8>, ort::Error> {
    let memory = MemoryInfo::new(
        AllocationDevice::CUDA_PINNED,
        i32::try_from(id).unwrap_or(i32::MAX),
        AllocatorType::Device,
        MemoryType::CPUInput,
    )?;
    Tensor::new(&Allocator::new(session, memory)?, shape)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_come_back_for_their_shape_and_few_are_kept() {
        crate::Runtime::load(None).unwrap();
        let make = |count: i64| Tensor::new(&Allocator::default(), [count, 3, 2, 2]).unwrap();
        let buffers = Buffers::default();
        for count in 1..=5 {
            buffers.keep(make(count));
        }
        assert!(buffers.take([1, 3, 2, 2]).is_none(), "the oldest went");
        assert_eq!(**buffers.take([4, 3, 2, 2]).unwrap().shape(), [4, 3, 2, 2]);
        assert!(buffers.take([4, 3, 2, 2]).is_none());
    }
}
