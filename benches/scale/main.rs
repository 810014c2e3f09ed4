//! How a library grows: `cargo run --release --example scale -- DATA FOLDER VIEWS`. Fills a catalog and a vector log with synthetic
//! cases (DATA holds base.f32, case.u32 and query.f32 of 1,152 dimensions), lets the program index them as it would index
//! its own, and asks whole questions: a parsed request to the answer as JSON. `cargo xtask bench scale` runs it at several
//! sizes. Each step is a process of its own, so that memory and start-up are those of a service that was just started.

#![allow(
    clippy::unwrap_used,
    reason = "a measuring program stops at the first thing that is wrong"
)]

mod ask;
mod fill;

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use casekin_engine::{Decoders, EngineConfig, Library};
use serde_json::json;

/// Components of the synthetic vectors, MedSigLIP's number.
pub const DIMENSION: usize = 1_152;
/// Cases that ask with one view, and those that ask with many as a slide does.
pub const PICTURE_QUESTIONS: usize = 500;
/// Cases that ask with a slide's views.
pub const SLIDE_QUESTIONS: usize = 30;
/// Views of a slide.
pub const SLIDE_VIEWS: usize = 64;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    match words[..] {
        [data, folder, views] => {
            for step in ["fill", "index", "ask"] {
                let program = std::env::current_exe().unwrap();
                let step = Command::new(program)
                    .args([data, folder, views, step])
                    .status();
                assert!(step.unwrap().success());
            }
        }
        [data, folder, views, "fill"] => {
            let filled = fill::fill(Path::new(data), Path::new(folder), views.parse().unwrap());
            println!("{}", runtime.block_on(filled));
        }
        [_, folder, _, "index"] => println!("{}", runtime.block_on(index(Path::new(folder)))),
        [_, folder, _, "ask"] => println!("{}", runtime.block_on(ask::ask(Path::new(folder)))),
        _ => println!("usage: scale DATA FOLDER VIEWS"),
    }
}

/// Opens the library, which indexes what the catalog holds, and waits until no graph is due.
async fn index(folder: &Path) -> serde_json::Value {
    let started = Instant::now();
    let library = open(folder).await;
    let caught_up = started.elapsed().as_secs_f64();
    library.settle_index().await.unwrap();
    library.flush().await.unwrap();
    json!({"caught_up_s": caught_up, "index_s": started.elapsed().as_secs_f64()})
}

/// Opens a library as the service does, pictures read in this process.
pub async fn open(folder: &Path) -> Library {
    Library::open(folder, EngineConfig::default(), Decoders::in_process())
        .await
        .unwrap()
}
