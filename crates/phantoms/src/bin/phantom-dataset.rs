//! Writes the training set of the demo model: `phantom-dataset OUT SEED FIRST COUNT`.
//!
//! OUT/pixels.u8 holds pictures of 112 × 112 RGB bytes, one after the other; OUT/pictures.jsonl
//! says of each, in the same order, what it shows. Developers run it; the product never does.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use casekin_phantoms::{Extent, Family, Side, draw_case, plan_case, training_picture};
use rayon::prelude::*;

#[derive(serde::Serialize)]
struct Picture {
    seed: u64,
    index: u64,
    image: u32,
    family: Family,
    finding: &'static str,
    side: Option<Side>,
    extent: Extent,
    lesion: Option<[f32; 4]>,
}

const DRAWN_TOGETHER: u64 = 256;

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.as_slice() {
        [flag, out, seed, count] if flag == "--files" => {
            write_files(Path::new(out), whole(seed)?, whole(count)?)
        }
        [out, seed, first, count] => {
            write_set(Path::new(out), whole(seed)?, whole(first)?, whole(count)?)
        }
        _ => Err(io::Error::other(
            "usage: phantom-dataset OUT SEED FIRST_CASE CASES",
        )),
    }
}

fn whole(text: &str) -> io::Result<u64> {
    text.parse()
        .map_err(|_| io::Error::other(format!("not a whole number: {text}")))
}

fn write_set(out: &Path, seed: u64, first: u64, count: u64) -> io::Result<()> {
    fs::create_dir_all(out)?;
    let mut pixels = BufWriter::new(File::create(out.join("pixels.u8"))?);
    let mut lines = BufWriter::new(File::create(out.join("pictures.jsonl"))?);
    for start in (first..first + count).step_by(DRAWN_TOGETHER as usize) {
        let end = (start + DRAWN_TOGETHER).min(first + count);
        let drawn: Vec<(Picture, Vec<u8>)> = (start..end)
            .into_par_iter()
            .flat_map_iter(|index| pictures_of(seed, index))
            .collect();
        for (picture, rgb) in drawn {
            pixels.write_all(&rgb)?;
            serde_json::to_writer(&mut lines, &picture)?;
            lines.write_all(b"\n")?;
        }
    }
    pixels.flush()?;
    lines.flush()
}

fn pictures_of(seed: u64, index: u64) -> Vec<(Picture, Vec<u8>)> {
    let plan = plan_case(seed, index);
    (0..plan.image_count)
        .map(|image| {
            let drawn = training_picture(&plan, image);
            let picture = Picture {
                seed,
                index,
                image,
                family: plan.family,
                finding: plan.finding_key(),
                side: plan.side,
                extent: plan.extent,
                lesion: drawn.lesion_box,
            };
            (picture, drawn.rgb)
        })
        .collect()
}

/// Writes the encoded files themselves, to look at them.
fn write_files(out: &Path, seed: u64, count: u64) -> io::Result<()> {
    fs::create_dir_all(out)?;
    for index in 0..count {
        for image in draw_case(seed, index).images {
            fs::write(
                out.join(format!("{index:05}-{}", image.file_name)),
                image.bytes,
            )?;
        }
    }
    Ok(())
}
