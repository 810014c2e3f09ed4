//! Holds the encoder against another implementation's answers for the same checkpoint, and prints what it costs.
//!
//!     cargo run --release -p casekin-encoder --example compare -- CHECKPOINT PICTURES
//!
//! CHECKPOINT holds an `expected.json` beside the model: `{"texts": [{"text", "input_ids", "embedding"}],
//! "images": [{"file", "train", "hf"}]}`, the files within PICTURES. Exits with 1 where a cosine is below 0.9999.

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use casekin_encoder::{
    Checkpoint, Encoder, EncoderOptions, Picture, Profile, Runtime, Tower, preprocess,
};
use serde::Deserialize;

type Failure = Box<dyn std::error::Error>;

#[derive(Deserialize)]
struct Expected {
    texts: Vec<Text>,
    images: Vec<Image>,
}

#[derive(Deserialize)]
struct Text {
    text: String,
    input_ids: Vec<i64>,
    embedding: Vec<f32>,
}

#[derive(Deserialize)]
struct Image {
    file: String,
    train: Vec<f32>,
    hf: Vec<f32>,
}

fn main() -> Result<ExitCode, Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, pictures] = arguments.as_slice() else {
        return Err("usage: compare CHECKPOINT PICTURES".into());
    };
    let (folder, pictures) = (Path::new(folder), Path::new(pictures));
    let expected: Expected = serde_json::from_slice(&std::fs::read(folder.join("expected.json"))?)?;
    let runtime = Runtime::load(None)?;
    let begun = Instant::now();
    let checkpoint = Checkpoint::open(folder)?;
    println!(
        "opened and checked in {:.1?} ({} MB of weights)",
        begun.elapsed(),
        checkpoint.weight_bytes() / 1_000_000
    );
    report_memory("after opening");
    let begun = Instant::now();
    println!(
        "model id {} in {:.1?}",
        checkpoint.model_id()?,
        begun.elapsed()
    );
    let texts = least_of_texts(&runtime, &checkpoint, &expected)?;
    let mut least = texts;
    for profile in [Profile::Train, Profile::Hf] {
        least = least.min(least_of_pictures(
            &runtime,
            &checkpoint,
            profile,
            (pictures, &expected),
        )?);
    }
    Ok(if least >= 0.9999 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn least_of_texts(
    runtime: &Runtime,
    checkpoint: &Checkpoint,
    expected: &Expected,
) -> Result<f64, Failure> {
    let encoder = Encoder::load(runtime, checkpoint, &EncoderOptions::default())?;
    let begun = Instant::now();
    encoder.load_tower(Tower::Text)?;
    println!("text tower loaded in {:.1?}", begun.elapsed());
    report_memory("with the text tower");
    let texts: Vec<&str> = expected
        .texts
        .iter()
        .map(|text| text.text.as_str())
        .collect();
    let begun = Instant::now();
    let vectors = encoder.encode_texts(&texts)?;
    println!("{} texts in {:.1?}", texts.len(), begun.elapsed());
    let mut least = 1.0_f64;
    for (wanted, vector) in expected.texts.iter().zip(&vectors) {
        if encoder.token_ids(&wanted.text)? != wanted.input_ids {
            return Err(format!("other token ids for {:?}", wanted.text).into());
        }
        least = least.min(cosine(vector, &wanted.embedding));
    }
    println!("texts: least cosine {least:.9} (1 - {:.1e})", 1.0 - least);
    Ok(least)
}

fn least_of_pictures(
    runtime: &Runtime,
    checkpoint: &Checkpoint,
    profile: Profile,
    (pictures, expected): (&Path, &Expected),
) -> Result<f64, Failure> {
    let options = EncoderOptions {
        profile,
        batch_size: 1,
        ..EncoderOptions::default()
    };
    let encoder = Encoder::load(runtime, checkpoint, &options)?;
    let begun = Instant::now();
    encoder.load_tower(Tower::Image)?;
    println!("{profile}: image tower loaded in {:.1?}", begun.elapsed());
    report_memory("with the image tower");
    let mut least = 1.0_f64;
    for image in &expected.images {
        let rgb = image::open(pictures.join(&image.file))?.to_rgb8();
        let picture = Picture {
            width_px: rgb.width(),
            height_px: rgb.height(),
            rgb: rgb.as_raw(),
        };
        let begun = Instant::now();
        preprocess(
            &picture,
            checkpoint.image_size_px(),
            profile,
            checkpoint.preprocessor(),
        )?;
        let prepared = begun.elapsed();
        let vector = encoder.encode_images(&[picture])?.remove(0);
        let found = cosine(
            &vector,
            if profile == Profile::Train {
                &image.train
            } else {
                &image.hf
            },
        );
        println!(
            "{profile} {} ({} x {}): cosine {found:.9} (1 - {:.1e}), prepared in {prepared:.1?}, all in {:.1?}",
            image.file,
            picture.width_px,
            picture.height_px,
            1.0 - found,
            begun.elapsed() - prepared
        );
        least = least.min(found);
    }
    report_memory("after the pictures");
    Ok(least)
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| {
        a.iter()
            .zip(b)
            .map(|(a, b)| f64::from(*a) * f64::from(*b))
            .sum::<f64>()
    };
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

/// Resident memory, and how much of it is the process's own rather than the mapped weights (Linux).
fn report_memory(when: &str) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = |key: &str| {
        status
            .lines()
            .find_map(|line| line.strip_prefix(key))
            .unwrap_or(" ?")
            .trim()
            .to_owned()
    };
    println!(
        "memory {when}: {} (own {}), peak {}",
        line("VmRSS:"),
        line("RssAnon:"),
        line("VmHWM:")
    );
}
