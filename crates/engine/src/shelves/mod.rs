//! What is kept beside the two flows: cases to look at, collections, access tokens, the audit.

mod access;
mod cases;
mod collections;

pub use collections::ItemChange;
