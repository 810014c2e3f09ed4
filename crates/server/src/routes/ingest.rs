//! Ingest: uploads, folders of this machine, batches, failed jobs.

use std::sync::Arc;

use axum::extract::{Multipart, Path, Query, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use casekin_engine::{BatchRecord, IngestRequest, JobPage, Upload, UploadFacts};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api_error::{ApiError, ApiErrorBody};
use crate::auth::{Caller, Role};
use crate::state::App;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(upload))
        .routes(routes!(paths))
        .routes(routes!(batch))
        .routes(routes!(jobs))
        .routes(routes!(retry))
}

/// Files in parts `file`; the rest says what their case is.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the form for OpenAPI")]
struct UploadForm {
    #[schema(value_type = Vec<String>, format = Binary)]
    file: Vec<String>,
    report: Option<String>,
    case_id: Option<String>,
    title: Option<String>,
    /// Separated by `|`.
    labels: Option<String>,
}

/// Takes files in. What is answered for is durable; pictures can be found by picture once the worker has encoded them.
#[utoipa::path(post, path = "/api/v1/ingest", tag = "ingest",
    request_body(content = UploadForm, content_type = "multipart/form-data"),
    responses((status = 202, body = BatchRecord), (status = "4XX", body = ApiErrorBody)))]
async fn upload(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    mut form: Multipart,
) -> Result<(StatusCode, Json<BatchRecord>), ApiError> {
    caller.require(Role::Curator)?;
    let (mut uploads, mut facts) = (Vec::new(), UploadFacts::default());
    while let Some(field) = form
        .next_field()
        .await
        .map_err(|error| ApiError::bad_request(error.body_text()))?
    {
        let name = field.name().unwrap_or_default().to_owned();
        let file_name = field.file_name().unwrap_or_default().to_owned();
        let bytes = field
            .bytes()
            .await
            .map_err(|error| ApiError::bad_request(error.body_text()))?;
        let text = || {
            String::from_utf8(bytes.to_vec())
                .map_err(|_| ApiError::bad_request(format!("the part `{name}` is no UTF-8 text")))
        };
        match name.as_str() {
            "file" => uploads.push(Upload {
                file_name,
                bytes: bytes.to_vec(),
            }),
            "report" => facts.report = Some(text()?).filter(|text| !text.trim().is_empty()),
            "case_id" => facts.case_id = Some(text()?).filter(|text| !text.trim().is_empty()),
            "title" => facts.title = Some(text()?).filter(|text| !text.trim().is_empty()),
            "labels" => {
                facts.labels = text()?
                    .split('|')
                    .map(str::trim)
                    .filter(|label| !label.is_empty())
                    .map(str::to_owned)
                    .collect()
            }
            _ => {
                return Err(ApiError::bad_request(
                    "the parts of this form are file, report, case_id, title and labels",
                ));
            }
        }
    }
    if uploads.is_empty() {
        return Err(ApiError::bad_request("the form has no part `file`"));
    }
    let batch = app.library.ingest_uploads(uploads, facts).await?;
    app.library
        .audit(&caller.actor, "upload", vec![batch.batch_id.clone()])
        .await?;
    Ok((StatusCode::ACCEPTED, Json(batch)))
}

/// Reads files and folders of the service's machine; for commands of the same machine.
#[utoipa::path(post, path = "/api/v1/ingest/paths", tag = "ingest", request_body = IngestRequest,
    responses((status = 202, body = BatchRecord), (status = "4XX", body = ApiErrorBody)))]
async fn paths(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Json(request): Json<IngestRequest>,
) -> Result<(StatusCode, Json<BatchRecord>), ApiError> {
    caller.require(Role::Admin)?;
    if !caller.local_command {
        return Err(ApiError::forbidden(
            "paths of the service's machine are read for `casekin ingest` on that machine only; upload the files instead",
        ));
    }
    let batch = app.library.ingest(request).await?;
    app.library
        .audit(&caller.actor, "ingest", vec![batch.batch_id.clone()])
        .await?;
    Ok((StatusCode::ACCEPTED, Json(batch)))
}

/// How far a batch is.
#[utoipa::path(get, path = "/api/v1/batches/{id}", tag = "ingest", params(("id" = String, Path)),
    responses((status = 200, body = BatchRecord), (status = "4XX", body = ApiErrorBody)))]
async fn batch(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<Json<BatchRecord>, ApiError> {
    caller.require(Role::Curator)?;
    Ok(Json(
        app.library
            .batch_with_paths(&id, caller.local_command)
            .await?,
    ))
}

#[derive(Deserialize, IntoParams)]
struct JobQuery {
    /// Page, counted from 0.
    #[serde(default)]
    page: u32,
}

/// Failed jobs with their reasons.
#[utoipa::path(get, path = "/api/v1/jobs", tag = "ingest", params(JobQuery),
    responses((status = 200, body = JobPage), (status = "4XX", body = ApiErrorBody)))]
async fn jobs(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Query(query): Query<JobQuery>,
) -> Result<Json<JobPage>, ApiError> {
    caller.require(Role::Curator)?;
    Ok(Json(app.library.failed_jobs(query.page).await?))
}

/// Jobs put back into the queue.
#[derive(Serialize, Deserialize, ToSchema)]
struct Requeued {
    requeued: u64,
}

/// Runs failed jobs again.
#[utoipa::path(post, path = "/api/v1/jobs/retry", tag = "ingest",
    responses((status = 200, body = Requeued), (status = "4XX", body = ApiErrorBody)))]
async fn retry(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<Requeued>, ApiError> {
    caller.require(Role::Curator)?;
    Ok(Json(Requeued {
        requeued: app.library.retry_failed().await?,
    }))
}
