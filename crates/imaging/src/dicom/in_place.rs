//! A DICOM object whose frames are read one by one from its file: slides hold tens of thousands of them. The header
//! is in memory, of the pixels only where each frame starts.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;

use super::attributes::attribute_error;
use super::file::DicomFile;
use super::fragments::{START_BYTES, start_kind};
use super::picture::DicomPicture;
use super::scan::PixelPlace;
use super::start::read_start;
use super::stored::frame_of_bytes;
use crate::{Header, ImagingError, Limits, Rgb8, Source};

/// Headers are read in these steps; per-frame functional groups of large slides take tens of megabytes.
const HEADER_BYTES: [usize; 4] = [256 << 10, 2 << 20, 16 << 20, 256 << 20];
const ITEM: [u8; 4] = [0xFE, 0xFF, 0x00, 0xE0];

/// The parts of the file that hold one frame.
type FramePlace = Vec<Range<u64>>;

/// One object, open in place.
pub(crate) struct InPlace {
    picture: DicomPicture,
    bytes: Bytes,
    frames: Vec<FramePlace>,
}

impl InPlace {
    /// Opens an object that holds a picture; `None` where the pixels are not met. A deflated data set is inflated into
    /// memory.
    ///
    /// # Errors
    /// `FindPicture` for labels and overviews; what cannot be parsed or lies over the limits.
    pub(crate) fn open(source: &Source, limits: &Limits) -> Result<Option<Self>, ImagingError> {
        let Some(file) = read_header(source, limits)? else {
            return Ok(None);
        };
        let bytes = if file.syntax.deflated {
            Bytes::Inflated
        } else {
            Bytes::of(source)?
        };
        let picture = DicomPicture::of_header(file, limits)?;
        let frames = places(&picture, &bytes)?;
        Ok(Some(Self {
            picture,
            bytes,
            frames,
        }))
    }

    /// The header's attributes.
    pub(crate) fn object(&self) -> &InMemDicomObject {
        &self.picture.parts().0.object
    }

    /// Facts and identity, of one frame.
    pub(crate) fn header(&self) -> Result<Header, ImagingError> {
        self.picture.header()
    }

    /// Bytes of memory that the pixels take, however few of them are read.
    pub(crate) fn held_bytes(&self) -> u64 {
        match &self.bytes {
            Bytes::File { .. } => 0,
            Bytes::Memory(bytes) => bytes.len() as u64,
            Bytes::Inflated => self.picture.parts().0.bytes().len() as u64,
        }
    }

    /// Columns and rows of a frame.
    pub(crate) fn frame_size(&self) -> (u32, u32) {
        let layout = self.picture.parts().1;
        (layout.width_px, layout.height_px)
    }

    /// Number of frames.
    pub(crate) fn frame_count(&self) -> u32 {
        self.frames.len() as u32
    }

    /// Spacing in millimetres across x and y.
    pub(crate) fn spacing_mm(&self) -> Option<[f32; 2]> {
        self.picture.spacing_mm(1)
    }

    /// One frame (number from 1) as a person sees it.
    ///
    /// # Errors
    /// `SelectFrame`; a file that ends early; the codec's.
    pub(crate) fn frame(&self, frame: u32) -> Result<Rgb8, ImagingError> {
        let frames = self.frame_count();
        let parts = (frame as usize)
            .checked_sub(1)
            .and_then(|index| self.frames.get(index))
            .ok_or(ImagingError::SelectFrame { frame, frames })?;
        let (file, layout, limits) = self.picture.parts();
        let mut bytes = Vec::new();
        for part in parts {
            bytes.extend(self.bytes.read(file, part.clone())?);
        }
        let stored = frame_of_bytes(file, layout, frame, &bytes, limits)?;
        self.picture.show(frame, stored, None)
    }
}

