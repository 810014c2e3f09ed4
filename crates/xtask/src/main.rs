//! casekin's developer commands: set up a machine, show the program, test it, pack it.
//!
//! Runs as `cargo xtask COMMAND`. It only starts other programs (cargo, npm, pip, apt-get, tar) in the
//! right order and skips what is already done; it holds no product code and is never shipped.

mod bench;
mod demo;
mod digest;
mod dist;
mod machine;
mod onnxruntime;
mod openapi;
mod openslide;
mod page;
mod parity;
mod paths;
mod pins;
mod prerequisites;
mod process;
mod python;
mod setup;
mod skips;
mod suites;
mod tally;
mod wheels;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

/// Developer commands of casekin.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Checks the tools, fetches ONNX Runtime, OpenSlide and the npm packages, builds the page
    Setup(SetupArgs),
    /// Sets up, builds the release binary and serves a synthetic library of cases
    Demo(DemoArgs),
    /// Sets up and runs every test: Rust, web, browser
    Test(TestArgs),
    /// Packs a tarball that runs without toolchain and network
    Dist,
    /// Writes web/openapi.json from the program's own description of its HTTP interface
    Openapi(OpenapiArgs),
    /// Compares casekin with other programs, value by value
    Parity(ParityArgs),
    /// Measures casekin beside other programs and writes docs/BENCHMARKS.md
    #[command(subcommand)]
    Bench(BenchCommand),
}

#[derive(Subcommand)]
enum BenchCommand {
    /// Reading pictures: DICOM beside pydicom, slides beside openslide-python, decode workers
    Imaging,
    /// Searching by vectors: the index beside faiss, hnswlib and usearch on synthetic vectors
    Search {
        /// Numbers of vectors, each a table of its own; a million takes about half an hour and 12 GB of disk
        #[arg(long, value_name = "N,…", default_value = "100000,1000000")]
        vectors: String,
    },
    /// Whole questions to synthetic libraries of several sizes; a million views take about half an hour and 20 GB of disk
    Scale {
        /// Views of each library
        #[arg(long, value_name = "N,…", default_value = "10000,100000,1000000")]
        views: String,
    },
    /// The encoder at MedSigLIP's size with random weights: beside PyTorch, in a virtual environment of its own (torch: 6 GB)
    Encoder(bench::EncoderBench),
}

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
struct ParityArgs {
    #[command(subcommand)]
    command: Option<ParityCommand>,
    #[command(flatten)]
    encoder: parity::EncoderParity,
}

#[derive(Subcommand)]
enum ParityCommand {
    /// Stages of DICOM pictures, with pydicom in a virtual environment of its own
    Dicom {
        /// Also write pydicom's values to this table, which the tests hold
        #[arg(long, value_name = "FILE")]
        goldens: Option<PathBuf>,
    },
    /// Other pictures (PNG, JPEG, TIFF, BMP, WebP, GIF), with Pillow in a virtual environment of its own
    Raster,
    /// Vectors and token ids, with transformers in a virtual environment of its own (torch: 6 GB); meant where none is named
    Encoder(parity::EncoderParity),
}

#[derive(Args)]
struct SetupArgs {
    /// Fetch ONNX Runtime with the CUDA 13 provider (and NVIDIA's libraries where they are missing)
    #[arg(long)]
    cuda: bool,
}

#[derive(Args)]
struct DemoArgs {
    /// Number of synthetic cases
    #[arg(long)]
    cases: Option<u32>,
    /// Port on 127.0.0.1
    #[arg(long)]
    port: Option<u16>,
}

#[derive(Args)]
struct TestArgs {
    /// Arguments for the Rust test runner; with any, only Rust tests run
    #[arg(last = true)]
    runner_args: Vec<String>,
}

#[derive(Args)]
struct OpenapiArgs {
    /// Write nothing; fail if the committed file differs
    #[arg(long)]
    check: bool,
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Setup(args) => setup::command(args.cuda),
        Command::Demo(args) => demo::command(args.cases, args.port),
        Command::Test(args) => suites::command(&args.runner_args),
        Command::Dist => dist::command(),
        Command::Openapi(args) => openapi::command(args.check),
        Command::Parity(args) => match args.command {
            Some(ParityCommand::Dicom { goldens }) => parity::dicom(goldens.as_deref()),
            Some(ParityCommand::Raster) => parity::raster(),
            Some(ParityCommand::Encoder(encoder)) => parity::encoder(&encoder),
            None => parity::encoder(&args.encoder),
        },
        Command::Bench(BenchCommand::Imaging) => bench::imaging(),
        Command::Bench(BenchCommand::Search { vectors }) => bench::search(&vectors),
        Command::Bench(BenchCommand::Scale { views }) => bench::scale(&views),
        Command::Bench(BenchCommand::Encoder(asked)) => bench::encoder(&asked),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // No backtrace: what failed is nearly always a program that was started.
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parity(words: &[&str]) -> Result<ParityArgs, clap::Error> {
        let all = ["cargo xtask", "parity"].iter().chain(words);
        match Cli::try_parse_from(all)?.command {
            Command::Parity(args) => Ok(args),
            _ => unreachable!("the words begin with parity"),
        }
    }

    #[test]
    fn parity_alone_is_parity_of_the_encoder() {
        for options in [
            &[][..],
            &["--model", "here"],
            &["--size", "224", "--patch", "16"],
        ] {
            let short = parity(options).unwrap();
            let Some(ParityCommand::Encoder(long)) =
                parity(&[&["encoder"], options].concat()).unwrap().command
            else {
                panic!("another command");
            };
            assert!(short.command.is_none());
            assert_eq!(short.encoder, long);
        }
        let dicom = parity(&["dicom"]).unwrap().command;
        assert!(matches!(
            dicom,
            Some(ParityCommand::Dicom { goldens: None })
        ));
    }

    #[test]
    fn what_cannot_be_is_refused_at_once() {
        assert!(parity(&["--model", "here", "--patch", "16"]).is_err());
        assert!(parity(&["--pictures", "0"]).is_err());
        assert!(parity(&["--device", "cuda:1"]).is_ok());
        assert!(parity(&["--device", "gpu"]).is_err());
    }
}
