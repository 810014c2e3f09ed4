//! Fills `corpus/dicom`, `corpus/raster`, `corpus/nifti` and `corpus/slide`: with the small files of a folder, by
//! content, and with smaller ones that are written here.

#[path = "../../crates/imaging/tests/it/written/mod.rs"]
#[allow(dead_code)]
mod written;

#[path = "seeds/dicoms.rs"]
mod dicoms;
#[path = "seeds/rasters.rs"]
mod rasters;
#[path = "seeds/slides.rs"]
mod slides;
#[path = "seeds/streams.rs"]
mod streams;
#[path = "seeds/volumes.rs"]
mod volumes;

use std::path::{Path, PathBuf};

use casekin_imaging::{Format, Inspection, Limits, Source, Stage, StageRequest, inspect, stage};

/// Larger seeds make runs slow, and libFuzzer changes more bytes that say nothing.
const MAX_BYTES: u64 = 20 << 10;
/// SOP class of whole slides in DICOM.
const SLIDE_CLASS: &[u8] = b"1.2.840.10008.5.1.4.1.1.77.1.6";
const TARGETS: [&str; 4] = ["dicom", "raster", "nifti", "slide"];

fn files(folder: &Path, found: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            files(&path, found)?;
        } else if path.metadata()?.len() <= MAX_BYTES {
            found.push(path);
        }
    }
    Ok(())
}

/// Which target a file is for; `None` for what is no picture.
fn target_of(path: &Path) -> Option<&'static str> {
    let bytes = std::fs::read(path).ok()?;
    let names_slides = |window: &[u8]| {
        let longer = |byte: &u8| matches!(byte, b'.' | b'0'..=b'9');
        window.starts_with(SLIDE_CLASS) && !window.last().is_some_and(longer)
    };
    if bytes.windows(SLIDE_CLASS.len() + 1).any(names_slides) {
        return Some("slide");
    }
    match inspect(&Source::Path(path.to_owned()), &Limits::default()) {
        Ok(Inspection::Picture(header)) => Some(match header.format {
            Format::Dicom => "dicom",
            Format::Slide => "slide",
            Format::Nifti => "nifti",
            _ => "raster",
        }),
        Ok(_) => Some("dicom"),
        Err(_) => None,
    }
}

/// Whether the last stage of a picture can be reached: a seed that is refused leads nowhere.
fn opens(bytes: &[u8]) -> bool {
    let asked = StageRequest {
        source: Source::from_bytes("seed", bytes),
        frame: 1,
        stage: Stage::Rgb,
        limits: Limits::default(),
    };
    let seen = stage(&asked);
    if let Err(error) = &seen {
        eprintln!("{error}");
    }
    seen.is_ok()
}

fn main() -> std::io::Result<()> {
    let folder = std::env::args().nth(1).expect("a folder of pictures");
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    for target in TARGETS {
        std::fs::create_dir_all(corpus.join(target))?;
    }
    let mut found = Vec::new();
    files(Path::new(&folder), &mut found)?;
    found.sort_unstable();
    let mut counts = [0; TARGETS.len()];
    let mut put = |target: &str, name: &str, bytes: &[u8]| {
        let index = TARGETS.iter().position(|known| *known == target);
        counts[index.expect("one of the targets")] += 1;
        std::fs::write(corpus.join(target).join(name), bytes)
    };
    for (index, path) in found.iter().enumerate() {
        if let Some(target) = target_of(path) {
            put(target, &format!("{index:04}"), &std::fs::read(path)?)?;
        }
    }
    let made = [
        ("dicom", dicoms::all()),
        ("raster", rasters::all()),
        ("slide", slides::all()),
        ("nifti", volumes::all()),
    ];
    for (target, seeds) in made {
        for (index, bytes) in seeds.iter().enumerate() {
            // Slides may be OpenSlide's to read, which need not be here.
            assert!(target == "slide" || opens(bytes), "{target}: seed {index}");
            put(target, &format!("made-{index:02}"), bytes)?;
        }
    }
    for (target, count) in TARGETS.iter().zip(counts) {
        println!("{target}: {count} seeds");
    }
    Ok(())
}
