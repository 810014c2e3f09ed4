//! Which SOP classes hold no picture of the patient (PS3.4 annex B), and what to call them.

use dicom_dictionary_std::tags;

use super::attributes::{first_text, text};
use super::file::DicomFile;
use crate::slide::DICOM_SLIDE_CLASS;

/// UID or UID prefix (ending in a dot), and what people call it.
const NO_PICTURE: [(&str, &str); 31] = [
    ("1.2.840.10008.1.3.10", "DICOM directory (DICOMDIR)"),
    ("1.2.840.10008.5.1.4.1.1.66.4", "DICOM Segmentation (SEG)"),
    ("1.2.840.10008.5.1.4.1.1.66.5", "DICOM Surface Segmentation"),
    ("1.2.840.10008.5.1.4.1.1.66.6", "DICOM Tractography Results"),
    (
        "1.2.840.10008.5.1.4.1.1.66.7",
        "DICOM Label Map Segmentation",
    ),
    (
        "1.2.840.10008.5.1.4.1.1.66.8",
        "DICOM Height Map Segmentation",
    ),
    (
        "1.2.840.10008.5.1.4.1.1.66.1",
        "DICOM Spatial Registration (REG)",
    ),
    ("1.2.840.10008.5.1.4.1.1.66.2", "DICOM Spatial Fiducials"),
    (
        "1.2.840.10008.5.1.4.1.1.66.3",
        "DICOM Deformable Spatial Registration",
    ),
    ("1.2.840.10008.5.1.4.1.1.66", "DICOM Raw Data"),
    (
        "1.2.840.10008.5.1.4.1.1.67",
        "DICOM Real World Value Mapping",
    ),
    ("1.2.840.10008.5.1.4.1.1.68.", "DICOM surface or mesh"),
    (
        "1.2.840.10008.5.1.4.1.1.78.",
        "DICOM lens or refraction measurement",
    ),
    (
        "1.2.840.10008.5.1.4.1.1.80.",
        "DICOM visual field measurement",
    ),
    (
        "1.2.840.10008.5.1.4.1.1.88.",
        "DICOM Structured Report (SR)",
    ),
    (
        "1.2.840.10008.5.1.4.1.1.90.",
        "DICOM Content Assessment Results",
    ),
    (
        "1.2.840.10008.5.1.4.1.1.91.",
        "DICOM Microscopy Bulk Annotations",
    ),
    ("1.2.840.10008.5.1.4.1.1.104.1", "DICOM Encapsulated PDF"),
    (
        "1.2.840.10008.5.1.4.1.1.104.",
        "DICOM encapsulated document",
    ),
    (
        "1.2.840.10008.5.1.4.1.1.11.",
        "DICOM Presentation State (PR)",
    ),
    ("1.2.840.10008.5.1.4.1.1.9.", "DICOM Waveform"),
    ("1.2.840.10008.5.1.4.1.1.481.2", "DICOM RT Dose (RTDOSE)"),
    (
        "1.2.840.10008.5.1.4.1.1.481.3",
        "DICOM RT Structure Set (RTSTRUCT)",
    ),
    ("1.2.840.10008.5.1.4.1.1.481.5", "DICOM RT Plan (RTPLAN)"),
    (
        "1.2.840.10008.5.1.4.1.1.481.8",
        "DICOM RT Ion Plan (RTPLAN)",
    ),
    (
        "1.2.840.10008.5.1.4.1.1.481.4",
        "DICOM RT Beams Treatment Record",
    ),
    ("1.2.840.10008.5.1.4.1.1.481.", "DICOM RT object"),
    (
        "1.2.840.10008.5.1.4.34.",
        "DICOM work list or procedure step",
    ),
    ("1.2.840.10008.5.1.4.38.", "DICOM hanging protocol"),
    ("1.2.840.10008.5.1.4.39.", "DICOM colour palette"),
    ("1.2.840.10008.5.1.4.43.", "DICOM implant template"),
];

