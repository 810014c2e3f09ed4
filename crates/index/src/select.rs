//! Compiles a filter against the columns into what may answer: a bitmap of cases and bitmaps of views.
//! A fact of a view holds for the view itself, so a case's other views do not answer under it.

use std::collections::HashSet;

use roaring::RoaringBitmap;

use crate::filter::{range, truth};
use crate::rows::{CaseRow, Columns, Row};
use crate::{Field, Filter, IndexError};

/// Code of a fact that is not known.
const UNKNOWN_WORD: u32 = 0;
const MAX_DEPTH: usize = 32;
const MAX_NODES: usize = 2_048;

/// What may answer.
#[derive(Debug, Default)]
pub(crate) struct Selection {
    /// Indices of cases.
    pub(crate) cases: RoaringBitmap,
    /// Slots of each segment.
    pub(crate) views: Vec<RoaringBitmap>,
}

impl Selection {
    pub(crate) fn view_count(&self) -> u64 {
        self.views.iter().map(RoaringBitmap::len).sum()
    }
}

/// What a selection leaves out beside the filter.
#[derive(Debug, Default)]
pub(crate) struct Excluded<'a> {
    pub(crate) cases: &'a [u64],
    pub(crate) patients: &'a [u64],
}

/// Applies a filter to all columns.
pub(crate) fn select(
    columns: &Columns,
    filter: &Filter,
    excluded: &Excluded<'_>,
) -> Result<Selection, IndexError> {
    let mut nodes = 0;
    let test = compile(columns, filter, 0, &mut nodes)?;
    let of_views = test.asks_views();
    let out_cases: HashSet<u64> = excluded.cases.iter().copied().collect();
    let out_patients: HashSet<u64> = excluded
        .patients
        .iter()
        .copied()
        .filter(|patient| *patient != 0)
        .collect();
    if matches!(test, Test::Always) && out_patients.is_empty() {
        return Ok(everything(columns, &out_cases));
    }
    let mut cases = Vec::new();
    let mut views: Vec<Vec<u32>> = vec![Vec::new(); columns.segments.len()];
    for (at, case) in columns.live_cases() {
        if out_cases.contains(&case.case_no) || out_patients.contains(&case.patient) {
            continue;
        }
        let whole = (!of_views || case.places.is_empty()).then(|| test.holds(case, None));
        let mut any = whole == Some(true);
        for place in case.places.iter().filter(|_| whole != Some(false)) {
            if whole == Some(true) || test.holds(case, Some(columns.row(*place))) {
                views[place.segment as usize].push(place.slot);
                any = true;
            }
        }
        if any {
            cases.push(at);
        }
    }
    let bitmap = |mut slots: Vec<u32>| {
        slots.sort_unstable();
        RoaringBitmap::from_sorted_iter(slots).expect("slots are sorted and unique")
    };
    Ok(Selection {
        cases: bitmap(cases),
        views: views.into_iter().map(bitmap).collect(),
    })
}

/// All that is live, without walking over it.
fn everything(columns: &Columns, out_cases: &HashSet<u64>) -> Selection {
    let mut cases = columns.live.clone();
    let mut views: Vec<RoaringBitmap> = columns
        .segments
        .iter()
        .map(|segment| segment.live.clone())
        .collect();
    for at in out_cases
        .iter()
        .filter_map(|case_no| columns.by_no.get(case_no))
    {
        cases.remove(*at);
        for place in columns.cases[*at as usize]
            .iter()
            .flat_map(|case| &case.places)
        {
            views[place.segment as usize].remove(place.slot);
        }
    }
    Selection { cases, views }
}

enum Test {
    Always,
    Never,
    And(Vec<Test>),
    Or(Vec<Test>),
    Not(Box<Test>),
    Code(Field, u32),
    Label(u32),
    Age(f32, f32),
    Date(i32, i32),
    Synthetic(bool),
}

impl Test {
    fn asks_views(&self) -> bool {
        match self {
            Test::And(tests) | Test::Or(tests) => tests.iter().any(Test::asks_views),
            Test::Not(test) => test.asks_views(),
            Test::Code(field, _) => {
                matches!(field, Field::Modality | Field::BodyPart | Field::Laterality)
            }
            _ => false,
        }
    }

