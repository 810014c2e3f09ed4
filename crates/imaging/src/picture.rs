//! A picture of any family behind one face: its header, its frames, and which of them become views.

use crate::dicom::DicomPicture;
use crate::nifti::Nifti;
use crate::raster::{self, Raster};
use crate::recognise::recognise;
use crate::slices::{Thumb, choose_slices, spread_evenly};
use crate::{Format, Header, ImagingError, Limits, Rgb8, Source, StagePixels, View, ViewKind};

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

    /// The frames that become views, in order, at least one: of volumes slices that differ, else evenly spread.
    pub(crate) fn frames_for_views(
        &self,
        header: &Header,
        limits: &Limits,
    ) -> Result<Vec<u32>, ImagingError> {
        let facts = &header.facts;
        let largest_px = match self {
            Self::Raster(raster) => (1..=facts.frames)
                .map(|frame| raster.frame_pixels(frame))
                .max(),
            _ => None,
        };
        let frame_px = largest_px.unwrap_or(u64::from(facts.width_px) * u64::from(facts.height_px));
        let affordable = limits.max_view_pixels / frame_px.max(1);
        let count = u64::from(limits.max_views).min(affordable).max(1) as usize;
        let spread = |max: u32| spread_evenly(facts.frames as usize, max as usize);
        let is_volume = match self {
            Self::Dicom(_) => facts
                .modality
                .as_deref()
                .is_some_and(|code| VOLUMES.contains(&code)),
            Self::Raster(_) => false,
            Self::Nifti(_) => true,
        };
        if !is_volume || facts.frames == 1 {
            return Ok(spread(count as u32).map(|index| index as u32 + 1).collect());
        }
        let compared: Vec<u32> = spread(limits.max_compared_slices.max(1))
            .map(|index| index as u32 + 1)
            .collect();
        let thumb = |frame: &u32| Ok(Thumb::of(&self.frame(*frame)?.for_people(None)?));
        let thumbs = compared
            .iter()
            .map(thumb)
            .collect::<Result<Vec<_>, ImagingError>>()?;
        let chosen = choose_slices(&thumbs, count);
        Ok(chosen.into_iter().map(|index| compared[index]).collect())
    }
}

impl Frame<'_> {
    /// The whole frame, as the encoder reads it.
    pub(crate) fn view(&self, kind: ViewKind) -> Result<View, ImagingError> {
        let (frame, made_by, rgb, mm_per_px) = match self {
            Self::Dicom {
                picture,
                frame,
                stored,
            } => {
                let (made_by, rgb) = picture.for_encoder(*frame, stored)?;
                (*frame, made_by, rgb, picture.spacing_mm(*frame))
            }
            Self::Raster { frame, shown } => (*frame, shown.made_by, shown.rgb.clone(), None),
            Self::Nifti { volume, frame } => {
                let (made_by, rgb) = volume.for_encoder(*frame)?;
                (*frame, made_by, rgb, Some(volume.spacing_mm()))
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
