//! Server-sent events → payloads, whatever the pieces in which the bytes come.

use crate::SummaryError;

/// Longest line held, in bytes.
const MAX_LINE_BYTES: usize = 1 << 20;

/// Collects bytes into lines and hands out what follows `data:`.
#[derive(Default)]
pub(crate) struct SseLines {
    held: Vec<u8>,
}

impl SseLines {
    /// Payloads completed by these bytes.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Result<Vec<String>, SummaryError> {
        let mut payloads = Vec::new();
        for piece in bytes.split_inclusive(|b| *b == b'\n') {
            self.held.extend_from_slice(piece);
            if self.held.len() > MAX_LINE_BYTES {
                return Err(SummaryError::AnswerTooLong {
                    limit_bytes: MAX_LINE_BYTES,
                });
            }
            if self.held.ends_with(b"\n") {
                payloads.extend(payload(&std::mem::take(&mut self.held)));
            }
        }
        Ok(payloads)
    }

    /// The payload of a last line that no line end closed.
    pub(crate) fn finish(&mut self) -> Option<String> {
        payload(&std::mem::take(&mut self.held))
    }
}

fn payload(line: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(line.strip_prefix(b"data:")?);
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// A piece of an answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// Text the model wrote.
    Text(String),
    /// The answer ended by itself.
    End,
    /// The answer was cut at `max_tokens`.
    Cut(String),
}

/// Reads one payload: a chunk (`delta`) or a whole completion (`message`).
pub(crate) fn read_payload(payload: &str) -> Result<Piece, SummaryError> {
    if payload == "[DONE]" {
        return Ok(Piece::End);
    }
    let value: serde_json::Value =
        serde_json::from_str(payload).map_err(|_| SummaryError::ParseAnswer {
            reason: "a piece of it is no JSON",
        })?;
    if value.get("error").is_some_and(|e| !e.is_null()) {
        return Err(SummaryError::ParseAnswer {
            reason: "the service reported an error",
        });
    }
    let choices = value.get("choices").and_then(serde_json::Value::as_array);
    let choices = choices.ok_or(SummaryError::ParseAnswer {
        reason: "a piece of it has no choices",
    })?;
    // The last chunk of some services holds only token counts.
    let Some(choice) = choices.first() else {
        return Ok(Piece::Text(String::new()));
    };
    let content = choice
        .pointer("/delta/content")
        .or_else(|| choice.pointer("/message/content"));
    let text = content
        .and_then(serde_json::Value::as_str)
        .unwrap_or("")
        .to_owned();
    match choice
        .get("finish_reason")
        .and_then(serde_json::Value::as_str)
    {
        Some("length") => Ok(Piece::Cut(text)),
        Some(_) if text.is_empty() => Ok(Piece::End),
        _ => Ok(Piece::Text(text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_split_gives_the_same_payloads() {
        let stream =
            ": comment\r\ndata: {\"a\":\"é\"}\r\n\r\nevent: x\ndata:two\n\ndata: [DONE]".as_bytes();
        for cut in 0..stream.len() {
            let mut lines = SseLines::default();
            let mut found = lines.push(&stream[..cut]).unwrap();
            found.extend(lines.push(&stream[cut..]).unwrap());
            found.extend(lines.finish());
            assert_eq!(found, ["{\"a\":\"é\"}", "two", "[DONE]"], "cut at {cut}");
        }
    }

    #[test]
    fn payloads() {
        assert_eq!(
            read_payload(r#"{"choices":[{"delta":{"content":"x"}}]}"#).unwrap(),
            Piece::Text("x".into())
        );
        assert_eq!(
            read_payload(r#"{"choices":[{"delta":{"reasoning_content":"x"}}]}"#).unwrap(),
            Piece::Text(String::new())
        );
        assert_eq!(
            read_payload(r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#).unwrap(),
            Piece::End
        );
        assert!(matches!(
            read_payload(r#"{"choices":[{"delta":{"content":"x"},"finish_reason":"length"}]}"#),
            Ok(Piece::Cut(_))
        ));
        assert_eq!(
            read_payload(r#"{"choices":[],"usage":{}}"#).unwrap(),
            Piece::Text(String::new())
        );
        assert!(
            read_payload("<html>").is_err()
                && read_payload(r#"{"error":{"message":"m"}}"#).is_err()
                && read_payload("7").is_err()
        );
    }
}
