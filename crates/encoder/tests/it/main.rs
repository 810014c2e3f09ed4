//! The encoder from outside. One program for all, for each is linked with everything below.

#![allow(
    clippy::unwrap_used,
    reason = "a test stops at the first thing that is wrong"
)]

mod checkpoints;
mod demo_model;
mod device;
mod encoding;
mod family;
mod patches;
mod precision;
mod quantised;
mod reference;
mod samples;
mod self_check;
mod sharing;
mod support;
