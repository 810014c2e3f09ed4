//! Where the real slides are, and whether OpenSlide is there to read them.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use casekin_imaging::{Cuts, DecodeRequest, ImagingError, Limits, Slide, Source};

/// The folder of real slides; says why not, once, where it or OpenSlide is missing.
pub fn folder() -> Option<PathBuf> {
    let root = std::env::var_os("CASEKIN_SHARED")
        .map(PathBuf::from)
        .or_else(|| {
            let here = Path::new(env!("CARGO_MANIFEST_DIR"));
            here.ancestors()
                .map(|above| above.join("shared"))
                .find(|found| found.is_dir())
        });
    let folder = root.map(|root| root.join("data/wsi"));
    let Some(folder) = folder.filter(|folder| folder.is_dir()) else {
        skip("no shared/data/wsi beside this checkout");
        return None;
    };
    let sample = Source::Path(folder.join("openslide_small.svs"));
    if let Err(ImagingError::FindOpenSlide { .. }) = Slide::open(&sample, &Limits::default()) {
        skip("OpenSlide is not installed: cargo xtask setup fetches it");
        return None;
    }
    Some(folder)
}

fn skip(reason: &str) {
    println!("skipped: {reason}");
    if let Some(file) = std::env::var_os("CASEKIN_SKIPS_FILE") {
        let opened = std::fs::OpenOptions::new().append(true).open(file);
        if let Ok(mut file) = opened {
            let _ = file.write_all(format!("skipped: {reason}\n").as_bytes());
        }
    }
}

/// Opens what must be a slide.
pub fn open(path: PathBuf) -> Slide {
    Slide::open(&Source::Path(path), &Limits::default())
        .unwrap()
        .unwrap()
}

/// A request under the default limits and cuts.
pub fn request(source: Source) -> DecodeRequest {
    DecodeRequest {
        source,
        limits: Limits::default(),
        thumbnail_px: 256,
        cuts: Cuts::default(),
    }
}
