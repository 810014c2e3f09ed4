//! `cargo xtask setup`: everything that has to be there before casekin can be built and run.

use std::path::PathBuf;

use anyhow::Result;

use crate::{onnxruntime, openslide, page, prerequisites};

/// Sets up and says where ONNX Runtime lies.
pub fn command(cuda: bool) -> Result<()> {
    let library = ensure(cuda)?;
    eprintln!("ONNX Runtime: {}", library.display());
    if cuda && let Some(folder) = library.parent() {
        eprintln!(
            "To use it: casekin … --device cuda, with\n    export CASEKIN_ONNXRUNTIME={}\n    \
             export LD_LIBRARY_PATH={}\nNVIDIA's driver must know CUDA 13 (580 or newer).",
            library.display(),
            folder.display()
        );
    }
    eprintln!("Ready.");
    Ok(())
}

/// Tools, ONNX Runtime, OpenSlide, npm packages, page; the path of ONNX Runtime's library.
pub fn ensure(cuda: bool) -> Result<PathBuf> {
    let python = prerequisites::ensure()?;
    let library = onnxruntime::ensure(cuda, &python)?;
    openslide::ensure(&python)?;
    page::ensure()?;
    Ok(library)
}