    fn holds(&self, case: &CaseRow, view: Option<&Row>) -> bool {
        match self {
            Test::Always => true,
            Test::Never => false,
            Test::And(tests) => tests.iter().all(|test| test.holds(case, view)),
            Test::Or(tests) => tests.iter().any(|test| test.holds(case, view)),
            Test::Not(test) => !test.holds(case, view),
            Test::Label(code) => case.labels.contains(code),
            Test::Age(min, max) => case.age_years.is_some_and(|age| *min <= age && age < *max),
            Test::Date(min, max) => case.date.is_some_and(|date| *min <= date && date <= *max),
            Test::Synthetic(synthetic) => case.synthetic == *synthetic,
            Test::Code(field, code) => {
                let held = match field {
                    Field::Modality => view.map_or(0, |row| row.modality),
                    Field::BodyPart => view.map_or(0, |row| row.body_part),
                    Field::Laterality => view.map_or(0, |row| row.laterality),
                    Field::Sex => case.sex,
                    _ => case.site,
                };
                held == *code
            }
        }
    }
}

fn compile(
    columns: &Columns,
    filter: &Filter,
    depth: usize,
    nodes: &mut usize,
) -> Result<Test, IndexError> {
    *nodes += 1;
    if depth > MAX_DEPTH || *nodes > MAX_NODES {
        return Err(IndexError::QueryTooLarge {
            what: "filter conditions",
            found: *nodes,
            limit: MAX_NODES,
        });
    }
    let mut all = |filters: &[Filter]| {
        filters
            .iter()
            .map(|filter| compile(columns, filter, depth + 1, nodes))
            .collect::<Result<Vec<Test>, _>>()
    };
    Ok(match filter {
        Filter::All => Test::Always,
        Filter::And(filters) => Test::And(all(filters)?),
        Filter::Or(filters) => Test::Or(all(filters)?),
        Filter::Not(filter) => Test::Not(Box::new(compile(columns, filter, depth + 1, nodes)?)),
        Filter::Is { field, value } if field.is_number() => {
            let (min, max) = range(*field, value)?;
            between(*field, min, max)?
        }
        Filter::Is {
            field: Field::Synthetic,
            value,
        } => Test::Synthetic(truth(value)?),
        Filter::Is { field, value } => word(columns, *field, value),
        Filter::Unknown {
            field: Field::Label | Field::AgeYears | Field::Date | Field::Synthetic,
        } => Test::Never,
        Filter::Unknown { field } => Test::Code(*field, UNKNOWN_WORD),
        Filter::Between { field, min, max } => between(*field, *min, *max)?,
    })
}

fn word(columns: &Columns, field: Field, value: &str) -> Test {
    let words = &columns.words;
    let vocabulary = match field {
        Field::Modality => &words.modality,
        Field::BodyPart => &words.body_part,
        Field::Laterality => &words.laterality,
        Field::Label => &words.label,
        Field::Sex => &words.sex,
        _ => &words.site,
    };
    match vocabulary.find(value) {
        None => Test::Never,
        Some(code) if field == Field::Label => Test::Label(code),
        Some(code) => Test::Code(field, code),
    }
}

fn between(field: Field, min: Option<f64>, max: Option<f64>) -> Result<Test, IndexError> {
    let wrong = |reason| IndexError::FilterValue { field, reason };
    if min.is_some_and(f64::is_nan) || max.is_some_and(f64::is_nan) {
        return Err(wrong("a bound is not a number"));
    }
    let (min, max) = (
        min.unwrap_or(f64::NEG_INFINITY),
        max.unwrap_or(f64::INFINITY),
    );
    match field {
        // People of 60 are 60 until their birthday.
        Field::AgeYears if max.fract() == 0.0 => Ok(Test::Age(min as f32, (max + 1.0) as f32)),
        Field::AgeYears => Ok(Test::Age(min as f32, (max as f32).next_up())),
        Field::Date => Ok(Test::Date(min.ceil() as i32, max.floor() as i32)),
        _ => Err(wrong("only age and date have ranges")),
    }
}
