//! Which files may be slides, by their content. OpenSlide is asked about these and about no others, so that it is
//! neither needed nor loaded for ordinary pictures.

use std::path::Path;

use super::tiff_pages::{Page, pages};
use crate::{ImagingError, Source};

/// Enough to tell the families apart.
const START_BYTES: usize = 1024;
/// A tiled page of so many pixels is read in place even where it has no smaller levels.
const LARGE_PIXELS: u64 = 64_000_000;
/// VL Whole Slide Microscopy Image Storage (PS3.4 B.5), as the file meta group writes it.
pub(super) const DICOM_SLIDE: &str = "1.2.840.10008.5.1.4.1.1.77.1.6";
/// Words by which vendors mark their TIFFs: Aperio, Leica, Ventana, Philips, Trestle.
const VENDOR_WORDS: [&str; 6] = [
    "Aperio",
    "<scn",
    "iScan",
    "DPUfsImport",
    "MedScan",
    "<EncodeInfo",
];

/// First bytes of what is no TIFF: Zeiss CZI, Hamamatsu VMS and VMU.
const MAGIC_WORDS: [&[u8]; 3] = [
    b"ZISRAWFILE",
    b"[Virtual Microscope Specimen]",
    b"[Uncompressed Virtual Microscope Specimen]",
];

const SQLITE: &[u8] = b"SQLite format 3\0";
/// A table of Sakura's databases, named on their first page (64 KiB at most).
const SAKURA_TABLE: &[u8] = b"SVSlideDataXML";

/// Said of a MIRAX file by itself.
const LOST_FOLDER: &str = "a MIRAX slide is in the folder that has the file's name without .mrxs, and that folder, \
     with Slidedat.ini in it, is not beside the file: put it there and take the slide in by its path, not as an upload";

/// Who may read a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    /// Ask OpenSlide. A file that is marked as a vendor's slide is read as a slide or not at all: damaged ones
    /// would else pass as the picture on their first page.
    OpenSlide { marked: bool },
    /// A whole slide in DICOM.
    Dicom,
}

/// The family of a source; `None` for what is no slide.
///
/// # Errors
/// `ReadSource`; `ReadSlide` for a MIRAX file without its folder.
pub(super) fn family_of(source: &Source) -> Result<Option<Family>, ImagingError> {
    let start = source.read_first(START_BYTES)?;
    if start.get(128..132) == Some(b"DICM") {
        return Ok(names_dicom_slide(&start).then_some(Family::Dicom));
    }
    let found = match &*start {
        [b'I', b'I', 42 | 43, 0, ..] | [b'M', b'M', 0, 42 | 43, ..] => slide_tiff(&pages(source)),
        [0xFF, 0xD8, 0xFF, ..] if is_called_mirax(source) => {
            if !has_mirax_folder(source) {
                return Err(ImagingError::ReadSlide {
                    reason: LOST_FOLDER.to_owned(),
                });
            }
            Some(false)
        }
        start if start.starts_with(SQLITE) => is_sakura(source)?.then_some(false),
        start => MAGIC_WORDS
            .iter()
            .any(|word| start.starts_with(word))
            .then_some(false),
    };
    Ok(found.map(|marked| Family::OpenSlide { marked }))
}

/// Whether Media Storage SOP Class UID (PS3.10 7.1) is that of whole slides, and not one that only starts like it.
/// Segmentations of slides name the class elsewhere.
pub(super) fn names_dicom_slide(start: &[u8]) -> bool {
    let tag_and_vr = b"\x02\0\x02\0UI";
    let longer = |after: Option<&u8>| after.is_some_and(|byte| matches!(byte, b'.' | b'0'..=b'9'));
    let at = start
        .windows(tag_and_vr.len())
        .position(|window| window == tag_and_vr);
    // Two bytes of length stand between.
    at.and_then(|at| start.get(at + tag_and_vr.len() + 2..))
        .is_some_and(|value| {
            value.starts_with(DICOM_SLIDE.as_bytes()) && !longer(value.get(DICOM_SLIDE.len()))
        })
}

/// A vendor's mark, or tiled pages of several sizes, or a tiled page too large for a picture. Pictures that were
/// exported from a slide keep the vendor's words, but are not tiled.
fn slide_tiff(pages: &[Page]) -> Option<bool> {
    let first = pages.first()?;
    let has_mark =
        |page: &Page| page.ndpi || VENDOR_WORDS.iter().any(|word| page.words.contains(word));
    if (first.tiled || first.ndpi) && pages.iter().any(has_mark) {
        return Some(true);
    }
    let smaller = |page: &Page| {
        page.tiled && page.width_px < first.width_px && page.height_px < first.height_px
    };
    let large = first.width_px.saturating_mul(first.height_px) > LARGE_PIXELS;
    (first.tiled && (large || pages.iter().any(smaller)) || pages.iter().any(has_mark))
        .then_some(false)
}

