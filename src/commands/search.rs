//! `casekin search`.

use std::collections::BTreeMap;
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
    if args.text.is_none()
        && args.images.is_empty()
        && args.case.is_none()
        && args.relevant.is_empty()
    {
        bail!("nothing to search for: give --text, --image, --case or --relevant");
    }
    let (ways, weights) = ways(&args.ways)?;
    let client = connect(global, config).await?;
    let mut images = Vec::new();
    for path in &args.images {
        let kept = keep_picture(&client, path).await?;
        images.push(ImageQuery {
            image_id: kept.id,
            frame: None,
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
        relevant: args.relevant,
        not_relevant: args.not_relevant,
        filters: args.filters,
        top: Some(args.top),
        ways,
        weights,
        aggregate: args.aggregate.map(Into::into),
        keep_duplicates: args.keep_duplicates,
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

/// Ways that take part, where not all of them do, and how much each counts.
pub type Ways = (Option<Vec<Way>>, BTreeMap<Way, f64>);

/// Reads `report=2,image`.
pub fn ways(names: &[String]) -> anyhow::Result<Ways> {
    let (mut ways, mut weights) = (Vec::new(), BTreeMap::new());
    for text in names {
        let (name, weight) = match text.split_once('=') {
            Some((name, weight)) => (name.trim(), Some(weight.trim())),
            None => (text.trim(), None),
        };
        let Some(way) = Way::ALL.into_iter().find(|way| way.name() == name) else {
            let all: Vec<&str> = Way::ALL.iter().map(|way| way.name()).collect();
            bail!("--ways {name}: the ways are {}", all.join(", "));
        };
        if ways.contains(&way) {
            bail!("--ways {name}: each way is named once");
        }
        if let Some(weight) = weight {
            let number = weight.parse();
            let number = number.with_context(|| format!("--ways {text}: {weight:?} is no number"));
            weights.insert(way, number?);
        }
        ways.push(way);
    }
    Ok(((!ways.is_empty()).then_some(ways), weights))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ways_have_weights() {
        let names = ["report=2", "image"].map(str::to_owned);
        let (some, weights) = ways(&names).unwrap();
        assert_eq!(some, Some(vec![Way::Report, Way::Image]));
        assert_eq!(weights, BTreeMap::from([(Way::Report, 2.0)]));
        assert_eq!(ways(&[]).unwrap(), (None, BTreeMap::new()));
        for wrong in ["sound", "report=loud", "report,report"] {
            let names: Vec<String> = wrong.split(',').map(str::to_owned).collect();
            assert!(ways(&names).is_err(), "{wrong}");
        }
    }
}
