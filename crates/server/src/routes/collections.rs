//! Collections: cases put together by hand.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use casekin_engine::{CollectionRecord, ItemChange};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api_error::{ApiError, ApiErrorBody};
use crate::auth::{Caller, Role};
use crate::spreadsheet::harmless;
use crate::state::App;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show, change, delete))
        .routes(routes!(add))
        .routes(routes!(change_item, remove))
        .routes(routes!(export))
}

type Answer = Result<Json<CollectionRecord>, ApiError>;

/// All collections.
#[utoipa::path(get, operation_id = "list_collections", path = "/api/v1/collections", tag = "collections",
    responses((status = 200, body = Vec<CollectionRecord>), (status = "4XX", body = ApiErrorBody)))]
async fn list(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<Vec<CollectionRecord>>, ApiError> {
    caller.require(Role::Reader)?;
    Ok(Json(app.library.collections().await?))
}

/// A new collection.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewCollection {
    name: String,
}

/// Makes a collection.
#[utoipa::path(post, path = "/api/v1/collections", tag = "collections", request_body = NewCollection,
    responses((status = 201, body = CollectionRecord), (status = "4XX", body = ApiErrorBody)))]
async fn create(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Json(new): Json<NewCollection>,
) -> Result<(StatusCode, Json<CollectionRecord>), ApiError> {
    caller.require(Role::Curator)?;
    Ok((
        StatusCode::CREATED,
        Json(app.library.create_collection(&new.name).await?),
    ))
}

/// A collection with its cases in order.
#[utoipa::path(get, operation_id = "show_collection", path = "/api/v1/collections/{id}", tag = "collections", params(("id" = String, Path)),
    responses((status = 200, body = CollectionRecord), (status = "4XX", body = ApiErrorBody)))]
async fn show(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Answer {
    caller.require(Role::Reader)?;
    Ok(Json(app.library.collection(&id).await?))
}

/// What of a collection changes.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CollectionChange {
    name: String,
}

/// Gives a collection another name.
#[utoipa::path(patch, path = "/api/v1/collections/{id}", tag = "collections", params(("id" = String, Path)),
    request_body = CollectionChange,
    responses((status = 200, body = CollectionRecord), (status = "4XX", body = ApiErrorBody)))]
async fn change(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    Json(change): Json<CollectionChange>,
) -> Answer {
    caller.require(Role::Curator)?;
    Ok(Json(
        app.library.rename_collection(&id, &change.name).await?,
    ))
}

/// Deletes a collection; its cases stay in the library.
#[utoipa::path(delete, operation_id = "delete_collection", path = "/api/v1/collections/{id}", tag = "collections", params(("id" = String, Path)),
    responses((status = 204), (status = "4XX", body = ApiErrorBody)))]
async fn delete(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    caller.require(Role::Curator)?;
    app.library.delete_collection(&id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A case to add.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Addition {
    case_id: String,
    #[serde(default)]
    note: String,
}

/// Adds a case.
#[utoipa::path(post, operation_id = "add_to_collection", path = "/api/v1/collections/{id}/cases", tag = "collections", params(("id" = String, Path)),
    request_body = Addition,
    responses((status = 200, body = CollectionRecord), (status = "4XX", body = ApiErrorBody)))]
async fn add(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    Json(addition): Json<Addition>,
) -> Answer {
    caller.require(Role::Curator)?;
    Ok(Json(
        app.library
            .add_to_collection(&id, &addition.case_id, &addition.note)
            .await?,
    ))
}

/// What of a case in a collection changes.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CaseChange {
    note: Option<String>,
    /// Place, from 0.
    position: Option<u32>,
}

/// Changes a case's note or place.
#[utoipa::path(patch, path = "/api/v1/collections/{id}/cases/{case_id}", tag = "collections",
    params(("id" = String, Path), ("case_id" = String, Path)), request_body = CaseChange,
    responses((status = 200, body = CollectionRecord), (status = "4XX", body = ApiErrorBody)))]
async fn change_item(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Path((id, case_id)): Path<(String, String)>,
    Json(change): Json<CaseChange>,
) -> Answer {
    caller.require(Role::Curator)?;
    let change = ItemChange {
        note: change.note,
        position: change.position,
    };
    Ok(Json(
        app.library
            .change_collection_item(&id, &case_id, change)
            .await?,
    ))
}

/// Takes a case out; it stays in the library.
#[utoipa::path(delete, path = "/api/v1/collections/{id}/cases/{case_id}", tag = "collections",
    params(("id" = String, Path), ("case_id" = String, Path)),
    responses((status = 200, body = CollectionRecord), (status = "4XX", body = ApiErrorBody)))]
async fn remove(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Path((id, case_id)): Path<(String, String)>,
) -> Answer {
    caller.require(Role::Curator)?;
    Ok(Json(
        app.library.remove_from_collection(&id, &case_id).await?,
    ))
}

/// A collection as CSV: position, case_id, title, labels, note.
#[utoipa::path(get, path = "/api/v1/collections/{id}/export.csv", tag = "collections", params(("id" = String, Path)),
    responses((status = 200, content_type = "text/csv", body = String), (status = "4XX", body = ApiErrorBody)))]
async fn export(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    caller.require(Role::Reader)?;
    let collection = app.library.collection(&id).await?;
    let mut table = csv::Writer::from_writer(Vec::new());
    let mut write = |cells: [&str; 5]| table.write_record(cells.map(harmless));
    let rows = collection.items.iter().flatten().map(|item| {
        let (position, labels) = ((item.position + 1).to_string(), item.labels.join("|"));
        write([&position, &item.case_id, &item.title, &labels, &item.note])
    });
    let written: Result<(), csv::Error> = rows.collect();
    let failed = |_| ApiError::bad_request("this collection cannot be written as CSV");
    written.map_err(failed)?;
    let body = table
        .into_inner()
        .map_err(|_| ApiError::bad_request("this collection cannot be written as CSV"))?;
    let body = [b"position,case_id,title,labels,note\n".as_slice(), &body].concat();
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
        (
            header::CONTENT_DISPOSITION,
            "attachment; filename=\"collection.csv\"",
        ),
    ];
    Ok((headers, body).into_response())
}
