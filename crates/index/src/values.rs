//! Which cases have which value of a fact, kept in step with the columns, so that a filter on facts of cases and their
//! facets walk over no case.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;

use roaring::{MultiOps as _, RoaringBitmap};

use crate::rows::{CaseRow, Columns};
use crate::vocabulary::ViewFacts;

/// Years of life in one facet of ages.
const DECADE_YEARS: f32 = 10.0;
/// The year of a date as `YYYYMMDD`.
const YEAR: i32 = 10_000;

/// Indices of cases by value. Code 0 of a word holds the cases where it is unknown.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Values {
    pub(crate) label: HashMap<u32, RoaringBitmap>,
    pub(crate) sex: HashMap<u32, RoaringBitmap>,
    pub(crate) site: HashMap<u32, RoaringBitmap>,
    pub(crate) modality: OfViews,
    pub(crate) body_part: OfViews,
    pub(crate) laterality: OfViews,
    pub(crate) synthetic: RoaringBitmap,
    /// By the first year of each decade of life.
    pub(crate) decade: HashMap<u32, RoaringBitmap>,
    pub(crate) year: HashMap<i32, RoaringBitmap>,
    patients: BTreeSet<(u64, u32)>,
    ages: BTreeSet<(i32, u32)>,
    dates: BTreeSet<(i32, u32)>,
}

/// Cases by a fact of their views, and of their images without a view.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct OfViews {
    /// Cases of which some view or image has the value; a case without images has the unknown one.
    pub(crate) some: HashMap<u32, RoaringBitmap>,
    /// Cases whose views and images have more than one value.
    pub(crate) several: RoaringBitmap,
}

impl OfViews {
    /// Of all cases, in their order.
    fn of(columns: &Columns, code: impl Fn(ViewFacts) -> u32) -> Self {
        let mut several = Vec::new();
        let mut some = Gathered::default();
        for (at, case) in columns.live_cases() {
            let mut codes = columns.facts_of(case).map(&code);
            let first = codes.next().unwrap_or(0);
            if codes.all(|code| code == first) {
                some.push(first, at);
                continue;
            }
            for code in distinct(columns.facts_of(case).map(&code)) {
                some.push(code, at);
            }
            several.push(at);
        }
        Self {
            some: some.finish(),
            several: bitmap(several),
        }
    }

    fn add(&mut self, at: u32, codes: impl Iterator<Item = u32>) {
        let codes = distinct(codes);
        if codes.len() > 1 {
            self.several.insert(at);
        }
        for code in codes {
            self.some.entry(code).or_default().insert(at);
        }
    }

    fn remove(&mut self, at: u32, codes: impl Iterator<Item = u32>) {
        self.several.remove(at);
        for code in distinct(codes) {
            take(&mut self.some, &code, at);
        }
    }
}

/// Indices of cases by value, where the cases come in their order: nothing is looked for among those that are held.
struct Gathered<K>(HashMap<K, Vec<u32>>);

impl<K> Default for Gathered<K> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Hash + Eq> Gathered<K> {
    fn push(&mut self, value: K, at: u32) {
        self.0.entry(value).or_default().push(at);
    }

    fn finish(self) -> HashMap<K, RoaringBitmap> {
        let held = self.0.into_iter();
        held.map(|(value, cases)| (value, bitmap(cases))).collect()
    }
}

fn gathered<K: Hash + Eq>(values: impl Iterator<Item = (K, u32)>) -> HashMap<K, RoaringBitmap> {
    let mut held = Gathered::default();
    values.for_each(|(value, at)| held.push(value, at));
    held.finish()
}

fn distinct(codes: impl Iterator<Item = u32>) -> Vec<u32> {
    let mut codes: Vec<u32> = codes.collect();
    codes.sort_unstable();
    codes.dedup();
    if codes.is_empty() {
        codes.push(0);
    }
    codes
}

/// The first year of the decade of an age that is known.
pub(crate) fn decade(case: &CaseRow) -> Option<u32> {
    let age = case.age_years.filter(|age| *age >= 0.0)?;
    Some((age / DECADE_YEARS).floor() as u32 * DECADE_YEARS as u32)
}

