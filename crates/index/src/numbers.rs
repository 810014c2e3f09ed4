//! Sets of case numbers. A catalog gives them out in a row, so that a bit for each is smallest and fastest: a search by
//! words asks of every document that matches whether its case may answer.

use std::collections::BTreeSet;

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

#[cfg(test)]
mod tests {
    use super::*;

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
