//! A worker's jobs over HTTP: leased from a service, bytes fetched, results handed back.

use std::time::Duration;

use anyhow::Context as _;
use casekin_engine::{
    EngineError, Source, VolumeSlice, WorkerEncoder, WorkerJob, WorkerPort, WorkerResult,
};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::json;

/// Longest pause between two questions to a service that has no job or does not answer.
const PAUSE: Duration = Duration::from_secs(2);

/// A service elsewhere.
pub struct RemotePort {
    http: reqwest::Client,
    url: String,
    token: Option<String>,
    encoder: Option<WorkerEncoder>,
}

impl RemotePort {
    pub fn new(http: reqwest::Client, url: String, token: Option<String>) -> Self {
        Self {
            http,
            url,
            token,
            encoder: None,
        }
    }

    pub fn with_encoder(self, encoder: WorkerEncoder) -> Self {
        Self {
            encoder: Some(encoder),
            ..self
        }
    }

    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<T> {
        let response = self
            .request(Method::GET, path)
            .send()
            .await
            .context("the service does not answer")?;
        let status = response.status();
        if !status.is_success() {
            anyhow::bail!("{}", message(response).await);
        }
        Ok(response.json().await?)
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.url));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, EngineError> {
        let unanswered = |error: reqwest::Error| {
            EngineError::io(
                "reach the service",
                std::io::Error::other(error.without_url()),
            )
        };
        let response = request.send().await.map_err(unanswered)?;
        match response.status() {
            status if status.is_success() => Ok(response),
            StatusCode::CONFLICT => {
                let text = message(response).await;
                if text.contains("lease") {
                    Err(EngineError::LeaseLost)
                } else {
                    Err(EngineError::WorkerResult { reason: text })
                }
            }
            StatusCode::GONE => Err(EngineError::ObjectGone),
            _ => {
                let text = message(response).await;
                Err(EngineError::io(
                    "have the service take it",
                    std::io::Error::other(text),
                ))
            }
        }
    }
}

async fn message(response: Response) -> String {
    let status = response.status();
    let body: serde_json::Value = response.json().await.unwrap_or_default();
    body["message"].as_str().map_or_else(
        || format!("the service answered with status {status}"),
        str::to_owned,
    )
}

impl WorkerPort for RemotePort {
    type Job = WorkerJob;

    async fn lease(&self) -> Result<Option<WorkerJob>, EngineError> {
        let response = match self
            .send(self.request(Method::POST, "/api/v1/worker/lease"))
            .await
        {
            Ok(response) => response,
            Err(error @ EngineError::Io { .. }) => {
                tracing::warn!(%error, "no job could be leased; trying again");
                tokio::time::sleep(PAUSE).await;
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        if response.status() == StatusCode::NO_CONTENT {
            return Ok(None);
        }
        let job: WorkerJob = response.json().await.map_err(|error| {
            EngineError::io("read the service's job", std::io::Error::other(error))
        })?;
        let encoder = self.encoder();
        if job.model.id != encoder.model_id()
            || job.model.profile != encoder.profile()
            || job.pipeline_version != casekin_engine::PIPELINE_VERSION
        {
            self.release(&job).await?;
            return Err(EngineError::WorkerResult {
                reason: "the service has changed its model or version; start the worker anew"
                    .into(),
            });
        }
        Ok(Some(job))
    }

    async fn source(&self, job: &WorkerJob) -> Result<Source, EngineError> {
        let request = self.request(
            Method::GET,
            &format!("/api/v1/worker/jobs/{}/object", job.job_id),
        );
        let response = self
            .send(request.header("x-casekin-lease", &job.lease_token))
            .await?;
        let bytes = response
            .bytes()
            .await
            .map_err(|error| EngineError::io("fetch the picture", std::io::Error::other(error)))?;
        Ok(Source::from_bytes(String::new(), bytes.to_vec()))
    }

    fn volume(&self, job: &WorkerJob) -> Option<VolumeSlice> {
        job.volume.map(|part| VolumeSlice {
            chosen: part.chosen,
            range: part.range,
        })
    }

    async fn renew(&self, job: &WorkerJob) -> Result<(), EngineError> {
        let request = self.request(
            Method::POST,
            &format!("/api/v1/worker/jobs/{}/renew", job.job_id),
        );
        self.send(request.header("x-casekin-lease", &job.lease_token))
            .await?;
        Ok(())
    }

    async fn complete(&self, done: Vec<(WorkerJob, WorkerResult)>) -> Result<(), EngineError> {
        for (job, mut result) in done {
            result.lease_token.clone_from(&job.lease_token);
            let request = self.request(
                Method::POST,
                &format!("/api/v1/worker/jobs/{}/complete", job.job_id),
            );
            match self.send(request.json(&result)).await {
                Ok(_) | Err(EngineError::LeaseLost) => {}
                Err(error @ EngineError::Io { .. }) => {
                    // The lease runs out and the job is done again; what was done before it counts.
                    tracing::warn!(%error, "a result could not be handed back");
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    async fn fail(&self, job: &WorkerJob, reason: &str) -> Result<(), EngineError> {
        let request = self.request(
            Method::POST,
            &format!("/api/v1/worker/jobs/{}/fail", job.job_id),
        );
        let body = json!({ "reason": reason, "retry": false });
        self.send(
            request
                .header("x-casekin-lease", &job.lease_token)
                .json(&body),
        )
        .await?;
        Ok(())
    }

    async fn release(&self, job: &WorkerJob) -> Result<(), EngineError> {
        let request = self.request(
            Method::POST,
            &format!("/api/v1/worker/jobs/{}/fail", job.job_id),
        );
        let body = json!({ "reason": "given back", "retry": true });
        self.send(
            request
                .header("x-casekin-lease", &job.lease_token)
                .json(&body),
        )
        .await?;
        Ok(())
    }

    async fn wait(&self) {
        tokio::time::sleep(PAUSE).await;
    }

    fn encoder(&self) -> WorkerEncoder {
        self.encoder
            .clone()
            .expect("the command gives the port its encoder before it works")
    }
}