/// The year of a date that is known.
pub(crate) fn year(case: &CaseRow) -> Option<i32> {
    Some(case.date? / YEAR)
}

pub(crate) fn bitmap(mut numbers: Vec<u32>) -> RoaringBitmap {
    numbers.sort_unstable();
    numbers.dedup();
    RoaringBitmap::from_sorted_iter(numbers).expect("they are sorted, and each is there once")
}

impl Values {
    /// Takes in all cases at once, each fact by itself: what [`Values::add`] of each would find, without looking
    /// for a place in eleven sets for every case.
    pub(crate) fn of(columns: &Columns) -> Self {
        let cases = || columns.live_cases();
        let mut values = Self::default();
        rayon::scope(|scope| {
            scope.spawn(|_| values.modality = OfViews::of(columns, |one| one.modality));
            scope.spawn(|_| values.body_part = OfViews::of(columns, |one| one.body_part));
            scope.spawn(|_| values.laterality = OfViews::of(columns, |one| one.laterality));
            scope.spawn(|_| {
                let of_case = |(at, case): (u32, &CaseRow)| (case.patient, at);
                let known = cases().map(of_case).filter(|(patient, _)| *patient != 0);
                values.patients = known.collect();
            });
            scope.spawn(|_| {
                let age = |(at, case): (u32, &CaseRow)| Some((ordered(case.age_years?), at));
                values.ages = cases().filter_map(age).collect();
            });
            scope.spawn(|_| {
                let date = |(at, case): (u32, &CaseRow)| Some((case.date?, at));
                values.dates = cases().filter_map(date).collect();
            });
            scope.spawn(|_| {
                let mut held = Gathered::default();
                for (at, case) in cases() {
                    case.labels.iter().for_each(|label| held.push(*label, at));
                }
                values.label = held.finish();
            });
            scope.spawn(|_| values.sex = gathered(cases().map(|(at, case)| (case.sex, at))));
            scope.spawn(|_| values.site = gathered(cases().map(|(at, case)| (case.site, at))));
            scope.spawn(|_| {
                let decade = |(at, case)| Some((decade(case)?, at));
                values.decade = gathered(cases().filter_map(decade));
            });
            scope.spawn(|_| {
                let year = |(at, case)| Some((year(case)?, at));
                values.year = gathered(cases().filter_map(year));
            });
            scope.spawn(|_| {
                let drawn = cases().filter(|(_, case)| case.synthetic);
                values.synthetic = drawn.map(|(at, _)| at).collect();
            });
        });
        values
    }

    /// Takes in a case and the facts of its views and images.
    pub(crate) fn add(&mut self, at: u32, case: &CaseRow, facts: &[ViewFacts]) {
        self.modality.add(at, facts.iter().map(|one| one.modality));
        self.body_part
            .add(at, facts.iter().map(|one| one.body_part));
        self.laterality
            .add(at, facts.iter().map(|one| one.laterality));
        if let Some(decade) = decade(case) {
            self.decade.entry(decade).or_default().insert(at);
        }
        if let Some(year) = year(case) {
            self.year.entry(year).or_default().insert(at);
        }
        for label in &case.labels {
            self.label.entry(*label).or_default().insert(at);
        }
        self.sex.entry(case.sex).or_default().insert(at);
        self.site.entry(case.site).or_default().insert(at);
        if case.synthetic {
            self.synthetic.insert(at);
        }
        if case.patient != 0 {
            self.patients.insert((case.patient, at));
        }
        self.ages
            .extend(case.age_years.map(|age| (ordered(age), at)));
        self.dates.extend(case.date.map(|date| (date, at)));
    }

