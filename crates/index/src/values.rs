//! Which cases have which value of a fact, kept in step with the columns, so that a filter on facts of cases and their
//! facets walk over no case.

use std::collections::{BTreeSet, HashMap};

use roaring::RoaringBitmap;

use crate::rows::CaseRow;

/// Indices of cases by value. Code 0 of a word holds the cases where it is unknown.
#[derive(Debug, Default)]
pub(crate) struct Values {
    pub(crate) label: HashMap<u32, RoaringBitmap>,
    pub(crate) sex: HashMap<u32, RoaringBitmap>,
    pub(crate) site: HashMap<u32, RoaringBitmap>,
    pub(crate) synthetic: RoaringBitmap,
    patient: HashMap<u64, RoaringBitmap>,
    ages: BTreeSet<(i32, u32)>,
    dates: BTreeSet<(i32, u32)>,
}

impl Values {
    pub(crate) fn add(&mut self, at: u32, case: &CaseRow) {
        for label in &case.labels {
            self.label.entry(*label).or_default().insert(at);
        }
        self.sex.entry(case.sex).or_default().insert(at);
        self.site.entry(case.site).or_default().insert(at);
        if case.synthetic {
            self.synthetic.insert(at);
        }
        if case.patient != 0 {
            self.patient.entry(case.patient).or_default().insert(at);
        }
        self.ages
            .extend(case.age_years.map(|age| (ordered(age), at)));
        self.dates.extend(case.date.map(|date| (date, at)));
    }

    pub(crate) fn remove(&mut self, at: u32, case: &CaseRow) {
        for label in &case.labels {
            take(&mut self.label, label, at);
        }
        take(&mut self.sex, &case.sex, at);
        take(&mut self.site, &case.site, at);
        take(&mut self.patient, &case.patient, at);
        self.synthetic.remove(at);
        if let Some(age) = case.age_years {
            self.ages.remove(&(ordered(age), at));
        }
        if let Some(date) = case.date {
            self.dates.remove(&(date, at));
        }
    }

    /// Cases of a patient.
    pub(crate) fn of_patient(&self, patient: u64) -> Option<&RoaringBitmap> {
        self.patient.get(&patient)
    }

    /// Cases of an age of at least `min` and below `max` years.
    pub(crate) fn aged(&self, min: f32, max: f32) -> RoaringBitmap {
        let (min, max) = (ordered(min), ordered(max));
        if min >= max {
            return RoaringBitmap::new();
        }
        collected(self.ages.range((min, 0)..(max, 0)))
    }

    /// Cases of a date from `min` to `max`, both included.
    pub(crate) fn dated(&self, min: i32, max: i32) -> RoaringBitmap {
        if min > max {
            return RoaringBitmap::new();
        }
        collected(self.dates.range((min, 0)..=(max, u32::MAX)))
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
