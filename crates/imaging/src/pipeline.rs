//! The crate's entry points: from a request to plain data.

use std::panic::{AssertUnwindSafe, catch_unwind};

use serde::{Deserialize, Serialize};

use crate::dicom::{self, DicomPicture};
use crate::raster;
use crate::slide;
use crate::{
    Cuts, Format, Header, ImagingError, Inspection, Limits, Rgb8, Slide, Source, StoredFrame,
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
    match Slide::open(source, limits) {
        Ok(Some(slide)) => return Ok(Inspection::Picture(Box::new(slide.header().clone()))),
        Ok(None) => {}
        Err(ImagingError::FindPicture { reason }) => {
            let sop_class_uid = Some(slide::DICOM_SLIDE_CLASS.to_owned());
            return Ok(Inspection::NotAPicture {
                reason,
                sop_class_uid,
            });
        }
        Err(error) => return Err(error),
    }
    match recognise(&source.read_start(SNIFF_BYTES, limits)?)? {
        Format::Dicom => dicom::inspect(source, limits),
        format => {
            let bytes = source.read_all(limits)?;
            Ok(Inspection::Picture(Box::new(raster::header(
                &bytes, format, limits,
            )?)))
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
    let limits = &request.limits;
    let frame_px = u64::from(header.facts.width_px) * u64::from(header.facts.height_px);
    let affordable = limits.max_view_pixels / frame_px.max(1);
    let count = u64::from(limits.max_views.min(header.facts.frames))
        .min(affordable)
        .max(1) as u32;
    let frames = evenly_spread(header.facts.frames, count);
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
    let thumbnail = thumbnail.expect("the middle frame is one of the frames");
    Ok(Decoded {
        header,
        views,
        thumbnail,
    })
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

/// The stored values of one DICOM frame (number from 1): decompressed, before Modality LUT and window. Also of
/// objects that hold no picture of a patient but have pixels (SEG, RT Dose).
///
/// # Errors
/// As [`decode`]; rasters have no stored stage and give [`ImagingError::FindPicture`].
pub fn stored_frame(
    source: &Source,
    frame: u32,
    limits: &Limits,
) -> Result<StoredFrame, ImagingError> {
    shielded(|| {
        let bytes = source.read_all(limits)?;
        match recognise(&bytes)? {
            Format::Dicom => DicomPicture::open_any(bytes, limits)?.stored(frame),
            format => Err(ImagingError::FindPicture {
                reason: format!("{} has no stored stage", format.name()),
            }),
        }
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

/// An opened picture of either family. Rasters are decoded when opened.
enum Picture {
    Dicom(Box<DicomPicture>),
    Raster {
        header: Box<Header>,
        made_by: &'static str,
        rgb: Rgb8,
    },
}

/// One frame, decompressed once however often it is looked at.
enum Frame<'a> {
    Dicom {
        picture: &'a DicomPicture,
        frame: u32,
        stored: StoredFrame,
    },
    Raster {
        made_by: &'static str,
        rgb: &'a Rgb8,
    },
}

impl Picture {
    fn open(source: &Source, limits: &Limits) -> Result<Self, ImagingError> {
        let bytes = source.read_all(limits)?;
        let format = recognise(&bytes)?;
        if format == Format::Dicom {
            return Ok(Self::Dicom(Box::new(DicomPicture::open(bytes, limits)?)));
        }
        let header = Box::new(raster::header(&bytes, format, limits)?);
        let (made_by, rgb) = raster::decode(&bytes, format, limits)?;
        Ok(Self::Raster {
            header,
            made_by,
            rgb,
        })
    }

    fn header(&self) -> Result<Header, ImagingError> {
        match self {
            Self::Dicom(picture) => picture.header(),
            Self::Raster { header, .. } => Ok((**header).clone()),
        }
    }

    fn frame(&self, frame: u32) -> Result<Frame<'_>, ImagingError> {
        match self {
            Self::Dicom(picture) => Ok(Frame::Dicom {
                picture,
                frame,
                stored: picture.stored(frame)?,
            }),
            Self::Raster { .. } if frame != 1 => {
                Err(ImagingError::SelectFrame { frame, frames: 1 })
            }
            Self::Raster { made_by, rgb, .. } => Ok(Frame::Raster { made_by, rgb }),
        }
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
            Self::Raster { made_by, rgb } => (1, *made_by, (*rgb).clone(), None),
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
            Self::Raster { rgb, .. } => Ok((*rgb).clone()),
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

/// `count` of the frames 1 to `frames`, evenly spread, first and last included.
fn evenly_spread(frames: u32, count: u32) -> Vec<u32> {
    if count >= frames {
        return (1..=frames).collect();
    }
    if count <= 1 {
        return vec![frames.div_ceil(2)];
    }
    let step = |index: u32| {
        let span = u64::from(frames - 1);
        (u64::from(index) * span + u64::from(count - 1) / 2) / u64::from(count - 1)
    };
    (0..count).map(|index| step(index) as u32 + 1).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_spread_with_both_ends() {
        assert_eq!(evenly_spread(3, 64), [1, 2, 3]);
        assert_eq!(evenly_spread(9, 3), [1, 5, 9]);
        assert_eq!(evenly_spread(100, 1), [50]);
        let many = evenly_spread(1000, 64);
        assert_eq!((many.len(), many[0], many[63]), (64, 1, 1000));
        assert!(many.windows(2).all(|pair| pair[0] < pair[1]));
    }

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
