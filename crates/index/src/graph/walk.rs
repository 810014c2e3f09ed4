//! Walking through a graph of signs. The same walk as usearch's (the nearest candidate first, until none is nearer than
//! the last of those that are kept), over its file. Distances are counts of bits, which makes queues out of lists, one for
//! each distance; all codes that a node is linked to are fetched before the first is compared; and a filter is asked
//! without leaving the language.

use std::sync::{Mutex, PoisonError};

use super::file::Layout;
use super::tape::Tape;
use crate::code::hamming_each;
use crate::kernel::prefetch;

/// Ends a list.
const NONE: u32 = u32::MAX;

/// What walks leave behind for the next ones.
#[derive(Debug, Default)]
pub(super) struct Walks {
    idle: Mutex<Vec<Walk>>,
}

/// Codes and links of a graph.
pub(super) struct Ground<'a> {
    bytes: &'a [u8],
    tape: &'a Tape,
    /// One code after the other, in the order of nodes.
    codes: &'a [u8],
    row_bytes: usize,
    nodes: usize,
}

impl Walks {
    /// The nearest `ef` allowed nodes, best first.
    pub(super) fn nearest(
        &self,
        ground: &Ground<'_>,
        query: &[u8],
        ef: usize,
        allow: impl Fn(u32) -> bool,
    ) -> Vec<u32> {
        self.walked(ground, ef, |walk| walk.run(ground, query, allow))
    }

    /// The nearest `ef` nodes, best first, as if those that are hidden (ascending) had never been added; but where the
    /// walk begins at a hidden node, it still begins there.
    pub(super) fn nearest_without(
        &self,
        ground: &Ground<'_>,
        query: &[u8],
        ef: usize,
        hidden: &[u32],
    ) -> Vec<u32> {
        self.walked(ground, ef, |walk| {
            for node in hidden {
                walk.meet(*node);
            }
            walk.run(ground, query, |node| hidden.binary_search(&node).is_err())
        })
    }

    fn walked(
        &self,
        ground: &Ground<'_>,
        ef: usize,
        with: impl FnOnce(&mut Walk) -> Vec<u32>,
    ) -> Vec<u32> {
        if ground.nodes == 0 || ef == 0 {
            return Vec::new();
        }
        let idle = || self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let mut walk = idle().pop().unwrap_or_default();
        walk.begin(ground, ef);
        let found = with(&mut walk);
        idle().push(walk);
        found
    }
}

/// One walk's memory.
#[derive(Debug, Default)]
struct Walk {
    /// A bit for each node that was met, and the words that are not zero.
    met: Vec<u64>,
    met_words: Vec<u32>,
    /// Candidates by distance: the first of each list, then node and next one.
    lists: Vec<u32>,
    candidates: Vec<(u32, u32)>,
    /// No candidate is nearer than this.
    least: usize,
    /// Allowed nodes that were met, with their distance, and how many there are of each distance.
    kept: Vec<(u32, u32)>,
    kept_at: Vec<u32>,
    /// Of the kept ones, those within the radius.
    within: usize,
    radius: usize,
    ef: usize,
    linked: Vec<u32>,
    distances: Vec<u32>,
}

impl Walk {
    fn begin(&mut self, ground: &Ground<'_>, ef: usize) {
        for word in self.met_words.drain(..) {
            self.met[word as usize] = 0;
        }
        self.met.resize(ground.nodes.div_ceil(64), 0);
        let bits = 8 * ground.row_bytes;
        self.lists.clear();
        self.lists.resize(bits + 1, NONE);
        self.kept_at.clear();
        self.kept_at.resize(bits + 1, 0);
        self.candidates.clear();
        self.kept.clear();
        (self.least, self.within, self.radius, self.ef) = (bits, 0, bits, ef);
    }

