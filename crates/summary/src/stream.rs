//! One summary from request to last sentence.

use futures::Stream;

use crate::{Event, Evidence, Question, SummaryConfig, SummaryError};

/// Checks that the configured endpoint may be used: URL, address, key. Sends nothing.
///
/// # Errors
/// [`SummaryError::NoEndpoint`] without a URL; else what is wrong with it.
pub async fn check_endpoint(config: &SummaryConfig) -> Result<(), SummaryError> {
    let _ = config;
    Err(SummaryError::NoEndpoint)
}

/// Writes a summary. The stream is `'static`; dropping it drops the connection to the model.
pub fn summarise(
    config: &SummaryConfig,
    question: Question,
    evidence: Vec<Evidence>,
) -> impl Stream<Item = Event> + Send + use<> {
    let _ = (config, question, evidence);
    futures::stream::empty()
}
