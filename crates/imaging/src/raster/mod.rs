//! Rasters: PNG, JPEG, TIFF (every page), BMP, WebP, GIF (first frame) and JPEG 2000.
//!
//! EXIF and TIFF orientation are honoured. Alpha is dropped, not blended: the colours under it are what the
//! encoder's peers read (Pillow's `convert("RGB")`). Colour profiles are not applied, for the same reason. How
//! values of more than 8 bits become 8 is said in [`levels`].

mod jpeg;
mod jpeg2000;
mod levels;
mod plain;
mod tiff;
mod tiff_colour;
mod tiff_jpeg;
mod tiff_reader;

use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind};

use image::metadata::Orientation;
use image::{DynamicImage, ImageFormat, RgbImage};

use crate::source::Content;
use crate::{Facts, Format, Header, Identity, ImagingError, Limits, Rgb8};

/// Pixels of the largest blank picture that a few bytes of JPEG 2000 or WebP may hold.
const MAX_BLANK_PIXELS: u64 = 1 << 22;

/// The raster format that the first bytes show.
pub(crate) fn format_of(start: &[u8]) -> Option<Format> {
    if jpeg2000::is_jpeg2000(start) {
        return Some(Format::Jpeg2000);
    }
    if tiff::is_big(start) {
        return Some(Format::Tiff);
    }
    Some(match image::guess_format(start).ok()? {
        ImageFormat::Png => Format::Png,
        ImageFormat::Jpeg => Format::Jpeg,
        ImageFormat::Tiff => Format::Tiff,
        ImageFormat::Bmp => Format::Bmp,
        ImageFormat::WebP => Format::WebP,
        ImageFormat::Gif => Format::Gif,
        _ => return None,
    })
}

/// A frame's pixels, and how their levels were made.
pub(crate) struct Shown {
    pub made_by: &'static str,
    pub rgb: Rgb8,
}

/// One frame: its size before it is turned, and how it is to be turned.
#[derive(Clone, Copy)]
struct Page {
    /// Its place among the directories of a TIFF; 0 elsewhere.
    directory: usize,
    width_px: u32,
    height_px: u32,
    orientation: Orientation,
}

impl Page {
    /// Width and height as a person sees them.
    fn turned_px(self) -> (u32, u32) {
        if matches!(self.orientation.to_exif(), 5..=8) {
            (self.height_px, self.width_px)
        } else {
            (self.width_px, self.height_px)
        }
    }
}

/// An opened raster; its pixels are decoded frame by frame.
pub(crate) struct Raster {
    bytes: Content,
    format: Format,
    limits: Limits,
    pages: Vec<Page>,
}

impl Raster {
    /// Reads sizes and orientations; no pixel is decoded.
    ///
    /// # Errors
    /// `DecodeRaster` for a broken header, `StayWithinLimit` for bytes, pixels and pages.
    pub(crate) fn open(
        bytes: Content,
        format: Format,
        limits: &Limits,
    ) -> Result<Self, ImagingError> {
        let pages = guarded(format, || match format {
            Format::Tiff => tiff::pages(&bytes, limits),
            Format::Jpeg => Ok(vec![jpeg::page(&bytes)?]),
            Format::Jpeg2000 => Ok(vec![jpeg2000::page(&bytes)?]),
            _ => Ok(vec![plain::page(&bytes, format, limits)?]),
        })?;
        for page in &pages {
            limits.check_size(page.width_px, page.height_px)?;
            if page.width_px == 0 || page.height_px == 0 {
                return Err(broken(format, "no pixels"));
            }
        }
        if pages.is_empty() {
            return Err(broken(format, "no page"));
        }
        Ok(Self {
            bytes,
            format,
            limits: limits.clone(),
            pages,
        })
    }

    /// The header; sizes are those of the first page.
    pub(crate) fn header(&self) -> Header {
        let (width_px, height_px) = self.pages[0].turned_px();
        Header {
            format: self.format,
            facts: Facts {
                width_px,
                height_px,
                frames: self.pages.len() as u32,
                ..Facts::default()
            },
            identity: Identity::default(),
            slice: None,
        }
    }

    /// Width × height of a frame (number from 1); 0 for one that is not there.
    pub(crate) fn frame_pixels(&self, frame: u32) -> u64 {
        self.page(frame).map_or(0, |page| {
            u64::from(page.width_px) * u64::from(page.height_px)
        })
    }

    fn page(&self, frame: u32) -> Result<Page, ImagingError> {
        (frame as usize)
            .checked_sub(1)
            .and_then(|index| self.pages.get(index))
            .copied()
            .ok_or(ImagingError::SelectFrame {
                frame,
                frames: self.pages.len() as u32,
            })
    }

    /// Decodes a frame (number from 1).
    ///
    /// # Errors
    /// `SelectFrame`, `DecodeRaster`, `SurviveDecoder`.
    pub(crate) fn frame(&self, frame: u32) -> Result<Shown, ImagingError> {
        let page = self.page(frame)?;
        let shown = guarded(self.format, || match self.format {
            Format::Tiff => tiff::decode(&self.bytes, page, &self.limits),
            Format::Jpeg => jpeg::decode(&self.bytes, page, &self.limits),
            Format::Jpeg2000 => jpeg2000::decode(&self.bytes, page),
            format => plain::decode(&self.bytes, format, &self.limits),
        })?;
        Ok(Shown {
            made_by: shown.made_by,
            rgb: turned(shown.rgb, page.orientation),
        })
    }
}

/// Turns and mirrors as EXIF asks.
fn turned(rgb: Rgb8, orientation: Orientation) -> Rgb8 {
    if orientation == Orientation::NoTransforms {
        return rgb;
    }
    let image = RgbImage::from_raw(rgb.width_px, rgb.height_px, rgb.pixels)
        .expect("a buffer holds width x height x 3 bytes");
    let mut image = DynamicImage::ImageRgb8(image);
    image.apply_orientation(orientation);
    let image = image.into_rgb8();
    let (width_px, height_px) = image.dimensions();
    Rgb8 {
        width_px,
        height_px,
        pixels: image.into_raw(),
    }
}

fn guarded<T>(
    format: Format,
    work: impl FnOnce() -> Result<T, ImagingError>,
) -> Result<T, ImagingError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        Err(ImagingError::SurviveDecoder {
            codec: format.name().to_owned(),
        })
    })
}

fn broken(format: Format, reason: impl Display) -> ImagingError {
    ImagingError::DecodeRaster {
        format: format.name().to_owned(),
        reason: reason.to_string(),
    }
}
