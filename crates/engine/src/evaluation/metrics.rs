//! Retrieval metrics over ranked lists, pure: no library, no randomness.
//!
//! Where every case has one label they are PathForge's (`hit_at_k`, `precision_at_k`, `map_at_k`, `ndcg_at_k`,
//! `mmv_at_k`, `macro_f1_at_k`); `average_precision` and `recall_at_k` are trec_eval's `map` and `recall_k`. With
//! several labels a hit is relevant that shares one, nDCG's gain is the Jaccard overlap of the two sets (which is 0 or
//! 1 for single labels), and a vote names every label that a strict majority of the hits carries.

use std::collections::{BTreeMap, HashMap};

/// Sorted, distinct numbers of a case's labels.
pub(super) type LabelSet = Vec<u32>;

/// What is scored: labels of the pool, and for each query its ranking.
pub(super) struct Ranked {
    /// Place of the query's own case in the pool.
    pub(super) own: usize,
    /// Places in the pool, best first; never the query's own case or patient.
    pub(super) hits: Vec<u32>,
}

/// One query's figures.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Scored {
    /// In the order of [`names`].
    pub(super) values: Vec<f64>,
    /// What each vote of [`VOTES`] named.
    pub(super) votes: Vec<LabelSet>,
    /// Cases that would have been right.
    pub(super) relevant: u64,
}

/// Depths of the votes.
pub(super) const VOTES: [usize; 3] = [1, 3, 5];

/// Names of a query's values.
pub(super) fn names(depths: &[usize]) -> Vec<String> {
    let mut names = Vec::new();
    for k in depths {
        for name in ["hit", "precision", "recall", "ndcg", "map"] {
            names.push(format!("{name}@{k}"));
        }
    }
    names.push("map".to_owned());
    names.extend(VOTES.map(|k| {
        if k == 1 {
            "top1_accuracy".to_owned()
        } else {
            format!("vote_accuracy@{k}")
        }
    }));
    names
}

/// Names of the figures that no single query has.
pub(super) fn f1_names() -> [String; 3] {
    VOTES.map(|k| format!("macro_f1@{k}"))
}

/// Share of labels that two sets have in common, 0 to 1.
pub(super) fn overlap(a: &[u32], b: &[u32]) -> f64 {
    let shared = a
        .iter()
        .filter(|label| b.binary_search(label).is_ok())
        .count();
    let all = a.len() + b.len() - shared;
    if all == 0 {
        0.0
    } else {
        shared as f64 / all as f64
    }
}

/// What a strict majority of the first `k` hits carries; of fewer hits, a majority of those there are. A tie names
/// nothing.
pub(super) fn vote(hits: &[u32], labels: &[LabelSet], k: usize) -> LabelSet {
    let top = &hits[..k.min(hits.len())];
    let mut counts: HashMap<u32, usize> = HashMap::new();
    for hit in top {
        for label in &labels[*hit as usize] {
            *counts.entry(*label).or_default() += 1;
        }
    }
    let mut named: LabelSet = counts
        .into_iter()
        .filter(|(_, count)| *count > top.len() / 2)
        .map(|(label, _)| label)
        .collect();
    named.sort_unstable();
    named
}

/// Scores one query against `truth`. `gains` are the overlaps of all relevant cases that may answer, highest first.
pub(super) fn score(
    query: &Ranked,
    labels: &[LabelSet],
    gains: &[f64],
    depths: &[usize],
) -> Scored {
    let truth = &labels[query.own];
    let found: Vec<f64> = query
        .hits
        .iter()
        .map(|hit| overlap(truth, &labels[*hit as usize]))
        .collect();
    let votes: Vec<LabelSet> = VOTES
        .iter()
        .map(|k| vote(&query.hits, labels, *k))
        .collect();
    let mut values = Vec::new();
    for &k in depths {
        let right = found.iter().take(k).filter(|gain| **gain > 0.0).count() as f64;
        let ideal = dcg(gains, k);
        values.push(f64::from(u8::from(right > 0.0)));
        values.push(right / k as f64);
        values.push(share(right, gains.len() as f64));
        values.push(share(dcg(&found, k), ideal));
        values.push(average_precision_at(&found, k));
    }
    values.push(average_precision(&found, gains.len()));
    values.extend(
        votes
            .iter()
            .map(|named| f64::from(u8::from(named == truth && !named.is_empty()))),
    );
    Scored {
        values,
        votes,
        relevant: gains.len() as u64,
    }
}

fn share(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}

fn dcg(gains: &[f64], k: usize) -> f64 {
    let discounted = gains.iter().take(k).zip(2_u32..);
    discounted
        .map(|(gain, rank)| gain / f64::from(rank).log2())
        .sum()
}

/// Precisions at the ranks of relevant hits.
fn precisions(found: &[f64]) -> Vec<f64> {
    let mut right = 0.0;
    let mut precisions = Vec::new();
    for (gain, rank) in found.iter().zip(1_u32..) {
        if *gain > 0.0 {
            right += 1.0;
            precisions.push(right / f64::from(rank));
        }
    }
    precisions
}

/// trec_eval's `map`: a relevant case that is not in the list counts as a precision of 0.
pub(super) fn average_precision(found: &[f64], relevant: usize) -> f64 {
    share(precisions(found).iter().sum(), relevant as f64)
}

/// PathForge's `map_at_k`: the mean over the relevant hits found, 0 for a list shorter than `k`.
pub(super) fn average_precision_at(found: &[f64], k: usize) -> f64 {
    if found.len() < k {
        return 0.0;
    }
    let precisions = precisions(&found[..k]);
    share(precisions.iter().sum(), precisions.len() as f64)
}