/// RT Image and Enhanced RT Image are pictures (portal images).
const PICTURES_AMONG: [&str; 3] = [
    "1.2.840.10008.5.1.4.1.1.481.1",
    "1.2.840.10008.5.1.4.1.1.481.23",
    "1.2.840.10008.5.1.4.1.1.481.24",
];

/// Modality codes of such objects, for files without a SOP class.
const NO_PICTURE_MODALITIES: [&str; 12] = [
    "SEG", "RTDOSE", "RTSTRUCT", "RTPLAN", "RTRECORD", "SR", "PR", "KO", "REG", "FID", "ECG", "DOC",
];

/// Why an object is no picture, for people; `None` for pictures.
pub(crate) fn why_no_picture(file: &DicomFile) -> Option<String> {
    let class = sop_class(file);
    if let Some(uid) = &class {
        if let Some(name) = name_of(uid) {
            return Some(format!("{name} holds no picture"));
        }
    } else if let Some(code) = first_text(&file.object, tags::MODALITY)
        && NO_PICTURE_MODALITIES.contains(&code.as_str())
    {
        return Some(format!("DICOM object of modality {code} holds no picture"));
    }
    if let Some(reason) = why_withheld(file) {
        return Some(reason);
    }
    (file.pixels.is_none() && !file.cut_short)
        .then(|| "DICOM object without Pixel Data (7FE0,0010)".to_owned())
}

/// Why pixels are not given away at any stage.
pub(crate) fn why_withheld(file: &DicomFile) -> Option<String> {
    is_slide_label(file).then(|| {
        "DICOM slide label or overview: such pictures carry names and are never read".to_owned()
    })
}

/// The SOP class of the data set, else of the file meta group.
pub(crate) fn sop_class(file: &DicomFile) -> Option<String> {
    first_text(&file.object, tags::SOP_CLASS_UID).or_else(|| file.media_sop_class.clone())
}

fn name_of(uid: &str) -> Option<&'static str> {
    if PICTURES_AMONG.contains(&uid) {
        return None;
    }
    let exact = NO_PICTURE.iter().find(|(known, _)| *known == uid);
    let among = || {
        NO_PICTURE
            .iter()
            .find(|(known, _)| known.ends_with('.') && uid.starts_with(known))
    };
    exact.or_else(among).map(|(_, name)| *name)
}

/// PS3.3 C.8.12.4.1.1: value 3 of Image Type is LABEL or OVERVIEW (the macro picture shows the label, too), of a slide
/// by its modality or by its SOP class. A picture that says that it shows the label is believed, whatever else it is.
fn is_slide_label(file: &DicomFile) -> bool {
    let shows_label = first_text(&file.object, tags::SPECIMEN_LABEL_IN_IMAGE)
        .is_some_and(|answer| answer.eq_ignore_ascii_case("YES"));
    let is_slide = || {
        first_text(&file.object, tags::MODALITY).is_some_and(|code| code == "SM")
            || sop_class(file).is_some_and(|uid| uid == DICOM_SLIDE_CLASS)
    };
    let is_label_by_type = || {
        text(&file.object, tags::IMAGE_TYPE).is_some_and(|types| {
            types
                .split('\\')
                .any(|word| matches!(word.trim(), "LABEL" | "OVERVIEW"))
        })
    };
    shows_label || is_slide() && is_label_by_type()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_told_apart() {
        assert_eq!(
            name_of("1.2.840.10008.5.1.4.1.1.66.4"),
            Some("DICOM Segmentation (SEG)")
        );
        assert_eq!(
            name_of("1.2.840.10008.5.1.4.1.1.88.33"),
            Some("DICOM Structured Report (SR)")
        );
        assert_eq!(name_of("1.2.840.10008.5.1.4.1.1.481.1"), None, "RT Image");
        assert_eq!(name_of("1.2.840.10008.5.1.4.1.1.2"), None, "CT");
        assert_eq!(
            name_of("1.2.840.10008.5.1.4.1.1.7.4"),
            None,
            "secondary capture"
        );
    }
}
