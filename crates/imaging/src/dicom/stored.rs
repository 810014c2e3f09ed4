//! Stored values: what PixelData holds after decompression, before any look-up table. Colour arrives here as
//! interleaved RGB (YBR is turned to RGB), because that is how every reader compares it.

use dicom_dictionary_std::tags;

use super::attributes::attribute_error;
use super::codec::{Packed, Unpacked, unpack};
use super::colour;
use super::file::DicomFile;
use super::fragments::Fragments;
use super::layout::{Layout, Photometric};
use super::native::{Run, integers, read_native};
use super::scan::{DOUBLE_PIXEL_DATA, FLOAT_PIXEL_DATA, PixelPlace};
use crate::{ImagingError, Limits, Samples, StagePixels};

/// Decodes the stored values of a frame (number from 1).
///
/// # Errors
/// `SelectFrame`, `ReadAttribute` on Pixel Data that is missing or too short, and the codec's.
pub(crate) fn stored_frame(
    file: &DicomFile,
    layout: &Layout,
    frame: u32,
    limits: &Limits,
) -> Result<StagePixels, ImagingError> {
    if frame == 0 || frame > layout.frames {
        return Err(ImagingError::SelectFrame {
            frame,
            frames: layout.frames,
        });
    }
    let samples = match &file.pixels {
        None if file.cut_short => Err(attribute_error(
            tags::PIXEL_DATA,
            "missing: the file ends before it",
        )),
        None => Err(attribute_error(tags::PIXEL_DATA, "missing")),
        Some(place @ PixelPlace::Native { .. }) => of_native(file, place, layout, frame),
        Some(PixelPlace::Encapsulated {
            frame_offsets,
            fragments,
        }) => {
            let fragments = Fragments {
                bytes: file.bytes(),
                fragments,
                frame_offsets,
                frames: layout.frames,
            };
            return frame_of_bytes(file, layout, frame, &fragments.frame(frame)?, limits);
        }
    }?;
    Ok(StagePixels {
        width_px: layout.width_px,
        height_px: layout.height_px,
        channels: layout.samples_per_pixel,
        samples,
    })
}

/// Decodes one frame of its own bytes: compressed, or as native pixel data holds them.
///
/// # Errors
/// As [`stored_frame`].
pub(super) fn frame_of_bytes(
    file: &DicomFile,
    layout: &Layout,
    frame: u32,
    bytes: &[u8],
    limits: &Limits,
) -> Result<StagePixels, ImagingError> {
    let unpacked = match &file.pixels {
        Some(PixelPlace::Encapsulated { .. }) => {
            let packed = Packed {
                bytes,
                layout,
                frame,
                limits,
            };
            unpack(&packed, &file.syntax)?
        }
        _ => Unpacked::Native {
            bytes: bytes.to_vec(),
            planar: layout.planar,
        },
    };
    Ok(StagePixels {
        width_px: layout.width_px,
        height_px: layout.height_px,
        channels: layout.samples_per_pixel,
        samples: of_unpacked(unpacked, layout, frame)?,
    })
}

fn of_native(
    file: &DicomFile,
    place: &PixelPlace,
    layout: &Layout,
    frame: u32,
) -> Result<Samples, ImagingError> {
    let PixelPlace::Native {
        tag,
        vr,
        stated_len,
        bytes,
    } = place
    else {
        return Err(attribute_error(tags::PIXEL_DATA, "not native"));
    };
    let run = Run {
        bytes: &file.bytes()[bytes.clone()],
        stated_len: *stated_len,
        big_endian: file.syntax.encoding.big_endian,
        words_swapped: file.syntax.encoding.big_endian && *vr == Some(*b"OW"),
        planar: layout.planar,
    };
    match *tag {
        FLOAT_PIXEL_DATA => run.floats(layout, frame),
        DOUBLE_PIXEL_DATA => run.doubles(layout, frame),
        _ => colour::to_rgb(read_native(&run, layout, frame)?, layout.photometric),
    }
}

fn of_unpacked(unpacked: Unpacked, layout: &Layout, frame: u32) -> Result<Samples, ImagingError> {
    let (samples, is_rgb) = match unpacked {
        Unpacked::Native { bytes, planar } => {
            let run = Run {
                bytes: &bytes,
                stated_len: bytes.len() as u64,
                big_endian: false,
                words_swapped: false,
                planar,
            };
            // The run holds this frame alone.
            (read_native(&run, layout, 1)?, false)
        }
        Unpacked::Bytes { values, is_rgb } => {
            check_count(values.len(), layout, frame)?;
            // The whole of a byte is the value, and no other type is asked for: nothing is to be done.
            let as_they_are =
                layout.bits_allocated == 8 && layout.bits_stored == 8 && !layout.signed;
            let samples = if as_they_are {
                Samples::U8(values)
            } else {
                let wide = values.into_iter().map(u32::from);
                integers(wide, layout, layout.bits_stored.min(8), 0)
            };
            (samples, is_rgb)
        }
        Unpacked::Integers { samples, is_rgb } => {
            check_count(samples.len(), layout, frame)?;
            (samples, is_rgb)
        }
    };
    let photometric = if is_rgb && layout.samples_per_pixel == 3 {
        Photometric::Rgb
    } else {
        layout.photometric
    };
    // Codecs upsample by themselves: subsampled YBR comes back with three values per pixel.
    let photometric = if photometric == Photometric::YbrFull422 {
        Photometric::YbrFull
    } else {
        photometric
    };
    colour::to_rgb(samples, photometric)
}

fn check_count(found: usize, layout: &Layout, frame: u32) -> Result<(), ImagingError> {
    if found == layout.values() {
        return Ok(());
    }
    let reason = format!("frame {frame} holds {found} of {} values", layout.values());
    Err(attribute_error(tags::PIXEL_DATA, reason))
}
