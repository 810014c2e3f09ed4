//! The columns in memory: facts of cases and views as codes of words, and which segment holds which view.
//! Changed by one writer under a short lock; never touches files.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use roaring::RoaringBitmap;

use crate::code::{Coded, Coder, hamming, sign_bytes};
use crate::durable::FileRef;
use crate::graph::Graph;
use crate::numbers::{CaseIndices, CaseNumbers};
use crate::vocabulary::{ViewFacts, Vocabularies};
use crate::{
    CaseEntry, CaseFacts, IndexError, VectorLocation, ViewEntry, split_view_key, view_key,
};

/// A view in its segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) key: u64,
    pub(crate) location: VectorLocation,
    pub(crate) modality: u32,
    pub(crate) body_part: u32,
    pub(crate) laterality: u32,
    pub(crate) stain: u32,
    /// Index into [`Columns::cases`].
    pub(crate) case: u32,
    pub(crate) live: bool,
}

impl Row {
    /// What is left of a deleted view.
    pub(crate) const DEAD: Row = Row {
        key: 0,
        location: VectorLocation {
            segment: 0,
            offset: 0,
            crc32: 0,
        },
        modality: 0,
        body_part: 0,
        laterality: 0,
        stain: 0,
        case: u32::MAX,
        live: false,
    };

    pub(crate) fn view_no(&self) -> u32 {
        split_view_key(self.key).1
    }

    pub(crate) fn facts(&self) -> ViewFacts {
        ViewFacts {
            modality: self.modality,
            body_part: self.body_part,
            laterality: self.laterality,
        }
    }
}

/// Signs of the first rows of a segment without a graph, for scanning many of them.
#[derive(Debug)]
pub(crate) struct Signs {
    pub(crate) coder: Arc<Coder>,
    bytes: Vec<u8>,
    row_bytes: usize,
}

impl Signs {
    pub(crate) fn new(coder: Arc<Coder>, dimension: u32) -> Self {
        Self {
            coder,
            bytes: Vec::new(),
            row_bytes: sign_bytes(dimension),
        }
    }

    /// Rows that have signs.
    pub(crate) fn rows(&self) -> u32 {
        (self.bytes.len() / self.row_bytes) as u32
    }

    /// Adds the signs of the next row; one that cannot be read has none, and zeros stand in for it.
    pub(crate) fn push(&mut self, code: Option<&Coded>) {
        match code {
            Some(Coded::B1(signs)) => self.bytes.extend_from_slice(signs),
            _ => self.bytes.resize(self.bytes.len() + self.row_bytes, 0),
        }
    }

    /// Number of signs that differ from the query's, with the slot.
    pub(crate) fn scan(&self, query: &Coded, slots: impl Iterator<Item = u32>) -> Vec<(u32, u32)> {
        let Coded::B1(query) = query else {
            return Vec::new();
        };
        let of_slot = |slot: u32| {
            let start = slot as usize * self.row_bytes;
            hamming(&self.bytes[start..start + self.row_bytes], query)
        };
        slots
            .take_while(|slot| *slot < self.rows())
            .map(|slot| (of_slot(slot), slot))
            .collect()
    }

    fn erase(&mut self, slot: u32) {
        let start = slot as usize * self.row_bytes;
        if let Some(signs) = self.bytes.get_mut(start..start + self.row_bytes) {
            signs.fill(0);
        }
    }
}

/// Rows that share a graph, or wait for one.
#[derive(Debug, Default)]
pub(crate) struct Segment {
    pub(crate) rows: Vec<Row>,
    /// The case of each row once more, close together for filters.
    case_of: Vec<u32>,
    /// Slots of rows that are live.
    pub(crate) live: RoaringBitmap,
    /// Covers every row; a segment that has one takes rows from the builder only.
    pub(crate) graph: Option<Arc<Graph>>,
    /// The graph's file.
    pub(crate) graph_file: Option<FileRef>,
    /// Of a segment without a graph.
    pub(crate) signs: Option<Signs>,
    /// Takes no more rows, for the builder has it. Set under a lock for reading, so that no search waits for a plan.
    closed: AtomicBool,
    /// Rows changed since they were written.
    pub(crate) rows_dirty: bool,
    /// A slot of the graph died since the graph was written.
    pub(crate) graph_dirty: bool,
}

impl Segment {
    /// What is left where another segment took the rows.
    pub(crate) fn emptied() -> Self {
        Self {
            rows_dirty: true,
            ..Self::default()
        }
    }

    /// Whether the builder has it.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Hands it to the builder, or takes it back.
    pub(crate) fn set_closed(&self, closed: bool) {
        self.closed.store(closed, Ordering::Release);
    }

    /// The case of each row; that of dead ones is out of bounds.
    pub(crate) fn case_of(&self) -> &[u32] {
        &self.case_of
    }

