//! Counts of values over a selection. A case counts once per value, however many of its views have it.

use std::collections::{BTreeSet, HashMap};

use roaring::RoaringTreemap;

use crate::rows::{CaseRow, Columns, Row};
use crate::select::Selection;
use crate::{Facet, Field};

const MAX_VALUES: usize = 200;

pub(super) fn facets(
    columns: &Columns,
    selection: &Selection,
    among: Option<&[u64]>,
) -> Vec<Facet> {
    let among: Option<RoaringTreemap> = among.map(|among| among.iter().copied().collect());
    let mut counts: HashMap<Field, HashMap<String, u64>> = HashMap::new();
    for case in selection
        .cases
        .iter()
        .filter_map(|at| columns.cases[at as usize].as_ref())
    {
        if among
            .as_ref()
            .is_some_and(|among| !among.contains(case.case_no))
        {
            continue;
        }
        let rows: Vec<&Row> = case
            .places
            .iter()
            .filter(|place| selection.views[place.segment as usize].contains(place.slot))
            .map(|place| columns.row(*place))
            .collect();
        for field in Field::ALL {
            let held = counts.entry(field).or_default();
            for value in values(columns, field, case, &rows) {
                *held.entry(value).or_insert(0) += 1;
            }
        }
    }
    Field::ALL
        .into_iter()
        .map(|field| {
            let mut values: Vec<(String, u64)> = counts
                .remove(&field)
                .unwrap_or_default()
                .into_iter()
                .collect();
            values.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
            values.truncate(MAX_VALUES);
            Facet { field, values }
        })
        .collect()
}

fn values(columns: &Columns, field: Field, case: &CaseRow, rows: &[&Row]) -> BTreeSet<String> {
    let words = &columns.words;
    let of_rows = |vocabulary: &crate::rows::Vocabulary, code: fn(&Row) -> u32| {
        let codes: BTreeSet<u32> = rows.iter().map(|row| code(row)).collect();
        codes
            .into_iter()
            .filter_map(|code| vocabulary.word(code).map(str::to_owned))
            .collect()
    };
    let one = |value: Option<String>| value.into_iter().collect();
    match field {
        Field::Modality => of_rows(&words.modality, |row| row.modality),
        Field::BodyPart => of_rows(&words.body_part, |row| row.body_part),
        Field::Laterality => of_rows(&words.laterality, |row| row.laterality),
        Field::Label => case
            .labels
            .iter()
            .filter_map(|code| words.label.word(*code).map(str::to_owned))
            .collect(),
        Field::Sex => one(words.sex.word(case.sex).map(str::to_owned)),
        Field::Site => one(words.site.word(case.site).map(str::to_owned)),
        Field::AgeYears => one(case.age_years.filter(|age| *age >= 0.0).map(|age| {
            let decade = (age / 10.0).floor() as u32 * 10;
            format!("{decade}-{}", decade + 9)
        })),
        Field::Date => one(case.date.map(|date| (date / 10_000).to_string())),
        Field::Synthetic => one(Some(case.synthetic.to_string())),
    }
}
