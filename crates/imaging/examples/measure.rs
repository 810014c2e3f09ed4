//! Takes times for `cargo xtask bench imaging`. Each line of standard input is a JSON object with `do`; each gets one
//! line in answer, `{"ms": …}` with what was made, or `{"error": …}`. Times do not count the talking.
//!
//! `voi` decodes a DICOM picture to the values after its window; `region` reads a box of a slide's finest level, `tile`
//! a deep-zoom tile as JPEG through a decode worker; `mosaic` goes from a slide's file to its views; `decode` goes from
//! a file to views and thumbnail, in this process or in a decode worker.

use std::collections::HashMap;
use std::io::{BufRead as _, Write as _};
use std::path::PathBuf;
use std::time::Instant;

use casekin_imaging::{
    Cuts, DecodeRequest, Decoders, DeepZoomTile, ImagingError, Limits, Samples, ServedSlide, Slide,
    Source, Stage, StageRequest, WorkerCommand, decode, encode_jpeg, serve, stage,
};
use serde_json::{Value, json};

#[derive(serde::Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
enum Wish {
    Voi {
        file: PathBuf,
    },
    Region {
        file: PathBuf,
        box_px: [u32; 4],
    },
    Tile {
        file: PathBuf,
        level: u32,
        column: u32,
        row: u32,
    },
    Mosaic {
        file: PathBuf,
    },
    Decode {
        file: PathBuf,
        worker: bool,
    },
}

struct Bench {
    limits: Limits,
    workers: Decoders,
    slides: HashMap<PathBuf, Slide>,
    served: HashMap<PathBuf, ServedSlide>,
}

fn main() -> std::io::Result<()> {
    if std::env::args().nth(1).as_deref() == Some("decode-worker") {
        return serve();
    }
    let command = WorkerCommand {
        program: std::env::current_exe()?,
        args: vec!["decode-worker".into()],
    };
    let mut bench = Bench {
        limits: Limits::default(),
        workers: Decoders::in_workers(command),
        slides: HashMap::new(),
        served: HashMap::new(),
    };
    let mut answers = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let answer = match serde_json::from_str(&line?) {
            Ok(wish) => bench
                .fulfil(wish)
                .unwrap_or_else(|error| json!({ "error": error.to_string() })),
            Err(error) => json!({ "error": error.to_string() }),
        };
        writeln!(answers, "{answer}")?;
        answers.flush()?;
    }
    Ok(())
}

impl Bench {
    fn fulfil(&mut self, wish: Wish) -> Result<Value, ImagingError> {
        match wish {
            Wish::Voi { file } => self.voi(file),
            Wish::Region { file, box_px } => self.region(file, box_px),
            Wish::Tile {
                file,
                level,
                column,
                row,
            } => self.tile(file, DeepZoomTile { level, column, row }),
            Wish::Mosaic { file } => {
                let request = self.request(file);
                let (ms, decoded) = timed(|| decode(&request));
                Ok(json!({ "ms": ms, "views": decoded?.views.len() }))
            }
            Wish::Decode { file, worker } => {
                let request = self.request(file);
                let (ms, decoded) = timed(|| match worker {
                    true => self.workers.decode(&request),
                    false => decode(&request),
                });
                Ok(json!({ "ms": ms, "views": decoded?.views.len() }))
            }
        }
    }

    fn voi(&self, file: PathBuf) -> Result<Value, ImagingError> {
        let request = StageRequest {
            source: Source::Path(file),
            frame: 1,
            stage: Stage::Voi,
            limits: self.limits.clone(),
        };
        let (ms, pixels) = timed(|| stage(&request));
        Ok(json!({ "ms": ms, "mean": mean(&pixels?.samples) }))
    }

    fn region(&mut self, file: PathBuf, box_px: [u32; 4]) -> Result<Value, ImagingError> {
        if !self.slides.contains_key(&file) {
            let slide = Slide::open(&Source::Path(file.clone()), &self.limits)?;
            self.slides
                .insert(file.clone(), slide.ok_or_else(no_slide)?);
        }
        let slide = &self.slides[&file];
        let (ms, rgb) = timed(|| slide.picture(Some(box_px), None));
        Ok(json!({ "ms": ms, "mean": mean(&Samples::U8(rgb?.pixels)) }))
    }

    fn tile(&mut self, file: PathBuf, tile: DeepZoomTile) -> Result<Value, ImagingError> {
        if !self.served.contains_key(&file) {
            let source = Source::Path(file.clone());
            let slide = ServedSlide::open(&self.workers, &source, &self.limits)?;
            self.served
                .insert(file.clone(), slide.ok_or_else(no_slide)?);
        }
        let slide = &self.served[&file];
        let (ms, jpeg) = timed(|| encode_jpeg(&slide.deep_zoom_tile(tile)?, 90));
        Ok(json!({ "ms": ms, "bytes": jpeg?.len() }))
    }

    fn request(&self, file: PathBuf) -> DecodeRequest {
        DecodeRequest {
            source: Source::Path(file),
            limits: self.limits.clone(),
            thumbnail_px: 320,
            cuts: Cuts::default(),
            volume: None,
        }
    }
}

fn timed<T>(work: impl FnOnce() -> T) -> (f64, T) {
    let started = Instant::now();
    let made = work();
    (started.elapsed().as_secs_f64() * 1e3, made)
}

fn no_slide() -> ImagingError {
    ImagingError::FindPicture {
        reason: "no slide".to_owned(),
    }
}

fn mean(samples: &Samples) -> f64 {
    fn of(values: impl ExactSizeIterator<Item = f64>) -> f64 {
        let count = values.len().max(1) as f64;
        values.sum::<f64>() / count
    }
    match samples {
        Samples::U8(values) => of(values.iter().map(|value| f64::from(*value))),
        Samples::I8(values) => of(values.iter().map(|value| f64::from(*value))),
        Samples::U16(values) => of(values.iter().map(|value| f64::from(*value))),
        Samples::I16(values) => of(values.iter().map(|value| f64::from(*value))),
        Samples::U32(values) => of(values.iter().map(|value| f64::from(*value))),
        Samples::I32(values) => of(values.iter().map(|value| f64::from(*value))),
        Samples::F32(values) => of(values.iter().map(|value| f64::from(*value))),
        Samples::F64(values) => of(values.iter().copied()),
    }
}
