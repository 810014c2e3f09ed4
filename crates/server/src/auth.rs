//! Who may do what. Without tokens the service answers on loopback only, and everybody there is an admin; with
//! tokens, a caller shows one in `Authorization: Bearer` or in the session cookie. `Host` and `Origin` are checked on
//! loopback too: a page of another site must not be able to reach the service through the user's browser.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, header};
use axum::middleware::Next;
use axum::response::Response;

use crate::api_error::ApiError;
use crate::state::App;

/// What a caller may do, each role all that the one before may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Search and look.
    Reader,
    /// Add cases and collections, see accession and study UID.
    Curator,
    /// Delete, change models, lease jobs.
    Admin,
}

impl Role {
    /// The role's name in tokens and answers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Reader => "reader",
            Self::Curator => "curator",
            Self::Admin => "admin",
        }
    }

    /// The role of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Reader, Self::Curator, Self::Admin]
            .into_iter()
            .find(|role| role.name() == name)
    }
}

/// Who calls, put into the request's extensions.
#[derive(Clone, Debug)]
pub struct Caller {
    /// What the caller may do; `None` where nobody has signed in.
    pub role: Option<Role>,
    /// Who it is, for the audit: a token's id, "local" or "service secret".
    pub actor: String,
    /// True for a command of the same machine that could read `service.json`; it alone may see file paths.
    pub local_command: bool,
}

impl Caller {
    /// Lets the caller go on when the role reaches.
    ///
    /// # Errors
    /// 401 without a role, 403 with one that does not reach.
    pub fn require(&self, needed: Role) -> Result<(), ApiError> {
        match self.role {
            None => Err(ApiError::unauthenticated()),
            Some(role) if role >= needed => Ok(()),
            Some(role) => Err(ApiError::forbidden(format!(
                "this needs the role {}; you are signed in as {}",
                needed.name(),
                role.name()
            ))),
        }
    }
}

/// Name of the session cookie.
pub const COOKIE: &str = "casekin_session";

/// Checks `Host` and `Origin`, finds out who calls.
///
/// # Errors
/// 403 for a foreign host or origin.
pub async fn identify(
    State(app): State<Arc<App>>,
    mut request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    check_host(&app, request.headers())?;
    check_origin(request.method(), request.headers())?;
    let caller = caller(&app, request.headers()).await?;
    request.extensions_mut().insert(caller);
    Ok(next.run(request).await)
}

async fn caller(app: &App, headers: &HeaderMap) -> Result<Caller, ApiError> {
    let secret = bearer(headers).or_else(|| cookie(headers));
    if let Some(secret) = secret {
        if app.is_service_secret(secret) {
            return Ok(Caller {
                role: Some(Role::Admin),
                actor: "local command".into(),
                local_command: true,
            });
        }
        if let Some(token) = app.library.verify_token(secret).await? {
            let role = Role::from_name(&token.role);
            return Ok(Caller {
                role,
                actor: format!("token {}", token.id),
                local_command: false,
            });
        }
    }
    let role = if app.auth_required().await? {
        None
    } else {
        Some(Role::Admin)
    };
    Ok(Caller {
        role,
        actor: "local".into(),
        local_command: false,
    })
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers
        .get(header::AUTHORIZATION)?
        .to_str()
        .ok()?
        .strip_prefix("Bearer ")
        .map(str::trim)
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    let all = headers.get(header::COOKIE)?.to_str().ok()?;
    all.split(';')
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, _)| *name == COOKIE)
        .map(|(_, value)| value)
}

/// The host's name without its port: `[::1]:7878` → `::1`.
fn host_name(authority: &str) -> &str {
    if let Some(rest) = authority.strip_prefix('[') {
        return rest.split(']').next().unwrap_or(rest);
    }
    match authority.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) && !name.contains(':') => {
            name
        }
        _ => authority,
    }
}

fn check_host(app: &App, headers: &HeaderMap) -> Result<(), ApiError> {
    let Some(host) = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
    else {
        return Err(ApiError::bad_request("the Host header is missing"));
    };
    let name = host_name(host);
    let known = ["localhost", "127.0.0.1", "::1"]
        .iter()
        .any(|own| name.eq_ignore_ascii_case(own))
        || app.hosts.iter().any(|own| name.eq_ignore_ascii_case(own));
    if known {
        return Ok(());
    }
    Err(ApiError::forbidden(
        "this host name is not the service's; add it to [server] hosts in the configuration",
    ))
}

/// A browser says where a request comes from. Another site's page may lead here by a link (a launch out of a viewer),
/// and do nothing else: no form, no script, no embedded picture.
fn check_origin(method: &Method, headers: &HeaderMap) -> Result<(), ApiError> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let foreign_site = matches!(header("sec-fetch-site"), Some("cross-site" | "same-site"));
    let link = *method == Method::GET && header("sec-fetch-mode") == Some("navigate");
    let same = match header("origin") {
        None => !foreign_site || link,
        Some(origin) => {
            let host = header("host").unwrap_or_default();
            origin
                .split_once("://")
                .is_some_and(|(_, authority)| authority.eq_ignore_ascii_case(host))
        }
    };
    if same {
        Ok(())
    } else {
        Err(ApiError::forbidden(
            "requests from pages of other sites are refused",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_known_by_its_name_whatever_the_port() {
        assert_eq!(host_name("localhost:7878"), "localhost");
        assert_eq!(host_name("[::1]:7878"), "::1");
        assert_eq!(host_name("127.0.0.1"), "127.0.0.1");
    }

    #[test]
    fn pages_of_other_sites_are_refused() {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, "127.0.0.1:7878".parse().unwrap());
        assert!(check_origin(&Method::POST, &headers).is_ok());
        headers.insert(header::ORIGIN, "http://127.0.0.1:7878".parse().unwrap());
        assert!(check_origin(&Method::POST, &headers).is_ok());
        headers.insert(header::ORIGIN, "http://evil.example".parse().unwrap());
        assert!(check_origin(&Method::POST, &headers).is_err());
        assert!(check_origin(&Method::GET, &headers).is_err());
        headers.remove(header::ORIGIN);
        headers.insert("sec-fetch-site", "cross-site".parse().unwrap());
        assert!(
            check_origin(&Method::GET, &headers).is_err(),
            "an embedded picture"
        );
        headers.insert("sec-fetch-mode", "navigate".parse().unwrap());
        assert!(check_origin(&Method::GET, &headers).is_ok(), "a link");
        assert!(check_origin(&Method::POST, &headers).is_err(), "a form");
    }

    #[test]
    fn roles_reach_as_far_as_their_order() {
        let caller = |role| Caller {
            role,
            actor: String::new(),
            local_command: false,
        };
        assert!(caller(Some(Role::Admin)).require(Role::Curator).is_ok());
        assert!(caller(Some(Role::Reader)).require(Role::Curator).is_err());
        assert!(caller(None).require(Role::Reader).is_err());
    }

    #[test]
    fn the_cookie_is_found_among_others() {
        let mut headers = HeaderMap::new();
        headers.insert(
            header::COOKIE,
            "a=b; casekin_session=s3; c=d".parse().unwrap(),
        );
        assert_eq!(cookie(&headers), Some("s3"));
    }
}
