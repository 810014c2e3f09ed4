//! `casekin search`.

use std::process::ExitCode;

use anyhow::{Context as _, bail};
use axum::http::Method;
use casekin_engine::{ImageQuery, QueryPictureRecord, SearchAnswer, SearchRequest, Way};

use super::connect;
use crate::cli::{Global, SearchArgs};
use crate::client::{Client, Content, Part};
use crate::config::Config;
use crate::show;

pub async fn run(global: &Global, config: &Config, args: SearchArgs) -> anyhow::Result<ExitCode> {
    if let Some(file) = args.batch.clone() {
        return super::batch::run(global, config, args, &file).await;
    }
    if args.text.is_none() && args.images.is_empty() && args.case.is_none() {
        bail!("nothing to search for: give --text, --image or --case");
    }
    let ways = ways(&args.ways)?;
    let client = connect(global, config).await?;
    let mut images = Vec::new();
    for path in &args.images {
        let kept = keep_picture(&client, path).await?;
        images.push(ImageQuery {
            image_id: kept.id,
            frame: 0,
            box_px: None,
        });
    }
    if let (Some(roi), Some(last)) = (args.roi, images.last_mut()) {
        last.box_px = Some(roi);
    }
    let request = SearchRequest {
        text: args.text,
        images,
        case: args.case,
        filters: args.filters,
        top: Some(args.top),
        ways,
        all: args.all,
        any_modality: args.any_modality,
        same_patient: args.same_patient,
    };
    let answer: SearchAnswer = client.post("/api/v1/search", &request).await?;
    client.close().await?;
    if global.json {
        show::json(&answer)?;
    } else {
        show::answer(&answer);
    }
    Ok(ExitCode::SUCCESS)
}

pub fn ways(names: &[String]) -> anyhow::Result<Option<Vec<Way>>> {
    if names.is_empty() {
        return Ok(None);
    }
    let parse = |name: &String| {
        serde_json::from_value::<Way>(serde_json::Value::String(name.clone()))
            .with_context(|| format!("--ways {name}: the ways are report, image and text_to_image"))
    };
    names
        .iter()
        .map(parse)
        .collect::<anyhow::Result<_>>()
        .map(Some)
}

/// Gives the library a picture as a question.
pub async fn keep_picture(
    client: &Client,
    path: &std::path::Path,
) -> anyhow::Result<QueryPictureRecord> {
    let bytes =
        std::fs::read(path).with_context(|| format!("{} cannot be read", path.display()))?;
    let part = Part {
        name: "picture",
        file_name: Some("picture".to_owned()),
        bytes,
    };
    let kept = client
        .ask(
            Method::POST,
            "/api/v1/query-images",
            Content::Form(vec![part]),
        )
        .await;
    kept.with_context(|| format!("{} cannot be searched with", path.display()))
}
