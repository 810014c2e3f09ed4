//! One summary from request to last sentence.

use std::time::{Duration, Instant};

use futures::channel::mpsc::{Sender, channel};
use futures::{SinkExt, Stream, StreamExt};

use crate::segment::Segmenter;
use crate::sse::{Piece, SseLines, read_payload};
use crate::thinking::ThoughtFilter;
use crate::{Event, Evidence, Question, Sentence, SummaryConfig, SummaryError, Writer};
use crate::{endpoint, extractive, prompt, verify};

/// Sentences waiting for the reader before the model is made to wait.
const WAITING_EVENTS: usize = 16;
/// Longest answer read, thinking included, in bytes.
const MAX_ANSWER_BYTES: usize = 1 << 20;

/// Writes a summary: by the configured model, or from the evidence's own sentences where there is no model or it
/// fails before its first sentence ([`Writer::Extractive`] says why).
///
/// The stream is `'static` and does its work as it is polled; dropping it drops the connection to the model.
pub fn summarise(
    config: &SummaryConfig,
    question: Question,
    evidence: Vec<Evidence>,
) -> impl Stream<Item = Event> + Send + use<> {
    let config = config.clone();
    let (events, received) = channel(WAITING_EVENTS);
    let work = async move {
        let started = Instant::now();
        let mut run = Run {
            config,
            evidence,
            events,
            started,
            sentences: 0,
            is_open: false,
        };
        // A closed channel means that nobody listens any more: there is nobody to tell.
        let _ = run.write(&question).await;
    };
    let work = futures::stream::once(work).filter_map(|()| futures::future::ready(None));
    futures::stream::select(received, work)
}

/// The reader of the stream is gone.
struct Gone;

struct Run {
    config: SummaryConfig,
    evidence: Vec<Evidence>,
    events: Sender<Event>,
    started: Instant,
    sentences: u32,
    /// Whether `Started` was sent.
    is_open: bool,
}

/// The model failed, or the reader left.
enum Stop {
    Failed(SummaryError),
    Gone,
}

impl From<SummaryError> for Stop {
    fn from(error: SummaryError) -> Self {
        Self::Failed(error)
    }
}

impl From<Gone> for Stop {
    fn from(_: Gone) -> Self {
        Self::Gone
    }
}

impl Run {
    async fn write(&mut self, question: &Question) -> Result<(), Gone> {
        self.evidence.truncate(self.config.max_evidence);
        let has_text = self
            .evidence
            .iter()
            .any(|case| !case.passages.is_empty() || !case.labels.is_empty());
        if !has_text {
            return self
                .extract(question, Some("there is no report to summarise".to_owned()))
                .await;
        }
        if self.config.url.is_none() {
            return self.extract(question, None).await;
        }
        match self.ask(question).await {
            Ok(()) => self.done().await,
            Err(Stop::Gone) => Err(Gone),
            Err(Stop::Failed(error)) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the language model wrote no whole summary"
                );
                if self.is_open {
                    self.send(Event::Failed {
                        reason: error.to_string(),
                    })
                    .await
                } else {
                    self.extract(question, Some(error.to_string())).await
                }
            }
        }
    }

    async fn extract(&mut self, question: &Question, reason: Option<String>) -> Result<(), Gone> {
        self.send(Event::Started {
            writer: Writer::Extractive { reason },
        })
        .await?;
        for sentence in extractive::write(question, &self.evidence) {
            self.say(sentence).await?;
        }
        self.done().await
    }

    async fn ask(&mut self, question: &Question) -> Result<(), Stop> {
        let whole = Duration::from_millis(self.config.timeout_ms);
        let after_ms = self.config.timeout_ms;
        match tokio::time::timeout(whole, self.converse(question)).await {
            Ok(result) => result,
            Err(_) => Err(SummaryError::Timeout { after_ms }.into()),
        }
    }

    async fn converse(&mut self, question: &Question) -> Result<(), Stop> {
        let endpoint = endpoint::open(&self.config).await?;
        let body = prompt::request_body(&self.config, question, &self.evidence);
        let mut request = endpoint.client.post(endpoint.url).json(&body);
        if let Some(key) = endpoint.key {
            request = request.header(reqwest::header::AUTHORIZATION, key);
        }
        // A send error's own text holds the URL; the configuration names it to those who may know it.
        let sent = self.in_time(request.send()).await?;
        let response = sent.map_err(|error| SummaryError::Send(error.without_url()))?;
        if !response.status().is_success() {
            return Err(SummaryError::Status {
                status: response.status().as_u16(),
            }
            .into());
        }
        let kind = response
            .headers()
            .get(reqwest::header::CONTENT_TYPE)
            .and_then(|v| v.to_str().ok());
        let is_whole = kind.is_some_and(|k| k.starts_with("application/json"));
        let mut bytes = response.bytes_stream();
        let mut answer = Answer::new(is_whole);
        while let Some(piece) = self.in_time(bytes.next()).await? {
            let piece = piece.map_err(|error| SummaryError::ReadAnswer(error.without_url()))?;
            let ended = answer.push(&piece)?;
            self.hand_out(&mut answer).await?;
            if ended {
                break;
            }
        }
        answer.finish()?;
        self.hand_out(&mut answer).await?;
        if answer.is_cut {
            return Err(SummaryError::AnswerCut {
                max_tokens: self.config.max_tokens,
            }
            .into());
        }
        if self.sentences == 0 {
            return Err(SummaryError::EmptyAnswer.into());
        }
        Ok(())
    }

    /// Waits for the next thing of the model no longer than allowed.
    async fn in_time<T>(&self, next: impl Future<Output = T>) -> Result<T, SummaryError> {
        let after_ms = self.config.idle_timeout_ms;
        tokio::time::timeout(Duration::from_millis(after_ms), next)
            .await
            .map_err(|_| SummaryError::Timeout { after_ms })
    }

    async fn hand_out(&mut self, answer: &mut Answer) -> Result<(), Gone> {
        if !answer.ready.is_empty() && !self.is_open {
            let writer = Writer::Model {
                name: self.config.model.clone(),
            };
            self.send(Event::Started { writer }).await?;
        }
        for cited in std::mem::take(&mut answer.ready) {
            let sentence = verify::check(cited, &self.evidence);
            self.say(sentence).await?;
        }
        Ok(())
    }

    async fn say(&mut self, sentence: Sentence) -> Result<(), Gone> {
        self.sentences += 1;
        self.send(Event::Sentence(sentence)).await
    }

    async fn done(&mut self) -> Result<(), Gone> {
        let took_ms = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.send(Event::Done {
            sentences: self.sentences,
            took_ms,
        })
        .await
    }

    async fn send(&mut self, event: Event) -> Result<(), Gone> {
        self.is_open |= matches!(event, Event::Started { .. });
        self.events.send(event).await.map_err(|_| Gone)
    }
}

