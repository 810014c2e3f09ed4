//! Progress bars on stderr, and only where somebody looks.

use std::io::IsTerminal as _;
use std::time::Duration;

use casekin_engine::BatchRecord;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Two bars of an ingest: files read, pictures encoded.
pub struct IngestBars {
    read: ProgressBar,
    encoded: ProgressBar,
}

/// A bar with a title, hidden where stderr is no terminal or JSON is asked for.
pub fn bar(title: &'static str, quiet: bool) -> ProgressBar {
    let target = if quiet || !std::io::stderr().is_terminal() {
        ProgressDrawTarget::hidden()
    } else {
        ProgressDrawTarget::stderr_with_hz(5)
    };
    let bar = ProgressBar::with_draw_target(Some(0), target);
    let style =
        ProgressStyle::with_template("{prefix:>10} {bar:36} {pos:>6}/{len:<6} {elapsed:>4} {msg}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.set_prefix(title);
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

impl IngestBars {
    pub fn new(quiet: bool) -> Self {
        let (read, encoded) = (bar("reading", quiet), bar("encoding", quiet));
        if !read.is_hidden() {
            let both = MultiProgress::new();
            return Self {
                read: both.add(read),
                encoded: both.add(encoded),
            };
        }
        Self { read, encoded }
    }

    pub fn show(&self, batch: &BatchRecord) {
        self.read.set_length(batch.found);
        self.read.set_position(batch.read);
        self.encoded.set_length(batch.done + batch.queued);
        self.encoded.set_position(batch.done);
        match batch.seconds_left {
            Some(seconds) if batch.queued > 0 => self
                .encoded
                .set_message(format!("about {} left", duration(seconds))),
            _ => self.encoded.set_message(String::new()),
        }
    }

    pub fn finish(&self) {
        self.read.finish_and_clear();
        self.encoded.finish_and_clear();
    }
}

/// 95 → "1 min 35 s".
pub fn duration(seconds: u64) -> String {
    match (seconds / 3600, seconds % 3600 / 60, seconds % 60) {
        (0, 0, s) => format!("{s} s"),
        (0, m, s) => format!("{m} min {s} s"),
        (h, m, _) => format!("{h} h {m} min"),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn durations_read_well() {
        assert_eq!(super::duration(9), "9 s");
        assert_eq!(super::duration(95), "1 min 35 s");
        assert_eq!(super::duration(7260), "2 h 1 min");
    }
}
