//! The crate's entry points: from a request to plain data.

use std::panic::{AssertUnwindSafe, catch_unwind};

use serde::{Deserialize, Serialize};

use crate::cuts::crop_boxes;
use crate::dicom::{self, DicomPicture};
use crate::nifti::{self, Nifti};
use crate::raster::{self, Raster};
use crate::slices::{Thumb, choose_slices, spread_evenly};
use crate::slide;
use crate::{
    Cuts, Format, Header, ImagingError, Inspection, Limits, PlainViews, Rgb8, Samples, Slide,
    Source, Stage, StagePixels, StageRequest,
};

/// Enough to recognise any format.
const SNIFF_BYTES: usize = 1024;

/// What a view shows of its image.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ViewKind {
    /// The whole of a single-frame picture.
    Whole,
    /// One frame of several.
    Frame,
    /// A box that somebody drew.
    Region,
    /// A tile of a slide.
    Tile,
    /// One of the overlapping crops of a plain picture.
    Crop,
}

/// A part of an image that is worth a vector.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct View {
    /// What it shows.
    pub kind: ViewKind,
    /// Frame number from 1.
    pub frame: u32,
    /// x, y, width, height in pixels of the whole frame.
    pub box_px: [u32; 4],
    /// Millimetres per pixel of `rgb` across x and y, where the file says so. A slide's tile that is read from a
    /// smaller level has more of them than a pixel of `box_px`.
    pub mm_per_px: Option<[f32; 2]>,
    /// How grey levels were made: `ct-3-window`, `window`, `voi-lut`, `full-range`, `percentile`, `colour` …
    pub made_by: String,
    /// The pixels.
    pub rgb: Rgb8,
}

/// What to decode, and how much of it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct DecodeRequest {
    /// The file or bytes.
    pub source: Source,
    /// What it may cost; `limits.max_views` bounds the number of views.
    pub limits: Limits,
    /// Longest side of the thumbnail in pixels.
    pub thumbnail_px: u32,
    /// Which parts become views.
    pub cuts: Cuts,
}

/// One picture, decoded.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Decoded {
    /// Its header.
    pub header: Header,
    /// Its views in order of frame, at least one.
    pub views: Vec<View>,
    /// The middle view as a person would see it, within `thumbnail_px` on its longest side.
    pub thumbnail: Rgb8,
}

/// A box of one frame, for a query by region.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct RegionRequest {
    /// The file or bytes.
    pub source: Source,
    /// Frame number from 1.
    pub frame: u32,
    /// x, y, width, height in pixels of the whole frame.
    pub box_px: [u32; 4],
    /// What it may cost.
    pub limits: Limits,
}

/// A frame as a person sees it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct RenderRequest {
    /// The file or bytes.
    pub source: Source,
    /// Frame number from 1.
    pub frame: u32,
    /// Window centre and width, in the units after the Modality LUT; overrides the file's own.
    pub window: Option<(f32, f32)>,
    /// x, y, width, height in pixels of the whole frame.
    pub box_px: Option<[u32; 4]>,
    /// Longest side of the answer; smaller pictures are not enlarged.
    pub max_px: Option<u32>,
    /// What it may cost.
    pub limits: Limits,
}

/// Reads the header alone; no pixel is decoded, and the pixels of a file are not read.
///
/// # Errors
/// Unreadable source, unknown format, unparsable header, or a stated size over the limits.
pub fn inspect(source: &Source, limits: &Limits) -> Result<Inspection, ImagingError> {
    shielded(|| inspect_unshielded(source, limits))
}

fn inspect_unshielded(source: &Source, limits: &Limits) -> Result<Inspection, ImagingError> {
    if let Some(slide) = Slide::open(source, limits)? {
        return Ok(Inspection::Picture(Box::new(slide.header().clone())));
    }
    match recognise(&source.read_start(SNIFF_BYTES, limits)?)? {
        Format::Dicom => dicom::inspect(source, limits),
        Format::Nifti => {
            let header = nifti::inspect(&source.read_all(limits)?, limits)?;
            Ok(Inspection::Picture(Box::new(header)))
        }
        format => {
            let raster = Raster::open(source.read_all(limits)?, format, limits)?;
            Ok(Inspection::Picture(Box::new(raster.header())))
        }
    }
}

/// Decodes one picture into its views and a thumbnail.
///
/// # Errors
/// As [`inspect`]; [`ImagingError::FindPicture`] for objects without one; whatever a codec refuses.
pub fn decode(request: &DecodeRequest) -> Result<Decoded, ImagingError> {
    shielded(|| decode_unshielded(request))
}

