//! Known ids, and what has the shape of an identifier whoever it belongs to.

use std::sync::LazyLock;

use regex::Regex;

use super::{Folded, Found, Kind};
use crate::fold::fold;

fn own(pattern: &str) -> Regex {
    Regex::new(pattern).expect("the crate's own patterns are valid")
}

/// On folded text; group 1, where there is one, is what is masked.
static SHAPES: LazyLock<Vec<(Regex, Kind)>> = LazyLock::new(|| {
    [
        (r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+", Kind::Id),
        (r"\b(?:https?://|www\.)[^\s<>]+[^\s<>.,;)]", Kind::Id),
        // DICOM UIDs (PS3.5 9.1) of six components or more; fewer could be a version or a section number.
        (r"\b[0-2](?:\.(?:0|[1-9]\d*)){5,}\b", Kind::Id),
        (r"\b\d{3}-\d{2}-\d{4}\b", Kind::Id),
        (r"(?:\+|\b00)\d{1,3}[\s().-]{0,2}\d[\d\s().-]{6,14}\d\b", Kind::Id),
        (r"(?:\(\d{3}\)\s?|\b\d{3}[-.\s])\d{3}[-.]\d{4}\b", Kind::Id),
        (r"\b(?:tel|phone|telephone|fax|telefon|telefono|movil|handy|portable|mobile|cell|pager)\.?\s*(?:no\.?|number)?\s*[:#]?\s*(\+?\(?\d[\d\s()./-]{4,18}\d)\b", Kind::Id),
        (
            concat!(
                r"\b(?:mrn|medical\s+record(?:\s+(?:number|no))?|patient[\s-]*(?:id|number|no|nr)|pat\.?[\s-]*(?:id|nr)|pid|case\s+(?:number|no)|",
                r"accession(?:\s+(?:number|no))?|acc(?:ession)?\s*#|fall(?:nummer|nr)|ssn|nhs(?:\s+(?:number|no))?|hospital\s+(?:number|no)|",
                r"specimen\s+(?:number|no|id)|account(?:\s+(?:number|no))?|(?:n[o°º]?|numero\s+de)\s?dossier|patientennummer|auftragsnummer|historia\s+clinica\s+n[o.°º]*|ipp|nip|nhc)\.?\s*(?:is\b)?[:#=]*\s*([a-z]{0,5}[-/]?\d[\w/-]*)",
            ),
            Kind::Id,
        ),
        (
            r"\b(?:d\.?o\.?b\.?|date\s+of\s+birth|birth\s?date|born(?:\s+on)?|geb(?:oren)?\.?(?:\s+am)?|geburtsdatum|nee?\s+le|ne\(e\)\s+le|f\.?\s?nac\.?|date\s+de\s+naissance|nacid[oa]\s+el|fecha\s+de\s+nacimiento)\s*[:=]?\s*(\d{1,4}\s?[-./]\s?\d{1,2}\s?[-./]\s?\d{1,4}|\d{8}|\d{1,2}\.?[\s-]*[a-z]{3,10}\.?,?[\s-]*\d{2,4}|[a-z]{3,10}\.?\s*\d{1,2},?\s*\d{4})",
            Kind::Date,
        ),
    ]
    .map(|(pattern, kind)| (own(pattern), kind))
    .into()
});

/// Only an initial may end with a full stop: another one ends the sentence.
const NAME: &str = r"\p{Lu}(?:\.|[\p{L}'’-]*)(?:[ ,^]{1,2}\p{Lu}(?:\.|[\p{L}'’-]*)){0,3}";
const TWO_NAMES: &str = r"\p{Lu}(?:\.|[\p{L}'’-]+)(?:[ ,^]{1,2}\p{Lu}(?:\.|[\p{L}'’-]*)){1,3}";
/// On the original text, where capitals tell names from words; group 1 is masked.
static NAMED: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    vec![
        own(
            r"\b(?:Drs?|DR|Doctor|Prof|PROF|Professor|Mr|MR|Mrs|MRS|Ms|Miss|Herrn?|Frau|Mme|Madame|Monsieur|Docteur|Sra?|Señora?|Dra|Doctora?)\.?\s+(?:(?:med|Dr|Prof|Dipl)\.\s*)*((?:\p{Lu}\.\s*){0,2}\p{Lu}[\p{L}'’-]+(?:[ ](?:(?:van|von|de|der|den|del)[ ])*\p{Lu}[\p{Ll}'’-]+)?)",
        ),
        own(&format!(
            r"\b(?i:patient(?:['’]s)?(?:\s+name)?|paciente|patientin|patiente|apellidos(?:\s+y\s+nombre)?|prénom|vorname|nachname)\s*:\s*({TWO_NAMES})"
        )),
        own(&format!(
            r"\b(?i:name|nom|nombre|referring\s+(?:physician|doctor|clinician)|attending(?:\s+physician)?|radiologist|pathologist|surgeon|sonographer|technologist|referrer|requested\s+by|médecin(?:\s+(?:prescripteur|traitant))?|radiologue|prescripteur|arzt|ärztin|befunder|befunderin|überweiser|zuweiser|médico(?:\s+(?:solicitante|informante))?|radiólogo|radióloga|firma|unterschrift|signature|signé)\s*:\s*({NAME})"
        )),
        own(&format!(
            r"\b(?i:reported|dictated|(?:electronically\s+)?signed|read|transcribed|verified|approved|interpreted|reviewed)\s+(?i:by)\s*:?\s+({NAME})"
        )),
        own(&format!(
            r"\b(?i:dicté|signé|validé|rédigé|relu|interprété)e?\s+(?i:électroniquement\s+)?(?i:par)\s*:?\s+({NAME})"
        )),
        own(&format!(
            r"\b(?i:dictad|firmad|informad|validad|revisad)[oa]\s+(?i:(?:electrónicamente\s+)?por)\s*:?\s+({NAME})"
        )),
        own(&format!(
            r"\b(?:(?i:befundet|diktiert|unterschrieben|freigegeben|validiert|vidiert)\s+(?i:von|durch)\s*:?|gez\.)\s+({NAME})"
        )),
        own(
            r"\b(\p{Lu}[\p{Ll}'’-]+\s(?:\p{Lu}\.?\s)?\p{Lu}[\p{Ll}'’-]+),?\s+(?:MD|M\.D\.|DO|MBBS|FRCR|PhD)\b",
        ),
    ]
});
static DEGREE: LazyLock<Regex> = LazyLock::new(|| own(r"[ ,]+(?:MD|M\.D\.?|DO|MBBS|FRCR|PhD)\.?$"));
/// First words after "Patient:" or "Name:" that begin no name.
const NO_NAMES: &[&str] = &[
    "male",
    "female",
    "unknown",
    "anonymous",
    "the",
    "this",
    "no",
    "none",
    "an",
    "consultant",
    "attending",
    "not",
    "see",
    "der",
    "die",
    "dem",
    "den",
    "le",
    "la",
    "el",
    "los",
];

