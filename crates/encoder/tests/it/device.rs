//! Asking for a device that is not there is an error that says what to do, never a silent fall back to the CPU.

use casekin_encoder::{Checkpoint, Device, Encoder, EncoderError, EncoderOptions, Runtime};

use crate::support::{Small, Stored, runtime};

#[test]
fn cuda_that_cannot_be_had_is_an_error_that_names_the_way_to_get_it() {
    let dir = tempfile::tempdir().unwrap();
    Small::new(Stored::F32).write(dir.path());
    let checkpoint = Checkpoint::open(dir.path()).unwrap();
    // No machine has a GPU of this number, so this holds with a CUDA build of the runtime as well.
    let options = EncoderOptions {
        device: Device::Cuda { id: 999 },
        ..EncoderOptions::default()
    };
    match Encoder::load(&runtime(), &checkpoint, &options) {
        Err(error @ EncoderError::UseCuda { .. }) => {
            let message = error.to_string();
            assert!(
                message.contains("cargo xtask setup --cuda") && message.contains("cuda:999"),
                "{message}"
            );
        }
        Err(other) => panic!("{other}"),
        Ok(encoder) => panic!("runs on {}", encoder.device()),
    }
}

#[test]
fn the_runtime_is_loaded_once_and_not_exchanged() {
    let first = runtime();
    assert_eq!(Runtime::load(None).unwrap().path(), first.path());
    assert_eq!(
        Runtime::load(Some(first.path())).unwrap().path(),
        first.path()
    );
    let dir = tempfile::tempdir().unwrap();
    let other = dir.path().join("libonnxruntime.so");
    std::fs::write(&other, "another").unwrap();
    assert!(matches!(
        Runtime::load(Some(&other)),
        Err(EncoderError::SwitchRuntime { .. })
    ));
}
