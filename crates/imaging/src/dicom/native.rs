//! Uncompressed values: bits, bytes and words of either byte order, colour by pixel or by plane.

use dicom_dictionary_std::tags;

use super::attributes::attribute_error;
use super::layout::{Layout, Photometric};
use crate::{ImagingError, Samples};

/// A run of uncompressed frames.
pub(super) struct Run<'a> {
    pub bytes: &'a [u8],
    /// What the element states; more than `bytes` when the file is cut short.
    pub stated_len: u64,
    pub big_endian: bool,
    /// Bytes of 8-bit values are swapped in pairs (big-endian words).
    pub words_swapped: bool,
    pub planar: bool,
}

impl Run<'_> {
    fn too_short(&self, expected: usize) -> ImagingError {
        let (found, stated) = (self.bytes.len(), self.stated_len);
        let reason =
            format!("{found} bytes (the element states {stated}) where {expected} are needed");
        attribute_error(tags::PIXEL_DATA, reason)
    }

    /// The bytes of one frame of `frame_len` bytes.
    fn frame_bytes(&self, frame: u32, frame_len: usize) -> Result<&[u8], ImagingError> {
        let range = (frame as usize - 1)
            .checked_mul(frame_len)
            .and_then(|start| Some(start..start.checked_add(frame_len)?));
        let Some(range) = range else {
            return Err(self.too_short(usize::MAX));
        };
        let end = range.end;
        self.bytes.get(range).ok_or_else(|| self.too_short(end))
    }

    pub(super) fn floats(&self, layout: &Layout, frame: u32) -> Result<Samples, ImagingError> {
        let bytes = self.frame_bytes(frame, layout.values() * 4)?;
        let values = bytes.as_chunks::<4>().0.iter();
        Ok(Samples::F32(if self.big_endian {
            values.map(|four| f32::from_be_bytes(*four)).collect()
        } else {
            values.map(|four| f32::from_le_bytes(*four)).collect()
        }))
    }

    pub(super) fn doubles(&self, layout: &Layout, frame: u32) -> Result<Samples, ImagingError> {
        let bytes = self.frame_bytes(frame, layout.values() * 8)?;
        let values = bytes.as_chunks::<8>().0.iter();
        Ok(Samples::F64(if self.big_endian {
            values.map(|eight| f64::from_be_bytes(*eight)).collect()
        } else {
            values.map(|eight| f64::from_le_bytes(*eight)).collect()
        }))
    }
}

/// Reads one frame (number from 1) of integer values; subsampled YBR is brought to three values per pixel.
///
/// # Errors
/// `ReadAttribute` on Pixel Data that is too short, or on Bits Allocated that integers cannot have.
pub(super) fn read_native(
    run: &Run<'_>,
    layout: &Layout,
    frame: u32,
) -> Result<Samples, ImagingError> {
    if layout.bits_allocated == 1 {
        return read_bits(run, layout, frame);
    }
    if layout.photometric == Photometric::YbrFull422 && layout.bits_allocated == 8 {
        return read_422(run, layout, frame);
    }
    let shift = layout.high_bit + 1 - layout.bits_stored;
    let bytes = run.frame_bytes(frame, layout.values() * layout.bytes_per_value())?;
    let planar = (run.planar && layout.samples_per_pixel == 3).then(|| layout.pixels());
    let samples = match layout.bits_allocated {
        8 if run.words_swapped => {
            // A frame of odd length ends in the middle of a word: the partner lies in the next frame or the padding.
            let start = (frame as usize - 1) * bytes.len();
            let at = |index: usize| run.bytes.get(index ^ 1).copied().map_or(0, u32::from);
            integers(
                (start..start + bytes.len()).map(at),
                layout,
                layout.bits_stored,
                shift,
            )
        }
        8 => integers(
            bytes.iter().copied().map(u32::from),
            layout,
            layout.bits_stored,
            shift,
        ),
        16 => integers(
            words_16(bytes, run.big_endian),
            layout,
            layout.bits_stored,
            shift,
        ),
        32 => integers(
            words_32(bytes, run.big_endian),
            layout,
            layout.bits_stored,
            shift,
        ),
        _ => {
            return Err(attribute_error(
                tags::BITS_ALLOCATED,
                "64 with integer pixels",
            ));
        }
    };
    Ok(match planar {
        Some(pixels) => samples.interleaved(pixels),
        None => samples,
    })
}

