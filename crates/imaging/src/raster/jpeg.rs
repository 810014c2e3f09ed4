//! JPEG (ISO 10918-1) by jpeg-decoder: baseline, extended of 8 bits, progressive, lossless; grey, YCbCr, RGB,
//! CMYK and YCCK.

use image::metadata::Orientation;
use jpeg_decoder::{Decoder, ImageInfo, PixelFormat};

use super::{Page, Shown, broken, levels};
use crate::{Format, ImagingError, Limits, Rgb8};

const JPEG: Format = Format::Jpeg;

/// Size and EXIF orientation.
pub(super) fn page(bytes: &[u8]) -> Result<Page, ImagingError> {
    let (decoder, info) = open(bytes)?;
    let orientation = decoder
        .exif_data()
        .and_then(Orientation::from_exif_chunk)
        .unwrap_or(Orientation::NoTransforms);
    Ok(Page {
        directory: 0,
        width_px: info.width.into(),
        height_px: info.height.into(),
        orientation,
    })
}

fn open(bytes: &[u8]) -> Result<(Decoder<&[u8]>, ImageInfo), ImagingError> {
    let mut decoder = Decoder::new(bytes);
    decoder.read_info().map_err(|error| broken(JPEG, error))?;
    let info = decoder
        .info()
        .ok_or_else(|| broken(JPEG, "no frame header"))?;
    Ok((decoder, info))
}

/// Decodes, before it is turned.
pub(super) fn decode(bytes: &[u8], page: Page, limits: &Limits) -> Result<Shown, ImagingError> {
    if !ends(bytes) {
        return Err(broken(JPEG, "the file ends before its end-of-image marker"));
    }
    // Every block of 8x8 takes a bit at least: a stated size without the bytes for it takes no memory.
    let blocks = u64::from(page.width_px).div_ceil(8) * u64::from(page.height_px).div_ceil(8);
    if blocks / 8 > bytes.len() as u64 {
        return Err(broken(JPEG, "too short for the size that it states"));
    }
    let (mut decoder, info) = open(bytes)?;
    let most = limits.max_pixels.saturating_mul(4);
    decoder.set_max_decoding_buffer_size(usize::try_from(most).unwrap_or(usize::MAX));
    let values = decoder.decode().map_err(|error| broken(JPEG, error))?;
    let (made_by, pixels) = match info.pixel_format {
        PixelFormat::L8 => ("colour", levels::spread(&values)),
        PixelFormat::RGB24 => ("colour", values),
        PixelFormat::L16 => {
            let deep = || {
                values
                    .chunks_exact(2)
                    .map(|pair| f64::from(u16::from_ne_bytes([pair[0], pair[1]])))
            };
            ("min-max", levels::spread(&levels::min_max(deep)))
        }
        // The decoder turns Adobe's inverted values; files of four components are taken to be Adobe's.
        PixelFormat::CMYK32 => {
            let inks = values.as_chunks::<4>().0.iter();
            (
                "colour",
                inks.flat_map(|ink| levels::cmyk_to_rgb(*ink)).collect(),
            )
        }
    };
    let rgb = Rgb8 {
        width_px: page.width_px,
        height_px: page.height_px,
        pixels,
    };
    let pixels = u64::from(page.width_px) * u64::from(page.height_px);
    if rgb.pixels.len() as u64 != pixels * 3 {
        return Err(broken(JPEG, "its scans do not fill the picture"));
    }
    Ok(Shown { made_by, rgb })
}

/// Whether an end-of-image marker follows the first scan. The decoder would fill what is missing with grey, and
/// half a picture is not one to be found by.
fn ends(bytes: &[u8]) -> bool {
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
