//! One HNSW graph of usearch over the f16 vectors of a segment. One thread adds at a time (usearch 2.26 loses
//! vectors otherwise, its issue 735); adding takes the lock for one vector only and lets searches in between.
//! Nothing is ever removed in it: the predicate hides what is dead, and [`Graph::save`] overwrites its vectors.

use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, PoisonError, RwLock, RwLockReadGuard};

use half::f16;
use usearch::{IndexOptions, MetricKind, ScalarKind};

use crate::{IndexError, IndexSettings};

/// Searches that may run at once in one graph; usearch keeps buffers for each, and refuses more.
const SEARCHERS: usize = 32;
const MAGIC: &[u8; 8] = b"CASEKING";
const HEAD_BYTES: usize = 16;
/// Keys are slot | copy << SLOT_BITS: a slot that became unreachable is added again as a further copy.
const SLOT_BITS: u32 = 32;

pub(crate) struct Graph {
    inner: RwLock<usearch::Index>,
    /// Slot of each node, in the order of adding, which is also the order of vectors in usearch's file.
    order: Mutex<Vec<u32>>,
    /// Slots below this are in the graph (or cannot be read); those above are scanned.
    published: AtomicU32,
    waiting: AtomicUsize,
    searching: Gate,
    dimension: usize,
}

impl Graph {
    /// An empty graph with room for `capacity` nodes.
    pub(crate) fn new(
        settings: &IndexSettings,
        dimension: u32,
        capacity: usize,
    ) -> Result<Self, IndexError> {
        let options = options(settings, dimension);
        let inner = usearch::Index::new(&options).map_err(|error| failed("create", &error))?;
        Self::around(inner, dimension, capacity, Vec::new())
    }

    fn around(
        inner: usearch::Index,
        dimension: u32,
        capacity: usize,
        order: Vec<u32>,
    ) -> Result<Self, IndexError> {
        // Reserving is not safe beside searches, so all of it happens here; copies of slots need some slack.
        inner
            .reserve_capacity_and_threads(capacity + capacity / 16 + 64, SEARCHERS + 1)
            .map_err(|error| failed("reserve room in", &error))?;
        Ok(Self {
            inner: RwLock::new(inner),
            order: Mutex::new(order),
            published: AtomicU32::new(0),
            waiting: AtomicUsize::new(0),
            searching: Gate {
                running: Mutex::new(0),
                left: Condvar::new(),
            },
            dimension: dimension as usize,
        })
    }

    /// Slots below this are searched by the graph.
    pub(crate) fn published(&self) -> u32 {
        self.published.load(Ordering::Acquire)
    }

    pub(crate) fn publish(&self, slots: u32) {
        self.published.store(slots, Ordering::Release);
    }

    /// Adds a slot, or a further copy of it. One thread at a time.
    pub(crate) fn add(&self, slot: u32, vector: &[f16]) -> Result<(), IndexError> {
        // The lock prefers whoever comes first; a thread that adds without pause would always be first.
        for _ in 0..1_000 {
            if self.waiting.load(Ordering::Acquire) == 0 {
                break;
            }
            std::thread::yield_now();
        }
        let inner = self.inner.write().unwrap_or_else(PoisonError::into_inner);
        if inner.size() >= inner.capacity() {
            return Err(IndexError::Graph {
                action: "add to",
                reason: "it is full".into(),
            });
        }
        let mut key = u64::from(slot);
        while inner.contains(key) {
            key += 1 << SLOT_BITS;
        }
        inner
            .add(key, as_usearch(vector))
            .map_err(|error| failed("add to", &error))?;
        self.order
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(slot);
        Ok(())
    }

    /// The nearest allowed slots, best first, with their approximate cosine. A slot may come twice.
    pub(crate) fn search(
        &self,
        query: &[f16],
        count: usize,
        allow: impl Fn(u32) -> bool,
    ) -> Result<Vec<(u32, f32)>, IndexError> {
        let _turn = self.searching.enter();
        let inner = self.read();
        let matches = inner
            .filtered_search(as_usearch(query), count.min(inner.size()).max(1), |key| {
                allow(key as u32)
            })
            .map_err(|error| failed("search", &error))?;
        Ok(matches
            .keys
            .iter()
            .zip(&matches.distances)
            .map(|(key, distance)| (*key as u32, 1.0 - distance))
            .collect())
    }

