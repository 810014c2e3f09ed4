//! A picture of any family behind one face: its header, its frames, and which of them become views.

use crate::dicom::DicomPicture;
use crate::nifti::Nifti;
use crate::raster::{self, Raster};
use crate::recognise::recognise;
use crate::slices::{Thumb, spread_evenly};
use crate::{
    Format, Header, ImagingError, Limits, Rgb8, SliceSurvey, Source, StagePixels, View, ViewKind,
    VolumePlan, compared_slices, plan_volume,
};

/// An opened picture of any family.
pub(crate) enum Picture {
    Dicom(Box<DicomPicture>),
    Raster(Box<Raster>),
    Nifti(Box<Nifti>),
}

/// One frame, decompressed once however often it is looked at.
pub(crate) enum Frame<'a> {
    Dicom {
        picture: &'a DicomPicture,
        frame: u32,
        stored: StagePixels,
    },
    Raster {
        frame: u32,
        shown: raster::Shown,
    },
    Nifti {
        volume: &'a Nifti,
        frame: u32,
    },
}

/// What of a picture becomes views.
pub(crate) struct FrameCut {
    /// Frame numbers from 1, in order.
    pub frames: Vec<u32>,
    /// The least and the greatest value of the volume, where its frames are read by them.
    pub range: Option<[f64; 2]>,
}

/// Modalities whose frames are slices of a volume, or projections of one that change little by little.
const VOLUMES: [&str; 5] = ["CT", "MR", "PT", "NM", "OPT"];

impl Picture {
    pub(crate) fn open(source: &Source, limits: &Limits) -> Result<Self, ImagingError> {
        let bytes = source.read_all(limits)?;
        Ok(match recognise(&bytes)? {
            Format::Dicom => Self::Dicom(Box::new(DicomPicture::open(bytes, limits)?)),
            Format::Nifti => Self::Nifti(Box::new(Nifti::open(bytes, limits)?)),
            format => Self::Raster(Box::new(Raster::open(bytes, format, limits)?)),
        })
    }

    pub(crate) fn header(&self) -> Result<Header, ImagingError> {
        match self {
            Self::Dicom(picture) => picture.header(),
            Self::Raster(raster) => Ok(raster.header()),
            Self::Nifti(volume) => Ok(volume.header()),
        }
    }

    pub(crate) fn frame(&self, frame: u32) -> Result<Frame<'_>, ImagingError> {
        Ok(match self {
            Self::Dicom(picture) => Frame::Dicom {
                picture,
                frame,
                stored: picture.stored(frame)?,
            },
            Self::Raster(raster) => Frame::Raster {
                frame,
                shown: raster.frame(frame)?,
            },
            Self::Nifti(volume) => Frame::Nifti { volume, frame },
        })
    }

    /// The frames that become views, in order, at least one: of volumes slices that differ, else evenly spread; and
    /// the range of the volume's values where they are read by it.
    pub(crate) fn cut(&self, header: &Header, limits: &Limits) -> Result<FrameCut, ImagingError> {
        let facts = &header.facts;
        let largest_px = match self {
            Self::Raster(raster) => (1..=facts.frames)
                .map(|frame| raster.frame_pixels(frame))
                .max(),
            _ => None,
        };
        let frame_px = largest_px.unwrap_or(u64::from(facts.width_px) * u64::from(facts.height_px));
        let affordable = limits.max_view_pixels / frame_px.max(1);
        let count = u64::from(limits.max_views).min(affordable).max(1) as u32;
        if !self.is_volume(header) || facts.frames == 1 {
            let frames = spread_evenly(facts.frames as usize, count as usize);
            return Ok(FrameCut {
                frames: frames.map(|index| index as u32 + 1).collect(),
                range: None,
            });
        }
        let compared = compared_frames(facts.frames, limits);
        let VolumePlan { chosen, range } = plan_volume(&self.surveys(&compared)?, count);
        Ok(FrameCut {
            frames: chosen.into_iter().map(|index| compared[index]).collect(),
            range,
        })
    }

    /// The range by which the frames of a volume are read, `None` where each speaks for itself.
    pub(crate) fn volume_range(&self, limits: &Limits) -> Result<Option<[f64; 2]>, ImagingError> {
        let Self::Dicom(_) = self else {
            return Ok(None);
        };
        let header = self.header()?;
        let is_read_by_range = header.facts.modality.as_deref() == Some("MR");
        if !is_read_by_range || header.facts.frames == 1 {
            return Ok(None);
        }
        let surveys = self.surveys(&compared_frames(header.facts.frames, limits))?;
        Ok(plan_volume(&surveys, 1).range)
    }

    fn is_volume(&self, header: &Header) -> bool {
        match self {
            Self::Dicom(_) => header
                .facts
                .modality
                .as_deref()
                .is_some_and(|code| VOLUMES.contains(&code)),
            Self::Raster(_) => false,
            Self::Nifti(_) => true,
        }
    }

    fn surveys(&self, frames: &[u32]) -> Result<Vec<SliceSurvey>, ImagingError> {
        frames
            .iter()
            .map(|frame| self.frame(*frame)?.survey())
            .collect()
    }
}

