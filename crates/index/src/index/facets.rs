//! Counts of values over a selection. A case counts once per value, however many of its views and images have it.
//! Whole cases are counted by the bitmaps of their values, the others one by one.

use std::collections::HashMap;
use std::hash::Hash;

use roaring::RoaringBitmap;

use crate::rows::{CaseRow, Columns};
use crate::select::Selection;
use crate::values::{decade, year};
use crate::vocabulary::{ViewFacts, Vocabulary};
use crate::{Facet, Field};

const MAX_VALUES: usize = 200;
/// Cases up to which walking over them costs less than over the bitmaps of all values.
const WALKED: u64 = 1_000;

pub(super) fn facets(
    columns: &Columns,
    selection: &Selection<'_>,
    among: Option<&[u64]>,
) -> Vec<Facet> {
    let among: Option<RoaringBitmap> = among.map(|among| {
        let at = |case_no: &u64| columns.by_no.get(*case_no);
        among.iter().filter_map(at).collect()
    });
    let kept = |cases: &RoaringBitmap| match &among {
        Some(among) => cases & among,
        None => cases.clone(),
    };
    let (whole, partial) = (kept(&selection.whole), kept(&selection.partial));
    let mut counts = Counts::default();
    match whole.len() <= WALKED {
        true => counts.walk(columns, &whole, |case| columns.facts_of(case).collect()),
        false => counts.intersect(columns, &whole),
    }
    if !partial.is_empty() {
        counts.walk(columns, &partial, |case| selection.passing(case));
    }
    Field::ALL
        .into_iter()
        .map(|field| Facet {
            field,
            values: counts.values(columns, field),
        })
        .collect()
}

/// Cases by code of a word, first year of a decade, year, or truth.
#[derive(Default)]
struct Counts(HashMap<(Field, i64), u64>);

impl Counts {
    fn add(&mut self, field: Field, value: i64, count: u64) {
        if count > 0 {
            *self.0.entry((field, value)).or_insert(0) += count;
        }
    }

    fn intersect(&mut self, columns: &Columns, cases: &RoaringBitmap) {
        let values = &columns.values;
        let words = [
            (Field::Modality, &values.modality.some),
            (Field::BodyPart, &values.body_part.some),
            (Field::Laterality, &values.laterality.some),
            (Field::Label, &values.label),
            (Field::Sex, &values.sex),
            (Field::Site, &values.site),
            (Field::AgeYears, &values.decade),
        ];
        for (field, held) in words {
            self.each(field, held, cases);
        }
        self.each(Field::Date, &values.year, cases);
        let synthetic = values.synthetic.intersection_len(cases);
        self.add(Field::Synthetic, 1, synthetic);
        self.add(Field::Synthetic, 0, cases.len() - synthetic);
    }

    fn each<K: Copy + Eq + Hash + Into<i64>>(
        &mut self,
        field: Field,
        held: &HashMap<K, RoaringBitmap>,
        cases: &RoaringBitmap,
    ) {
        for (value, having) in held {
            self.add(field, (*value).into(), having.intersection_len(cases));
        }
    }

    fn walk(
        &mut self,
        columns: &Columns,
        cases: &RoaringBitmap,
        passing: impl Fn(&CaseRow) -> Vec<ViewFacts>,
    ) {
        for case in cases
            .iter()
            .filter_map(|at| columns.cases[at as usize].as_ref())
        {
            let views = passing(case);
            for field in Field::ALL {
                for value in values_of(field, case, &views) {
                    self.add(field, value, 1);
                }
            }
        }
    }

    /// The values of a field as they are shown, most frequent first.
    fn values(&self, columns: &Columns, field: Field) -> Vec<(String, u64)> {
        let held = self.0.iter().filter(|((of, _), _)| *of == field);
        let mut values: Vec<(String, u64)> = held
            .filter_map(|((_, value), count)| Some((shown(columns, field, *value)?, *count)))
            .collect();
        values.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        values.truncate(MAX_VALUES);
        values
    }
}

