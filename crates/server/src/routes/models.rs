//! Models, re-encoding and the index.

use std::path::PathBuf;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use casekin_engine::{IndexProgress, ModelRecord};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api_error::{ApiError, ApiErrorBody};
use crate::auth::{Caller, Role};
use crate::state::App;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(list, add))
        .routes(routes!(verify))
        .routes(routes!(reencode))
        .routes(routes!(rebuild))
}

/// Models of the library, the active one first.
#[utoipa::path(get, operation_id = "list_models", path = "/api/v1/models", tag = "models",
    responses((status = 200, body = Vec<ModelRecord>), (status = "4XX", body = ApiErrorBody)))]
async fn list(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<Vec<ModelRecord>>, ApiError> {
    caller.require(Role::Reader)?;
    let mut models = app.library.models().await?;
    if !caller.local_command {
        models.iter_mut().for_each(|model| model.dir = None);
    }
    Ok(Json(models))
}

/// A model to add.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewModel {
    /// Folder on the service's machine, in Hugging Face layout.
    dir: String,
}

/// Adds a model; for commands of the same machine.
#[utoipa::path(post, operation_id = "add_model", path = "/api/v1/models", tag = "models", request_body = NewModel,
    responses((status = 201, body = ModelRecord), (status = "4XX", body = ApiErrorBody)))]
async fn add(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Json(new): Json<NewModel>,
) -> Result<(StatusCode, Json<ModelRecord>), ApiError> {
    caller.require(Role::Admin)?;
    if !caller.local_command {
        return Err(ApiError::forbidden(
            "a model is added by `casekin model add` on the service's machine",
        ));
    }
    let model = app.library.add_model(&PathBuf::from(new.dir)).await?;
    app.library
        .audit(&caller.actor, "add model", vec![model.summary.id.clone()])
        .await?;
    Ok((StatusCode::CREATED, Json(model)))
}

/// Hashes a model's files again; `active` names the active one.
#[utoipa::path(post, path = "/api/v1/models/{id}/verify", tag = "models", params(("id" = String, Path)),
    responses((status = 200, body = ModelRecord), (status = "4XX", body = ApiErrorBody)))]
async fn verify(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<Json<ModelRecord>, ApiError> {
    caller.require(Role::Admin)?;
    let name = Some(id.as_str()).filter(|id| *id != "active");
    Ok(Json(app.library.verify_model(name).await?))
}

/// What to change the model to.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ReencodeRequest {
    /// Id or name of a model; the last one added when left out.
    model: Option<String>,
    /// Preprocessing profile, "train" or "hf", with "-int8" (on a CPU), "-bf16" or "-f16" (on a GPU); the present one when left out.
    profile: Option<String>,
}

/// Begins, or resumes, encoding the whole library with another model; `GET /api/v1/status` shows how far it is.
#[utoipa::path(post, path = "/api/v1/reencode", tag = "models", request_body = ReencodeRequest,
    responses((status = 202), (status = "4XX", body = ApiErrorBody)))]
async fn reencode(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Json(request): Json<ReencodeRequest>,
) -> Result<StatusCode, ApiError> {
    caller.require(Role::Admin)?;
    app.library
        .begin_reencode(request.model, request.profile)
        .await?;
    app.library
        .audit(&caller.actor, "reencode", Vec::new())
        .await?;
    Ok(StatusCode::ACCEPTED)
}

/// Builds the search index anew from the catalog and the vector log; nothing is encoded again.
#[utoipa::path(post, path = "/api/v1/index/rebuild", tag = "models",
    responses((status = 200, body = IndexProgress), (status = "4XX", body = ApiErrorBody)))]
async fn rebuild(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<IndexProgress>, ApiError> {
    caller.require(Role::Admin)?;
    Ok(Json(app.library.rebuild_index().await?))
}
