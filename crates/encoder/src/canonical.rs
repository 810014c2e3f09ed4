//! SigLIP's own treatment of text, id for id: transformers' `tokenization_siglip.py` (there called the slow tokenizer)
//! over SentencePiece. What tokenizer.json prescribes differs from it in three points: it keeps `/ < >`, it loses
//! combining marks, and it makes a word of a text that is empty once it is normalised.
//! Knows tokenizers of this kind alone; any other is left to the `tokenizers` crate.

use base64::Engine;
use serde::Deserialize;
use serde_json::Value;
use tokenizers::Model;
use tokenizers::models::unigram::Unigram;

use crate::EncoderError;
use crate::charsmap::{Charsmap, SPACE};

/// What the reference takes for itself where it stands in a text, case and all, instead of reading it as words.
const MARKS: [&str; 2] = ["</s>", UNKNOWN];
/// The reference puts this before what it encodes and drops its pieces again, to keep SentencePiece from eating the
/// leading space.
const UNKNOWN: &str = "<unk>";

/// A tokenizer of SigLIP's kind.
pub(crate) struct Canonical {
    model: Unigram,
    charsmap: Charsmap,
    lower: bool,
    marks: [u32; 2],
    unknown_pieces: usize,
}

/// As much of tokenizer.json as tells whether it is of this kind.
#[derive(Deserialize)]
struct Outline {
    normalizer: Option<Normalizer>,
    pre_tokenizer: Option<Kind>,
    model: Kind,
}

#[derive(Deserialize)]
struct Kind {
    #[serde(rename = "type", default)]
    name: Value,
}

#[derive(Deserialize)]
struct Normalizer {
    #[serde(default)]
    normalizers: Vec<Step>,
}

#[derive(Deserialize)]
struct Step {
    #[serde(rename = "type", default)]
    name: Value,
    #[serde(default)]
    precompiled_charsmap: Option<String>,
}

#[derive(Deserialize)]
struct Whole {
    model: Pieces,
    #[serde(default)]
    added_tokens: Vec<Added>,
}

#[derive(Deserialize)]
struct Pieces {
    vocab: Vec<(String, f64)>,
    unk_id: Option<usize>,
    #[serde(default)]
    byte_fallback: bool,
}

#[derive(Deserialize)]
struct Added {
    id: usize,
    #[serde(default)]
    special: bool,
}

impl Canonical {
    /// Reads a tokenizer.json; `None` where it is of another kind.
    ///
    /// # Errors
    /// [`EncoderError::LoadTokenizer`].
    pub fn read(bytes: &[u8]) -> Result<Option<Self>, EncoderError> {
        let fail = |reason: String| EncoderError::LoadTokenizer { reason };
        let Ok(outline) = serde_json::from_slice::<Outline>(bytes) else {
            return Ok(None);
        };
        let steps = outline.normalizer.map_or(vec![], |all| all.normalizers);
        let table = |step: &Step| step.precompiled_charsmap.clone();
        let Some(table) = steps.iter().find_map(table) else {
            return Ok(None);
        };
        let metaspace = outline
            .pre_tokenizer
            .is_some_and(|kind| kind.name == "Metaspace");
        if outline.model.name != "Unigram" || !metaspace {
            return Ok(None);
        }
        let charsmap = base64::prelude::BASE64_STANDARD
            .decode(table)
            .ok()
            .and_then(|blob| Charsmap::parse(&blob))
            .ok_or_else(|| fail("normalizer: precompiled_charsmap is no such table".to_owned()))?;
        let Whole {
            mut model,
            added_tokens,
        } = serde_json::from_slice(bytes).map_err(|error| fail(error.to_string()))?;
        let place = |mark: &str| model.vocab.iter().position(|(piece, _)| piece == mark);
        let (Some(end), Some(unknown)) = (place(MARKS[0]), place(MARKS[1])) else {
            return Ok(None);
        };
        // SentencePiece never finds its own marks in a text. No text holds a zero byte once it is normalised.
        for added in added_tokens.iter().filter(|added| added.special) {
            if let Some((piece, _)) = model.vocab.get_mut(added.id) {
                *piece = format!("\0{}", added.id);
            }
        }
        let model = Unigram::from(model.vocab, model.unk_id, model.byte_fallback)
            .map_err(|error| fail(error.to_string()))?;
        let mut canonical = Self {
            model,
            charsmap,
            lower: steps.iter().any(|step| step.name == "Lowercase"),
            marks: [end as u32, unknown as u32],
            unknown_pieces: 0,
        };
        canonical.unknown_pieces = canonical.pieces(UNKNOWN, usize::MAX)?.len();
        Ok(Some(canonical))
    }

