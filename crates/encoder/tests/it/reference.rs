//! Held against transformers' own answers for a small random SigLIP (`shared/reference/tiny-siglip`), which has the real

//! model's head size, picture size and tokenizer.

use std::path::Path;

use casekin_encoder::{
    Checkpoint, Encoder, EncoderOptions, Picture, PreprocessorConfig, Profile, preprocess,
};
use serde::Deserialize;

use crate::support::{cosine, runtime, shared};

#[derive(Deserialize)]
struct Expected {
    texts: Vec<ExpectedText>,
    images: Vec<ExpectedImage>,
}

#[derive(Deserialize)]
struct ExpectedText {
    text: String,
    input_ids: Vec<i64>,
    embedding: Vec<f32>,
}

#[derive(Deserialize)]
struct ExpectedImage {
    file: String,
    train: Vec<f32>,
    hf: Vec<f32>,
    train_pixel_mean: f64,
    hf_pixel_mean: f64,
    train_pixels_8x8: [[[f32; 7]; 7]; 3],
}

fn expected(checkpoint: &Path) -> Expected {
    serde_json::from_slice(&std::fs::read(checkpoint.join("expected.json")).unwrap()).unwrap()
}

fn encoder(checkpoint: &Path, profile: Profile) -> Encoder {
    let checkpoint = Checkpoint::open(checkpoint).unwrap();
    assert_eq!(
        (
            checkpoint.dimension(),
            checkpoint.image_size_px(),
            checkpoint.text_length()
        ),
        (144, 448, 64)
    );
    assert!(
        (checkpoint.logit_scale() - 4.6_f32.exp()).abs() < 1e-3,
        "{}",
        checkpoint.logit_scale()
    );
    assert!((checkpoint.logit_bias() + 10.0).abs() < 1e-6);
    let options = EncoderOptions {
        profile,
        batch_size: 3,
        ..EncoderOptions::default()
    };
    Encoder::load(&runtime(), &checkpoint, &options).unwrap()
}

/// The pictures of the reference, in its order.
fn pictures(images: &Path, expected: &Expected) -> Vec<image::RgbImage> {
    let open = |image: &ExpectedImage| image::open(images.join(&image.file)).unwrap().to_rgb8();
    expected.images.iter().map(open).collect()
}

fn borrowed(picture: &image::RgbImage) -> Picture<'_> {
    Picture {
        width_px: picture.width(),
        height_px: picture.height(),
        rgb: picture.as_raw(),
    }
}

#[test]
fn texts_have_the_reference_ids_and_vectors() {
    let Some(folder) = shared("reference/tiny-siglip") else {
        return;
    };
    let expected = expected(&folder);
    let encoder = encoder(&folder, Profile::Train);
    let texts: Vec<&str> = expected
        .texts
        .iter()
        .map(|text| text.text.as_str())
        .collect();
    let vectors = encoder.encode_texts(&texts).unwrap();
    assert_eq!(vectors.len(), texts.len());
    let mut least = 1.0_f64;
    for (text, vector) in expected.texts.iter().zip(&vectors) {
        assert_eq!(
            encoder.token_ids(&text.text).unwrap(),
            text.input_ids,
            "{:?}",
            text.text
        );
        least = least.min(cosine(vector, &text.embedding));
    }
    println!("texts: least cosine 1 - {:.2e}", 1.0 - least);
    assert!(least >= 0.99999, "{least}");
}

#[test]
fn pictures_have_the_reference_vectors() {
    let (Some(folder), Some(images)) =
        (shared("reference/tiny-siglip"), shared("reference/images"))
    else {
        return;
    };
    let expected = expected(&folder);
    let pictures = pictures(&images, &expected);
    let pictures: Vec<_> = pictures.iter().map(borrowed).collect();
    for (profile, bar) in [(Profile::Train, 0.99999), (Profile::Hf, 0.99999)] {
        let vectors = encoder(&folder, profile).encode_images(&pictures).unwrap();
        assert_eq!(vectors.len(), pictures.len());
        for (image, vector) in expected.images.iter().zip(&vectors) {
            let wanted = if profile == Profile::Train {
                &image.train
            } else {
                &image.hf
            };
            let found = cosine(vector, wanted);
            println!("{profile} {}: cosine 1 - {:.2e}", image.file, 1.0 - found);
            assert!(found >= bar, "{profile} {}: {found}", image.file);
        }
    }
}

