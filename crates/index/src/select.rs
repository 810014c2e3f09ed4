//! Compiles a filter against the columns into what may answer: a bitmap of cases and bitmaps of views.
//! A fact of a view holds for the view itself, so a case's other views do not answer under it.

use std::borrow::Cow;

use roaring::RoaringBitmap;

use crate::filter::{range, truth};
use crate::rows::{CaseRow, Columns, Row};
use crate::values::{OfViews, bitmap};
use crate::{Field, Filter, IndexError};

/// Code of a fact that is not known.
const UNKNOWN_WORD: u32 = 0;
const MAX_DEPTH: usize = 32;
const MAX_NODES: usize = 2_048;

/// Where no more than this part of all cases passes, or does not, their views are gathered one by one.
const GATHERED_PART: u64 = 32;

/// The cases that may answer.
#[derive(Debug)]
pub(crate) struct Selection<'a> {
    columns: &'a Columns,
    /// Indices of cases, each with all of its views, or without having any.
    pub(crate) whole: Cow<'a, RoaringBitmap>,
    /// Indices of further cases, of which only the views below pass, or which pass without having views.
    pub(crate) partial: RoaringBitmap,
    /// Slots of each segment, of views of partial cases.
    partial_views: Vec<Vec<u32>>,
}

impl<'a> Selection<'a> {
    fn of_whole(columns: &'a Columns, whole: Cow<'a, RoaringBitmap>) -> Self {
        Self {
            columns,
            whole,
            partial: RoaringBitmap::new(),
            partial_views: Vec::new(),
        }
    }

    /// Indices of all of them.
    pub(crate) fn cases(&self) -> Cow<'_, RoaringBitmap> {
        match self.partial.is_empty() {
            true => Cow::Borrowed(&self.whole),
            false => Cow::Owned(&*self.whole | &self.partial),
        }
    }

    /// Slots of each segment.
    pub(crate) fn views(&self) -> Vec<Cow<'a, RoaringBitmap>> {
        let segments = self.columns.segments.iter();
        if matches!(self.whole, Cow::Borrowed(_)) {
            return segments
                .map(|segment| Cow::Borrowed(&segment.live))
                .collect();
        }
        let mut views = views_of(self.columns, &self.whole);
        for (held, found) in views.iter_mut().zip(&self.partial_views) {
            *held |= bitmap(found.clone());
        }
        views.into_iter().map(Cow::Owned).collect()
    }
}

/// What a selection leaves out beside the filter.
#[derive(Debug, Default)]
pub(crate) struct Excluded<'a> {
    pub(crate) cases: &'a [u64],
    pub(crate) patients: &'a [u64],
}

/// A filter that is asked of one view after the other.
pub(crate) struct Passing(Test);

impl Passing {
    /// # Errors
    /// Those of filters.
    pub(crate) fn of(columns: &Columns, filter: &Filter) -> Result<Self, IndexError> {
        Ok(Self(compile(columns, filter, 0, &mut 0)?))
    }

    pub(crate) fn view(&self, case: &CaseRow, view: &Row) -> bool {
        self.0.holds(case, Some(view))
    }
}

/// Applies a filter to all columns.
pub(crate) fn select<'a>(
    columns: &'a Columns,
    filter: &Filter,
    excluded: &Excluded<'_>,
) -> Result<Selection<'a>, IndexError> {
    if *filter == Filter::All && excluded.cases.is_empty() && excluded.patients.is_empty() {
        return Ok(Selection::of_whole(columns, Cow::Borrowed(&columns.live)));
    }
    let mut nodes = 0;
    let test = compile(columns, filter, 0, &mut nodes)?;
    let mut may = columns.live.clone();
    let cases = excluded.cases.iter();
    let cases = cases.filter_map(|case_no| columns.by_no.get(*case_no));
    let patients = excluded.patients.iter();
    let of_patients = patients.flat_map(|patient| columns.values.of_patient(*patient));
    for at in cases.chain(of_patients) {
        may.remove(at);
    }
    let bounds = test.bounds(columns);
    let whole = &may & &bounds.whole;
    let asked = (&may & &bounds.any) - &whole;
    let mut selection = Selection::of_whole(columns, Cow::Owned(whole));
    walk(columns, &test, &asked, &mut selection);
    Ok(selection)
}

