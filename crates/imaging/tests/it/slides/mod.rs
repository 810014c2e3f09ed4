//! Where the real slides are, and whether OpenSlide is there to read them.

use std::path::PathBuf;

use crate::samples;
use casekin_imaging::{Cuts, DecodeRequest, ImagingError, Limits, Slide, Source};

/// The folder of real slides; says why not, once, where it or OpenSlide is missing.
pub fn folder() -> Option<PathBuf> {
    let folder = samples::shared("data/wsi")?;
    let sample = Source::Path(folder.join("openslide_small.svs"));
    if let Err(ImagingError::FindOpenSlide { .. }) = Slide::open(&sample, &Limits::default()) {
        samples::skip("OpenSlide is not installed: cargo xtask setup fetches it");
        return None;
    }
    Some(folder)
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
        volume: None,
    }
}
