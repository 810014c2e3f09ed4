//! Slides that this process keeps open: opening one costs a hundred times what a tile costs. What is kept is a handle,
//! not the pixels.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use super::Slide;
use crate::{ImagingError, Limits, Source};

/// Slides kept open; each holds a file and OpenSlide's own cache (32 MiB).
const KEPT_SLIDES: usize = 8;

/// A file as it is now: another content under the same name is another slide.
#[derive(PartialEq)]
struct FileNow {
    path: PathBuf,
    len: u64,
    modified: Option<SystemTime>,
    limits: Limits,
}

static KEPT: Mutex<VecDeque<(FileNow, Arc<Slide>)>> = Mutex::new(VecDeque::new());

/// As [`Slide::open`], from among the slides that are open where it is one of them.
///
/// # Errors
/// As [`Slide::open`].
pub(crate) fn open(source: &Source, limits: &Limits) -> Result<Option<Arc<Slide>>, ImagingError> {
    let now = match source {
        Source::Path(path) => std::fs::metadata(path).ok().map(|meta| FileNow {
            path: path.clone(),
            len: meta.len(),
            modified: meta.modified().ok(),
            limits: limits.clone(),
        }),
        Source::Bytes { .. } => None,
    };
    let Some(now) = now else {
        return Ok(Slide::open(source, limits)?.map(Arc::new));
    };
    if let Some(slide) = used_again(&now) {
        return Ok(Some(slide));
    }
    let Some(slide) = Slide::open(source, limits)?.map(Arc::new) else {
        return Ok(None);
    };
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    kept.retain(|(file, _)| file.path != now.path);
    kept.push_back((now, Arc::clone(&slide)));
    while kept.len() > KEPT_SLIDES {
        kept.pop_front();
    }
    Ok(Some(slide))
}

fn used_again(now: &FileNow) -> Option<Arc<Slide>> {
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    let at = kept.iter().position(|(file, _)| file == now)?;
    let used = kept.remove(at)?;
    let slide = Arc::clone(&used.1);
    kept.push_back(used);
    Some(slide)
}

/// Closes them all.
pub(crate) fn close_all() {
    KEPT.lock().unwrap_or_else(PoisonError::into_inner).clear();
}
