//! `cargo xtask bench`: casekin's reading of pictures, its searching and its encoder beside other programs, each in one
//! run, into docs/BENCHMARKS.md. The peers live in virtual environments of their own in the cache; never part of CI.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::parity::{
    Shape, WHERE_IT_INSTALLS, at_least_one, device, encoder_environment, environment,
};
use crate::process::{cargo, output_of, run};
use crate::{machine, paths};

const REQUIREMENTS: &str = include_str!("../assets/bench-imaging-requirements.txt");
const SCRIPT: &str = "bench_imaging.py";
const SEARCH_REQUIREMENTS: &str = include_str!("../assets/bench-search-requirements.txt");
const SEARCH_SCRIPT: &str = "bench_search.py";
const SCALE_SCRIPT: &str = "bench_scale.py";
const ENCODER_SCRIPT: &str = "bench_encoder.py";

/// Measures, prints the table and writes it between its markers.
pub fn imaging() -> Result<()> {
    let Some(shared) = paths::shared() else {
        bail!("no shared data: set CASEKIN_SHARED to its folder");
    };
    let python = environment("bench-imaging", REQUIREMENTS, Some(WHERE_IT_INSTALLS))?;
    build()?;
    let cache = paths::cache()?.join("bench-imaging");
    let folder = tempfile::tempdir().context("no folder for what is made on the way")?;
    let mut bench = Command::new(python);
    bench
        .arg(paths::repository().join("crates/xtask/assets").join(SCRIPT))
        .arg("--shared")
        .arg(&shared)
        .arg("--cache")
        .arg(&cache)
        .arg("--folder")
        .arg(folder.path())
        .arg("--measure")
        .arg(paths::target().join("release/examples/measure"))
        .arg("--casekin")
        .arg(paths::target().join("release/casekin"))
        .stderr(std::process::Stdio::inherit());
    write_section("imaging", "imaging", &mut bench)
}

/// Measures the index beside faiss, hnswlib and usearch on synthetic vectors, prints the table and writes it between
/// its markers.
pub fn search(counts: &str) -> Result<()> {
    let Some(shared) = paths::shared() else {
        bail!("no shared data: set CASEKIN_SHARED to its folder");
    };
    let python = environment("bench-search", SEARCH_REQUIREMENTS, None)?;
    build()?;
    let folder = tempfile::tempdir().context("no folder for what is made on the way")?;
    let mut bench = Command::new(python);
    bench
        .arg(
            paths::repository()
                .join("crates/xtask/assets")
                .join(SEARCH_SCRIPT),
        )
        .arg("--vectors")
        .arg(shared.join("reference/ann_vectors.py"))
        .arg("--cache")
        .arg(paths::cache()?.join("bench-search-vectors"))
        .arg("--folder")
        .arg(folder.path())
        .arg("--bench")
        .arg(paths::target().join("release/examples/search_bench"))
        .args(["--counts", counts])
        .stderr(std::process::Stdio::inherit());
    write_section("search", &format!("search --vectors {counts}"), &mut bench)
}

/// Asks whole questions of synthetic libraries of several sizes, prints the table and writes it between its markers.
pub fn scale(views: &str) -> Result<()> {
    let Some(shared) = paths::shared() else {
        bail!("no shared data: set CASEKIN_SHARED to its folder");
    };
    let python = environment("bench-search", SEARCH_REQUIREMENTS, None)?;
    build()?;
    let folder = tempfile::tempdir().context("no folder for what is made on the way")?;
    let mut bench = Command::new(python);
    bench
        .arg(
            paths::repository()
                .join("crates/xtask/assets")
                .join(SCALE_SCRIPT),
        )
        .arg("--bench")
        .arg(paths::target().join("release/examples/scale"))
        .arg("--vectors")
        .arg(shared.join("reference/ann_vectors.py"))
        .arg("--cache")
        .arg(paths::cache()?.join("bench-search-vectors"))
        .arg("--folder")
        .arg(folder.path())
        .args(["--counts", views])
        .stderr(std::process::Stdio::inherit());
    write_section("scale", &format!("scale --views {views}"), &mut bench)
}

