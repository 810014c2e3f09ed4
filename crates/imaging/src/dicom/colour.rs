//! Colour spaces: YBR to RGB (PS3.3 C.7.6.3.1.2), palettes (C.7.6.3.1.5, C.7.9), and 8-bit RGB of any depth.

use dicom_core::Tag;
use dicom_core::header::HasLength as _;
use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;

use super::attributes::{attribute_error, numbers};
use super::layout::{Layout, Photometric};
use super::tally::mapped;
use crate::{ImagingError, Samples};

/// Turns interleaved YBR into RGB; everything else passes through.
///
/// # Errors
/// `ReadAttribute` for YBR of more than 8 bits.
pub(super) fn to_rgb(samples: Samples, photometric: Photometric) -> Result<Samples, ImagingError> {
    let convert: fn([f32; 3]) -> [f32; 3] = match photometric {
        Photometric::YbrFull | Photometric::YbrFull422 => |[y, cb, cr]| {
            let (cb, cr) = (cb - 128.0, cr - 128.0);
            [
                y + 1.402 * cr,
                y - 0.344_136 * cb - 0.714_136 * cr,
                y + 1.772 * cb,
            ]
        },
        Photometric::YbrPartial => |[y, cb, cr]| {
            let (y, cb, cr) = (1.164_4 * (y - 16.0), cb - 128.0, cr - 128.0);
            [
                y + 1.596 * cr,
                y - 0.391_7 * cb - 0.813 * cr,
                y + 2.017_3 * cb,
            ]
        },
        _ => return Ok(samples),
    };
    let Samples::U8(mut values) = samples else {
        return Err(attribute_error(
            tags::PHOTOMETRIC_INTERPRETATION,
            "YBR of more than 8 bits",
        ));
    };
    for pixel in values.as_chunks_mut::<3>().0 {
        *pixel = convert(pixel.map(f32::from)).map(|value| (value + 0.5) as u8);
    }
    Ok(Samples::U8(values))
}

/// 8-bit RGB of interleaved colour values of any depth.
pub(super) fn narrow(samples: &Samples, layout: &Layout) -> Vec<u8> {
    let bits = u32::from(layout.bits_stored);
    let scale = |value: u32| {
        if bits >= 8 {
            (value >> (bits - 8)).min(255) as u8
        } else {
            (value * 255 / ((1 << bits) - 1)) as u8
        }
    };
    match samples {
        Samples::U8(values) if bits == 8 => values.clone(),
        Samples::U8(values) => values.iter().map(|value| scale((*value).into())).collect(),
        Samples::U16(values) => values.iter().map(|value| scale((*value).into())).collect(),
        Samples::U32(values) => values.iter().map(|value| scale(*value)).collect(),
        Samples::I8(values) => values
            .iter()
            .map(|value| scale((*value).max(0) as u32))
            .collect(),
        Samples::I16(values) => values
            .iter()
            .map(|value| scale((*value).max(0) as u32))
            .collect(),
        Samples::I32(values) => values
            .iter()
            .map(|value| scale((*value).max(0) as u32))
            .collect(),
        Samples::F32(values) => values
            .iter()
            .map(|value| (value * 255.0 + 0.5) as u8)
            .collect(),
        Samples::F64(values) => values
            .iter()
            .map(|value| (value * 255.0 + 0.5) as u8)
            .collect(),
    }
}

/// A palette of 8-bit RGB entries.
pub(super) struct Palette {
    first: i64,
    entries: Vec<[u8; 3]>,
}

impl Palette {
    /// Reads the three look-up tables, plain or segmented.
    ///
    /// # Errors
    /// `ReadAttribute` naming the table that is missing or too short.
    pub(super) fn read(object: &InMemDicomObject) -> Result<Self, ImagingError> {
        let red = channel(
            object,
            tags::RED_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR,
            [
                tags::RED_PALETTE_COLOR_LOOKUP_TABLE_DATA,
                tags::SEGMENTED_RED_PALETTE_COLOR_LOOKUP_TABLE_DATA,
            ],
        )?;
        let green = channel(
            object,
            tags::GREEN_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR,
            [
                tags::GREEN_PALETTE_COLOR_LOOKUP_TABLE_DATA,
                tags::SEGMENTED_GREEN_PALETTE_COLOR_LOOKUP_TABLE_DATA,
            ],
        )?;
        let blue = channel(
            object,
            tags::BLUE_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR,
            [
                tags::BLUE_PALETTE_COLOR_LOOKUP_TABLE_DATA,
                tags::SEGMENTED_BLUE_PALETTE_COLOR_LOOKUP_TABLE_DATA,
            ],
        )?;
        let entries = red
            .1
            .iter()
            .zip(&green.1)
            .zip(&blue.1)
            .map(|((r, g), b)| [*r, *g, *b])
            .collect();
        Ok(Self {
            first: red.0,
            entries,
        })
    }

