//! Rasters: PNG, JPEG, TIFF (first page), BMP, WebP and GIF (first frame). EXIF orientation is honoured.
//! Alpha is dropped, not blended: the colours under it are what the encoder's training and its peers read.

use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};

use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader};

use crate::{Facts, Format, Header, Identity, ImagingError, Limits, Rgb8};

/// Bytes of one decoded pixel at most (RGBA of 16 bits).
const MAX_PIXEL_BYTES: u64 = 8;
/// Shares of the values that fall outside the range of a deep grey picture.
const TAILS: f64 = 0.005;

/// The raster format that the first bytes show.
pub(crate) fn format_of(start: &[u8]) -> Option<Format> {
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

fn image_format(format: Format) -> Option<ImageFormat> {
    Some(match format {
        Format::Png => ImageFormat::Png,
        Format::Jpeg => ImageFormat::Jpeg,
        Format::Tiff => ImageFormat::Tiff,
        Format::Bmp => ImageFormat::Bmp,
        Format::WebP => ImageFormat::WebP,
        Format::Gif => ImageFormat::Gif,
        Format::Dicom | Format::Slide => return None,
    })
}

/// Reads size and orientation; no pixel is decoded.
///
/// # Errors
/// `DecodeRaster` for a broken header, `StayWithinLimit` for pixels.
pub(crate) fn header(
    bytes: &[u8],
    format: Format,
    limits: &Limits,
) -> Result<Header, ImagingError> {
    guarded(format, || {
        let mut decoder = decoder(bytes, format, limits)?;
        let (width, height) = decoder.dimensions();
        let orientation = decoder
            .orientation()
            .map_err(|error| raster_error(format, &error))?;
        let turned = matches!(orientation.to_exif(), 5..=8);
        let (width_px, height_px) = if turned {
            (height, width)
        } else {
            (width, height)
        };
        let facts = Facts {
            width_px,
            height_px,
            frames: 1,
            ..Facts::default()
        };
        Ok(Header {
            format,
            facts,
            identity: Identity::default(),
        })
    })
}

/// Decodes to RGB; the name says how deep values were brought to 8 bits.
///
/// # Errors
/// As [`header`].
pub(crate) fn decode(
    bytes: &[u8],
    format: Format,
    limits: &Limits,
) -> Result<(&'static str, Rgb8), ImagingError> {
    if format == Format::Jpeg && !jpeg_ends(bytes) {
        let reason = "the file ends before its end-of-image marker".to_owned();
        return Err(ImagingError::DecodeRaster {
            format: format.name().to_owned(),
            reason,
        });
    }
    guarded(format, || {
        let mut decoder = decoder(bytes, format, limits)?;
        let orientation = decoder
            .orientation()
            .map_err(|error| raster_error(format, &error))?;
        let mut image =
            DynamicImage::from_decoder(decoder).map_err(|error| raster_error(format, &error))?;
        image.apply_orientation(orientation);
        let (made_by, rgb) = to_rgb(image);
        let (width_px, height_px) = rgb.dimensions();
        Ok((
            made_by,
            Rgb8 {
                width_px,
                height_px,
                pixels: rgb.into_raw(),
            },
        ))
    })
}

/// Whether an end-of-image marker follows the first scan. The decoder would fill what is missing with grey, and
/// half a picture is not one to be found by.
fn jpeg_ends(bytes: &[u8]) -> bool {
    let mut rest = bytes.get(2..).unwrap_or_default();
    while let [0xFF, marker, tail @ ..] = rest {
        rest = match (marker, tail) {
            (0xFF, _) => &rest[1..],
            (0xDA, _) => return tail.windows(2).any(|pair| pair == [0xFF, 0xD9]),
            (_, [high, low, ..]) => tail
                .get(usize::from(u16::from_be_bytes([*high, *low]))..)
                .unwrap_or_default(),
            _ => return false,
        };
    }
    // No marker where one must stand: the decoder says what is wrong.
    true
}

fn decoder<'a>(
    bytes: &'a [u8],
    format: Format,
    limits: &Limits,
) -> Result<impl ImageDecoder + use<'a>, ImagingError> {
    let kind = image_format(format).ok_or_else(|| ImagingError::RecogniseFormat {
        reason: "not a raster".to_owned(),
    })?;
    let mut reader = ImageReader::with_format(Cursor::new(bytes), kind);
    let mut bounds = image::Limits::default();
    bounds.max_alloc = Some(limits.max_pixels.saturating_mul(MAX_PIXEL_BYTES));
    reader.limits(bounds);
    let decoder = reader
        .into_decoder()
        .map_err(|error| raster_error(format, &error))?;
    let (width_px, height_px) = decoder.dimensions();
    limits.check_size(width_px, height_px)?;
    if width_px == 0 || height_px == 0 {
        return Err(ImagingError::DecodeRaster {
            format: format.name().to_owned(),
            reason: "no pixels".to_owned(),
        });
    }
    Ok(decoder)
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

fn raster_error(format: Format, error: &image::ImageError) -> ImagingError {
    ImagingError::DecodeRaster {
        format: format.name().to_owned(),
        reason: error.to_string(),
    }
}

fn to_rgb(image: DynamicImage) -> (&'static str, image::RgbImage) {
    match image {
        DynamicImage::ImageLuma16(grey) => deep_grey(
            grey.width(),
            grey.height(),
            grey.iter().map(|v| f32::from(*v)),
            65_535.0,
        ),
        DynamicImage::ImageLumaA16(grey) => {
            let (width, height) = grey.dimensions();
            deep_grey(
                width,
                height,
                grey.pixels().map(|pixel| f32::from(pixel.0[0])),
                65_535.0,
            )
        }
        DynamicImage::ImageRgb32F(rgb)
            if rgb.pixels().all(|p| p.0[0] == p.0[1] && p.0[1] == p.0[2]) =>
        {
            let (width, height) = rgb.dimensions();
            deep_grey(width, height, rgb.pixels().map(|pixel| pixel.0[0]), 1.0)
        }
        shallow => ("colour", shallow.into_rgb8()),
    }
}

/// Grey of more than 8 bits: the full range if the picture uses at least half of it, else percentiles. Scanners
/// write 10 or 12 bits into 16, which would be black otherwise.
fn deep_grey(
    width: u32,
    height: u32,
    values: impl Iterator<Item = f32>,
    full: f32,
) -> (&'static str, image::RgbImage) {
    let values: Vec<f32> = values
        .map(|value| if value.is_finite() { value } else { 0.0 })
        .collect();
    let (lowest, highest) = values.iter().fold((f32::MAX, f32::MIN), |(low, high), v| {
        (low.min(*v), high.max(*v))
    });
    let uses_full_range = lowest >= 0.0 && highest <= full && highest >= full / 2.0;
    let (made_by, low, high) = if uses_full_range {
        ("full-range", 0.0, full)
    } else {
        let mut sorted = values.clone();
        sorted.sort_unstable_by(f32::total_cmp);
        let cut = (sorted.len() as f64 * TAILS) as usize;
        ("percentile", sorted[cut], sorted[sorted.len() - 1 - cut])
    };
    let span = if high > low { high - low } else { 1.0 };
    let mut rgb = image::RgbImage::new(width, height);
    for (pixel, value) in rgb.pixels_mut().zip(values) {
        pixel.0 = [((value - low) / span * 255.0 + 0.5) as u8; 3];
    }
    (made_by, rgb)
}
