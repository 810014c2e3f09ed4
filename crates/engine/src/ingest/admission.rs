//! From what a file, its manifest row and its report say to what the catalog takes: who the case is, what of it may
//! be shown, and what must be masked.

use std::path::Path;

use casekin_catalog::{
    Admission, BatchNo, CaseFallback, CaseIdentity, Keyring, NewCaseFacts, NewImage, NewReport,
    NewSlice, ObjectRef,
};
use casekin_imaging::{Facts, Header};
use casekin_reports::manifest::{Row, Sex};
use casekin_reports::{Identifiers, Language, TextLimits, analyse, mask, read_text};

use crate::config::EngineConfig;
use crate::error::EngineError;

/// Longest label, in characters: longer cells of a manifest are prose, not labels.
const MAX_LABEL_CHARS: usize = 160;

/// Where a batch comes from.
#[derive(Clone, Debug)]
pub(super) struct Origin {
    pub(super) site: Option<String>,
    pub(super) synthetic: bool,
    pub(super) batch_no: BatchNo,
}

/// A picture that was found, with everything said of it.
pub(super) struct Found {
    pub(super) header: Header,
    pub(super) content_sha256: [u8; 32],
    pub(super) bytes: u64,
    pub(super) object: ObjectRef,
    pub(super) original_name: Option<String>,
    pub(super) row: Option<Row>,
    pub(super) report_text: Option<String>,
}

/// Reads a text report.
pub(super) fn read_report(path: &Path, config: &EngineConfig) -> Result<String, EngineError> {
    use std::io::Read as _;
    let limit = config.ingest.max_report_bytes;
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(limit + 1).read_to_end(&mut bytes))
        .map_err(|source| EngineError::io("read the report beside the picture", source))?;
    Ok(read_text(
        &bytes,
        &TextLimits {
            max_bytes: usize::try_from(limit).unwrap_or(usize::MAX),
        },
    )?)
}

pub(super) fn admission(
    found: Found,
    origin: &Origin,
    config: &EngineConfig,
    keyring: &Keyring,
) -> Admission {
    let known = identifiers(&found);
    let masked = |text: &str| {
        if config.deidentify.mask_reports {
            mask(text, &known).text
        } else {
            text.to_owned()
        }
    };
    let Found {
        header,
        content_sha256,
        bytes,
        object,
        original_name,
        row,
        report_text,
    } = found;
    let row = row.unwrap_or_default();
    let identity = &header.identity;
    let date = row.date.clone().or_else(|| header.facts.study_date.clone());
    let study_day = date
        .clone()
        .or_else(|| row.study_offset_days.map(|days| format!("day {days}")));
    let case = CaseIdentity {
        case_id: row
            .case_id
            .as_deref()
            .map(|id| public_case_id(id, &known, keyring)),
        accession: row.accession.clone().or_else(|| identity.accession.clone()),
        study_uid: identity.study_uid.clone(),
        patient_id: row
            .patient_id
            .clone()
            .or_else(|| identity.patient_id.clone()),
        series_uid: identity.series_uid.clone(),
        fallback: CaseFallback {
            study_day,
            file_sha256: content_sha256,
        },
    };
    let report_text = row
        .report
        .clone()
        .or(report_text)
        .filter(|text| !text.trim().is_empty());
    let modality = header
        .facts
        .modality
        .clone()
        .or_else(|| row.modality.clone());
    let body_part = row
        .body_part
        .clone()
        .or_else(|| header.facts.body_part.clone())
        .map(|part| part.to_lowercase());
    let case_facts = NewCaseFacts {
        title: Some(title(
            &row,
            &header.facts,
            modality.as_deref(),
            body_part.as_deref(),
            &masked,
        )),
        labels: labels(&row, &masked),
        sex: row
            .sex
            .map(sex_letter)
            .map(str::to_owned)
            .or_else(|| header.facts.sex.clone()),
        age_years: row.age_years.or(header.facts.age_years).map(f64::from),
        date,
        site: row.site.clone().or_else(|| origin.site.clone()),
        synthetic: origin.synthetic,
    };
    let image = NewImage {
        content_sha256,
        object,
        bytes,
        format: header.format.name().to_lowercase(),
        modality,
        body_part,
        laterality: header.facts.laterality.clone(),
        sop_instance_uid: header.facts.sop_instance_uid.clone(),
        original_name,
        facts_json: facts_json(&header.facts, &masked),
        slice: header.slice.clone().map(|place| NewSlice {
            stack: place.stack,
            position_mm: place.position_mm,
            number: place.number,
        }),
    };
    let report = report_text.map(|text| new_report(&masked(&text)));
    Admission {
        case,
        case_facts,
        image: Some(image),
        report,
        batch: Some(origin.batch_no),
    }
}

/// The facts of a picture as the catalog keeps them: free text masked, UIDs left out.
fn facts_json(facts: &Facts, masked: &dyn Fn(&str) -> String) -> String {
    let kept = Facts {
        sop_instance_uid: None,
        study_description: facts.study_description.as_deref().map(masked),
        series_description: facts.series_description.as_deref().map(masked),
        ..facts.clone()
    };
    serde_json::to_string(&kept).unwrap_or_default()
}

