//! The layout of a graph's file, little endian: a head of 64 bytes, the mean (f32 per dimension, B1 only), the slot of
//! each node (u32), zeros up to a multiple of 64, then usearch's own file, which begins with the codes in node order.

use std::collections::HashMap;

use super::SLOT_BITS;
use super::tape::Tape;
use crate::IndexError;
use crate::code::{Code, Coder};

const MAGIC: &[u8; 8] = b"CASEKNG2";
const HEAD_BYTES: usize = 64;
const ALIGN: usize = 64;
/// No node has this number.
pub(super) const NO_NODE: u32 = u32::MAX;
/// usearch's file begins with the number of rows and the bytes of each.
const MATRIX_HEAD_BYTES: usize = 8;

/// What a graph's file says of itself.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Layout {
    /// Nodes, copies of slots included.
    pub(crate) nodes: usize,
    /// Slots that are covered.
    pub(crate) slots: u32,
    /// Candidates that a search asks for, so that rescoring meets the recall that is wanted.
    pub(crate) ef: u32,
    /// recall@10 after rescoring that was measured with `ef`, in thousandths.
    pub(crate) recall_permille: u32,
    /// Nodes when it was measured.
    pub(crate) measured_nodes: u32,
    /// Node n is slot n, for every slot.
    pub(crate) in_order: bool,
    mean_values: usize,
}

impl Layout {
    pub(super) fn new(nodes: usize, slots: u32, in_order: bool, coder: &Coder) -> Self {
        Self {
            nodes,
            slots,
            ef: 0,
            recall_permille: 0,
            measured_nodes: 0,
            in_order,
            mean_values: coder.mean.len(),
        }
    }

    /// Candidates that a search asks for at least. Between two measurements they grow with the square root of the nodes:
    /// faster than the measured ones, of which ten times the nodes took 2.6 times as many (docs/BENCHMARKS.md).
    pub(crate) fn candidates(&self) -> usize {
        let growth = self.nodes as f32 / self.measured_nodes.max(1) as f32;
        match self.measured_nodes {
            0 => self.ef as usize,
            _ => (self.ef as f32 * growth.max(1.0).sqrt()).ceil() as usize,
        }
    }

    fn order_start(&self) -> usize {
        HEAD_BYTES + 4 * self.mean_values
    }

    pub(crate) fn graph_start(&self) -> usize {
        (self.order_start() + 4 * self.nodes).next_multiple_of(ALIGN)
    }

    pub(super) fn codes_start(&self) -> usize {
        self.graph_start() + MATRIX_HEAD_BYTES
    }

    /// Reads the head, and checks that all that it announces is there.
    pub(super) fn read(bytes: &[u8], dimension: u32) -> Result<(Self, Coder), IndexError> {
        let damaged = |reason: &str| IndexError::Damaged {
            what: "graph".into(),
            reason: reason.into(),
        };
        if bytes.len() < HEAD_BYTES || &bytes[..8] != MAGIC {
            return Err(damaged("it is no graph file"));
        }
        let field = |at: usize| number(bytes, 8 + 4 * at);
        let code = Code::from_number(field(2)).ok_or_else(|| damaged("its code is unknown"))?;
        let mean_values = match code {
            Code::B1 => dimension as usize,
            Code::F16 | Code::I8 => 0,
        };
        let layout = Self {
            nodes: field(0) as usize,
            slots: field(1),
            ef: field(4),
            recall_permille: field(5),
            measured_nodes: field(6),
            in_order: field(7) != 0,
            mean_values,
        };
        if field(3) != dimension {
            return Err(damaged("its vectors have another dimension"));
        }
        let mean = bytes
            .get(HEAD_BYTES..layout.order_start())
            .ok_or_else(|| damaged("it is too short"))?
            .chunks_exact(4)
            .map(|word| f32::from_le_bytes(word.try_into().expect("four bytes")))
            .collect();
        let coder = Coder::new(code, mean);
        let (rows, row_bytes) = (
            number(bytes, layout.graph_start()) as usize,
            number(bytes, layout.graph_start() + 4) as usize,
        );
        let codes_end = layout.codes_start() + layout.nodes * coder.code_bytes(dimension);
        if codes_end > bytes.len()
            || (rows, row_bytes) != (layout.nodes, coder.code_bytes(dimension))
            || (layout.in_order && layout.slots as usize > layout.nodes)
        {
            return Err(damaged("its codes are not those that it announces"));
        }
        Ok((layout, coder))
    }

