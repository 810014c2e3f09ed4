//! `casekin search --batch`: a file of queries, a table of hits.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use casekin_engine::{Hit, ImageQuery, SearchAnswer, SearchRequest};
use casekin_server::harmless;
use serde::Deserialize;
use serde_json::json;

use super::search::{keep_picture, ways};
use super::{SOME_FAILED, connect};
use crate::cli::{Global, SearchArgs};
use crate::client::Client;
use crate::config::Config;
use crate::progress::bar;
use crate::show;

/// Columns of the table; the last four are what the same question must meet to have the same answer.
const HEADER: [&str; 13] = [
    "line",
    "query",
    "rank",
    "case_id",
    "score",
    "similarity",
    "found_by",
    "labels",
    "note",
    "model",
    "profile",
    "pipeline_version",
    "index_seq",
];

/// One query of the file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Query {
    id: String,
    text: Option<String>,
    #[serde(deserialize_with = "one_or_many")]
    image: Vec<String>,
    case: Option<String>,
    #[serde(deserialize_with = "one_or_many")]
    relevant: Vec<String>,
    #[serde(deserialize_with = "one_or_many")]
    not_relevant: Vec<String>,
    #[serde(deserialize_with = "one_or_many")]
    filters: Vec<String>,
    top: Option<u32>,
}

/// A row of a table. Every cell is text, whatever it looks like: 000123 is the name of a file.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Row {
    id: String,
    text: String,
    image: String,
    case: String,
    relevant: String,
    not_relevant: String,
    filters: String,
    top: Option<u32>,
}

impl From<Row> for Query {
    fn from(row: Row) -> Self {
        let filled = |cell: String| (!cell.is_empty()).then_some(cell);
        Self {
            id: row.id,
            text: filled(row.text),
            image: parts_of(&row.image),
            case: filled(row.case),
            relevant: parts_of(&row.relevant),
            not_relevant: parts_of(&row.not_relevant),
            filters: parts_of(&row.filters),
            top: row.top,
        }
    }
}

/// Strings with ";" between them.
fn parts_of(cell: &str) -> Vec<String> {
    let parts = cell.split(';').map(str::trim);
    parts
        .filter(|part| !part.is_empty())
        .map(str::to_owned)
        .collect()
}

/// A list of strings, or one string with ";" between its parts.
fn one_or_many<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        One(String),
        Many(Vec<String>),
    }
    Ok(match Either::deserialize(from)? {
        Either::One(cell) => parts_of(&cell),
        Either::Many(parts) => parts.into_iter().filter(|part| !part.is_empty()).collect(),
    })
}

/// A query, or why its line is none, with the line's number.
type Line = (u64, Result<Query, String>);

pub async fn run(
    global: &Global,
    config: &Config,
    args: SearchArgs,
    file: &Path,
) -> anyhow::Result<ExitCode> {
    let out = args.csv.clone().context("--batch needs --csv OUT")?;
    let lines = read(file)?;
    let folder = file.parent().map(Path::to_path_buf).unwrap_or_default();
    let mut table = csv::Writer::from_path(&out)
        .with_context(|| format!("{} cannot be written", out.display()))?;
    table.write_record(HEADER)?;
    let client = connect(global, config).await?;
    let shown = bar("search", global.json);
    shown.set_length(lines.len() as u64);
    let (mut failed, mut hits) = (0_u64, 0_usize);
    let queries = lines.len();
    for (line, query) in lines {
        let id = query
            .as_ref()
            .map_or_else(|_| String::new(), |query| query.id.clone());
        let answer = match query {
            Ok(query) => ask(&client, &args, query, &folder)
                .await
                .map_err(|error| format!("{error:#}")),
            Err(reason) => Err(reason),
        };
        match answer {
            Ok(answer) => {
                hits += answer.hits.len();
                // A question without an answer has a row of its own, so that none is missed.
                if answer.hits.is_empty() {
                    let why = if answer.no_match {
                        "no good match"
                    } else {
                        "no case matches"
                    };
                    table.write_record(row_without_hit((line, &id), why, provenance(&answer)))?;
                }
                for hit in &answer.hits {
                    table.write_record(row((line, &id), hit, provenance(&answer)))?;
                }
            }
            Err(reason) => {
                failed += 1;
                let unanswered = [const { String::new() }; 4];
                table.write_record(row_without_hit((line, &id), &reason, unanswered))?;
            }
        }
        shown.inc(1);
    }
    table.flush()?;
    shown.finish_and_clear();
    client.close().await?;
    if global.json {
        show::json(&json!({ "queries": queries, "failed": failed, "hits": hits }))?;
    } else {
        println!("{queries} queries, {hits} hits, {failed} queries failed");
    }
    Ok(if failed > 0 {
        ExitCode::from(SOME_FAILED)
    } else {
        ExitCode::SUCCESS
    })
}

async fn ask(
    client: &Client,
    args: &SearchArgs,
    query: Query,
    folder: &Path,
) -> anyhow::Result<SearchAnswer> {
    let filled = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
    let (ways, weights) = ways(&args.ways)?;
    let mut request = SearchRequest {
        text: filled(query.text),
        case: filled(query.case),
        relevant: query.relevant,
        not_relevant: query.not_relevant,
        filters: args.filters.iter().cloned().chain(query.filters).collect(),
        top: Some(query.top.unwrap_or(args.top)),
        ways,
        weights,
        aggregate: args.aggregate.map(Into::into),
        keep_duplicates: args.keep_duplicates,
        all: args.all,
        any_modality: args.any_modality,
        same_patient: args.same_patient,
        ..SearchRequest::default()
    };
    for path in query.image {
        let kept = keep_picture(client, &folder.join(PathBuf::from(path))).await?;
        request.images.push(ImageQuery {
            image_id: kept.id,
            frame: None,
            box_px: None,
        });
    }
    client.post("/api/v1/search", &request).await
}