    /// Forgets a case; everything must be as it was when it was added.
    pub(crate) fn remove(&mut self, at: u32, case: &CaseRow, facts: &[ViewFacts]) {
        self.modality
            .remove(at, facts.iter().map(|one| one.modality));
        self.body_part
            .remove(at, facts.iter().map(|one| one.body_part));
        self.laterality
            .remove(at, facts.iter().map(|one| one.laterality));
        if let Some(decade) = decade(case) {
            take(&mut self.decade, &decade, at);
        }
        if let Some(year) = year(case) {
            take(&mut self.year, &year, at);
        }
        for label in &case.labels {
            take(&mut self.label, label, at);
        }
        take(&mut self.sex, &case.sex, at);
        take(&mut self.site, &case.site, at);
        self.patients.remove(&(case.patient, at));
        self.synthetic.remove(at);
        if let Some(age) = case.age_years {
            self.ages.remove(&(ordered(age), at));
        }
        if let Some(date) = case.date {
            self.dates.remove(&(date, at));
        }
    }

    /// Cases of a patient.
    pub(crate) fn of_patient(&self, patient: u64) -> impl Iterator<Item = u32> {
        let cases = self.patients.range((patient, 0)..=(patient, u32::MAX));
        cases.map(|(_, at)| *at)
    }

    /// Cases of an age of at least `min` and below `max` years: whole decades by their bitmaps, the rest one by one.
    pub(crate) fn aged(&self, min: f32, max: f32) -> RoaringBitmap {
        let between = |min: f32, max: f32| {
            let (min, max) = (ordered(min), ordered(max));
            match min < max {
                true => collected(self.ages.range((min, 0)..(max, 0))),
                false => RoaringBitmap::new(),
            }
        };
        let (first, end) = (
            (min / DECADE_YEARS).ceil().max(0.0) * DECADE_YEARS,
            (max / DECADE_YEARS).floor() * DECADE_YEARS,
        );
        if first >= end {
            return between(min, max);
        }
        let is_whole = |decade: &u32| (first..end).contains(&(*decade as f32));
        let whole = self.decade.iter().filter(|(decade, _)| is_whole(decade));
        whole.map(|(_, cases)| cases).union() | between(min, first) | between(end, max)
    }

    /// Cases of a date from `min` to `max`, both included: whole years by their bitmaps, the rest one by one.
    pub(crate) fn dated(&self, min: i32, max: i32) -> RoaringBitmap {
        let between = |min: i32, max: i32| match min <= max {
            true => collected(self.dates.range((min, 0)..=(max, u32::MAX))),
            false => RoaringBitmap::new(),
        };
        // 101 is the first of January, 1231 the last of December; what is no date at all lies before or behind them, or
        // in year 0.
        let first = min / YEAR + i32::from(min % YEAR > 101);
        let last = max / YEAR - i32::from(max % YEAR < 1_231);
        if min < YEAR || first > last {
            return between(min, max);
        }
        let (start, end) = (first * YEAR, (last + 1).saturating_mul(YEAR));
        let is_whole = |year: &i32| (first..=last).contains(year);
        let whole = self.year.iter().filter(|(year, _)| is_whole(year));
        let whole = whole.map(|(_, cases)| cases).union();
        let inside = whole | between(min, start - 1) | between(end, max);
        inside - between(start, min - 1) - between(max.saturating_add(1), end.saturating_sub(1))
    }
}

fn take<K: std::hash::Hash + Eq>(held: &mut HashMap<K, RoaringBitmap>, value: &K, at: u32) {
    if let Some(cases) = held.get_mut(value) {
        cases.remove(at);
        if cases.is_empty() {
            held.remove(value);
        }
    }
}

fn collected<'a, T: 'a>(found: impl Iterator<Item = &'a (T, u32)>) -> RoaringBitmap {
    let mut cases: Vec<u32> = found.map(|(_, at)| *at).collect();
    cases.sort_unstable();
    cases.into_iter().collect()
}

/// A number that is ordered as the given one is; both zeros are the same.
fn ordered(number: f32) -> i32 {
    let bits = (number + 0.0).to_bits() as i32;
    bits ^ (((bits >> 31) as u32) >> 1) as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_order() {
        let numbers = [f32::NEG_INFINITY, -7.5, -1.0, 0.0, 0.5, 60.0, f32::INFINITY];
        assert!(numbers.is_sorted_by(|a, b| ordered(*a) < ordered(*b)));
        assert_eq!(ordered(-0.0), ordered(0.0));
    }
}
