//! The catalog's time: the system's, or one that a test moves by hand.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// Where the catalog takes the time for leases and time stamps from.
#[derive(Debug, Clone, Default)]
pub enum Clock {
    /// The system's wall clock.
    #[default]
    System,
    /// Milliseconds since 1970 that the holder sets: for tests of leases.
    Manual(Arc<AtomicI64>),
}

impl Clock {
    /// A clock that stands at `now_ms` until it is moved.
    pub fn manual(now_ms: i64) -> (Self, Arc<AtomicI64>) {
        let cell = Arc::new(AtomicI64::new(now_ms));
        (Self::Manual(Arc::clone(&cell)), cell)
    }

    /// Milliseconds since 1970-01-01 UTC.
    pub fn now_ms(&self) -> i64 {
        match self {
            Self::System => jiff::Timestamp::now().as_millisecond(),
            Self::Manual(cell) => cell.load(Ordering::SeqCst),
        }
    }
}
