//! A view to the model's input, at the demo model's size and at MedSigLIP's.

use casekin_encoder::{
    Picture, Plane, PreprocessorConfig, Profile, Samples, TABLE_LENGTH, Tables, preprocess,
    preprocess_samples,
};
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

/// A radiograph of 3,000 x 3,000 samples of 16 bit under a stored window, as the detector's file has it.
#[divan::bench(args = [1, 3])]
fn samples_3000(bencher: Bencher, tables: usize) {
    const SIDE_PX: u32 = 3000;
    let samples: Vec<u16> = (0..SIDE_PX * SIDE_PX)
        .map(|at| (at.wrapping_mul(2_654_435_761) >> 16) as u16)
        .collect();
    let table: Vec<u8> = (0..TABLE_LENGTH)
        .map(|sample| (sample >> 8) as u8)
        .collect();
    let config = PreprocessorConfig::siglip(448);
    let samples = Samples {
        width_px: SIDE_PX,
        height_px: SIDE_PX,
        plane: Plane::Unsigned(&samples),
        tables: if tables == 1 {
            Tables::Grey(&table)
        } else {
            Tables::Rgb([&table, &table, &table])
        },
    };
    bencher.bench_local(|| {
        preprocess_samples(divan::black_box(&samples), 448, Profile::Train, &config).unwrap()
    });
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
