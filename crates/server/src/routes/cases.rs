//! Cases: list, show, look up, delete.

use std::sync::Arc;

use axum::extract::Query;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use casekin_engine::{CaseIdentityRecord, CasePage, CaseRecord};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api_error::{ApiError, ApiErrorBody};
use crate::auth::{Caller, Role};
use crate::state::App;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(show, delete))
        .routes(routes!(identity))
        .routes(routes!(launch))
}

#[derive(Deserialize, IntoParams)]
#[expect(
    dead_code,
    reason = "describes the query for OpenAPI; it is read by `page_and_filters`"
)]
struct ListQuery {
    /// Page, counted from 0.
    page: Option<u32>,
    /// Filter, e.g. `modality=CT`; may be given several times.
    filter: Option<Vec<String>>,
}

/// Lists cases, the last added first.
#[utoipa::path(get, operation_id = "list_cases", path = "/api/v1/cases", tag = "cases", params(ListQuery),
    responses((status = 200, body = CasePage), (status = "4XX", body = ApiErrorBody)))]
async fn list(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    RawQuery(query): RawQuery,
) -> Result<Json<CasePage>, ApiError> {
    caller.require(Role::Reader)?;
    let (page, filters) = page_and_filters(query.as_deref().unwrap_or_default())?;
    Ok(Json(app.library.cases(page, &filters).await?))
}

fn page_and_filters(query: &str) -> Result<(u32, Vec<String>), ApiError> {
    let (mut page, mut filters) = (0, Vec::new());
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        match name.as_ref() {
            "page" => {
                page = value
                    .parse()
                    .map_err(|_| ApiError::bad_request("page is a whole number from 0"))?
            }
            "filter" => filters.push(value.into_owned()),
            _ => return Err(ApiError::bad_request("the parameters are page and filter")),
        }
    }
    Ok((page, filters))
}

/// Shows a case.
#[utoipa::path(get, operation_id = "show_case", path = "/api/v1/cases/{id}", tag = "cases", params(("id" = String, Path)),
    responses((status = 200, body = CaseRecord), (status = "4XX", body = ApiErrorBody)))]
async fn show(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<Json<CaseRecord>, ApiError> {
    caller.require(Role::Reader)?;
    let case = app.library.case(&id, caller.local_command).await?;
    app.library
        .audit(&caller.actor, "show case", vec![case.case_id.clone()])
        .await?;
    Ok(Json(case))
}

/// Deletes a case; nothing of it is left.
#[utoipa::path(delete, operation_id = "delete_case", path = "/api/v1/cases/{id}", tag = "cases", params(("id" = String, Path)),
    responses((status = 204), (status = "4XX", body = ApiErrorBody)))]
async fn delete(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    caller.require(Role::Admin)?;
    app.library.delete_case(&id).await?;
    app.library
        .audit(&caller.actor, "delete case", vec![id])
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Accession and Study Instance UID of a case; for curators and admins.
#[utoipa::path(get, path = "/api/v1/cases/{id}/identity", tag = "cases", params(("id" = String, Path)),
    responses((status = 200, body = CaseIdentityRecord), (status = "4XX", body = ApiErrorBody)))]
async fn identity(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<Json<CaseIdentityRecord>, ApiError> {
    caller.require(Role::Curator)?;
    let identity = app.library.case_identity(&id).await?;
    app.library
        .audit(&caller.actor, "show identity", vec![id])
        .await?;
    Ok(Json(identity))
}

#[derive(Deserialize, IntoParams)]
struct LaunchQuery {
    /// Study Instance UID.
    study: Option<String>,
    /// Accession number.
    accession: Option<String>,
}

/// The cases of an accession or a study.
#[derive(Serialize, ToSchema)]
struct Launched {
    case_ids: Vec<String>,
}

/// Finds the case of a study or accession, for a launch out of a viewer or a laboratory system; for curators and admins.
#[utoipa::path(get, path = "/api/v1/launch", tag = "cases", params(LaunchQuery),
    responses((status = 200, body = Launched), (status = "4XX", body = ApiErrorBody)))]
async fn launch(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Query(query): Query<LaunchQuery>,
) -> Result<Json<Launched>, ApiError> {
    caller.require(Role::Curator)?;
    if query.study.is_none() && query.accession.is_none() {
        return Err(ApiError::bad_request("give study=UID or accession=N"));
    }
    let case_ids = app
        .library
        .find_cases(query.accession.as_deref(), query.study.as_deref())
        .await?;
    app.library
        .audit(&caller.actor, "launch", case_ids.clone())
        .await?;
    Ok(Json(Launched { case_ids }))
}