fn read_header(source: &Source, limits: &Limits) -> Result<Option<DicomFile>, ImagingError> {
    for len in HEADER_BYTES {
        let start = source.read_first(len)?;
        let whole = start.len() < len;
        if read_start(&start)?.syntax.deflated {
            let file = DicomFile::open(source.read_all(limits)?, limits)?;
            return Ok(file.pixels.is_some().then_some(file));
        }
        if let Some(file) = DicomFile::open_start(start, limits)? {
            return Ok(Some(file));
        }
        if whole {
            break;
        }
    }
    Ok(None)
}

/// Where each frame's bytes are in the file.
fn places(picture: &DicomPicture, bytes: &Bytes) -> Result<Vec<FramePlace>, ImagingError> {
    let (file, layout, _) = picture.parts();
    let at = file.pixels_at as u64;
    let frames = layout.frames as usize;
    match &file.pixels {
        Some(PixelPlace::Encapsulated { frame_offsets, .. }) => {
            let reader = Reader { bytes, file };
            let items = items(&reader, at + 12, frames)?;
            let Some((table, fragments)) = items.split_first() else {
                return Err(attribute_error(tags::PIXEL_DATA, "no fragments"));
            };
            let offsets = offsets(&reader, table.clone(), frame_offsets, frames)?;
            by_frame(&reader, &offsets, fragments, frames)
        }
        Some(PixelPlace::Native { stated_len, .. }) if layout.bits_allocated >= 8 => {
            let header = if file.syntax.encoding.explicit { 12 } else { 8 };
            let len = (layout.values() * layout.bytes_per_value()) as u64;
            if len.saturating_mul(frames as u64) > *stated_len {
                let reason = format!("{stated_len} bytes for {frames} frames of {len}");
                return Err(attribute_error(tags::PIXEL_DATA, reason));
            }
            let start = |frame: u64| at + header + frame * len;
            Ok((0..frames as u64)
                .map(|frame| std::iter::once(start(frame)..start(frame + 1)).collect())
                .collect())
        }
        _ => Err(attribute_error(
            tags::PIXEL_DATA,
            "not in frames that can be read one by one",
        )),
    }
}

/// An object's bytes together with its file, which may hold them.
struct Reader<'a> {
    bytes: &'a Bytes,
    file: &'a DicomFile,
}

impl Reader<'_> {
    fn read(&self, range: Range<u64>) -> Result<Vec<u8>, ImagingError> {
        self.bytes.read(self.file, range)
    }
}

/// The items of encapsulated pixel data (PS3.5 A.4): offset table and fragments, as ranges of their values.
fn items(bytes: &Reader<'_>, start: u64, frames: usize) -> Result<Vec<Range<u64>>, ImagingError> {
    // A frame in many fragments is legal and rare; more than this is an attack on memory.
    let most = frames.saturating_mul(4).saturating_add(1024);
    let (mut at, mut found) = (start, Vec::new());
    while found.len() <= most {
        let Ok(head) = bytes.read(at..at + 8) else {
            break;
        };
        if head[..4] != ITEM {
            break;
        }
        let len = u32::from_le_bytes([head[4], head[5], head[6], head[7]]);
        found.push(at + 8..at + 8 + u64::from(len));
        at += 8 + u64::from(len);
    }
    Limits::check("fragments", found.len() as u64, most as u64)?;
    Ok(found)
}

/// Where each frame starts, counted from the first fragment's item: by the Basic Offset Table, else by the Extended
/// Offset Table (PS3.3 C.7.6.3.1.8); empty where neither speaks of every frame.
fn offsets(
    bytes: &Reader<'_>,
    basic: Range<u64>,
    extended: &[u64],
    frames: usize,
) -> Result<Vec<u64>, ImagingError> {
    if basic.end - basic.start == frames as u64 * 4 {
        let table = bytes.read(basic)?;
        let four = table.as_chunks::<4>().0.iter();
        return Ok(four
            .map(|four| u64::from(u32::from_le_bytes(*four)))
            .collect());
    }
    if extended.len() == frames {
        return Ok(extended.to_vec());
    }
    Ok(Vec::new())
}

