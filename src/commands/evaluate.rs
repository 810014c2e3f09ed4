//! `casekin eval`.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use casekin_engine::{
    RecallReport, RecallRequest, RetrievalReport, RetrievalRequest, recall_markdown,
    retrieval_markdown, retrieval_svg,
};

use super::connect;
use crate::cli::{EvalCommand, EvalRecallArgs, EvalRetrievalArgs, Global};
use crate::config::Config;
use crate::progress::bar;
use crate::show;

pub async fn run(
    global: &Global,
    config: &Config,
    command: EvalCommand,
) -> anyhow::Result<ExitCode> {
    match command {
        EvalCommand::Retrieval(args) => retrieval(global, config, args).await?,
        EvalCommand::Recall(args) => recall(global, config, args).await?,
        EvalCommand::Heatmap(args) => super::heatmap::run(global, config, args).await?,
        EvalCommand::ZeroShot(args) => return super::zero_shot::run(global, config, args).await,
    }
    Ok(ExitCode::SUCCESS)
}

async fn retrieval(
    global: &Global,
    config: &Config,
    args: EvalRetrievalArgs,
) -> anyhow::Result<()> {
    let client = connect(global, config).await?;
    let waiting = bar("evaluate", global.json);
    waiting.set_message("every case asks with its pictures");
    let request = RetrievalRequest {
        label: args.label,
        k: args.k,
        filters: args.filters,
        ann: args.ann,
        queries: args.queries,
        compare: args.compare,
    };
    let report: Result<RetrievalReport, _> = client.post("/api/v1/eval/retrieval", &request).await;
    waiting.finish_and_clear();
    client.close().await?;
    let report = report?;
    let markdown = retrieval_markdown(&report);
    if let Some(path) = &args.md {
        write(path, &markdown)?;
    }
    if let Some(path) = &args.svg {
        write(path, &retrieval_svg(&report))?;
    }
    if global.json {
        return show::json(&report);
    }
    print!("{markdown}");
    Ok(())
}

async fn recall(global: &Global, config: &Config, args: EvalRecallArgs) -> anyhow::Result<()> {
    let client = connect(global, config).await?;
    let waiting = bar("evaluate", global.json);
    waiting.set_message("each question is asked twice, once of every view");
    let request = RecallRequest {
        k: args.k,
        filters: args.filters,
        queries: Some(args.queries),
    };
    let report: Result<RecallReport, _> = client.post("/api/v1/eval/recall", &request).await;
    waiting.finish_and_clear();
    client.close().await?;
    let report = report?;
    let markdown = recall_markdown(&report);
    if let Some(path) = &args.md {
        write(path, &markdown)?;
    }
    if global.json {
        return show::json(&report);
    }
    print!("{markdown}");
    Ok(())
}

pub(super) fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    std::fs::write(path, text).with_context(|| format!("{} cannot be written", path.display()))
}
