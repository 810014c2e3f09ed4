//! The encoder on the CPU: words to ids, pictures and texts to vectors. The demo model's sizes, and those of the checkpoint
//! in the folder that CASEKIN_BENCH_MODEL names: `cargo xtask parity encoder` leaves one of MedSigLIP's size with random
//! weights in the cache as `random-medsiglip-448`.

use std::path::{Path, PathBuf};

use casekin_encoder::{Checkpoint, Encoder, EncoderOptions, Picture, Runtime, Tower};
use divan::Bencher;
use divan::counter::ItemsCount;

use crate::pictures;

const FINDING: &str = "large left pleural effusion";
const SENTENCE: &str = "Interval increase in a small right basal pleural effusion (now 3.5 x 2.1 cm), with adjacent \
     atelectasis; no T1/T2 hyperintensity, no lesion < 5 mm. µ-calcification in the upper lobe since 03/2024, unchanged.";

/// The model that is shipped with casekin.
fn demo_model() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/encoder/demo-model")
}

/// A checkpoint of any size, where one is named.
fn named_model() -> Option<PathBuf> {
    let named = std::env::var_os("CASEKIN_BENCH_MODEL").map(PathBuf::from);
    if named.is_none() {
        eprintln!("skipped: CASEKIN_BENCH_MODEL names no checkpoint");
    }
    named
}

fn encoder(model: &Path) -> Option<Encoder> {
    let runtime = match Runtime::load(None) {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("skipped: {error}");
            return None;
        }
    };
    let checkpoint = Checkpoint::open(model).unwrap();
    Some(Encoder::load(&runtime, &checkpoint, &EncoderOptions::default()).unwrap())
}

#[divan::bench(args = [1, 16])]
fn images(bencher: Bencher, count: usize) {
    let Some(encoder) = encoder(&demo_model()) else {
        return;
    };
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
    let Some(encoder) = encoder(&demo_model()) else {
        return;
    };
    measure_text(bencher, &encoder);
}

#[divan::bench(sample_count = 5)]
fn named_model_image(bencher: Bencher) {
    let Some(encoder) = named_model().and_then(|model| encoder(&model)) else {
        return;
    };
    let rgb = vec![90; 512 * 512 * 3];
    let picture = Picture {
        width_px: 512,
        height_px: 512,
        rgb: &rgb,
    };
    encoder.load_tower(Tower::Image).unwrap();
    bencher.bench_local(|| encoder.encode_images(&[picture]).unwrap());
}

#[divan::bench(sample_count = 5)]
fn named_model_text(bencher: Bencher) {
    let Some(encoder) = named_model().and_then(|model| encoder(&model)) else {
        return;
    };
    measure_text(bencher, &encoder);
}

#[divan::bench]
fn tokenise(bencher: Bencher) {
    if let Some(encoder) = encoder(&demo_model()) {
        bencher.bench_local(|| encoder.token_ids(divan::black_box(SENTENCE)).unwrap());
    }
}

#[divan::bench]
fn named_model_tokenise(bencher: Bencher) {
    if let Some(encoder) = named_model().and_then(|model| encoder(&model)) {
        bencher.bench_local(|| encoder.token_ids(divan::black_box(SENTENCE)).unwrap());
    }
}

fn measure_text(bencher: Bencher, encoder: &Encoder) {
    encoder.encode_texts(&["warm"]).unwrap();
    bencher.bench_local(|| encoder.encode_texts(&[FINDING]).unwrap());
}
