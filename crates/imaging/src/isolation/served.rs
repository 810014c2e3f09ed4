//! A slide that is looked at: tile by tile, read by whoever decodes.

use std::sync::Arc;

use super::pool::{Decoders, mixed_up};
use super::wire::{Answer, Call};
use crate::slide::MemoryFile;
use crate::{DeepZoomTile, ImagingError, Limits, RenderRequest, Rgb8, SlideTileRequest, Source};

/// A slide that the decoders keep open between its tiles.
pub struct ServedSlide {
    decoders: Decoders,
    source: Source,
    size_px: [u32; 2],
    limits: Limits,
    /// Where the slide came as bytes.
    memory: Option<MemoryFile>,
}

impl ServedSlide {
    /// Opens a source that is a slide; `None` for what is none. Bytes are laid into a nameless memory file, which
    /// decoders open like any other: they would otherwise be handed over again for each tile.
    ///
    /// # Errors
    /// As [`crate::Slide::open`], and [`ImagingError::KeepDecoderAlive`], [`ImagingError::FinishInTime`].
    pub fn open(
        decoders: &Decoders,
        source: &Source,
        limits: &Limits,
    ) -> Result<Option<Self>, ImagingError> {
        let size_px = match decoders.ask(Call::SlideSize(source.clone(), limits.clone()))? {
            Answer::SlideSize(Some(size_px)) => size_px,
            Answer::SlideSize(None) => return Ok(None),
            _ => return Err(mixed_up()),
        };
        let memory = match source {
            Source::Path(_) => None,
            Source::Bytes { bytes, .. } => Some(MemoryFile::of(bytes)?),
        };
        Ok(Some(Self {
            decoders: decoders.clone(),
            source: match &memory {
                None => source.clone(),
                Some(memory) => Source::Path(memory.path().to_owned()),
            },
            size_px,
            limits: limits.clone(),
            memory,
        }))
    }

    /// Columns of level 0.
    pub fn width_px(&self) -> u32 {
        self.size_px[0]
    }

    /// Rows of level 0.
    pub fn height_px(&self) -> u32 {
        self.size_px[1]
    }

    /// Bytes of memory that the slide holds on to; 0 for a file that is read in place.
    pub fn held_bytes(&self) -> u64 {
        self.memory.as_ref().map_or(0, MemoryFile::len)
    }

    /// As [`crate::Slide::deep_zoom_tile`].
    ///
    /// # Errors
    /// As there, and [`ImagingError::KeepDecoderAlive`], [`ImagingError::FinishInTime`].
    pub fn deep_zoom_tile(&self, tile: DeepZoomTile) -> Result<Rgb8, ImagingError> {
        let request = SlideTileRequest {
            source: self.source.clone(),
            tile,
            limits: self.limits.clone(),
        };
        match self.decoders.ask(Call::SlideTile(request))? {
            Answer::Picture(rgb) => Ok(rgb),
            _ => Err(mixed_up()),
        }
    }

    /// As [`crate::Slide::picture`].
    ///
    /// # Errors
    /// As there, and [`ImagingError::KeepDecoderAlive`], [`ImagingError::FinishInTime`].
    pub fn picture(
        &self,
        box_px: Option<[u32; 4]>,
        max_px: Option<u32>,
    ) -> Result<Rgb8, ImagingError> {
        self.decoders.render(&RenderRequest {
            source: self.source.clone(),
            frame: 1,
            window: None,
            box_px,
            max_px,
            limits: self.limits.clone(),
        })
    }
}

/// Nothing of the slide stays open with the decoders once nobody looks at it: its bytes may have to go.
impl Drop for ServedSlide {
    fn drop(&mut self) {
        if self.memory.is_some() {
            self.decoders.close_slides();
        }
    }
}

const _: fn() = || {
    fn shared_between_threads<T: Send + Sync>() {}
    shared_between_threads::<Arc<ServedSlide>>();
};
