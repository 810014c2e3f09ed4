//! The summary, as server-sent events.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::State;
use axum::response::sse::{Event as SseEvent, KeepAlive, Sse};
use axum::{Extension, Json};
use casekin_engine::{EvidenceItem, SearchRequest};
use casekin_summary::{Event, Evidence, Passage, Polarity, Question, summarise};
use futures::{Stream, StreamExt as _};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api_error::{ApiError, ApiErrorBody};
use crate::auth::{Caller, Role};
use crate::state::App;

/// Cases summarised when nothing else is asked for.
const DEFAULT_CASES: u32 = 5;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(summary))
}

/// What to summarise.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SummaryRequest {
    /// The question whose answer is summarised.
    search: SearchRequest,
    /// How many of its hits, 1 to 10; 5 when left out.
    top: Option<u32>,
}

/// A numbered case that sentences cite.
#[derive(Serialize)]
struct Cited<'a> {
    number: u32,
    case_id: &'a str,
    title: &'a str,
}

/// Summarises the best hits: every sentence cites a case and is checked against the cited text.
///
/// Each event's data is JSON: `started` (writer, evidence), `sentence` (text, citations, verdict), `done`, `failed`.
#[utoipa::path(post, path = "/api/v1/summary", tag = "search", request_body = SummaryRequest,
    responses((status = 200, content_type = "text/event-stream", body = String), (status = "4XX", body = ApiErrorBody)))]
async fn summary(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Json(request): Json<SummaryRequest>,
) -> Result<Sse<impl Stream<Item = Result<SseEvent, Infallible>>>, ApiError> {
    caller.require(Role::Reader)?;
    let top = request.top.unwrap_or(DEFAULT_CASES).clamp(1, 10);
    let search = SearchRequest {
        top: Some(request.search.top.unwrap_or(top).max(top)),
        ..request.search
    };
    let answer = app.library.search(search).await?;
    let evidence = app.library.evidence(&answer, top as usize).await?;
    app.library
        .audit(
            &caller.actor,
            "summary",
            evidence.iter().map(|item| item.case_id.clone()).collect(),
        )
        .await?;
    let words = answer.query.text.as_deref().unwrap_or_default();
    let question = Question {
        text: Some(words.to_owned()).filter(|words| !words.is_empty()),
        absent: app.library.absent_words(words),
        pictures: answer.query.images.len() as u32 + u32::from(answer.query.case.is_some()),
    };
    let events = summarise(
        &app.summary,
        question,
        evidence.iter().map(as_evidence).collect(),
    );
    Ok(
        Sse::new(events.map(move |event| Ok(sse(&event, &evidence))))
            .keep_alive(KeepAlive::default()),
    )
}

fn sse(event: &Event, evidence: &[EvidenceItem]) -> SseEvent {
    let mut data = serde_json::to_value(event).unwrap_or_default();
    if let (Event::Started { .. }, Some(object)) = (event, data.as_object_mut()) {
        let cited: Vec<_> = evidence
            .iter()
            .map(|item| Cited {
                number: item.number,
                case_id: &item.case_id,
                title: &item.title,
            })
            .collect();
        object.insert(
            "evidence".to_owned(),
            serde_json::to_value(cited).unwrap_or_default(),
        );
    }
    SseEvent::default().data(data.to_string())
}

fn as_evidence(item: &EvidenceItem) -> Evidence {
    let polarity = |name: &str| match name {
        "negated" => Polarity::Negated,
        "uncertain" => Polarity::Uncertain,
        "historical" => Polarity::Historical,
        _ => Polarity::Affirmed,
    };
    Evidence {
        number: item.number,
        case_id: item.case_id.clone(),
        title: item.title.clone(),
        labels: item.labels.clone(),
        similarity: item.similarity,
        passages: item
            .passages
            .iter()
            .map(|passage| Passage {
                text: passage.text.clone(),
                polarity: polarity(&passage.polarity),
                impression: passage.impression,
            })
            .collect(),
    }
}
