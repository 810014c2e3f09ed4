//! Pictures: records, thumbnails, rendered frames, deep-zoom tiles.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use casekin_engine::{ImageRecord, PyramidRecord, Rendering};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api_error::{ApiError, ApiErrorBody};
use crate::auth::{Caller, Role};
use crate::state::App;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(show))
        .routes(routes!(thumbnail))
        .routes(routes!(rendered))
        .routes(routes!(pyramid))
        .routes(routes!(tile))
}

fn jpeg(bytes: Vec<u8>) -> Response {
    // A picture may be deleted at any time: the browser asks again after a few minutes.
    (
        [
            (header::CONTENT_TYPE, "image/jpeg"),
            (header::CACHE_CONTROL, "private, max-age=300"),
        ],
        bytes,
    )
        .into_response()
}

/// A picture's record.
#[utoipa::path(get, operation_id = "show_image", path = "/api/v1/images/{id}", tag = "images", params(("id" = String, Path)),
    responses((status = 200, body = ImageRecord), (status = "4XX", body = ApiErrorBody)))]
async fn show(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<Json<ImageRecord>, ApiError> {
    caller.require(Role::Reader)?;
    Ok(Json(app.library.image(&id, caller.local_command).await?))
}

/// A picture's thumbnail.
#[utoipa::path(get, path = "/api/v1/images/{id}/thumbnail", tag = "images", params(("id" = String, Path)),
    responses((status = 200, content_type = "image/jpeg", body = Vec<u8>), (status = "4XX", body = ApiErrorBody)))]
async fn thumbnail(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    caller.require(Role::Reader)?;
    Ok(jpeg(app.library.thumbnail(&id).await?))
}

#[derive(Deserialize, IntoParams)]
struct RenderQuery {
    /// Frame, counted from 0.
    #[serde(default)]
    frame: u32,
    /// Window centre and width: `40,350`.
    window: Option<String>,
    /// x,y,width,height in pixels.
    #[serde(rename = "box")]
    #[param(rename = "box")]
    box_px: Option<String>,
    /// Longest side in pixels.
    size: Option<u32>,
}

fn numbers<T: std::str::FromStr, const N: usize>(
    text: Option<&str>,
    what: &str,
) -> Result<Option<[T; N]>, ApiError> {
    let Some(text) = text else { return Ok(None) };
    let wrong = || ApiError::bad_request(format!("{what} is {N} numbers with commas between them"));
    let parsed: Result<Vec<T>, _> = text
        .split(',')
        .map(|part| part.trim().parse::<T>())
        .collect();
    let array = parsed
        .map_err(|_| wrong())?
        .try_into()
        .map_err(|_| wrong())?;
    Ok(Some(array))
}

fn window(text: Option<&str>) -> Result<Option<(f32, f32)>, ApiError> {
    let window = numbers::<f32, 2>(text, "window")?;
    if window
        .is_some_and(|[centre, width]| !centre.is_finite() || !width.is_finite() || width <= 0.0)
    {
        return Err(ApiError::bad_request(
            "window is a centre and a width above 0",
        ));
    }
    Ok(window.map(|[centre, width]| (centre, width)))
}

/// A picture, rendered for people.
#[utoipa::path(get, path = "/api/v1/images/{id}/rendered", tag = "images", params(("id" = String, Path), RenderQuery),
    responses((status = 200, content_type = "image/jpeg", body = Vec<u8>), (status = "4XX", body = ApiErrorBody)))]
async fn rendered(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    Query(query): Query<RenderQuery>,
) -> Result<Response, ApiError> {
    caller.require(Role::Reader)?;
    let rendering = Rendering {
        frame: query.frame,
        window: window(query.window.as_deref())?,
        box_px: numbers::<u32, 4>(query.box_px.as_deref(), "box")?,
        max_px: query.size,
    };
    Ok(jpeg(app.library.rendered(&id, rendering).await?))
}

#[derive(Deserialize, IntoParams)]
struct FrameQuery {
    /// Frame, counted from 0.
    #[serde(default)]
    frame: u32,
}

/// The deep-zoom levels of a picture.
#[utoipa::path(get, path = "/api/v1/images/{id}/pyramid", tag = "images", params(("id" = String, Path), FrameQuery),
    responses((status = 200, body = PyramidRecord), (status = "4XX", body = ApiErrorBody)))]
async fn pyramid(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    Query(query): Query<FrameQuery>,
) -> Result<Json<PyramidRecord>, ApiError> {
    caller.require(Role::Reader)?;
    Ok(Json(app.library.pyramid(&id, query.frame).await?))
}

#[derive(Deserialize, IntoParams)]
struct WindowQuery {
    /// Window centre and width: `40,350`.
    window: Option<String>,
}

/// One deep-zoom tile; `tile` is `{column}_{row}.jpg`.
#[utoipa::path(get, path = "/api/v1/images/{id}/tiles/{frame}/{level}/{tile}", tag = "images",
    params(("id" = String, Path), ("frame" = u32, Path), ("level" = u32, Path), ("tile" = String, Path), WindowQuery),
    responses((status = 200, content_type = "image/jpeg", body = Vec<u8>), (status = "4XX", body = ApiErrorBody)))]
async fn tile(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Path((id, frame, level, tile)): Path<(String, u32, u32, String)>,
    Query(query): Query<WindowQuery>,
) -> Result<Response, ApiError> {
    caller.require(Role::Reader)?;
    let place = tile
        .strip_suffix(".jpg")
        .and_then(|place| place.split_once('_'));
    let place = place.and_then(|(column, row)| Some((column.parse().ok()?, row.parse().ok()?)));
    let (column, row) =
        place.ok_or_else(|| ApiError::bad_request("a tile is named column_row.jpg"))?;
    let rendering = Rendering {
        frame,
        window: window(query.window.as_deref())?,
        ..Rendering::default()
    };
    Ok(jpeg(
        app.library
            .tile(&id, rendering, (level, column, row))
            .await?,
    ))
}
