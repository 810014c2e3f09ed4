//! TIFF 6.0 and BigTIFF by the `tiff` crate: strips and tiles, chunky and planar; uncompressed, PackBits, LZW,
//! deflate, JPEG and CCITT group 4. Every page is a frame.

use image::metadata::Orientation;
use tiff::decoder::{ChunkType, Decoder, DecodingResult};
use tiff::tags::{CompressionMethod, PhotometricInterpretation, Tag};
use tiff::{TiffError, TiffFormatError};

use super::tiff_colour::{self, Samples};
use super::tiff_jpeg;
use super::tiff_reader::Budgeted;
use super::{Page, Shown, broken};
use crate::tiff_shares::{OVERLAPS, READ_OVER, Shares, expansion};
use crate::{Format, ImagingError, Limits, Rgb8};

const TIFF: Format = Format::Tiff;
/// Bytes of one decoded pixel at most (CMYK and alpha of 16 bits; one value of 64).
const MAX_PIXEL_BYTES: u64 = 10;
/// NewSubfileType (TIFF 6.0, page 36): a smaller copy of another page, or a mask.
const REDUCED_OR_MASK: u32 = 0b101;
/// What decompressors read ahead at each strip or tile.
const READ_AHEAD: u64 = 32 << 10;
/// A strip or tile takes this many bytes in the tables that point at it.
const CHUNK_ENTRY: u64 = 4;

type TiffDecoder<'a> = Decoder<Budgeted<'a>>;

/// Whether the bytes start a BigTIFF, which has a version of its own.
pub(super) fn is_big(start: &[u8]) -> bool {
    start.starts_with(b"II\x2B\0\x08\0\0\0") || start.starts_with(b"MM\0\x2B\0\x08\0\0")
}

/// The pages in order. Smaller copies and masks are none, unless the file holds nothing else.
pub(super) fn pages(bytes: &[u8], limits: &Limits) -> Result<Vec<Page>, ImagingError> {
    let mut decoder = open(bytes, limits)?;
    let mut pages = Vec::new();
    for directory in 0.. {
        let kind = decoder
            .find_tag_unsigned::<u32>(Tag::NewSubfileType)
            .map_err(said)?
            .unwrap_or(0);
        pages.push((kind & REDUCED_OR_MASK != 0, page(&mut decoder, directory)?));
        Limits::check("frames", pages.len() as u64, limits.max_frames.into())?;
        if !decoder.more_images() {
            break;
        }
        decoder.next_image().map_err(said)?;
    }
    let some_are_whole = pages.iter().any(|(reduced, _)| !reduced);
    pages.retain(|(reduced, _)| !(some_are_whole && *reduced));
    Ok(pages.into_iter().map(|(_, page)| page).collect())
}

fn page(decoder: &mut TiffDecoder<'_>, directory: usize) -> Result<Page, ImagingError> {
    let (width_px, height_px) = decoder.dimensions().map_err(said)?;
    let orientation = decoder
        .find_tag_unsigned::<u16>(Tag::Orientation)
        .ok()
        .flatten()
        .and_then(|code| Orientation::from_exif(u8::try_from(code).ok()?))
        .unwrap_or(Orientation::NoTransforms);
    Ok(Page {
        directory,
        width_px,
        height_px,
        orientation,
    })
}

fn budget(bytes: &[u8]) -> u64 {
    let len = bytes.len() as u64;
    len * READ_OVER + (len / CHUNK_ENTRY / 2).min(1 << 16) * READ_AHEAD + (1 << 20)
}

fn open<'a>(bytes: &'a [u8], limits: &Limits) -> Result<TiffDecoder<'a>, ImagingError> {
    with_bounds(Budgeted::new(bytes, budget(bytes)), bytes, limits)
}

fn with_bounds<'a>(
    reader: Budgeted<'a>,
    bytes: &[u8],
    limits: &Limits,
) -> Result<TiffDecoder<'a>, ImagingError> {
    let mut bounds = tiff::decoder::Limits::default();
    let most = limits.max_pixels.saturating_mul(MAX_PIXEL_BYTES);
    bounds.decoding_buffer_size = usize::try_from(most).unwrap_or(usize::MAX);
    bounds.intermediate_buffer_size = bytes.len();
    Ok(Decoder::new(reader).map_err(said)?.with_limits(bounds))
}

