//! The layout of pixels, read from group 0028 and checked before any memory is taken.

use dicom_core::Tag;
use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;

use super::attributes::{attribute_error, first_text, integer};
use crate::{ImagingError, Limits};

/// Photometric Interpretation (PS3.3 C.7.6.3.1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Photometric {
    Monochrome1,
    Monochrome2,
    Palette,
    Rgb,
    YbrFull,
    YbrFull422,
    YbrPartial,
    /// YBR_ICT and YBR_RCT: the JPEG 2000 decoder has already made RGB of them.
    YbrJpeg2000,
}

/// Layout of one object's pixels.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    pub width_px: u32,
    pub height_px: u32,
    pub frames: u32,
    pub samples_per_pixel: u16,
    pub bits_allocated: u16,
    pub bits_stored: u16,
    pub high_bit: u16,
    pub signed: bool,
    pub planar: bool,
    pub photometric: Photometric,
}

impl Layout {
    /// Reads and checks the layout.
    ///
    /// # Errors
    /// `ReadAttribute` for what is missing or senseless, `StayWithinLimit` for pixels and frames.
    pub(crate) fn read(object: &InMemDicomObject, limits: &Limits) -> Result<Self, ImagingError> {
        let height_px = side(object, tags::ROWS)?;
        let width_px = side(object, tags::COLUMNS)?;
        limits.check_size(width_px, height_px)?;
        let frames = integer(object, tags::NUMBER_OF_FRAMES)?.unwrap_or(1).max(1);
        Limits::check("frames", frames as u64, u64::from(limits.max_frames))?;
        let bits_allocated = bits(object, tags::BITS_ALLOCATED)?
            .ok_or_else(|| attribute_error(tags::BITS_ALLOCATED, "missing"))?;
        if ![1, 8, 16, 32, 64].contains(&bits_allocated) {
            return Err(attribute_error(
                tags::BITS_ALLOCATED,
                format!("{bits_allocated} is not 1, 8, 16, 32 or 64"),
            ));
        }
        let bits_stored = bits(object, tags::BITS_STORED)?
            .filter(|bits| *bits > 0)
            .unwrap_or(bits_allocated);
        if bits_stored > bits_allocated {
            return Err(attribute_error(
                tags::BITS_STORED,
                "more than Bits Allocated",
            ));
        }
        let high_bit = bits(object, tags::HIGH_BIT)?.unwrap_or(bits_stored - 1);
        let high_bit = if high_bit >= bits_allocated || high_bit + 1 < bits_stored {
            bits_stored - 1
        } else {
            high_bit
        };
        let samples_per_pixel = bits(object, tags::SAMPLES_PER_PIXEL)?.unwrap_or(1);
        if ![1, 3].contains(&samples_per_pixel) {
            return Err(attribute_error(
                tags::SAMPLES_PER_PIXEL,
                format!("{samples_per_pixel} is not 1 or 3"),
            ));
        }
        Ok(Self {
            width_px,
            height_px,
            frames: frames as u32,
            samples_per_pixel,
            bits_allocated,
            bits_stored,
            high_bit,
            signed: integer(object, tags::PIXEL_REPRESENTATION)? == Some(1),
            planar: integer(object, tags::PLANAR_CONFIGURATION)? == Some(1),
            photometric: photometric(object, samples_per_pixel)?,
        })
    }

    /// Pixels of one frame.
    pub(crate) fn pixels(&self) -> usize {
        self.width_px as usize * self.height_px as usize
    }

    /// Values of one frame.
    pub(crate) fn values(&self) -> usize {
        self.pixels() * usize::from(self.samples_per_pixel)
    }

    /// Bytes of one value; 1 for single bits.
    pub(crate) fn bytes_per_value(&self) -> usize {
        usize::from(self.bits_allocated.div_ceil(8))
    }
}

fn side(object: &InMemDicomObject, tag: Tag) -> Result<u32, ImagingError> {
    match integer(object, tag)? {
        None => Err(attribute_error(tag, "missing")),
        Some(length @ 1..=65_535) => Ok(length as u32),
        Some(_) => Err(attribute_error(tag, "not between 1 and 65535")),
    }
}

fn bits(object: &InMemDicomObject, tag: Tag) -> Result<Option<u16>, ImagingError> {
    let value = integer(object, tag)?;
    value
        .map(|bits| u16::try_from(bits).map_err(|_| attribute_error(tag, "out of range")))
        .transpose()
}

fn photometric(
    object: &InMemDicomObject,
    samples_per_pixel: u16,
) -> Result<Photometric, ImagingError> {
    let tag = tags::PHOTOMETRIC_INTERPRETATION;
    let Some(written) = first_text(object, tag) else {
        let assumed = if samples_per_pixel == 3 {
            Photometric::Rgb
        } else {
            Photometric::Monochrome2
        };
        return Ok(assumed);
    };
    let found = match written.to_ascii_uppercase().as_str() {
        "MONOCHROME1" => Photometric::Monochrome1,
        "MONOCHROME2" => Photometric::Monochrome2,
        "PALETTE COLOR" => Photometric::Palette,
        "RGB" => Photometric::Rgb,
        "YBR_FULL" => Photometric::YbrFull,
        "YBR_FULL_422" => Photometric::YbrFull422,
        "YBR_PARTIAL_422" | "YBR_PARTIAL_420" => Photometric::YbrPartial,
        "YBR_ICT" | "YBR_RCT" => Photometric::YbrJpeg2000,
        _ => {
            return Err(attribute_error(
                tag,
                "not an interpretation that this program knows",
            ));
        }
    };
    let wants_three = !matches!(
        found,
        Photometric::Monochrome1 | Photometric::Monochrome2 | Photometric::Palette
    );
    if wants_three != (samples_per_pixel == 3) {
        return Err(attribute_error(
            tag,
            format!("contradicts SamplesPerPixel {samples_per_pixel}"),
        ));
    }
    Ok(found)
}
