//! Tiled TIFFs whose JPEG tiles hold other colours than the page says. OpenSlide, like libtiff, believes the page
//! (PhotometricInterpretation) and shows them in false colours; here such slides are read by casekin itself, or
//! refused.
//!
//! Two kinds are known:
//! - **RGB that is labelled YCbCr**, in the page and often in the stream: somebody handed RGB to an encoder that
//!   expected YCbCr. The values give it away (see [`crate::ycbcr_labels`]).
//! - **YCbCr that is labelled RGB** in the page, with a JFIF or Adobe marker in the stream that says YCbCr; the
//!   markers are believed, as in DICOM.

use super::tiff_levels::JpegLevel;
use super::tiff_pages::TiffFile;
use crate::dicom::codec::jpeg;
use crate::ycbcr_labels::Evidence;

/// Tiles of a level that are looked at.
const SAMPLED_TILES: usize = 8;

/// Whether the tiles of a level hold YCbCr, where that is not what the page says. `None` where nothing contradicts it.
/// `by_markers`: whether markers inside the tiles count too.
pub(super) fn holds_ycbcr(file: &TiffFile, level: &JpegLevel, by_markers: bool) -> Option<bool> {
    if !level.labelled_ycbcr && !by_markers {
        return None;
    }
    let known: Vec<usize> = (0..level.count())
        .filter(|index| !level.is_left_out(*index))
        .collect();
    let sampled = known.len().min(SAMPLED_TILES);
    let mut seen = Evidence::default();
    for index in (0..sampled).map(|index| known[index * known.len() / sampled]) {
        let Some(stream) = level.stream(file, index) else {
            continue;
        };
        let says = jpeg::says_ycbcr(&stream);
        if by_markers && says.is_some_and(|says| says != level.labelled_ycbcr) {
            return says;
        }
        if level.labelled_ycbcr
            && let Some(means) = level.coded(&stream, 1)
        {
            seen.add_means(&means, level.tile_px.0.div_ceil(8) as usize);
        }
    }
    seen.is_against_ycbcr().then_some(false)
}
