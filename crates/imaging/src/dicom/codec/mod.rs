//! Decompresses one frame. The codecs' crates are called directly: the adapters of dicom-pixeldata 0.10 copy
//! every fragment of an object for each frame, refuse frames that compress better than 64:1 (blank ones do)
//! and do not say in which colour space they answer. A codec that panics is caught here.

pub(crate) mod jpeg;
mod jpeg12;
mod jpeg2000;
pub(crate) mod jpeg8;
mod jpegls;
mod jpegxl;
mod rle;

use std::io::Read as _;
use std::panic::{AssertUnwindSafe, catch_unwind};

use dicom_dictionary_std::tags;

use super::attributes::attribute_error;
use super::layout::Layout;
use super::native::integers;
use super::syntax::{PixelCodec, Syntax};
use crate::limits::could_hold;
use crate::{ImagingError, Limits, Samples};

/// Pixels of the largest blank frame that a few bytes may hold: blank frames are common in DICOM.
const MAX_BLANK_PIXELS: u64 = 1 << 26;

/// What a codec gives back.
pub(super) enum Unpacked {
    /// Little-endian values as native pixel data holds them; `planar` when colour planes follow each other.
    Native { bytes: Vec<u8>, planar: bool },
    /// Values of up to 8 bits, interleaved.
    Bytes { values: Vec<u8>, is_rgb: bool },
    /// Values in the type that the layout asks for, interleaved.
    Integers { samples: Samples, is_rgb: bool },
}

type Decoder = fn(&Packed<'_>) -> Result<Unpacked, ImagingError>;

/// One compressed frame.
pub(super) struct Packed<'a> {
    pub bytes: &'a [u8],
    pub layout: &'a Layout,
    /// Number from 1, for messages.
    pub frame: u32,
    pub limits: &'a Limits,
}

impl Packed<'_> {
    fn error(&self, codec: &str, reason: impl ToString) -> ImagingError {
        ImagingError::DecodeFrame {
            frame: self.frame,
            codec: codec.to_owned(),
            reason: reason.to_string(),
        }
    }

    /// The size inside the compressed frame must be the header's, and the frame must have bytes for it: memory is taken
    /// for it.
    fn check_size(&self, codec: &str, width_px: u32, height_px: u32) -> Result<(), ImagingError> {
        let pixels = self.layout.pixels() as u64;
        if !could_hold(self.bytes.len(), pixels, MAX_BLANK_PIXELS) {
            return Err(self.error(codec, "too short for the size that is stated"));
        }
        if (width_px, height_px) == (self.layout.width_px, self.layout.height_px) {
            return Ok(());
        }
        let (columns, rows) = (self.layout.width_px, self.layout.height_px);
        Err(self.error(
            codec,
            format!("holds {width_px}x{height_px} px, the header says {columns}x{rows}"),
        ))
    }

    /// Values of up to `precision` bits (two's complement where signed), interleaved, in the type that the layout
    /// asks for.
    fn integers(
        &self,
        values: impl Iterator<Item = u32>,
        precision: u16,
        is_rgb: bool,
    ) -> Result<Unpacked, ImagingError> {
        if precision > self.layout.bits_allocated.max(8) {
            return Err(attribute_error(
                tags::BITS_ALLOCATED,
                format!("too few for values of {precision} bits"),
            ));
        }
        let samples = integers(values, self.layout, precision, 0);
        Ok(Unpacked::Integers { samples, is_rgb })
    }

    fn check_components(&self, codec: &str, components: usize) -> Result<(), ImagingError> {
        let expected = usize::from(self.layout.samples_per_pixel);
        if components == expected {
            return Ok(());
        }
        Err(self.error(
            codec,
            format!("holds {components} components, SamplesPerPixel says {expected}"),
        ))
    }
}

/// Decompresses one frame.
///
/// # Errors
/// `FindDecoder`, `DecodeFrame`, `SurviveDecoder`.
pub(super) fn unpack(packed: &Packed<'_>, syntax: &Syntax) -> Result<Unpacked, ImagingError> {
    let (name, decoder): (&str, Decoder) = match syntax.codec {
        PixelCodec::EncapsulatedNative => ("encapsulated", encapsulated),
        PixelCodec::Rle => ("RLE", rle::unpack),
        PixelCodec::Jpeg => ("JPEG", jpeg::unpack),
        PixelCodec::JpegLs => ("JPEG-LS", jpegls::unpack),
        PixelCodec::Jpeg2000 => ("JPEG 2000", jpeg2000::unpack),
        PixelCodec::JpegXl => ("JPEG XL", jpegxl::unpack),
        PixelCodec::DeflatedFrame => ("deflate", deflated),
        PixelCodec::Native => {
            return Err(packed.error("native", "fragments under an uncompressed transfer syntax"));
        }
        PixelCodec::Unknown => {
            let name = syntax.name().to_owned();
            return Err(ImagingError::FindDecoder {
                uid: syntax.printable_uid(),
                name,
            });
        }
    };
    catch_unwind(AssertUnwindSafe(|| decoder(packed))).unwrap_or_else(|_| {
        Err(ImagingError::SurviveDecoder {
            codec: name.to_owned(),
        })
    })
}

fn encapsulated(packed: &Packed<'_>) -> Result<Unpacked, ImagingError> {
    Ok(Unpacked::Native {
        bytes: packed.bytes.to_vec(),
        planar: packed.layout.planar,
    })
}

fn deflated(packed: &Packed<'_>) -> Result<Unpacked, ImagingError> {
    let mut bytes = Vec::new();
    flate2::read::DeflateDecoder::new(packed.bytes)
        .take(packed.limits.max_inflated_bytes.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(|_| packed.error("deflate", "damaged stream"))?;
    Limits::check(
        "inflated bytes",
        bytes.len() as u64,
        packed.limits.max_inflated_bytes,
    )?;
    Ok(Unpacked::Native {
        bytes,
        planar: packed.layout.planar,
    })
}
