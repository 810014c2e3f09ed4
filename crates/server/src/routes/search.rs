//! Search, query pictures, embedding.

use std::sync::Arc;

use axum::extract::{FromRequest as _, Multipart, Path, Query, Request, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use casekin_engine::{
    EmbedRequest, Embedding, ImageQuery, QueryPictureRecord, Rendering, SearchAnswer, SearchRequest,
};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api_error::{ApiError, ApiErrorBody};
use crate::auth::{Caller, Role};
use crate::state::App;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(search))
        .routes(routes!(keep_query_picture))
        .routes(routes!(query_picture))
        .routes(routes!(embed))
}

/// A question with pictures: the JSON in part `request`, a file in each part `picture`.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the form for OpenAPI")]
struct SearchForm {
    request: SearchRequest,
    #[schema(value_type = Vec<String>, format = Binary)]
    picture: Vec<String>,
}

/// Finds similar cases.
///
/// JSON, or `multipart/form-data` with the JSON in part `request` and example pictures in parts `picture`.
#[utoipa::path(post, path = "/api/v1/search", tag = "search",
    request_body(content((SearchRequest = "application/json"), (SearchForm = "multipart/form-data"))),
    responses((status = 200, body = SearchAnswer), (status = "4XX", body = ApiErrorBody)))]
async fn search(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<Json<SearchAnswer>, ApiError> {
    caller.require(Role::Reader)?;
    let multipart = request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .is_some_and(|kind| kind.starts_with("multipart/"));
    let question = if multipart {
        let form = Multipart::from_request(request, &app)
            .await
            .map_err(|error| ApiError::bad_request(error.body_text()))?;
        question_of(&app, form).await?
    } else {
        let body = Json::<SearchRequest>::from_request(request, &app).await;
        body.map_err(|error| ApiError::bad_request(error.body_text()))?
            .0
    };
    let mut answer = app.library.search(question).await?;
    metrics::histogram!("casekin_search_seconds").record(answer.took_ms as f64 / 1000.0);
    if caller.local_command {
        name_paths(&app, &mut answer).await?;
    }
    let cases = answer.hits.iter().map(|hit| hit.case_id.clone()).collect();
    app.library.audit(&caller.actor, "search", cases).await?;
    Ok(Json(answer))
}

async fn question_of(app: &App, mut form: Multipart) -> Result<SearchRequest, ApiError> {
    let mut question = SearchRequest::default();
    let mut pictures = Vec::new();
    while let Some(field) = form
        .next_field()
        .await
        .map_err(|error| ApiError::bad_request(error.body_text()))?
    {
        let name = field.name().unwrap_or_default().to_owned();
        let bytes = field
            .bytes()
            .await
            .map_err(|error| ApiError::bad_request(error.body_text()))?;
        match name.as_str() {
            "request" => {
                question = serde_json::from_slice(&bytes).map_err(|error| {
                    ApiError::bad_request(format!("the part `request` cannot be read: {error}"))
                })?;
            }
            "picture" => pictures.push(bytes.to_vec()),
            _ => {
                return Err(ApiError::bad_request(
                    "the parts of this form are `request` and `picture`",
                ));
            }
        }
    }
    for picture in pictures {
        let kept = app.library.keep_query_picture(picture).await?;
        question.images.push(ImageQuery {
            image_id: kept.id,
            frame: None,
            box_px: None,
        });
    }
    Ok(question)
}

/// The command line, and nobody else, is told where the files lie.
async fn name_paths(app: &App, answer: &mut SearchAnswer) -> Result<(), ApiError> {
    for view in answer.hits.iter_mut().flat_map(|hit| &mut hit.views) {
        view.path = app.library.image(&view.image_id, true).await?.path;
    }
    Ok(())
}

/// Part `picture`: the file.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the form for OpenAPI")]
struct PictureForm {
    #[schema(value_type = String, format = Binary)]
    picture: String,
}

/// Keeps a picture as a question for an hour; it never becomes part of the library.
#[utoipa::path(post, path = "/api/v1/query-images", tag = "search",
    request_body(content = PictureForm, content_type = "multipart/form-data"),
    responses((status = 200, body = QueryPictureRecord), (status = "4XX", body = ApiErrorBody)))]
async fn keep_query_picture(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    mut form: Multipart,
) -> Result<Json<QueryPictureRecord>, ApiError> {
    caller.require(Role::Reader)?;
    while let Some(field) = form
        .next_field()
        .await
        .map_err(|error| ApiError::bad_request(error.body_text()))?
    {
        if field.name() == Some("picture") {
            let bytes = field
                .bytes()
                .await
                .map_err(|error| ApiError::bad_request(error.body_text()))?;
            return Ok(Json(app.library.keep_query_picture(bytes.to_vec()).await?));
        }
    }
    Err(ApiError::bad_request("the form has no part `picture`"))
}

#[derive(Deserialize, IntoParams)]
struct Shown {
    /// Frame, counted from 0.
    #[serde(default)]
    frame: u32,
    /// Longest side in pixels.
    size: Option<u32>,
}

/// A query picture, rendered.
#[utoipa::path(get, path = "/api/v1/query-images/{id}", tag = "search",
    params(("id" = String, Path, description = "q-…"), Shown),
    responses((status = 200, content_type = "image/jpeg", body = Vec<u8>), (status = "4XX", body = ApiErrorBody)))]
async fn query_picture(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    Query(shown): Query<Shown>,
) -> Result<Response, ApiError> {
    caller.require(Role::Reader)?;
    if !id.starts_with("q-") {
        return Err(ApiError::not_found("this is no query picture"));
    }
    let rendering = Rendering {
        frame: shown.frame,
        max_px: shown.size,
        ..Rendering::default()
    };
    let jpeg = app.library.rendered(&id, rendering).await?;
    Ok((
        [
            (header::CONTENT_TYPE, "image/jpeg"),
            (header::CACHE_CONTROL, "private, no-store"),
        ],
        jpeg,
    )
        .into_response())
}

/// Encodes texts and pictures with the library's model.
#[utoipa::path(post, path = "/api/v1/embed", tag = "search", request_body = EmbedRequest,
    responses((status = 200, body = Vec<Embedding>), (status = "4XX", body = ApiErrorBody)))]
async fn embed(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Json(request): Json<EmbedRequest>,
) -> Result<Json<Vec<Embedding>>, ApiError> {
    caller.require(Role::Reader)?;
    Ok(Json(app.library.embed(request).await?))
}
