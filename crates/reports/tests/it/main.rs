//! Reports from outside. One program for all, for each is linked with everything below.

#![allow(
    clippy::unwrap_used,
    reason = "a test stops at the first thing that is wrong"
)]

mod analysis;
mod east_asian;
mod manifest;
mod mask;
mod polarity;
mod polarity_labelled;
mod polarity_scope;
