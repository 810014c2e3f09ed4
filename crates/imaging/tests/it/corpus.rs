//! Every DICOM file and every odd raster of the shared data: what opens, whether its stored values are the ones
//! pydicom reads, and that nothing panics. Skips where the shared data is absent.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use casekin_imaging::{
    DecodeRequest, ImagingError, Inspection, Limits, Source, Stage, StagePixels, StageRequest,
    ViewKind, decode, inspect, stage,
};

use crate::samples::shared;
use sha2::{Digest as _, Sha256};

/// Of the 48 broken or odd files these open, in the order of the index; all others are refused.
const OPEN_THOUGH_ODD: [&str; 9] = [
    "cswado__no-pixel-spacing.dcm",
    "fo-dicom__CR-MONO1-10-chest",
    "pydicom3.0.2__J2K_pixelrep_mismatch.dcm",
    "pydicom-data__OT-PAL-8-face.dcm",
    "pydicom-data__bad_sequence.dcm",
    "pydicom-data__emri_small_jpeg_2k_lossless_too_short.dcm",
    "craft__unknown_transfer_syntax.dcm",
    "craft__wrong_transfer_syntax_jpeg.dcm",
    "craft__bomb_deflate_32MiB.dcm",
];
const DAMAGED: &str = "fuzz__wg04__NM1_JLSL__flip0.dcm";

#[derive(serde::Deserialize)]
struct Row {
    file: String,
    category: String,
    transfer_syntax_name: String,
    ref_decode: String,
    ref_frame1_stats: String,
    ref_frame1_sha256_32: String,
}

fn rows<T: serde::de::DeserializeOwned>(folder: &Path) -> Vec<T> {
    let mut reader = csv::Reader::from_path(folder.join("INDEX.csv")).unwrap();
    reader.deserialize().map(|row| row.unwrap()).collect()
}

fn request(path: PathBuf) -> DecodeRequest {
    DecodeRequest {
        source: Source::Path(path),
        limits: Limits::default(),
        thumbnail_px: 128,
        cuts: casekin_imaging::Cuts::default(),
        volume: None,
    }
}

/// Decodes through the public entry and checks what must hold of every answer.
fn open(path: PathBuf) -> Result<(), ImagingError> {
    let inspected = inspect(&Source::Path(path.clone()), &Limits::default());
    let decoded = decode(&request(path))?;
    let Inspection::Picture(header) = inspected? else {
        panic!("decoded, but inspect says it is no picture")
    };
    assert_eq!(
        *header, decoded.header,
        "inspect and decode read the same header"
    );
    assert!(!decoded.views.is_empty());
    for view in &decoded.views {
        assert_eq!(
            view.rgb.pixels.len(),
            view.rgb.width_px as usize * view.rgb.height_px as usize * 3
        );
        if view.kind != ViewKind::Tile {
            assert_eq!(
                (view.rgb.width_px, view.rgb.height_px),
                (header.facts.width_px, header.facts.height_px)
            );
        }
    }
    assert!(decoded.thumbnail.width_px.max(decoded.thumbnail.height_px) <= 128);
    Ok(())
}

/// Stored values of the first frame.
fn stored(source: Source) -> Result<StagePixels, ImagingError> {
    stage(&StageRequest {
        source,
        frame: 1,
        stage: Stage::Stored,
        limits: Limits::default(),
    })
}

fn value_count(frame: &StagePixels) -> usize {
    frame.width_px as usize * frame.height_px as usize * usize::from(frame.channels)
}

/// Minimum, maximum and mean of the stored values.
fn statistics(frame: &StagePixels) -> (f64, f64, f64) {
    let values = frame.samples.to_f64();
    let (low, high) = values.iter().fold((f64::MAX, f64::MIN), |(low, high), v| {
        (low.min(*v), high.max(*v))
    });
    (low, high, values.iter().sum::<f64>() / values.len() as f64)
}

fn parse_statistics(written: &str) -> Option<(f64, f64, f64)> {
    let (range, mean) = written.split_once(" mean ")?;
    let (low, high) = range.split_once("..")?;
    Some((low.parse().ok()?, high.parse().ok()?, mean.parse().ok()?))
}

