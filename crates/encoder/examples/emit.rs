//! Encodes what a file asks for and writes the answers as JSON: for `cargo xtask parity encoder`.
//!
//!     emit CHECKPOINT ASKED.json GIVEN.json
//!
//! ASKED: `{"device", "precision", "pictures": [{"file", "width_px", "height_px"}], "texts": [..], "ids_of": [..]}`, the
//! files raw RGB, the precision as a recipe names it: `f32`, `bf16`.
//! GIVEN: `{"device", "pictures": [{"train", "hf"}], "texts": [vector], "ids": [[id]]}`, the device as it was used.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use casekin_encoder::{
    Checkpoint, Device, Encoder, EncoderOptions, Picture, Precision, Profile, Recipe, Runtime,
};
use serde::{Deserialize, Serialize};

type Failure = Box<dyn std::error::Error>;

#[derive(Deserialize)]
struct Asked {
    device: String,
    precision: String,
    pictures: Vec<AskedPicture>,
    texts: Vec<String>,
    ids_of: Vec<String>,
}

#[derive(Deserialize)]
struct AskedPicture {
    file: PathBuf,
    width_px: u32,
    height_px: u32,
}

#[derive(Serialize)]
struct Given {
    device: String,
    pictures: Vec<GivenPicture>,
    texts: Vec<Vec<f32>>,
    ids: Vec<Vec<i64>>,
}

#[derive(Serialize, Default)]
struct GivenPicture {
    train: Vec<f32>,
    hf: Vec<f32>,
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, asked, given] = arguments.as_slice() else {
        return Err("usage: emit CHECKPOINT ASKED.json GIVEN.json".into());
    };
    let asked: Asked = serde_json::from_slice(&std::fs::read(asked)?)?;
    let device: Device = asked.device.parse()?;
    let precision = match asked.precision.as_str() {
        "f32" => Precision::F32,
        // A recipe's name says f32 by saying nothing.
        other => format!("train-{other}").parse::<Recipe>()?.precision,
    };
    let runtime = Runtime::load_for(None, device)?;
    let checkpoint = Checkpoint::open(Path::new(folder))?;
    let load = |profile| {
        let options = EncoderOptions {
            device,
            profile,
            precision,
            batch_size: 1,
            ..EncoderOptions::default()
        };
        Encoder::load(&runtime, &checkpoint, &options)
    };
    let mut pictures: Vec<GivenPicture> = Vec::new();
    pictures.resize_with(asked.pictures.len(), GivenPicture::default);
    let (mut texts, mut ids) = (Vec::new(), Vec::new());
    for profile in [Profile::Train, Profile::Hf] {
        let encoder = load(profile)?;
        for (asked, given) in asked.pictures.iter().zip(&mut pictures) {
            let rgb = std::fs::read(&asked.file)?;
            let picture = Picture {
                width_px: asked.width_px,
                height_px: asked.height_px,
                rgb: &rgb,
            };
            let vector = encoder.encode_images(&[picture])?.remove(0);
            match profile {
                Profile::Train => given.train = vector,
                Profile::Hf => given.hf = vector,
            }
        }
        if profile == Profile::Train {
            let asked_texts: Vec<&str> = asked.texts.iter().map(String::as_str).collect();
            texts = encoder.encode_texts(&asked_texts)?;
            let of = asked.ids_of.iter().map(|text| encoder.token_ids(text));
            ids = of.collect::<Result<_, _>>()?;
        }
    }
    let answers = Given {
        device: device.to_string(),
        pictures,
        texts,
        ids,
    };
    std::fs::write(given, serde_json::to_vec(&answers)?)?;
    Ok(())
}
