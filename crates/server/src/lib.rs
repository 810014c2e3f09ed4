//! The only HTTP server of casekin: the API, its OpenAPI description and the page, with authentication, metrics and
//! one shape of error. It ranks and decodes nothing: it asks the engine.

mod api_error;
mod auth;
mod config;
mod metrics;
mod page;
mod routes;
mod serve;
mod spreadsheet;
mod state;

pub use api_error::{ApiError, ApiErrorBody};
pub use auth::{Caller, Role};
pub use config::ServerConfig;
pub use routes::{openapi, router};
pub use serve::{ServeError, bind, serve};
pub use spreadsheet::harmless;
pub use state::App;
