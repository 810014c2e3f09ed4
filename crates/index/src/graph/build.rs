//! A graph while it is built, in memory, by one thread.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use super::file::{Layout, keys_of};
use super::tape::Tape;
use super::{Graph, SEARCHERS, SLOT_BITS, Trial, as_f16, failed, options};
use crate::code::{Coded, Coder};
use crate::{IndexError, IndexSettings};

/// A graph that grows.
pub(crate) struct GraphBuilder {
    inner: usearch::Index,
    pub(super) coder: Coder,
    /// Slot of each node, in the order of adding, which is also the order of codes in usearch's file.
    pub(super) order: Vec<u32>,
    pub(super) dimension: u32,
    measured: Option<Measured>,
    /// Hashes of the codes that were added.
    codes: HashSet<u64>,
}

/// What a search must ask for, and the recall that it then has.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Measured {
    pub(crate) ef: u32,
    pub(crate) recall_permille: u32,
    pub(crate) nodes: u32,
}

impl GraphBuilder {
    /// An empty graph with room for `capacity` nodes.
    pub(crate) fn new(
        settings: &IndexSettings,
        coder: Coder,
        dimension: u32,
        capacity: usize,
    ) -> Result<Self, IndexError> {
        let inner = usearch::Index::new(&options(settings, &coder, dimension))
            .map_err(|error| failed("create", &error))?;
        reserve(&inner, capacity)?;
        Ok(Self {
            inner,
            coder,
            order: Vec::new(),
            dimension,
            measured: None,
            codes: HashSet::new(),
        })
    }

    /// A copy of a finished graph with room for `more` nodes.
    pub(crate) fn grown_from(
        graph: &Graph,
        settings: &IndexSettings,
        more: usize,
    ) -> Result<Self, IndexError> {
        let layout = graph.layout();
        let inner = usearch::Index::new(&options(settings, graph.coder(), graph.dimension))
            .map_err(|error| failed("create", &error))?;
        inner
            .load_from_buffer(&graph.bytes()[layout.graph_start()..])
            .map_err(|error| failed("load", &error))?;
        // What is loaded brings its own expansions along.
        inner.change_expansion_add(settings.ef_construction);
        inner.change_expansion_search(settings.ef_search);
        reserve(&inner, layout.nodes + more)?;
        Ok(Self {
            inner,
            coder: graph.coder().clone(),
            order: layout.order(graph.bytes()),
            dimension: graph.dimension,
            measured: Some(Measured {
                ef: layout.ef,
                recall_permille: layout.recall_permille,
                nodes: layout.measured_nodes,
            }),
            codes: HashSet::new(),
        })
    }

    pub(crate) fn coder(&self) -> &Coder {
        &self.coder
    }

    pub(crate) fn nodes(&self) -> usize {
        self.order.len()
    }

    pub(crate) fn measured(&self) -> Option<Measured> {
        self.measured
    }

    pub(crate) fn set_measured(&mut self, measured: Measured) {
        self.measured = Some(measured);
    }

    /// Adds a slot, or a further copy of it.
    pub(crate) fn add(&mut self, slot: u32, vector: &[f32]) -> Result<(), IndexError> {
        let mut key = u64::from(slot);
        while self.inner.contains(key) {
            key += 1 << SLOT_BITS;
        }
        if self.inner.size() >= self.inner.capacity() {
            reserve(&self.inner, self.inner.size() + self.inner.size() / 8 + 64)?;
        }
        match self.new_code(key, vector) {
            Coded::F16(code) => self.inner.add(key, as_f16(&code)),
            Coded::I8(code) => self.inner.add(key, code.as_slice()),
            Coded::B1(code) => self.inner.add(key, usearch::b1x8::from_u8s(&code)),
        }
        .map_err(|error| failed("add to", &error))?;
        self.order.push(slot);
        Ok(())
    }

    /// A code that no node has yet, where a little noise gives one. Nodes of one code are linked among themselves and to nothing
    /// else, since none is nearer than the others: thousands of black frames could not be reached. Which of them is found
    /// first does not matter, for the vectors of the log decide, and there they are alike.
    fn new_code(&mut self, key: u64, vector: &[f32]) -> Coded {
        let mut code = self.coder.encode(vector);
        let common = hash_of(&code);
        let mut hash = common;
        for times in 1..=NOISE_ROUNDS {
            if self.codes.insert(hash) {
                break;
            }
            let mut moved = vector.to_vec();
            add_noise(&mut moved, COMMON_NOISE * times as f32, common);
            add_noise(&mut moved, NOISE * times as f32, key);
            code = self.coder.encode(&moved);
            hash = hash_of(&code);
        }
        code
    }

