//! How many candidates a search through a graph must ask for, to find what an exact search finds.
//!
//! Views that are in the graph ask, for no others lie as questions do. A view that was added finds its kin too easily: it
//! is linked to them, and they to it. So each asks as if neither it nor any other view of its case had ever been added,
//! and what it should find is what an exact search over all other cases finds.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::Ordering;

use rayon::prelude::*;

use super::building::{Job, Member, Work};
use crate::code::Code;
use crate::graph::{GraphBuilder, Measured, Trial};
use crate::{IndexError, VectorLocation};

/// Neighbours by which recall is measured.
const NEIGHBOURS: usize = 10;
/// Questions: about four thousand neighbours, of which the share that is found is known to two thousandths.
const QUESTIONS: usize = 384;
/// Candidates that are tried, least first.
const CANDIDATES: [u32; 17] = [
    64, 80, 96, 112, 128, 160, 192, 256, 320, 384, 512, 768, 1_024, 1_536, 2_048, 3_072, 4_096,
];

/// Candidates that a search takes for each that the measurement needed, for the sample may have been an easy one.
const MARGIN: f32 = 1.4;
/// The same where the walk is usearch's, from which nothing can be hidden but what it found: its walks are led by links
/// that would not be there.
const MARGIN_LINKED: f32 = 1.5;

/// Vectors that are compared with the questions before it is looked whether the index was closed.
const EXAMINED_AT_ONCE: usize = 1_024;

/// A view that asks.
struct Question {
    vector: Vec<f32>,
    slot: u32,
    /// Its case, where all of it is left out.
    case: Option<u32>,
    /// Slots that are left out.
    left_out: Vec<u32>,
}

/// What is asked, and the cosines of the nearest neighbours of each, best first.
pub(super) struct Examination {
    questions: Vec<Question>,
    truths: Vec<Vec<f32>>,
}

impl Question {
    fn leaves_out(&self, slot: u32, member: &Member) -> bool {
        slot == self.slot || self.case == Some(member.case)
    }
}

impl Work {
    /// Chooses what is asked and finds what should be found, by one thread: the graph is built beside it. What was found
    /// until the index is closed is incomplete.
    pub(super) fn examination(&self, job: &Job) -> Examination {
        let members: Vec<(u32, &Member)> = job.slots().collect();
        let questions = self.questions(&members);
        let truths = self.exact(&members, &questions);
        Examination { questions, truths }
    }

    /// Finds the fewest candidates that reach the wanted recall, and notes them, with what they reach; nothing where the
    /// index is closed meanwhile.
    pub(super) fn measure(
        &self,
        job: &Job,
        graph: &mut GraphBuilder,
        examination: &Examination,
    ) -> Result<(), IndexError> {
        let Examination { questions, truths } = examination;
        let location_of: HashMap<u32, VectorLocation> = job
            .slots()
            .map(|(slot, member)| (slot, member.location))
            .collect();
        let trial = graph.trial()?;
        let possible: usize = truths.iter().map(Vec::len).sum();
        let target = self.settings.recall_target;
        // Where nothing can be asked, nothing is missed.
        let (mut ef, mut recall_permille) = (CANDIDATES[0], 1_000);
        for candidates in CANDIDATES {
            if possible == 0 {
                break;
            }
            if self.cancel.load(Ordering::Acquire) {
                return Ok(());
            }
            let met = questions
                .par_iter()
                .zip(truths)
                .map(|(question, truth)| {
                    self.met(&trial, &location_of, question, truth, candidates)
                })
                .sum::<Result<usize, IndexError>>()?;
            (ef, recall_permille) = (candidates, (1_000 * met / possible) as u32);
            if recall_permille as f32 >= 1_000.0 * target {
                break;
            }
        }
        let margin = match graph.coder().code {
            Code::B1 => MARGIN,
            Code::F16 | Code::I8 => MARGIN_LINKED,
        };
        let measured = Measured {
            ef: (ef as f32 * margin) as u32,
            recall_permille,
            nodes: graph.nodes() as u32,
        };
        tracing::debug!(?measured, questions = questions.len(), "measured a segment");
        drop(trial);
        graph.set_measured(measured);
        Ok(())
    }

    fn questions(&self, members: &[(u32, &Member)]) -> Vec<Question> {
        let step = members.len().div_ceil(QUESTIONS).max(1);
        let asking = || members.iter().step_by(step);
        let cases: HashSet<u32> = asking().map(|(_, member)| member.case).collect();
        let mut slots_of: HashMap<u32, Vec<u32>> = HashMap::new();
        for (slot, member) in members {
            if cases.contains(&member.case) {
                slots_of.entry(member.case).or_default().push(*slot);
            }
        }
        let question = |(slot, member): &(u32, &Member)| {
            let vector = self.log.read(&member.location).ok()?;
            let of_case = &slots_of[&member.case];
            // Without most of a segment, what is left says nothing of it.
            let is_part = 2 * of_case.len() <= members.len();
            Some(Question {
                vector,
                slot: *slot,
                case: is_part.then_some(member.case),
                left_out: if is_part {
                    of_case.clone()
                } else {
                    vec![*slot]
                },
            })
        };
        asking().filter_map(question).collect()
    }

    /// Nearest neighbours that a search with so many candidates meets.
    fn met(
        &self,
        trial: &Trial<'_>,
        location_of: &HashMap<u32, VectorLocation>,
        question: &Question,
        truth: &[f32],
        candidates: u32,
    ) -> Result<usize, IndexError> {
        let mut slots = trial.search(&question.vector, candidates as usize, &question.left_out)?;
        slots.sort_unstable();
        slots.dedup();
        let cosine = |slot: u32| {
            let location = location_of.get(&slot)?;
            self.log.dot(location, &question.vector).ok()
        };
        // By value, not by slot: equal vectors are equally right.
        let least = truth.last().copied().unwrap_or(f32::MIN) - 1e-6;
        let right = slots.into_iter().filter_map(cosine);
        Ok(right
            .filter(|cosine| *cosine >= least)
            .count()
            .min(truth.len()))
    }

    /// The cosines of the nearest neighbours of each question, best first.
    fn exact(&self, members: &[(u32, &Member)], questions: &[Question]) -> Vec<Vec<f32>> {
        let mut best: Vec<Vec<f32>> = vec![Vec::new(); questions.len()];
        for chunk in members.chunks(EXAMINED_AT_ONCE) {
            if self.cancel.load(Ordering::Acquire) {
                break;
            }
            for (slot, member) in chunk {
                for (question, best) in questions.iter().zip(&mut best) {
                    if question.leaves_out(*slot, member) {
                        continue;
                    }
                    if let Ok(cosine) = self.log.dot(&member.location, &question.vector) {
                        keep_best(best, cosine);
                    }
                }
            }
        }
        best
    }
}

fn keep_best(best: &mut Vec<f32>, cosine: f32) {
    if best.len() == NEIGHBOURS && best[NEIGHBOURS - 1] >= cosine {
        return;
    }
    let at = best.partition_point(|held| *held >= cosine);
    best.insert(at, cosine);
    best.truncate(NEIGHBOURS);
}
