//! Building one graph: reads vectors of the log, adds them, checks that each is reachable, and measures what a search
//! must ask for to find what an exact search finds. Holds no lock and knows nothing of columns.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;

use crate::code::{Code, Coder, Mean};
use crate::graph::{Graph, GraphBuilder};
use crate::rows::Place;
use crate::{IndexError, IndexSettings, VectorCode, VectorLocation, VectorLog};

/// Times that unreachable slots are added again.
const SEAL_ROUNDS: usize = 3;
/// Vectors over which a segment's mean is taken, evenly spread.
const MEAN_VECTORS: usize = 20_000;
/// Neighbours by which recall is measured.
const NEIGHBOURS: usize = 10;
/// Products of vectors that one measurement may cost.
const MEASURE_PRODUCTS: usize = 16_000_000;
const MEASURE_QUERIES: std::ops::RangeInclusive<usize> = 64..=320;
/// Candidates that are tried, least first.
const CANDIDATES: [u32; 13] = [
    64, 80, 96, 112, 128, 160, 192, 256, 320, 384, 512, 768, 1_024,
];

/// Candidates that a search takes for each that the measurement needed: with as many as it needed, questions of other
/// vectors of the same kind found .984 where the measurement said .999, with half as many again .992 (100,000 synthetic
/// vectors of 1,152 dimensions).
const MARGIN: f32 = 1.5;

/// A live row.
pub(super) struct Member {
    pub(super) place: Place,
    pub(super) location: VectorLocation,
}

/// What to build.
pub(super) struct Job {
    /// Segment whose graph grows; a new one otherwise, in the place of the first source.
    pub(super) target: Option<u32>,
    pub(super) base: Option<Arc<Graph>>,
    /// Rows of the target, dead ones too.
    pub(super) kept_rows: usize,
    /// Members that are rows of the target.
    pub(super) kept_live: usize,
    pub(super) members: Vec<Member>,
    /// Segments whose rows move.
    pub(super) sources: Vec<u32>,
}

impl Job {
    /// Members that move behind the rows of the target, in order.
    pub(super) fn moved(&self) -> &[Member] {
        &self.members[self.kept_live..]
    }

    /// Slots after the move, with where their vectors lie.
    fn slots(&self) -> impl ExactSizeIterator<Item = (u32, &VectorLocation)> {
        self.members.iter().enumerate().map(|(at, member)| {
            let slot = match at.checked_sub(self.kept_live) {
                Some(moved) => (self.kept_rows + moved) as u32,
                None => member.place.slot,
            };
            (slot, &member.location)
        })
    }
}

/// What building needs.
pub(super) struct Work {
    pub(super) log: Arc<VectorLog>,
    pub(super) settings: IndexSettings,
    pub(super) dimension: u32,
    pub(super) cancel: Arc<AtomicBool>,
}

impl Work {
    /// `None` where the index was closed meanwhile.
    pub(super) fn build(&self, job: &Job) -> Result<Option<GraphBuilder>, IndexError> {
        let mut graph = match &job.base {
            Some(base) => GraphBuilder::grown_from(base, &self.settings, job.moved().len())?,
            None => self.begun(job, self.first_code())?,
        };
        if !self.fill(job, &mut graph, job.base.is_some())? {
            return Ok(None);
        }
        if self.settings.code == VectorCode::Auto
            && graph.coder().code != Code::F16
            && !self.meets_target(&graph)
        {
            tracing::info!(
                "signs do not find enough in a segment; it is built again with half floats"
            );
            graph = self.begun(job, Code::F16)?;
            if !self.fill(job, &mut graph, false)? {
                return Ok(None);
            }
        }
        Ok(Some(graph))
    }

    fn first_code(&self) -> Code {
        match self.settings.code {
            VectorCode::F16 => Code::F16,
            VectorCode::I8 => Code::I8,
            VectorCode::B1 | VectorCode::Auto => Code::B1,
        }
    }

