//! Building one graph: reads vectors of the log, adds them, checks that each is reachable, and has it measured. Holds no
//! lock and knows nothing of columns.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::code::{Code, Coder, Mean};
use crate::graph::{Graph, GraphBuilder};
use crate::rows::Place;
use crate::{IndexError, IndexSettings, VectorCode, VectorLocation, VectorLog};

/// Times that unreachable slots are added again.
const SEAL_ROUNDS: usize = 3;
/// Vectors over which a segment's mean is taken, evenly spread.
const MEAN_VECTORS: usize = 20_000;
/// A graph is measured again once it has so many times the nodes that it had, in tenths.
const MEASURE_AGAIN_TENTHS: usize = 15;

/// A live row.
pub(super) struct Member {
    pub(super) place: Place,
    pub(super) location: VectorLocation,
    /// Index of its case.
    pub(super) case: u32,
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

    /// Slots after the move.
    pub(super) fn slots(&self) -> impl ExactSizeIterator<Item = (u32, &Member)> {
        self.members.iter().enumerate().map(|(at, member)| {
            let slot = match at.checked_sub(self.kept_live) {
                Some(moved) => (self.kept_rows + moved) as u32,
                None => member.place.slot,
            };
            (slot, member)
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
                measured = ?graph.measured(),
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
        let measured = graph.measured().map_or(0, |it| it.nodes as usize);
        let nodes = graph.nodes() + job.members.len() - begin;
        let is_due = 10 * nodes >= MEASURE_AGAIN_TENTHS * measured;
        let is_open = || !self.cancel.load(Ordering::Acquire);
        let examination = std::thread::scope(|scope| {
            // A graph is built by one thread; what it is measured by takes another.
            let examination = is_due.then(|| scope.spawn(|| self.examination(job)));
            let added = job
                .slots()
                .skip(begin)
                .take_while(|_| is_open())
                .try_for_each(|(slot, member)| self.add(graph, slot, &member.location));
            let added = match is_open() {
                true => added.and_then(|()| self.seal(job, graph)),
                false => added,
            };
            let examination = examination.map(|running| running.join());
            added.map(|()| examination)
        })?;
        match examination {
            Some(Ok(examination)) if is_open() => self.measure(job, graph, &examination)?,
            Some(Err(panic)) => std::panic::resume_unwind(panic),
            _ => {}
        }
        // What was broken off measured nothing.
        Ok(is_open())
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

    /// Looks up every slot and adds again what cannot be reached. A graph that still hides some is an error: its rows stay
    /// scanned.
    fn seal(&self, job: &Job, graph: &mut GraphBuilder) -> Result<(), IndexError> {
        for round in 0.. {
            let lost: std::collections::HashSet<u32> = graph.unreachable().into_iter().collect();
            if lost.is_empty() {
                break;
            }
            if round == SEAL_ROUNDS {
                return Err(IndexError::Graph {
                    action: "seal",
                    reason: format!("{} vectors cannot be reached in it", lost.len()),
                });
            }
            tracing::info!(slots = lost.len(), "adding unreachable vectors again");
            for (slot, member) in job.slots().filter(|(slot, _)| lost.contains(slot)) {
                self.add(graph, slot, &member.location)?;
            }
        }
        Ok(())
    }

    fn meets_target(&self, graph: &GraphBuilder) -> bool {
        graph.measured().is_some_and(|measured| {
            measured.recall_permille as f32 >= 1000.0 * self.settings.recall_target
        })
    }
}