/// Builds the program and all that measures its parts, in one go: each selection of packages has features of its own, and
/// would build every dependency again.
fn build() -> Result<()> {
    run(cargo().args([
        "build",
        "--release",
        "--quiet",
        "--package=casekin",
        "--package=casekin-imaging",
        "--package=casekin-index",
        "--package=casekin-encoder",
        "--bins",
        "--examples",
    ]))
}

/// What the encoder is measured with.
#[derive(Args, Debug, PartialEq, Eq)]
pub struct EncoderBench {
    /// Where either side runs: cpu, cuda or cuda:N
    #[arg(long, default_value = "cpu", value_parser = device)]
    pub device: String,
    /// Threads of either side; 0 is all cores
    #[arg(long, default_value_t = 0)]
    pub threads: usize,
    /// Pictures per run, each number a row of its own; 1 on a CPU, 1, 16 and 64 on CUDA when left out
    #[arg(long, value_name = "N,…")]
    pub batches: Option<String>,
    /// Rounds by turns with the peer; medians are compared
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = at_least_one)]
    pub rounds: usize,
    /// A checkpoint's folder; a random one of the shape below (3.5 GB at MedSigLIP's size) when left out
    #[arg(long, value_name = "DIR")]
    pub model: Option<PathBuf>,
    #[command(flatten)]
    pub shape: Shape,
}

impl EncoderBench {
    fn on_gpu(&self) -> bool {
        self.device != "cpu"
    }

    fn batches(&self) -> &str {
        let usual = if self.on_gpu() { "1,16,64" } else { "1" };
        self.batches.as_deref().unwrap_or(usual)
    }

    /// Whether the figures belong on the page, which is about MedSigLIP's size.
    fn is_of_full_size(&self) -> bool {
        match &self.model {
            Some(model) => fs::read_to_string(model.join("config.json"))
                .is_ok_and(|config| is_config_of_full_size(&config)),
            None => self.shape == Shape::default(),
        }
    }

    /// As it is typed, less a folder's name, which tells nobody anything.
    fn command(&self) -> String {
        let model = self.model.as_ref().map(|_| " --model DIR");
        let shape = self.shape.arguments().into_iter();
        format!(
            "encoder --device {} --batches {} --rounds {}{}{}",
            self.device,
            self.batches(),
            self.rounds,
            model.unwrap_or_default(),
            shape.map(|word| format!(" {word}")).collect::<String>()
        )
    }
}

/// Whether a checkpoint's `config.json` has the image tower of MedSigLIP-448.
fn is_config_of_full_size(config: &str) -> bool {
    let config: serde_json::Value = serde_json::from_str(config).unwrap_or_default();
    let tower = &config["vision_config"];
    [
        ("image_size", 448),
        ("patch_size", 14),
        ("hidden_size", 1152),
        ("num_hidden_layers", 27),
    ]
    .into_iter()
    .all(|(key, number)| tower[key] == number)
}

/// Measures the encoder beside PyTorch and prints the table. Of MedSigLIP's size it is written between its markers too.
pub fn encoder(asked: &EncoderBench) -> Result<()> {
    let Some(shared) = paths::shared() else {
        bail!("no shared data: set CASEKIN_SHARED to its folder");
    };
    let python = encoder_environment()?;
    build()?;
    let full_size = asked.is_of_full_size();
    let assets = paths::repository().join("crates/xtask/assets");
    let release = paths::target().join("release");
    let mut bench = Command::new(python);
    bench
        .arg(assets.join(ENCODER_SCRIPT))
        .arg("--shared")
        .arg(&shared)
        .arg("--cache")
        .arg(paths::cache()?)
        .arg("--measure")
        .arg(release.join("examples/measure_encoder"))
        .arg("--casekin")
        .arg(release.join("casekin"))
        .args(["--device", &asked.device, "--batches", asked.batches()])
        .args(["--threads", &asked.threads.to_string()])
        .args(["--rounds", &asked.rounds.to_string()])
        .args(asked.shape.arguments())
        .stderr(std::process::Stdio::inherit());
    if let Some(model) = &asked.model {
        bench.arg("--model").arg(std::path::absolute(model)?);
    }
    if !full_size {
        println!("{}", measured(&asked.command(), &mut bench)?);
        eprintln!("Not of MedSigLIP's size: docs/BENCHMARKS.md is left as it is.");
        return Ok(());
    }
    let section = if asked.on_gpu() {
        "encoder-cuda"
    } else {
        "encoder"
    };
    write_section(section, &asked.command(), &mut bench)
}