    /// The end mark's id.
    pub fn end_id(&self) -> u32 {
        self.marks[0]
    }

    /// The largest id that a text can become.
    pub fn largest_id(&self) -> u32 {
        u32::try_from(self.model.get_vocab_size()).map_or(u32::MAX, |size| size.saturating_sub(1))
    }

    /// The ids of a text, `most` of them at most, without end mark and padding.
    ///
    /// # Errors
    /// [`EncoderError::TokeniseText`].
    pub fn encode(&self, text: &str, most: usize) -> Result<Vec<i64>, EncoderError> {
        let text = format!("{SPACE}{}", text.replace(SPACE, " "));
        let (mut ids, mut rest) = (Vec::new(), text.as_str());
        while ids.len() < most && !rest.is_empty() {
            let places = MARKS.map(|mark| rest.find(mark).unwrap_or(rest.len()));
            let number = usize::from(places[1] < places[0]);
            let words = self.canonical(&rest[..places[number]]);
            ids.extend(self.pieces_of(&words, most - ids.len())?);
            rest = &rest[places[number]..];
            if let Some(after) = rest.strip_prefix(MARKS[number]) {
                ids.push(i64::from(self.marks[number]));
                rest = after;
            }
        }
        ids.truncate(most);
        Ok(ids)
    }

    /// `canonicalize_text` of the reference: lower case, no ASCII punctuation, single spaces.
    fn canonical(&self, text: &str) -> String {
        let lowered = if self.lower {
            text.to_lowercase()
        } else {
            text.to_owned()
        };
        let mut canonical = String::with_capacity(lowered.len());
        let mut waiting = false;
        for letter in lowered
            .chars()
            .filter(|letter| !letter.is_ascii_punctuation())
        {
            if is_space(letter) {
                waiting = !canonical.is_empty();
                continue;
            }
            if waiting {
                canonical.push(' ');
            }
            waiting = false;
            canonical.push(letter);
        }
        canonical
    }

    /// The pieces of words without those of the [`UNKNOWN`] before them, at least `most` where there are so many.
    fn pieces_of(&self, words: &str, most: usize) -> Result<Vec<i64>, EncoderError> {
        let most = most.saturating_add(self.unknown_pieces);
        let mut pieces = self.pieces(&format!("{UNKNOWN}{words}"), most)?;
        if pieces.len() >= self.unknown_pieces {
            pieces.drain(..self.unknown_pieces);
        }
        Ok(pieces)
    }

    /// All pieces of a text, or the first of them, at least `most`. No piece reaches beyond a space, so a text is cut
    /// word by word.
    fn pieces(&self, text: &str, most: usize) -> Result<Vec<i64>, EncoderError> {
        let normalised = self.charsmap.normalise(text);
        let (mut pieces, mut rest) = (Vec::new(), normalised.as_str());
        while let Some(first) = rest.chars().next() {
            if pieces.len() >= most {
                break;
            }
            let begins = first.len_utf8();
            let end = rest[begins..]
                .find(SPACE)
                .map_or(rest.len(), |at| begins + at);
            let tokens =
                self.model
                    .tokenize(&rest[..end])
                    .map_err(|error| EncoderError::TokeniseText {
                        reason: error.to_string(),
                    })?;
            pieces.extend(tokens.iter().map(|token| i64::from(token.id)));
            rest = &rest[end..];
        }
        Ok(pieces)
    }
}

/// Python's notion of white space: four separators more than Unicode's.
fn is_space(letter: char) -> bool {
    letter.is_whitespace() || matches!(letter, '\x1c'..='\x1f')
}
