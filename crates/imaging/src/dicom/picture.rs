//! One opened DICOM picture, frame by frame: for the encoder, for people, and as stored.

use super::colour::{Palette, narrow};
use super::file::DicomFile;
use super::grey::{Grey, Rendered};
use super::header;
use super::kinds::{why_no_picture, why_withheld};
use super::layout::{Layout, Photometric};
use super::stages;
use super::stored::stored_frame;
use crate::source::Content;
use crate::{Header, ImagingError, Inspection, Limits, Rgb8, Samples, Source, Stage, StagePixels};

/// Reads the header of a DICOM source.
///
/// # Errors
/// What cannot be parsed or lies over the limits.
pub(crate) fn inspect(source: &Source, limits: &Limits) -> Result<Inspection, ImagingError> {
    let file = DicomFile::open_header(source, limits)?;
    if let Some(reason) = why_no_picture(&file) {
        return Ok(Inspection::NotAPicture {
            reason,
            sop_class_uid: super::kinds::sop_class(&file),
        });
    }
    Ok(Inspection::Picture(Box::new(header::build(&file, limits)?)))
}

/// An opened picture.
pub(crate) struct DicomPicture {
    file: DicomFile,
    layout: Layout,
    limits: Limits,
}

impl DicomPicture {
    /// Opens a picture.
    ///
    /// # Errors
    /// `FindPicture` for objects without one; what cannot be parsed or lies over the limits.
    pub(crate) fn open(bytes: Content, limits: &Limits) -> Result<Self, ImagingError> {
        let file = DicomFile::open(bytes, limits)?;
        if let Some(reason) = why_no_picture(&file) {
            return Err(ImagingError::FindPicture { reason });
        }
        Self::with_layout(file, limits)
    }

    /// Of a header alone: its frames come from elsewhere.
    pub(super) fn of_header(file: DicomFile, limits: &Limits) -> Result<Self, ImagingError> {
        if let Some(reason) = why_no_picture(&file) {
            return Err(ImagingError::FindPicture { reason });
        }
        Self::with_layout(file, limits)
    }

    /// File and layout.
    pub(super) fn parts(&self) -> (&DicomFile, &Layout, &Limits) {
        (&self.file, &self.layout, &self.limits)
    }

    /// Opens anything that has pixels, pictures of a patient or not (SEG, RT Dose), but no slide label.
    pub(crate) fn open_any(bytes: Content, limits: &Limits) -> Result<Self, ImagingError> {
        let file = DicomFile::open(bytes, limits)?;
        if let Some(reason) = why_withheld(&file) {
            return Err(ImagingError::FindPicture { reason });
        }
        Self::with_layout(file, limits)
    }

    fn with_layout(file: DicomFile, limits: &Limits) -> Result<Self, ImagingError> {
        let layout = Layout::read(&file.object, limits)?;
        Ok(Self {
            file,
            layout,
            limits: limits.clone(),
        })
    }

    /// The header.
    pub(crate) fn header(&self) -> Result<Header, ImagingError> {
        header::build(&self.file, &self.limits)
    }

    /// Spacing of one frame.
    pub(crate) fn spacing_mm(&self, frame: u32) -> Option<[f32; 2]> {
        header::spacing_mm(&self.file.object, frame)
    }

    /// Stored values of a frame (number from 1).
    pub(crate) fn stored(&self, frame: u32) -> Result<StagePixels, ImagingError> {
        stored_frame(&self.file, &self.layout, frame, &self.limits)
    }

    /// A frame (number from 1) at a stage.
    ///
    /// # Errors
    /// As [`Self::stored`] and [`Self::for_encoder`].
    pub(crate) fn at_stage(&self, frame: u32, stage: Stage) -> Result<StagePixels, ImagingError> {
        let stored = self.stored(frame)?;
        let (object, layout) = (&self.file.object, &self.layout);
        let samples = match stage {
            Stage::Stored => stored.samples,
            Stage::Modality => stages::modality(object, layout, frame, stored.samples)?,
            Stage::Voi => stages::voi(object, layout, frame, stored.samples)?,
            Stage::Rgb => {
                let rgb = self.for_people(frame, &stored, None)?;
                return Ok(StagePixels {
                    channels: 3,
                    samples: Samples::U8(rgb.pixels),
                    ..stored
                });
            }
        };
        Ok(StagePixels { samples, ..stored })
    }

    /// A frame as the encoder reads it, and how it was made. `volume` is the range of the volume's values, where the
    /// frame is one slice of it.
    ///
    /// # Errors
    /// Senseless look-up tables, windows or palettes.
    pub(crate) fn for_encoder(
        &self,
        frame: u32,
        stored: &StagePixels,
        volume: Option<[f64; 2]>,
    ) -> Result<(&'static str, Rgb8), ImagingError> {
        self.made(frame, stored, |grey| {
            grey.for_encoder(&stored.samples, volume)
        })
    }

    /// The least and the greatest value of a frame where the encoder reads it by those of its volume (MR).
    ///
    /// # Errors
    /// As [`Self::for_encoder`].
    pub(crate) fn volume_range(
        &self,
        frame: u32,
        stored: &StagePixels,
    ) -> Result<Option<[f64; 2]>, ImagingError> {
        match self.layout.photometric {
            Photometric::Monochrome1 | Photometric::Monochrome2 => {
                let grey = Grey::read(&self.file.object, &self.layout, frame)?;
                Ok(grey.volume_range(&stored.samples))
            }
            _ => Ok(None),
        }
    }

    /// A frame as a person sees it, through a window or the file's own.
    ///
    /// # Errors
    /// As [`Self::for_encoder`].
    pub(crate) fn for_people(
        &self,
        frame: u32,
        stored: &StagePixels,
        window: Option<(f32, f32)>,
    ) -> Result<Rgb8, ImagingError> {
        Ok(self
            .made(frame, stored, |grey| {
                grey.for_people(&stored.samples, window)
            })?
            .1)
    }

    /// As [`Self::for_people`]; colour of 8 bits is handed on as it is.
    ///
    /// # Errors
    /// As [`Self::for_encoder`].
    pub(crate) fn show(
        &self,
        frame: u32,
        stored: StagePixels,
        window: Option<(f32, f32)>,
    ) -> Result<Rgb8, ImagingError> {
        let is_grey_or_indexed = matches!(
            self.layout.photometric,
            Photometric::Monochrome1 | Photometric::Monochrome2 | Photometric::Palette
        );
        match stored.samples {
            Samples::U8(pixels) if !is_grey_or_indexed && self.layout.bits_stored == 8 => {
                Ok(Rgb8 {
                    width_px: stored.width_px,
                    height_px: stored.height_px,
                    pixels,
                })
            }
            samples => self.for_people(frame, &StagePixels { samples, ..stored }, window),
        }
    }

    fn made(
        &self,
        frame: u32,
        stored: &StagePixels,
        shade: impl Fn(&Grey) -> Rendered,
    ) -> Result<(&'static str, Rgb8), ImagingError> {
        let object = &self.file.object;
        let (made_by, pixels) = match self.layout.photometric {
            Photometric::Monochrome1 | Photometric::Monochrome2 => {
                let rendered = shade(&Grey::read(object, &self.layout, frame)?);
                (rendered.made_by, rendered.rgb)
            }
            Photometric::Palette => ("palette", Palette::read(object)?.apply(&stored.samples)),
            _ => ("colour", narrow(&stored.samples, &self.layout)),
        };
        Ok((
            made_by,
            Rgb8 {
                width_px: stored.width_px,
                height_px: stored.height_px,
                pixels,
            },
        ))
    }
}
