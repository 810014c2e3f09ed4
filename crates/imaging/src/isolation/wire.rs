//! What parent and worker say to each other.

use std::io::{self, Read, Write};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::memory::SharedMemory;
use crate::{
    DecodeRequest, Decoded, ImagingError, Inspection, Limits, RegionRequest, RenderRequest, Rgb8,
    SliceSurvey, SlideTileRequest, Source, SurveyRequest, View,
};

/// Longest message without its pixels. A header is some kilobytes; this is for thousands of frames.
const MAX_MESSAGE_BYTES: u32 = 16 << 20;

/// One question to the crate.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub enum Call {
    /// [`crate::inspect`].
    Inspect(Source, Limits),
    /// [`crate::decode`].
    Decode(DecodeRequest),
    /// [`crate::survey`].
    Survey(SurveyRequest),
    /// [`crate::region`].
    Region(RegionRequest),
    /// [`crate::render`].
    Render(RenderRequest),
    /// Columns and rows of a slide; none for what is no slide.
    SlideSize(Source, Limits),
    /// [`crate::slide_tile`].
    SlideTile(SlideTileRequest),
}

/// Its answer.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub enum Answer {
    /// Of [`Call::Inspect`].
    Inspection(Inspection),
    /// Of [`Call::Decode`].
    Decoded(Box<Decoded>),
    /// Of [`Call::Survey`].
    Survey(SliceSurvey),
    /// Of [`Call::Region`].
    View(Box<View>),
    /// Of [`Call::Render`] and [`Call::SlideTile`].
    Picture(Rgb8),
    /// Of [`Call::SlideSize`].
    SlideSize(Option<[u32; 2]>),
}

impl Call {
    /// Answers it in this process.
    ///
    /// # Errors
    /// As the function that is called.
    pub fn answer(&self) -> Result<Answer, ImagingError> {
        match self {
            Self::Inspect(source, limits) => crate::inspect(source, limits).map(Answer::Inspection),
            Self::Decode(request) => crate::decode(request).map(Box::new).map(Answer::Decoded),
            Self::Survey(request) => crate::survey(request).map(Answer::Survey),
            Self::Region(request) => crate::region(request).map(Box::new).map(Answer::View),
            Self::Render(request) => crate::render(request).map(Answer::Picture),
            Self::SlideSize(source, limits) => {
                crate::slide_size(source, limits).map(Answer::SlideSize)
            }
            Self::SlideTile(request) => crate::slide_tile(request).map(Answer::Picture),
        }
    }

    /// What the call may cost.
    pub fn limits(&self) -> &Limits {
        match self {
            Self::Inspect(_, limits) | Self::SlideSize(_, limits) => limits,
            Self::Decode(request) => &request.limits,
            Self::Survey(request) => &request.limits,
            Self::Region(request) => &request.limits,
            Self::Render(request) => &request.limits,
            Self::SlideTile(request) => &request.limits,
        }
    }

    /// What is read.
    pub(super) fn source_mut(&mut self) -> &mut Source {
        match self {
            Self::Inspect(source, _) | Self::SlideSize(source, _) => source,
            Self::Decode(request) => &mut request.source,
            Self::Survey(request) => &mut request.source,
            Self::Region(request) => &mut request.source,
            Self::Render(request) => &mut request.source,
            Self::SlideTile(request) => &mut request.source,
        }
    }
}

impl Answer {
    /// The pictures in it, in an order that both sides keep.
    fn pictures(&mut self) -> Vec<&mut Rgb8> {
        match self {
            Self::Inspection(_) | Self::Survey(_) | Self::SlideSize(_) => Vec::new(),
            Self::Decoded(decoded) => {
                let decoded = &mut **decoded;
                let mut pictures: Vec<_> =
                    decoded.views.iter_mut().map(|view| &mut view.rgb).collect();
                pictures.push(&mut decoded.thumbnail);
                pictures
            }
            Self::View(view) => vec![&mut view.rgb],
            Self::Picture(rgb) => vec![rgb],
        }
    }

    /// Writes the pixels into the shared memory and leaves their places in the answer empty.
    pub(super) fn put_pixels(&mut self, memory: &SharedMemory) -> io::Result<()> {
        let mut offset = 0;
        for rgb in self.pictures() {
            memory.write(&rgb.pixels, offset)?;
            offset += rgb.pixels.len() as u64;
            rgb.pixels = Vec::new();
        }
        Ok(())
    }

    /// Reads the pixels back. Their number follows from the stated sizes, which must keep to the limits.
    pub(super) fn take_pixels(&mut self, memory: &SharedMemory, limits: &Limits) -> io::Result<()> {
        let mut offset = 0;
        let mut left = limits
            .max_view_pixels
            .max(limits.max_pixels)
            .saturating_mul(2);
        for rgb in self.pictures() {
            let pixels = u64::from(rgb.width_px) * u64::from(rgb.height_px);
            left = left
                .checked_sub(pixels)
                .ok_or_else(|| io::Error::other("more pixels than were asked for"))?;
            rgb.pixels = memory.read(pixels * 3, offset)?;
            offset += pixels * 3;
        }
        Ok(())
    }
}

/// Sends one message.
pub(super) fn send(stream: &mut impl Write, message: &impl Serialize) -> io::Result<()> {
    let mut framed = vec![0; 4];
    serde_json::to_writer(&mut framed, message)?;
    let len = u32::try_from(framed.len() - 4)
        .ok()
        .filter(|len| *len <= MAX_MESSAGE_BYTES)
        .ok_or_else(|| io::Error::other("the message is too long"))?;
    framed[..4].copy_from_slice(&len.to_le_bytes());
    stream.write_all(&framed)
}

/// Receives one message; `None` when the other side has closed the stream between two messages.
pub(super) fn receive<T: DeserializeOwned>(stream: &mut impl Read) -> io::Result<Option<T>> {
    let mut len = [0; 4];
    match stream.read(&mut len)? {
        0 => return Ok(None),
        got => stream.read_exact(&mut len[got..])?,
    }
    let len = u32::from_le_bytes(len);
    if len > MAX_MESSAGE_BYTES {
        return Err(io::Error::other("the message is too long"));
    }
    let mut message = Vec::new();
    stream.take(len.into()).read_to_end(&mut message)?;
    if message.len() < len as usize {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(Some(serde_json::from_slice(&message)?))
}
