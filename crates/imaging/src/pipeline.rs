//! The crate's entry points: from a request to plain data.

use std::panic::{AssertUnwindSafe, catch_unwind};

use serde::{Deserialize, Serialize};

use crate::cuts::crop_boxes;
use crate::dicom::{self, DicomPicture};
use crate::nifti;
use crate::picture::Picture;
use crate::raster::Raster;
use crate::recognise::{SNIFF_BYTES, recognise};
use crate::slide;
use crate::{
    Cuts, DeepZoomTile, Format, Header, ImagingError, Inspection, Limits, PlainViews, Rgb8, Slide,
    Source, Stage, StagePixels, StageRequest, VolumeSlice,
};

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
    /// The source's part in a volume of several files, where it is a slice of one.
    pub volume: Option<VolumeSlice>,
}

/// One picture, decoded.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Decoded {
    /// Its header.
    pub header: Header,
    /// Its views in order of frame, at least one; none of a slice that the plan of its volume leaves out.
    pub views: Vec<View>,
    /// The middle view as a person would see it, within `thumbnail_px` on its longest side.
    pub thumbnail: Rgb8,
}

/// A frame or a box of it, for a query by a part of a picture.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct RegionRequest {
    /// The file or bytes.
    pub source: Source,
    /// Frame number from 1.
    pub frame: u32,
    /// x, y, width, height in pixels of the whole frame; all of it when left out.
    pub box_px: Option<[u32; 4]>,
    /// As [`DecodeRequest::volume`]; whether the slice was chosen does not matter here.
    pub volume: Option<VolumeSlice>,
    /// How the library's pictures are cut: a box of a slide is read at the scale of its tiles.
    pub cuts: Cuts,
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

/// A deep-zoom tile of a slide.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct SlideTileRequest {
    /// The file or bytes.
    pub source: Source,
    /// Which tile.
    pub tile: DeepZoomTile,
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
    let cut = picture.cut(&header, &request.limits)?;
    let range = cut.range.or(request.volume.and_then(|slice| slice.range));
    let left_out = request.volume.is_some_and(|slice| !slice.chosen);
    let kind = if header.facts.frames > 1 {
        ViewKind::Frame
    } else {
        ViewKind::Whole
    };
    let middle = cut.frames.len() / 2;
    let mut views = Vec::with_capacity(cut.frames.len());
    let mut thumbnail = None;
    for (index, frame) in cut.frames.into_iter().enumerate() {
        let pixels = picture.frame(frame)?;
        if index == middle {
            thumbnail = Some(pixels.thumbnail(request.thumbnail_px)?);
        }
        if !left_out {
            views.push(pixels.into_view(kind, range)?);
        }
    }
    if kind == ViewKind::Whole && !left_out && request.cuts.views == PlainViews::WholeAndCrops {
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

/// Cuts one frame, or a box of it, made the way [`decode`] makes views.
///
/// # Errors
/// As [`decode`], and [`ImagingError::CutBox`], [`ImagingError::SelectFrame`].
pub fn region(request: &RegionRequest) -> Result<View, ImagingError> {
    shielded(|| region_unshielded(request))
}

fn region_unshielded(request: &RegionRequest) -> Result<View, ImagingError> {
    if let Some(slide) = slide::open_kept(&request.source, &request.limits)? {
        check_slide_frame(request.frame)?;
        let all = [0, 0, slide.width_px(), slide.height_px()];
        return slide.region_view(request.box_px.unwrap_or(all), &request.cuts);
    }
    let picture = Picture::open(&request.source, &request.limits)?;
    let range = match request.volume.and_then(|slice| slice.range) {
        Some(range) => Some(range),
        None => picture.volume_range(&request.limits)?,
    };
    let frame = picture.frame(request.frame)?;
    let mut view = frame.into_view(ViewKind::Region, range)?;
    match request.box_px {
        Some(box_px) => {
            view.rgb = view.rgb.cut(box_px)?;
            view.box_px = box_px;
        }
        None => view.kind = ViewKind::Frame,
    }
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
    if let Some(slide) = slide::open_kept(&request.source, &request.limits)? {
        check_slide_frame(request.frame)?;
        return slide.picture(request.box_px, request.max_px);
    }
    let picture = Picture::open(&request.source, &request.limits)?;
    let rgb = picture.frame(request.frame)?.into_people(request.window)?;
    let cut = match request.box_px {
        Some(box_px) => rgb.cut(box_px)?,
        None => rgb,
    };
    Ok(match request.max_px {
        Some(max_px) => cut.fit_within(max_px),
        None => cut,
    })
}

/// Columns and rows of a slide's level 0; `None` for what is no slide.
///
/// # Errors
/// As [`Slide::open`].
pub fn slide_size(source: &Source, limits: &Limits) -> Result<Option<[u32; 2]>, ImagingError> {
    shielded(|| {
        let slide = slide::open_kept(source, limits)?;
        Ok(slide.map(|slide| [slide.width_px(), slide.height_px()]))
    })
}

/// One deep-zoom tile of a slide, which is kept open for the next one.
///
/// # Errors
/// As [`Slide::deep_zoom_tile`]; [`ImagingError::FindPicture`] for what is no slide.
pub fn slide_tile(request: &SlideTileRequest) -> Result<Rgb8, ImagingError> {
    shielded(
        || match slide::open_kept(&request.source, &request.limits)? {
            Some(slide) => slide.deep_zoom_tile(request.tile),
            None => Err(ImagingError::FindPicture {
                reason: "no slide".to_owned(),
            }),
        },
    )
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
    let no_stage_but_rgb = |format: Format| {
        let reason = format!("{} has no stage but rgb", format.name());
        Err(ImagingError::FindPicture { reason })
    };
    // Of a slide in DICOM the frames are wanted, not the picture that they make.
    let is_dicom = matches!(
        recognise(&source.read_first(SNIFF_BYTES)?),
        Ok(Format::Dicom)
    );
    if !is_dicom && let Some(slide) = slide::open_kept(source, limits)? {
        check_slide_frame(*frame)?;
        if *stage != Stage::Rgb {
            return no_stage_but_rgb(Format::Slide);
        }
        return Ok(slide.picture(None, None)?.into());
    }
    let bytes = source.read_all(limits)?;
    let format = recognise(&bytes)?;
    if format == Format::Dicom {
        return DicomPicture::open_any(bytes, limits)?.at_stage(*frame, *stage);
    }
    if *stage != Stage::Rgb {
        return no_stage_but_rgb(format);
    }
    drop(bytes);
    let picture = Picture::open(source, limits)?;
    Ok(picture.frame(*frame)?.into_people(None)?.into())
}

/// Codecs are guarded where they are called; this is for what nobody thought of. A request owns all it works on,
/// so nothing half-changed is left behind.
pub(crate) fn shielded<T>(
    work: impl FnOnce() -> Result<T, ImagingError>,
) -> Result<T, ImagingError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        Err(ImagingError::SurviveDecoder {
            codec: "picture".to_owned(),
        })
    })
}