/// Runs what measures; what it prints, under what it was taken on.
fn measured(command: &str, bench: &mut Command) -> Result<String> {
    let output = bench.output().context("Python cannot be started")?;
    if !output.status.success() {
        bail!("the measuring broke off; its last words stand above");
    }
    let table = String::from_utf8(output.stdout).context("the table is no text")?;
    Ok(format!("{}\n\n{}", taken(command), table.trim()))
}

/// Runs what measures, prints it and writes it into the page.
fn write_section(name: &str, command: &str, bench: &mut Command) -> Result<()> {
    let section = measured(command, bench)?;
    println!("{section}");
    let page = paths::repository().join("docs/BENCHMARKS.md");
    let text = fs::read_to_string(&page).context("docs/BENCHMARKS.md cannot be read")?;
    let written = between(&text, name, &section).with_context(|| {
        format!("docs/BENCHMARKS.md has no place for it: <!-- {name} --> … <!-- /{name} -->")
    })?;
    fs::write(&page, written).context("docs/BENCHMARKS.md cannot be written")
}

/// What the figures were taken on and with.
fn taken(command: &str) -> String {
    // A tree that holds more than its commit says so: `1234567-dirty`.
    let commit = ["describe", "--always", "--dirty", "--exclude=*"];
    let commit = output_of("git", &commit).unwrap_or_default();
    format!(
        "Machine: {}. Commit {}. Release build, command `cargo xtask bench {command}`.",
        machine::description(),
        commit.trim()
    )
}

/// `text` with what stands between the markers of `name` replaced; `None` where they are not there.
fn between(text: &str, name: &str, section: &str) -> Option<String> {
    let (open, close) = (format!("<!-- {name} -->"), format!("<!-- /{name} -->"));
    let start = text.find(&open)? + open.len();
    let end = start + text[start..].find(&close)?;
    Some(format!("{}\n{section}\n{}", &text[..start], &text[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_is_replaced_and_the_rest_is_left_alone() {
        let text = "# A\n<!-- imaging -->\nold\n<!-- /imaging -->\n## B\n";
        let written = between(text, "imaging", "| new |").unwrap();
        assert_eq!(
            written,
            "# A\n<!-- imaging -->\n| new |\n<!-- /imaging -->\n## B\n"
        );
        assert_eq!(
            between(&written, "imaging", "| new |"),
            Some(written.clone())
        );
        assert_eq!(between("no markers", "imaging", "x"), None);
        assert_eq!(between("<!-- imaging --> open", "imaging", "x"), None);
    }

    #[test]
    fn only_medsiglips_size_counts_as_full() {
        let of = |size: u32, layers: u32| {
            let tower = format!(
                r#"{{"image_size": {size}, "patch_size": 14, "hidden_size": 1152, "num_hidden_layers": {layers}}}"#
            );
            is_config_of_full_size(&format!(r#"{{"vision_config": {tower}}}"#))
        };
        assert!(of(448, 27));
        assert!(!of(384, 27));
        assert!(!of(448, 3));
        assert!(!is_config_of_full_size(r#"{"vision_config": {}}"#));
        assert!(!is_config_of_full_size("no JSON"));
    }

    #[test]
    fn every_peer_is_pinned() {
        let peers = REQUIREMENTS.lines().chain(SEARCH_REQUIREMENTS.lines());
        assert!(peers.into_iter().all(|line| line.contains("==")));
    }
}
