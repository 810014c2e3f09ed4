//! usearch's own file, read in place: behind the codes a head, the level of each node, then each node's key, level and
//! links. Links are numbers of nodes, in the order in which they were added.

use super::file::Layout;
use crate::IndexError;

/// usearch's dense head and the head of its graph.
const DENSE_HEAD_BYTES: usize = 64;
const GRAPH_HEAD_BYTES: usize = 40;
const LEVEL_BYTES: usize = 2;
/// Key and level before the links of a node.
const NODE_HEAD_BYTES: usize = 8 + LEVEL_BYTES;
const LINK_BYTES: usize = 4;

/// Where the links of each node lie.
#[derive(Debug)]
pub(super) struct Tape {
    /// Where each node begins, in pairs of bytes from `start`; every node has an even length.
    offsets: Vec<u32>,
    start: usize,
    /// Bytes of the links of a node on the lowest level, and on each further one.
    base_bytes: usize,
    level_bytes: usize,
    pub(super) entry: u32,
    pub(super) max_level: usize,
}

impl Tape {
    /// Finds the nodes of a graph's file. That it ends where the last node does, and that the first, the last and the
    /// entry repeat their levels, tells another layout from this one without reading all of it.
    ///
    /// # Errors
    /// [`IndexError::Damaged`] where the file is not laid out as usearch 2.26 does, or too large to be addressed.
    pub(super) fn read(
        bytes: &[u8],
        layout: &Layout,
        row_bytes: usize,
    ) -> Result<Self, IndexError> {
        let head = layout.codes_start() + layout.nodes * row_bytes + DENSE_HEAD_BYTES;
        let levels = head + GRAPH_HEAD_BYTES;
        let start = levels + LEVEL_BYTES * layout.nodes;
        let number = |at: usize| {
            let word = bytes.get(head + 8 * at..head + 8 * at + 8);
            word.map(|word| u64::from_le_bytes(word.try_into().expect("eight bytes")))
        };
        let numbers = (|| Some([number(0)?, number(1)?, number(2)?, number(3)?, number(4)?]))();
        let damaged = || layout.damaged("its links are not laid out as expected");
        let [nodes, links, base_links, max_level, entry] = numbers.ok_or_else(damaged)?;
        // Without nodes, the highest level is -1.
        let max_level = if nodes == 0 { 0 } else { max_level };
        let plausible = nodes == layout.nodes as u64
            && links <= 1 << 16
            && base_links <= 1 << 17
            && max_level < 1 << 15
            && (entry < nodes || nodes == 0);
        if !plausible {
            return Err(damaged());
        }
        let of_links = |links: u64| LINK_BYTES * (1 + links as usize);
        let (base_bytes, level_bytes) = (of_links(base_links), of_links(links));
        let mut offsets = Vec::with_capacity(layout.nodes);
        let mut offset = 0usize;
        let levels = bytes.get(levels..start).ok_or_else(damaged)?;
        for level in levels.chunks_exact(LEVEL_BYTES) {
            let level = u16::from_le_bytes([level[0], level[1]]);
            if u64::from(level) > max_level {
                return Err(damaged());
            }
            offsets.push(u32::try_from(offset / 2).map_err(|_| damaged())?);
            offset += NODE_HEAD_BYTES + base_bytes + usize::from(level) * level_bytes;
        }
        if start + offset != bytes.len() {
            return Err(damaged());
        }
        let tape = Self {
            offsets,
            start,
            base_bytes,
            level_bytes,
            entry: entry as u32,
            max_level: max_level as usize,
        };
        let ends = [0, tape.entry as usize, layout.nodes.saturating_sub(1)];
        let repeats = |node: usize| {
            let at = LEVEL_BYTES * node;
            let head = tape.node_start(node as u32) + NODE_HEAD_BYTES;
            levels[at..at + LEVEL_BYTES] == bytes[head - LEVEL_BYTES..head]
        };
        if nodes > 0 && !ends.into_iter().all(repeats) {
            return Err(damaged());
        }
        Ok(tape)
    }

    /// Numbers of the nodes that a node is linked to; `level` is at most its own.
    pub(super) fn links<'a>(
        &self,
        bytes: &'a [u8],
        node: u32,
        level: usize,
    ) -> impl Iterator<Item = u32> + use<'a> {
        let nodes = self.offsets.len() as u32;
        let (at, room) = match level.checked_sub(1) {
            None => (0, self.base_bytes),
            Some(above) => (self.base_bytes + above * self.level_bytes, self.level_bytes),
        };
        let at = self.node_start(node) + NODE_HEAD_BYTES + at;
        let mut words = bytes[at..at + room]
            .chunks_exact(LINK_BYTES)
            .map(|word| u32::from_le_bytes(word.try_into().expect("four bytes")));
        let count = words.next().unwrap_or(0) as usize;
        words.take(count).filter(move |linked| *linked < nodes)
    }

    /// The bytes that hold a node's links on the lowest level.
    pub(super) fn base<'a>(&self, bytes: &'a [u8], node: u32) -> &'a [u8] {
        let start = self.node_start(node) + NODE_HEAD_BYTES;
        &bytes[start..start + self.base_bytes]
    }

    fn node_start(&self, node: u32) -> usize {
        self.start + 2 * self.offsets[node as usize] as usize
    }
}