fn is_sakura(source: &Source) -> Result<bool, ImagingError> {
    let page = source.read_first(64 << 10)?;
    let mut windows = page.windows(SAKURA_TABLE.len());
    Ok(windows.any(|window| window == SAKURA_TABLE))
}

/// MIRAX: a small JPEG, which by itself would pass as a picture; only its name tells what it is.
fn is_called_mirax(source: &Source) -> bool {
    let name = match source {
        Source::Path(path) => path.as_path(),
        Source::Bytes { name, .. } => Path::new(name),
    };
    name.extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("mrxs"))
}

/// Whether a folder of its name that holds Slidedat.ini lies beside it.
fn has_mirax_folder(source: &Source) -> bool {
    let Source::Path(path) = source else {
        return false;
    };
    path.with_extension("").join("Slidedat.ini").is_file()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(width_px: u64, tiled: bool, words: &str) -> Page {
        Page {
            width_px,
            height_px: width_px,
            tiled,
            words: words.to_owned(),
            ..Page::default()
        }
    }

    #[test]
    fn a_segmentation_of_a_slide_is_no_slide() {
        let class = |uid: &str| [b"\x02\0\x02\0UI\x1e\0", uid.as_bytes(), b"\0"].concat();
        assert!(names_dicom_slide(&class(DICOM_SLIDE)));
        let segmentation = class("1.2.840.10008.5.1.4.1.1.66.4");
        assert!(!names_dicom_slide(
            &[&segmentation, DICOM_SLIDE.as_bytes()].concat()
        ));
        assert!(!names_dicom_slide(b"\x02\0\x02\0UI"));
    }

    #[test]
    fn slides_are_told_from_pictures() {
        assert_eq!(slide_tiff(&[]), None);
        assert_eq!(slide_tiff(&[page(1000, false, "")]), None);
        assert_eq!(slide_tiff(&[page(1000, true, "")]), None, "small");
        let document = [page(1000, false, ""), page(500, false, "")];
        assert_eq!(slide_tiff(&document), None);
        let pyramid = [page(1000, true, ""), page(500, true, "")];
        assert_eq!(slide_tiff(&pyramid), Some(false));
        assert_eq!(slide_tiff(&[page(20_000, true, "")]), Some(false));
    }

    #[test]
    fn a_vendors_tiles_are_read_as_a_slide_or_not_at_all() {
        let marked = page(1000, true, "Aperio Image Library");
        assert_eq!(slide_tiff(&[marked]), Some(true));
        let exported = page(1000, false, "Aperio Image Library");
        assert_eq!(slide_tiff(&[exported]), Some(false));
    }

    #[test]
    fn a_mirax_file_without_its_folder_is_no_picture() {
        let jpeg = b"\xFF\xD8\xFF\xE0 a preview".to_vec();
        let family = |name: &str| family_of(&Source::from_bytes(name, jpeg.clone()));
        let error = family("slide.MRXS").unwrap_err().to_string();
        assert!(
            error.contains("folder") && error.contains("Slidedat.ini"),
            "{error}"
        );
        assert_eq!(family("slide.jpg"), Ok(None));
        let dir = std::env::temp_dir().join(format!("casekin-mirax-{}", std::process::id()));
        std::fs::create_dir_all(dir.join("slide")).unwrap();
        std::fs::write(dir.join("slide.mrxs"), &jpeg).unwrap();
        let by_path = || family_of(&Source::Path(dir.join("slide.mrxs")));
        assert!(by_path().is_err());
        std::fs::write(dir.join("slide/Slidedat.ini"), b"[GENERAL]").unwrap();
        assert_eq!(by_path(), Ok(Some(Family::OpenSlide { marked: false })));
        std::fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn databases_and_text_go_by_their_first_bytes() {
        let family = |bytes: &[u8]| family_of(&Source::from_bytes("x", bytes.to_vec())).unwrap();
        assert_eq!(
            family(b"ZISRAWFILE......"),
            Some(Family::OpenSlide { marked: false })
        );
        assert_eq!(family(b"SQLite format 3\0 of anybody"), None);
        let sakura = family(b"SQLite format 3\0 CREATE TABLE SVSlideDataXML");
        assert_eq!(sakura, Some(Family::OpenSlide { marked: false }));
        assert_eq!(family(b"plain text"), None);
        assert_eq!(family(b""), None);
    }
}
