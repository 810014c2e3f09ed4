//! The routes, one module for each subject; each handler asks the engine and says which role it needs.

mod cases;
mod collections;
mod evaluation;
mod images;
mod ingest;
mod models;
mod search;
mod session;
mod summary;
mod system;
mod worker;

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use crate::api_error::{ApiError, REQUEST_ID};
use crate::auth;
use crate::state::App;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "casekin",
        description = "Finds the kin of a case. For research and teaching; not a medical device.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    components(schemas(crate::ApiErrorBody))
)]
struct Description;

fn api() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::with_openapi(Description::openapi())
        .merge(search::routes())
        .merge(cases::routes())
        .merge(images::routes())
        .merge(ingest::routes())
        .merge(summary::routes())
        .merge(collections::routes())
        .merge(models::routes())
        .merge(evaluation::routes())
        .merge(session::routes())
        .merge(system::routes())
        .merge(worker::routes())
}

/// The OpenAPI description of the service.
pub fn openapi() -> utoipa::openapi::OpenApi {
    api().into_openapi()
}

/// The whole service.
pub fn router(app: Arc<App>) -> Router {
    let (routes, description) = api().split_for_parts();
    let limit = app.config.max_upload_bytes;
    routes
        .route(
            "/api/v1/openapi.json",
            get(move || async move { axum::Json(description) }),
        )
        .route("/healthz", get(|| async { "ok" }))
        .fallback(crate::page::serve)
        .layer(middleware::from_fn_with_state(Arc::clone(&app), bounded))
        .layer(middleware::from_fn_with_state(
            Arc::clone(&app),
            auth::identify,
        ))
        .layer(DefaultBodyLimit::max(limit))
        .layer(tower_http::compression::CompressionLayer::new().compress_when(compressible()))
        .layer(middleware::from_fn(crate::metrics::observe))
        .layer(middleware::from_fn(trace))
        .with_state(app)
}

/// Text is compressed; pictures are already, and events must not wait in a buffer.
fn compressible() -> impl tower_http::compression::Predicate {
    use tower_http::compression::Predicate as _;
    use tower_http::compression::predicate::{NotForContentType, SizeAbove};
    SizeAbove::new(1024)
        .and(NotForContentType::IMAGES)
        .and(NotForContentType::const_new("text/event-stream"))
        .and(NotForContentType::const_new("application/octet-stream"))
}

/// Gives the request an id and logs its matched route: never the URI, which may hold words of a query.
async fn trace(request: Request, next: Next) -> Response {
    let request_id = uuid::Uuid::now_v7().simple().to_string();
    let method = request.method().clone();
    let route = request
        .extensions()
        .get::<axum::extract::MatchedPath>()
        .map_or_else(|| "page".to_owned(), |path| path.as_str().to_owned());
    let started = std::time::Instant::now();
    let response = REQUEST_ID
        .scope(request_id.clone(), next.run(request))
        .await;
    let took_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    tracing::debug!(%request_id, %method, route, status = response.status().as_u16(), took_ms, "answered");
    response
}

/// Lets a bounded number of costly requests run at once: those that encode, search or render.
async fn bounded(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    const COSTLY: [&str; 8] = [
        "/search",
        "/summary",
        "/embed",
        "/rendered",
        "/{tile}",
        "/eval/retrieval",
        "/eval/recall",
        "/export/vectors",
    ];
    let path = request
        .extensions()
        .get::<axum::extract::MatchedPath>()
        .map(|path| path.as_str().to_owned());
    if !path.is_some_and(|path| COSTLY.iter().any(|costly| path.ends_with(costly))) {
        return next.run(request).await;
    }
    let Ok(_permit) = app.requests.try_acquire() else {
        return ApiError::overloaded().into_response();
    };
    next.run(request).await
}
