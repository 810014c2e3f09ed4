//! JPEG 2000 (ISO 15444-1) and HTJ2K (15444-15) by OpenJPEG in C: faster than its port to Rust, and run in a decode worker.

use jpeg2k::{DecodeParameters, Image, ImageComponent};
// For its threads alone, which it takes as the environment says (`OPJ_NUM_THREADS`; none where it says nothing).
use openjpeg_sys as _;

use super::{Packed, Unpacked};
use crate::ImagingError;

const NAME: &str = "JPEG 2000";
/// SOC followed by SIZ: the start of a code stream, bare or inside a JP2 box.
const CODE_STREAM: [u8; 4] = [0xFF, 0x4F, 0xFF, 0x51];

pub(super) fn unpack(packed: &Packed<'_>) -> Result<Unpacked, ImagingError> {
    let (width_px, height_px, components) =
        stated_size(packed.bytes).ok_or_else(|| packed.error(NAME, "no code stream"))?;
    packed.check_size(NAME, width_px, height_px)?;
    packed.check_components(NAME, components)?;
    // Strict: a code stream that ends early is an error, not a picture of lower quality.
    let parameters = DecodeParameters::new().strict(true);
    let image = Image::from_bytes_with(packed.bytes, parameters)
        .map_err(|error| packed.error(NAME, error))?;
    let planes: Vec<&[i32]> = image
        .components()
        .iter()
        .map(|component| component.data())
        .collect();
    packed.check_components(NAME, planes.len())?;
    if planes
        .iter()
        .any(|plane| plane.len() != packed.layout.pixels())
    {
        return Err(packed.error(NAME, "subsampled components"));
    }
    let precision = image
        .components()
        .iter()
        .map(|component| component.precision())
        .max()
        .unwrap_or(0);
    let precision = precision as u16;
    if let [plane] = planes[..] {
        return packed.integers(plane.iter().map(|value| *value as u32), precision, false);
    }
    let is_rgb = planes.len() == 3 && uses_colour_transform(packed.bytes);
    let is_signed = |component: &ImageComponent| component.is_signed();
    let bytes = (
        packed.layout.bits_allocated,
        packed.layout.bits_stored,
        precision,
    ) == (8, 8, 8)
        && !packed.layout.signed
        && !image.components().iter().any(is_signed);
    if let ([red, green, blue], true) = (&planes[..], bytes) {
        // Most pictures in colour, in one pass.
        let mut values = Vec::with_capacity(packed.layout.values());
        for ((red, green), blue) in red.iter().zip(*green).zip(*blue) {
            values.extend_from_slice(&[*red as u8, *green as u8, *blue as u8]);
        }
        return Ok(Unpacked::Bytes { values, is_rgb });
    }
    let mut values = vec![0; packed.layout.values()];
    for (index, plane) in planes.iter().enumerate() {
        for (slot, value) in values[index..].iter_mut().step_by(planes.len()).zip(*plane) {
            *slot = *value as u32;
        }
    }
    packed.integers(values.into_iter(), precision, is_rgb)
}

/// Width, height and component count of the SIZ marker segment (15444-1 A.5.1).
fn stated_size(bytes: &[u8]) -> Option<(u32, u32, usize)> {
    let start = bytes.windows(4).position(|four| four == CODE_STREAM)?;
    let siz = bytes.get(start + 4..start + 42)?;
    let word = |at: usize| u32::from_be_bytes([siz[at], siz[at + 1], siz[at + 2], siz[at + 3]]);
    let (right, bottom, left, top) = (word(4), word(8), word(12), word(16));
    let components = usize::from(u16::from_be_bytes([siz[36], siz[37]]));
    Some((
        right.checked_sub(left)?,
        bottom.checked_sub(top)?,
        components,
    ))
}

/// Multiple component transformation in the COD marker segment (A.6.1): the decoder has made RGB of it.
fn uses_colour_transform(bytes: &[u8]) -> bool {
    let Some(start) = bytes.windows(4).position(|four| four == CODE_STREAM) else {
        return false;
    };
    let mut rest = &bytes[start + 2..];
    while let [0xFF, marker, high, low, tail @ ..] = rest {
        if *marker == 0x52 {
            return tail.get(4) == Some(&1);
        }
        let len = usize::from(u16::from_be_bytes([*high, *low])).saturating_sub(2);
        rest = tail.get(len..).unwrap_or_default();
    }
    false
}