/// The fragments of each frame: one each, else by the table, else by how compressed streams begin.
fn by_frame(
    bytes: &Reader<'_>,
    offsets: &[u64],
    fragments: &[Range<u64>],
    frames: usize,
) -> Result<Vec<FramePlace>, ImagingError> {
    if fragments.len() == frames {
        return Ok(fragments.iter().map(|part| vec![part.clone()]).collect());
    }
    if frames == 1 && !fragments.is_empty() {
        return Ok(vec![fragments.to_vec()]);
    }
    let unclear = || {
        let reason = format!("{} fragments for {frames} frames", fragments.len());
        attribute_error(tags::PIXEL_DATA, reason)
    };
    let base = fragments.first().ok_or_else(unclear)?.start;
    let by_table = || -> Option<Vec<usize>> {
        let first = |offset: &u64| {
            let at = base.checked_add(*offset)?;
            fragments.binary_search_by_key(&at, |part| part.start).ok()
        };
        offsets.iter().map(first).collect()
    };
    let kind = |index: usize| {
        let part = fragments.get(index)?;
        let end = part.end.min(part.start + START_BYTES);
        start_kind(&bytes.read(part.start..end).ok()?)
    };
    let of_first = kind(0);
    let begins = |index: &usize| of_first.is_some() && kind(*index) == of_first;
    let firsts = match by_table() {
        Some(firsts) if firsts.len() == frames => firsts,
        _ => (0..fragments.len()).filter(begins).collect(),
    };
    let in_order = firsts.windows(2).all(|pair| pair[0] < pair[1]);
    if firsts.len() != frames || firsts.first() != Some(&0) || !in_order {
        return Err(unclear());
    }
    Ok((0..frames)
        .map(|frame| {
            let end = firsts.get(frame + 1).copied().unwrap_or(fragments.len());
            fragments[firsts[frame]..end].to_vec()
        })
        .collect())
}

/// The object's bytes, read here and there.
enum Bytes {
    File {
        file: Mutex<File>,
        len: u64,
    },
    Memory(std::sync::Arc<[u8]>),
    /// In the object itself, inflated.
    Inflated,
}

impl Bytes {
    fn of(source: &Source) -> Result<Self, ImagingError> {
        match source {
            Source::Bytes { bytes, .. } => Ok(Self::Memory(std::sync::Arc::clone(bytes))),
            Source::Path(path) => {
                let file = File::open(path).map_err(|error| read_error(&error))?;
                let len = file.metadata().map_err(|error| read_error(&error))?.len();
                Ok(Self::File {
                    file: Mutex::new(file),
                    len,
                })
            }
        }
    }

    /// A range of the file; memory is taken only for what is there.
    fn read(&self, inflated: &DicomFile, range: Range<u64>) -> Result<Vec<u8>, ImagingError> {
        let cut_short = || attribute_error(tags::PIXEL_DATA, "the file ends inside a frame");
        let part_of = |bytes: &[u8]| {
            let start = usize::try_from(range.start).map_err(|_| cut_short())?;
            let end = usize::try_from(range.end).map_err(|_| cut_short())?;
            bytes
                .get(start..end)
                .map(<[u8]>::to_vec)
                .ok_or_else(cut_short)
        };
        match self {
            Self::Memory(bytes) => part_of(bytes),
            Self::Inflated => part_of(inflated.bytes()),
            Self::File { file, len } => {
                if range.end > *len || range.start > range.end {
                    return Err(cut_short());
                }
                let mut bytes = vec![0; (range.end - range.start) as usize];
                let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
                file.seek(SeekFrom::Start(range.start))
                    .and_then(|_| file.read_exact(&mut bytes))
                    .map_err(|error| read_error(&error))?;
                Ok(bytes)
            }
        }
    }
}

fn read_error(error: &std::io::Error) -> ImagingError {
    ImagingError::ReadSource {
        reason: error.kind().to_string(),
    }
}
