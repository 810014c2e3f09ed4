//! `casekin eval heatmap`: do maps of likeness point at what two pictures have in common? The pointing game on drawn cases,
//! whose lesions lie in known boxes.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use casekin_engine::{HeatGrid, Likeness, LooseEncoder};
use casekin_imaging::{Cuts, DecodeRequest, Decoders, Limits, Rgb8, Source};
use serde::Serialize;

use crate::cli::{EvalHeatmapArgs, Global};
use crate::config::Config;
use crate::decoding::decoding;
use crate::progress::bar;
use crate::show;

/// A drawn picture and where its lesion lies.
struct Drawn {
    rgb: Rgb8,
    lesion_px: [u32; 4],
}

/// What was found.
#[derive(Serialize)]
struct Report {
    command: String,
    model_id: String,
    profile: String,
    pairs: usize,
    /// Share of cells of the picture whose middle lies in the box: what a map that knows nothing would hit.
    chance: f64,
    rows: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    likeness: &'static str,
    weights: &'static str,
    /// Share of maps whose hottest cell has its middle in the lesion's box.
    pointing: f64,
    /// 95 % interval of that (Wilson).
    interval: [f64; 2],
}

/// A folder that goes when it is no longer needed.
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub async fn run(global: &Global, config: &Config, args: EvalHeatmapArgs) -> anyhow::Result<()> {
    let (engine, json) = (config.encoder.clone(), global.json);
    let report = tokio::task::spawn_blocking(move || evaluate(&engine, &args, json)).await??;
    if global.json {
        return show::json(&report);
    }
    println!(
        "`{}`\n\nmodel `{}`, profile {}; {} pairs of pictures with the same finding, two maps each; chance {:.3}\n",
        report.command, report.model_id, report.profile, report.pairs, report.chance
    );
    println!("| likeness | weights | hits | 95 % interval |\n|---|---|---:|---:|");
    for row in &report.rows {
        let [low, high] = row.interval;
        println!(
            "| {} | {} | {:.3} | {low:.3}–{high:.3} |",
            row.likeness, row.weights, row.pointing
        );
    }
    Ok(())
}

fn evaluate(
    config: &casekin_engine::EncoderConfig,
    args: &EvalHeatmapArgs,
    json: bool,
) -> anyhow::Result<Report> {
    let scratch = Scratch(std::env::temp_dir().join(format!("casekin-{}", uuid::Uuid::now_v7())));
    std::fs::create_dir_all(&scratch.0).context("no folder for the model can be made")?;
    let profile = &config.profile;
    let trained = LooseEncoder::demo(&scratch.0, config, profile)?;
    let random = LooseEncoder::open(&shuffled(&scratch.0)?, config, profile)?;
    let pairs = pairs(args)?;
    if pairs.is_empty() {
        bail!("no two of these cases show the same finding; draw more by --cases");
    }
    let shown = bar("point", json);
    shown.set_length(pairs.len() as u64 * 4);
    let (mut rows, mut chance) = (Vec::new(), Vec::new());
    for (name, likeness) in [("cosine", Likeness::Cosine), ("product", Likeness::Product)] {
        for (weights, encoder) in [("trained", &trained), ("shuffled", &random)] {
            let (mut hits, mut maps) = (0.0, 0.0);
            for pair in &pairs {
                let grids = encoder.heat([&pair[0].rgb, &pair[1].rgb], likeness)?;
                for (grid, drawn) in grids.iter().zip(pair) {
                    let (width, height) = (drawn.rgb.width_px, drawn.rgb.height_px);
                    let pointed = grid.hottest(width, height);
                    hits += f64::from(u8::from(
                        pointed.is_some_and(|at| within(at, drawn.lesion_px)),
                    ));
                    maps += 1.0;
                    chance.push(covered(grid, drawn));
                }
                shown.inc(1);
            }
            rows.push(Row {
                likeness: name,
                weights,
                pointing: hits / maps,
                interval: wilson(hits, maps),
            });
        }
    }
    shown.finish_and_clear();
    Ok(Report {
        command: format!(
            "casekin eval heatmap --seed {} --cases {}",
            args.seed, args.cases
        ),
        model_id: trained.model_id().to_owned(),
        profile: profile.clone(),
        pairs: pairs.len(),
        chance: chance.iter().sum::<f64>() / chance.len() as f64,
        rows,
    })
}

fn within([x, y]: [f32; 2], [left, top, width, height]: [u32; 4]) -> bool {
    let inside =
        |at: f32, from: u32, size: u32| at >= from as f32 && at < from.saturating_add(size) as f32;
    inside(x, left, width) && inside(y, top, height)
}

/// Share of the picture's cells that a pointer at random would have to choose from to hit.
fn covered(grid: &HeatGrid, drawn: &Drawn) -> f64 {
    let cells = (0..grid.values.len()).filter(|cell| grid.is_inside(*cell));
    let (mut all, mut right) = (0.0, 0.0);
    for cell in cells {
        all += 1.0;
        let at = grid.middle(cell, drawn.rgb.width_px, drawn.rgb.height_px);
        right += f64::from(u8::from(within(at, drawn.lesion_px)));
    }
    right / f64::max(all, 1.0)
}

