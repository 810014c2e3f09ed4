//! How fast the parts are: `cargo bench --bench speed`, or a part of it: `cargo bench --bench speed -- search`.
//! Pictures are drawn phantoms, vectors are synthetic. Figures of one machine stand in docs/BENCHMARKS.md.

#![allow(clippy::unwrap_used)]

mod encode;
mod ingest;
mod pictures;
mod preprocess;
mod search;

fn main() {
    divan::main();
}
