//! OpenSlide's shared library in the cache folder: `<cache>/openslide-<version>/`, where the program looks for it.
//! The library is LGPL-2.1 and is only ever loaded at run time: nothing of it is linked into the program or packed
//! with it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::onnxruntime::remove_folder;
use crate::pins::{self, Wheel};
use crate::{digest, paths, python, wheels};

const STAMP: &str = "wheel.sha256";
const LIBRARY: &str = "libopenslide.so.1";

/// Makes sure that the library is there, where a wheel is pinned for this machine.
pub fn ensure(python: &Path) -> Result<()> {
    let Some(wheel) = pins::openslide() else {
        eprintln!("OpenSlide is not pinned for this system: slides need the system's own.");
        return Ok(());
    };
    let cache = paths::cache()?;
    let folder = cache.join(format!("openslide-{}", wheel.version));
    if is_ready(&folder, &wheel) {
        return Ok(());
    }
    fs::create_dir_all(&cache).with_context(|| format!("cannot make {}", cache.display()))?;
    let lock = File::create(cache.join("setup.lock"))?;
    lock.lock().context("cannot wait for another set-up")?;
    if is_ready(&folder, &wheel) {
        return Ok(());
    }
    eprintln!("Fetching OpenSlide into {}", folder.display());
    let staging = cache.join(".openslide.partial");
    remove_folder(&staging)?;
    fs::create_dir_all(&staging)?;
    let python = python::with_pip(python, &cache)?;
    let file = wheels::fetch(&python, &wheel, &staging.join("download"))?;
    let unpacked = staging.join("unpacked");
    wheels::unpack(&python, &file, &unpacked)?;
    let made = staging.join("made");
    fs::create_dir_all(&made)?;
    keep(&unpacked, &wheel, &made)?;
    digest::write_stamp(&made.join(STAMP), &wheel_line(&wheel))?;
    remove_folder(&folder)?;
    fs::rename(&made, &folder).with_context(|| format!("cannot make {}", folder.display()))?;
    remove_folder(&staging)?;
    if !is_ready(&folder, &wheel) {
        bail!("{} holds no {LIBRARY}", folder.display());
    }
    Ok(())
}

fn wheel_line(wheel: &Wheel) -> String {
    format!("{}  {}-{}\n", wheel.sha256, wheel.package, wheel.version)
}

fn is_ready(folder: &Path, wheel: &Wheel) -> bool {
    let stamp = fs::read_to_string(folder.join(STAMP)).unwrap_or_default();
    folder.join(LIBRARY).is_file() && stamp.contains(&wheel_line(wheel))
}

/// Takes the library and the licences of all that is in it; the rest is Python's.
fn keep(unpacked: &Path, wheel: &Wheel, made: &Path) -> Result<()> {
    let module = unpacked.join(wheel.package.replace('-', "_"));
    let mut info = module.clone().into_os_string();
    info.push(format!("-{}.dist-info", wheel.version));
    fs::rename(module.join(LIBRARY), made.join(LIBRARY))
        .with_context(|| format!("the wheel holds no {LIBRARY}"))?;
    fs::rename(PathBuf::from(info).join("licenses"), made.join("licenses"))
        .context("the wheel holds no licences")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn library_and_licences_are_kept_and_a_stamp_makes_it_ready() {
        let dir = tempfile::tempdir().unwrap();
        let wheel = Wheel {
            package: "openslide-bin",
            version: "9.9",
            platform: "any",
            sha256: "00",
        };
        let (unpacked, made) = (dir.path().join("unpacked"), dir.path().join("made"));
        fs::create_dir_all(unpacked.join("openslide_bin")).unwrap();
        fs::create_dir_all(unpacked.join("openslide_bin-9.9.dist-info/licenses")).unwrap();
        fs::create_dir_all(&made).unwrap();
        assert!(keep(&unpacked, &wheel, &made).is_err(), "no library");
        fs::write(unpacked.join("openslide_bin").join(LIBRARY), "so").unwrap();
        keep(&unpacked, &wheel, &made).unwrap();
        assert!(made.join("licenses").is_dir());
        assert!(!is_ready(&made, &wheel));
        fs::write(made.join(STAMP), wheel_line(&wheel)).unwrap();
        assert!(is_ready(&made, &wheel));
    }
}
