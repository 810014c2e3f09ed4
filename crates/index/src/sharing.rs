//! Threads that share the work of one question.
//!
//! A question holds the columns' lock while it waits for them. Therefore they run nothing that takes it, and a question that is asked
//! on a thread of a rayon pool shares nothing: a thread that waits for such a pool begins another piece of its work,
//! which may be a further question, and under one lock held twice an `apply` that waits in between would end it all.

use std::sync::OnceLock;

use rayon::{ThreadPool, ThreadPoolBuilder};

static POOL: OnceLock<Option<ThreadPool>> = OnceLock::new();

/// The threads, as many as there are cores; `None` where the work is to be done by the thread that asks.
pub(crate) fn pool() -> Option<&'static ThreadPool> {
    if rayon::current_thread_index().is_some() {
        return None;
    }
    let started = || {
        let pool = ThreadPoolBuilder::new().thread_name(|number| format!("search {number}"));
        pool.build().ok()
    };
    POOL.get_or_init(started).as_ref()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_of_a_pool_shares_nothing() {
        assert!(pool().is_some());
        let own = ThreadPoolBuilder::new().num_threads(1).build();
        let own = own.expect("threads");
        assert!(own.install(|| pool().is_none()));
        assert!(pool().is_some_and(|pool| pool.install(|| super::pool().is_none())));
    }
}
