//! Bits and Huffman codes (annex C, F.2.2).

use super::Reason;

/// A canonical Huffman table, decoded bit by bit (figure F.16).
pub(super) struct Huffman {
    /// For each length from 1 to 16: first code, number of codes, index of the first symbol.
    lengths: [(u32, u32, usize); 16],
    symbols: Vec<u8>,
}

impl Huffman {
    /// Reads one table; returns what follows it.
    pub(super) fn read(segment: &[u8]) -> Result<(Self, &[u8]), Reason> {
        let counts = segment.get(..16).ok_or("short Huffman table")?;
        let total: usize = counts.iter().map(|count| usize::from(*count)).sum();
        let symbols = segment
            .get(16..16 + total)
            .ok_or("short Huffman table")?
            .to_vec();
        let mut lengths = [(0, 0, 0); 16];
        let (mut code, mut index) = (0u32, 0);
        for (slot, count) in lengths.iter_mut().zip(counts) {
            *slot = (code, u32::from(*count), index);
            index += usize::from(*count);
            code = (code + u32::from(*count)) << 1;
        }
        Ok((Self { lengths, symbols }, &segment[16 + total..]))
    }
}

/// Reads bits, stuffed zero bytes removed; stops at markers.
pub(super) struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
    current: u8,
    left: u32,
}

impl<'a> Bits<'a> {
    pub(super) fn new(bytes: &'a [u8], at: usize) -> Self {
        Self {
            bytes,
            at,
            current: 0,
            left: 0,
        }
    }

    /// Where the next whole byte lies.
    pub(super) fn position(&self) -> usize {
        self.at
    }

    pub(super) fn bit(&mut self) -> Result<u32, Reason> {
        if self.left == 0 {
            self.current = match self.bytes.get(self.at..) {
                Some([0xFF, 0x00, ..]) => {
                    self.at += 1;
                    0xFF
                }
                Some([0xFF, ..] | []) | None => return Err("ends inside a scan"),
                Some([byte, ..]) => *byte,
            };
            self.at += 1;
            self.left = 8;
        }
        self.left -= 1;
        Ok(u32::from(self.current >> self.left) & 1)
    }

    pub(super) fn bits(&mut self, count: u32) -> Result<u32, Reason> {
        (0..count).try_fold(0, |value, _| Ok(value << 1 | self.bit()?))
    }

    /// A signed value of so many bits (F.2.2.1, EXTEND).
    pub(super) fn signed(&mut self, count: u32) -> Result<i32, Reason> {
        if count == 0 {
            return Ok(0);
        }
        if count > 16 {
            return Err("value of more than 16 bits");
        }
        let value = self.bits(count)? as i32;
        Ok(if value < 1 << (count - 1) {
            value - (1 << count) + 1
        } else {
            value
        })
    }

    pub(super) fn symbol(&mut self, table: &Huffman) -> Result<u8, Reason> {
        let mut code = 0;
        for (first, count, index) in table.lengths {
            code = code << 1 | self.bit()?;
            if code >= first && code - first < count {
                return Ok(table.symbols[index + (code - first) as usize]);
            }
        }
        Err("no such Huffman code")
    }

    /// Drops the rest of a byte and steps over a restart marker.
    pub(super) fn restart(&mut self) -> Result<(), Reason> {
        self.left = 0;
        while self.bytes.get(self.at..self.at + 2) == Some(&[0xFF, 0xFF]) {
            self.at += 1;
        }
        match self.bytes.get(self.at..self.at + 2) {
            Some([0xFF, 0xD0..=0xD7]) => {
                self.at += 2;
                Ok(())
            }
            _ => Err("missing restart marker"),
        }
    }
}
