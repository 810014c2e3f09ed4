//! The cases of an evaluation: those with pictures and a label, their vectors' places, and who their patients are.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use casekin_catalog::{CaseEntry, CaseNo};
use casekin_index::{Filter, VectorLocation};
use casekin_reports::{Analysis, Polarity, SectionKind};

use super::metrics::LabelSet;
use super::{EvaluationCounts, RetrievalRequest};
use crate::convert::{patient_number, to_index_location};
use crate::error::EngineError;
use crate::library::{Library, Serving};

const CASES_AT_ONCE: usize = 256;
/// Views of a query case, evenly spread, as a search takes them.
const MAX_QUERY_VIEWS: usize = 64;
/// Longest question made of a report, in characters.
const MAX_WORDS_CHARS: usize = 1_000;
/// Keys and labels that an error names.
const NAMED: usize = 20;

/// A case that asks and answers.
pub(super) struct PoolCase {
    pub(super) case_no: u64,
    /// As the index knows it; 0 = unknown.
    pub(super) patient: u64,
    /// Its patient's place in [`Pool::members`]; a case of an unknown patient has one to itself.
    pub(super) group: usize,
    pub(super) labels: LabelSet,
    pub(super) locations: Vec<VectorLocation>,
    /// What its report affirms: see [`affirmed_words`].
    pub(super) words: String,
}

/// All of them.
pub(super) struct Pool {
    pub(super) cases: Vec<PoolCase>,
    pub(super) label_names: Vec<String>,
    /// Places of each patient's cases.
    pub(super) members: Vec<Vec<usize>>,
    /// Cases that pass the filter and have no label: they may not answer.
    pub(super) outsiders: Vec<u64>,
}

impl Pool {
    /// Place of each case by its number.
    pub(super) fn places(&self) -> HashMap<u64, u32> {
        let numbered = (0_u32..).zip(&self.cases);
        numbered.map(|(at, case)| (case.case_no, at)).collect()
    }
}

/// A case with its labels as text.
struct Labelled {
    case_no: u64,
    patient: u64,
    labels: BTreeSet<String>,
    locations: Vec<VectorLocation>,
    words: String,
}

impl Library {
    pub(super) async fn labelled_pool(
        &self,
        serving: &Arc<Serving>,
        filter: &Filter,
        request: &RetrievalRequest,
    ) -> Result<(Pool, EvaluationCounts), EngineError> {
        let (index, filter) = (serving.index.clone(), filter.clone());
        let passing = tokio::task::spawn_blocking(move || index.cases(&filter, None)).await??;
        let wanted = self.wanted(&passing, request.label.as_deref()).await?;
        let (mut counts, mut outsiders) = (EvaluationCounts::default(), Vec::new());
        let mut labelled = Vec::new();
        for chunk in passing.chunks(CASES_AT_ONCE) {
            let numbers: Vec<CaseNo> = chunk.iter().map(|case| CaseNo(*case)).collect();
            let summaries = self.inner.catalog.case_summaries(&numbers).await?;
            let pictures: HashMap<u64, u64> = summaries
                .iter()
                .map(|one| (one.case_no.0, one.images))
                .collect();
            for entry in self.inner.catalog.case_entries(&numbers).await? {
                let pictures = pictures.get(&entry.case_no.0).copied().unwrap_or(0);
                let labels = wanted.of(&entry.facts.labels);
                if labels.is_empty() || pictures == 0 {
                    counts.unlabelled += u64::from(labels.is_empty());
                    counts.without_pictures += u64::from(!labels.is_empty());
                    outsiders.push(entry.case_no.0);
                    continue;
                }
                counts.pictures += pictures;
                counts.views += entry.views.len() as u64;
                labelled.push(case_of(&entry, labels));
            }
        }
        if labelled.is_empty() {
            return Err(EngineError::bad_query(
                "no case that passes the filters has pictures and a label; nothing can be evaluated",
            ));
        }
        let pool = pool_of(labelled, outsiders, &mut counts);
        Ok((pool, counts))
    }

    /// How the label that was asked for is to be read.
    async fn wanted(&self, cases: &[u64], name: Option<&str>) -> Result<Wanted, EngineError> {
        let Some(name) = name else {
            return Ok(Wanted::Plain);
        };
        let (mut keys, mut plain) = (BTreeSet::new(), BTreeSet::new());
        for chunk in cases.chunks(CASES_AT_ONCE) {
            let numbers: Vec<CaseNo> = chunk.iter().map(|case| CaseNo(*case)).collect();
            for summary in self.inner.catalog.case_summaries(&numbers).await? {
                for label in summary.facts.labels {
                    match label.split_once(": ") {
                        Some((key, _)) => keys.insert(key.to_owned()),
                        None => plain.insert(label),
                    };
                }
            }
        }
        let same = |held: &&String| held.to_lowercase() == name.to_lowercase();
        if let Some(key) = keys.iter().find(same) {
            return Ok(Wanted::Key(key.to_lowercase()));
        }
        if let Some(label) = plain.iter().find(same) {
            return Ok(Wanted::Has(label.clone()));
        }
        let list = |names: &BTreeSet<String>| {
            let some: Vec<&str> = names.iter().take(NAMED).map(String::as_str).collect();
            if some.is_empty() {
                "none".to_owned()
            } else {
                some.join(", ")
            }
        };
        Err(EngineError::bad_query(format!(
            "no case carries a label {name:?}; keys are: {}; plain labels are: {}",
            list(&keys),
            list(&plain)
        )))
    }
}

