//! Signing in with a token, and the tokens themselves.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::{Extension, Json};
use casekin_engine::TokenRecord;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api_error::{ApiError, ApiErrorBody};
use crate::auth::{COOKIE, Caller, Role};
use crate::state::App;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(session, sign_in, sign_out))
        .routes(routes!(tokens, create_token))
        .routes(routes!(revoke_token))
}

/// Who the caller is.
#[derive(Serialize, ToSchema)]
struct Session {
    /// True where tokens exist.
    auth_required: bool,
    /// "reader", "curator", "admin", or null where nobody has signed in.
    role: Option<&'static str>,
}

/// Who the caller is.
#[utoipa::path(get, path = "/api/v1/session", tag = "session", responses((status = 200, body = Session)))]
async fn session(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<Session>, ApiError> {
    Ok(Json(Session {
        auth_required: app.auth_required().await?,
        role: caller.role.map(Role::name),
    }))
}

/// A token to sign in with.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SignIn {
    token: String,
}

/// Signs in: the token goes into a cookie that scripts cannot read.
#[utoipa::path(post, path = "/api/v1/session", tag = "session", request_body = SignIn,
    responses((status = 200, body = Session), (status = "4XX", body = ApiErrorBody)))]
async fn sign_in(
    State(app): State<Arc<App>>,
    Json(sign_in): Json<SignIn>,
) -> Result<(HeaderMap, Json<Session>), ApiError> {
    let token = sign_in.token.trim();
    let valid = token
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && byte != b';');
    let found = if valid {
        app.library.verify_token(token).await?
    } else {
        None
    };
    let found = found.ok_or_else(ApiError::unauthenticated)?;
    let role = Role::from_name(&found.role).map(Role::name);
    Ok((
        cookie(&format!(
            "{COOKIE}={token}; Path=/; HttpOnly; SameSite=Strict; Max-Age=43200"
        )),
        Json(Session {
            auth_required: true,
            role,
        }),
    ))
}

/// Signs out.
#[utoipa::path(delete, path = "/api/v1/session", tag = "session", responses((status = 204)))]
async fn sign_out() -> (StatusCode, HeaderMap) {
    (
        StatusCode::NO_CONTENT,
        cookie(&format!(
            "{COOKIE}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0"
        )),
    )
}

fn cookie(text: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if let Ok(value) = HeaderValue::from_str(text) {
        headers.insert(header::SET_COOKIE, value);
    }
    headers
}

/// Valid tokens, without their secrets.
#[utoipa::path(get, path = "/api/v1/tokens", tag = "session",
    responses((status = 200, body = Vec<TokenRecord>), (status = "4XX", body = ApiErrorBody)))]
async fn tokens(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<Vec<TokenRecord>>, ApiError> {
    caller.require(Role::Admin)?;
    Ok(Json(app.library.tokens().await?))
}

/// A token to make.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewToken {
    /// "reader", "curator" or "admin".
    role: String,
    /// Whose it is.
    #[serde(default)]
    name: String,
}

/// Makes a token; its secret is in this answer and nowhere else. From then on everybody must show one.
#[utoipa::path(post, path = "/api/v1/tokens", tag = "session", request_body = NewToken,
    responses((status = 201, body = TokenRecord), (status = "4XX", body = ApiErrorBody)))]
async fn create_token(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Json(new): Json<NewToken>,
) -> Result<(StatusCode, Json<TokenRecord>), ApiError> {
    caller.require(Role::Admin)?;
    let token = app.library.create_token(&new.role, &new.name).await?;
    app.library
        .audit(&caller.actor, "create token", vec![token.id.clone()])
        .await?;
    Ok((StatusCode::CREATED, Json(token)))
}

/// Revokes a token, at once.
#[utoipa::path(delete, path = "/api/v1/tokens/{id}", tag = "session", params(("id" = String, Path)),
    responses((status = 204), (status = "4XX", body = ApiErrorBody)))]
async fn revoke_token(
    State(app): State<Arc<App>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    caller.require(Role::Admin)?;
    app.library.revoke_token(&id).await?;
    app.library
        .audit(&caller.actor, "revoke token", vec![id])
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
