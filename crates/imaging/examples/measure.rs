//! Takes times for `cargo xtask bench imaging`. Each line of standard input is a JSON object with `do`; each gets one
//! line in answer, `{"ms": …}` with what was made, or `{"error": …}`. Times do not count the talking.
//!
//! `screen` goes from a DICOM file to the 8-bit picture that the viewer shows, `voi` to the values after its window,
//! `codec` from a compressed frame to its values by the codec's crate alone; `region` reads a box of a slide's finest level, `tile`
//! a deep-zoom tile as JPEG through a decode worker; `mosaic` goes from a slide's file to its views; `decode` goes from
//! a file to views and thumbnail, in this process or in a decode worker.

use std::collections::HashMap;
use std::io::{BufRead as _, Write as _};
use std::path::PathBuf;
use std::time::Instant;

use casekin_imaging::{
    Cuts, DecodeRequest, Decoders, DeepZoomTile, ImagingError, Limits, RenderRequest, Samples,
    ServedSlide, Slide, Source, Stage, StageRequest, WorkerCommand, decode, encode_jpeg, render,
    serve, stage,
};
use serde_json::{Value, json};

#[derive(serde::Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
enum Wish {
    Screen {
        file: PathBuf,
    },
    Voi {
        file: PathBuf,
    },
    Codec {
        file: PathBuf,
        codec: Codec,
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

/// The crates that decode compressed frames for casekin.
#[derive(Clone, Copy, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
enum Codec {
    Libjpeg,
    JpegDecoder,
    Openjp2,
    Charls,
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
            Wish::Screen { file } => self.screen(file),
            Wish::Voi { file } => self.voi(file),
            Wish::Codec { file, codec } => {
                let bytes = std::fs::read(file).map_err(|error| ImagingError::ReadSource {
                    reason: error.kind().to_string(),
                })?;
                let (ms, decoded) = timed(|| codec.decode(&bytes));
                decoded.map_err(|reason| ImagingError::FindPicture { reason })?;
                Ok(json!({ "ms": ms }))
            }
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

    fn screen(&self, file: PathBuf) -> Result<Value, ImagingError> {
        let request = RenderRequest {
            source: Source::Path(file),
            frame: 1,
            window: None,
            box_px: None,
            max_px: None,
            limits: self.limits.clone(),
        };
        let (ms, rgb) = timed(|| render(&request));
        Ok(json!({ "ms": ms, "mean": mean(&Samples::U8(rgb?.pixels)) }))
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

impl Codec {
    /// Decodes a frame as casekin asks for it, and throws it away.
    fn decode(self, bytes: &[u8]) -> Result<(), String> {
        let words = |error: &dyn std::fmt::Display| error.to_string();
        match self {
            Self::Libjpeg => {
                let decoder = mozjpeg::Decompress::new_mem(bytes).map_err(|e| words(&e))?;
                let space = match decoder.components().len() {
                    1 => mozjpeg::ColorSpace::JCS_GRAYSCALE,
                    _ => mozjpeg::ColorSpace::JCS_RGB,
                };
                let mut started = decoder.to_colorspace(space).map_err(|e| words(&e))?;
                let values = started.read_scanlines::<u8>().map_err(|e| words(&e))?;
                std::hint::black_box(values);
            }
            Self::JpegDecoder => {
                let values = jpeg_decoder::Decoder::new(bytes).decode();
                std::hint::black_box(values.map_err(|e| words(&e))?);
            }
            Self::Openjp2 => {
                let parameters = jpeg2k::DecodeParameters::new().strict(true);
                let image = jpeg2k::Image::from_bytes_with(bytes, parameters);
                std::hint::black_box(image.map_err(|e| words(&e))?);
            }
            Self::Charls => {
                let values = charls::CharLS::default().decode(bytes);
                std::hint::black_box(values.map_err(|e| words(&e))?);
            }
        }
        Ok(())
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