fn is_lossy(syntax: &str) -> bool {
    [
        "JPEG Baseline",
        "JPEG Extended",
        "Near-Lossless",
        "Progression",
        "Spectral",
    ]
    .iter()
    .any(|w| syntax.contains(w))
        || matches!(
            syntax,
            "JPEG 2000 Image Compression" | "High-Throughput JPEG 2000 Image Compression"
        )
}

/// How the stored stage compares with the reference: `exact`, `near`, or what differs.
fn compare(path: &Path, row: &Row) -> Result<&'static str, String> {
    let frame = stored(Source::Path(path.to_owned())).map_err(|e| e.to_string())?;
    let mut bytes = frame.samples.to_le_bytes();
    if row.transfer_syntax_name == "Explicit VR Big Endian" {
        // The reference keeps the byte order of the file.
        let width = bytes.len() / value_count(&frame);
        bytes.chunks_exact_mut(width).for_each(<[u8]>::reverse);
    }
    let digest = hex::encode(Sha256::digest(&bytes));
    if digest[..32] == row.ref_frame1_sha256_32 {
        return Ok("exact");
    }
    let (low, high, mean) = statistics(&frame);
    let Some((ref_low, ref_high, ref_mean)) = parse_statistics(&row.ref_frame1_stats) else {
        return Err("no reference statistics".to_owned());
    };
    // Lossy decoders may differ by 2 grey levels of the value's own range.
    let level = ((ref_high - ref_low) / 255.0).max(1.0);
    let near = [low - ref_low, high - ref_high]
        .iter()
        .all(|d| d.abs() <= 6.0 * level)
        && (mean - ref_mean).abs() <= level;
    if near && is_lossy(&row.transfer_syntax_name) {
        return Ok("near");
    }
    Err(format!(
        "{low}..{high} mean {mean:.3}, reference {}",
        row.ref_frame1_stats
    ))
}

#[test]
fn pictures_open_and_hold_the_reference_values() {
    let Some(folder) = shared("data/dicom") else {
        return;
    };
    let pictures: Vec<Row> = rows::<Row>(&folder)
        .into_iter()
        .filter(|row| row.category == "image" && row.ref_decode.starts_with("ok"))
        .collect();
    assert_eq!(pictures.len(), 239, "the bar is about these 239 files");
    let (mut opened, mut closed) = (0, Vec::new());
    let (mut stored, mut wrong): (BTreeMap<&str, u32>, Vec<String>) = (BTreeMap::new(), Vec::new());
    for row in &pictures {
        match open(folder.join(&row.file)) {
            Ok(()) => opened += 1,
            Err(error) => closed.push(format!(
                "{} [{}]: {error}",
                row.file, row.transfer_syntax_name
            )),
        }
        match compare(&folder.join(&row.file), row) {
            Ok(how) => *stored.entry(how).or_default() += 1,
            Err(difference) => {
                wrong.push(format!(
                    "{} [{}]: {difference}",
                    row.file, row.transfer_syntax_name
                ));
            }
        }
    }
    println!("pictures: {opened} of {} open", pictures.len());
    closed.iter().for_each(|line| println!("  closed  {line}"));
    println!(
        "stored values: {stored:?}, {} differ or do not decode",
        wrong.len()
    );
    wrong.iter().for_each(|line| println!("  differs {line}"));
    assert!(opened >= 200, "{opened} open");
    assert!(
        closed.iter().all(|line| line.contains("holds no picture")),
        "a picture does not open"
    );
    assert!(wrong.is_empty(), "stored values differ from the reference");
    assert!(stored["exact"] >= 200, "{stored:?}");
}

