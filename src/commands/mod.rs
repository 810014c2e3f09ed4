//! What each command does.

mod batch;
mod decode;
mod demo;
mod embed;
mod evaluate;
mod export;
mod fetch;
mod golden;
mod heatmap;
mod ingest;
mod library;
mod search;
mod serve;
mod verify;
mod worker;
mod zero_shot;

use std::process::ExitCode;

use crate::cli::{Cli, Command, Global, IndexCommand, ModelCommand};
use crate::client::Client;
use crate::config::{Config, data_dir};
use crate::show;

/// Exit code of a command that did its work though some of its input failed.
const SOME_FAILED: u8 = 2;

/// Runs a command.
pub async fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    let config = Config::read(&cli.global)?;
    let global = &cli.global;
    match cli.command {
        Command::Ingest(args) => return ingest::run(global, &config, args).await,
        Command::Search(args) => return search::run(global, &config, args).await,
        Command::Eval(command) => return evaluate::run(global, &config, command).await,
        Command::Export(command) => export::run(global, &config, command).await?,
        Command::Embed(args) => embed::run(global, &config, args).await?,
        Command::Decode(args) => decode::run(global, &config, args).await?,
        Command::Status => library::status(global, &config).await?,
        Command::Serve(args) => serve::run(global, &config, args).await?,
        Command::Worker(args) => worker::run(global, &config, args).await?,
        Command::Case(command) => library::case(global, &config, command).await?,
        Command::Index(IndexCommand::Rebuild) => library::rebuild_index(global, &config).await?,
        Command::Model(ModelCommand::Fetch(args)) => fetch::run(global, &config, args).await?,
        Command::Model(ModelCommand::Verify(args)) => {
            return verify::run(global, &config, args).await;
        }
        Command::Model(command) => library::model(global, &config, command).await?,
        Command::Reencode(args) => library::reencode(global, &config, args).await?,
        Command::Token(command) => library::token(global, &config, command).await?,
        Command::Jobs(command) => library::jobs(global, &config, command).await?,
        Command::Demo(args) => demo::run(global, &config, args).await?,
        Command::DecodeWorker => casekin_engine::serve_decoding()?,
        Command::Openapi => show::json(&casekin_server::openapi())?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn connect(global: &Global, config: &Config) -> anyhow::Result<Client> {
    Client::connect(&data_dir(global)?, config).await
}
