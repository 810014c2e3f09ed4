//! The bytes of a TIFF as its decoder reads them: with a bound on how much is read in all, and with one word
//! replaced.
//!
//! A few kilobytes can state thousands of directories or tiles that all point at the same megabytes. Reading is
//! therefore counted: what is read several times over comes to an end.

use std::io::{Error, ErrorKind, Read, Result, Seek, SeekFrom};

use crate::tiff_shares::OVERLAPS;

/// A cursor with a budget.
pub(super) struct Budgeted<'a> {
    bytes: &'a [u8],
    at: u64,
    left: u64,
    /// Place and content of a word that reads differently.
    word: Option<(u64, [u8; 2])>,
}

impl<'a> Budgeted<'a> {
    /// A reader of `bytes` that gives up after `budget` bytes.
    pub(super) fn new(bytes: &'a [u8], budget: u64) -> Self {
        Self {
            bytes,
            at: 0,
            left: budget,
            word: None,
        }
    }

    /// Lets two bytes read as others.
    pub(super) fn with_word(mut self, at: u64, word: [u8; 2]) -> Self {
        self.word = Some((at, word));
        self
    }
}

impl Read for Budgeted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let start = usize::try_from(self.at).unwrap_or(usize::MAX);
        let rest = self.bytes.get(start..).unwrap_or_default();
        let len = rest.len().min(buffer.len());
        self.left = self
            .left
            .checked_sub(len as u64)
            .ok_or_else(|| Error::new(ErrorKind::InvalidData, OVERLAPS))?;
        buffer[..len].copy_from_slice(&rest[..len]);
        if let Some((place, word)) = self.word {
            for (offset, byte) in word.into_iter().enumerate() {
                let place = place + offset as u64;
                if (self.at..self.at + len as u64).contains(&place) {
                    buffer[(place - self.at) as usize] = byte;
                }
            }
        }
        self.at += len as u64;
        Ok(len)
    }
}

impl Seek for Budgeted<'_> {
    fn seek(&mut self, to: SeekFrom) -> Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => (self.bytes.len() as u64).checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        // Nothing lies beyond the end; a place far out must not overflow when it is added to.
        self.at = at
            .ok_or_else(|| Error::from(ErrorKind::InvalidInput))?
            .min(self.bytes.len() as u64);
        Ok(self.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_ends_with_the_budget_and_words_are_replaced() {
        let mut reader = Budgeted::new(b"abcdef", 7).with_word(2, *b"XY");
        let mut all = [0; 6];
        reader.read_exact(&mut all).unwrap();
        assert_eq!(&all, b"abXYef");
        reader.seek(SeekFrom::Start(3)).unwrap();
        let mut one = [0; 1];
        reader.read_exact(&mut one).unwrap();
        assert_eq!(&one, b"Y");
        assert_eq!(reader.read(&mut one).unwrap_err().to_string(), OVERLAPS);
        assert_eq!(reader.seek(SeekFrom::Start(u64::MAX)).unwrap(), 6);
    }
}
