//! Vectors of the texts asked last. People page, filter and correct: the same words come again and again.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Texts kept; MedSigLIP's vectors take 4.6 kB each.
const MOST_TEXTS: usize = 1024;
/// Longer texts are not kept: nobody types them twice.
const MOST_BYTES: usize = 4096;

#[derive(Default)]
struct Kept {
    vectors: HashMap<String, (u64, Vec<f32>)>,
    clock: u64,
}

/// The vectors by their texts; the one used longest ago makes room.
#[derive(Default)]
pub(super) struct KeptTexts(Mutex<Kept>);

impl KeptTexts {
    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The vectors of all the texts, or nothing.
    pub fn all(&self, texts: &[&str]) -> Option<Vec<Vec<f32>>> {
        let mut kept = self.lock();
        kept.clock += 1;
        let clock = kept.clock;
        let of = |text: &&str| {
            let (used, vector) = kept.vectors.get_mut(*text)?;
            *used = clock;
            Some(vector.clone())
        };
        texts.iter().map(of).collect()
    }

    pub fn keep(&self, texts: &[&str], vectors: &[Vec<f32>]) {
        let mut kept = self.lock();
        kept.clock += 1;
        let clock = kept.clock;
        for (text, vector) in texts.iter().zip(vectors) {
            if text.len() > MOST_BYTES {
                continue;
            }
            if kept.vectors.len() >= MOST_TEXTS && !kept.vectors.contains_key(*text) {
                let oldest = kept.vectors.iter().min_by_key(|(_, (used, _))| *used);
                if let Some(oldest) = oldest.map(|(text, _)| text.clone()) {
                    kept.vectors.remove(&oldest);
                }
            }
            kept.vectors
                .insert((*text).to_owned(), (clock, vector.clone()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_used_last_stays() {
        let kept = KeptTexts::default();
        for number in 0..MOST_TEXTS {
            kept.keep(&[&number.to_string()], &[vec![number as f32]]);
        }
        assert_eq!(kept.all(&["0", "7"]), Some(vec![vec![0.0], vec![7.0]]));
        kept.keep(&["new"], &[vec![-1.0]]);
        assert_eq!(kept.all(&["0"]), Some(vec![vec![0.0]]));
        assert_eq!(kept.all(&["1"]), None);
        assert_eq!(kept.all(&["new", "1"]), None);
        assert_eq!(kept.lock().vectors.len(), MOST_TEXTS);
    }

    #[test]
    fn books_are_not_kept() {
        let kept = KeptTexts::default();
        let book = "word ".repeat(MOST_BYTES);
        kept.keep(&[&book], &[vec![1.0]]);
        assert_eq!(kept.all(&[&book]), None);
    }
}
