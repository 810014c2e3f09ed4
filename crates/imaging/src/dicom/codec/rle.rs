//! RLE Lossless, PS3.5 annex G: a header of 16 words, then one PackBits segment per byte plane, the most
//! significant byte of each sample first.

use super::{Packed, Unpacked};
use crate::ImagingError;

const NAME: &str = "RLE";
const HEADER_BYTES: usize = 64;
/// Two bytes stand for at most 128.
const MAX_EXPANSION: usize = 64;

pub(super) fn unpack(packed: &Packed<'_>) -> Result<Unpacked, ImagingError> {
    let layout = packed.layout;
    let segments = segments(packed)?;
    let bytes_per_value = layout.bytes_per_value();
    let planes = usize::from(layout.samples_per_pixel) * bytes_per_value;
    if segments.len() < planes {
        return Err(packed.error(NAME, format!("{} segments of {planes}", segments.len())));
    }
    // A frame of single bits packs eight pixels into a byte.
    let plane_len = if layout.bits_allocated == 1 {
        layout.values().div_ceil(8)
    } else {
        layout.pixels()
    };
    if packed.bytes.len().saturating_mul(MAX_EXPANSION) < plane_len {
        return Err(packed.error(NAME, "too few bytes for this many pixels"));
    }
    let mut bytes = vec![0; plane_len * planes];
    let mut plane = vec![0; plane_len];
    for (index, segment) in segments.into_iter().take(planes).enumerate() {
        let (sample, byte) = (index / bytes_per_value, index % bytes_per_value);
        let start = sample * plane_len * bytes_per_value;
        let values = &mut bytes[start..start + plane_len * bytes_per_value];
        let written = if bytes_per_value == 1 {
            pack_bits(segment, values)
        } else {
            pack_bits(segment, &mut plane)
        };
        if written < plane_len {
            return Err(packed.error(
                NAME,
                format!("segment {} holds {written} of {plane_len} bytes", index + 1),
            ));
        }
        let little_endian_byte = bytes_per_value - 1 - byte;
        match bytes_per_value {
            1 => {}
            2 => {
                let values = values.as_chunks_mut::<2>().0.iter_mut();
                scatter(&plane, values, little_endian_byte);
            }
            _ => {
                let values = values.chunks_exact_mut(bytes_per_value);
                scatter(&plane, values, little_endian_byte);
            }
        }
    }
    Ok(Unpacked::Native {
        bytes,
        planar: true,
    })
}

fn segments<'a>(packed: &Packed<'a>) -> Result<Vec<&'a [u8]>, ImagingError> {
    let word = |index: usize| -> Option<usize> {
        let four = packed.bytes.get(index * 4..index * 4 + 4)?;
        usize::try_from(u32::from_le_bytes([four[0], four[1], four[2], four[3]])).ok()
    };
    let count = word(0).filter(|count| (1..=15).contains(count));
    let count = count.ok_or_else(|| packed.error(NAME, "no segment table"))?;
    (0..count)
        .map(|index| {
            let start = word(index + 1)?;
            let end = if index + 1 < count {
                word(index + 2)?
            } else {
                packed.bytes.len()
            };
            (start >= HEADER_BYTES).then_some(())?;
            packed.bytes.get(start..end)
        })
        .collect::<Option<Vec<_>>>()
        .ok_or_else(|| packed.error(NAME, "the segment table points outside the frame"))
}

/// Writes one byte of each value; where their length is a constant this is done many at a time.
fn scatter<'a, V: AsMut<[u8]> + 'a + ?Sized>(
    plane: &[u8],
    values: impl Iterator<Item = &'a mut V>,
    at: usize,
) {
    for (value, byte) in values.zip(plane) {
        value.as_mut()[at] = *byte;
    }
}

/// Writes a PackBits segment into a plane; returns how many bytes were written.
fn pack_bits(segment: &[u8], plane: &mut [u8]) -> usize {
    let mut at = 0;
    let mut rest = segment;
    while let [control, tail @ ..] = rest {
        let left = plane.len() - at;
        let control = *control as i8;
        rest = match (control, tail) {
            (0.., _) => {
                let (literal, after) = tail.split_at((control as usize + 1).min(tail.len()));
                let len = literal.len().min(left);
                plane[at..at + len].copy_from_slice(&literal[..len]);
                at += len;
                after
            }
            (-128, _) | (_, []) => tail,
            (_, [value, after @ ..]) => {
                let len = ((1 - i32::from(control)) as usize).min(left);
                plane[at..at + len].fill(*value);
                at += len;
                after
            }
        };
    }
    at
}

#[cfg(test)]
mod tests {
    use super::pack_bits;

    #[test]
    fn pack_bits_unpacks_runs_and_literals() {
        let encoded = [
            0xFE, 0xAA, 0x02, 0x80, 0x00, 0x2A, 0x80, 0xFD, 0xAA, 0x00, 0x22,
        ];
        let mut plane = [0; 16];
        assert_eq!(pack_bits(&encoded, &mut plane), 11);
        assert_eq!(
            plane[..11],
            [
                0xAA, 0xAA, 0xAA, 0x80, 0, 0x2A, 0xAA, 0xAA, 0xAA, 0xAA, 0x22
            ]
        );
    }

    #[test]
    fn pack_bits_stops_at_the_end_of_either_side() {
        let mut plane = [0; 2];
        assert_eq!(
            pack_bits(&[0x81, 7], &mut plane),
            2,
            "a run longer than the plane"
        );
        assert_eq!(pack_bits(&[0x05, 1], &mut plane), 1, "a literal cut short");
        assert_eq!(pack_bits(&[0xFE], &mut plane), 0, "a run without its value");
    }
}
