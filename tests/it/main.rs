//! The program from outside: its command line, its HTTP interface, what it survives and what it never tells.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot set the scene has failed"
)]

mod api;
mod asked;
mod cli;
mod crash;
mod decode;
mod demo_model;
mod eval;
mod export;
mod feedback;
mod frames;
mod held;
mod identity;
mod modalities;
mod negation;
mod no_match;
mod overload;
mod planted;
mod real_files;
mod sentences;
mod series;
mod slides;
mod support;
mod towers;
mod verify;
mod zero_shot;
