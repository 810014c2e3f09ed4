//! Evaluation on the library's own cases.

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use casekin_engine::{RetrievalReport, RetrievalRequest};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api_error::{ApiError, ApiErrorBody};
use crate::auth::{Caller, Role};
use crate::state::App;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(retrieval))
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
