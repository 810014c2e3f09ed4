//! Sets of case numbers, and what stands behind each. A catalog gives them out in a row, so that a bit or a word for each
//! is smallest and fastest: a search by words asks of every document that matches whether its case may answer.

use std::collections::{BTreeMap, BTreeSet};

/// Numbers below this have a bit: sixteen million cases, two megabytes.
const BITS: u64 = 1 << 24;

/// Case numbers.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct CaseNumbers {
    /// Of numbers below [`BITS`], as far as there are any.
    words: Vec<u64>,
    /// All others.
    far: BTreeSet<u64>,
}

impl CaseNumbers {
    pub(crate) fn insert(&mut self, case_no: u64) {
        if case_no >= BITS {
            self.far.insert(case_no);
            return;
        }
        let at = (case_no / 64) as usize;
        if at >= self.words.len() {
            self.words.resize(at + 1, 0);
        }
        self.words[at] |= 1 << (case_no % 64);
    }

    pub(crate) fn remove(&mut self, case_no: u64) {
        match case_no >= BITS {
            true => {
                self.far.remove(&case_no);
            }
            false => {
                if let Some(word) = self.words.get_mut((case_no / 64) as usize) {
                    *word &= !(1 << (case_no % 64));
                }
            }
        }
    }

    pub(crate) fn contains(&self, case_no: u64) -> bool {
        match self.words.get((case_no / 64) as usize) {
            Some(word) => word & (1 << (case_no % 64)) != 0,
            None => self.far.contains(&case_no),
        }
    }
}

impl FromIterator<u64> for CaseNumbers {
    fn from_iter<I: IntoIterator<Item = u64>>(numbers: I) -> Self {
        let mut set = Self::default();
        numbers.into_iter().for_each(|number| set.insert(number));
        set
    }
}

/// No case is at this index.
const NOWHERE: u32 = u32::MAX;

/// The index of each case's row by the case's number.
#[derive(Debug, Default)]
pub(crate) struct CaseIndices {
    /// Of numbers below [`BITS`], as far as there are any.
    near: Vec<u32>,
    /// All others.
    far: BTreeMap<u64, u32>,
    held: usize,
}

impl CaseIndices {
    /// Cases that have an index.
    pub(crate) fn len(&self) -> usize {
        self.held
    }

    pub(crate) fn get(&self, case_no: u64) -> Option<u32> {
        let at = match case_no < BITS {
            true => self.near.get(case_no as usize),
            false => self.far.get(&case_no),
        };
        at.copied().filter(|at| *at != NOWHERE)
    }

    /// `at` is below `u32::MAX`.
    pub(crate) fn insert(&mut self, case_no: u64, at: u32) {
        let former = match case_no < BITS {
            true => {
                let number = case_no as usize;
                if number >= self.near.len() {
                    self.near.resize(number + 1, NOWHERE);
                }
                Some(std::mem::replace(&mut self.near[number], at)).filter(|at| *at != NOWHERE)
            }
            false => self.far.insert(case_no, at),
        };
        self.held += usize::from(former.is_none());
    }

    pub(crate) fn remove(&mut self, case_no: u64) -> Option<u32> {
        let removed = match case_no < BITS {
            true => {
                let at = self.near.get_mut(case_no as usize)?;
                Some(std::mem::replace(at, NOWHERE)).filter(|at| *at != NOWHERE)
            }
            false => self.far.remove(&case_no),
        };
        self.held -= usize::from(removed.is_some());
        removed
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn indices_are_those_of_a_map(steps in prop::collection::vec((any::<bool>(), 0u64..40, 0u32..9), 0..200)) {
            let (mut indices, mut map) = (CaseIndices::default(), std::collections::HashMap::new());
            for (inserts, number, at) in steps {
                // Half of them beyond the border.
                let case_no = BITS - 20 + number;
                match inserts {
                    true => {
                        indices.insert(case_no, at);
                        map.insert(case_no, at);
                    }
                    false => prop_assert_eq!(indices.remove(case_no), map.remove(&case_no)),
                }
                prop_assert_eq!(indices.get(case_no), map.get(&case_no).copied());
                prop_assert_eq!(indices.len(), map.len());
            }
        }
    }

    #[test]
    fn numbers_on_either_side_of_the_border_are_held_until_they_are_removed() {
        let numbers = [0, 1, 63, 64, 1_000, BITS - 1, BITS, BITS + 1, u64::MAX];
        let mut set: CaseNumbers = numbers.into_iter().collect();
        assert!(numbers.iter().all(|number| set.contains(*number)));
        let others = [2, 62, 65, 999, BITS - 2, BITS + 2, u64::MAX - 1];
        assert!(!others.iter().any(|number| set.contains(*number)));
        for number in numbers.iter().chain(&others) {
            set.remove(*number);
            assert!(!set.contains(*number));
        }
        // A set that holds few does not know of bits that were never set.
        let mut few = CaseNumbers::default();
        few.remove(7);
        assert!(!few.contains(7) && few == CaseNumbers::default());
    }
}