/// The values that a case has by itself and by these views, each once.
fn values_of(field: Field, case: &CaseRow, views: &[ViewFacts]) -> Vec<i64> {
    let of_views =
        |code: fn(&ViewFacts) -> u32| views.iter().map(|view| i64::from(code(view))).collect();
    let mut values: Vec<i64> = match field {
        Field::Modality => of_views(|view| view.modality),
        Field::BodyPart => of_views(|view| view.body_part),
        Field::Laterality => of_views(|view| view.laterality),
        Field::Label => case.labels.iter().map(|code| i64::from(*code)).collect(),
        Field::Sex => vec![case.sex.into()],
        Field::Site => vec![case.site.into()],
        Field::AgeYears => decade(case).map(i64::from).into_iter().collect(),
        Field::Date => year(case).map(i64::from).into_iter().collect(),
        Field::Synthetic => vec![case.synthetic.into()],
    };
    values.sort_unstable();
    values.dedup();
    values
}

/// A value as it is shown; what is unknown is not.
fn shown(columns: &Columns, field: Field, value: i64) -> Option<String> {
    let words = &columns.words;
    let word = |vocabulary: &Vocabulary| vocabulary.word(value as u32).map(str::to_owned);
    match field {
        Field::Modality => word(&words.modality),
        Field::BodyPart => word(&words.body_part),
        Field::Laterality => word(&words.laterality),
        Field::Label => word(&words.label),
        Field::Sex => word(&words.sex),
        Field::Site => word(&words.site),
        Field::AgeYears => Some(format!("{value}-{}", value + 9)),
        Field::Date => Some(value.to_string()),
        Field::Synthetic => Some((value != 0).to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CaseEntry, CaseFacts, Filter, ImageFacts, VectorLocation, ViewEntry};

    fn entry(case_no: u64) -> CaseEntry {
        let dice = |of: u64| (case_no * 31) % of;
        let view = |view_no: u32| ViewEntry {
            view_no,
            location: VectorLocation {
                segment: 0,
                offset: case_no * 16 + u64::from(view_no),
                crc32: 0,
            },
            modality: (dice(4) != 0).then(|| ["CT", "MR"][(view_no as usize) % 2].to_owned()),
            body_part: None,
            laterality: None,
            stain: None,
        };
        CaseEntry {
            case_no,
            facts: CaseFacts {
                labels: (0..dice(3)).map(|label| format!("label {label}")).collect(),
                sex: (dice(5) != 0).then(|| "F".to_owned()),
                age_years: (dice(6) != 0).then_some(dice(90) as f32 - 2.0),
                date: (dice(8) != 0).then_some(20_150_101 + 10_000 * dice(5) as i32),
                synthetic: dice(2) == 0,
                images: (0..dice(3))
                    .map(|at| ImageFacts {
                        modality: Some(["CT", "US", "DX"][(at + dice(2)) as usize].to_owned()),
                        ..ImageFacts::default()
                    })
                    .collect(),
                ..CaseFacts::default()
            },
            report: None,
            views: (0..dice(4) as u32).map(view).collect(),
        }
    }

    #[test]
    fn bitmaps_count_what_a_walk_counts() {
        let mut columns = Columns::default();
        for case_no in 1..=300 {
            columns.put(&entry(case_no), 1, 100).unwrap();
        }
        let parsed = ["modality=CT", "sex=F"].map(|text| Filter::parse(text).unwrap());
        for filter in parsed.into_iter().chain([Filter::All]) {
            let selection = crate::select::select(&columns, &filter, &Default::default()).unwrap();
            let (mut walked, mut intersected) = (Counts::default(), Counts::default());
            walked.walk(&columns, &selection.whole, |case| {
                columns.facts_of(case).collect()
            });
            intersected.intersect(&columns, &selection.whole);
            for field in Field::ALL {
                let values = walked.values(&columns, field);
                assert_eq!(values, intersected.values(&columns, field), "{field:?}");
                let unknown = matches!(field, Field::BodyPart | Field::Laterality | Field::Site);
                assert_eq!(values.is_empty(), unknown, "{field:?}");
            }
        }
    }
}