fn words_16(bytes: &[u8], big_endian: bool) -> impl Iterator<Item = u32> {
    let words = bytes.as_chunks::<2>().0.iter();
    words.map(move |pair| {
        u32::from(if big_endian {
            u16::from_be_bytes(*pair)
        } else {
            u16::from_le_bytes(*pair)
        })
    })
}

fn words_32(bytes: &[u8], big_endian: bool) -> impl Iterator<Item = u32> {
    let words = bytes.as_chunks::<4>().0.iter();
    words.map(move |four| {
        if big_endian {
            u32::from_be_bytes(*four)
        } else {
            u32::from_le_bytes(*four)
        }
    })
}

/// Narrows values to the type that Bits Allocated and Pixel Representation ask for: unused bits below and above
/// the stored ones (overlays lie there in old files) are dropped, signs extended from the stored ones.
pub(super) fn integers(
    values: impl Iterator<Item = u32>,
    layout: &Layout,
    bits: u16,
    shift: u16,
) -> Samples {
    let unused = 32 - u32::from(bits.clamp(1, 32));
    let shift = u32::from(shift);
    let unsigned = move |value: u32| ((value >> shift) << unused) >> unused;
    let signed = move |value: u32| (((value >> shift) << unused) as i32) >> unused;
    match (layout.bits_allocated, layout.signed) {
        (1, _) | (8, false) => Samples::U8(values.map(|value| unsigned(value) as u8).collect()),
        (8, true) => Samples::I8(values.map(|value| signed(value) as i8).collect()),
        (16, false) => Samples::U16(values.map(|value| unsigned(value) as u16).collect()),
        (16, true) => Samples::I16(values.map(|value| signed(value) as i16).collect()),
        (_, false) => Samples::U32(values.map(unsigned).collect()),
        (_, true) => Samples::I32(values.map(signed).collect()),
    }
}

/// PS3.5 8.1.1: single bits fill bytes from the least significant one, without padding between frames.
fn read_bits(run: &Run<'_>, layout: &Layout, frame: u32) -> Result<Samples, ImagingError> {
    let count = layout.values();
    let start = (frame as usize - 1)
        .checked_mul(count)
        .ok_or_else(|| run.too_short(usize::MAX))?;
    let needed = (start + count).div_ceil(8);
    if run.bytes.len() < needed {
        return Err(run.too_short(needed));
    }
    let bit = |index: usize| {
        let at = if run.words_swapped {
            (index / 8) ^ 1
        } else {
            index / 8
        };
        run.bytes
            .get(at)
            .map_or(0, |byte| (byte >> (index % 8)) & 1)
    };
    Ok(Samples::U8((start..start + count).map(bit).collect()))
}

/// PS3.3 C.7.6.3.1.2: Y1 Y2 Cb Cr for two pixels.
fn read_422(run: &Run<'_>, layout: &Layout, frame: u32) -> Result<Samples, ImagingError> {
    let full_len = layout.values();
    let frames = layout.frames as usize;
    // Some writers say 422 and store three values per pixel.
    if frames
        .checked_mul(full_len)
        .is_some_and(|all| run.bytes.len() >= all)
    {
        return Ok(Samples::U8(run.frame_bytes(frame, full_len)?.to_vec()));
    }
    let bytes = run.frame_bytes(frame, layout.pixels().div_ceil(2) * 4)?;
    let pairs = bytes.as_chunks::<4>().0.iter();
    let mut values: Vec<u8> = pairs
        .flat_map(|[y1, y2, cb, cr]| [*y1, *cb, *cr, *y2, *cb, *cr])
        .collect();
    values.truncate(full_len);
    Ok(Samples::U8(values))
}

impl Samples {
    /// Turns three planes of `pixels` values into pixels of three values.
    fn interleaved(self, pixels: usize) -> Self {
        fn weave<T: Copy>(planes: &[T], pixels: usize) -> Vec<T> {
            (0..pixels)
                .flat_map(|i| [planes[i], planes[pixels + i], planes[2 * pixels + i]])
                .collect()
        }
        match self {
            Self::U8(planes) => Self::U8(weave(&planes, pixels)),
            Self::I8(planes) => Self::I8(weave(&planes, pixels)),
            Self::U16(planes) => Self::U16(weave(&planes, pixels)),
            Self::I16(planes) => Self::I16(weave(&planes, pixels)),
            Self::U32(planes) => Self::U32(weave(&planes, pixels)),
            Self::I32(planes) => Self::I32(weave(&planes, pixels)),
            Self::F32(planes) => Self::F32(weave(&planes, pixels)),
            Self::F64(planes) => Self::F64(weave(&planes, pixels)),
        }
    }
}