    /// Head, mean and order; usearch's bytes follow.
    pub(super) fn head(&self, coder: &Coder, dimension: u32, order: &[u32]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.graph_start());
        bytes.extend_from_slice(MAGIC);
        let fields = [
            self.nodes as u32,
            self.slots,
            coder.code.number(),
            dimension,
            self.ef,
            self.recall_permille,
            self.measured_nodes,
            u32::from(self.in_order),
        ];
        for field in fields {
            bytes.extend_from_slice(&field.to_le_bytes());
        }
        bytes.resize(HEAD_BYTES, 0);
        for value in &coder.mean {
            bytes.extend_from_slice(&value.to_le_bytes());
        }
        for slot in order {
            bytes.extend_from_slice(&slot.to_le_bytes());
        }
        bytes.resize(self.graph_start(), 0);
        bytes
    }

    /// The slot of one node.
    pub(super) fn slot(&self, bytes: &[u8], node: u32) -> u32 {
        if self.in_order && node < self.slots {
            return node;
        }
        number(bytes, self.order_start() + 4 * node as usize)
    }

    /// The slot of each node.
    pub(super) fn order(&self, bytes: &[u8]) -> Vec<u32> {
        let start = self.order_start();
        bytes[start..start + 4 * self.nodes]
            .chunks_exact(4)
            .map(|word| u32::from_le_bytes(word.try_into().expect("four bytes")))
            .collect()
    }

    /// The first node of each slot; [`NO_NODE`] where there is none.
    pub(super) fn nodes_of_slots(&self, bytes: &[u8]) -> Vec<u32> {
        let mut nodes = vec![NO_NODE; self.slots as usize];
        for (node, slot) in (0u32..).zip(self.order(bytes)) {
            if let Some(first) = nodes.get_mut(slot as usize) {
                *first = (*first).min(node);
            }
        }
        nodes
    }

    /// Overwrites the codes of dead slots by that of a live neighbour, so that walks still find their way past them, or
    /// by zeros: nothing of a deleted vector stays.
    pub(super) fn clean(
        &self,
        bytes: &mut [u8],
        row_bytes: usize,
        tape: &Tape,
        live: impl Fn(u32) -> bool,
    ) {
        let order = self.order(bytes);
        if order.iter().all(|slot| live(*slot)) {
            return;
        }
        let row_start = |node: usize| self.codes_start() + node * row_bytes;
        for node in (0..order.len()).filter(|node| !live(order[*node])) {
            let stand_in = tape
                .links(bytes, node as u32, 0)
                .find(|linked| live(order[*linked as usize]));
            match stand_in {
                Some(from) => {
                    let from = row_start(from as usize);
                    bytes.copy_within(from..from + row_bytes, row_start(node));
                }
                None => bytes[row_start(node)..row_start(node) + row_bytes].fill(0),
            }
        }
    }

    pub(super) fn damaged(&self, reason: &str) -> IndexError {
        IndexError::Damaged {
            what: "graph".into(),
            reason: reason.into(),
        }
    }
}

/// usearch's key of each node: the slot, and which copy of it the node is.
pub(super) fn keys_of(order: &[u32]) -> Vec<u64> {
    let mut copies: HashMap<u32, u64> = HashMap::new();
    let highest = order
        .iter()
        .copied()
        .max()
        .map_or(0, |slot| slot as usize + 1);
    let mut seen = vec![false; highest];
    let key = |slot: &u32| {
        if !std::mem::replace(&mut seen[*slot as usize], true) {
            return u64::from(*slot);
        }
        let copy = copies.entry(*slot).or_insert(0);
        *copy += 1;
        u64::from(*slot) | *copy << SLOT_BITS
    };
    order.iter().map(key).collect()
}

fn number(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).map_or(0, |word| {
        u32::from_le_bytes(word.try_into().expect("four bytes"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn candidates_grow_with_the_root_of_the_nodes_since_they_were_measured() {
        let layout = |nodes: usize, measured_nodes: u32| Layout {
            ef: 100,
            measured_nodes,
            ..Layout::new(
                nodes,
                nodes as u32,
                true,
                &Coder::new(Code::F16, Vec::new()),
            )
        };
        assert_eq!(layout(1_000, 1_000).candidates(), 100);
        assert_eq!(layout(2_250, 1_000).candidates(), 150);
        assert_eq!(layout(900, 1_000).candidates(), 100, "never fewer");
        assert_eq!(layout(900, 0).candidates(), 100, "never measured");
    }
}
