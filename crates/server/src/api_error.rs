//! The one place that knows status codes: every library error becomes `{code, message, request_id}`.

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use casekin_engine::EngineError;
use serde::Serialize;
use utoipa::ToSchema;

/// Seconds after which whoever was turned away may come again: questions are answered in less.
const RETRY_AFTER_S: &str = "1";

/// The shape of every error that the service answers with.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ApiErrorBody {
    /// Stable name of the error, for programs.
    pub code: String,
    /// What happened and what to do, for people.
    pub message: String,
    /// Names this request in the service's log.
    pub request_id: String,
}

/// An error on its way to the client.
#[derive(Debug)]
pub struct ApiError {
    status: StatusCode,
    code: &'static str,
    message: String,
}

impl ApiError {
    /// A request that cannot be understood.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            code: "bad_request",
            message: message.into(),
        }
    }

    /// Nobody has signed in.
    pub fn unauthenticated() -> Self {
        let message = "sign in with an access token; `casekin token create` makes one".to_owned();
        Self {
            status: StatusCode::UNAUTHORIZED,
            code: "unauthenticated",
            message,
        }
    }

    /// The role does not reach.
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self {
            status: StatusCode::FORBIDDEN,
            code: "forbidden",
            message: message.into(),
        }
    }

    /// There is nothing here.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self {
            status: StatusCode::NOT_FOUND,
            code: "not_found",
            message: message.into(),
        }
    }

    /// The service is at its bound.
    pub fn overloaded() -> Self {
        let message = "the service is busy; try again in a moment".to_owned();
        Self {
            status: StatusCode::TOO_MANY_REQUESTS,
            code: "overloaded",
            message,
        }
    }
}

impl From<EngineError> for ApiError {
    fn from(error: EngineError) -> Self {
        let (status, code) = classify(&error);
        if status.is_server_error() {
            tracing::error!(error = %chain(&error), "a request failed");
        }
        Self {
            status,
            code,
            message: chain(&error),
        }
    }
}

fn classify(error: &EngineError) -> (StatusCode, &'static str) {
    match error {
        EngineError::EmptyQuery => (StatusCode::BAD_REQUEST, "empty_query"),
        EngineError::BadQuery { .. } => (StatusCode::BAD_REQUEST, "bad_query"),
        EngineError::QueryTooLarge { .. } => (StatusCode::BAD_REQUEST, "query_too_large"),
        EngineError::NothingToGoBy { .. } => (StatusCode::BAD_REQUEST, "nothing_to_go_by"),
        EngineError::NoSuchFrame { .. } => (StatusCode::NOT_FOUND, "no_such_frame"),
        EngineError::NoSuchCase => (StatusCode::NOT_FOUND, "no_such_case"),
        EngineError::NoSuchMarkedCase { .. } => (StatusCode::NOT_FOUND, "no_such_marked_case"),
        EngineError::NoSuchImage => (StatusCode::NOT_FOUND, "no_such_image"),
        EngineError::NoSuchBatch => (StatusCode::NOT_FOUND, "no_such_batch"),
        EngineError::NoSuchModel { .. } => (StatusCode::NOT_FOUND, "no_such_model"),
        EngineError::NoSuchCollection => (StatusCode::NOT_FOUND, "no_such_collection"),
        EngineError::NoSuchToken => (StatusCode::NOT_FOUND, "no_such_token"),
        EngineError::NoSuchJob => (StatusCode::NOT_FOUND, "no_such_job"),
        EngineError::LeaseLost => (StatusCode::CONFLICT, "lease_lost"),
        EngineError::QueryPictureGone => (StatusCode::GONE, "query_picture_gone"),
        EngineError::ObjectGone => (StatusCode::GONE, "object_gone"),
        EngineError::LibraryInUse { .. } => (StatusCode::CONFLICT, "library_in_use"),
        EngineError::ModelNeedsReencode { .. } => (StatusCode::CONFLICT, "model_needs_reencode"),
        EngineError::ModelChanged { .. } => (StatusCode::CONFLICT, "model_changed"),
        EngineError::ReadSelfCheck { .. } => {
            (StatusCode::INTERNAL_SERVER_ERROR, "self_check_unreadable")
        }
        EngineError::ReencodeRunning => (StatusCode::CONFLICT, "reencode_running"),
        EngineError::WorkerResult { .. } => (StatusCode::CONFLICT, "worker_result_refused"),
        EngineError::EncoderBusy => (StatusCode::TOO_MANY_REQUESTS, "encoder_busy"),
        EngineError::SelfCheckFailed { .. } => {
            (StatusCode::SERVICE_UNAVAILABLE, "self_check_failed")
        }
        EngineError::NoEncoder { .. } => (StatusCode::SERVICE_UNAVAILABLE, "no_encoder"),
        EngineError::Imaging(_) => (StatusCode::UNPROCESSABLE_ENTITY, "picture_unreadable"),
        EngineError::Report(_) => (StatusCode::UNPROCESSABLE_ENTITY, "report_unreadable"),
        EngineError::Manifest(_) => (StatusCode::UNPROCESSABLE_ENTITY, "manifest_unreadable"),
        EngineError::Encoder(_) => (StatusCode::INTERNAL_SERVER_ERROR, "encoder_failed"),
        EngineError::Catalog(_) => (StatusCode::INTERNAL_SERVER_ERROR, "catalog_failed"),
        EngineError::Index(_) => (StatusCode::INTERNAL_SERVER_ERROR, "index_failed"),
        EngineError::Io { .. } => (StatusCode::INTERNAL_SERVER_ERROR, "io_failed"),
        EngineError::Task(_) => (StatusCode::INTERNAL_SERVER_ERROR, "task_failed"),
    }
}

fn chain(error: &EngineError) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

tokio::task_local! {
    /// Id of the request that this task serves.
    pub static REQUEST_ID: String;
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let request_id = REQUEST_ID.try_with(Clone::clone).unwrap_or_default();
        let body = ApiErrorBody {
            code: self.code.into(),
            message: self.message,
            request_id,
        };
        if self.status == StatusCode::TOO_MANY_REQUESTS {
            let later = [(header::RETRY_AFTER, RETRY_AFTER_S)];
            return (self.status, later, Json(body)).into_response();
        }
        (self.status, Json(body)).into_response()
    }
}
