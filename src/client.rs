//! How a command reaches the library: it opens it and asks the service's own routes in this process, or, where a
//! service holds the library, asks that service. Either way one implementation answers.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use bytes::Bytes;
use casekin_engine::{EngineError, Library, ServiceAddress};
use casekin_server::App;
use http_body_util::BodyExt as _;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tower::ServiceExt as _;

use crate::config::Config;
use crate::decoding::decoding;

/// A way to the library.
pub struct Client {
    secret: String,
    way: Way,
}

enum Way {
    Here {
        router: Router,
        library: Library,
        worker: Option<tokio::task::JoinHandle<()>>,
    },
    There {
        http: reqwest::Client,
        url: String,
    },
}

/// What a request carries.
pub enum Content {
    Nothing,
    Json(serde_json::Value),
    Form(Vec<Part>),
}

/// A part of a form.
pub struct Part {
    pub name: &'static str,
    pub file_name: Option<String>,
    pub bytes: Vec<u8>,
}

impl Client {
    /// Opens the library, or finds the service that holds it.
    pub async fn connect(data_dir: &Path, config: &Config) -> anyhow::Result<Self> {
        match Library::open(data_dir, config.engine(), decoding()).await {
            Ok(library) => Ok(Self::here(library, config)),
            Err(EngineError::LibraryInUse { .. }) => Self::there(data_dir).await,
            Err(error) => Err(error)
                .with_context(|| format!("the library in {} cannot be opened", data_dir.display())),
        }
    }

    fn here(library: Library, config: &Config) -> Self {
        let secret = uuid::Uuid::new_v4().simple().to_string();
        let app = App::new(
            library.clone(),
            config.server.clone(),
            config.summary.clone(),
            secret.clone(),
        );
        Self {
            secret,
            way: Way::Here {
                router: casekin_server::router(app),
                library,
                worker: None,
            },
        }
    }

    async fn there(data_dir: &Path) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder()
            .no_proxy()
            .build()
            .context("the HTTP client cannot be made")?;
        // A service that has just taken the lock needs a moment until its address is known.
        for _ in 0..50 {
            if let Some(address) = ServiceAddress::read(data_dir) {
                let client = Self {
                    secret: address.secret,
                    way: Way::There {
                        http: http.clone(),
                        url: address.url,
                    },
                };
                if client
                    .send(Method::GET, "/healthz", Content::Nothing)
                    .await
                    .is_ok()
                {
                    return Ok(client);
                }
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        bail!(
            "another casekin command is writing the library in {}; try again when it has ended",
            data_dir.display()
        )
    }

    /// Starts a worker where no service has one.
    pub fn start_worker(&mut self) {
        if let Way::Here {
            library, worker, ..
        } = &mut self.way
        {
            let library = library.clone();
            *worker = Some(tokio::spawn(async move {
                if let Err(error) = library.work(false).await {
                    tracing::error!(%error, "the worker broke off");
                }
            }));
        }
    }

    /// Makes everything durable; call it before the process ends.
    pub async fn close(self) -> anyhow::Result<()> {
        if let Way::Here {
            library, worker, ..
        } = self.way
        {
            if let Some(worker) = worker {
                worker.abort();
                let _ = worker.await;
            }
            library.flush().await?;
        }
        Ok(())
    }

    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<T> {
        self.ask(Method::GET, path, Content::Nothing).await
    }

    pub async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> anyhow::Result<T> {
        self.ask(
            Method::POST,
            path,
            Content::Json(serde_json::to_value(body)?),
        )
        .await
    }

    /// Asks and reads the answer; an answer without a body reads as JSON null.
    pub async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        content: Content,
    ) -> anyhow::Result<T> {
        let bytes = self.send(method, path, content).await?;
        let text: &[u8] = if bytes.is_empty() { b"null" } else { &bytes };
        serde_json::from_slice(text)
            .context("the service's answer cannot be read; are both of one version?")
    }

    async fn send(&self, method: Method, path: &str, content: Content) -> anyhow::Result<Bytes> {
        let (kind, body) = encode(content);
        let authorization = format!("Bearer {}", self.secret);
        let (status, bytes) = match &self.way {
            Way::Here { router, .. } => {
                let request = Request::builder()
                    .method(method)
                    .uri(path)
                    .header(header::HOST, "localhost")
                    .header(header::AUTHORIZATION, authorization)
                    .header(header::CONTENT_TYPE, kind)
                    .body(Body::from(body))?;
                let response = router.clone().oneshot(request).await?;
                let status = response.status();
                (status, response.into_body().collect().await?.to_bytes())
            }
            Way::There { http, url } => {
                let request = http
                    .request(method, format!("{url}{path}"))
                    .header(header::AUTHORIZATION, authorization)
                    .header(header::CONTENT_TYPE, kind)
                    .body(body);
                let response = request
                    .send()
                    .await
                    .context("the service that holds the library does not answer")?;
                (response.status(), response.bytes().await?)
            }
        };
        if status.is_success() {
            Ok(bytes)
        } else {
            Err(refused(status, &bytes))
        }
    }
}

fn refused(status: StatusCode, bytes: &[u8]) -> anyhow::Error {
    let body: serde_json::Value = serde_json::from_slice(bytes).unwrap_or_default();
    match body["message"].as_str() {
        Some(message) => anyhow::anyhow!("{message}"),
        None => anyhow::anyhow!("the service answered with status {status}"),
    }
}

fn encode(content: Content) -> (String, Vec<u8>) {
    match content {
        Content::Nothing => ("application/json".to_owned(), Vec::new()),
        Content::Json(value) => (
            "application/json".to_owned(),
            value.to_string().into_bytes(),
        ),
        Content::Form(parts) => {
            let boundary = format!("casekin-{}", uuid::Uuid::new_v4().simple());
            (
                format!("multipart/form-data; boundary={boundary}"),
                encode_form(parts, &boundary),
            )
        }
    }
}

/// RFC 7578; the boundary is random, so no part can hold it.
fn encode_form(parts: Vec<Part>, boundary: &str) -> Vec<u8> {
    let mut body = Vec::new();
    for part in parts {
        body.extend(
            format!(
                "--{boundary}\r\nContent-Disposition: form-data; name=\"{}\"",
                part.name
            )
            .into_bytes(),
        );
        if let Some(file_name) = part.file_name {
            let safe: String = file_name
                .chars()
                .map(|c| if c == '"' || c.is_control() { '_' } else { c })
                .collect();
            body.extend(format!("; filename=\"{safe}\"").into_bytes());
        }
        body.extend(b"\r\n\r\n");
        body.extend(part.bytes);
        body.extend(b"\r\n");
    }
    body.extend(format!("--{boundary}--\r\n").into_bytes());
    body
}

/// Opens a library for serving, with the state that its routes share.
pub async fn open_service(
    data_dir: &Path,
    config: &Config,
) -> anyhow::Result<(Library, Arc<App>, String)> {
    let library = Library::open(data_dir, config.engine(), decoding())
        .await
        .with_context(|| format!("the library in {} cannot be opened", data_dir.display()))?;
    let secret = uuid::Uuid::new_v4().simple().to_string();
    let app = App::new(
        library.clone(),
        config.server.clone(),
        config.summary.clone(),
        secret.clone(),
    );
    Ok((library, app, secret))
}
