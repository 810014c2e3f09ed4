//! The index from outside. One program for all, for each is linked with everything below.

#![allow(
    clippy::unwrap_used,
    reason = "a test stops at the first thing that is wrong"
)]

mod cases;
mod codes;
mod concurrency;
mod crash;
mod deletion;
mod images;
mod kill;
mod log;
mod model;
mod recall;
mod support;
mod words;
mod words_scripts;
