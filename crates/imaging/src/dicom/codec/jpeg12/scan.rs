//! One scan over all blocks of one component: sequential (F.2.2) or progressive (G.1.2, G.2).

use super::entropy::{Bits, Huffman};
use super::{Reason, ZIGZAG};

pub(super) struct Scan<'a> {
    pub dc: Option<&'a Huffman>,
    pub ac: Option<&'a Huffman>,
    pub progressive: bool,
    /// First and last coefficient in zigzag order.
    pub first: usize,
    pub last: usize,
    /// Adds one bit to coefficients that an earlier scan has begun.
    pub refines: bool,
    pub shift: u32,
    pub restart_interval: usize,
}

struct State<'b> {
    bits: Bits<'b>,
    prediction: i32,
    /// Blocks that still have no coefficient in this band.
    empty_blocks: u32,
}

impl Scan<'_> {
    /// Decodes the entropy-coded data from a position; returns where it ends.
    pub(super) fn decode(
        &self,
        bytes: &[u8],
        at: usize,
        blocks: &mut [[i32; 64]],
    ) -> Result<usize, Reason> {
        let mut state = State {
            bits: Bits::new(bytes, at),
            prediction: 0,
            empty_blocks: 0,
        };
        for (index, block) in blocks.iter_mut().enumerate() {
            if self.restart_interval > 0 && index > 0 && index % self.restart_interval == 0 {
                state.bits.restart()?;
                (state.prediction, state.empty_blocks) = (0, 0);
            }
            self.block(&mut state, block)?;
        }
        Ok(state.bits.position())
    }

    fn block(&self, state: &mut State<'_>, block: &mut [i32; 64]) -> Result<(), Reason> {
        match (self.first, self.refines) {
            (0, false) => self.dc_first(state, block)?,
            (0, true) => block[0] |= (state.bits.bit()? << self.shift) as i32,
            (_, true) => return self.ac_refine(state, block),
            (_, false) => return self.ac_first(state, block),
        }
        if self.progressive {
            Ok(())
        } else {
            self.ac_sequential(state, block)
        }
    }

    fn dc_first(&self, state: &mut State<'_>, block: &mut [i32; 64]) -> Result<(), Reason> {
        let table = self.dc.ok_or("no table for the first coefficient")?;
        let size = state.bits.symbol(table)?;
        state.prediction = state
            .prediction
            .wrapping_add(state.bits.signed(size.into())?);
        block[0] = state.prediction.wrapping_shl(self.shift);
        Ok(())
    }

    fn ac_table(&self) -> Result<&Huffman, Reason> {
        self.ac.ok_or("no table for the other coefficients")
    }

    fn ac_sequential(&self, state: &mut State<'_>, block: &mut [i32; 64]) -> Result<(), Reason> {
        let table = self.ac_table()?;
        let mut at = 1;
        while at <= 63 {
            let symbol = state.bits.symbol(table)?;
            match (usize::from(symbol >> 4), u32::from(symbol & 15)) {
                (15, 0) => at += 16,
                (_, 0) => break,
                (zeros, size) => {
                    at += zeros;
                    *coefficient(block, at)? = state.bits.signed(size)?;
                    at += 1;
                }
            }
        }
        Ok(())
    }

    fn ac_first(&self, state: &mut State<'_>, block: &mut [i32; 64]) -> Result<(), Reason> {
        if state.empty_blocks > 0 {
            state.empty_blocks -= 1;
            return Ok(());
        }
        let table = self.ac_table()?;
        let mut at = self.first;
        while at <= self.last {
            let symbol = state.bits.symbol(table)?;
            match (usize::from(symbol >> 4), u32::from(symbol & 15)) {
                (15, 0) => at += 16,
                (run, 0) => {
                    state.empty_blocks = (1 << run) + state.bits.bits(run as u32)? - 1;
                    break;
                }
                (zeros, size) => {
                    at += zeros;
                    *coefficient(block, at)? = state.bits.signed(size)? << self.shift;
                    at += 1;
                }
            }
        }
        Ok(())
    }

    fn ac_refine(&self, state: &mut State<'_>, block: &mut [i32; 64]) -> Result<(), Reason> {
        let table = self.ac_table()?;
        let mut at = self.first;
        while state.empty_blocks == 0 && at <= self.last {
            let symbol = state.bits.symbol(table)?;
            let (mut zeros, size) = (u32::from(symbol >> 4), symbol & 15);
            let mut value = 0;
            if size != 0 {
                value = if state.bits.bit()? == 1 {
                    1 << self.shift
                } else {
                    -1 << self.shift
                };
            } else if zeros < 15 {
                state.empty_blocks = (1 << zeros) + state.bits.bits(zeros)?;
                break;
            }
            while at <= self.last {
                let slot = coefficient(block, at)?;
                if *slot != 0 {
                    self.refine(&mut state.bits, slot)?;
                } else if zeros == 0 {
                    *slot = value;
                    at += 1;
                    break;
                } else {
                    zeros -= 1;
                }
                at += 1;
            }
        }
        if state.empty_blocks > 0 {
            for index in at..=self.last {
                let slot = coefficient(block, index)?;
                if *slot != 0 {
                    self.refine(&mut state.bits, slot)?;
                }
            }
            state.empty_blocks -= 1;
        }
        Ok(())
    }

    /// One more bit of a coefficient that is not zero (G.1.2.3).
    fn refine(&self, bits: &mut Bits<'_>, slot: &mut i32) -> Result<(), Reason> {
        let bit = 1 << self.shift;
        if bits.bit()? == 1 && slot.unsigned_abs() & bit == 0 {
            *slot += slot.signum() * bit as i32;
        }
        Ok(())
    }
}

fn coefficient(block: &mut [i32; 64], zigzag: usize) -> Result<&mut i32, Reason> {
    let natural = ZIGZAG.get(zigzag).ok_or("a run beyond the block")?;
    Ok(&mut block[*natural])
}