/// Adds the cases, of those given, that have views that pass, or that pass without having views.
fn walk(columns: &Columns, test: &Test, asked: &RoaringBitmap, selection: &mut Selection<'_>) {
    let mut cases = Vec::new();
    let mut views: Vec<Vec<u32>> = vec![Vec::new(); columns.segments.len()];
    for (at, case) in rows_of(columns, asked) {
        let mut any = case.places.is_empty() && test.holds(case, None);
        for place in &case.places {
            if test.holds(case, Some(columns.row(*place))) {
                views[place.segment as usize].push(place.slot);
                any = true;
            }
        }
        if any {
            cases.push(at);
        }
    }
    selection.partial = bitmap(cases);
    selection.partial_views = views;
}

/// All views of the cases: gathered where these are few, otherwise by asking of each row whose it is.
fn views_of(columns: &Columns, cases: &RoaringBitmap) -> Vec<RoaringBitmap> {
    let segments = columns.segments.iter();
    if cases.len() * GATHERED_PART < columns.live.len() {
        return gathered(columns, cases);
    }
    let others = &columns.live - cases;
    if others.len() * GATHERED_PART < columns.live.len() {
        return segments
            .zip(gathered(columns, &others))
            .map(|(segment, others)| &segment.live - others)
            .collect();
    }
    let mut chosen = vec![false; columns.cases.len()];
    for at in cases {
        chosen[at as usize] = true;
    }
    // Dead rows name a case that is out of bounds.
    let is_chosen = |case: &u32| u8::from(chosen.get(*case as usize) == Some(&true));
    let slots = |case_of: &[u32]| {
        let bits = |cases: &[u32]| {
            let bits = cases.iter().enumerate();
            bits.fold(0u8, |byte, (bit, case)| byte | is_chosen(case) << bit)
        };
        let bytes: Vec<u8> = case_of.chunks(8).map(bits).collect();
        RoaringBitmap::from_lsb0_bytes(0, &bytes)
    };
    segments.map(|segment| slots(segment.case_of())).collect()
}

fn gathered(columns: &Columns, cases: &RoaringBitmap) -> Vec<RoaringBitmap> {
    let mut views: Vec<Vec<u32>> = vec![Vec::new(); columns.segments.len()];
    for (_, case) in rows_of(columns, cases) {
        for place in &case.places {
            views[place.segment as usize].push(place.slot);
        }
    }
    views.into_iter().map(bitmap).collect()
}

fn rows_of<'a>(
    columns: &'a Columns,
    cases: &'a RoaringBitmap,
) -> impl Iterator<Item = (u32, &'a CaseRow)> {
    cases
        .iter()
        .filter_map(|at| Some((at, columns.cases[at as usize].as_ref()?)))
}

/// What is known of a test from facts of cases alone.
struct Bounds {
    /// Cases that pass with all of their views.
    whole: RoaringBitmap,
    /// Cases that may pass with some; holds `whole`.
    any: RoaringBitmap,
}

