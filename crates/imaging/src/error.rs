//! The one error of this crate. It is plain data (it crosses process borders) and it names attributes and
//! reasons, never a value that a patient could be known by, never a path.

use serde::{Deserialize, Serialize};

/// Why a source gave no picture.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize, thiserror::Error)]
#[non_exhaustive]
pub enum ImagingError {
    /// The bytes could not be read (missing file, no permission, a folder).
    #[error("cannot read the source: {reason}")]
    ReadSource {
        /// What the operating system said.
        reason: String,
    },
    /// The content is none of the formats this crate knows.
    #[error("no known picture format: {reason}")]
    RecogniseFormat {
        /// What was seen instead.
        reason: String,
    },
    /// The DICOM data set cannot be parsed.
    #[error("cannot parse the DICOM data set: {reason}")]
    ParseDicom {
        /// Where and why parsing stopped.
        reason: String,
    },
    /// A DICOM attribute is missing or makes no sense.
    #[error("attribute {keyword} {tag}: {reason}")]
    ReadAttribute {
        /// DICOM keyword, for example `BitsAllocated`.
        keyword: String,
        /// Tag as `(gggg,eeee)`.
        tag: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The transfer syntax has no decoder here.
    #[error("attribute TransferSyntaxUID (0002,0010): no decoder for {name} [{uid}]")]
    FindDecoder {
        /// The UID.
        uid: String,
        /// Its name in PS3.6, or "unknown".
        name: String,
    },
    /// A bound of [`crate::Limits`] would be exceeded; nothing was allocated for it.
    #[error("over the limit of {limit} {what}: {found}")]
    StayWithinLimit {
        /// What was counted, for example `pixels`.
        what: String,
        /// What the source asks for.
        found: u64,
        /// What is allowed.
        limit: u64,
    },
    /// The pixels of a DICOM frame cannot be decoded.
    #[error(
        "attribute {keyword} {tag}, frame {frame}: {codec}: {reason}",
        keyword = "PixelData",
        tag = "(7FE0,0010)"
    )]
    DecodeFrame {
        /// Frame number from 1.
        frame: u32,
        /// Which codec, for example `JPEG-LS`.
        codec: String,
        /// What it said.
        reason: String,
    },
    /// A raster file cannot be decoded.
    #[error("cannot decode {format}: {reason}")]
    DecodeRaster {
        /// Format name, for example `PNG`.
        format: String,
        /// What the decoder said.
        reason: String,
    },
    /// A decoder panicked; the panic was caught and its memory is gone.
    #[error("the {codec} decoder failed internally on this file")]
    SurviveDecoder {
        /// Which decoder.
        codec: String,
    },
    /// The decode worker died on this source (a codec crashed, or ran out of its memory or time). It is replaced.
    #[error("the decoder died on this file ({how}); the file is broken or beyond what it can read")]
    KeepDecoderAlive {
        /// How it ended, for example `signal 11`.
        how: String,
    },
    /// Decoding took longer than [`crate::Limits::max_decode_ms`].
    #[error("decoding took longer than {limit_ms} ms")]
    FinishInTime {
        /// What is allowed, in milliseconds.
        limit_ms: u64,
    },
    /// A decode worker could not be started.
    #[error("a decode worker cannot be started: {reason}")]
    StartDecoder {
        /// What the operating system said.
        reason: String,
    },
    /// The file is a slide, and the library that reads it is not installed.
    #[error(
        "slides of this format are read by OpenSlide, which was not found: install {packages}, \
         or name libopenslide in CASEKIN_OPENSLIDE"
    )]
    FindOpenSlide {
        /// Packages that hold it.
        packages: String,
    },
    /// A slide cannot be opened, or a region of it cannot be read.
    #[error("cannot read the slide: {reason}")]
    ReadSlide {
        /// What the reader said, without the file's path.
        reason: String,
    },
    /// Pixels were asked of an object that holds no picture.
    #[error("not a picture: {reason}")]
    FindPicture {
        /// What the object is instead.
        reason: String,
    },
    /// A frame beyond the last was asked for.
    #[error("frame {frame} of {frames}")]
    SelectFrame {
        /// Frame number from 1.
        frame: u32,
        /// How many there are.
        frames: u32,
    },
    /// A box that is empty or lies outside the picture was asked for.
    #[error("box {box_px:?} does not fit into {width_px}x{height_px} px")]
    CutBox {
        /// x, y, width, height in pixels.
        box_px: [u32; 4],
        /// Width of the picture.
        width_px: u32,
        /// Height of the picture.
        height_px: u32,
    },
    /// A deep-zoom tile that does not exist was asked for.
    #[error("no deep-zoom tile at level {level}, column {column}, row {row}")]
    SelectTile {
        /// Deep Zoom level.
        level: u32,
        /// Column from 0.
        column: u32,
        /// Row from 0.
        row: u32,
    },
    /// A picture could not be encoded as PNG or JPEG.
    #[error("cannot encode the picture: {reason}")]
    EncodePicture {
        /// What the encoder said.
        reason: String,
    },
}
