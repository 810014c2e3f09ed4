//! The demo model on the CPU: one picture, a batch of pictures, one text.

use std::path::{Path, PathBuf};

use casekin_encoder::{Checkpoint, Encoder, EncoderOptions, Picture, Runtime};
use divan::Bencher;
use divan::counter::ItemsCount;

use crate::pictures;

/// The model that is shipped with casekin.
fn demo_model() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/encoder/demo-model")
}

fn encoder() -> Option<Encoder> {
    let runtime = match Runtime::load(None) {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("skipped: {error}");
            return None;
        }
    };
    let checkpoint = Checkpoint::open(&demo_model()).unwrap();
    Some(Encoder::load(&runtime, &checkpoint, &EncoderOptions::default()).unwrap())
}

#[divan::bench(args = [1, 16])]
fn images(bencher: Bencher, count: usize) {
    let Some(encoder) = encoder() else { return };
    let views = pictures::views();
    let pictures: Vec<Picture<'_>> = views
        .iter()
        .cycle()
        .take(count)
        .map(|view| Picture {
            width_px: view.width_px,
            height_px: view.height_px,
            rgb: &view.pixels,
        })
        .collect();
    encoder.encode_images(&pictures[..1]).unwrap();
    bencher
        .counter(ItemsCount::new(count))
        .bench_local(|| encoder.encode_images(&pictures).unwrap());
}

#[divan::bench]
fn text(bencher: Bencher) {
    let Some(encoder) = encoder() else { return };
    encoder.encode_texts(&["warm"]).unwrap();
    bencher.bench_local(|| {
        encoder
            .encode_texts(&["large left pleural effusion"])
            .unwrap()
    });
}