/// Wilson's score interval of a share (Journal of the American Statistical Association 22, 1927).
fn wilson(hits: f64, of: f64) -> [f64; 2] {
    const Z: f64 = 1.959_964;
    let share = hits / of;
    let spread = Z * (share * (1.0 - share) / of + Z * Z / (4.0 * of * of)).sqrt();
    let middle = share + Z * Z / (2.0 * of);
    let scale = 1.0 + Z * Z / of;
    [(middle - spread) / scale, (middle + spread) / scale]
}

/// Each picture with a lesion and the next one of another patient with the same finding.
fn pairs(args: &EvalHeatmapArgs) -> anyhow::Result<Vec<[Drawn; 2]>> {
    let decoding = decoding();
    let mut waiting: HashMap<String, (String, Drawn)> = HashMap::new();
    let mut pairs = Vec::new();
    for index in 0..args.cases {
        let case = casekin_phantoms::draw_case(args.seed, index);
        let image = case
            .images
            .into_iter()
            .find(|one| one.lesion_box_px.is_some());
        let Some((image, lesion_px)) = image.and_then(|one| Some((one.bytes, one.lesion_box_px?)))
        else {
            continue;
        };
        let drawn = Drawn {
            rgb: decoded(&decoding, image)?,
            lesion_px,
        };
        let key = format!("{:?}/{}", case.family, case.main_finding);
        match waiting.remove(&key) {
            Some((patient, other)) if patient != case.patient_id => pairs.push([other, drawn]),
            _ => {
                waiting.insert(key, (case.patient_id, drawn));
            }
        }
    }
    Ok(pairs)
}

fn decoded(decoding: &Decoders, bytes: Vec<u8>) -> anyhow::Result<Rgb8> {
    let bytes: Arc<[u8]> = bytes.into();
    let request = DecodeRequest {
        source: Source::from_bytes(String::new(), bytes),
        limits: Limits::default(),
        thumbnail_px: 1,
        cuts: Cuts::default(),
        volume: None,
    };
    let view = decoding.decode(&request)?.views.into_iter().next();
    Ok(view.context("a drawn picture has no view")?.rgb)
}

/// A copy of the model under `dir` whose tensors have their values in another order: the same sizes and spreads, and
/// nothing of what was learnt (the randomisation of Adebayo et al., NeurIPS 2018).
fn shuffled(dir: &Path) -> anyhow::Result<PathBuf> {
    let models = std::fs::read_dir(dir.join("models"))?;
    let held = models.filter_map(|entry| Some(entry.ok()?.path()));
    let model = held
        .into_iter()
        .find(|path| path.join("model.safetensors").is_file())
        .context("the demo model was not unpacked")?;
    let copy = dir.join("shuffled");
    std::fs::create_dir_all(&copy)?;
    for name in ["config.json", "tokenizer.json", "preprocessor_config.json"] {
        std::fs::copy(model.join(name), copy.join(name))?;
    }
    let mut bytes = std::fs::read(model.join("model.safetensors"))?;
    shuffle_tensors(&mut bytes)?;
    std::fs::write(copy.join("model.safetensors"), bytes)?;
    Ok(copy)
}

fn shuffle_tensors(bytes: &mut [u8]) -> anyhow::Result<()> {
    let length = bytes
        .first_chunk::<8>()
        .context("the weights are cut off")?;
    let start = 8 + usize::try_from(u64::from_le_bytes(*length))?;
    let header = bytes.get(8..start).context("the weights are cut off")?;
    let header: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(header)?;
    let mut state: u64 = 1;
    for (name, tensor) in header.iter().filter(|(name, _)| *name != "__metadata__") {
        let size = match tensor["dtype"].as_str() {
            Some("F16" | "BF16") => 2,
            Some("F32") => 4,
            _ => bail!("the tensor {name} is of a type that is not shuffled"),
        };
        let place = |at: usize| {
            tensor["data_offsets"][at]
                .as_u64()
                .map(|at| at as usize + start)
        };
        let (from, to) = (place(0), place(1));
        let values = from.zip(to).and_then(|(from, to)| bytes.get_mut(from..to));
        let values = values.with_context(|| format!("the tensor {name} has no place"))?;
        for last in (1..values.len() / size).rev() {
            // Knuth's 64-bit linear congruential generator; any order will do.
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let other = ((u128::from(state) * (last as u128 + 1)) >> 64) as usize;
            for byte in 0..size {
                values.swap(last * size + byte, other * size + byte);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shuffled_weights_are_the_same_numbers_elsewhere() {
        let header = br#"{"a":{"dtype":"F16","shape":[8],"data_offsets":[0,16]}}"#;
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend(header);
        let values: Vec<u8> = (0..16).collect();
        bytes.extend(&values);
        shuffle_tensors(&mut bytes).unwrap();
        let mut pairs: Vec<[u8; 2]> = bytes[8 + header.len()..]
            .chunks_exact(2)
            .map(|pair| [pair[0], pair[1]])
            .collect();
        assert_ne!(pairs.concat(), values);
        pairs.sort_unstable();
        assert_eq!(pairs.concat(), values);
        assert!(shuffle_tensors(&mut [9, 0, 0, 0, 0, 0, 0, 0, 1]).is_err());
    }

    #[test]
    fn the_interval_of_a_share_is_wilsons() {
        // Of 8 out of 10: 0.490 to 0.943.
        let [low, high] = wilson(8.0, 10.0);
        assert!((low - 0.4902).abs() < 1e-3 && (high - 0.9433).abs() < 1e-3);
    }
}
