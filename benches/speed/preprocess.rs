//! A view to the model's input, at the demo model's size and at MedSigLIP's.

use casekin_encoder::{Picture, PreprocessorConfig, Profile, preprocess};
use divan::Bencher;

use crate::pictures;

#[divan::bench(args = [112, 448])]
fn train(bencher: Bencher, size_px: u32) {
    measure(bencher, size_px, Profile::Train);
}

#[divan::bench(args = [112, 448])]
fn hf(bencher: Bencher, size_px: u32) {
    measure(bencher, size_px, Profile::Hf);
}

/// One picture of 1,024 × 1,024, cut together from phantoms' pixels: radiographs come in such sizes or larger.
fn measure(bencher: Bencher, size_px: u32, profile: Profile) {
    const SIDE_PX: u32 = 1024;
    let mut rgb: Vec<u8> = pictures::views()
        .iter()
        .flat_map(|view| view.pixels.iter().copied())
        .collect();
    let tile = rgb.clone();
    while rgb.len() < (SIDE_PX * SIDE_PX * 3) as usize {
        rgb.extend_from_slice(&tile);
    }
    rgb.truncate((SIDE_PX * SIDE_PX * 3) as usize);
    let config = PreprocessorConfig::siglip(size_px);
    let picture = Picture {
        width_px: SIDE_PX,
        height_px: SIDE_PX,
        rgb: &rgb,
    };
    bencher
        .bench_local(|| preprocess(divan::black_box(&picture), size_px, profile, &config).unwrap());
}