/// How labels are read.
enum Wanted {
    /// All without a key.
    Plain,
    /// The values of this key.
    Key(String),
    /// Whether this plain label is there, among cases that have any.
    Has(String),
}

impl Wanted {
    fn of(&self, labels: &[String]) -> BTreeSet<String> {
        let plain = labels.iter().filter(|label| !label.contains(": "));
        match self {
            Self::Plain => plain.cloned().collect(),
            Self::Key(wanted) => {
                let pairs = labels.iter().filter_map(|label| label.split_once(": "));
                let own = pairs.filter(|(key, _)| key.to_lowercase() == *wanted);
                own.map(|(_, value)| value.to_owned()).collect()
            }
            Self::Has(wanted) => {
                let plain: Vec<&String> = plain.collect();
                let named = if plain.contains(&wanted) {
                    wanted.clone()
                } else {
                    format!("without {wanted}")
                };
                (!plain.is_empty()).then_some(named).into_iter().collect()
            }
        }
    }
}

fn case_of(entry: &CaseEntry, labels: BTreeSet<String>) -> Labelled {
    let step = entry.views.len().div_ceil(MAX_QUERY_VIEWS).max(1);
    let views = entry.views.iter().step_by(step);
    Labelled {
        case_no: entry.case_no.0,
        patient: patient_number(entry.facts.patient.as_deref()),
        labels,
        locations: views.map(|view| to_index_location(view.location)).collect(),
        words: affirmed_words(entry),
    }
}

/// What a case's reports affirm in their impressions, or in their findings where they have none: the words of somebody who
/// asks for cases like it. Labels and titles are no part of it.
fn affirmed_words(entry: &CaseEntry) -> String {
    let (mut impression, mut findings) = (Vec::new(), Vec::new());
    for report in &entry.reports {
        let Ok(analysis) = serde_json::from_str::<Analysis>(&report.analysis_json) else {
            continue;
        };
        let affirmed = analysis.sentences.into_iter();
        for sentence in affirmed.filter(|one| one.polarity == Polarity::Affirmed) {
            match analysis.sections.get(sentence.section).map(|one| one.kind) {
                Some(SectionKind::Impression) => impression.push(sentence.text),
                Some(SectionKind::Findings) => findings.push(sentence.text),
                _ => {}
            }
        }
    }
    let said = if impression.is_empty() {
        findings
    } else {
        impression
    };
    said.join(" ").chars().take(MAX_WORDS_CHARS).collect()
}

fn pool_of(labelled: Vec<Labelled>, outsiders: Vec<u64>, counts: &mut EvaluationCounts) -> Pool {
    let names: BTreeSet<&String> = labelled.iter().flat_map(|case| &case.labels).collect();
    let label_names: Vec<String> = names.into_iter().cloned().collect();
    let (mut members, mut groups): (Vec<Vec<usize>>, HashMap<u64, usize>) = Default::default();
    let mut cases = Vec::with_capacity(labelled.len());
    for (at, case) in labelled.into_iter().enumerate() {
        let group = match groups.get(&case.patient) {
            Some(group) => *group,
            None => {
                members.push(Vec::new());
                if case.patient != 0 {
                    groups.insert(case.patient, members.len() - 1);
                }
                members.len() - 1
            }
        };
        members[group].push(at);
        counts.cases_of_unknown_patients += u64::from(case.patient == 0);
        let number = |label: &String| label_names.binary_search(label).ok().map(|at| at as u32);
        cases.push(PoolCase {
            case_no: case.case_no,
            patient: case.patient,
            group,
            labels: case.labels.iter().filter_map(number).collect(),
            locations: case.locations,
            words: case.words,
        });
    }
    counts.cases = cases.len() as u64;
    counts.patients = groups.len() as u64;
    counts.labels = label_names.len() as u64;
    let sets: BTreeSet<&LabelSet> = cases.iter().map(|case| &case.labels).collect();
    counts.label_sets = sets.len() as u64;
    Pool {
        cases,
        label_names,
        members,
        outsiders,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_read_by_key_as_plain_words_or_as_having_one() {
        let held = ["pneumothorax", "effusion", "finding: nodule"].map(str::to_owned);
        let of = |wanted: Wanted| wanted.of(&held).into_iter().collect::<Vec<_>>();
        assert_eq!(of(Wanted::Plain), ["effusion", "pneumothorax"]);
        assert_eq!(of(Wanted::Key("finding".into())), ["nodule"]);
        assert!(of(Wanted::Key("site".into())).is_empty());
        assert_eq!(of(Wanted::Has("effusion".into())), ["effusion"]);
        assert_eq!(of(Wanted::Has("mass".into())), ["without mass"]);
        assert!(Wanted::Has("mass".into()).of(&[]).is_empty());
    }

    #[test]
    fn unknown_patients_are_nobodys_kin() {
        let case = |case_no, patient| Labelled {
            case_no,
            patient,
            labels: BTreeSet::from(["a".to_owned()]),
            locations: Vec::new(),
            words: String::new(),
        };
        let mut counts = EvaluationCounts::default();
        let cases = vec![case(1, 7), case(2, 0), case(3, 7), case(4, 0)];
        let pool = pool_of(cases, Vec::new(), &mut counts);
        assert_eq!(pool.members, [vec![0, 2], vec![1], vec![3]]);
        assert_eq!((counts.patients, counts.cases_of_unknown_patients), (1, 2));
    }
}