/// The frames of a volume that are looked at to choose among them, from 1.
fn compared_frames(frames: u32, limits: &Limits) -> Vec<u32> {
    compared_slices(frames as usize, limits)
        .into_iter()
        .map(|index| index as u32 + 1)
        .collect()
}

impl Frame<'_> {
    /// The whole frame, as the encoder reads it; `range` is that of the volume's values, where it has one.
    pub(crate) fn into_view(
        self,
        kind: ViewKind,
        range: Option<[f64; 2]>,
    ) -> Result<View, ImagingError> {
        let (frame, made_by, rgb, mm_per_px) = match self {
            Self::Dicom {
                picture,
                frame,
                stored,
            } => {
                let (made_by, rgb) = picture.for_encoder(frame, &stored, range)?;
                (frame, made_by, rgb, picture.spacing_mm(frame))
            }
            Self::Raster { frame, shown } => (frame, shown.made_by, shown.rgb, None),
            Self::Nifti { volume, frame } => {
                let (made_by, rgb) = volume.for_encoder(frame)?;
                (frame, made_by, rgb, Some(volume.spacing_mm()))
            }
        };
        let box_px = [0, 0, rgb.width_px, rgb.height_px];
        Ok(View {
            kind,
            frame,
            box_px,
            mm_per_px,
            made_by: made_by.to_owned(),
            rgb,
        })
    }

    /// What the frame looks like from afar, by its own range of values where its volume's is to decide.
    pub(crate) fn survey(&self) -> Result<SliceSurvey, ImagingError> {
        let (rgb, range) = match self {
            Self::Dicom {
                picture,
                frame,
                stored,
            } => (
                picture.for_encoder(*frame, stored, None)?.1,
                picture.volume_range(*frame, stored)?,
            ),
            _ => (self.for_people(None)?, None),
        };
        Ok(SliceSurvey {
            levels: Thumb::of(&rgb).levels,
            range,
        })
    }

    /// As [`Self::for_people`], of a frame that nobody looks at again: colour is handed on, not copied.
    pub(crate) fn into_people(self, window: Option<(f32, f32)>) -> Result<Rgb8, ImagingError> {
        match self {
            Self::Dicom {
                picture,
                frame,
                stored,
            } => picture.show(frame, stored, window),
            Self::Raster { shown, .. } => Ok(shown.rgb),
            Self::Nifti { volume, frame } => volume.for_people(frame, window),
        }
    }

    /// As a person sees it, within `max_px` on the longest side.
    pub(crate) fn thumbnail(&self, max_px: u32) -> Result<Rgb8, ImagingError> {
        match self {
            Self::Raster { shown, .. } => Ok(shown.rgb.fit_within(max_px)),
            frame => Ok(frame.for_people(None)?.fit_within(max_px)),
        }
    }

    /// The whole frame, as a person sees it.
    pub(crate) fn for_people(&self, window: Option<(f32, f32)>) -> Result<Rgb8, ImagingError> {
        match self {
            Self::Dicom {
                picture,
                frame,
                stored,
            } => picture.for_people(*frame, stored, window),
            Self::Raster { shown, .. } => Ok(shown.rgb.clone()),
            Self::Nifti { volume, frame } => volume.for_people(*frame, window),
        }
    }
}
