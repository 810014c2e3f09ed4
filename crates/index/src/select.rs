//! Compiles a filter against the columns into what may answer: a bitmap of cases and bitmaps of views.
//! A fact of a view holds for the view itself, so a case's other views do not answer under it. An image without a view is
//! asked like one, but only its case can answer.

use std::borrow::Cow;
use std::collections::BTreeSet;

use roaring::RoaringBitmap;

use crate::filter::{Family, range, truth};
use crate::rows::{CaseRow, Columns};
use crate::values::{OfViews, bitmap};
use crate::vocabulary::ViewFacts;
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
    /// Indices of further cases, of which only the views below pass, or images without a view do, or which pass without
    /// having any.
    pub(crate) partial: RoaringBitmap,
    /// Slots of each segment, of views of partial cases.
    partial_views: Vec<Vec<u32>>,
    test: Test,
}

impl<'a> Selection<'a> {
    fn of_whole(columns: &'a Columns, whole: Cow<'a, RoaringBitmap>, test: Test) -> Self {
        Self {
            columns,
            whole,
            partial: RoaringBitmap::new(),
            partial_views: Vec::new(),
            test,
        }
    }

    /// Facts of those views and images of a partial case that pass.
    pub(crate) fn passing(&self, case: &CaseRow) -> Vec<ViewFacts> {
        let facts = self.columns.facts_of(case);
        facts.filter(|view| self.test.holds(case, *view)).collect()
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

    pub(crate) fn view(&self, case: &CaseRow, view: ViewFacts) -> bool {
        self.0.holds(case, view)
    }
}

/// Applies a filter to all columns.
pub(crate) fn select<'a>(
    columns: &'a Columns,
    filter: &Filter,
    excluded: &Excluded<'_>,
) -> Result<Selection<'a>, IndexError> {
    if *filter == Filter::All && excluded.cases.is_empty() && excluded.patients.is_empty() {
        let live = Cow::Borrowed(&columns.live);
        return Ok(Selection::of_whole(columns, live, Test::Always));
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
    let mut selection = Selection::of_whole(columns, Cow::Owned(whole), test);
    walk(columns, &asked, &mut selection);
    Ok(selection)
}

/// Adds the cases, of those given, that have views or images that pass, or that pass without having any.
fn walk(columns: &Columns, asked: &RoaringBitmap, selection: &mut Selection<'_>) {
    let test = &selection.test;
    let mut cases = Vec::new();
    let mut views: Vec<Vec<u32>> = vec![Vec::new(); columns.segments.len()];
    for (at, case) in rows_of(columns, asked) {
        let mut unseen = case.unseen.iter();
        let mut any = match case.places.is_empty() && case.unseen.is_empty() {
            true => test.holds(case, ViewFacts::default()),
            false => unseen.any(|image| test.holds(case, *image)),
        };
        for place in &case.places {
            if test.holds(case, columns.row(*place).facts()) {
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

#[derive(Debug)]
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

    fn holds(&self, case: &CaseRow, view: ViewFacts) -> bool {
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
                    Field::Modality => view.modality,
                    Field::BodyPart => view.body_part,
                    Field::Laterality => view.laterality,
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
        Filter::SameFamily { modalities } => same_family(columns, modalities),
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

/// Modalities of the library that belong to a family of these, and the unknown one.
fn same_family(columns: &Columns, modalities: &[String]) -> Test {
    let wanted: BTreeSet<Family> = modalities.iter().map(|one| Family::of(one)).collect();
    let held = columns.words.modality.words();
    let same = held.filter(|(_, word)| wanted.contains(&Family::of(word)));
    let codes = same.map(|(code, _)| code).chain([UNKNOWN_WORD]);
    Test::Or(
        codes
            .map(|code| Test::Code(Field::Modality, code))
            .collect(),
    )
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
mod tests;
