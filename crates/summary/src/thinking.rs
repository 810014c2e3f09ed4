//! A model's text → its answer, without what it thought.
//!
//! MedGemma 27B writes `<unused94>thought … <unused95>` before its answer, at times unasked; some servers drop
//! one marker or both and leave a bare leading "thought". Other models write `<think> … </think>`.

const OPENING: [&str; 2] = ["<unused94>", "<think>"];
const CLOSING: [&str; 2] = ["<unused95>", "</think>"];
const TURN_MARKS: [&str; 4] = ["<end_of_turn>", "<start_of_turn>", "<eos>", "<bos>"];
const BARE: &str = "thought";

#[derive(Default, PartialEq, Eq)]
enum State {
    /// Nothing but white space has come.
    #[default]
    Start,
    Answer,
    /// After an opening marker.
    Thinking,
    /// After a leading "thought" without a marker; its text is kept, for no closing marker may ever come.
    BareThinking,
}

/// What a piece of text gave.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Visible {
    /// Text of the answer.
    pub(crate) text: String,
    /// Text handed out before and not yet ended was thinking after all: a closing marker came without an opening.
    pub(crate) discard_before: bool,
}

/// Strips thinking from a stream.
#[derive(Default)]
pub(crate) struct ThoughtFilter {
    state: State,
    held: String,
    bare: String,
}

impl ThoughtFilter {
    /// The answer's text that this piece completes.
    pub(crate) fn push(&mut self, piece: &str) -> Visible {
        self.held.push_str(piece);
        let mut visible = Visible::default();
        loop {
            if self.state == State::Start && !self.leave_start() {
                return visible;
            }
            let Some((at, mark)) = first_mark(&self.held) else {
                break;
            };
            let before: String = self.held[..at].to_owned();
            self.held.drain(..at + mark.len());
            self.take(&before, &mut visible);
            self.meet(&mark, &mut visible);
        }
        let keep = possible_mark(&self.held);
        let ready: String = self.held.drain(..self.held.len() - keep).collect();
        self.take(&ready, &mut visible);
        visible
    }

    /// What is left when the stream ends.
    pub(crate) fn finish(&mut self) -> String {
        let mut visible = Visible::default();
        let rest = std::mem::take(&mut self.held);
        if self.state == State::Start {
            let is_bare = rest.trim() == BARE;
            return if is_bare { String::new() } else { rest };
        }
        self.take(&rest, &mut visible);
        match self.state {
            State::BareThinking => answer_after_thought(&self.bare),
            _ => visible.text,
        }
    }

    /// Decides what the text begins with; false while that cannot be told.
    fn leave_start(&mut self) -> bool {
        let text = self.held.trim_start();
        if text.is_empty() || (text.len() <= BARE.len() && BARE.starts_with(text)) {
            return false;
        }
        let bare = text
            .strip_prefix(BARE)
            .is_some_and(|rest| rest.starts_with(char::is_whitespace));
        if text.starts_with('<') && possible_mark(text) == text.len() {
            return false;
        }
        self.state = if bare {
            State::BareThinking
        } else {
            State::Answer
        };
        true
    }

    fn take(&mut self, text: &str, visible: &mut Visible) {
        match self.state {
            State::Answer | State::Start => visible.text.push_str(text),
            State::BareThinking => self.bare.push_str(text),
            State::Thinking => {}
        }
    }

    fn meet(&mut self, mark: &str, visible: &mut Visible) {
        if OPENING.contains(&mark) {
            self.state = State::Thinking;
        } else if CLOSING.contains(&mark) {
            if self.state == State::Answer {
                visible.text.clear();
                visible.discard_before = true;
            }
            self.bare.clear();
            self.state = State::Answer;
        }
    }
}

/// The first marker of any kind.
fn first_mark(text: &str) -> Option<(usize, String)> {
    text.match_indices('<').find_map(|(at, _)| {
        let end = at + text[at..].find('>')? + 1;
        let mark = &text[at..end];
        is_mark(mark).then(|| (at, mark.to_owned()))
    })
}

fn is_mark(mark: &str) -> bool {
    let unused = mark
        .strip_prefix("<unused")
        .and_then(|rest| rest.strip_suffix('>'));
    unused.is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
        || OPENING.contains(&mark)
        || CLOSING.contains(&mark)
        || TURN_MARKS.contains(&mark)
}

/// How many last bytes may be the beginning of a marker.
fn possible_mark(text: &str) -> usize {
    let Some(at) = text.rfind('<') else { return 0 };
    let tail = &text[at..];
    let numbered = "<unused".starts_with(tail)
        || tail
            .strip_prefix("<unused")
            .is_some_and(|n| n.len() <= 4 && n.bytes().all(|b| b.is_ascii_digit()));
    let named = OPENING
        .iter()
        .chain(&CLOSING)
        .chain(&TURN_MARKS)
        .any(|mark| mark.starts_with(tail));
    if numbered || named { tail.len() } else { 0 }
}

/// Both markers were lost: the answer is taken to be the last paragraphs, as far back as they cite evidence.
fn answer_after_thought(text: &str) -> String {
    let cites = |paragraph: &&str| {
        paragraph
            .match_indices('[')
            .any(|(i, _)| paragraph[i + 1..].starts_with(|c: char| c.is_ascii_digit()))
    };
    let paragraphs: Vec<&str> = text
        .split("\n\n")
        .filter(|p| !p.trim().is_empty())
        .collect();
    // The first paragraph holds the word "thought" itself: it is never the answer.
    let later = paragraphs.get(1..).unwrap_or(&[]);
    let answer: Vec<&str> = later.iter().rev().copied().take_while(cites).collect();
    answer.into_iter().rev().collect::<Vec<_>>().join("\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, want: &str) {
        for size in 1..=text.chars().count() {
            let mut filter = ThoughtFilter::default();
            let mut got = String::new();
            let chars: Vec<char> = text.chars().collect();
            for chunk in chars.chunks(size) {
                let visible = filter.push(&chunk.iter().collect::<String>());
                if visible.discard_before {
                    got.clear();
                }
                got.push_str(&visible.text);
            }
            got.push_str(&filter.finish());
            assert_eq!(got.trim(), want, "pieces of {size}");
        }
    }

    #[test]
    fn all_forms_in_all_splits() {
        check(
            "<unused94>thought\nLet me see [1].<unused95>Effusion [1].",
            "Effusion [1].",
        );
        check("<unused94>thought\nLet me see and never end", "");
        check(
            "Effusion [1]. Size < 5 mm <b>.",
            "Effusion [1]. Size < 5 mm <b>.",
        );
        check("thought\nPlan.<unused95>Effusion [1].", "Effusion [1].");
        check(
            "thought\nThe user asks.\n\nPlan it.\n\nEffusion [1].\n\nMass [2].",
            "Effusion [1].\n\nMass [2].",
        );
        check("thought\nnever an answer", "");
        check("\n thought", "");
        check("thoughtful reading [1].", "thoughtful reading [1].");
        check(
            "Reasoning. <unused95>Effusion [1].<end_of_turn>",
            "Effusion [1].",
        );
        check("<think>x</think>Effusion [1].<unused12>", "Effusion [1].");
        check(
            "A [1]. <unused94>thought b<unused95>C [2].",
            "A [1]. C [2].",
        );
    }
}
