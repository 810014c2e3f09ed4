//! What the nearest prior cases turned out to be: labels among the hits, with the share that carries none.

use std::collections::HashMap;

use crate::answer::{Hit, Vote, Votes};

const SHOWN: usize = 20;

pub(super) fn count(hits: &[Hit]) -> Votes {
    let mut labels: HashMap<&str, u32> = HashMap::new();
    for hit in hits {
        let mut own: Vec<&str> = hit
            .labels
            .iter()
            .map(String::as_str)
            .filter(|label| !is_column(label))
            .collect();
        own.sort_unstable();
        own.dedup();
        for label in own {
            *labels.entry(label).or_default() += 1;
        }
    }
    let mut labels: Vec<Vote> = labels
        .into_iter()
        .map(|(label, hits)| Vote {
            label: label.to_owned(),
            hits,
        })
        .collect();
    labels.sort_by(|a, b| b.hits.cmp(&a.hits).then_with(|| a.label.cmp(&b.label)));
    labels.truncate(SHOWN);
    let unlabelled = hits
        .iter()
        .filter(|hit| hit.labels.iter().all(|label| is_column(label)))
        .count();
    Votes {
        hits: hits.len() as u32,
        unlabelled: unlabelled as u32,
        labels,
    }
}

/// Labels made of a manifest's other columns ("licence: CC0") say nothing of what the case turned out to be.
fn is_column(label: &str) -> bool {
    label.contains(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hit(labels: &[&str]) -> Hit {
        Hit {
            labels: labels.iter().map(|label| (*label).to_owned()).collect(),
            ..Hit::default()
        }
    }

    #[test]
    fn each_case_votes_once_for_a_label_and_columns_do_not_vote() {
        let votes = count(&[hit(&["a", "a", "b"]), hit(&["a"]), hit(&["licence: CC0"])]);
        assert_eq!(
            votes.labels,
            [
                Vote {
                    label: "a".into(),
                    hits: 2
                },
                Vote {
                    label: "b".into(),
                    hits: 1
                }
            ]
        );
        assert_eq!((votes.hits, votes.unlabelled), (3, 1));
    }
}