fn decode_unshielded(request: &DecodeRequest) -> Result<Decoded, ImagingError> {
    if let Some(slide) = Slide::open(&request.source, &request.limits)? {
        return slide::decode(&slide, request);
    }
    let picture = Picture::open(&request.source, &request.limits)?;
    let header = picture.header()?;
    let frames = picture.frames_for_views(&header, &request.limits)?;
    let kind = if header.facts.frames > 1 {
        ViewKind::Frame
    } else {
        ViewKind::Whole
    };
    let middle = frames.len() / 2;
    let mut views = Vec::with_capacity(frames.len());
    let mut thumbnail = None;
    for (index, frame) in frames.into_iter().enumerate() {
        let pixels = picture.frame(frame)?;
        if index == middle {
            thumbnail = Some(pixels.for_people(None)?.fit_within(request.thumbnail_px));
        }
        views.push(pixels.view(kind)?);
    }
    if kind == ViewKind::Whole && request.cuts.views == PlainViews::WholeAndCrops {
        let crops = crops(&views[0], &request.limits)?;
        views.extend(crops);
    }
    let thumbnail = thumbnail.expect("the middle frame is one of the frames");
    Ok(Decoded {
        header,
        views,
        thumbnail,
    })
}

/// The crops of a plain picture; none where the bounds on views do not leave room for all.
fn crops(whole: &View, limits: &Limits) -> Result<Vec<View>, ImagingError> {
    let boxes = crop_boxes(whole.rgb.width_px, whole.rgb.height_px);
    let pixels = |[_, _, width, height]: [u32; 4]| u64::from(width) * u64::from(height);
    let all = pixels(whole.box_px) + boxes.iter().map(|box_px| pixels(*box_px)).sum::<u64>();
    if boxes.len() as u64 + 1 > u64::from(limits.max_views) || all > limits.max_view_pixels {
        return Ok(Vec::new());
    }
    let crop = |box_px| {
        Ok(View {
            kind: ViewKind::Crop,
            frame: whole.frame,
            box_px,
            mm_per_px: whole.mm_per_px,
            made_by: whole.made_by.clone(),
            rgb: whole.rgb.cut(box_px)?,
        })
    };
    boxes.into_iter().map(crop).collect()
}

/// Cuts one box of one frame, made the way [`decode`] makes views.
///
/// # Errors
/// As [`decode`], and [`ImagingError::CutBox`], [`ImagingError::SelectFrame`].
pub fn region(request: &RegionRequest) -> Result<View, ImagingError> {
    shielded(|| region_unshielded(request))
}

fn region_unshielded(request: &RegionRequest) -> Result<View, ImagingError> {
    if let Some(slide) = Slide::open(&request.source, &request.limits)? {
        check_slide_frame(request.frame)?;
        return slide.region_view(request.box_px, &Cuts::default());
    }
    let picture = Picture::open(&request.source, &request.limits)?;
    let mut view = picture.frame(request.frame)?.view(ViewKind::Region)?;
    view.rgb = view.rgb.cut(request.box_px)?;
    view.box_px = request.box_px;
    Ok(view)
}

/// Renders one frame as a person sees it: one window of grey, not the encoder's three.
///
/// # Errors
/// As [`region`].
pub fn render(request: &RenderRequest) -> Result<Rgb8, ImagingError> {
    shielded(|| render_unshielded(request))
}

fn render_unshielded(request: &RenderRequest) -> Result<Rgb8, ImagingError> {
    if let Some(slide) = Slide::open(&request.source, &request.limits)? {
        check_slide_frame(request.frame)?;
        return slide.picture(request.box_px, request.max_px);
    }
    let picture = Picture::open(&request.source, &request.limits)?;
    let rgb = picture.frame(request.frame)?.for_people(request.window)?;
    let cut = match request.box_px {
        Some(box_px) => rgb.cut(box_px)?,
        None => rgb,
    };
    Ok(match request.max_px {
        Some(max_px) => cut.fit_within(max_px),
        None => cut,
    })
}

/// A slide is one picture, however many tiles its file holds.
fn check_slide_frame(frame: u32) -> Result<(), ImagingError> {
    if frame == 1 {
        return Ok(());
    }
    Err(ImagingError::SelectFrame { frame, frames: 1 })
}

/// The pixels of one frame (number from 1) at a stage. Also of DICOM objects that hold no picture of a patient but
/// have pixels (SEG, RT Dose). Rasters have the stage `rgb` alone.
///
/// # Errors
/// As [`decode`]; [`ImagingError::FindPicture`] for earlier stages of rasters and for slide labels.
pub fn stage(request: &StageRequest) -> Result<StagePixels, ImagingError> {
    shielded(|| stage_unshielded(request))
}