#[test]
fn every_other_file_gives_a_picture_or_a_typed_answer() {
    let Some(folder) = shared("data/dicom") else {
        return;
    };
    let mut table: BTreeMap<(String, &str), u32> = BTreeMap::new();
    let (mut opened, mut wrong) = (Vec::new(), Vec::new());
    let mut compared = 0;
    for row in rows::<Row>(&folder)
        .iter()
        .filter(|row| row.category != "image")
    {
        let outcome = match open(folder.join(&row.file)) {
            Ok(()) => "open",
            Err(ImagingError::FindPicture { reason }) => {
                println!("  {} is no picture: {reason}", row.file);
                "no picture"
            }
            Err(error) => {
                println!("  {}: {error}", row.file);
                "error"
            }
        };
        *table.entry((row.category.clone(), outcome)).or_default() += 1;
        let name = row.file.trim_start_matches("broken-or-odd/");
        if row.category == "broken-or-odd" && outcome == "open" {
            opened.push(name.to_owned());
        }
        if row.ref_frame1_sha256_32.is_empty() {
            continue;
        }
        compared += 1;
        let answer = compare(&folder.join(&row.file), row);
        // pydicom decodes noise out of this damaged stream; here it is refused.
        let fits = match name {
            DAMAGED => answer.is_err() && outcome == "error",
            _ => answer == Ok("exact"),
        };
        if !fits {
            wrong.push(format!("{}: {answer:?}", row.file));
        }
    }
    table
        .iter()
        .for_each(|((category, outcome), count)| println!("{category:20} {outcome:12} {count}"));
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(compared, 42, "rows with a digest");
    assert_eq!(opened, OPEN_THOUGH_ODD);
    let count = |category: &str, outcome| table.get(&(category.to_owned(), outcome)).copied();
    let odd = ["open", "no picture", "error"].map(|outcome| count("broken-or-odd", outcome));
    assert_eq!(odd.map(Option::unwrap_or_default), [9, 6, 33]);
    assert_eq!(
        count("nonimage", "open"),
        None,
        "objects without pixels are no pictures"
    );
    assert!(count("wsi", "open").is_some());
}

/// One file of each transfer syntax, cut and overwritten: the answer may be anything but a panic or a hang.
#[test]
fn damaged_copies_of_every_transfer_syntax_give_an_answer() {
    let Some(folder) = shared("data/dicom") else {
        return;
    };
    let mut smallest: BTreeMap<String, (u64, PathBuf)> = BTreeMap::new();
    for row in rows::<Row>(&folder)
        .iter()
        .filter(|row| row.category == "image")
    {
        let path = folder.join(&row.file);
        let len = std::fs::metadata(&path).unwrap().len();
        let best = smallest
            .entry(row.transfer_syntax_name.clone())
            .or_insert((len, path.clone()));
        if len < best.0 {
            *best = (len, path);
        }
    }
    assert!(smallest.len() >= 12, "{} transfer syntaxes", smallest.len());
    let mut state = 7u32;
    let mut random = move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as usize
    };
    let (mut opened, mut refused) = (0, 0);
    for (_, path) in smallest.values() {
        let sound = std::fs::read(path).unwrap();
        for round in 0..24 {
            let mut damaged = sound.clone();
            let from = if round % 2 == 0 {
                damaged.len() * 2 / 3
            } else {
                132
            };
            for _ in 0..=round {
                let at = from + random() % (damaged.len() - from);
                damaged[at] = random() as u8;
            }
            if round % 4 == 3 {
                damaged.truncate(damaged.len() - random() % (damaged.len() / 2));
            }
            let source = Source::from_bytes("damaged", damaged);
            match stored(source.clone()) {
                Ok(_) => opened += 1,
                Err(_) => refused += 1,
            }
            let _ = inspect(&source, &Limits::default());
        }
    }
    println!("damaged copies: {opened} open, {refused} are refused");
    assert!(refused > 0);
}

#[derive(serde::Deserialize)]
struct OddRaster {
    file: String,
    expect: String,
}

#[test]
fn odd_rasters_do_what_is_expected_of_them() {
    let Some(folder) = shared("data/images-broken-or-odd") else {
        return;
    };
    let mut wrong = Vec::new();
    for row in rows::<OddRaster>(&folder) {
        let outcome = open(folder.join(&row.file));
        match &outcome {
            Ok(()) => println!("  {}: opens", row.file),
            Err(error) => println!("  {}: {error}", row.file),
        }
        let fits = match row.expect.as_str() {
            "accept" | "accept by content" | "accept, apply orientation" | "accept or warn" => {
                outcome.is_ok()
            }
            "reject" => outcome.is_err(),
            "reject by pixel limit" => matches!(outcome, Err(ImagingError::StayWithinLimit { .. })),
            _ => true,
        };
        if !fits {
            wrong.push(format!("{} (expected: {})", row.file, row.expect));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