impl Bounds {
    fn exact(cases: RoaringBitmap) -> Self {
        Self {
            any: cases.clone(),
            whole: cases,
        }
    }
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
    fn bounds(&self, columns: &Columns) -> Bounds {
        let values = &columns.values;
        let of = |held: &std::collections::HashMap<u32, RoaringBitmap>, code: &u32| {
            Bounds::exact(held.get(code).cloned().unwrap_or_default())
        };
        let of_views = |held: &OfViews, code: &u32| {
            let any = held.some.get(code).cloned().unwrap_or_default();
            Bounds {
                whole: &any - &held.several,
                any,
            }
        };
        match self {
            Test::Always => Bounds::exact(columns.live.clone()),
            Test::Never => Bounds::exact(RoaringBitmap::new()),
            Test::And(tests) => {
                let mut all = Bounds::exact(columns.live.clone());
                for bounds in tests.iter().map(|test| test.bounds(columns)) {
                    all.whole &= bounds.whole;
                    all.any &= bounds.any;
                }
                all
            }
            Test::Or(tests) => {
                let mut some = Bounds::exact(RoaringBitmap::new());
                for bounds in tests.iter().map(|test| test.bounds(columns)) {
                    some.whole |= bounds.whole;
                    some.any |= bounds.any;
                }
                some
            }
            Test::Not(test) => {
                let bounds = test.bounds(columns);
                Bounds {
                    whole: &columns.live - bounds.any,
                    any: &columns.live - bounds.whole,
                }
            }
            Test::Code(Field::Modality, code) => of_views(&values.modality, code),
            Test::Code(Field::BodyPart, code) => of_views(&values.body_part, code),
            Test::Code(Field::Laterality, code) => of_views(&values.laterality, code),
            Test::Code(Field::Sex, code) => of(&values.sex, code),
            Test::Code(_, code) => of(&values.site, code),
            Test::Label(code) => of(&values.label, code),
            Test::Age(min, max) => Bounds::exact(values.aged(*min, *max)),
            Test::Date(min, max) => Bounds::exact(values.dated(*min, *max)),
            Test::Synthetic(true) => Bounds::exact(values.synthetic.clone()),
            Test::Synthetic(false) => Bounds::exact(&columns.live - &values.synthetic),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CaseEntry, CaseFacts, VectorLocation, ViewEntry};

    fn entry(case_no: u64, turn: u64) -> CaseEntry {
        let dice = |of: u64| (case_no * 31 + turn * 17) % of;
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
                site: Some(format!("site {}", dice(7))),
                age_years: (dice(6) != 0).then_some(dice(90) as f32 - 2.0),
                date: match dice(8) {
                    0 => None,
                    // Around both ends of the year, also what is no date.
                    1 => Some(20_201_220 + dice(28) as i32),
                    _ => Some(20_200_097 + dice(28) as i32),
                },
                synthetic: dice(2) == 0,
                title: String::new(),
                patient: dice(9),
            },
            report: None,
            views: (0..dice(5) as u32).map(view).collect(),
        }
    }

    /// What passes by walking over everything.
    fn walked<'a>(columns: &'a Columns, filter: &Filter, out: &Excluded<'_>) -> Selection<'a> {
        let test = compile(columns, filter, 0, &mut 0).unwrap();
        let kept = columns.live_cases().filter(|(_, case)| {
            !out.cases.contains(&case.case_no)
                && (case.patient == 0 || !out.patients.contains(&case.patient))
        });
        let mut found = Selection::of_whole(columns, Cow::Owned(RoaringBitmap::new()));
        let kept = kept.map(|(at, _)| at).collect();
        walk(columns, &test, &kept, &mut found);
        found
    }

    #[test]
    fn values_choose_what_a_walk_over_every_case_chooses() {
        let mut columns = Columns::default();
        for turn in 0..3 {
            for case_no in 1..=300 {
                match (case_no + turn) % 5 {
                    0 => columns.remove(case_no),
                    _ => columns.put(&entry(case_no, turn), 1, 100).unwrap(),
                }
            }
        }
        let one_by_one = std::mem::take(&mut columns.values);
        columns.index_values();
        assert_eq!(columns.values, one_by_one);
        let parts = [
            "modality=CT",
            "modality=none",
            "site=\"site 3\"",
            "sex=F",
            "label=\"label 1\"",
            "age=20-60",
            "date=20200105-20200120",
            "synthetic=true",
        ];
        let parts: Vec<Filter> = parts
            .iter()
            .filter_map(|part| Filter::parse(part).ok())
            .collect();
        assert!(parts.len() >= 4, "filters that are understood: {parts:?}");
        let between = |field, min, max| Filter::Between { field, min, max };
        let mut filters = vec![
            Filter::All,
            Filter::Unknown { field: Field::Sex },
            Filter::Unknown {
                field: Field::Modality,
            },
            between(Field::AgeYears, Some(-1.0), Some(40.0)),
            between(Field::AgeYears, Some(50.0), Some(40.0)),
            between(Field::Date, None, Some(20_200_110.0)),
            between(Field::Date, Some(20_191_215.0), Some(20_201_231.0)),
            between(Field::Date, Some(20_200_101.0), None),
            between(Field::Date, Some(20_190_101.0), Some(20_200_112.0)),
            between(Field::Date, Some(20_200_102.0), Some(20_210_630.0)),
            between(Field::AgeYears, Some(0.0), Some(90.0)),
            between(Field::AgeYears, Some(15.0), Some(72.0)),
            between(Field::AgeYears, Some(-5.0), None),
            between(Field::AgeYears, None, Some(33.0)),
            between(Field::AgeYears, Some(21.5), Some(29.5)),
        ];
        filters.extend(parts);
        let single = filters.clone();
        for (one, other) in single.iter().zip(single.iter().cycle().skip(3)) {
            let both = vec![one.clone(), other.clone()];
            filters.push(Filter::Not(Box::new(one.clone())));
            filters.push(Filter::Not(Box::new(Filter::And(both.clone()))));
            filters.push(Filter::And(both.clone()));
            filters.push(Filter::Or(both));
        }
        let out = Excluded {
            cases: &[3, 7, 999],
            patients: &[0, 4],
        };
        for filter in &filters {
            for out in [&Excluded::default(), &out] {
                let (found, wanted) = (
                    select(&columns, filter, out).unwrap(),
                    walked(&columns, filter, out),
                );
                assert_eq!(*found.cases(), wanted.partial, "{filter:?}");
                assert_eq!(found.views(), wanted.views(), "{filter:?}");
            }
        }
    }
}