    pub(crate) fn dead(&self) -> usize {
        self.rows.len() - self.live.len() as usize
    }

    /// Makes room for so many further rows.
    pub(crate) fn reserve(&mut self, rows: usize) {
        self.rows.reserve_exact(rows);
        self.case_of.reserve_exact(rows);
    }

    /// Adds a row, live or dead, and returns its slot.
    pub(crate) fn push(&mut self, row: Row) -> u32 {
        let slot = self.rows.len() as u32;
        if row.live {
            self.live.insert(slot);
        }
        self.case_of.push(row.case);
        self.rows.push(row);
        slot
    }

    fn kill(&mut self, slot: u32) {
        let in_graph = self.graph.is_some();
        let row = &mut self.rows[slot as usize];
        if row.live {
            *row = Row::DEAD;
            self.case_of[slot as usize] = Row::DEAD.case;
            self.live.remove(slot);
            self.rows_dirty = true;
            self.graph_dirty |= in_graph;
            if let Some(signs) = &mut self.signs {
                signs.erase(slot);
            }
        }
    }
}

/// Where a view's row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) segment: u32,
    pub(crate) slot: u32,
}

/// Facts of a case as codes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct CaseRow {
    pub(crate) case_no: u64,
    pub(crate) labels: Vec<u32>,
    pub(crate) sex: u32,
    pub(crate) site: u32,
    pub(crate) age_years: Option<f32>,
    pub(crate) date: Option<i32>,
    pub(crate) synthetic: bool,
    pub(crate) patient: u64,
    /// Hash of the text that the text index holds; 0 = to be written again.
    pub(crate) text_hash: u64,
    pub(crate) places: Vec<Place>,
    /// Facts of images that no view of the case has, since theirs are not embedded yet or never will be: words find the case
    /// by them. In order, each once.
    pub(crate) unseen: Box<[ViewFacts]>,
}

/// All columns.
#[derive(Debug, Default)]
pub(crate) struct Columns {
    pub(crate) words: Vocabularies,
    pub(crate) cases: Vec<Option<CaseRow>>,
    /// The number of each case, beside the rest of it: what asks for many numbers reads little.
    pub(crate) case_nos: Vec<u64>,
    pub(crate) by_no: CaseIndices,
    pub(crate) segments: Vec<Segment>,
    /// Indices of cases that are there.
    pub(crate) live: RoaringBitmap,
    /// Their numbers.
    pub(crate) numbers: Arc<CaseNumbers>,
    pub(crate) values: crate::values::Values,
    free: Vec<u32>,
}

impl Columns {
    pub(crate) fn case(&self, case_no: u64) -> Option<&CaseRow> {
        self.by_no
            .get(case_no)
            .and_then(|at| self.cases[at as usize].as_ref())
    }

    /// Live cases with their indices.
    pub(crate) fn live_cases(&self) -> impl Iterator<Item = (u32, &CaseRow)> {
        self.cases
            .iter()
            .enumerate()
            .filter_map(|(at, case)| Some((at as u32, case.as_ref()?)))
    }

    pub(crate) fn row(&self, place: Place) -> &Row {
        &self.segments[place.segment as usize].rows[place.slot as usize]
    }

    /// Takes in the values of every case.
    pub(crate) fn index_values(&mut self) {
        self.values = crate::values::Values::of(self);
    }

