//! Words to token ids, as the reference tokenizer of SigLIP gives them. Where tokenizer.json is SigLIP's, the rules of
//! [`crate::canonical`] apply; any other is used as it is, less `/ < >`. Either way texts are cut and padded here.

use std::path::Path;

use tokenizers::Tokenizer;

use crate::EncoderError;
use crate::canonical::Canonical;
use crate::checkpoint::read_bounded;
use crate::config::TextConfig;

pub(crate) const TOKENIZER_FILE: &str = "tokenizer.json";
const TOKENIZER_LIMIT_BYTES: u64 = 64 << 20;
const END_MARK: &str = "</s>";
/// Rows of the table of embeddings that may stand behind the tokenizer's largest id.
const SPARE_ROWS: u64 = 256;
/// A text is cut to a few dozen tokens anyway; this bounds the work on one that is a whole book.
const TEXT_LIMIT_BYTES: usize = 256 << 10;

/// A checkpoint's tokenizer, checked against its vocabulary.
pub(crate) struct TextTokenizer {
    rules: Rules,
    end_id: i64,
    pad_id: i64,
    length: usize,
}

enum Rules {
    Canonical(Box<Canonical>),
    Own(Box<Tokenizer>),
}

impl std::fmt::Debug for TextTokenizer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TextTokenizer")
            .field("length", &self.length)
            .finish_non_exhaustive()
    }
}

impl TextTokenizer {
    /// Reads tokenizer.json and checks that every id it can give lies within the vocabulary.
    pub fn read(dir: &Path, config: &TextConfig) -> Result<Self, EncoderError> {
        let bytes = read_bounded(dir, TOKENIZER_FILE, TOKENIZER_LIMIT_BYTES)?;
        let refuse = |reason| Err(EncoderError::CheckTokenizer { reason });
        let rules = match Canonical::read(&bytes)? {
            Some(canonical) => Rules::Canonical(Box::new(canonical)),
            None => Rules::Own(Box::new(own(&bytes)?)),
        };
        let (end_id, largest) = match &rules {
            Rules::Canonical(canonical) => (Some(canonical.end_id()), canonical.largest_id()),
            Rules::Own(tokenizer) => {
                let vocabulary = tokenizer.get_vocab(true);
                let end_id = vocabulary.get(END_MARK).copied();
                (end_id, vocabulary.values().copied().max().unwrap_or(0))
            }
        };
        let Some(end_id) = end_id else {
            return refuse(format!("it has no end mark {END_MARK}"));
        };
        if u64::from(largest) >= config.vocab_size {
            return refuse(format!(
                "its largest id is {largest}, text_config.vocab_size is {}",
                config.vocab_size
            ));
        }
        // A table of embeddings may be rounded up by a few rows; one with thousands of rows that no word reaches belongs
        // to another tokenizer, and every text would be taken for another.
        if config.vocab_size - u64::from(largest) > SPARE_ROWS {
            return refuse(format!(
                "its largest id is {largest}, text_config.vocab_size is {}: they are of two vocabularies",
                config.vocab_size
            ));
        }
        let pad_id = config.pad_token_id.unwrap_or(i64::from(end_id));
        if !u64::try_from(pad_id).is_ok_and(|id| id < config.vocab_size) {
            return refuse(format!(
                "text_config.pad_token_id {pad_id} is not within the vocabulary"
            ));
        }
        Ok(Self {
            rules,
            end_id: i64::from(end_id),
            pad_id,
            length: config.max_position_embeddings as usize,
        })
    }

    /// The ids of one text: cut to `length - 1`, the end mark, padding up to `length`. The padding is looked at by
    /// the model (no mask), and the vector is read from the last position, so it must be exactly this.
    pub fn encode(&self, text: &str) -> Result<Vec<i64>, EncoderError> {
        let cut = text.floor_char_boundary(TEXT_LIMIT_BYTES);
        let mut ids = match &self.rules {
            Rules::Canonical(canonical) => canonical.encode(&text[..cut], self.length - 1)?,
            Rules::Own(tokenizer) => {
                let cleaned = text[..cut].replace(['/', '<', '>'], "");
                let fail = |error: tokenizers::Error| EncoderError::TokeniseText {
                    reason: error.to_string(),
                };
                let encoding = tokenizer.encode_fast(cleaned, false).map_err(fail)?;
                let ids = encoding.get_ids().iter().take(self.length - 1);
                ids.map(|id| i64::from(*id)).collect()
            }
        };
        ids.push(self.end_id);
        ids.resize(self.length, self.pad_id);
        Ok(ids)
    }
}

/// A tokenizer as its file has it, without cutting and padding.
fn own(bytes: &[u8]) -> Result<Tokenizer, EncoderError> {
    let fail = |error: tokenizers::Error| EncoderError::LoadTokenizer {
        reason: error.to_string(),
    };
    let mut tokenizer = Tokenizer::from_bytes(bytes).map_err(fail)?;
    tokenizer.with_padding(None);
    tokenizer.with_truncation(None).map_err(fail)?;
    Ok(tokenizer)
}