/// What decoding has taught about a picture, written over what its header said at admission; `None` where it is the
/// same. Descriptions are taken from admission, where they were masked.
pub(crate) fn facts_for_catalog(decoded: &Facts, admitted_json: &str) -> Option<String> {
    let admitted: Facts = serde_json::from_str(admitted_json).unwrap_or_default();
    let merged = Facts {
        width_px: decoded.width_px,
        height_px: decoded.height_px,
        frames: decoded.frames,
        spacing_mm: decoded.spacing_mm.or(admitted.spacing_mm),
        ..admitted.clone()
    };
    if merged == admitted {
        None
    } else {
        serde_json::to_string(&merged).ok()
    }
}

pub(super) fn new_report(text: &str) -> NewReport {
    let analysis = analyse(text);
    let language = match analysis.language {
        Language::En => "en",
        Language::Fr => "fr",
        Language::De => "de",
        Language::Es => "es",
        Language::Other => "other",
    };
    NewReport {
        text: text.to_owned(),
        language: language.to_owned(),
        analysis_json: serde_json::to_string(&analysis).unwrap_or_default(),
        source: None,
    }
}

/// Everything that is known to name this patient or those who treated them.
fn identifiers(found: &Found) -> Identifiers {
    let identity = &found.header.identity;
    let mut known = found
        .row
        .as_ref()
        .map(|row| row.identifiers.clone())
        .unwrap_or_default();
    known.names.extend(identity.patient_name.clone());
    // Other identity is names of staff and places, and numbers; a lone digit (Study ID "7") identifies nobody.
    let (names, numbers): (Vec<_>, Vec<_>) = identity
        .other
        .iter()
        .cloned()
        .partition(|value| !words(value).is_empty());
    known.names.extend(names);
    known.ids.extend(
        numbers
            .into_iter()
            .filter(|number| number.trim().len() >= 4),
    );
    let row_ids = found
        .row
        .iter()
        .flat_map(|row| row.patient_id.iter().chain(&row.accession));
    let header_ids = [
        &identity.patient_id,
        &identity.accession,
        &identity.study_uid,
        &identity.series_uid,
    ];
    known
        .ids
        .extend(header_ids.into_iter().flatten().chain(row_ids).cloned());
    known
        .ids
        .extend(found.header.facts.sop_instance_uid.clone());
    known.dates.extend(identity.birth_date.clone());
    known
}

/// A manifest's case id is shown everywhere, so one that holds an identifier is replaced by a keyed hash of it.
fn public_case_id(case_id: &str, known: &Identifiers, keyring: &Keyring) -> String {
    let case_words = words(case_id);
    let lower = case_id.to_lowercase();
    let named = known
        .names
        .iter()
        .any(|name| words(name).iter().any(|word| case_words.contains(word)));
    let numbered = known
        .ids
        .iter()
        .map(|id| id.trim().to_lowercase())
        .any(|id| id.chars().count() >= 4 && lower.contains(&id));
    match keyring.pseudonym(case_id) {
        Some(pseudonym) if named || numbered => {
            format!("c-{}", &pseudonym[2..14.min(pseudonym.len())])
        }
        _ => case_id.trim().to_owned(),
    }
}

/// Words of three letters and more, in lower case.
fn words(text: &str) -> Vec<String> {
    let words = text
        .split(|c: char| !c.is_alphabetic())
        .filter(|word| word.chars().count() >= 3);
    words.map(str::to_lowercase).collect()
}

fn title(
    row: &Row,
    facts: &Facts,
    modality: Option<&str>,
    body_part: Option<&str>,
    masked: &dyn Fn(&str) -> String,
) -> String {
    let described = [
        &row.title,
        &facts.study_description,
        &facts.series_description,
    ]
    .into_iter()
    .flatten()
    .map(|text| masked(text.trim()))
    .find(|text| !text.is_empty());
    described.unwrap_or_else(|| match (modality, body_part) {
        (Some(modality), Some(part)) => format!("{modality} {part}"),
        (Some(one), None) | (None, Some(one)) => one.to_owned(),
        (None, None) => "Case".to_owned(),
    })
}

fn labels(row: &Row, masked: &dyn Fn(&str) -> String) -> Vec<String> {
    let extra = row
        .extra
        .iter()
        .filter(|(_, value)| !value.trim().is_empty())
        .map(|(column, value)| format!("{column}: {}", value.trim()));
    let all = row.labels.iter().cloned().chain(extra);
    all.filter(|label| label.chars().count() <= MAX_LABEL_CHARS)
        .map(|label| masked(&label))
        .collect()
}

fn sex_letter(sex: Sex) -> &'static str {
    match sex {
        Sex::F => "F",
        Sex::M => "M",
        Sex::O => "O",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_id_that_names_somebody_is_replaced_and_others_stay() {
        let keyring = Keyring::from_bytes([3; 32]);
        let known = Identifiers {
            names: vec!["Doe^Jane".into()],
            ids: vec!["4711007".into(), "7".into()],
            dates: Vec::new(),
        };
        let id = |case_id: &str| public_case_id(case_id, &known, &keyring);
        assert_eq!(id("teaching-7"), "teaching-7");
        assert!(id("doe_1").starts_with("c-"));
        assert!(id("MR4711007a").starts_with("c-"));
        assert_eq!(id("doe_1"), id("doe_1"));
    }
}
