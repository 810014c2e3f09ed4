//! OpenSlide's shared library (LGPL-2.1), found at run time and loaded once per process. It is no part of the
//! program: whoever wants slides in scanners' formats installs it. Versions 3.4 and 4 are known.

use std::env;
use std::ffi::{CStr, CString, OsString, c_char, c_int, c_void};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use libloading::Library;

use crate::ImagingError;

/// Names the library's file, or the folder that holds it.
const VARIABLE: &str = "CASEKIN_OPENSLIDE";
/// Version 4, then version 3.4.
const FILE_NAMES: [&str; 2] = ["libopenslide.so.1", "libopenslide.so.0"];
const PACKAGES: &str =
    "libopenslide0 (Debian, Ubuntu) or openslide-bin (Python; `cargo xtask setup` fetches it)";

/// OpenSlide's handle of an open slide.
#[repr(C)]
pub(super) struct Handle {
    _private: [u8; 0],
}

/// The functions that are used, as openslide.h declares them.
#[derive(Clone, Copy)]
pub(super) struct OpenSlideApi {
    pub detect_vendor: unsafe extern "C" fn(*const c_char) -> *const c_char,
    pub open: unsafe extern "C" fn(*const c_char) -> *mut Handle,
    pub close: unsafe extern "C" fn(*mut Handle),
    pub error: unsafe extern "C" fn(*mut Handle) -> *const c_char,
    pub level_count: unsafe extern "C" fn(*mut Handle) -> i32,
    pub level_dimensions: unsafe extern "C" fn(*mut Handle, i32, *mut i64, *mut i64),
    pub level_downsample: unsafe extern "C" fn(*mut Handle, i32) -> f64,
    pub property: unsafe extern "C" fn(*mut Handle, *const c_char) -> *const c_char,
    pub read_region: unsafe extern "C" fn(*mut Handle, *mut u32, i64, i64, i32, i64, i64),
    /// Version 4 only.
    pub icc: Option<IccFunctions>,
}

/// Size and content of the slide's ICC profile.
#[derive(Clone, Copy)]
pub(super) struct IccFunctions {
    pub size: unsafe extern "C" fn(*mut Handle) -> i64,
    pub read: unsafe extern "C" fn(*mut Handle, *mut c_void),
}

static LOADED: Mutex<Option<OpenSlideApi>> = Mutex::new(None);

/// Finds and loads the library, or gives the one that is loaded.
///
/// # Errors
/// `FindOpenSlide`; `ReadSlide` where what CASEKIN_OPENSLIDE names is no OpenSlide.
pub(super) fn load() -> Result<OpenSlideApi, ImagingError> {
    let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(api) = *loaded {
        return Ok(api);
    }
    let api = find(&Places::of_process())?;
    *loaded = Some(api);
    Ok(api)
}

/// Loads the first library that is one.
fn find(places: &Places) -> Result<OpenSlideApi, ImagingError> {
    let found = candidates(places).iter().find_map(|path| bind(path));
    found.ok_or_else(|| match places.named {
        Some(_) => ImagingError::ReadSlide {
            reason: format!(
                "what {VARIABLE} names is no OpenSlide library: name libopenslide.so.1 or its folder, or leave \
                 {VARIABLE} empty and install {PACKAGES}"
            ),
        },
        None => ImagingError::FindOpenSlide {
            packages: PACKAGES.to_owned(),
        },
    })
}

/// What the search reads of the process; a value, so that tests need not change the process.
struct Places {
    named: Option<PathBuf>,
    beside: Option<PathBuf>,
    cache: Option<PathBuf>,
    /// Names that the system's loader is asked for.
    system: &'static [&'static str],
}

impl Places {
    fn of_process() -> Self {
        let set = |name: &str| -> Option<OsString> {
            env::var_os(name).filter(|value| !value.is_empty())
        };
        let under_home = || set("HOME").map(|home| PathBuf::from(home).join(".cache"));
        let shared_cache = || {
            set("XDG_CACHE_HOME")
                .map(PathBuf::from)
                .or_else(under_home)
                .map(|cache| cache.join("casekin"))
        };
        let executable = env::current_exe()
            .ok()
            .map(|exe| exe.canonicalize().unwrap_or(exe));
        Self {
            named: set(VARIABLE).map(PathBuf::from),
            beside: executable.and_then(|exe| exe.parent().map(Path::to_owned)),
            cache: set("CASEKIN_CACHE")
                .map(PathBuf::from)
                .or_else(shared_cache),
            system: &FILE_NAMES,
        }
    }
}