#[test]
fn pixels_are_the_reference_pixels() {
    let (Some(folder), Some(images)) =
        (shared("reference/tiny-siglip"), shared("reference/images"))
    else {
        return;
    };
    let expected = expected(&folder);
    let config = PreprocessorConfig::siglip(448);
    for (image, picture) in expected.images.iter().zip(pictures(&images, &expected)) {
        let mean = |values: &[f32]| {
            values.iter().map(|value| f64::from(*value)).sum::<f64>() / values.len() as f64
        };
        let train = preprocess(&borrowed(&picture), 448, Profile::Train, &config).unwrap();
        let hf = preprocess(&borrowed(&picture), 448, Profile::Hf, &config).unwrap();
        assert!(
            (mean(&train) - image.train_pixel_mean).abs() < 1e-4,
            "{} {}",
            image.file,
            mean(&train)
        );
        assert!(
            (mean(&hf) - image.hf_pixel_mean).abs() < 1e-3,
            "{} {}",
            image.file,
            mean(&hf)
        );
        for (channel, rows) in image.train_pixels_8x8.iter().enumerate() {
            for (row, values) in rows.iter().enumerate() {
                for (column, wanted) in values.iter().enumerate() {
                    let found = train[channel * 448 * 448 + row * 64 * 448 + column * 64];
                    // One step of 8 bit: where the exact value is whole, f32 may truncate to either side.
                    assert!(
                        (found - wanted).abs() < 1.01 / 127.5,
                        "{} {channel} {row} {column}: {found}",
                        image.file
                    );
                }
            }
        }
    }
}

/// Ids up to the padding, from transformers 5.24.0's `SiglipTokenizer`.
const ODD_TEXTS: &[(&str, &[i64])] = &[
    ("\u{200b}", &[]),
    ("\u{fb01}\u{301}x", &[262, 411, 302, 207, 132, 497]),
    (
        "\u{b2}\u{301} \u{2026}\u{301}",
        &[454, 207, 132, 262, 500, 207, 132],
    ),
    ("</s> no effusion", &[1, 296, 298, 19159, 13890]),
    ("no effusion</s>", &[379, 19159, 13890]),
    ("left<unk>right", &[698, 2, 4742]),
    ("left <unk> Right", &[698, 2, 4742]),
    ("</S><PAD><pad>", &[3742, 303, 7275]),
    ("<unk>", &[2]),
    ("</s>", &[]),
    ("</s>\u{301}abc", &[1, 207, 132, 266, 402, 399]),
    (
        "\u{b4} a \u{b4}b",
        &[262, 207, 132, 262, 266, 262, 207, 132, 402],
    ),
    ("a\u{1c}b\u{1f}", &[262, 266, 262, 402]),
    (
        "\u{391}\u{3a3} \u{3a3}\u{391}",
        &[262, 209, 180, 210, 133, 262, 210, 134, 209, 180],
    ),
    ("\u{130}stanbul", &[262, 302, 207, 138, 8813, 8385]),
    ("\u{2581}a \u{2581} b", &[262, 266, 262, 402]),
    (
        "\u{65e5}\u{672c}\u{8a9e}\u{306e}\u{6587}",
        &[
            262, 233, 154, 168, 233, 159, 175, 235, 173, 161, 230, 132, 177, 233, 153, 138,
        ],
    ),
    ("x\u{338}>\u{338}", &[262, 497, 207, 187, 207, 187]),
    (
        "\u{6587}<unk>\u{6587}",
        &[262, 233, 153, 138, 2, 233, 153, 138],
    ),
    ("<unk>\u{338}a", &[2, 140, 178, 266]),
    ("e\u{301} \u{e9}", &[262, 2083, 262, 2083]),
    ("a\u{3000}b\u{a0}c", &[262, 266, 262, 402, 262, 399]),
    (
        "\u{bd} \u{2103} \u{2163} \u{ff71} \u{3314}",
        &[
            16227, 262, 3610, 498, 262, 302, 484, 262, 230, 133, 165, 262, 230, 133, 176, 230, 134,
            176,
        ],
    ),
    ("the </s", &[260, 262, 264]),
    ("<<unk>>", &[2]),
];

#[test]
fn odd_texts_have_the_reference_ids() {
    let Some(folder) = shared("reference/tiny-siglip") else {
        return;
    };
    let encoder = encoder(&folder, Profile::Train);
    for (text, wanted) in ODD_TEXTS {
        let mut padded = wanted.to_vec();
        padded.resize(64, 1);
        assert_eq!(encoder.token_ids(text).unwrap(), padded, "{text:?}");
    }
}
