//! From attributes to [`Facts`].

use dicom_core::Tag;
use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;

use super::attributes::{first_text, for_frame, integer, items, numbers, text};
use super::dates;
use super::file::DicomFile;
use super::identity;
use super::layout::Layout;
use super::slice::slice_place;
use crate::{Facts, Format, Header, ImagingError, Limits};

/// Builds the header of an object that holds a picture.
///
/// # Errors
/// Missing or senseless attributes of the pixels' layout, and sizes over the limits.
pub(crate) fn build(file: &DicomFile, limits: &Limits) -> Result<Header, ImagingError> {
    let layout = Layout::read(&file.object, limits)?;
    let object = &file.object;
    let study_date = [
        tags::STUDY_DATE,
        tags::SERIES_DATE,
        tags::ACQUISITION_DATE,
        tags::CONTENT_DATE,
    ]
    .into_iter()
    .find_map(|tag| dates::iso_date(&first_text(object, tag)?));
    let birth_date =
        first_text(object, tags::PATIENT_BIRTH_DATE).and_then(|date| dates::iso_date(&date));
    let age_years = first_text(object, tags::PATIENT_AGE)
        .and_then(|age| dates::age_years(&age))
        .or_else(|| dates::years_between(birth_date.as_deref()?, study_date.as_deref()?));
    let facts = Facts {
        width_px: layout.width_px,
        height_px: layout.height_px,
        frames: layout.frames,
        volumes: None,
        modality: first_text(object, tags::MODALITY).map(|code| code.to_ascii_uppercase()),
        body_part: body_part(object),
        laterality: laterality(object),
        view_position: first_text(object, tags::VIEW_POSITION)
            .or_else(|| meaning(items(object, tags::VIEW_CODE_SEQUENCE))),
        study_date,
        sex: first_text(object, tags::PATIENT_SEX)
            .map(|sex| sex.to_ascii_uppercase())
            .filter(|sex| ["F", "M", "O"].contains(&sex.as_str())),
        age_years,
        sop_class_uid: first_text(object, tags::SOP_CLASS_UID)
            .or_else(|| file.media_sop_class.clone()),
        sop_instance_uid: first_text(object, tags::SOP_INSTANCE_UID),
        transfer_syntax_uid: Some(file.syntax.printable_uid()),
        photometric: first_text(object, tags::PHOTOMETRIC_INTERPRETATION),
        manufacturer: text(object, tags::MANUFACTURER),
        spacing_mm: spacing_mm(object, 1),
        study_description: text(object, tags::STUDY_DESCRIPTION),
        series_description: text(object, tags::SERIES_DESCRIPTION),
        stain: stain(object),
        objective_power: None,
        window: window(object),
        instance_number: integer(object, tags::INSTANCE_NUMBER)
            .ok()
            .flatten()
            .and_then(|n| i32::try_from(n).ok()),
        burned_in_annotation: first_text(object, tags::BURNED_IN_ANNOTATION)
            .is_some_and(|word| word == "YES"),
    };
    let slice = slice_place(object, &facts);
    Ok(Header {
        format: Format::Dicom,
        facts,
        identity: identity::collect(object, birth_date, limits),
        slice,
    })
}

/// Millimetres per pixel, x then y. DICOM writes the spacing of rows (y) first.
pub(crate) fn spacing_mm(object: &InMemDicomObject, frame: u32) -> Option<[f32; 2]> {
    [
        tags::PIXEL_SPACING,
        tags::IMAGER_PIXEL_SPACING,
        tags::NOMINAL_SCANNED_PIXEL_SPACING,
    ]
    .into_iter()
    .find_map(|tag| {
        let holder = for_frame(object, frame, tags::PIXEL_MEASURES_SEQUENCE, tag)?;
        let spacing = numbers(holder, tag).ok()?;
        let [y, x] = [*spacing.first()?, *spacing.get(1)?];
        (x > 0.0 && y > 0.0 && x.is_finite() && y.is_finite()).then_some([x as f32, y as f32])
    })
}