    fn read(&self) -> RwLockReadGuard<'_, usearch::Index> {
        self.waiting.fetch_add(1, Ordering::AcqRel);
        let inner = self.inner.read().unwrap_or_else(PoisonError::into_inner);
        self.waiting.fetch_sub(1, Ordering::AcqRel);
        inner
    }

    /// Slots that no walk over the lowest level reaches from the entry point.
    pub(crate) fn unreachable(&self) -> Vec<u32> {
        let order = self
            .order
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let inner = self.read();
        let keys = keys_of(&order);
        let Some(entry) = keys
            .iter()
            .copied()
            .max_by_key(|key| (inner.level_of_key(*key), std::cmp::Reverse(*key)))
        else {
            return Vec::new();
        };
        let mut reached = std::collections::HashSet::from([entry]);
        let mut frontier = vec![entry];
        while let Some(key) = frontier.pop() {
            for neighbour in inner.neighbors(key, 0) {
                if reached.insert(neighbour) {
                    frontier.push(neighbour);
                }
            }
        }
        let reached: std::collections::HashSet<u32> =
            reached.into_iter().map(|key| key as u32).collect();
        let mut lost: Vec<u32> = order
            .into_iter()
            .filter(|slot| !reached.contains(slot))
            .collect();
        lost.sort_unstable();
        lost.dedup();
        lost
    }

    /// The graph as bytes. The vector of a dead slot is replaced by that of a live neighbour (so that walks still
    /// find their way past it) or by zeros: no byte of it remains.
    pub(crate) fn save(&self, live: impl Fn(u32) -> bool) -> Result<Vec<u8>, IndexError> {
        let order = self
            .order
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let inner = self.read();
        let start = HEAD_BYTES + 4 * order.len();
        let mut bytes = vec![0; start + inner.serialized_length()];
        bytes[..8].copy_from_slice(MAGIC);
        bytes[8..12].copy_from_slice(&(order.len() as u32).to_le_bytes());
        bytes[12..16].copy_from_slice(&self.published().to_le_bytes());
        bytes[HEAD_BYTES..start].copy_from_slice(bytemuck::cast_slice(&order));
        inner
            .save_to_buffer(&mut bytes[start..])
            .map_err(|error| failed("save", &error))?;
        let row_bytes = 2 * self.dimension;
        let said = [number(&bytes, start), number(&bytes, start + 4)];
        if said != [order.len() as u32, row_bytes as u32] {
            return Err(IndexError::Graph {
                action: "save",
                reason: "its file has an unknown layout".into(),
            });
        }
        let row_start = |node: usize| start + 8 + node * row_bytes;
        let keys = keys_of(&order);
        let node_of: std::collections::HashMap<u64, usize> = keys
            .iter()
            .enumerate()
            .map(|(node, key)| (*key, node))
            .collect();
        for (node, slot) in order.iter().enumerate().filter(|(_, slot)| !live(**slot)) {
            let _ = slot;
            let stand_in = inner
                .neighbors(keys[node], 0)
                .find(|neighbour| live(*neighbour as u32));
            match stand_in.and_then(|neighbour| node_of.get(&neighbour)) {
                Some(from) => bytes.copy_within(
                    row_start(*from)..row_start(*from) + row_bytes,
                    row_start(node),
                ),
                None => bytes[row_start(node)..row_start(node) + row_bytes].fill(0),
            }
        }
        Ok(bytes)
    }

    /// Reads what [`Graph::save`] wrote; the caller has verified its checksum.
    pub(crate) fn load(
        bytes: &[u8],
        settings: &IndexSettings,
        dimension: u32,
        capacity: usize,
    ) -> Result<Self, IndexError> {
        let damaged = |reason: &str| IndexError::Damaged {
            what: "graph".into(),
            reason: reason.into(),
        };
        if bytes.len() < HEAD_BYTES || &bytes[..8] != MAGIC {
            return Err(damaged("it is no graph file"));
        }
        let (nodes, published) = (number(bytes, 8) as usize, number(bytes, 12));
        let start = HEAD_BYTES + 4 * nodes;
        let order = bytes
            .get(HEAD_BYTES..start)
            .ok_or_else(|| damaged("it is too short"))?;
        let order: Vec<u32> = order
            .chunks_exact(4)
            .map(|word| u32::from_le_bytes(word.try_into().expect("four bytes")))
            .collect();
        let inner = usearch::Index::new(&options(settings, dimension))
            .map_err(|error| failed("create", &error))?;
        inner
            .load_from_buffer(&bytes[start..])
            .map_err(|error| failed("load", &error))?;
        if inner.size() != nodes || inner.dimensions() != dimension as usize {
            return Err(damaged("it contradicts its head"));
        }
        inner.change_expansion_add(settings.ef_construction);
        inner.change_expansion_search(settings.ef_search);
        let graph = Self::around(inner, dimension, capacity.max(nodes), order)?;
        graph.publish(published);
        Ok(graph)
    }
}

impl std::fmt::Debug for Graph {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Graph")
            .field("published", &self.published())
            .finish_non_exhaustive()
    }
}

/// Lets a bounded number in at once.
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
        *self
            .0
            .running
            .lock()
            .unwrap_or_else(PoisonError::into_inner) -= 1;
        self.0.left.notify_one();
    }
}

/// usearch's key of each node: the slot, and which copy of it the node is.
fn keys_of(order: &[u32]) -> Vec<u64> {
    let mut copies = std::collections::HashMap::new();
    let key = |slot: &u32| {
        let copy = copies
            .entry(*slot)
            .and_modify(|copy| *copy += 1)
            .or_insert(0u64);
        u64::from(*slot) | *copy << SLOT_BITS
    };
    order.iter().map(key).collect()
}

fn options(settings: &IndexSettings, dimension: u32) -> IndexOptions {
    IndexOptions {
        dimensions: dimension as usize,
        metric: MetricKind::IP,
        quantization: match settings.code {
            crate::VectorCode::F16 => ScalarKind::F16,
        },
        connectivity: settings.m,
        expansion_add: settings.ef_construction,
        expansion_search: settings.ef_search,
        multi: false,
    }
}

fn as_usearch(vector: &[f16]) -> &[usearch::f16] {
    usearch::f16::from_i16s(bytemuck::cast_slice(vector))
}

fn number(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).map_or(0, |word| {
        u32::from_le_bytes(word.try_into().expect("four bytes"))
    })
}

fn failed(action: &'static str, error: &impl std::fmt::Display) -> IndexError {
    IndexError::Graph {
        action,
        reason: error.to_string(),
    }
}
