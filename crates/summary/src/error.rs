//! Why no model could write the summary. Display never holds evidence, question, answer or key.

use std::net::IpAddr;

/// Why the endpoint could not be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SummaryError {
    /// No endpoint is configured.
    #[error("no language model is configured; set [summary] url to an OpenAI-compatible service")]
    NoEndpoint,
    /// The URL cannot be read, or is neither http nor https.
    #[error("[summary] url is not a usable http or https address: {reason}")]
    ParseUrl {
        /// What is wrong with it.
        reason: String,
    },
    /// The host's name has no address.
    #[error("the host of [summary] url has no address")]
    ResolveHost(#[source] std::io::Error),
    /// The host is public.
    #[error(
        "[summary] url leads to {address}, which is neither loopback nor private; set allow_remote = true to send \
         masked evidence there"
    )]
    RefuseRemote {
        /// The first public address of the host.
        address: IpAddr,
    },
    /// The key file cannot be read.
    #[error("[summary] api_key_file cannot be read")]
    ReadKey(#[source] std::io::Error),
    /// The key holds characters that no header may hold.
    #[error("[summary] api_key_file does not hold a usable key")]
    ParseKey,
    /// The HTTP client cannot be built.
    #[error("the HTTP client could not be made")]
    BuildClient(#[source] reqwest::Error),
    /// The request failed on its way.
    #[error("the language model could not be reached")]
    Send(#[source] reqwest::Error),
    /// The endpoint answered with an error status.
    #[error("the language model answered with status {status}")]
    Status {
        /// HTTP status code.
        status: u16,
    },
    /// The answer is not a stream of chat completion chunks.
    #[error("the language model's answer is not a chat completion stream: {reason}")]
    ParseAnswer {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The connection broke before the answer ended.
    #[error("the language model's answer broke off")]
    ReadAnswer(#[source] reqwest::Error),
    /// Nothing came for too long, or the whole took too long.
    #[error("the language model gave no answer within {after_ms} ms")]
    Timeout {
        /// The limit that ran out.
        after_ms: u64,
    },
    /// The answer grew over its bound.
    #[error("the language model's answer is longer than {limit_bytes} bytes")]
    AnswerTooLong {
        /// The bound.
        limit_bytes: usize,
    },
    /// The answer reached `max_tokens` before its end.
    #[error(
        "the language model's answer was cut off after {max_tokens} tokens; raise [summary] max_tokens"
    )]
    AnswerCut {
        /// The limit.
        max_tokens: u32,
    },
    /// The model wrote nothing but thinking.
    #[error("the language model wrote no sentence")]
    EmptyAnswer,
}