/// The window through which a frame is shown where nobody asks for another: a VOI LUT comes before it (PS3.3 C.11.2).
fn window(object: &InMemDicomObject) -> Option<[f32; 2]> {
    if !items(object, tags::VOILUT_SEQUENCE).is_empty() {
        return None;
    }
    let of_frame = |tag| for_frame(object, 1, tags::FRAME_VOILUT_SEQUENCE, tag);
    let first = |tag| numbers(of_frame(tag)?, tag).ok()?.first().copied();
    let (centre, width) = (first(tags::WINDOW_CENTER)?, first(tags::WINDOW_WIDTH)?);
    let is_usable = centre.is_finite() && width.is_finite() && width > 0.0;
    is_usable.then_some([centre as f32, width as f32])
}

fn meaning(codes: &[InMemDicomObject]) -> Option<String> {
    codes
        .first()
        .and_then(|code| text(code, tags::CODE_MEANING))
}

fn body_part(object: &InMemDicomObject) -> Option<String> {
    let of_frame = for_frame(
        object,
        1,
        tags::FRAME_ANATOMY_SEQUENCE,
        tags::ANATOMIC_REGION_SEQUENCE,
    );
    first_text(object, tags::BODY_PART_EXAMINED)
        .or_else(|| meaning(items(of_frame?, tags::ANATOMIC_REGION_SEQUENCE)))
        .or_else(|| {
            let specimen = items(object, tags::SPECIMEN_DESCRIPTION_SEQUENCE).first()?;
            meaning(items(specimen, tags::PRIMARY_ANATOMIC_STRUCTURE_SEQUENCE))
        })
}

fn laterality(object: &InMemDicomObject) -> Option<String> {
    let frame_tag = tags::FRAME_LATERALITY;
    [tags::IMAGE_LATERALITY, tags::LATERALITY]
        .into_iter()
        .find_map(|tag| first_text(object, tag))
        .or_else(|| {
            first_text(
                for_frame(object, 1, tags::FRAME_ANATOMY_SEQUENCE, frame_tag)?,
                frame_tag,
            )
        })
        .map(|side| side.to_ascii_uppercase())
        .filter(|side| ["L", "R", "B", "U"].contains(&side.as_str()))
}

/// PS3.3 C.7.6.22: a preparation step of type "staining" names its substance; else what the optical path says.
fn stain(object: &InMemDicomObject) -> Option<String> {
    const USING_SUBSTANCE: &str = "424361007";
    const USING_SUBSTANCE_SRT: &str = "G-C350";
    let concept = |item: &InMemDicomObject| {
        let code = items(item, tags::CONCEPT_NAME_CODE_SEQUENCE).first()?;
        text(code, tags::CODE_VALUE)
    };
    let step_stains = |step: &InMemDicomObject| -> Vec<String> {
        items(step, tags::SPECIMEN_PREPARATION_STEP_CONTENT_ITEM_SEQUENCE)
            .iter()
            .filter(|item| {
                concept(item)
                    .is_some_and(|value| value == USING_SUBSTANCE || value == USING_SUBSTANCE_SRT)
            })
            .filter_map(|item| {
                meaning(items(item, tags::CONCEPT_CODE_SEQUENCE))
                    .or_else(|| text(item, tags::TEXT_VALUE))
            })
            .collect()
    };
    let steps = |specimen: &InMemDicomObject| -> Vec<String> {
        items(specimen, SPECIMEN_STEPS)
            .iter()
            .flat_map(step_stains)
            .collect()
    };
    let mut names: Vec<String> = items(object, tags::SPECIMEN_DESCRIPTION_SEQUENCE)
        .iter()
        .flat_map(steps)
        .collect();
    names.dedup();
    let stains: Vec<String> = names.into_iter().filter(|name| is_stain(name)).collect();
    (!stains.is_empty()).then(|| stains.join(", "))
}

const SPECIMEN_STEPS: Tag = tags::SPECIMEN_PREPARATION_SEQUENCE;

/// "Using substance" also names fixatives and embedding media.
fn is_stain(name: &str) -> bool {
    let lower = name.to_lowercase();
    !["formalin", "paraffin", "fixative", "ethanol", "xylene"]
        .iter()
        .any(|other| lower.contains(other))
}
