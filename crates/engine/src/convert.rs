//! Between the leaves' words: each knows its own types only, and they meet here.

use casekin_catalog as catalog;
use casekin_index as index;
use casekin_reports::{Analysis, Polarity, SectionKind};

use crate::answer::ModelSummary;
use crate::labels::{said_by_label, said_by_words};
use crate::records::VolumeRecord;

pub(crate) fn to_catalog_stamp(stamp: &index::Stamp) -> catalog::ModelStamp {
    catalog::ModelStamp {
        model_id: stamp.model_id.clone(),
        profile: stamp.profile.clone(),
        precision: stamp.precision.clone(),
        pipeline_version: stamp.pipeline_version,
        dimension: stamp.dimension,
    }
}

pub(crate) fn to_index_stamp(stamp: &catalog::ModelStamp) -> index::Stamp {
    index::Stamp {
        model_id: stamp.model_id.clone(),
        profile: stamp.profile.clone(),
        precision: stamp.precision.clone(),
        pipeline_version: stamp.pipeline_version,
        dimension: stamp.dimension,
    }
}

pub(crate) fn to_catalog_location(at: index::VectorLocation) -> catalog::VectorLocation {
    catalog::VectorLocation {
        segment: at.segment,
        offset: at.offset,
        crc: at.crc32,
    }
}

pub(crate) fn to_index_location(at: catalog::VectorLocation) -> index::VectorLocation {
    index::VectorLocation {
        segment: at.segment,
        offset: at.offset,
        crc32: at.crc,
    }
}

pub(crate) fn model_summary(model: &catalog::ModelRecord, profile: &str) -> ModelSummary {
    ModelSummary {
        id: model.model_id.clone(),
        name: model.name.clone(),
        profile: profile.to_owned(),
        demo: model.demo,
    }
}

pub(crate) fn volume_record(plan: catalog::SlicePlan) -> VolumeRecord {
    VolumeRecord {
        chosen: plan.chosen,
        range: plan.range,
    }
}

/// A number for a patient's pseudonym, 0 for an unknown patient.
pub(crate) fn patient_number(pseudonym: Option<&str>) -> u64 {
    let Some(pseudonym) = pseudonym else { return 0 };
    let digits: String = pseudonym
        .chars()
        .filter(char::is_ascii_hexdigit)
        .take(15)
        .collect();
    u64::from_str_radix(&digits, 16).unwrap_or(0).max(1)
}

/// `2020-03-31` → 20200331.
pub(crate) fn date_number(date: &str) -> Option<i32> {
    let digits: String = date.chars().filter(|c| *c != '-').collect();
    (digits.len() == 8).then(|| digits.parse().ok()).flatten()
}

/// What the index should hold of a case, as the catalog has it.
pub(crate) fn case_entry(entry: &catalog::CaseEntry) -> index::CaseEntry {
    let facts = &entry.facts;
    index::CaseEntry {
        case_no: entry.case_no.0,
        facts: index::CaseFacts {
            labels: facts.labels.clone(),
            sex: facts.sex.clone(),
            age_years: facts.age_years.map(|years| years as f32),
            date: facts.date.as_deref().and_then(date_number),
            site: facts.site.clone(),
            synthetic: facts.synthetic,
            title: affirmed_title(entry),
            patient: patient_number(facts.patient.as_deref()),
            images: entry.kinds.iter().map(to_index_image).collect(),
        },
        report: report_fields(entry),
        views: entry.views.iter().map(view_entry).collect(),
    }
}

pub(crate) fn to_index_image(kind: &catalog::ImageKind) -> index::ImageFacts {
    index::ImageFacts {
        modality: kind.modality.clone(),
        body_part: kind.body_part.clone(),
        laterality: kind.laterality.clone(),
    }
}

fn view_entry(view: &catalog::EntryView) -> index::ViewEntry {
    index::ViewEntry {
        view_no: view.view_no,
        modality: view.modality.clone(),
        body_part: view.body_part.clone(),
        laterality: view.laterality.clone(),
        stain: None,
        location: to_index_location(view.location),
    }
}

fn report_fields(entry: &catalog::CaseEntry) -> Option<index::ReportFields> {
    let mut fields = index::ReportFields {
        title: affirmed_title(entry),
        ..Default::default()
    };
    let title = said_by_words(entry.facts.title.as_deref().unwrap_or_default());
    title
        .denied
        .iter()
        .for_each(|text| append(&mut fields.negated, text));
    title
        .uncertain
        .iter()
        .for_each(|text| append(&mut fields.uncertain, text));
    for label in &entry.facts.labels {
        let said = said_by_label(label);
        said.affirmed
            .iter()
            .for_each(|text| append(&mut fields.labels, text));
        said.denied
            .iter()
            .for_each(|text| append(&mut fields.denied_labels, text));
        said.uncertain
            .iter()
            .for_each(|text| append(&mut fields.uncertain_labels, text));
    }
    for report in &entry.reports {
        let Ok(analysis) = serde_json::from_str::<Analysis>(&report.analysis_json) else {
            // An analysis of another version: the words stay findable, their polarity is lost until the next ingest.
            append(&mut fields.other, &report.text);
            continue;
        };
        if fields.language.is_empty() {
            fields.language.clone_from(&report.language);
        }
        for sentence in &analysis.sentences {
            let kind = analysis
                .sections
                .get(sentence.section)
                .map_or(SectionKind::Other, |section| section.kind);
            let field = match (sentence.polarity, kind) {
                (Polarity::Negated, _) => &mut fields.negated,
                (Polarity::Uncertain, _) => &mut fields.uncertain,
                (Polarity::Historical, _) => &mut fields.historical,
                (_, SectionKind::History) => &mut fields.history,
                (_, SectionKind::Title) => &mut fields.title,
                (_, SectionKind::Findings) => &mut fields.findings,
                (_, SectionKind::Impression) => &mut fields.impression,
                (_, SectionKind::Technique | SectionKind::Other) => &mut fields.other,
            };
            append(field, &sentence.text);
            // What has resolved was there and is absent: "no pneumothorax" finds it too.
            if sentence.has_ended() {
                append(&mut fields.negated, &sentence.text);
            }
        }
    }
    (fields != index::ReportFields::default()).then_some(fields)
}

/// What a case is called, as far as it says that something is there.
fn affirmed_title(entry: &catalog::CaseEntry) -> String {
    said_by_words(entry.facts.title.as_deref().unwrap_or_default())
        .affirmed
        .join(" ")
}

fn append(field: &mut String, text: &str) {
    if !field.is_empty() {
        field.push('\n');
    }
    field.push_str(text.trim());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_patient_is_nobodys_number() {
        assert_eq!(patient_number(None), 0);
        assert_ne!(patient_number(Some("p-00000000000000000")), 0);
        assert_ne!(patient_number(Some("p-0a")), patient_number(Some("p-0b")));
    }

    #[test]
    fn dates_become_numbers() {
        assert_eq!(date_number("2020-03-31"), Some(20_200_331));
        assert_eq!(date_number("2020"), None);
    }
}
