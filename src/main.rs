//! casekin: finds the kin of a case. This is the composition root: configuration, the command line, and how commands
//! reach a library, either by opening it or through the service that holds it.

mod cli;
mod client;
mod commands;
mod config;
mod decoding;
mod npz;
mod progress;
mod remote_port;
mod show;

use std::io::IsTerminal as _;
use std::process::ExitCode;

use clap::Parser as _;
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    if matches!(cli.command, cli::Command::DecodeWorker) {
        // No log, no runtime, no configuration: it should be up at once and hold little.
        return match casekin_engine::serve_decoding() {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        };
    }
    let serving = matches!(
        cli.command,
        cli::Command::Serve(_) | cli::Command::Demo(_) | cli::Command::Worker(_)
    );
    // What libraries say of one picture reaches people as the reason of its job.
    let default_level = if serving {
        "info,ort=warn,tantivy=warn,jpeg2k=off"
    } else {
        "warn,ort=error,tantivy=error,jpeg2k=off"
    };
    let filter =
        EnvFilter::try_from_env("CASEKIN_LOG").unwrap_or_else(|_| EnvFilter::new(default_level));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(has_colours())
        .with_target(false)
        .init();
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: the runtime could not be started: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(commands::run(cli)) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Colours are for eyes: a log in a file has none, nor who asks for none (no-color.org).
fn has_colours() -> bool {
    std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|no| no.is_empty())
}
