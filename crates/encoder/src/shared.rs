//! Sessions that encoders share: those of the same weights, graph, device and threads, whatever their preprocessing. The
//! weights are the larger part of an encoder's memory (1.7 GB for MedSigLIP's pictures), so they are loaded once.
//! A session lives as long as an encoder that has used it.

use std::ops::{Deref, DerefMut};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use ort::session::Session;
use sha2::{Digest as _, Sha256};

use crate::Device;
use crate::graph::TowerGraph;
use crate::launch::{Launch, threads_for};
use crate::weights::Fingerprint;

/// What makes two sessions one.
#[derive(PartialEq, Eq)]
struct Key {
    weights: PathBuf,
    state: Fingerprint,
    graph: [u8; 32],
    device: Device,
    threads: usize,
}

/// The places that some encoder holds.
static PLACES: Mutex<Vec<(Key, Weak<Place>)>> = Mutex::new(Vec::new());

/// Where a session is, or will be once it has been started. Whoever asks first gets it first, so that an encoder that
/// runs batch upon batch does not keep another one waiting.
#[derive(Default)]
pub(crate) struct Place {
    turn: Mutex<()>,
    session: Mutex<Option<Session>>,
}

/// A session while nobody else has it.
pub(crate) struct Taken<'a>(MutexGuard<'a, Option<Session>>);

impl Place {
    /// The place of a graph's session under this launch: the one that others have, or a new one.
    pub fn of(launch: &Launch, graph: &TowerGraph) -> Arc<Self> {
        let key = Key {
            weights: launch.weights.path().to_owned(),
            state: launch.weights.fingerprint().clone(),
            graph: Sha256::digest(&graph.bytes).into(),
            device: launch.device,
            threads: threads_for(launch.intra_threads),
        };
        let mut places = PLACES.lock().unwrap_or_else(PoisonError::into_inner);
        places.retain(|(_, place)| place.strong_count() > 0);
        let known = places.iter().find(|(known, _)| *known == key);
        if let Some(place) = known.and_then(|(_, place)| place.upgrade()) {
            return place;
        }
        let place = Arc::new(Self::default());
        places.push((key, Arc::downgrade(&place)));
        place
    }

    /// Waits for the session and takes it.
    pub fn take(&self) -> Taken<'_> {
        // Who waits for the session holds the turn, so that who gives it back has to stand behind him.
        let turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        drop(turn);
        Taken(session)
    }
}

impl Deref for Taken<'_> {
    type Target = Option<Session>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl DerefMut for Taken<'_> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Duration;

    use super::*;
    use crate::graph::PixelInput;
    use crate::{Checkpoint, Precision, Runtime};

    fn place(device: Device, threads: usize, precision: Precision) -> Arc<Place> {
        let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("demo-model");
        let checkpoint = Checkpoint::open(&demo).unwrap();
        let launch = Launch {
            runtime: Runtime::load(None).unwrap(),
            weights: Arc::clone(&checkpoint.weights),
            device,
            intra_threads: threads,
        };
        Place::of(
            &launch,
            &checkpoint
                .image_graph(precision, PixelInput::Values)
                .unwrap(),
        )
    }

    #[test]
    fn one_place_for_what_is_alike_and_another_for_what_is_not() {
        let first = place(Device::Cpu, 7, Precision::F32);
        assert!(Arc::ptr_eq(&first, &place(Device::Cpu, 7, Precision::F32)));
        for other in [
            place(Device::Cuda { id: 0 }, 7, Precision::F32),
            place(Device::Cpu, 6, Precision::F32),
            place(Device::Cpu, 7, Precision::Int8),
        ] {
            assert!(!Arc::ptr_eq(&first, &other));
        }
        // Nobody but encoders keeps a place.
        let kept = Arc::downgrade(&first);
        drop(first);
        assert!(kept.upgrade().is_none());
    }

    #[test]
    fn who_waits_comes_next_however_busy_the_other_is() {
        let place = Place::default();
        let rounds = Mutex::new(Vec::new());
        let answered = AtomicBool::new(false);
        let round = |name: &'static str| {
            let taken = place.take();
            rounds.lock().unwrap().push(name);
            std::thread::sleep(Duration::from_millis(5));
            drop(taken);
        };
        std::thread::scope(|scope| {
            scope.spawn(|| {
                // As long as it takes; the bound ends a test in which nobody else ever gets the place.
                for _ in 0..1_000 {
                    if answered.load(Ordering::Acquire) {
                        break;
                    }
                    round("busy");
                }
            });
            scope.spawn(|| {
                rounds.lock().unwrap().push("asks");
                (0..3).for_each(|_| round("question"));
                answered.store(true, Ordering::Release);
            });
        });
        let rounds = rounds.into_inner().unwrap();
        let asked = rounds.iter().position(|name| *name == "asks").unwrap();
        let last = rounds.iter().rposition(|name| *name == "question").unwrap();
        // Three turns by turn; the rest is for a machine that is slow to wake a thread.
        assert!(last - asked < 18, "{rounds:?}");
    }
}
