//! The short commands: status, case, index, model, reencode, token, jobs.

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use anyhow::bail;
use axum::http::Method;
use casekin_engine::{CaseRecord, IndexProgress, JobPage, ModelRecord, Status, TokenRecord};
use serde_json::json;

use super::connect;
use crate::cli::{CaseCommand, Global, JobsCommand, ModelCommand, ReencodeArgs, TokenCommand};
use crate::client::{Client, Content};
use crate::config::{Config, absolute};
use crate::progress::{bar, duration};
use crate::show;

pub async fn status(global: &Global, config: &Config) -> anyhow::Result<()> {
    let client = connect(global, config).await?;
    let status: Status = client.get("/api/v1/status").await?;
    client.close().await?;
    if global.json {
        return show::json(&status);
    }
    show::status(&status);
    Ok(())
}

pub async fn case(global: &Global, config: &Config, command: CaseCommand) -> anyhow::Result<()> {
    let client = connect(global, config).await?;
    match command {
        CaseCommand::Show { id } => {
            let case: CaseRecord = client
                .get(&format!("/api/v1/cases/{}", segment(&id)))
                .await?;
            if global.json {
                show::json(&case)?
            } else {
                show::case(&case)
            }
        }
        CaseCommand::Delete { id, yes } => {
            let case: CaseRecord = client
                .get(&format!("/api/v1/cases/{}", segment(&id)))
                .await?;
            if !yes
                && !confirmed(&format!(
                    "Delete {} with its {} pictures for good?",
                    case.case_id,
                    case.images.len()
                ))?
            {
                bail!("nothing was deleted");
            }
            let _: serde_json::Value = client
                .ask(
                    Method::DELETE,
                    &format!("/api/v1/cases/{}", segment(&id)),
                    Content::Nothing,
                )
                .await?;
            if global.json {
                show::json(&json!({ "deleted": id }))?
            } else {
                println!("{id} is deleted; files read in place stay where they are")
            }
        }
    }
    client.close().await
}

fn confirmed(question: &str) -> anyhow::Result<bool> {
    if !std::io::stdin().is_terminal() {
        bail!("{question} Say --yes where nobody can be asked");
    }
    eprint!("{question} [y/N] ");
    std::io::stderr().flush()?;
    let mut line = String::new();
    std::io::stdin().read_line(&mut line)?;
    Ok(matches!(line.trim(), "y" | "Y" | "yes"))
}

/// An id as a part of a path.
pub(super) fn segment(id: &str) -> String {
    let mut text = String::with_capacity(id.len());
    for byte in id.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                text.push(char::from(byte))
            }
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}

pub async fn rebuild_index(global: &Global, config: &Config) -> anyhow::Result<()> {
    let client = connect(global, config).await?;
    let waiting = bar("index", global.json);
    waiting.set_message("building anew");
    let progress: IndexProgress = client.post("/api/v1/index/rebuild", &json!({})).await?;
    waiting.finish_and_clear();
    client.close().await?;
    if global.json {
        return show::json(&progress);
    }
    println!(
        "the index is new: {} of {} changes applied",
        progress.applied, progress.latest
    );
    Ok(())
}

pub async fn model(global: &Global, config: &Config, command: ModelCommand) -> anyhow::Result<()> {
    let client = connect(global, config).await?;
    let models: Vec<ModelRecord> = match command {
        ModelCommand::Add { dir } => {
            let dir = absolute(&dir)?;
            vec![
                client
                    .post("/api/v1/models", &json!({ "dir": dir }))
                    .await?,
            ]
        }
        ModelCommand::List => client.get("/api/v1/models").await?,
        ModelCommand::Verify(_) | ModelCommand::Fetch(_) => {
            bail!("fetching and verifying a model are commands of their own")
        }
    };
    client.close().await?;
    if global.json {
        return show::json(&models);
    }
    for model in models {
        let active = if model.active { "active" } else { "" };
        let id = model.summary.id.get(..12).unwrap_or(&model.summary.id);
        println!(
            "{id}  {:<24} {:>5} dimensions  {:>9} vectors  {active}",
            model.summary.name, model.dimension, model.vectors
        );
    }
    Ok(())
}

