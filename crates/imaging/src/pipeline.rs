//! The crate's entry points: from a request to plain data.

use serde::{Deserialize, Serialize};

use crate::{Header, ImagingError, Inspection, Limits, Rgb8, Source, StoredFrame};

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
    /// Millimetres per pixel across x and y, where the file says so.
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

/// Reads the header alone; no pixel is decoded.
///
/// # Errors
/// Unreadable source, unknown format, unparsable header, or a stated size over the limits.
pub fn inspect(source: &Source, limits: &Limits) -> Result<Inspection, ImagingError> {
    let _ = limits;
    Err(ImagingError::RecogniseFormat {
        reason: format!("{source:?}"),
    })
}

/// Decodes one picture into its views and a thumbnail.
///
/// # Errors
/// As [`inspect`]; [`ImagingError::FindPicture`] for objects without one; whatever a codec refuses.
pub fn decode(request: &DecodeRequest) -> Result<Decoded, ImagingError> {
    Err(ImagingError::RecogniseFormat {
        reason: format!("{:?}", request.source),
    })
}

/// Cuts one box of one frame, made the way [`decode`] makes views.
///
/// # Errors
/// As [`decode`], and [`ImagingError::CutBox`], [`ImagingError::SelectFrame`].
pub fn region(request: &RegionRequest) -> Result<View, ImagingError> {
    Err(ImagingError::RecogniseFormat {
        reason: format!("{:?}", request.source),
    })
}

/// Renders one frame as a person sees it: one window of grey, not the encoder's three.
///
/// # Errors
/// As [`region`].
pub fn render(request: &RenderRequest) -> Result<Rgb8, ImagingError> {
    Err(ImagingError::RecogniseFormat {
        reason: format!("{:?}", request.source),
    })
}

/// The stored values of one DICOM frame (number from 1): decompressed, before Modality LUT and window.
///
/// # Errors
/// As [`decode`]; rasters have no stored stage and give [`ImagingError::FindPicture`].
pub fn stored_frame(
    source: &Source,
    frame: u32,
    limits: &Limits,
) -> Result<StoredFrame, ImagingError> {
    let _ = (frame, limits);
    Err(ImagingError::RecogniseFormat {
        reason: format!("{source:?}"),
    })
}