/// Macro-F1 of what was named against what is true, over the labels that a query carries; `weights` say how often each
/// query counts.
pub(super) fn macro_f1<'a>(
    pairs: impl Iterator<Item = (&'a LabelSet, &'a LabelSet)>,
    weights: &[u32],
) -> f64 {
    let of_labels = f1_of_labels(pairs, weights);
    share(of_labels.values().sum(), of_labels.len() as f64)
}

/// F1 of each label that a query carries.
pub(super) fn f1_of_labels<'a>(
    pairs: impl Iterator<Item = (&'a LabelSet, &'a LabelSet)>,
    weights: &[u32],
) -> BTreeMap<u32, f64> {
    // Label → (carried and named, carried, named).
    // In order, so that sums over it are the same each time.
    let mut counts: BTreeMap<u32, (f64, f64, f64)> = BTreeMap::new();
    for ((truth, named), weight) in pairs.zip(weights).filter(|(_, weight)| **weight > 0) {
        let weight = f64::from(*weight);
        for label in truth {
            let count = counts.entry(*label).or_default();
            count.1 += weight;
            if named.binary_search(label).is_ok() {
                count.0 += weight;
            }
        }
        for label in named {
            counts.entry(*label).or_default().2 += weight;
        }
    }
    counts
        .into_iter()
        .filter(|(_, (_, carried, _))| *carried > 0.0)
        .map(|(label, (both, carried, named))| (label, 2.0 * both / (carried + named)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-6
    }

    /// Pool of six cases with one label each; the query is case 0.
    fn pool() -> Vec<LabelSet> {
        [0, 0, 1, 0, 1, 2].map(|label| vec![label]).to_vec()
    }

    fn query(hits: &[u32]) -> Ranked {
        Ranked {
            own: 0,
            hits: hits.to_vec(),
        }
    }

    #[test]
    fn values_are_those_of_trec_eval() {
        // pytrec_eval over qrel {1: 1, 3: 1} and the run 2, 1, 4, 3, 5: map, ndcg_cut_3, ndcg_cut_5, P_3, recall_3.
        let scored = score(&query(&[2, 1, 4, 3, 5]), &pool(), &[1.0, 1.0], &[3, 5]);
        let value = |name: &str| {
            let at = names(&[3, 5]).iter().position(|own| own == name).unwrap();
            scored.values[at]
        };
        for (name, expected) in TREC_EVAL {
            assert!(close(value(name), expected), "{name}: {}", value(name));
        }
        // By hand: PathForge's map_at_3 is the mean of precisions at relevant hits, here 1/2 alone.
        assert!(close(value("map@3"), 0.5));
        assert!(close(value("hit@3"), 1.0));
    }

    const TREC_EVAL: [(&str, f64); 5] = [
        ("map", 0.5),
        ("ndcg@3", 0.386_852_807_2),
        ("ndcg@5", 0.650_920_929_8),
        ("precision@3", 0.333_333_333_3),
        ("recall@3", 0.5),
    ];

    #[test]
    fn a_tie_names_nothing_and_fewer_hits_vote_among_themselves() {
        let labels = pool();
        assert_eq!(vote(&[1, 2], &labels, 3), Vec::<u32>::new());
        assert_eq!(vote(&[1, 2, 3], &labels, 3), [0]);
        assert_eq!(vote(&[1], &labels, 5), [0]);
        assert_eq!(vote(&[], &labels, 5), Vec::<u32>::new());
        // Two of five are no strict majority.
        assert_eq!(vote(&[1, 3, 2, 4, 5], &labels, 5), Vec::<u32>::new());
    }

    #[test]
    fn missing_hits_count_as_wrong() {
        let scored = score(&query(&[]), &pool(), &[1.0, 1.0], &[1, 5]);
        assert!(scored.values.iter().all(|value| *value == 0.0));
        let short = score(&query(&[1]), &pool(), &[1.0, 1.0], &[5]);
        // Precision over five places, though one was filled; map@5 of a short list is 0.
        assert_eq!(short.values[1], 0.2);
        assert_eq!(short.values[4], 0.0);
    }

    #[test]
    fn several_labels_overlap_and_vote_each_for_itself() {
        let labels = vec![vec![0, 1], vec![0, 1], vec![0], vec![1, 2], vec![3]];
        assert!(close(overlap(&labels[0], &labels[3]), 1.0 / 3.0));
        assert_eq!(vote(&[1, 2, 3], &labels, 3), [0, 1]);
        let scored = score(&query(&[1, 2, 3, 4]), &labels, &[1.0, 0.5, 1.0 / 3.0], &[3]);
        assert!(
            close(scored.values[3], 1.0),
            "an ideal order has an nDCG of 1"
        );
        assert_eq!(scored.votes[0], [0, 1]);
    }

    #[test]
    fn macro_f1_is_scikit_learns() {
        // f1_score([0,0,1,1,2], [0,1,1,-1,0], labels=[0,1,2], average="macro", zero_division=0), where -1 is "named
        // nothing"; the second with query 0 counted twice.
        let truth: Vec<LabelSet> = [0, 0, 1, 1, 2].map(|label| vec![label]).to_vec();
        let named: Vec<LabelSet> = vec![vec![0], vec![1], vec![1], vec![], vec![0]];
        let f1 = |weights: &[u32]| macro_f1(truth.iter().zip(&named), weights);
        assert!(close(f1(&[1; 5]), 0.333_333_333_3));
        assert!(close(f1(&[2, 1, 1, 1, 1]), 0.388_888_888_9));
    }
}