pub async fn reencode(global: &Global, config: &Config, args: ReencodeArgs) -> anyhow::Result<()> {
    let client = connect(global, config).await?;
    let request = json!({ "model": args.model, "profile": args.profile });
    let _: serde_json::Value = client
        .ask(Method::POST, "/api/v1/reencode", Content::Json(request))
        .await?;
    let shown = bar("encoding", global.json);
    let mut status: Status = client.get("/api/v1/status").await?;
    while let Some(progress) = &status.reencode {
        shown.set_length(progress.total);
        shown.set_position(progress.done);
        if let Some(seconds) = progress.seconds_left {
            shown.set_message(format!("about {} left", duration(seconds)));
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
        status = client.get("/api/v1/status").await?;
    }
    shown.finish_and_clear();
    finish_reencode(global, client, &status).await
}

async fn finish_reencode(global: &Global, client: Client, status: &Status) -> anyhow::Result<()> {
    let models: Vec<ModelRecord> = client.get("/api/v1/models").await?;
    client.close().await?;
    if let Some(reason) = &status.reencode_failure {
        bail!("{reason}; `casekin reencode` resumes where it stopped");
    }
    if global.json {
        return show::json(&models);
    }
    for model in models.iter().filter(|model| model.active) {
        println!(
            "the library is served with {} ({} vectors)",
            model.summary.name, model.vectors
        );
    }
    Ok(())
}

pub async fn token(global: &Global, config: &Config, command: TokenCommand) -> anyhow::Result<()> {
    let client = connect(global, config).await?;
    match command {
        TokenCommand::Create { role, name } => {
            let token: TokenRecord = client
                .post("/api/v1/tokens", &json!({ "role": role, "name": name }))
                .await?;
            if global.json {
                show::json(&token)?;
            } else {
                println!("{}", token.secret.unwrap_or_default());
                eprintln!(
                    "note: this is the only time the token is shown; its id is {}",
                    token.id
                );
            }
        }
        TokenCommand::List => {
            let tokens: Vec<TokenRecord> = client.get("/api/v1/tokens").await?;
            if global.json {
                show::json(&tokens)?;
            } else {
                for token in tokens {
                    println!(
                        "{}  {:<8} {}  {}",
                        token.id, token.role, token.created, token.name
                    );
                }
            }
        }
        TokenCommand::Revoke { id } => {
            let _: serde_json::Value = client
                .ask(
                    Method::DELETE,
                    &format!("/api/v1/tokens/{}", segment(&id)),
                    Content::Nothing,
                )
                .await?;
            if global.json {
                show::json(&json!({ "revoked": id }))?
            } else {
                println!("{id} is revoked")
            }
        }
    }
    client.close().await
}

pub async fn jobs(global: &Global, config: &Config, command: JobsCommand) -> anyhow::Result<()> {
    let mut client = connect(global, config).await?;
    match command {
        JobsCommand::Failed => {
            let page: JobPage = client.get("/api/v1/jobs").await?;
            if global.json {
                show::json(&page)?;
            } else {
                for job in &page.jobs {
                    println!(
                        "{}  {}  {}",
                        job.image_id,
                        job.case_id,
                        job.reason.as_deref().unwrap_or_default()
                    );
                }
                println!("{} failed jobs", page.total);
            }
        }
        JobsCommand::Retry => {
            client.start_worker();
            let answer: serde_json::Value = client.post("/api/v1/jobs/retry", &json!({})).await?;
            let mut status: Status = client.get("/api/v1/status").await?;
            while status.jobs.queued + status.jobs.running > 0 {
                if let Some(reason) = status.not_encoding {
                    bail!("{reason}; the jobs wait, and are run once that is done");
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
                status = client.get("/api/v1/status").await?;
            }
            if global.json {
                show::json(
                    &json!({ "requeued": answer["requeued"], "failed": status.jobs.failed }),
                )?;
            } else {
                println!(
                    "{} jobs were run again, {} have failed",
                    answer["requeued"], status.jobs.failed
                );
            }
        }
    }
    client.close().await
}

#[cfg(test)]
mod tests {
    #[test]
    fn an_id_is_one_segment_of_a_path() {
        assert_eq!(super::segment("c-1"), "c-1");
        assert_eq!(super::segment("a/b ?"), "a%2Fb%20%3F");
    }
}
