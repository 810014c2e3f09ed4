//! Pictures that are questions: kept in memory for an hour, never written, never part of the library.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

const KEPT_FOR: Duration = Duration::from_secs(3600);
const MAX_BYTES: usize = 512 << 20;

/// The query pictures of a process.
#[derive(Default)]
pub struct QueryPictures {
    kept: Mutex<VecDeque<Kept>>,
}

struct Kept {
    id: String,
    since: Instant,
    bytes: Arc<[u8]>,
    modality: Option<String>,
}

impl QueryPictures {
    /// Keeps `bytes` and returns the id by which a query may name them. The oldest go when 512 MiB are reached.
    pub fn keep(&self, bytes: Arc<[u8]>, modality: Option<String>) -> String {
        let id = format!("q-{}", uuid::Uuid::new_v4().simple());
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push_back(Kept {
            id: id.clone(),
            since: Instant::now(),
            bytes,
            modality,
        });
        let mut total: usize = kept.iter().map(|picture| picture.bytes.len()).sum();
        while kept.len() > 1
            && (total > MAX_BYTES
                || kept
                    .front()
                    .is_some_and(|first| first.since.elapsed() > KEPT_FOR))
        {
            total -= kept.pop_front().map_or(0, |gone| gone.bytes.len());
        }
        id
    }

    /// The bytes kept under `id`.
    pub fn get(&self, id: &str) -> Option<Arc<[u8]>> {
        self.of(id, |picture| Arc::clone(&picture.bytes))
    }

    /// The modality of the picture kept under `id`, where it says one.
    pub fn modality(&self, id: &str) -> Option<String> {
        self.of(id, |picture| picture.modality.clone())?
    }

    fn of<T>(&self, id: &str, what: impl Fn(&Kept) -> T) -> Option<T> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter()
            .find(|picture| picture.id == id && picture.since.elapsed() <= KEPT_FOR)
            .map(what)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_found_and_the_oldest_make_room() {
        let pictures = QueryPictures::default();
        let first = pictures.keep(vec![1u8; 300 << 20].into(), None);
        let second = pictures.keep(vec![2u8; 300 << 20].into(), None);
        assert!(pictures.get(&first).is_none());
        assert_eq!(pictures.get(&second).unwrap()[0], 2);
        assert!(pictures.get("q-0").is_none());
    }
}
