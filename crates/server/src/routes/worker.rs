//! Workers on other machines: they lease jobs, fetch bytes, hand back views and vectors.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use casekin_engine::{WorkerJob, WorkerMeasure, WorkerResult};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api_error::{ApiError, ApiErrorBody};
use crate::auth::{Caller, Role};
use crate::state::App;

/// Header that proves a lease.
const LEASE: &str = "x-casekin-lease";

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(measure))
        .routes(routes!(lease))
        .routes(routes!(object))
        .routes(routes!(renew))
        .routes(routes!(complete))
        .routes(routes!(fail))
}

/// The model to encode with, and the vectors that it must give on a worker's machine before it does.
#[utoipa::path(get, operation_id = "worker_self_check", path = "/api/v1/worker/self-check", tag = "worker",
    responses((status = 200, body = WorkerMeasure), (status = "4XX", body = ApiErrorBody)))]
async fn measure(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<WorkerMeasure>, ApiError> {
    caller.require(Role::Admin)?;
    Ok(Json(app.library.worker_measure().await?))
}

/// Leases the next job; 204 when there is none.
#[utoipa::path(post, path = "/api/v1/worker/lease", tag = "worker",
    responses((status = 200, body = WorkerJob), (status = 204), (status = "4XX", body = ApiErrorBody)))]
async fn lease(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
) -> Result<Response, ApiError> {
    caller.require(Role::Admin)?;
    Ok(match app.library.lease_remote(&caller.actor).await? {
        Some(job) => Json(job).into_response(),
        None => StatusCode::NO_CONTENT.into_response(),
    })
}

fn lease_token(headers: &HeaderMap) -> Result<&str, ApiError> {
    let token = headers.get(LEASE).and_then(|token| token.to_str().ok());
    token.ok_or_else(|| ApiError::bad_request(format!("the header {LEASE} is missing")))
}

/// The bytes that a job is about.
#[utoipa::path(get, path = "/api/v1/worker/jobs/{id}/object", tag = "worker",
    params(("id" = u64, Path), ("x-casekin-lease" = String, Header)),
    responses((status = 200, content_type = "application/octet-stream", body = Vec<u8>), (status = "4XX", body = ApiErrorBody)))]
async fn object(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<u64>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    caller.require(Role::Admin)?;
    let bytes = app
        .library
        .remote_object(id, lease_token(&headers)?)
        .await?;
    Ok(([(header::CONTENT_TYPE, "application/octet-stream")], bytes).into_response())
}

/// Keeps a lease.
#[utoipa::path(post, path = "/api/v1/worker/jobs/{id}/renew", tag = "worker",
    params(("id" = u64, Path), ("x-casekin-lease" = String, Header)),
    responses((status = 204), (status = "4XX", body = ApiErrorBody)))]
async fn renew(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<u64>,
    headers: HeaderMap,
) -> Result<StatusCode, ApiError> {
    caller.require(Role::Admin)?;
    app.library.renew_remote(id, lease_token(&headers)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Hands views and vectors back.
#[utoipa::path(post, path = "/api/v1/worker/jobs/{id}/complete", tag = "worker", params(("id" = u64, Path)),
    request_body = WorkerResult, responses((status = 204), (status = "4XX", body = ApiErrorBody)))]
async fn complete(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<u64>,
    Json(result): Json<WorkerResult>,
) -> Result<StatusCode, ApiError> {
    caller.require(Role::Admin)?;
    app.library.complete_remote(id, result).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Why a job was not done.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Failure {
    reason: String,
    /// Put it back into the queue.
    #[serde(default)]
    retry: bool,
}

/// Says why a job was not done, or gives it back.
#[utoipa::path(post, path = "/api/v1/worker/jobs/{id}/fail", tag = "worker",
    params(("id" = u64, Path), ("x-casekin-lease" = String, Header)), request_body = Failure,
    responses((status = 204), (status = "4XX", body = ApiErrorBody)))]
async fn fail(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<u64>,
    headers: HeaderMap,
    Json(failure): Json<Failure>,
) -> Result<StatusCode, ApiError> {
    caller.require(Role::Admin)?;
    app.library
        .fail_remote(id, lease_token(&headers)?, &failure.reason, failure.retry)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