/// A decoder at a page, and the page's palette.
fn open_page<'a>(
    bytes: &'a [u8],
    page: Page,
    limits: &Limits,
) -> Result<(TiffDecoder<'a>, Option<Vec<u16>>), ImagingError> {
    let mut decoder = open(bytes, limits)?;
    decoder.seek_to_image(page.directory).map_err(said)?;
    let photometric = decoder
        .find_tag_unsigned::<u16>(Tag::PhotometricInterpretation)
        .map_err(said)?;
    if photometric != Some(PhotometricInterpretation::RGBPalette.to_u16()) {
        return Ok((decoder, None));
    }
    let entries = decoder
        .find_tag_unsigned_vec::<u16>(Tag::ColorMap)
        .map_err(said)?
        .ok_or_else(|| broken(TIFF, "a palette picture without its ColorMap"))?;
    // The crate reads no palettes: the indices are read as grey levels, and looked up here.
    let place = photometric_place(bytes, &mut decoder)
        .ok_or_else(|| broken(TIFF, "no PhotometricInterpretation"))?;
    let grey = PhotometricInterpretation::BlackIsZero.to_u16();
    let word = if bytes.starts_with(b"MM") {
        grey.to_be_bytes()
    } else {
        grey.to_le_bytes()
    };
    let reader = Budgeted::new(bytes, budget(bytes)).with_word(place, word);
    let mut decoder = with_bounds(reader, bytes, limits)?;
    decoder.seek_to_image(page.directory).map_err(said)?;
    Ok((decoder, Some(entries)))
}

/// Decodes one page, before it is turned.
pub(super) fn decode(bytes: &[u8], page: Page, limits: &Limits) -> Result<Shown, ImagingError> {
    let (mut decoder, palette) = open_page(bytes, page, limits)?;
    let chunks = check_chunks(bytes, &mut decoder)?;
    let colour = decoder.colortype().map_err(said)?;
    let layout = decoder.image_buffer_layout().map_err(said)?;
    check_planar_tiles(&mut decoder, page, layout.planes)?;
    let bytes_needed = layout.complete_len as u64;
    Limits::check(
        "bytes of one page",
        bytes_needed,
        limits.max_pixels.saturating_mul(MAX_PIXEL_BYTES),
    )?;
    if !chunks.could_hold(bytes_needed, page) {
        return Err(broken(TIFF, "too short for the size that it states"));
    }
    let mut values = DecodingResult::U8(Vec::new());
    decoder.read_image_to_buffer(&mut values).map_err(said)?;
    let mut samples = Samples {
        values,
        colour,
        planes: layout.planes,
        width: page.width_px as usize,
        height: page.height_px as usize,
    };
    let labels_hold = chunks
        .first_jpeg
        .is_none_or(|jpeg| tiff_jpeg::check_labels(&mut samples, jpeg));
    let (made_by, pixels) =
        tiff_colour::to_rgb(&samples, palette.as_deref()).map_err(|reason| broken(TIFF, reason))?;
    let made_by = if labels_hold {
        made_by
    } else {
        "colours not as labelled"
    };
    Ok(Shown {
        made_by,
        rgb: Rgb8 {
            width_px: page.width_px,
            height_px: page.height_px,
            pixels,
        },
    })
}

/// Where the value of PhotometricInterpretation stands in the file.
fn photometric_place(bytes: &[u8], decoder: &mut TiffDecoder<'_>) -> Option<u64> {
    let directory = usize::try_from(decoder.ifd_pointer()?.0).ok()?;
    let is_big_endian = bytes.starts_with(b"MM");
    let word = |at: usize| {
        let pair = bytes.get(at..at.checked_add(2)?)?.try_into().ok()?;
        Some(if is_big_endian {
            u16::from_be_bytes(pair)
        } else {
            u16::from_le_bytes(pair)
        })
    };
    let (count_len, entry_len, value_at) = if is_big(bytes) {
        (8, 20, 12)
    } else {
        (2, 12, 8)
    };
    // The count is a word of 2 or 8 bytes; a directory of more than 65,535 entries is none.
    let count_at = if is_big(bytes) && is_big_endian {
        directory + 6
    } else {
        directory
    };
    let count = usize::from(word(count_at)?);
    let wanted = Tag::PhotometricInterpretation.to_u16();
    (0..count)
        .map(|index| directory + count_len + index * entry_len)
        .find(|at| word(*at) == Some(wanted))
        .map(|at| (at + value_at) as u64)
}

