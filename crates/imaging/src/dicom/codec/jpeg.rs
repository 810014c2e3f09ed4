//! JPEG (ISO 10918-1): lossy of 8 bits by libjpeg (`jpeg8`), of 12 bits by `jpeg12`, lossless by jpeg-decoder, which
//! also has the last word on damaged streams.

use std::panic::{AssertUnwindSafe, catch_unwind};

use jpeg_decoder::{CodingProcess, ColorTransform, Decoder, PixelFormat};

use super::{Packed, Unpacked, jpeg8, jpeg12};
use crate::ImagingError;
use crate::dicom::layout::Photometric;

const NAME: &str = "JPEG";

/// Start of scan. Compressed data cannot hold it: a byte of FF is followed by 00 there.
const SCAN: [u8; 2] = [0xFF, 0xDA];
/// Progressive encoders write about ten. Each scan is a pass over the whole picture and may cost a few bytes only, so
/// thousands of them would keep a decoder busy for hours.
const MOST_SCANS: usize = 256;

/// Whether a stream keeps to the bound on scans.
pub(crate) fn has_few_scans(jpeg: &[u8]) -> bool {
    jpeg.windows(2).filter(|pair| **pair == SCAN).count() <= MOST_SCANS
}

/// Refuses what would cost more time or memory than its bytes are worth: thousands of scans, and a stated size without
/// the bytes for it. Every block of 8×8 takes a bit at least.
fn check_cost(packed: &Packed<'_>) -> Result<(), ImagingError> {
    if !has_few_scans(packed.bytes) {
        return Err(packed.error(NAME, format!("more than {MOST_SCANS} scans")));
    }
    let (width_px, height_px) = (packed.layout.width_px, packed.layout.height_px);
    let blocks = u64::from(width_px.div_ceil(8)) * u64::from(height_px.div_ceil(8));
    if blocks / 8 > packed.bytes.len() as u64 {
        return Err(packed.error(NAME, "too short for the size that is stated"));
    }
    Ok(())
}

pub(super) fn unpack(packed: &Packed<'_>) -> Result<Unpacked, ImagingError> {
    check_cost(packed)?;
    if jpeg12::is_twelve_bit(packed.bytes) {
        packed.check_components(NAME, 1)?;
        let (width_px, height_px) = (packed.layout.width_px, packed.layout.height_px);
        let values = jpeg12::decode(packed.bytes, width_px, height_px)
            .map_err(|reason| packed.error("JPEG (12 bits)", reason))?;
        return packed.integers(values.into_iter().map(u32::from), 12, false);
    }
    let mut decoder = Decoder::new(packed.bytes);
    decoder
        .read_info()
        .map_err(|error| packed.error(NAME, error))?;
    let info = decoder
        .info()
        .ok_or_else(|| packed.error(NAME, "no frame header"))?;
    packed.check_size(NAME, info.width.into(), info.height.into())?;
    let components = match info.pixel_format {
        PixelFormat::L8 | PixelFormat::L16 => 1,
        PixelFormat::RGB24 => 3,
        PixelFormat::CMYK32 => 4,
    };
    packed.check_components(NAME, components)?;
    let colour = transform(packed);
    if let Some(values) = by_libjpeg(packed, info.coding_process, colour) {
        return Ok(Unpacked::Bytes {
            values,
            is_rgb: components == 3,
        });
    }
    if components == 3 {
        decoder.set_color_transform(colour);
    }
    decoder.set_max_decoding_buffer_size(packed.layout.values() * 2);
    let values = decoder
        .decode()
        .map_err(|error| packed.error(NAME, error))?;
    if info.pixel_format != PixelFormat::L16 {
        return Ok(Unpacked::Bytes {
            values,
            is_rgb: components == 3,
        });
    }
    let pairs = values.as_chunks::<2>().0.iter();
    let words = pairs.map(|pair| u16::from_ne_bytes(*pair).into());
    packed.integers(words, packed.layout.bits_stored, false)
}

/// `None` for streams that libjpeg does not read, or has complaints about.
fn by_libjpeg(
    packed: &Packed<'_>,
    process: CodingProcess,
    colour: ColorTransform,
) -> Option<Vec<u8>> {
    if process == CodingProcess::Lossless {
        return None;
    }
    let holds_ycbcr = colour == ColorTransform::YCbCr && packed.layout.samples_per_pixel == 3;
    let decoded = catch_unwind(AssertUnwindSafe(|| jpeg8::decode(packed, holds_ycbcr)));
    decoded.ok().flatten()
}

/// Markers inside the stream are believed before the header of the data set: writers that say RGB and
/// compress YCbCr are common, and their streams say JFIF or Adobe transform 1.
fn transform(packed: &Packed<'_>) -> ColorTransform {
    let says = Markers::read(packed.bytes);
    let is_ycbcr = says
        .is_ycbcr()
        .unwrap_or(packed.layout.photometric != Photometric::Rgb);
    if is_ycbcr && !says.is_lossless {
        ColorTransform::YCbCr
    } else {
        ColorTransform::RGB
    }
}

/// Whether a stream of three components says of itself that it holds YCbCr; `None` where it says nothing.
pub(crate) fn says_ycbcr(jpeg: &[u8]) -> Option<bool> {
    Markers::read(jpeg).is_ycbcr()
}

#[derive(Default)]
struct Markers {
    is_jfif: bool,
    adobe_transform: Option<u8>,
    component_ids: [u8; 3],
    is_lossless: bool,
}

impl Markers {
    fn is_ycbcr(&self) -> Option<bool> {
        match (self.adobe_transform, self.is_jfif, &self.component_ids) {
            (_, _, b"RGB") => Some(false),
            (Some(transform), _, _) => Some(transform != 0),
            (None, true, _) => Some(true),
            (None, false, _) => None,
        }
    }

    /// Reads marker segments up to the start of the scan.
    fn read(bytes: &[u8]) -> Self {
        let mut found = Self::default();
        let mut rest = bytes.get(2..).unwrap_or_default();
        while let [0xFF, marker, high, low, tail @ ..] = rest {
            let len = usize::from(u16::from_be_bytes([*high, *low])).saturating_sub(2);
            let Some(segment) = tail.get(..len) else {
                break;
            };
            match marker {
                0xE0 => found.is_jfif |= segment.starts_with(b"JFIF\0"),
                0xEE if segment.starts_with(b"Adobe") => {
                    found.adobe_transform = segment.get(11).copied()
                }
                0xC0..=0xC3 => {
                    found.is_lossless = *marker == 0xC3;
                    if let [_, _, _, _, _, 3, a, _, _, b, _, _, c, ..] = segment {
                        found.component_ids = [*a, *b, *c];
                    }
                }
                0xDA => break,
                _ => {}
            }
            rest = &tail[len..];
        }
        found
    }
}
