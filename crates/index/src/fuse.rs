//! Reciprocal rank fusion: joins ranked lists without comparing their scores. Pure.

use std::collections::HashMap;

/// Rank offset. Cormack, Clarke and Büttcher (SIGIR 2009) take 60, for lists of a thousand documents: with it, a case in the middle of two
/// lists passes the one that a way has first. Cases that are alike are few, and a way's best ones say most: see
/// docs/EVALUATION.md for what other offsets find.
pub const RRF_K0: f64 = 5.0;

/// One way of searching and its ranking.
#[derive(Debug, Clone, PartialEq)]
pub struct RankedWay {
    /// What the way is called: `report`, `image`, `label` …
    pub name: String,
    /// Weight; a way of weight 0, negative or not finite adds nothing.
    pub weight: f64,
    /// Keys, best first. A key that comes twice counts at its first rank.
    pub keys: Vec<u64>,
}

/// A fused hit.
#[derive(Debug, Clone, PartialEq)]
pub struct Fused {
    /// The key.
    pub key: u64,
    /// Sum over ways of weight / ([`RRF_K0`] + rank).
    pub score: f64,
    /// Which ways found it: index into the ways given, and rank from 1.
    pub ways: Vec<(usize, usize)>,
}

/// Joins the ways into the best `k` keys, best first, ties by key.
pub fn fuse(ways: &[RankedWay], k: usize) -> Vec<Fused> {
    let mut held: HashMap<u64, Fused> = HashMap::new();
    for (way_no, way) in ways
        .iter()
        .enumerate()
        .filter(|(_, way)| way.weight.is_finite() && way.weight > 0.0)
    {
        for (at, &key) in way.keys.iter().enumerate() {
            let fused = held.entry(key).or_insert_with(|| Fused {
                key,
                score: 0.0,
                ways: Vec::new(),
            });
            if fused.ways.last().is_some_and(|(last, _)| *last == way_no) {
                continue;
            }
            let rank = at + 1;
            fused.score += way.weight / (RRF_K0 + rank as f64);
            fused.ways.push((way_no, rank));
        }
    }
    let mut fused: Vec<Fused> = held.into_values().collect();
    fused.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.key.cmp(&b.key)));
    fused.truncate(k);
    fused
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn way(weight: f64, keys: &[u64]) -> RankedWay {
        RankedWay {
            name: "report".into(),
            weight,
            keys: keys.to_vec(),
        }
    }

    #[test]
    fn two_ways_outweigh_one() {
        let fused = fuse(&[way(1.0, &[1, 2, 3]), way(1.0, &[4, 3])], 10);
        assert_eq!(
            fused.iter().map(|hit| hit.key).collect::<Vec<_>>(),
            [3, 1, 4, 2]
        );
        assert_eq!(fused[0].ways, [(0, 3), (1, 2)]);
        let expected = 1.0 / (RRF_K0 + 3.0) + 1.0 / (RRF_K0 + 2.0);
        assert!((fused[0].score - expected).abs() < 1e-12);
    }

    #[test]
    fn weights_count_and_senseless_ones_do_not() {
        let fused = fuse(
            &[
                way(1.0, &[1]),
                way(3.0, &[2]),
                way(0.0, &[9]),
                way(-1.0, &[8]),
                way(f64::NAN, &[7]),
            ],
            10,
        );
        assert_eq!(fused.iter().map(|hit| hit.key).collect::<Vec<_>>(), [2, 1]);
        assert!(fuse(&[], 3).is_empty() && fuse(&[way(1.0, &[1])], 0).is_empty());
    }

    proptest! {
        #[test]
        fn order_and_bounds_hold(lists in prop::collection::vec((0.1f64..4.0, prop::collection::vec(0u64..40, 0..30)), 0..5), k in 0usize..50) {
            let ways: Vec<RankedWay> = lists.iter().map(|(weight, keys)| way(*weight, keys)).collect();
            let fused = fuse(&ways, k);
            let different: std::collections::HashSet<u64> = ways.iter().flat_map(|way| way.keys.iter().copied()).collect();
            prop_assert_eq!(fused.len(), k.min(different.len()));
            for pair in fused.windows(2) {
                prop_assert!(pair[0].score > pair[1].score || (pair[0].score == pair[1].score && pair[0].key < pair[1].key));
            }
            for hit in &fused {
                let mut score = 0.0;
                for (way, rank) in &hit.ways {
                    prop_assert_eq!(ways[*way].keys.iter().position(|key| *key == hit.key), Some(rank - 1));
                    score += ways[*way].weight / (RRF_K0 + *rank as f64);
                }
                prop_assert_eq!(hit.score, score);
            }
        }

        #[test]
        fn the_order_of_ways_changes_no_rank_where_nothing_ties(keys in prop::collection::hash_set(0u64..1000, 1..20)) {
            let keys: Vec<u64> = keys.into_iter().collect();
            let reversed: Vec<u64> = keys.iter().rev().copied().collect();
            let there = fuse(&[way(2.0, &keys), way(1.0, &reversed)], 20);
            let back = fuse(&[way(1.0, &reversed), way(2.0, &keys)], 20);
            prop_assert_eq!(there.iter().map(|hit| hit.key).collect::<Vec<_>>(), back.iter().map(|hit| hit.key).collect::<Vec<_>>());
        }
    }
}