    fn run(&mut self, ground: &Ground<'_>, query: &[u8], allow: impl Fn(u32) -> bool) -> Vec<u32> {
        let (entry, distance) = self.descend(ground, query);
        self.meet(entry);
        self.hold(entry, distance, &allow);
        while let Some((node, distance)) = self.nearest_candidate() {
            if distance > self.radius && self.within >= self.ef {
                break;
            }
            let links = ground.tape.links(ground.bytes, node, 0);
            self.linked.clear();
            for linked in links {
                if self.meet(linked) {
                    prefetch(ground.code(linked));
                    self.linked.push(linked);
                }
            }
            self.measure(ground, query);
            for at in 0..self.linked.len() {
                let (linked, distance) = (self.linked[at], self.distances[at] as usize);
                if self.within < self.ef || distance < self.radius {
                    prefetch(ground.tape.base(ground.bytes, linked));
                    self.hold(linked, distance, &allow);
                }
            }
        }
        self.best()
    }

    /// Down the upper levels, to the nearest node that is found there.
    fn descend(&mut self, ground: &Ground<'_>, query: &[u8]) -> (u32, usize) {
        let mut nearest = ground.tape.entry;
        self.linked.clear();
        self.linked.push(nearest);
        self.measure(ground, query);
        // A hidden node is as far away as can be: what is found below counts.
        let mut least = match self.is_met(nearest) {
            true => 8 * ground.row_bytes as u32,
            false => self.distances[0],
        };
        for level in (1..=ground.tape.max_level).rev() {
            loop {
                self.linked.clear();
                for linked in ground.tape.links(ground.bytes, nearest, level) {
                    if !self.is_met(linked) {
                        prefetch(ground.code(linked));
                        self.linked.push(linked);
                    }
                }
                self.measure(ground, query);
                let found = self.distances.iter().zip(&self.linked).min();
                match found {
                    Some((distance, node)) if *distance < least => {
                        (least, nearest) = (*distance, *node);
                    }
                    _ => break,
                }
            }
        }
        (nearest, least as usize)
    }

    /// Distances of the linked nodes.
    fn measure(&mut self, ground: &Ground<'_>, query: &[u8]) {
        let codes = self.linked.iter().map(|node| ground.code(*node));
        hamming_each(codes, query, &mut self.distances);
    }

    fn is_met(&self, node: u32) -> bool {
        self.met[node as usize / 64] & (1 << (node % 64)) != 0
    }

    /// Whether this is the first time.
    fn meet(&mut self, node: u32) -> bool {
        let word = &mut self.met[node as usize / 64];
        let bit = 1 << (node % 64);
        let is_new = *word & bit == 0;
        if *word == 0 {
            self.met_words.push(node / 64);
        }
        *word |= bit;
        is_new
    }

    /// Makes a node a candidate, and keeps it where it is allowed.
    fn hold(&mut self, node: u32, distance: usize, allow: &impl Fn(u32) -> bool) {
        let next = std::mem::replace(&mut self.lists[distance], self.candidates.len() as u32);
        self.candidates.push((node, next));
        self.least = self.least.min(distance);
        if !allow(node) {
            return;
        }
        self.kept.push((node, distance as u32));
        self.kept_at[distance] += 1;
        self.within += usize::from(distance <= self.radius);
        while self.radius > 0 {
            let last = self.kept_at[self.radius] as usize;
            if self.within - last < self.ef {
                break;
            }
            self.within -= last;
            self.radius -= 1;
        }
    }

    fn nearest_candidate(&mut self) -> Option<(u32, usize)> {
        while self.lists[self.least] == NONE {
            self.least += 1;
            if self.least == self.lists.len() {
                self.least -= 1;
                return None;
            }
        }
        let (node, next) = self.candidates[self.lists[self.least] as usize];
        self.lists[self.least] = next;
        Some((node, self.least))
    }

    /// The kept nodes within the radius, best first, `ef` of them at the most.
    fn best(&mut self) -> Vec<u32> {
        let radius = self.radius as u32;
        self.kept.retain(|(_, distance)| *distance <= radius);
        self.kept.sort_by_key(|(_, distance)| *distance);
        self.kept.truncate(self.ef);
        self.kept.iter().map(|(node, _)| *node).collect()
    }
}

impl<'a> Ground<'a> {
    /// Of a graph's file.
    pub(super) fn new(bytes: &'a [u8], layout: &Layout, tape: &'a Tape, row_bytes: usize) -> Self {
        Self {
            bytes,
            tape,
            codes: &bytes[layout.codes_start()..],
            row_bytes,
            nodes: layout.nodes,
        }
    }