/// Places of known ids.
pub(super) fn find_ids(folded: &Folded, ids: &[String]) -> Vec<Found> {
    let mut found = Vec::new();
    for id in ids.iter().map(|id| fold(id.trim())) {
        let Some(pattern) = id_pattern(&id) else {
            continue;
        };
        for captures in pattern.captures_iter(&folded.text) {
            let Some(hit) = captures.name("id") else {
                continue;
            };
            if folded.stands_alone(&hit.range()) {
                found.push((folded.original(hit.range()), Kind::Id));
            }
        }
    }
    found
}

/// Short ids and ids that are plain words are masked only where an id is announced.
fn id_pattern(id: &str) -> Option<Regex> {
    let significant: Vec<char> = id.chars().filter(|c| c.is_alphanumeric()).collect();
    if significant.is_empty() {
        return None;
    }
    let digits = significant.iter().filter(|c| c.is_ascii_digit()).count();
    let all_digits = digits == significant.len();
    let zeros = significant.iter().take_while(|c| **c == '0').count();
    let (lead, rest) = if all_digits && zeros > 0 && significant.len() - zeros >= 4 {
        ("0*", &significant[zeros..])
    } else {
        ("", &significant[..])
    };
    let body = rest
        .iter()
        .map(|c| regex::escape(&c.to_string()))
        .collect::<Vec<_>>()
        .join("[-./_]?");
    let announced = significant.len() < 4 || digits == 0;
    let pattern = if announced {
        format!(
            r"\b(?:mrn|id|patient|pat|accession|acc|case|number|no|nr)\b[\s.:#=-]*(?:is\s+)?(?P<id>{body})"
        )
    } else {
        format!("(?P<id>{lead}{body})")
    };
    Regex::new(&pattern).ok()
}

/// Places that look like identifiers.
pub(super) fn find_shapes(text: &str, folded: &Folded) -> Vec<Found> {
    let mut found = Vec::new();
    for (pattern, kind) in SHAPES.iter() {
        for captures in pattern.captures_iter(&folded.text) {
            if let Some(hit) = captures.get(1).or_else(|| captures.get(0)) {
                found.push((folded.original(hit.range()), *kind));
            }
        }
    }
    for pattern in NAMED.iter() {
        for hit in pattern.captures_iter(text).filter_map(|c| c.get(1)) {
            let first = hit
                .as_str()
                .split([' ', ',', '^', '.'])
                .next()
                .unwrap_or("")
                .to_lowercase();
            if !NO_NAMES.contains(&first.as_str()) {
                let name = DEGREE.replace(hit.as_str(), "");
                let end = hit.start() + name.trim_end_matches(['.', ',', ' ']).len();
                found.push((hit.start()..end, Kind::Name));
            }
        }
    }
    found
}
