//! Rankings become figures: over all queries with intervals and a control, and by label.

use std::collections::{BTreeMap, HashMap};

use rayon::prelude::*;

use super::bootstrap::{self, Dice, SEED};
use super::gather::Pool;
use super::metrics::{self, LabelSet, Ranked, Scored, VOTES};
use super::{EvaluationCounts, LabelRow, MetricRow, RetrievalRequest};

/// Permutations of the control.
const PERMUTATIONS: usize = 100;

/// Metrics over all queries and by label.
pub(super) fn figures(
    pool: &Pool,
    ranked: &[Ranked],
    request: &RetrievalRequest,
    counts: &mut EvaluationCounts,
) -> (Vec<MetricRow>, Vec<LabelRow>) {
    let depths: Vec<usize> = request.k.iter().map(|k| *k as usize).collect();
    let labels: Vec<LabelSet> = pool.cases.iter().map(|case| case.labels.clone()).collect();
    let scored = score_all(pool, ranked, &labels, &depths);
    let truths: Vec<&LabelSet> = ranked.iter().map(|one| &labels[one.own]).collect();
    let ones = vec![1; ranked.len()];
    let values = bootstrap::summarise(&scored, &truths, &ones);
    let groups: Vec<usize> = ranked.iter().map(|one| pool.cases[one.own].group).collect();
    let intervals = bootstrap::by_patient(&scored, &truths, &groups, pool.members.len());
    let control = control(pool, ranked, &labels, &depths);
    let control_intervals = bootstrap::intervals(&control);
    let mean = |at: usize| control.iter().map(|row| row[at]).sum::<f64>() / control.len() as f64;
    let names = metrics::names(&depths)
        .into_iter()
        .chain(metrics::f1_names());
    let rows = names.enumerate().map(|(at, name)| MetricRow {
        name,
        value: values[at],
        interval: intervals[at],
        shuffled: mean(at),
        shuffled_interval: control_intervals[at],
    });
    let deepest = depths.iter().copied().max().unwrap_or(1);
    let count = |test: &dyn Fn(&Ranked, &Scored) -> bool| {
        ranked
            .iter()
            .zip(&scored)
            .filter(|(one, scored)| test(one, scored))
            .count() as u64
    };
    counts.queries = ranked.len() as u64;
    counts.queries_without_vectors = count(&|one, _| pool.cases[one.own].locations.is_empty());
    counts.queries_with_short_answers = count(&|one, _| one.hits.len() < deepest);
    counts.queries_without_a_right_answer = count(&|_, scored| scored.relevant == 0);
    let rows = rows.collect();
    (rows, by_label(pool, ranked, &scored, &depths))
}

/// The same rankings under labels that mean nothing.
fn control(pool: &Pool, ranked: &[Ranked], labels: &[LabelSet], depths: &[usize]) -> Vec<Vec<f64>> {
    let mut dice = Dice::new(SEED);
    let ones = vec![1; ranked.len()];
    let mut rows = Vec::with_capacity(PERMUTATIONS);
    for _ in 0..PERMUTATIONS {
        let labels = bootstrap::permuted(labels, &pool.members, &mut dice);
        let scored = score_all(pool, ranked, &labels, depths);
        let truths: Vec<&LabelSet> = ranked.iter().map(|one| &labels[one.own]).collect();
        rows.push(bootstrap::summarise(&scored, &truths, &ones));
    }
    rows
}

pub(super) fn score_all(
    pool: &Pool,
    ranked: &[Ranked],
    labels: &[LabelSet],
    depths: &[usize],
) -> Vec<Scored> {
    let mut sets: HashMap<&LabelSet, u64> = HashMap::new();
    for set in labels {
        *sets.entry(set).or_default() += 1;
    }
    let score = |one: &Ranked| {
        let truth = &labels[one.own];
        let mut others = sets.clone();
        for own in &pool.members[pool.cases[one.own].group] {
            if let Some(count) = others.get_mut(&labels[*own]) {
                *count -= 1;
            }
        }
        let mut gains: Vec<f64> = Vec::new();
        for (set, count) in others {
            let gain = metrics::overlap(truth, set);
            if gain > 0.0 {
                gains.extend(std::iter::repeat_n(gain, count as usize));
            }
        }
        gains.sort_unstable_by(|a, b| b.total_cmp(a));
        metrics::score(one, labels, &gains, depths)
    };
    ranked.par_iter().map(score).collect()
}

fn by_label(pool: &Pool, ranked: &[Ranked], scored: &[Scored], depths: &[usize]) -> Vec<LabelRow> {
    let ones = vec![1; ranked.len()];
    let f1: Vec<BTreeMap<u32, f64>> = (0..VOTES.len())
        .map(|vote| {
            let pairs = ranked.iter().zip(scored);
            let pairs =
                pairs.map(|(one, scored)| (&pool.cases[one.own].labels, &scored.votes[vote]));
            metrics::f1_of_labels(pairs, &ones)
        })
        .collect();
    let mut rows = Vec::new();
    for label in 0..pool.label_names.len() as u32 {
        let own: Vec<(&Ranked, &Scored)> = ranked
            .iter()
            .zip(scored)
            .filter(|(one, _)| carries(pool, one.own, label))
            .collect();
        if !own.is_empty() {
            let mut row = label_row(pool, label, &own, depths);
            row.vote_f1 = [0, 1, 2].map(|vote| f1[vote].get(&label).copied().unwrap_or(0.0));
            rows.push(row);
        }
    }
    rows.sort_by(|a, b| {
        b.queries
            .cmp(&a.queries)
            .then_with(|| a.label.cmp(&b.label))
    });
    rows
}

fn carries(pool: &Pool, at: usize, label: u32) -> bool {
    pool.cases[at].labels.binary_search(&label).is_ok()
}

/// One label's row, but for its F1, which the other labels' queries bear on too.
fn label_row(pool: &Pool, label: u32, own: &[(&Ranked, &Scored)], depths: &[usize]) -> LabelRow {
    let count = own.len() as f64;
    let group = |one: &Ranked| pool.cases[one.own].group;
    let found = |one: &Ranked| -> Vec<f64> {
        let hits = one.hits.iter();
        hits.map(|hit| f64::from(u8::from(carries(pool, *hit as usize, label))))
            .collect()
    };
    let right = |one: &Ranked| {
        (0..pool.cases.len())
            .filter(|at| pool.cases[*at].group != group(one) && carries(pool, *at, label))
            .count()
    };
    let precision = |k: &usize| {
        let shares = own
            .iter()
            .map(|(one, _)| found(one).iter().take(*k).sum::<f64>() / *k as f64);
        shares.sum::<f64>() / count
    };
    let named = |vote: usize| {
        let named = own
            .iter()
            .filter(|(_, scored)| scored.votes[vote].binary_search(&label).is_ok());
        named.count() as f64 / count
    };
    let mut patients: Vec<usize> = own.iter().map(|(one, _)| group(one)).collect();
    patients.sort_unstable();
    patients.dedup();
    let precise = own
        .iter()
        .map(|(one, _)| metrics::average_precision(&found(one), right(one)));
    LabelRow {
        label: pool.label_names[label as usize].clone(),
        queries: own.len() as u64,
        patients: patients.len() as u64,
        precision: depths.iter().map(precision).collect(),
        vote_recall: [0, 1, 2].map(named),
        vote_f1: [0.0; 3],
        map: precise.sum::<f64>() / count,
    }
}
