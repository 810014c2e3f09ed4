//! Collects whatever in a header can name somebody: the patient's attributes, every person name at any depth,
//! and the identifiers of PS3.15 annex E that are text. The caller masks, seals or drops them.

use std::collections::BTreeSet;

use dicom_core::header::Header as _;
use dicom_core::{Tag, VR};
use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;

use super::attributes::{first_text, text};
use crate::{Identity, Limits};

/// Retired, and still written.
const OTHER_PATIENT_IDS: Tag = Tag(0x0010, 0x1000);
/// Retired, and still written.
const MEDICAL_RECORD_LOCATOR: Tag = Tag(0x0010, 0x1090);

/// Texts that are no person names but lead to a person or a place.
const TELLING: [Tag; 19] = [
    OTHER_PATIENT_IDS,
    tags::PATIENT_ADDRESS,
    tags::PATIENT_TELEPHONE_NUMBERS,
    tags::PATIENT_TELECOM_INFORMATION,
    tags::PATIENT_INSURANCE_PLAN_CODE_SEQUENCE,
    tags::MILITARY_RANK,
    tags::COUNTRY_OF_RESIDENCE,
    tags::REGION_OF_RESIDENCE,
    MEDICAL_RECORD_LOCATOR,
    tags::INSTITUTION_NAME,
    tags::INSTITUTION_ADDRESS,
    tags::INSTITUTIONAL_DEPARTMENT_NAME,
    tags::REFERRING_PHYSICIAN_ADDRESS,
    tags::REFERRING_PHYSICIAN_TELEPHONE_NUMBERS,
    tags::STUDY_ID,
    tags::ADMISSION_ID,
    tags::PATIENT_ID,
    tags::ACCESSION_NUMBER,
    tags::STATION_NAME,
];

/// Collects the identity of an object; `birth_date` is already ISO.
pub(crate) fn collect(
    object: &InMemDicomObject,
    birth_date: Option<String>,
    limits: &Limits,
) -> Identity {
    let patient_name = text(object, tags::PATIENT_NAME);
    let patient_id = text(object, tags::PATIENT_ID);
    let accession = text(object, tags::ACCESSION_NUMBER);
    let mut other = BTreeSet::new();
    gather(object, limits.max_nesting, &mut other);
    for known in [&patient_name, &patient_id, &accession]
        .into_iter()
        .flatten()
    {
        other.remove(known);
    }
    Identity {
        patient_name,
        patient_id,
        birth_date,
        accession,
        study_uid: first_text(object, tags::STUDY_INSTANCE_UID),
        series_uid: first_text(object, tags::SERIES_INSTANCE_UID),
        other: other.into_iter().collect(),
    }
}

fn gather(object: &InMemDicomObject, depth_left: u32, found: &mut BTreeSet<String>) {
    for element in object {
        if let Some(nested) = element.items() {
            if depth_left > 0 {
                nested
                    .iter()
                    .for_each(|item| gather(item, depth_left - 1, found));
            }
            continue;
        }
        if element.vr() != VR::PN && !TELLING.contains(&element.tag()) {
            continue;
        }
        let Ok(value) = element.to_str() else {
            continue;
        };
        let parts = value
            .split('\\')
            .map(|part| part.trim_matches(['\0', ' ', '^', '=']));
        found.extend(parts.filter(|part| !part.is_empty()).map(str::to_owned));
    }
}