/// An answer being read.
struct Answer {
    lines: SseLines,
    /// A server that does not stream sends one JSON document; it is collected here.
    whole: Option<Vec<u8>>,
    thoughts: ThoughtFilter,
    segments: Segmenter,
    ready: Vec<crate::segment::Cited>,
    has_ended: bool,
    is_cut: bool,
    size_bytes: usize,
}

impl Answer {
    fn new(is_whole: bool) -> Self {
        Self {
            lines: SseLines::default(),
            whole: is_whole.then(Vec::new),
            thoughts: ThoughtFilter::default(),
            segments: Segmenter::default(),
            ready: Vec::new(),
            has_ended: false,
            is_cut: false,
            size_bytes: 0,
        }
    }

    /// Takes bytes of the answer; whether it ended.
    fn push(&mut self, bytes: &[u8]) -> Result<bool, SummaryError> {
        self.size_bytes += bytes.len();
        if self.size_bytes > MAX_ANSWER_BYTES * 8 {
            return Err(SummaryError::AnswerTooLong {
                limit_bytes: MAX_ANSWER_BYTES * 8,
            });
        }
        if let Some(whole) = &mut self.whole {
            whole.extend_from_slice(bytes);
            return Ok(false);
        }
        for payload in self.lines.push(bytes)? {
            self.take(&payload)?;
        }
        Ok(self.has_ended)
    }

    fn take(&mut self, payload: &str) -> Result<(), SummaryError> {
        let text = match read_payload(payload)? {
            Piece::Text(text) => text,
            Piece::Cut(text) => {
                self.is_cut = true;
                text
            }
            Piece::End => {
                self.has_ended = true;
                return Ok(());
            }
        };
        let visible = self.thoughts.push(&text);
        if visible.discard_before {
            self.segments.discard();
            self.ready.clear();
        }
        self.add(&visible.text);
        Ok(())
    }

    fn add(&mut self, text: &str) {
        self.ready.extend(self.segments.push(text));
    }

    /// The end of the stream: a last sentence counts only where the answer ended by itself.
    fn finish(&mut self) -> Result<(), SummaryError> {
        if let Some(whole) = self.whole.take() {
            let text = String::from_utf8_lossy(&whole).into_owned();
            self.take(&text)?;
            self.has_ended = !self.is_cut;
        } else if let Some(payload) = self.lines.finish() {
            self.take(&payload)?;
        }
        if !self.has_ended && !self.is_cut {
            return Err(SummaryError::ParseAnswer {
                reason: "it ended without its end mark",
            });
        }
        let rest = self.thoughts.finish();
        self.add(&rest);
        if self.is_cut {
            self.segments.discard();
        } else {
            self.ready.extend(self.segments.finish());
        }
        Ok(())
    }
}