/// Model, profile, pipeline version and index sequence.
fn provenance(answer: &SearchAnswer) -> [String; 4] {
    let model = answer.model.as_ref();
    [
        model.map(|model| model.id.clone()).unwrap_or_default(),
        model.map(|model| model.profile.clone()).unwrap_or_default(),
        answer.pipeline_version.to_string(),
        answer.index_seq.to_string(),
    ]
}

fn row_without_hit((line, id): (u64, &str), why: &str, from: [String; 4]) -> Vec<String> {
    let line = line.to_string();
    let cells = [line.as_str(), id, "", "", "", "", "", "", why].map(harmless);
    cells.into_iter().chain(from).collect()
}

fn row((line, id): (u64, &str), hit: &Hit, from: [String; 4]) -> Vec<String> {
    let found: Vec<String> = hit
        .found_by
        .iter()
        .map(|found| format!("{}#{}", found.way.name(), found.rank))
        .collect();
    let cells = [
        line.to_string(),
        harmless(id),
        hit.rank.to_string(),
        harmless(&hit.case_id),
        hit.score.to_string(),
        hit.similarity
            .map(|cosine| cosine.to_string())
            .unwrap_or_default(),
        found.join("|"),
        harmless(&hit.labels.join("|")),
        String::new(),
    ];
    cells.into_iter().chain(from).collect()
}

/// Reads CSV, or JSON Lines where the first character is a brace.
fn read(file: &Path) -> anyhow::Result<Vec<Line>> {
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("{} cannot be read as UTF-8", file.display()))?;
    let text = text.trim_start_matches('\u{feff}');
    let lines = if text.trim_start().starts_with('{') {
        read_json(text)
    } else {
        read_csv(text)?
    };
    if lines.is_empty() {
        bail!("{} holds no query", file.display());
    }
    Ok(lines)
}

fn read_json(text: &str) -> Vec<Line> {
    let lines = (1..)
        .zip(text.lines())
        .filter(|(_, line)| !line.trim().is_empty());
    let query = |line: &str| serde_json::from_str(line).map_err(|error| error.to_string());
    lines.map(|(number, line)| (number, query(line))).collect()
}

fn read_csv(text: &str) -> anyhow::Result<Vec<Line>> {
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    const COLUMNS: [&str; 8] = [
        "id",
        "text",
        "image",
        "case",
        "relevant",
        "not_relevant",
        "filters",
        "top",
    ];
    if let Some(other) = reader
        .headers()?
        .iter()
        .find(|name| !COLUMNS.contains(name))
    {
        bail!("the column {other:?} is none of {}", COLUMNS.join(", "));
    }
    let headers = reader.headers()?.clone();
    let mut lines = Vec::new();
    for record in reader.into_records() {
        let line = match record {
            Ok(record) => {
                let number = record.position().map_or(0, csv::Position::line);
                (
                    number,
                    record
                        .deserialize(Some(&headers))
                        .map(Row::into)
                        .map_err(|error| error.to_string()),
                )
            }
            Err(error) => (
                error.position().map_or(0, csv::Position::line),
                Err(error.to_string()),
            ),
        };
        lines.push(line);
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_and_lines_of_json_say_the_same() {
        let table =
            "id,text,image,filters,top\na,mass,x.png; y.png,sex=F;age=40..60,5\nb,,,,\nc,,,,many\n";
        let read = read_csv(table).unwrap();
        let first = read[0].1.as_ref().unwrap();
        assert_eq!(first.image, ["x.png", "y.png"]);
        assert_eq!(first.filters, ["sex=F", "age=40..60"]);
        assert_eq!((read[0].0, first.top), (2, Some(5)));
        assert!(read[1].1.as_ref().unwrap().image.is_empty());
        assert!(read[2].1.is_err());
        let lines = read_json(
            "{\"id\":\"a\",\"image\":[\"x.png\"],\"filters\":\"sex=F\"}\n\n{\"shape\":1}\n",
        );
        assert_eq!(lines[0].1.as_ref().unwrap().image, ["x.png"]);
        assert_eq!(lines[1].0, 3);
        assert!(lines[1].1.is_err());
    }

    #[test]
    fn a_cell_of_figures_is_text() {
        let table = "id,text,image,case,relevant,filters\n007,42,000123;1e3,0001,1;true,1.50\n";
        let read = read_csv(table).unwrap();
        let query = read[0].1.as_ref().unwrap();
        assert_eq!(query.id, "007");
        assert_eq!(query.text.as_deref(), Some("42"));
        assert_eq!(query.image, ["000123", "1e3"]);
        assert_eq!(query.case.as_deref(), Some("0001"));
        assert_eq!(query.relevant, ["1", "true"]);
        assert_eq!(query.filters, ["1.50"]);
        let alone = read_csv("image\n000123\n").unwrap();
        assert_eq!(alone[0].1.as_ref().unwrap().image, ["000123"]);
    }

    #[test]
    fn a_column_that_means_nothing_is_refused() {
        assert!(read_csv("id,colour\na,red\n").is_err());
    }
}
