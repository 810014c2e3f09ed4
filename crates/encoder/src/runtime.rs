//! ONNX Runtime, found among the places where an installation or `cargo xtask setup` puts it and loaded once per process.
//! Never downloads anything and never panics: `ort` itself would, if it had to look for the library on its own.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use ort::environment::Environment;
use ort::logging::LogLevel;

use crate::version::version_of;
use crate::{Device, EncoderError};

/// Environment variables that name the library's file or its folder, the first that is set counts.
const LIBRARY_VARIABLES: [&str; 2] = ["CASEKIN_ONNXRUNTIME", "ORT_DYLIB_PATH"];
const CACHE_VARIABLE: &str = "CASEKIN_CACHE";

/// The one library that this process has loaded. It stays loaded: ONNX Runtime cannot be unloaded safely.
static LOADED: Mutex<Option<Runtime>> = Mutex::new(None);

/// ONNX Runtime, loaded. Cheap to clone.
#[derive(Clone)]
pub struct Runtime {
    environment: Environment,
    path: PathBuf,
    version: String,
}

impl std::fmt::Debug for Runtime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Runtime")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl Runtime {
    /// Finds and loads the library: `lib` (a file, or a folder that holds it) if given, and then nothing else; otherwise
    /// CASEKIN_ONNXRUNTIME or ORT_DYLIB_PATH, beside the executable, in `../lib` and `../lib/casekin` from there, and in
    /// the developer's cache (CASEKIN_CACHE, else XDG_CACHE_HOME/casekin, else ~/.cache/casekin) under
    /// `onnxruntime-<version>-<cpu|cuda>/`. Later calls give the library that is already loaded.
    ///
    /// # Errors
    /// [`EncoderError::FindRuntime`]; [`EncoderError::LoadRuntime`]; [`EncoderError::SwitchRuntime`] if `lib` is another
    /// library than the one already loaded.
    pub fn load(lib: Option<&Path>) -> Result<Self, EncoderError> {
        Self::load_for(lib, Device::Cpu)
    }

    /// As [`Self::load`]; where the developer's cache holds builds for both, the one for `device` is taken.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn load_for(lib: Option<&Path>, device: Device) -> Result<Self, EncoderError> {
        let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(runtime) = loaded.as_ref() {
            return match lib {
                Some(lib) if find_in_given(lib)? != runtime.path => {
                    Err(EncoderError::SwitchRuntime {
                        loaded: runtime.path.clone(),
                    })
                }
                _ => Ok(runtime.clone()),
            };
        }
        let runtime = Self::start(find(lib, device, &Places::of_process())?)?;
        tracing::info!(path = %runtime.path.display(), version = %runtime.version, "ONNX Runtime loaded");
        Ok(loaded.insert(runtime).clone())
    }

    fn start(path: PathBuf) -> Result<Self, EncoderError> {
        let builder = ort::init_from(&path).map_err(|source| EncoderError::LoadRuntime {
            path: path.clone(),
            source: Box::new(source),
        })?;
        let environment = builder
            .with_name("casekin")
            .with_telemetry(false)
            .build()
            .map_err(|source| EncoderError::LoadRuntime {
                path: path.clone(),
                source: Box::new(source),
            })?;
        environment.set_log_level(LogLevel::Warning);
        let version = version_of(&path).unwrap_or_else(|| "of unknown version".to_owned());
        Ok(Self {
            environment,
            path,
            version,
        })
    }

    /// The library's file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The library's version, as it gives it itself.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// What sessions of one's own are made in: there is one of it in a process.
    #[must_use]
    pub fn environment(&self) -> &Environment {
        &self.environment
    }
}

/// What the search reads of the process; a value, so that tests need not change the process.
struct Places {
    variables: [Option<OsString>; 2],
    beside: Option<PathBuf>,
    cache: Option<PathBuf>,
}

impl Places {
    fn of_process() -> Self {
        let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty());
        let home = || set("HOME").map(|home| PathBuf::from(home).join(".cache"));
        let shared_cache = || {
            set("XDG_CACHE_HOME")
                .map(PathBuf::from)
                .or_else(home)
                .map(|cache| cache.join("casekin"))
        };
        let executable = env::current_exe()
            .ok()
            .map(|exe| exe.canonicalize().unwrap_or(exe));
        Self {
            variables: LIBRARY_VARIABLES.map(set),
            beside: executable.and_then(|exe| exe.parent().map(Path::to_owned)),
            cache: set(CACHE_VARIABLE).map(PathBuf::from).or_else(shared_cache),
        }
    }
}

fn find(lib: Option<&Path>, device: Device, places: &Places) -> Result<PathBuf, EncoderError> {
    // What somebody named must hold; falling through to another library would hide the mistake.
    if let Some(lib) = lib {
        return find_in_given(lib);
    }
    if let Some(named) = places.variables.iter().flatten().next() {
        return find_in_given(Path::new(named));
    }
    let mut searched = Vec::new();
    if let Some(beside) = &places.beside {
        for folder in [
            beside.clone(),
            beside.join("../lib"),
            beside.join("../lib/casekin"),
        ] {
            if let Some(library) = newest_library(&folder) {
                return Ok(library);
            }
            searched.push(folder);
        }
    }
    if let Some(cache) = &places.cache {
        let mut folders = cached_folders(cache);
        let wanted = if device == Device::Cpu {
            "-cpu"
        } else {
            "-cuda"
        };
        folders.sort_by_key(|folder| {
            (
                !name_of(folder).ends_with(wanted),
                std::cmp::Reverse(version(name_of(folder))),
            )
        });
        // The wheel's own layout has the library in `onnxruntime/capi`.
        let within = folders.iter().flat_map(|folder| {
            [
                folder.clone(),
                folder.join("lib"),
                folder.join("onnxruntime/capi"),
            ]
        });
        if let Some(library) = within
            .into_iter()
            .find_map(|folder| newest_library(&folder))
        {
            return Ok(library);
        }
        searched.push(cache.join("onnxruntime-*"));
    }
    let searched: Vec<_> = searched
        .iter()
        .map(|folder| folder.display().to_string())
        .collect();
    Err(EncoderError::FindRuntime {
        searched: searched.join(", "),
    })
}

