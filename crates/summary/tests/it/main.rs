//! Summaries from outside. One program for all, for each is linked with everything below.

#![allow(
    clippy::unwrap_used,
    reason = "a test stops at the first thing that is wrong"
)]

mod real_endpoint;
mod scripted;