    /// Looks every index up; those outside take the nearest entry.
    pub(super) fn apply(&self, samples: &Samples) -> Vec<u8> {
        let last = self.entries.len() as i64 - 1;
        let look_up = |index: i64| self.entries[(index - self.first).clamp(0, last) as usize];
        match samples {
            Samples::U8(values) => mapped(values, |value| look_up(value.into())),
            Samples::I8(values) => mapped(values, |value| look_up(value.into())),
            Samples::U16(values) => mapped(values, |value| look_up(value.into())),
            Samples::I16(values) => mapped(values, |value| look_up(value.into())),
            Samples::U32(values) => mapped(values, |value| look_up(value.into())),
            Samples::I32(values) => mapped(values, |value| look_up(value.into())),
            Samples::F32(values) => mapped(values, |value| look_up(value as i64)),
            Samples::F64(values) => mapped(values, |value| look_up(value as i64)),
        }
    }
}

/// First mapped value and 8-bit entries of one channel. Entries of 16 bits are shifted, unless a writer has put
/// 8-bit entries into 16-bit words.
fn channel(
    object: &InMemDicomObject,
    descriptor: Tag,
    data: [Tag; 2],
) -> Result<(i64, Vec<u8>), ImagingError> {
    let stated = numbers(object, descriptor)?;
    let [count, first, bits] = stated[..] else {
        return Err(attribute_error(descriptor, "missing"));
    };
    let count = entry_count(count);
    let [plain, segmented] = data;
    let words = match (words(object, plain), words(object, segmented)) {
        (Some(words), _) => split_bytes(words, count),
        (None, Some(words)) => {
            unroll(&words, count).ok_or_else(|| attribute_error(segmented, "malformed"))?
        }
        (None, None) => return Err(attribute_error(plain, "missing")),
    };
    if words.len() < count {
        return Err(attribute_error(
            plain,
            format!("{} entries of {count}", words.len()),
        ));
    }
    let is_wide = bits > 8.0 && words.iter().any(|word| *word > 255);
    let entries = words[..count].iter().map(|word| {
        if is_wide {
            (word >> 8) as u8
        } else {
            *word as u8
        }
    });
    Ok((first as i64, entries.collect()))
}

/// Number of entries that a LUT descriptor states: 0 stands for 65536, and some write it as a signed number.
pub(super) fn entry_count(stated: f64) -> usize {
    match stated as i64 & 0xFFFF {
        0 => 65_536,
        count => count as usize,
    }
}

/// The 16-bit words of a table, whatever its value representation.
pub(super) fn words(object: &InMemDicomObject, tag: Tag) -> Option<Vec<u16>> {
    let element = object.get(tag).filter(|element| !element.is_empty())?;
    element.value().to_multi_int::<u16>().ok().or_else(|| {
        let bytes = element.to_bytes().ok()?;
        Some(
            bytes
                .as_chunks::<2>()
                .0
                .iter()
                .map(|pair| u16::from_le_bytes(*pair))
                .collect(),
        )
    })
}

/// Tables of 8-bit entries are packed two to a word.
pub(super) fn split_bytes(words: Vec<u16>, count: usize) -> Vec<u16> {
    if words.len() >= count || words.len() * 2 < count {
        return words;
    }
    words
        .into_iter()
        .flat_map(u16::to_le_bytes)
        .map(u16::from)
        .collect()
}

/// PS3.3 C.7.9.2: segments of opcode, length and data; discrete, linear and indirect.
fn unroll(words: &[u16], count: usize) -> Option<Vec<u16>> {
    let mut table: Vec<u16> = Vec::new();
    let mut at = 0;
    while at < words.len() && table.len() < count {
        let (opcode, len) = (words[at], usize::from(*words.get(at + 1)?));
        match opcode {
            0 => {
                table.extend_from_slice(words.get(at + 2..at + 2 + len)?);
                at += 2 + len;
            }
            1 => {
                let (from, to) = (f32::from(*table.last()?), f32::from(*words.get(at + 2)?));
                let step = (to - from) / len.max(1) as f32;
                table.extend((1..=len).map(|index| (from + step * index as f32).round() as u16));
                at += 3;
            }
            _ => return None,
        }
    }
    table.truncate(count);
    Some(table)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ybr_becomes_rgb() {
        let grey = to_rgb(Samples::U8(vec![100, 128, 128]), Photometric::YbrFull).unwrap();
        assert_eq!(grey, Samples::U8(vec![100, 100, 100]));
        let red = to_rgb(Samples::U8(vec![76, 85, 255]), Photometric::YbrFull).unwrap();
        assert_eq!(red, Samples::U8(vec![254, 0, 0]));
        let white = to_rgb(Samples::U8(vec![235, 128, 128]), Photometric::YbrPartial).unwrap();
        assert_eq!(white, Samples::U8(vec![255, 255, 255]));
    }

    #[test]
    fn segmented_tables_unroll() {
        let words = [0, 2, 10, 20, 1, 2, 40];
        assert_eq!(unroll(&words, 4).unwrap(), [10, 20, 30, 40]);
        assert!(
            unroll(&[2, 1, 0, 0], 4).is_none(),
            "indirect segments are refused"
        );
        assert!(unroll(&[1, 2, 40], 4).is_none(), "linear without a start");
    }
}
