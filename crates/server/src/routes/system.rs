//! Status and metrics.

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use casekin_engine::Status;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api_error::{ApiError, ApiErrorBody};
use crate::auth::{Caller, Role};
use crate::state::App;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(status))
        .routes(routes!(metrics))
}

/// How the library stands.
#[utoipa::path(get, path = "/api/v1/status", tag = "system",
    responses((status = 200, body = Status), (status = "4XX", body = ApiErrorBody)))]
async fn status(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<Status>, ApiError> {
    caller.require(Role::Reader)?;
    let mut status = app.library.status().await?;
    if app.summary.url.is_some() {
        status.summary_writer.clone_from(&app.summary.model);
    }
    Ok(Json(status))
}

/// Numbers for Prometheus.
#[utoipa::path(get, path = "/metrics", tag = "system",
    responses((status = 200, content_type = "text/plain", body = String), (status = "4XX", body = ApiErrorBody)))]
async fn metrics(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
) -> Result<String, ApiError> {
    caller.require(Role::Reader)?;
    let status = app.library.status().await?;
    let encoder = app.library.encoder_work();
    let gauges = [
        ("casekin_cases", status.cases),
        ("casekin_images", status.images),
        ("casekin_vectors", status.vectors),
        ("casekin_jobs_queued", status.jobs.queued),
        ("casekin_jobs_running", status.jobs.running),
        ("casekin_jobs_failed", status.jobs.failed),
        (
            "casekin_index_behind",
            status.index.latest.saturating_sub(status.index.applied),
        ),
        ("casekin_encoder_waiting", encoder.waiting),
        ("casekin_encoder_ran", encoder.ran),
    ];
    for (name, value) in gauges {
        metrics::gauge!(name).set(value as f64);
    }
    Ok(app
        .metrics
        .as_ref()
        .map(|handle| handle.render())
        .unwrap_or_default())
}
