//! One opened DICOM object: its header parsed, its pixels located but not copied.

use std::borrow::Cow;
use std::io::Read as _;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

use dicom_object::InMemDicomObject;
use dicom_transfer_syntax_registry::entries;
use flate2::read::DeflateDecoder;

use super::scan::{PixelPlace, scan};
use super::start::{Start, read_start};
use super::syntax::{Encoding, Syntax};
use super::unknown;
use crate::source::Content;
use crate::{ImagingError, Limits, Source};

/// First read of a header; it grows eightfold until the pixels are met.
const HEADER_BYTES: usize = 256 << 10;

/// An object whose header is parsed.
pub(crate) struct DicomFile {
    /// The header, without the pixels.
    pub object: InMemDicomObject,
    /// Transfer syntax.
    pub syntax: Syntax,
    /// SOP class of the file meta group.
    pub media_sop_class: Option<String>,
    /// Where the pixels are, in `data_set`.
    pub pixels: Option<PixelPlace>,
    /// The file ends inside an element.
    pub cut_short: bool,
    /// Position of the element that holds the pixels: in the file, or in the inflated data set.
    pub pixels_at: usize,
    data_set: DataSet,
}

enum DataSet {
    InFile { file: Content, at: usize },
    Inflated(Vec<u8>),
}

impl DicomFile {
    /// Reads only the header of a source, growing the read until the pixels are met.
    pub(crate) fn open_header(source: &Source, limits: &Limits) -> Result<Self, ImagingError> {
        let mut len = HEADER_BYTES;
        loop {
            let bytes = source.read_start(len, limits)?;
            let whole = bytes.len() < len;
            let start = read_start(&bytes)?;
            if whole || start.syntax.deflated {
                break;
            }
            let found = scan(
                &bytes[start.data_set_at..],
                start.syntax.encoding,
                limits,
                false,
            )?;
            if found.pixels.is_some() {
                return Self::assemble(bytes, start, limits, false);
            }
            len = len.saturating_mul(8);
        }
        let bytes = source.read_all(limits)?;
        let start = read_start(&bytes)?;
        Self::assemble(bytes, start, limits, false)
    }

    /// Parses the header in the first bytes of a file; `None` where they end before the pixels.
    pub(crate) fn open_start(
        bytes: Content,
        limits: &Limits,
    ) -> Result<Option<Self>, ImagingError> {
        let start = read_start(&bytes)?;
        let data_set = &bytes[start.data_set_at..];
        if start.syntax.deflated
            || scan(data_set, start.syntax.encoding, limits, false)?
                .pixels
                .is_none()
        {
            return Ok(None);
        }
        Self::assemble(bytes, start, limits, false).map(Some)
    }

    /// Opens the whole content.
    pub(crate) fn open(bytes: Content, limits: &Limits) -> Result<Self, ImagingError> {
        let start = read_start(&bytes)?;
        Self::assemble(bytes, start, limits, true)
    }

    fn assemble(
        file: Content,
        start: Start,
        limits: &Limits,
        fragments: bool,
    ) -> Result<Self, ImagingError> {
        let data_set = if start.syntax.deflated {
            DataSet::Inflated(inflate(&file[start.data_set_at..], limits)?)
        } else {
            DataSet::InFile {
                file,
                at: start.data_set_at,
            }
        };
        let found = scan(data_set.bytes(), start.syntax.encoding, limits, fragments)?;
        let header = without(&data_set.bytes()[found.header.clone()], &found.left_out);
        let object = parse_header(&header, start.syntax.encoding, limits)?;
        if object.iter().next().is_none() {
            return Err(ImagingError::ParseDicom {
                reason: "the data set is empty".to_owned(),
            });
        }
        Ok(Self {
            object,
            syntax: start.syntax,
            media_sop_class: start.media_sop_class,
            pixels: found.pixels,
            cut_short: found.cut_short,
            pixels_at: match data_set {
                DataSet::InFile { at, .. } => at.saturating_add(found.header.end),
                DataSet::Inflated(_) => found.header.end,
            },
            data_set,
        })
    }

    /// The bytes of the data set; positions in `pixels` count from its start.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.data_set.bytes()
    }
}

impl DataSet {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::InFile { file, at } => &file[*at..],
            Self::Inflated(bytes) => bytes,
        }
    }
}

/// PS3.5 A.5: the data set is a raw deflate stream.
fn inflate(deflated: &[u8], limits: &Limits) -> Result<Vec<u8>, ImagingError> {
    let damaged = |_| ImagingError::ParseDicom {
        reason: "the deflated data set is damaged".to_owned(),
    };
    // Counted first, in no memory: a bomb must not take the limit's worth before it is refused.
    let bound = limits.max_inflated_bytes.saturating_add(1);
    let mut counted = DeflateDecoder::new(deflated).take(bound);
    let len = std::io::copy(&mut counted, &mut std::io::sink()).map_err(damaged)?;
    Limits::check("inflated bytes", len, limits.max_inflated_bytes)?;
    let mut bytes = Vec::with_capacity(usize::try_from(len).unwrap_or(0));
    DeflateDecoder::new(deflated)
        .take(len)
        .read_to_end(&mut bytes)
        .map_err(damaged)?;
    Ok(bytes)
}

/// The bytes without some parts, which are in order.
fn without<'a>(bytes: &'a [u8], parts: &[Range<usize>]) -> Cow<'a, [u8]> {
    if parts.is_empty() {
        return Cow::Borrowed(bytes);
    }
    let mut kept = Vec::new();
    let mut at = 0;
    for part in parts {
        kept.extend_from_slice(&bytes[at..part.start]);
        at = part.end;
    }
    kept.extend_from_slice(&bytes[at..]);
    Cow::Owned(kept)
}

fn parse_header(
    header: &[u8],
    encoding: Encoding,
    limits: &Limits,
) -> Result<InMemDicomObject, ImagingError> {
    let syntax = match (encoding.explicit, encoding.big_endian) {
        (false, _) => entries::IMPLICIT_VR_LITTLE_ENDIAN.erased(),
        (true, false) => entries::EXPLICIT_VR_LITTLE_ENDIAN.erased(),
        (true, true) => entries::EXPLICIT_VR_BIG_ENDIAN.erased(),
    };
    let parsed = catch_unwind(AssertUnwindSafe(|| {
        // The parser's own words may quote a value: they are left out.
        let mut object =
            InMemDicomObject::read_dataset_with_ts(header, &syntax).map_err(|error| {
                ImagingError::ParseDicom {
                    reason: where_parsing_stopped(&error),
                }
            })?;
        unknown::resolve(&mut object, limits)?;
        Ok(object)
    }));
    match parsed {
        Ok(parsed) => parsed,
        Err(_) => Err(ImagingError::SurviveDecoder {
            codec: "DICOM data set".to_owned(),
        }),
    }
}

fn where_parsing_stopped(error: &dicom_object::ReadError) -> String {
    use dicom_object::ReadError;
    match error {
        ReadError::PrematureEnd { .. } => "a sequence does not end",
        ReadError::UnexpectedToken { .. } => "an item or delimiter stands where none may",
        ReadError::ReadToken { .. } => {
            "an element's value does not match its representation or length"
        }
        _ => "the data set is malformed",
    }
    .to_owned()
}
