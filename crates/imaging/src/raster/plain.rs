//! PNG, BMP, WebP and GIF by the `image` crate.

use std::io::Cursor;

use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader};

use super::{Page, Shown, broken, levels};
use crate::{Format, ImagingError, Limits, Rgb8};

/// Bytes of one decoded pixel at most (RGBA of 16 bits).
const MAX_PIXEL_BYTES: u64 = 8;
/// Bytes beside the pixels that a PNG may take.
const MAX_PNG_SIDE_BYTES: u64 = 16 << 20;
/// Deflate makes at most this many bytes of one (RFC 1951: 258 bytes from two bits).
const DEFLATE_RATIO: u64 = 1032;

/// Size and orientation.
pub(super) fn page(bytes: &[u8], format: Format, limits: &Limits) -> Result<Page, ImagingError> {
    let mut decoder = decoder(bytes, format, limits)?;
    let (width_px, height_px) = decoder.dimensions();
    let orientation = decoder
        .orientation()
        .map_err(|error| broken(format, error))?;
    Ok(Page {
        directory: 0,
        width_px,
        height_px,
        orientation,
    })
}

/// Decodes, before it is turned.
pub(super) fn decode(bytes: &[u8], format: Format, limits: &Limits) -> Result<Shown, ImagingError> {
    let decoder = decoder(bytes, format, limits)?;
    if format == Format::Png {
        check_length(bytes, &decoder)?;
    }
    let image = DynamicImage::from_decoder(decoder).map_err(|error| broken(format, error))?;
    let (width_px, height_px) = (image.width(), image.height());
    let (made_by, pixels) = to_rgb(image);
    Ok(Shown {
        made_by,
        rgb: Rgb8 {
            width_px,
            height_px,
            pixels,
        },
    })
}

fn decoder<'a>(
    bytes: &'a [u8],
    format: Format,
    limits: &Limits,
) -> Result<impl ImageDecoder + use<'a>, ImagingError> {
    let kind = match format {
        Format::Png => ImageFormat::Png,
        Format::Bmp => ImageFormat::Bmp,
        Format::WebP => ImageFormat::WebP,
        _ => ImageFormat::Gif,
    };
    let mut reader = ImageReader::with_format(Cursor::new(bytes), kind);
    let mut bounds = image::Limits::default();
    bounds.max_alloc = Some(match format {
        // Pixels go to a buffer of their own: this is for a row and for the profile, which may be a bomb.
        Format::Png => MAX_PNG_SIDE_BYTES,
        _ => limits.max_pixels.saturating_mul(MAX_PIXEL_BYTES),
    });
    reader.limits(bounds);
    let decoder = reader
        .into_decoder()
        .map_err(|error| broken(format, error))?;
    let (width_px, height_px) = decoder.dimensions();
    limits.check_size(width_px, height_px)?;
    Ok(decoder)
}

/// A PNG that states more pixels than its bytes could inflate to is refused before memory is taken for them.
fn check_length(bytes: &[u8], decoder: &impl ImageDecoder) -> Result<(), ImagingError> {
    let (width_px, height_px) = decoder.dimensions();
    let bits = u64::from(decoder.original_color_type().bits_per_pixel());
    let stored = u64::from(width_px).saturating_mul(bits) / 8 * u64::from(height_px);
    if stored / DEFLATE_RATIO > bytes.len() as u64 {
        return Err(broken(Format::Png, "too short for the size that it states"));
    }
    Ok(())
}

fn to_rgb(image: DynamicImage) -> (&'static str, Vec<u8>) {
    let grey = match &image {
        DynamicImage::ImageLuma16(grey) => levels::min_max(|| grey.iter().map(|v| f64::from(*v))),
        DynamicImage::ImageLumaA16(grey) => {
            levels::min_max(|| grey.pixels().map(|pixel| f64::from(pixel.0[0])))
        }
        _ => return ("colour", image.into_rgb8().into_raw()),
    };
    drop(image);
    ("min-max", levels::spread(&grey))
}