    fn begun(&self, job: &Job, code: Code) -> Result<GraphBuilder, IndexError> {
        let mut mean = Mean::new(self.dimension);
        if code == Code::B1 {
            let step = job.members.len().div_ceil(MEAN_VECTORS).max(1);
            for member in job.members.iter().step_by(step) {
                if let Ok(vector) = self.log.read(&member.location) {
                    mean.add(&vector);
                }
            }
        }
        let coder = Coder::new(code, mean.value());
        GraphBuilder::new(&self.settings, coder, self.dimension, job.members.len())
    }

    /// Adds what is missing, seals, measures. False where the index was closed meanwhile.
    fn fill(&self, job: &Job, graph: &mut GraphBuilder, grows: bool) -> Result<bool, IndexError> {
        let begin = if grows { job.kept_live } else { 0 };
        for (slot, location) in job.slots().skip(begin) {
            if self.cancel.load(Ordering::Acquire) {
                return Ok(false);
            }
            self.add(graph, slot, location)?;
        }
        self.seal(job, graph)?;
        let measured_nodes = graph
            .measured()
            .map_or(0, |measured| measured.nodes as usize);
        if graph.nodes() >= 2 * measured_nodes {
            self.measure(job, graph)?;
        }
        Ok(true)
    }

    /// A vector that cannot be read is left out: no search could score it.
    fn add(
        &self,
        graph: &mut GraphBuilder,
        slot: u32,
        location: &VectorLocation,
    ) -> Result<(), IndexError> {
        match self.log.read(location) {
            Ok(vector) => graph.add(slot, &vector),
            Err(error) => {
                tracing::warn!(%error, "a view stays out of the graph");
                Ok(())
            }
        }
    }

    /// Looks up every slot and adds again what cannot be reached.
    fn seal(&self, job: &Job, graph: &mut GraphBuilder) -> Result<(), IndexError> {
        for _ in 0..SEAL_ROUNDS {
            let lost: std::collections::HashSet<u32> = graph.unreachable().into_iter().collect();
            if lost.is_empty() {
                return Ok(());
            }
            tracing::info!(slots = lost.len(), "adding unreachable vectors again");
            for (slot, location) in job.slots().filter(|(slot, _)| lost.contains(slot)) {
                self.add(graph, slot, location)?;
            }
        }
        Ok(())
    }

    fn meets_target(&self, graph: &GraphBuilder) -> bool {
        graph.measured().is_some_and(|measured| {
            measured.recall_permille as f32 >= 1000.0 * self.settings.recall_target
        })
    }

    /// The fewest candidates with which questions find the neighbours that an exact search finds. A vector of the segment
    /// finds its own kin too easily, for they were linked when it was added; what asks here are pictures that were never
    /// added, as they might be.
    fn measure(&self, job: &Job, graph: &mut GraphBuilder) -> Result<(), IndexError> {
        let members: Vec<(u32, VectorLocation)> = job
            .slots()
            .map(|(slot, location)| (slot, *location))
            .collect();
        let location_of: HashMap<u32, VectorLocation> = members.iter().copied().collect();
        let wanted = (MEASURE_PRODUCTS / members.len().max(1))
            .clamp(*MEASURE_QUERIES.start(), *MEASURE_QUERIES.end());
        let step = members.len().div_ceil(wanted).max(1);
        let mut pairs = Vec::with_capacity(wanted);
        for (slot, location) in members.iter().step_by(step) {
            let Ok(own) = self.log.read(location) else {
                continue;
            };
            let found = self.found(graph, &location_of, &own, CANDIDATES[0])?;
            let others = found.iter().filter(|(_, other)| other != slot);
            let Some((_, kin)) = others.take(NEIGHBOURS).last() else {
                continue;
            };
            if let Ok(kin) = self.log.read(&location_of[kin]) {
                pairs.push((own, kin));
            }
        }
        let next = pairs.iter().cycle().skip(1);
        let queries: Vec<Vec<f32>> = pairs
            .iter()
            .zip(next)
            .map(|(kin, others)| unseen(kin, others))
            .collect();
        let truth = self.exact(&members, &queries);
        let mut last = (0, 0);
        for ef in CANDIDATES {
            if self.cancel.load(Ordering::Acquire) {
                break;
            }
            let (mut met, mut possible) = (0, 0);
            for (query, truth) in queries.iter().zip(&truth) {
                let found = self.found(graph, &location_of, query, ef)?;
                // By value, not by slot: equal vectors are equally right.
                let least = truth.last().copied().unwrap_or(f32::MIN) - 1e-6;
                let right = |(cosine, _): &&(f32, u32)| *cosine >= least;
                met += found.iter().take(truth.len()).filter(right).count();
                possible += truth.len();
            }
            last = (ef, (1000 * met / possible.max(1)) as u32);
            if last.1 as f32 >= 1000.0 * self.settings.recall_target {
                break;
            }
        }
        last.0 = (last.0 as f32 * MARGIN) as u32;
        tracing::debug!(ef = last.0, recall_permille = last.1, "measured a segment");
        graph.set_measured(crate::graph::Measured {
            ef: last.0,
            recall_permille: last.1,
            nodes: graph.nodes() as u32,
        });
        Ok(())
    }

