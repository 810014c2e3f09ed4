//! A graph that is built, searched as if some of its slots had never been added.

use std::collections::HashMap;

use super::GraphBuilder;
use super::file::Layout;
use super::tape::Tape;
use super::walk::{Ground, Walks};
use crate::IndexError;
use crate::code::{Code, Coded};

/// What is tried.
pub(crate) struct Trial<'a> {
    graph: &'a GraphBuilder,
    /// Where casekin walks itself.
    signs: Option<Signs>,
}

/// A graph of signs as it will be written.
struct Signs {
    bytes: Vec<u8>,
    layout: Layout,
    tape: Tape,
    walks: Walks,
    /// The first node of each slot, and the further ones.
    first: Vec<u32>,
    copies: HashMap<u32, Vec<u32>>,
}

impl<'a> Trial<'a> {
    pub(super) fn new(graph: &'a GraphBuilder) -> Result<Self, IndexError> {
        let signs = match graph.coder.code {
            Code::B1 => Some(Signs::new(graph)?),
            Code::F16 | Code::I8 => None,
        };
        Ok(Self { graph, signs })
    }

    /// The nearest `ef` slots by code, best first, without those that are left out (ascending). Signs are searched as if these had
    /// never been added; through other codes their links lead the way.
    pub(crate) fn search(
        &self,
        vector: &[f32],
        ef: usize,
        left_out: &[u32],
    ) -> Result<Vec<u32>, IndexError> {
        match (&self.signs, self.graph.coder.encode(vector)) {
            (Some(signs), Coded::B1(code)) => Ok(signs.search(self.graph, &code, ef, left_out)),
            _ => {
                let mut found = self.graph.search(vector, ef + left_out.len())?;
                found.retain(|slot| left_out.binary_search(slot).is_err());
                found.truncate(ef);
                Ok(found)
            }
        }
    }
}

impl Signs {
    fn new(graph: &GraphBuilder) -> Result<Self, IndexError> {
        let slots = graph.order.iter().max().map_or(0, |slot| slot + 1);
        let bytes = graph.to_file(slots, |_| true)?;
        let (layout, coder) = Layout::read(&bytes, graph.dimension)?;
        let tape = Tape::read(&bytes, &layout, coder.code_bytes(graph.dimension))?;
        let mut first = vec![u32::MAX; slots as usize];
        let mut copies: HashMap<u32, Vec<u32>> = HashMap::new();
        for (slot, node) in graph.order.iter().zip(0u32..) {
            match &mut first[*slot as usize] {
                held if *held == u32::MAX => *held = node,
                _ => copies.entry(*slot).or_default().push(node),
            }
        }
        Ok(Self {
            bytes,
            layout,
            tape,
            walks: Walks::default(),
            first,
            copies,
        })
    }

    fn search(&self, graph: &GraphBuilder, query: &[u8], ef: usize, left_out: &[u32]) -> Vec<u32> {
        let row_bytes = graph.coder.code_bytes(graph.dimension);
        let ground = Ground::new(&self.bytes, &self.layout, &self.tape, row_bytes);
        let first = left_out.iter().map(|slot| self.first[*slot as usize]);
        let copies = left_out.iter().filter_map(|slot| self.copies.get(slot));
        let mut hidden: Vec<u32> = first
            .chain(copies.flatten().copied())
            .filter(|node| *node != u32::MAX)
            .collect();
        hidden.sort_unstable();
        let nodes = self.walks.nearest_without(&ground, query, ef, &hidden);
        let slot = |node: u32| graph.order[node as usize];
        nodes.into_iter().map(slot).collect()
    }
}
