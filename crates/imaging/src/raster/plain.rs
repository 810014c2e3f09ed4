//! PNG, BMP, WebP and GIF by the `image` crate.

use std::io::Cursor;

use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader};

use super::{MAX_BLANK_PIXELS, Page, Shown, broken, levels};
use crate::limits;
use crate::{Format, ImagingError, Limits, Rgb8};

/// Bytes of one decoded pixel at most (RGBA of 16 bits).
const MAX_PIXEL_BYTES: u64 = 8;
/// Bytes beside the pixels that a PNG may take.
const MAX_PNG_SIDE_BYTES: u64 = 16 << 20;
/// Deflate makes at most this many bytes of one (RFC 1951: 258 bytes from two bits).
const DEFLATE_RATIO: u64 = 1032;
/// LZW of 12-bit codes stands for at most 4095 pixels by each.
const LZW_RATIO: u64 = 2730;

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
    if !could_hold(bytes, format, &decoder) {
        return Err(broken(format, "too short for the size that it states"));
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

/// Whether so few bytes could hold the stated pixels: asked before memory is taken for them.
fn could_hold(bytes: &[u8], format: Format, decoder: &impl ImageDecoder) -> bool {
    let (width_px, height_px) = decoder.dimensions();
    let (width, height) = (u64::from(width_px), u64::from(height_px));
    let len = bytes.len() as u64;
    match format {
        Format::Png => {
            let bits = u64::from(decoder.original_color_type().bits_per_pixel());
            width.saturating_mul(bits) / 8 * height / DEFLATE_RATIO <= len
        }
        Format::Bmp => bmp_bytes(bytes, width, height).is_none_or(|stored| stored <= len),
        Format::Gif => width * height / LZW_RATIO <= len,
        _ => limits::could_hold(bytes.len(), width * height, MAX_BLANK_PIXELS),
    }
}

/// Bytes that the pixels of a BMP take: all of them, row by row, or by runs of at most 255. `None` without a header.
fn bmp_bytes(bytes: &[u8], width: u64, height: u64) -> Option<u64> {
    let number = |at: usize, len: usize| {
        let field = bytes.get(at..at + len)?;
        let shifted = |value: u64, byte: &u8| value << 8 | u64::from(*byte);
        Some(field.iter().rev().fold(0, shifted))
    };
    // OS/2's first header has 12 bytes, with sizes of 16 bits and no compression.
    let (bits, compression) = match number(14, 4)? {
        12 => (number(24, 2)?, 0),
        _ => (number(28, 2)?, number(30, 4)?),
    };
    // BI_RLE8 and BI_RLE4: two bytes for each run.
    let is_by_runs = matches!(compression, 1 | 2);
    Some(if is_by_runs {
        width * height / 255 * 2
    } else {
        (width * bits).div_ceil(32) * 4 * height
    })
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