/// Strips and tiles may share their bytes, but not without bound. Those of JPEG state sizes of their own: one larger
/// than its place would take memory that the page does not account for.
fn check_chunks<'a>(
    bytes: &'a [u8],
    decoder: &mut TiffDecoder<'_>,
) -> Result<Chunks<'a>, ImagingError> {
    let mut of = |tile, strip| -> Result<Vec<u64>, ImagingError> {
        let found = match decoder.find_tag_unsigned_vec(tile).map_err(said)? {
            Some(found) => Some(found),
            None => decoder.find_tag_unsigned_vec(strip).map_err(said)?,
        };
        Ok(found.unwrap_or_default())
    };
    let places = of(Tag::TileOffsets, Tag::StripOffsets)?;
    let lengths = of(Tag::TileByteCounts, Tag::StripByteCounts)?;
    let shares = Shares::of(&places, &lengths, bytes.len() as u64);
    if shares.lie_over_one_another() {
        return Err(broken(TIFF, OVERLAPS));
    }
    let compression = decoder
        .find_tag_unsigned::<u16>(Tag::Compression)
        .map_err(said)?
        .map_or(
            CompressionMethod::None,
            CompressionMethod::from_u16_exhaustive,
        );
    let mut first_jpeg = None;
    if compression == CompressionMethod::ModernJPEG {
        for (place, length) in places.into_iter().zip(lengths) {
            let chunk = part(bytes, place, length)
                .ok_or_else(|| broken(TIFF, "a strip or tile lies beyond the end of the file"))?;
            tiff_jpeg::check_size(chunk, decoder.chunk_dimensions())
                .map_err(|reason| broken(TIFF, reason))?;
            first_jpeg.get_or_insert(chunk);
        }
    }
    Ok(Chunks {
        compression,
        shares,
        first_jpeg,
    })
}

fn part(bytes: &[u8], place: u64, length: u64) -> Option<&[u8]> {
    let start = usize::try_from(place).ok()?;
    bytes.get(start..start.checked_add(usize::try_from(length).ok()?)?)
}

/// The strips or tiles of a page.
struct Chunks<'a> {
    compression: CompressionMethod,
    shares: Shares,
    first_jpeg: Option<&'a [u8]>,
}

impl Chunks<'_> {
    /// Whether they could hold so many bytes of pixels; what has no known bound is not read at all.
    fn could_hold(&self, bytes_needed: u64, page: Page) -> bool {
        expansion(self.compression, page.width_px.into())
            .is_none_or(|ratio| self.shares.could_hold(bytes_needed, ratio))
    }
}

/// The crate loses its place in the later planes of tiles that reach beyond the picture.
fn check_planar_tiles(
    decoder: &mut TiffDecoder<'_>,
    page: Page,
    planes: usize,
) -> Result<(), ImagingError> {
    let (width, height) = decoder.chunk_dimensions();
    let is_even = page.width_px.is_multiple_of(width) && page.height_px.is_multiple_of(height);
    if planes > 1 && decoder.get_chunk_type() == ChunkType::Tile && !is_even {
        return Err(broken(TIFF, "planar tiles that reach beyond the picture"));
    }
    Ok(())
}

fn said(error: TiffError) -> ImagingError {
    match error {
        TiffError::LimitsExceeded => broken(TIFF, "a table or strip over the bounds on memory"),
        TiffError::FormatError(TiffFormatError::CycleInOffsets) => {
            broken(TIFF, "its directories point at each other")
        }
        // Lists of values may be long.
        other => broken(
            TIFF,
            other.to_string().chars().take(200).collect::<String>(),
        ),
    }
}
