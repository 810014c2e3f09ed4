//! JPEG inside TIFF: what its streams state for themselves, and whether the page's label of the colours holds.

use tiff::ColorType;
use tiff::decoder::DecodingResult;

use super::tiff_colour::Samples;
use crate::dicom::codec::jpeg::says_ycbcr;
use crate::ycbcr_labels::Evidence;

/// Fails for a strip or tile without a frame header, or larger than its place.
pub(super) fn check_size(jpeg: &[u8], (width, height): (u32, u32)) -> Result<(), &'static str> {
    let (stated_width, stated_height) =
        stated_size(jpeg).ok_or("a strip or tile without a JPEG frame header")?;
    // Writers may round a strip up to whole blocks.
    let fits = |stated: u16, place: u32| u64::from(stated) <= u64::from(place).div_ceil(16) * 16;
    if !fits(stated_width, width) || !fits(stated_height, height) {
        return Err("a strip or tile is larger than its place");
    }
    Ok(())
}

/// The decoder gives values as they are coded, and the page's PhotometricInterpretation for what they are. Markers in
/// the stream are believed before that, and the values before both; `false` where they contradict it, and the colour
/// is corrected then.
pub(super) fn check_labels(samples: &mut Samples, jpeg: &[u8]) -> bool {
    let labelled_ycbcr = match samples.colour {
        ColorType::RGB(8) => false,
        ColorType::YCbCr(8) => true,
        _ => return true,
    };
    // A plane for itself is grey, and its markers speak of that.
    if samples.planes > 1 {
        return true;
    }
    let mut holds_ycbcr = says_ycbcr(jpeg).unwrap_or(labelled_ycbcr);
    if holds_ycbcr && let DecodingResult::U8(values) = &samples.values {
        let mut seen = Evidence::default();
        seen.add_picture(values, samples.width);
        holds_ycbcr = !seen.is_against_ycbcr();
    }
    if holds_ycbcr == labelled_ycbcr {
        return true;
    }
    samples.colour = if holds_ycbcr {
        ColorType::YCbCr(8)
    } else {
        ColorType::RGB(8)
    };
    false
}

/// Width and height of the first frame header (ISO 10918-1 B.2.2).
fn stated_size(jpeg: &[u8]) -> Option<(u16, u16)> {
    let mut rest = jpeg.strip_prefix(&[0xFF, 0xD8])?;
    while let [0xFF, marker, tail @ ..] = rest {
        rest = match (marker, tail) {
            (0xFF, _) => &rest[1..],
            (
                0xC0..=0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF,
                [_, _, _, h0, h1, w0, w1, ..],
            ) => {
                return Some((
                    u16::from_be_bytes([*w0, *w1]),
                    u16::from_be_bytes([*h0, *h1]),
                ));
            }
            (0xDA, _) => return None,
            (_, [high, low, ..]) => {
                tail.get(usize::from(u16::from_be_bytes([*high, *low])).max(2)..)?
            }
            _ => return None,
        };
    }
    None
}
