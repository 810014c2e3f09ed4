//! The version of an ONNX Runtime library, as the library itself gives it; the file's name may say anything.

use std::ffi::CStr;
use std::path::Path;

use libloading::{Library, Symbol};
use ort::sys::OrtApiBase;

/// The version of the library at `path`, which is loaded already; `None` where it does not tell.
#[allow(unsafe_code)]
pub(crate) fn version_of(path: &Path) -> Option<String> {
    // SAFETY: the library is loaded and initialised, so this only takes another handle to it.
    let library = unsafe { Library::new(path) }.ok()?;
    // SAFETY: the C API declares `const OrtApiBase* OrtGetApiBase(void)` (onnxruntime_c_api.h).
    let base: Symbol<'_, unsafe extern "system" fn() -> *const OrtApiBase> =
        unsafe { library.get("OrtGetApiBase") }.ok()?;
    // SAFETY: it gives a table that lives as long as the library, or null, which `as_ref` sees.
    let base = unsafe { base().as_ref() }?;
    // SAFETY: it takes nothing and gives a static string that ends in a zero byte, or null.
    let version = unsafe { (base.GetVersionString)() };
    if version.is_null() {
        return None;
    }
    // SAFETY: as above; it is copied before the handle goes.
    let version = unsafe { CStr::from_ptr(version) };
    version.to_str().ok().map(str::to_owned)
}
