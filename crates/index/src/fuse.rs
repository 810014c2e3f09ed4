//! Reciprocal rank fusion: joins ranked lists without comparing their scores. Pure.

use std::collections::HashMap;

/// Rank offset of Cormack, Clarke and Büttcher (SIGIR 2009).
pub const RRF_K0: f64 = 60.0;

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
    /// Sum over ways of weight / (60 + rank).
    pub score: f64,
    /// Which ways found it: index into the ways given, and rank from 1.
    pub ways: Vec<(usize, usize)>,
}

/// Joins the ways into the best `k` keys, best first, ties by key.
pub fn fuse(ways: &[RankedWay], k: usize) -> Vec<Fused> {
    let mut held: HashMap<u64, Fused> = HashMap::new();
    for (way_no, way) in ways.iter().enumerate().filter(|(_, way)| way.weight.is_finite() && way.weight > 0.0) {
        for (at, &key) in way.keys.iter().enumerate() {
            let fused = held.entry(key).or_insert_with(|| Fused { key, score: 0.0, ways: Vec::new() });
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
