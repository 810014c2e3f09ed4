//! Stages of the shared DICOM pictures against pydicom's, as `cargo xtask parity dicom --goldens` wrote them to
//! `dicom_stages.csv`: digests for lossless pictures, range and mean for lossy ones. Skips where the data is absent.

use std::collections::BTreeMap;
use std::path::PathBuf;

use casekin_imaging::{Limits, Source, Stage, StagePixels, StageRequest, stage};

use crate::samples::shared;
use sha2::{Digest as _, Sha256};

const GOLDENS: &str = include_str!("../dicom_stages.csv");

#[derive(Debug, serde::Deserialize)]
struct Golden {
    file: String,
    frame: u32,
    stage: Stage,
    #[serde(rename = "type")]
    kind: String,
    shape: String,
    /// First half of the digest of all values, little endian; empty for lossy pictures.
    sha256_32: String,
    min: f64,
    max: f64,
    mean: f64,
}

fn pixels(path: PathBuf, frame: u32, wanted: Stage) -> Result<StagePixels, String> {
    let request = StageRequest {
        source: Source::Path(path),
        frame,
        stage: wanted,
        limits: Limits::default(),
    };
    stage(&request).map_err(|error| error.to_string())
}

fn shape(pixels: &StagePixels) -> String {
    let (height, width, channels) = (pixels.height_px, pixels.width_px, pixels.channels);
    match channels {
        1 => format!("{height}x{width}"),
        _ => format!("{height}x{width}x{channels}"),
    }
}

/// What differs from the golden, if anything.
fn difference(found: &StagePixels, golden: &Golden) -> Option<String> {
    let (kind, shape) = (found.samples.numpy_type(), shape(found));
    if (kind, &shape) != (&golden.kind, &golden.shape) {
        return Some(format!("{kind} {shape}"));
    }
    if !golden.sha256_32.is_empty() {
        let digest = hex::encode(Sha256::digest(found.samples.to_le_bytes()));
        return (digest[..32] != golden.sha256_32).then(|| "other values".to_owned());
    }
    let values = found.samples.to_f64();
    let min = values.iter().copied().fold(f64::INFINITY, f64::min);
    let max = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    // 2 levels, seen through whatever the stage has stretched them by.
    let near = ((golden.max - golden.min) * 0.01).max(2.0);
    let far = [
        (min, golden.min, near),
        (max, golden.max, near),
        (mean, golden.mean, near / 4.0),
    ];
    far.iter()
        .any(|(ours, theirs, bound)| (ours - theirs).abs() > *bound)
        .then(|| format!("{min}..{max} mean {mean}"))
}

#[test]
fn every_stage_is_pydicoms() {
    let Some(folder) = shared("data/dicom") else {
        return;
    };
    let goldens: Vec<Golden> = csv::Reader::from_reader(GOLDENS.as_bytes())
        .deserialize()
        .map(|row| row.unwrap())
        .collect();
    assert!(goldens.len() > 800, "{} goldens", goldens.len());
    let mut tally: BTreeMap<String, u32> = BTreeMap::new();
    let mut wrong = Vec::new();
    for golden in &goldens {
        let found = pixels(folder.join(&golden.file), golden.frame, golden.stage);
        match found.map(|found| difference(&found, golden)) {
            Ok(None) => *tally.entry(format!("{:?}", golden.stage)).or_default() += 1,
            Ok(Some(difference)) => wrong.push(format!("{golden:?}: {difference}")),
            Err(error) => wrong.push(format!("{golden:?}: {error}")),
        }
    }
    println!("equal: {tally:?}");
    assert!(wrong.is_empty(), "{:#?}", wrong);
}

#[test]
fn every_picture_can_be_looked_at_and_every_object_with_pixels_written() {
    let Some(folder) = shared("data/dicom") else {
        return;
    };
    let mut files: Vec<String> = csv::Reader::from_reader(GOLDENS.as_bytes())
        .deserialize()
        .map(|row| row.map(|golden: Golden| golden.file).unwrap())
        .collect();
    files.dedup();
    assert_eq!(files.len(), 239);
    for file in files {
        let seen = pixels(folder.join(&file), 1, Stage::Rgb).unwrap();
        assert_eq!(
            (seen.channels, seen.samples.numpy_type()),
            (3, "|u1"),
            "{file}"
        );
    }
}
