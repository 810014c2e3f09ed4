//! `cargo xtask bench`: casekin's reading of pictures, its searching and its encoder beside other programs, each in one
//! run, into docs/BENCHMARKS.md. The peers live in virtual environments of their own in the cache; never part of CI.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::parity::{WHERE_IT_INSTALLS, encoder_environment, environment};
use crate::paths;
use crate::process::{cargo, output_of, run};

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
        "--bins",
        "--examples",
    ]))
}

/// What the encoder is measured with.
pub struct EncoderBench {
    /// `cpu`, `cuda` or `cuda:N`.
    pub device: String,
    /// Threads of either side; 0 is all cores.
    pub threads: usize,
    /// Pictures per run, each number a row of its own.
    pub batches: String,
    /// A checkpoint's folder; a random one of MedSigLIP's size where there is none.
    pub model: Option<PathBuf>,
}

/// Measures the encoder beside PyTorch at MedSigLIP's size, prints the table and writes it between its markers.
pub fn encoder(asked: &EncoderBench) -> Result<()> {
    let Some(shared) = paths::shared() else {
        bail!("no shared data: set CASEKIN_SHARED to its folder");
    };
    let python = encoder_environment()?;
    let build = |what: &[&str]| run(cargo().args(["build", "--release", "--quiet"]).args(what));
    build(&[
        "--package",
        "casekin-encoder",
        "--example",
        "measure_encoder",
    ])?;
    let cuda = asked.device != "cpu";
    if cuda {
        build(&["--bin", "casekin"])?;
    }
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
        .args(["--device", &asked.device, "--batches", &asked.batches])
        .args(["--threads", &asked.threads.to_string()])
        .stderr(std::process::Stdio::inherit());
    if let Some(model) = &asked.model {
        bench.arg("--model").arg(std::path::absolute(model)?);
    }
    let section = if cuda { "encoder-cuda" } else { "encoder" };
    let command = format!(
        "encoder --device {} --batches {}",
        asked.device, asked.batches
    );
    write_section(section, &command, &mut bench)
}

/// Runs what measures and writes what it prints into the page.
fn write_section(name: &str, command: &str, bench: &mut Command) -> Result<()> {
    let output = bench.output().context("Python cannot be started")?;
    if !output.status.success() {
        bail!("the measuring broke off; its last words stand above");
    }
    let table = String::from_utf8(output.stdout).context("the table is no text")?;
    let section = format!("{}\n\n{}", machine(command), table.trim());
    println!("{section}");
    let page = paths::repository().join("docs/BENCHMARKS.md");
    let text = std::fs::read_to_string(&page).context("docs/BENCHMARKS.md cannot be read")?;
    let written = between(&text, name, &section).with_context(|| {
        format!("docs/BENCHMARKS.md has no place for it: <!-- {name} --> … <!-- /{name} -->")
    })?;
    std::fs::write(&page, written).context("docs/BENCHMARKS.md cannot be written")
}

/// What the figures were taken on: without the machine's name.
fn machine(command: &str) -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let model = std::fs::read_to_string("/proc/cpuinfo")
        .ok()
        .and_then(|text| {
            let line = text.lines().find(|line| line.starts_with("model name"))?;
            Some(line.split(':').nth(1)?.trim().to_owned())
        })
        .unwrap_or_else(|| "unknown processor".to_owned());
    // A tree that holds more than its commit says so: `1234567-dirty`.
    let commit = ["describe", "--always", "--dirty", "--exclude=*"];
    let commit = output_of("git", &commit).unwrap_or_default();
    format!(
        "Machine: {model}, {cores} cores, {}. Commit {}. Release build, command `cargo xtask bench {command}`.",
        std::env::consts::ARCH,
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
    fn every_peer_is_pinned() {
        let peers = REQUIREMENTS.lines().chain(SEARCH_REQUIREMENTS.lines());
        assert!(peers.into_iter().all(|line| line.contains("==")));
    }
}
