//! Writes stages of pictures as NumPy files, for comparisons with other readers. Each line of standard input is
//! `{"file": …, "frame": …, "stage": …, "npy": …}`; each gets one line of JSON in answer, `{}` or `{"error": …}`.

use std::io::{BufRead as _, Write as _};
use std::path::PathBuf;

use casekin_imaging::{Limits, Source, Stage, StageRequest, stage};

#[derive(serde::Deserialize)]
struct Wish {
    file: PathBuf,
    frame: u32,
    stage: Stage,
    npy: PathBuf,
}

fn fulfil(line: &str) -> Result<(), String> {
    let wish: Wish = serde_json::from_str(line).map_err(|error| error.to_string())?;
    let pixels = stage(&StageRequest {
        source: Source::Path(wish.file),
        frame: wish.frame,
        stage: wish.stage,
        limits: Limits::default(),
    });
    let pixels = pixels.map_err(|error| error.to_string())?;
    std::fs::write(wish.npy, pixels.to_npy()).map_err(|error| error.to_string())
}

fn main() -> std::io::Result<()> {
    let mut answers = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let answer = match fulfil(&line?) {
            Ok(()) => serde_json::json!({}),
            Err(error) => serde_json::json!({ "error": error }),
        };
        writeln!(answers, "{answer}")?;
        answers.flush()?;
    }
    Ok(())
}