fn stage_unshielded(request: &StageRequest) -> Result<StagePixels, ImagingError> {
    let StageRequest {
        source,
        frame,
        stage,
        limits,
    } = request;
    let bytes = source.read_all(limits)?;
    let format = recognise(&bytes)?;
    if format == Format::Dicom {
        return DicomPicture::open_any(bytes, limits)?.at_stage(*frame, *stage);
    }
    if *stage != Stage::Rgb {
        let reason = format!("{} has no stage but rgb", format.name());
        return Err(ImagingError::FindPicture { reason });
    }
    drop(bytes);
    let picture = Picture::open(source, limits)?;
    let rgb = picture.frame(*frame)?.for_people(None)?;
    Ok(StagePixels {
        width_px: rgb.width_px,
        height_px: rgb.height_px,
        channels: 3,
        samples: Samples::U8(rgb.pixels),
    })
}

/// Codecs are guarded where they are called; this is for what nobody thought of. A request owns all it works on,
/// so nothing half-changed is left behind.
fn shielded<T>(work: impl FnOnce() -> Result<T, ImagingError>) -> Result<T, ImagingError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        Err(ImagingError::SurviveDecoder {
            codec: "picture".to_owned(),
        })
    })
}

/// An opened picture of any family.
enum Picture {
    Dicom(Box<DicomPicture>),
    Raster(Box<Raster>),
    Nifti(Box<Nifti>),
}

/// One frame, decompressed once however often it is looked at.
enum Frame<'a> {
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
    fn open(source: &Source, limits: &Limits) -> Result<Self, ImagingError> {
        let bytes = source.read_all(limits)?;
        Ok(match recognise(&bytes)? {
            Format::Dicom => Self::Dicom(Box::new(DicomPicture::open(bytes, limits)?)),
            Format::Nifti => Self::Nifti(Box::new(Nifti::open(bytes, limits)?)),
            format => Self::Raster(Box::new(Raster::open(bytes, format, limits)?)),
        })
    }

    fn header(&self) -> Result<Header, ImagingError> {
        match self {
            Self::Dicom(picture) => picture.header(),
            Self::Raster(raster) => Ok(raster.header()),
            Self::Nifti(volume) => Ok(volume.header()),
        }
    }

    fn frame(&self, frame: u32) -> Result<Frame<'_>, ImagingError> {
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
    fn frames_for_views(&self, header: &Header, limits: &Limits) -> Result<Vec<u32>, ImagingError> {
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
    fn view(&self, kind: ViewKind) -> Result<View, ImagingError> {
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
    fn for_people(&self, window: Option<(f32, f32)>) -> Result<Rgb8, ImagingError> {
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

/// Recognises a format by its content.
fn recognise(bytes: &[u8]) -> Result<Format, ImagingError> {
    let unknown = |reason: &str| {
        Err(ImagingError::RecogniseFormat {
            reason: reason.to_owned(),
        })
    };
    if bytes.is_empty() {
        return unknown("empty");
    }
    if bytes.get(128..132) == Some(b"DICM") {
        return Ok(Format::Dicom);
    }
    if let Some(format) = raster::format_of(bytes) {
        return Ok(format);
    }
    if nifti::is_nifti(bytes) {
        return Ok(Format::Nifti);
    }
    if dicom::is_dicom(bytes) {
        return Ok(Format::Dicom);
    }
    match bytes {
        [0x1F, 0x8B, ..] => unknown("a gzip archive"),
        [b'P', b'K', 3, 4, ..] => unknown("a zip archive"),
        [b'%', b'P', b'D', b'F', ..] => unknown("a PDF"),
        _ if bytes
            .iter()
            .take(512)
            .all(|byte| matches!(byte, 9..=13 | 32..=126 | 128..)) =>
        {
            unknown("text")
        }
        _ => unknown("unknown content"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_is_recognised_whatever_it_is_called() {
        assert!(matches!(
            recognise(b"\x89PNG\r\n\x1a\n...."),
            Ok(Format::Png)
        ));
        assert!(recognise(b"").is_err());
        let text = recognise(b"Dear colleague, thank you for referring").unwrap_err();
        assert_eq!(text.to_string(), "no known picture format: text");
        assert!(
            matches!(
                recognise(&[8, 0, 5, 0, b'C', b'S', 0, 0, 0, 0]),
                Ok(Format::Dicom)
            ),
            "no preamble"
        );
    }
}
