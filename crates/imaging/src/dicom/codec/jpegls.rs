//! JPEG-LS (ISO 14495-1), lossless and near-lossless, by CharLS.

use charls::CharLS;

use super::{Packed, Unpacked};
use crate::ImagingError;

const NAME: &str = "JPEG-LS";
/// EOI; the entropy-coded data cannot hold it (a byte after FF has its top bit clear).
const END: [u8; 2] = [0xFF, 0xD9];

pub(super) fn unpack(packed: &Packed<'_>) -> Result<Unpacked, ImagingError> {
    let info = CharLS::default()
        .get_frame_info(packed.bytes)
        .map_err(|error| packed.error(NAME, error))?;
    packed.check_size(NAME, info.width, info.height)?;
    packed.check_components(NAME, usize::try_from(info.component_count).unwrap_or(0))?;
    // CharLS takes seconds to find out that a stream is cut short.
    if !packed.bytes.windows(2).any(|pair| pair == END) {
        return Err(packed.error(NAME, "ends before its end marker"));
    }
    let precision = u16::try_from(info.bits_per_sample).unwrap_or(0);
    let decoded = decode(packed)?;
    let pixels = packed.layout.pixels();
    let components = usize::from(packed.layout.samples_per_pixel);
    let wide = precision > 8;
    if decoded.len() < pixels * components * if wide { 2 } else { 1 } {
        return Err(packed.error(NAME, "fewer values than pixels"));
    }
    let planar = components > 1 && is_planar(packed.bytes);
    let at = |index: usize| {
        if planar {
            index % components * pixels + index / components
        } else {
            index
        }
    };
    let count = pixels * components;
    if !wide {
        let values = if planar {
            (0..count).map(|index| decoded[at(index)]).collect()
        } else {
            decoded
        };
        return Ok(Unpacked::Bytes {
            values,
            is_rgb: false,
        });
    }
    let words = decoded.as_chunks::<2>().0;
    let word = |two: &[u8; 2]| u32::from(u16::from_le_bytes(*two));
    // The code stream knows no sign: it stands at the top of the stored bits.
    let precision = if packed.layout.signed {
        precision.min(packed.layout.bits_stored)
    } else {
        precision
    };
    if planar {
        let interleaved = (0..count).map(|index| word(&words[at(index)]));
        return packed.integers(interleaved, precision, false);
    }
    packed.integers(words[..count].iter().map(word), precision, false)
}

fn decode(packed: &Packed<'_>) -> Result<Vec<u8>, ImagingError> {
    let first = CharLS::default().decode(packed.bytes);
    first
        .or_else(|error| match without_padding(packed.bytes) {
            Some(repaired) => CharLS::default().decode(&repaired),
            None => Err(error),
        })
        .map_err(|error| packed.error(NAME, error))
}

/// Some encoders pad the scan to even length before its end marker, which CharLS refuses.
fn without_padding(bytes: &[u8]) -> Option<Vec<u8>> {
    const PADDED_END: [u8; 3] = [0x00, 0xFF, 0xD9];
    let at = bytes.windows(3).rposition(|three| three == PADDED_END)?;
    Some([&bytes[..at], &bytes[at + 1..]].concat())
}

/// Whether the first scan holds one component alone (interleave mode 0): then CharLS answers plane by plane.
fn is_planar(bytes: &[u8]) -> bool {
    let mut rest = bytes.get(2..).unwrap_or_default();
    while let [0xFF, marker, high, low, tail @ ..] = rest {
        let len = usize::from(u16::from_be_bytes([*high, *low])).saturating_sub(2);
        if *marker == 0xDA {
            return tail.first() == Some(&1);
        }
        rest = tail.get(len..).unwrap_or_default();
    }
    false
}