    /// Facts of a case's views, and of its images without any.
    pub(crate) fn facts_of<'a>(
        &'a self,
        case: &'a CaseRow,
    ) -> impl Iterator<Item = ViewFacts> + 'a {
        let seen = case.places.iter().map(|place| self.row(*place).facts());
        seen.chain(case.unseen.iter().copied())
    }

    pub(crate) fn views(&self) -> usize {
        self.segments
            .iter()
            .map(|segment| segment.live.len() as usize)
            .sum()
    }

    /// Makes the columns hold exactly this entry of its case. A view whose vector did not move keeps its row.
    pub(crate) fn put(
        &mut self,
        entry: &CaseEntry,
        text_hash: u64,
        segment_vectors: usize,
    ) -> Result<(), IndexError> {
        view_key(entry.case_no, 0)?;
        let mut views: HashMap<u64, &ViewEntry> = HashMap::new();
        for view in &entry.views {
            views.insert(view_key(entry.case_no, view.view_no)?, view);
        }
        let at = self.index_of(entry.case_no);
        let former = self.cases[at as usize].take();
        if let Some(case) = &former {
            let facts: Vec<ViewFacts> = self.facts_of(case).collect();
            self.values.remove(at, case, &facts);
        }
        let held = former.map(|case| case.places).unwrap_or_default();
        let mut places = Vec::with_capacity(views.len());
        for place in held {
            let row = *self.row(place);
            match views.get(&row.key) {
                Some(view) if view.location == row.location => {
                    let fresh = self.new_row(row.key, at, view);
                    let segment = &mut self.segments[place.segment as usize];
                    segment.rows_dirty |= fresh != row;
                    segment.rows[place.slot as usize] = fresh;
                    views.remove(&row.key);
                    places.push(place);
                }
                _ => self.segments[place.segment as usize].kill(place.slot),
            }
        }
        let mut added: Vec<(u64, &ViewEntry)> = views.into_iter().collect();
        added.sort_unstable_by_key(|(key, _)| *key);
        for (key, view) in added {
            let row = self.new_row(key, at, view);
            places.push(self.push(row, segment_vectors));
        }
        let row = self.case_row(entry.case_no, &entry.facts, text_hash, places);
        self.set_case(at, row);
        Ok(())
    }

    /// Forgets a case.
    pub(crate) fn remove(&mut self, case_no: u64) {
        let Some(at) = self.by_no.remove(case_no) else {
            return;
        };
        if let Some(case) = self.cases[at as usize].take() {
            let facts: Vec<ViewFacts> = self.facts_of(&case).collect();
            self.values.remove(at, &case, &facts);
            for place in case.places {
                self.segments[place.segment as usize].kill(place.slot);
            }
        }
        self.live.remove(at);
        Arc::make_mut(&mut self.numbers).remove(case_no);
        self.free.push(at);
    }

    pub(crate) fn set_case(&mut self, at: u32, row: CaseRow) {
        let facts: Vec<ViewFacts> = self.facts_of(&row).collect();
        self.values.add(at, &row, &facts);
        self.hold_case(at, row);
    }

    /// Makes room for so many further cases.
    pub(crate) fn reserve_cases(&mut self, cases: usize) {
        self.cases.reserve(cases);
        self.case_nos.reserve(cases);
    }

    /// Puts a case in its place without its values, for whoever calls [`Columns::index_values`] afterwards.
    pub(crate) fn hold_case(&mut self, at: u32, row: CaseRow) {
        self.live.insert(at);
        Arc::make_mut(&mut self.numbers).insert(row.case_no);
        if self.case_nos.len() < self.cases.len() {
            self.case_nos.resize(self.cases.len(), 0);
        }
        self.case_nos[at as usize] = row.case_no;
        self.cases[at as usize] = Some(row);
    }

    /// The index of a case's row, made if new.
    pub(crate) fn index_of(&mut self, case_no: u64) -> u32 {
        if let Some(at) = self.by_no.get(case_no) {
            return at;
        }
        let at = self.free.pop().unwrap_or_else(|| {
            self.cases.push(None);
            self.cases.len() as u32 - 1
        });
        self.by_no.insert(case_no, at);
        at
    }

    fn push(&mut self, row: Row, segment_vectors: usize) -> Place {
        let takes = |segment: &Segment| {
            segment.graph.is_none() && !segment.is_closed() && segment.rows.len() < segment_vectors
        };
        // The last one first: it is the one that grows, except after one was emptied.
        let number = match self.segments.iter().rposition(takes) {
            Some(number) => number,
            None => {
                self.segments.push(Segment::default());
                self.segments.len() - 1
            }
        };
        let segment = &mut self.segments[number];
        segment.rows_dirty = true;
        Place {
            segment: number as u32,
            slot: segment.push(row),
        }
    }

    pub(crate) fn new_row(&mut self, key: u64, case: u32, view: &ViewEntry) -> Row {
        Row {
            key,
            location: view.location,
            modality: self.words.modality.code(view.modality.as_deref()),
            body_part: self.words.body_part.code(view.body_part.as_deref()),
            laterality: self.words.laterality.code(view.laterality.as_deref()),
            stain: self.words.stain.code(view.stain.as_deref()),
            case,
            live: true,
        }
    }

    pub(crate) fn case_row(
        &mut self,
        case_no: u64,
        facts: &CaseFacts,
        text_hash: u64,
        places: Vec<Place>,
    ) -> CaseRow {
        let mut labels: Vec<u32> = facts
            .labels
            .iter()
            .map(|label| self.words.label.code(Some(label)))
            .filter(|code| *code != 0)
            .collect();
        labels.sort_unstable();
        labels.dedup();
        let seen = places.iter().map(|place| self.row(*place).facts());
        let seen: HashSet<ViewFacts> = seen.collect();
        let images = facts.images.iter().map(|image| self.words.codes(image));
        let mut unseen: Vec<ViewFacts> = images.filter(|image| !seen.contains(image)).collect();
        unseen.sort_unstable();
        unseen.dedup();
        CaseRow {
            case_no,
            labels,
            sex: self.words.sex.code(facts.sex.as_deref()),
            site: self.words.site.code(facts.site.as_deref()),
            age_years: facts.age_years.filter(|age| age.is_finite()),
            date: facts.date,
            synthetic: facts.synthetic,
            patient: facts.patient,
            text_hash,
            places,
            unseen: unseen.into(),
        }
    }
}
