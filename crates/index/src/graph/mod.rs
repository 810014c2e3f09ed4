//! HNSW graphs of usearch over the codes of a segment. A graph is built by one thread in memory (usearch 2.26 loses
//! vectors where several add, its issue 735), then written, mapped and never changed: searching loads no vectors and
//! takes no lock. What died since is hidden by the predicate, and its code overwritten when the file is next written.

mod build;
mod file;
mod tape;
mod trial;
mod walk;

use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};

use memmap2::Mmap;
use rayon::prelude::*;
use usearch::IndexOptions;

use crate::code::{Code, Coded, Coder, hamming};
use crate::kernel::prefetch;
use crate::sharing;
use crate::{IndexError, IndexSettings};

pub(crate) use build::{GraphBuilder, Measured};
pub(crate) use file::Layout;
use file::NO_NODE;
use tape::Tape;
pub(crate) use trial::Trial;
use walk::{Ground, Walks};

/// Searches that may run at once in one graph; usearch keeps buffers for each, and refuses more.
const SEARCHERS: usize = 32;
/// Keys are slot | copy << SLOT_BITS: a slot that became unreachable is added again as a further copy.
const SLOT_BITS: u32 = 32;
/// Signs that are fetched ahead of those that are compared.
const FETCHED_AHEAD: usize = 12;
/// Signs for which another thread is worth its start.
const SCANNED_AT_ONCE: usize = 8_192;

/// A finished graph over a mapped file.
pub(crate) struct Graph {
    way: Way,
    tape: Tape,
    layout: Layout,
    coder: Coder,
    dimension: u32,
    /// The first node of each slot, once it is asked for, where nodes are not in the order of slots.
    nodes: OnceLock<Vec<u32>>,
    /// What `way` reads; must outlive it, and fields are dropped in order.
    map: Arc<Mmap>,
}

/// Who walks.
enum Way {
    /// casekin, through signs.
    Signs(Walks),
    /// usearch, through all other codes.
    Usearch(usearch::Index, Gate),
}

impl Graph {
    /// Opens a mapped graph file whose checksum the caller has verified.
    ///
    /// # Errors
    /// [`IndexError::Damaged`], [`IndexError::Graph`].
    pub(crate) fn open(
        map: Arc<Mmap>,
        settings: &IndexSettings,
        dimension: u32,
    ) -> Result<Self, IndexError> {
        let (layout, coder) = Layout::read(&map, dimension)?;
        let tape = Tape::read(&map, &layout, coder.code_bytes(dimension))?;
        let way = match coder.code {
            Code::B1 => Way::Signs(Walks::default()),
            Code::F16 | Code::I8 => {
                let inner = mapped(&map, &layout, &options(settings, &coder, dimension))?;
                Way::Usearch(inner, Gate::default())
            }
        };
        Ok(Self {
            way,
            tape,
            layout,
            coder,
            dimension,
            nodes: OnceLock::new(),
            map,
        })
    }

    /// Slots below this are covered.
    pub(crate) fn slots(&self) -> u32 {
        self.layout.slots
    }

    pub(crate) fn layout(&self) -> &Layout {
        &self.layout
    }

    pub(crate) fn coder(&self) -> &Coder {
        &self.coder
    }

    /// The nearest allowed slots by code, best first. A slot may come twice.
    pub(crate) fn search(
        &self,
        query: &Coded,
        count: usize,
        allow: Option<&dyn Fn(u32) -> bool>,
    ) -> Result<Vec<u32>, IndexError> {
        match (&self.way, query) {
            (Way::Signs(walks), Coded::B1(code)) => Ok(self.walk(walks, code, count, allow)),
            (Way::Usearch(inner, gate), Coded::F16(code)) => {
                ask(inner, gate, as_f16(code), count, allow)
            }
            (Way::Usearch(inner, gate), Coded::I8(code)) => ask(inner, gate, code, count, allow),
            _ => Err(failed("search", &"the question is held under another code")),
        }
    }

    fn walk(
        &self,
        walks: &Walks,
        query: &[u8],
        count: usize,
        allow: Option<&dyn Fn(u32) -> bool>,
    ) -> Vec<u32> {
        let row_bytes = self.coder.code_bytes(self.dimension);
        let ground = Ground::new(&self.map, &self.layout, &self.tape, row_bytes);
        let slot = |node: u32| self.layout.slot(&self.map, node);
        let found = match allow {
            None => walks.nearest(&ground, query, count, |_| true),
            Some(allow) => walks.nearest(&ground, query, count, |node| allow(slot(node))),
        };
        found.into_iter().map(slot).collect()
    }