/// A file is taken as it is, a folder must hold the library.
fn find_in_given(lib: &Path) -> Result<PathBuf, EncoderError> {
    let missing = || EncoderError::FindRuntime {
        searched: lib.display().to_string(),
    };
    if lib.is_dir() {
        return newest_library(lib).ok_or_else(missing);
    }
    // Absolute, since `ort` looks for relative paths beside the executable first.
    lib.canonicalize().map_err(|_| missing())
}

fn cached_folders(cache: &Path) -> Vec<PathBuf> {
    let listed = cache
        .read_dir()
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path());
    listed
        .filter(|path| path.is_dir() && name_of(path).starts_with("onnxruntime-"))
        .collect()
}

/// The library of the highest version in a folder; its name carries the version (`libonnxruntime.so.1.32.0`).
fn newest_library(folder: &Path) -> Option<PathBuf> {
    let listed = folder.read_dir().ok()?.flatten().map(|entry| entry.path());
    let library = listed
        .filter(|path| is_library(name_of(path)) && path.is_file())
        .max_by_key(|path| version(name_of(path)))?;
    library.canonicalize().ok()
}

fn is_library(name: &str) -> bool {
    let Some(rest) = name.strip_prefix("libonnxruntime") else {
        return name == "onnxruntime.dll";
    };
    let numbers = |text: &str| {
        text.split('.')
            .all(|part| part.is_empty() || part.bytes().all(|b| b.is_ascii_digit()))
    };
    rest.strip_prefix(".so")
        .or_else(|| rest.strip_suffix(".dylib"))
        .is_some_and(numbers)
}

/// The numbers of a name, in order, to compare versions by.
fn version(name: &str) -> Vec<u64> {
    name.split(|c: char| !c.is_ascii_digit())
        .filter_map(|part| part.parse().ok())
        .collect()
}

fn name_of(path: &Path) -> &str {
    path.file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn touch(path: &Path) -> PathBuf {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "").unwrap();
        path.canonicalize().unwrap()
    }

    fn nowhere() -> Places {
        Places {
            variables: [None, None],
            beside: None,
            cache: None,
        }
    }

    #[test]
    fn the_search_follows_its_order() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        std::fs::create_dir_all(root.join("bin")).unwrap();
        let mut places = Places {
            beside: Some(root.join("bin")),
            cache: Some(root.join("cache")),
            ..nowhere()
        };
        assert!(matches!(
            find(None, Device::Cpu, &places),
            Err(EncoderError::FindRuntime { .. })
        ));
        let cached = touch(&root.join("cache/onnxruntime-1.9.0-cpu/libonnxruntime.so.1.9.0"));
        assert_eq!(find(None, Device::Cpu, &places).unwrap(), cached);
        let newer = touch(&root.join("cache/onnxruntime-1.32.0-cpu/libonnxruntime.so.1.32.0"));
        assert_eq!(find(None, Device::Cpu, &places).unwrap(), newer);
        let cuda = touch(&root.join("cache/onnxruntime-1.31.1-cuda/libonnxruntime.so.1.31.1"));
        assert_eq!(find(None, Device::Cpu, &places).unwrap(), newer);
        assert_eq!(find(None, Device::Cuda { id: 0 }, &places).unwrap(), cuda);
        let installed = touch(&root.join("lib/libonnxruntime.so.1.30.0"));
        assert_eq!(find(None, Device::Cpu, &places).unwrap(), installed);
        places.variables[1] = Some(newer.clone().into());
        assert_eq!(find(None, Device::Cpu, &places).unwrap(), newer);
        assert_eq!(
            find(Some(&installed), Device::Cpu, &places).unwrap(),
            installed
        );
    }

    #[test]
    fn what_is_named_and_absent_is_an_error_and_not_a_reason_to_look_elsewhere() {
        let dir = tempfile::tempdir().unwrap();
        touch(
            &dir.path()
                .join("onnxruntime-1.32.0-cpu/libonnxruntime.so.1.32.0"),
        );
        let variables = [Some(dir.path().join("absent.so").into()), None];
        let places = Places {
            variables,
            beside: None,
            cache: Some(dir.path().to_owned()),
        };
        let error = find(None, Device::Cpu, &places).unwrap_err().to_string();
        assert!(
            error.contains("absent.so") && error.contains("cargo xtask setup"),
            "{error}"
        );
        assert!(error.contains("CASEKIN_ONNXRUNTIME"), "{error}");
    }

    #[test]
    fn providers_are_not_taken_for_the_library() {
        for name in [
            "libonnxruntime.so",
            "libonnxruntime.so.1.32.0",
            "libonnxruntime.1.32.0.dylib",
            "onnxruntime.dll",
        ] {
            assert!(is_library(name), "{name}");
        }
        for name in [
            "libonnxruntime_providers_shared.so",
            "libonnxruntime.so.bak",
            "onnxruntime",
            "",
        ] {
            assert!(!is_library(name), "{name}");
        }
    }

    #[test]
    fn a_file_that_is_no_library_is_a_typed_error() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("libonnxruntime.so");
        std::fs::write(&path, "not a library").unwrap();
        assert!(matches!(
            Runtime::start(path),
            Err(EncoderError::LoadRuntime { .. })
        ));
    }
}
