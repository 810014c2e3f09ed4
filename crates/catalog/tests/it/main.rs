//! The catalog from outside. One program for all, for each is linked with everything below.

#![allow(
    clippy::unwrap_used,
    reason = "a test stops at the first thing that is wrong"
)]

mod batches;
mod collections;
mod deletion;
mod jobs;
mod kinds;
mod objects;
mod reencode;
mod stacks;
mod support;
mod tokens;