    /// Distances of many slots by scanning their signs; `None` where this graph holds none.
    pub(crate) fn scan_signs(
        &self,
        query: &Coded,
        slots: impl Iterator<Item = u32>,
    ) -> Option<Vec<(u32, u32)>> {
        let Coded::B1(query) = query else { return None };
        let row_bytes = self.coder.code_bytes(self.dimension);
        let rows = &self.map[self.layout.codes_start()..];
        let row = |node: u32| {
            let start = node as usize * row_bytes;
            &rows[start..start + row_bytes]
        };
        let covered: Vec<(u32, u32)> = slots
            .take_while(|slot| *slot < self.slots())
            .filter_map(|slot| Some((self.node(slot)?, slot)))
            .collect();
        let distances = |chunk: &[(u32, u32)]| -> Vec<(u32, u32)> {
            let distance = |(at, &(node, slot)): (usize, &(u32, u32))| {
                if let Some((soon, _)) = chunk.get(at + FETCHED_AHEAD) {
                    prefetch(row(*soon));
                }
                (hamming(row(node), query), slot)
            };
            chunk.iter().enumerate().map(distance).collect()
        };
        Some(
            match sharing::pool().filter(|_| covered.len() > SCANNED_AT_ONCE) {
                Some(pool) => pool.install(|| {
                    let chunks = covered.par_chunks(SCANNED_AT_ONCE);
                    chunks.flat_map_iter(distances).collect()
                }),
                None => distances(&covered),
            },
        )
    }

    /// The first node of a slot; none where its vector could not be read.
    fn node(&self, slot: u32) -> Option<u32> {
        if self.layout.in_order {
            return Some(slot);
        }
        let nodes = self
            .nodes
            .get_or_init(|| self.layout.nodes_of_slots(&self.map));
        nodes
            .get(slot as usize)
            .copied()
            .filter(|node| *node != NO_NODE)
    }

    /// The file as bytes, with the codes of dead slots overwritten.
    pub(crate) fn cleaned(&self, live: impl Fn(u32) -> bool) -> Vec<u8> {
        let mut bytes = self.map.to_vec();
        let row_bytes = self.coder.code_bytes(self.dimension);
        self.layout.clean(&mut bytes, row_bytes, &self.tape, live);
        bytes
    }

    fn bytes(&self) -> &[u8] {
        &self.map
    }
}

impl std::fmt::Debug for Graph {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Graph")
            .field("layout", &self.layout)
            .finish_non_exhaustive()
    }
}

/// Lets a bounded number in at once.
#[derive(Default)]
struct Gate {
    running: Mutex<usize>,
    left: Condvar,
}

struct Turn<'a>(&'a Gate);

impl Gate {
    fn enter(&self) -> Turn<'_> {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let mut running = self
            .left
            .wait_while(running, |running| *running >= SEARCHERS)
            .unwrap_or_else(PoisonError::into_inner);
        *running += 1;
        Turn(self)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut running = self
            .0
            .running
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *running -= 1;
        self.0.left.notify_one();
    }
}

/// Lets usearch walk.
fn ask<T: usearch::VectorType>(
    inner: &usearch::Index,
    gate: &Gate,
    query: &[T],
    count: usize,
    allow: Option<&dyn Fn(u32) -> bool>,
) -> Result<Vec<u32>, IndexError> {
    let _turn = gate.enter();
    let count = count.min(inner.size()).max(1);
    let found = match allow {
        None => inner.search(query, count),
        Some(allow) => inner.filtered_search(query, count, |key| allow(key as u32)),
    }
    .map_err(|error| failed("search", &error))?;
    Ok(found.keys.iter().map(|key| *key as u32).collect())
}

/// usearch over a mapped file.
fn mapped(
    map: &Mmap,
    layout: &Layout,
    options: &IndexOptions,
) -> Result<usearch::Index, IndexError> {
    let inner = usearch::Index::new(options).map_err(|error| failed("create", &error))?;
    #[allow(unsafe_code)]
    // SAFETY: the map is read-only, its file is never written again once named, and `Graph` keeps it longer than `inner`.
    unsafe { inner.view_from_buffer(&map[layout.graph_start()..]) }
        .map_err(|error| failed("map", &error))?;
    if inner.size() != layout.nodes || inner.dimensions() != options.dimensions {
        return Err(layout.damaged("it contradicts its head"));
    }
    inner
        .reserve_capacity_and_threads(inner.size(), SEARCHERS + 1)
        .map_err(|error| failed("reserve room in", &error))?;
    Ok(inner)
}

fn options(settings: &IndexSettings, coder: &Coder, dimension: u32) -> IndexOptions {
    let (metric, quantization) = coder.code.metric();
    IndexOptions {
        dimensions: coder.scalars(dimension),
        metric,
        quantization,
        connectivity: settings.m,
        expansion_add: settings.ef_construction,
        expansion_search: settings.ef_search,
        multi: false,
    }
}

fn as_f16(vector: &[half::f16]) -> &[usearch::f16] {
    usearch::f16::from_i16s(bytemuck::cast_slice(vector))
}

fn failed(action: &'static str, error: &impl std::fmt::Display) -> IndexError {
    IndexError::Graph {
        action,
        reason: error.to_string(),
    }
}