    fn code(&self, node: u32) -> &'a [u8] {
        let start = node as usize * self.row_bytes;
        &self.codes[start..start + self.row_bytes]
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::sync::Arc;

    use crate::IndexSettings;
    use crate::code::{Code, Coded, Coder, hamming};
    use crate::graph::{Graph, GraphBuilder};

    const DIMENSION: u32 = 192;
    const NODES: u32 = 3_000;
    const QUESTIONS: u32 = 100;
    const EF: usize = 96;

    /// A kin of one of 60 centres: deterministic, and without two that are alike.
    fn vector(number: u32) -> Vec<f32> {
        let noise = |seed: u64| {
            let mixed = (seed + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            let mixed = (mixed ^ (mixed >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            ((mixed >> 40) as f32 / (1u64 << 24) as f32) - 0.5
        };
        let centre = u64::from(number % 60) << 32;
        let own = u64::from(number + 1) << 40;
        (0..u64::from(DIMENSION))
            .map(|at| noise(centre + at) + 0.7 * noise(own + at))
            .collect()
    }

    /// A graph of signs, and the builder that it came from. Slot 7 is there twice.
    fn graph(folder: &std::path::Path) -> (Graph, GraphBuilder) {
        mapped(folder, (0..NODES).chain([7]))
    }

    fn mapped(folder: &std::path::Path, slots: impl Iterator<Item = u32>) -> (Graph, GraphBuilder) {
        let settings = IndexSettings::default();
        let coder = Coder::new(Code::B1, vec![0.0; DIMENSION as usize]);
        let mut builder =
            GraphBuilder::new(&settings, coder, DIMENSION, NODES as usize).expect("room");
        for slot in slots {
            builder.add(slot, &vector(slot)).expect("added");
        }
        let covered = builder.nodes().min(NODES as usize) as u32;
        let path = folder.join("signs.graph");
        std::fs::write(&path, builder.to_file(covered, |_| true).expect("laid out"))
            .expect("written");
        let file = std::fs::File::open(&path).expect("there");
        #[allow(unsafe_code)]
        // SAFETY: nobody else knows the file.
        let map = unsafe { memmap2::Mmap::map(&file) }.expect("mapped");
        let graph = Graph::open(Arc::new(map), &settings, DIMENSION).expect("opened");
        (graph, builder)
    }

    /// The distance of the tenth nearest of some slots, by comparing all.
    fn tenth(query: &[u8], graph: &Graph, slots: impl Iterator<Item = u32>) -> u32 {
        let mut all: Vec<u32> = slots.map(|slot| distance(query, graph, slot)).collect();
        all.sort_unstable();
        all[9]
    }

    fn distance(query: &[u8], graph: &Graph, slot: u32) -> u32 {
        match graph.coder().encode(&vector(slot)) {
            Coded::B1(code) => hamming(&code, query),
            _ => panic!("signs"),
        }
    }

    #[test]
    fn a_walk_finds_what_comparing_all_and_the_builder_find() {
        let folder = tempfile::tempdir().expect("a folder");
        let (graph, builder) = graph(folder.path());
        let (mut right, mut builders, mut filtered) = (0, 0, 0);
        for number in NODES..NODES + QUESTIONS {
            let asked = vector(number);
            let coded = graph.coder().encode(&asked);
            let Coded::B1(query) = &coded else {
                panic!("signs")
            };
            let of = |slot: &u32| distance(query, &graph, *slot);

            let found = graph.search(&coded, EF, None).expect("found");
            assert_eq!(found.len(), EF);
            assert!(found.is_sorted_by_key(of), "best first");
            let last = tenth(query, &graph, 0..NODES);
            right += found[..10].iter().filter(|slot| of(slot) <= last).count();
            let theirs = builder.search(&asked, EF).expect("found");
            builders += theirs[..10].iter().filter(|slot| of(slot) <= last).count();

            let allow = |slot: u32| slot % 5 == 2;
            let found = graph.search(&coded, EF, Some(&allow)).expect("found");
            assert!(found.iter().all(|slot| allow(*slot)));
            let last = tenth(query, &graph, (0..NODES).filter(|slot| allow(*slot)));
            filtered += found[..10].iter().filter(|slot| of(slot) <= last).count();
        }
        let all = 10 * QUESTIONS as usize;
        assert!(right * 100 >= all * 97, "{right} of {all}");
        assert!(right + all / 100 >= builders, "{right}, usearch {builders}");
        assert!(filtered * 100 >= all * 97, "{filtered} of {all}");
    }

    #[test]
    fn what_is_left_out_of_a_trial_neither_answers_nor_leads() {
        let folder = tempfile::tempdir().expect("a folder");
        let (graph, builder) = graph(folder.path());
        let trial = builder.trial().expect("laid out");
        let mut right = 0;
        // 7 has a copy; one of so many is where walks begin.
        for number in (7..NODES).step_by(30) {
            let mut left_out: Vec<u32> = (number % 60..NODES).step_by(120).collect();
            left_out.push(number);
            left_out.sort_unstable();
            left_out.dedup();
            let asked = vector(number);
            let Coded::B1(query) = graph.coder().encode(&asked) else {
                panic!("signs")
            };
            let is_left = |slot: &u32| left_out.binary_search(slot).is_err();
            let found = trial.search(&asked, EF, &left_out).expect("found");
            assert_eq!(found.len(), EF);
            assert!(found.iter().all(is_left));
            let last = tenth(&query, &graph, (0..NODES).filter(is_left));
            let of = |slot: &&u32| distance(&query, &graph, **slot) <= last;
            right += found[..10].iter().filter(of).count();
        }
        assert!(right >= 970, "{right} of 1,000");
        let all: Vec<u32> = (0..NODES).collect();
        assert!(
            trial
                .search(&vector(0), EF, &all)
                .expect("found")
                .is_empty()
        );
    }

    #[test]
    fn a_scan_finds_the_signs_of_every_slot_whatever_the_order_of_nodes() {
        let folder = tempfile::tempdir().expect("a folder");
        // A copy before other slots are added, as where a graph grows after it was sealed; and 500 was unreadable.
        let slots = (0..300).chain([7]).chain(300..NODES);
        let (graph, _) = mapped(folder.path(), slots.filter(|slot| *slot != 500));
        assert!(!graph.layout().in_order);
        let coded = graph.coder().encode(&vector(NODES));
        let Coded::B1(query) = &coded else {
            panic!("signs")
        };
        let scanned = |slots: &[u32]| graph.scan_signs(&coded, slots.iter().copied());
        let expected = |slots: &[u32]| -> Vec<(u32, u32)> {
            let held = slots.iter().filter(|slot| **slot != 500);
            held.map(|slot| (distance(query, &graph, *slot), *slot))
                .collect()
        };
        let some = [0, 6, 7, 8, 299, 300, 301, 499, 500, 501, NODES - 1];
        assert_eq!(scanned(&some), Some(expected(&some)));
        // So many that several threads share them.
        let many: Vec<u32> = (0..NODES).cycle().take(20_000).collect();
        assert_eq!(scanned(&many), Some(expected(&many)));
    }

    #[test]
    fn a_graph_without_nodes_is_laid_out_and_finds_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let (graph, _) = mapped(folder.path(), 0..0);
        let coded = graph.coder().encode(&vector(0));
        assert!(graph.search(&coded, EF, None).expect("found").is_empty());
    }

    #[test]
    fn a_walk_that_asks_for_all_meets_each_node_once_and_the_next_one_begins_anew() {
        let folder = tempfile::tempdir().expect("a folder");
        let (graph, _) = graph(folder.path());
        let coded = graph.coder().encode(&vector(NODES));
        for _ in 0..2 {
            let found = graph
                .search(&coded, 2 * NODES as usize, None)
                .expect("found");
            let slots: HashSet<u32> = found.iter().copied().collect();
            assert_eq!(
                (found.len(), slots.len()),
                (NODES as usize + 1, NODES as usize)
            );
            assert_eq!(found.iter().filter(|slot| **slot == 7).count(), 2);
        }
        let none = graph.search(&coded, EF, Some(&|_| false)).expect("found");
        assert!(none.is_empty());
    }
}
