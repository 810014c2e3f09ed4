//! Evaluation on the library's own cases, and their vectors for those who evaluate elsewhere.

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use casekin_engine::{
    ExportPage, ExportRequest, RecallReport, RecallRequest, RetrievalReport, RetrievalRequest,
};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api_error::{ApiError, ApiErrorBody};
use crate::auth::{Caller, Role};
use crate::state::App;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(retrieval))
        .routes(routes!(recall))
        .routes(routes!(export_vectors))
}

/// Evaluates retrieval, leaving one patient out at a time.
///
/// Answers when all is done, which takes as long as a search for every query; ends early when the caller goes.
#[utoipa::path(post, path = "/api/v1/eval/retrieval", tag = "evaluation", request_body = RetrievalRequest,
    responses((status = 200, body = RetrievalReport), (status = "4XX", body = ApiErrorBody)))]
async fn retrieval(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Json(request): Json<RetrievalRequest>,
) -> Result<Json<RetrievalReport>, ApiError> {
    caller.require(Role::Admin)?;
    let report = app.library.evaluate_retrieval(request).await?;
    app.library
        .audit(&caller.actor, "evaluate retrieval", Vec::new())
        .await?;
    Ok(Json(report))
}

/// Compares the index as it serves with looking at every view.
///
/// Answers when all is done; ends early when the caller goes.
#[utoipa::path(post, path = "/api/v1/eval/recall", tag = "evaluation", request_body = RecallRequest,
    responses((status = 200, body = RecallReport), (status = "4XX", body = ApiErrorBody)))]
async fn recall(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Json(request): Json<RecallRequest>,
) -> Result<Json<RecallReport>, ApiError> {
    caller.require(Role::Admin)?;
    let report = app.library.evaluate_recall(request).await?;
    app.library
        .audit(&caller.actor, "evaluate recall", Vec::new())
        .await?;
    Ok(Json(report))
}

/// One page of the library's vectors with pseudonymous ids, from the case behind `after` on.
#[utoipa::path(post, path = "/api/v1/export/vectors", tag = "evaluation", request_body = ExportRequest,
    responses((status = 200, body = ExportPage), (status = "4XX", body = ApiErrorBody)))]
async fn export_vectors(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Json(request): Json<ExportRequest>,
) -> Result<Json<ExportPage>, ApiError> {
    caller.require(Role::Admin)?;
    let first = request.after.is_none();
    let page = app.library.export_vectors(request).await?;
    if first {
        app.library
            .audit(&caller.actor, "export vectors", Vec::new())
            .await?;
    }
    Ok(Json(page))
}