    /// The nearest slots by code, best first.
    pub(crate) fn search(&self, vector: &[f32], count: usize) -> Result<Vec<u32>, IndexError> {
        let count = count.min(self.inner.size()).max(1);
        let found = match self.coder.encode(vector) {
            Coded::F16(code) => self.inner.search(as_f16(&code), count),
            Coded::I8(code) => self.inner.search(code.as_slice(), count),
            Coded::B1(code) => self.inner.search(usearch::b1x8::from_u8s(&code), count),
        }
        .map_err(|error| failed("search", &error))?;
        Ok(found.keys.iter().map(|key| *key as u32).collect())
    }

    /// What is there now, to be tried without some of it.
    pub(crate) fn trial(&self) -> Result<Trial<'_>, IndexError> {
        Trial::new(self)
    }

    /// Slots that no walk over the lowest level reaches from the entry point, each once.
    pub(crate) fn unreachable(&self) -> Vec<u32> {
        let keys = keys_of(&self.order);
        let by_level = |key: &u64| (self.inner.level_of_key(*key), std::cmp::Reverse(*key));
        let Some(entry) = keys.iter().copied().max_by_key(by_level) else {
            return Vec::new();
        };
        let slots = self.order.iter().max().map_or(0, |slot| *slot as usize + 1);
        let mut reached_slots = vec![false; slots];
        // First copies are marked by slot, later ones, which are few, by key.
        let mut reached_nodes = vec![false; slots];
        let mut reached_copies = std::collections::HashSet::new();
        let mut frontier = vec![entry];
        while let Some(key) = frontier.pop() {
            let slot = key as u32 as usize;
            let is_new = match key >> SLOT_BITS {
                0 => !std::mem::replace(&mut reached_nodes[slot], true),
                _ => reached_copies.insert(key),
            };
            if is_new {
                reached_slots[slot] = true;
                frontier.extend(self.inner.neighbors(key, 0));
            }
        }
        let mut lost: Vec<u32> = self.order.clone();
        lost.retain(|slot| !reached_slots[*slot as usize]);
        lost.sort_unstable();
        lost.dedup();
        lost
    }

    /// The graph's file over `slots` slots; codes of slots that are not live any more are overwritten.
    pub(crate) fn to_file(
        &self,
        slots: u32,
        live: impl Fn(u32) -> bool,
    ) -> Result<Vec<u8>, IndexError> {
        let first_nodes = self.order.iter().zip(0u32..).take(slots as usize);
        let in_order = self.order.len() >= slots as usize
            && first_nodes.into_iter().all(|(slot, node)| *slot == node);
        let mut layout = Layout::new(self.order.len(), slots, in_order, &self.coder);
        if let Some(measured) = self.measured {
            layout.ef = measured.ef;
            layout.recall_permille = measured.recall_permille;
            layout.measured_nodes = measured.nodes;
        }
        let mut bytes = layout.head(&self.coder, self.dimension, &self.order);
        let start = bytes.len();
        bytes.resize(start + self.inner.serialized_length(), 0);
        self.inner
            .save_to_buffer(&mut bytes[start..])
            .map_err(|error| failed("save", &error))?;
        // Fails where usearch's own layout is not the one that is overwritten and scanned.
        Layout::read(&bytes, self.dimension)?;
        let row_bytes = self.coder.code_bytes(self.dimension);
        let tape = Tape::read(&bytes, &layout, row_bytes)?;
        layout.clean(&mut bytes, row_bytes, &tape, live);
        Ok(bytes)
    }
}

/// Length of each node's own noise beside a vector's, which is one.
const NOISE: f32 = 0.04;
/// Length of the noise that all nodes of one code share but the first. It moves them away from that one, which would be the
/// nearest of each and the only one linked to.
const COMMON_NOISE: f32 = 0.06;
const NOISE_ROUNDS: u32 = 4;

fn hash_of(code: &Coded) -> u64 {
    let mut hasher = DefaultHasher::new();
    match code {
        Coded::F16(code) => code
            .iter()
            .for_each(|value| value.to_bits().hash(&mut hasher)),
        Coded::I8(code) => code.hash(&mut hasher),
        Coded::B1(code) => code.hash(&mut hasher),
    }
    hasher.finish()
}

/// Adds noise of a given length, the same for the same seed, and brings the vector to length one again.
fn add_noise(vector: &mut [f32], noise: f32, seed: u64) {
    let spread = noise * (3.0 / vector.len().max(1) as f32).sqrt();
    let mut state = seed;
    for value in vector.iter_mut() {
        // SplitMix64 (Steele, Lea, Flood 2014).
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = state;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        let unit = ((bits ^ (bits >> 31)) >> 40) as f32 / (1u32 << 23) as f32 - 1.0;
        *value += spread * unit;
    }
    let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
    let length = length.max(f32::MIN_POSITIVE);
    vector.iter_mut().for_each(|value| *value /= length);
}

/// Reserving is not safe beside searches; nobody else sees a graph that is built. Copies of slots need some slack.
fn reserve(inner: &usearch::Index, capacity: usize) -> Result<(), IndexError> {
    inner
        .reserve_capacity_and_threads(capacity + capacity / 64 + 64, SEARCHERS + 1)
        .map_err(|error| failed("reserve room in", &error))
}