    /// What a search with `ef` candidates finds: exact cosine and slot, best first, each slot once.
    fn found(
        &self,
        graph: &GraphBuilder,
        location_of: &HashMap<u32, VectorLocation>,
        query: &[f32],
        ef: u32,
    ) -> Result<Vec<(f32, u32)>, IndexError> {
        let scored = |slot: u32| Some((self.log.dot(location_of.get(&slot)?, query).ok()?, slot));
        let slots = graph.search(query, ef as usize)?;
        let mut found: Vec<(f32, u32)> = slots.into_iter().filter_map(scored).collect();
        found.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        found.dedup();
        Ok(found)
    }

    /// The cosines of the nearest neighbours of each query, best first.
    fn exact(&self, members: &[(u32, VectorLocation)], queries: &[Vec<f32>]) -> Vec<Vec<f32>> {
        let of_chunk = |chunk: &[(u32, VectorLocation)]| {
            let mut best: Vec<Vec<f32>> = vec![Vec::new(); queries.len()];
            for (_, location) in chunk {
                for (query, best) in queries.iter().zip(&mut best) {
                    keep_best(best, self.log.dot(location, query).unwrap_or(f32::MIN));
                }
            }
            best
        };
        members.par_chunks(4_096).map(of_chunk).reduce(
            || vec![Vec::new(); queries.len()],
            |mut all, chunk| {
                for (all, chunk) in all.iter_mut().zip(chunk) {
                    chunk.into_iter().for_each(|cosine| keep_best(all, cosine));
                }
                all
            },
        )
    }
}

/// A vector as likely as those of a pair of kin: their middle, with the difference of another pair. The middle alone would
/// lie too near to both, for what is theirs by chance cancels out in it.
fn unseen(kin: &(Vec<f32>, Vec<f32>), others: &(Vec<f32>, Vec<f32>)) -> Vec<f32> {
    let middle = kin.0.iter().zip(&kin.1).map(|(a, b)| a + b);
    let difference = others.0.iter().zip(&others.1).map(|(a, b)| a - b);
    let sum: Vec<f32> = middle.zip(difference).map(|(a, b)| a + b).collect();
    let norm = sum.iter().map(|value| value * value).sum::<f32>().sqrt();
    sum.iter()
        .map(|value| value / norm.max(f32::MIN_POSITIVE))
        .collect()
}

fn keep_best(best: &mut Vec<f32>, cosine: f32) {
    if best.len() == NEIGHBOURS && best[NEIGHBOURS - 1] >= cosine {
        return;
    }
    let at = best.partition_point(|held| *held >= cosine);
    best.insert(at, cosine);
    best.truncate(NEIGHBOURS);
}