/// Files to try, in order: what somebody named and then nothing else; beside the program; the developer's cache
/// (`openslide-<version>/`, the newest first); the system's names.
fn candidates(places: &Places) -> Vec<PathBuf> {
    if let Some(named) = &places.named {
        return if named.is_dir() {
            in_folder(named)
        } else {
            vec![named.clone()]
        };
    }
    let mut found = Vec::new();
    if let Some(beside) = &places.beside {
        for folder in [
            beside.clone(),
            beside.join("../lib"),
            beside.join("../lib/casekin"),
        ] {
            found.extend(in_folder(&folder));
        }
    }
    if let Some(cache) = &places.cache {
        let mut folders: Vec<PathBuf> = std::fs::read_dir(cache)
            .into_iter()
            .flatten()
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                name.starts_with("openslide-")
            })
            .collect();
        folders.sort_unstable();
        found.extend(folders.iter().rev().flat_map(|folder| in_folder(folder)));
    }
    found.extend(places.system.iter().map(PathBuf::from));
    found
}

fn in_folder(folder: &Path) -> Vec<PathBuf> {
    FILE_NAMES
        .iter()
        .map(|name| folder.join(name))
        .filter(|path| path.is_file())
        .collect()
}

#[allow(unsafe_code)]
fn bind(path: &Path) -> Option<OpenSlideApi> {
    // SAFETY: loading runs the library's initialisers; only files of OpenSlide's name from the places above are
    // loaded, or what the operator named. The types are those of openslide.h, which both versions share.
    unsafe {
        let library = Library::new(path).ok()?;
        let icc = match (
            library.get("openslide_get_icc_profile_size"),
            library.get("openslide_read_icc_profile"),
        ) {
            (Ok(size), Ok(read)) => Some(IccFunctions {
                size: *size,
                read: *read,
            }),
            _ => None,
        };
        let api = OpenSlideApi {
            detect_vendor: *library.get("openslide_detect_vendor").ok()?,
            open: *library.get("openslide_open").ok()?,
            close: *library.get("openslide_close").ok()?,
            error: *library.get("openslide_get_error").ok()?,
            level_count: *library.get("openslide_get_level_count").ok()?,
            level_dimensions: *library.get("openslide_get_level_dimensions").ok()?,
            level_downsample: *library.get("openslide_get_level_downsample").ok()?,
            property: *library.get("openslide_get_property_value").ok()?,
            read_region: *library.get("openslide_read_region").ok()?,
            icc,
        };
        // The functions are kept for the life of the process.
        std::mem::forget(library);
        Some(api)
    }
}

/// A path as C reads it.
pub(super) fn c_path(path: &Path) -> Result<CString, ImagingError> {
    CString::new(path.as_os_str().as_encoded_bytes()).map_err(|_| ImagingError::ReadSlide {
        reason: "its name holds a zero byte".to_owned(),
    })
}

/// Text that the library owns; `None` for a null pointer.
#[allow(unsafe_code)]
pub(super) fn text_at(pointer: *const c_char) -> Option<String> {
    if pointer.is_null() {
        return None;
    }
    // SAFETY: OpenSlide's strings end in a zero byte and live as long as the handle, or for ever; they are copied.
    let text = unsafe { CStr::from_ptr(pointer) };
    Some(text.to_string_lossy().into_owned())
}

const _: () = assert!(size_of::<c_int>() == size_of::<i32>());

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_named_library_is_the_only_one_tried() {
        let places = Places {
            named: Some(PathBuf::from("/nowhere/libopenslide.so.1")),
            beside: Some(PathBuf::from("/")),
            cache: None,
            system: &FILE_NAMES,
        };
        assert_eq!(
            candidates(&places),
            [PathBuf::from("/nowhere/libopenslide.so.1")]
        );
        assert!(bind(Path::new("/nowhere/libopenslide.so.1")).is_none());
    }

    #[test]
    fn the_systems_names_come_last_and_version_four_first() {
        let places = Places {
            named: None,
            beside: None,
            cache: None,
            system: &FILE_NAMES,
        };
        assert_eq!(candidates(&places), FILE_NAMES.map(PathBuf::from));
    }

    #[test]
    fn where_none_is_found_the_error_names_packages_and_the_variable() {
        let nowhere = Places {
            named: None,
            beside: None,
            cache: None,
            system: &[],
        };
        let error = find(&nowhere).err().unwrap();
        assert!(
            matches!(error, ImagingError::FindOpenSlide { .. }),
            "{error}"
        );
        let misnamed = Places {
            named: Some(PathBuf::from("/nowhere")),
            system: &FILE_NAMES,
            ..nowhere
        };
        let misled = find(&misnamed).err().unwrap();
        for said in [error.to_string(), misled.to_string()] {
            for word in ["libopenslide0", "openslide-bin", VARIABLE] {
                assert!(said.contains(word), "{word}: {said}");
            }
        }
    }

    #[test]
    fn a_library_of_another_kind_is_not_taken() {
        assert!(bind(Path::new("libc.so.6")).is_none());
    }
}
