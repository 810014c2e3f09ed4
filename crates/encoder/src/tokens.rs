//! Words to token ids, as the reference tokenizer of SigLIP gives them (transformers' `tokenization_siglip.py`).
//! tokenizer.json alone is not enough: its normaliser keeps `/ < >`, which the reference deletes with all other ASCII
//! punctuation, and it neither cuts nor pads.

use std::path::Path;

use tokenizers::Tokenizer;

use crate::EncoderError;
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
    tokenizer: Tokenizer,
    end_id: i64,
    pad_id: i64,
    length: usize,
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
        let mut tokenizer =
            Tokenizer::from_bytes(&bytes).map_err(|error| EncoderError::LoadTokenizer {
                reason: error.to_string(),
            })?;
        tokenizer.with_padding(None);
        tokenizer
            .with_truncation(None)
            .map_err(|error| EncoderError::LoadTokenizer {
                reason: error.to_string(),
            })?;
        let refuse = |reason| Err(EncoderError::CheckTokenizer { reason });
        let vocabulary = tokenizer.get_vocab(true);
        let Some(end_id) = vocabulary.get(END_MARK).copied() else {
            return refuse(format!("it has no end mark {END_MARK}"));
        };
        let largest = vocabulary.values().copied().max().unwrap_or(0);
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
            tokenizer,
            end_id: i64::from(end_id),
            pad_id,
            length: config.max_position_embeddings as usize,
        })
    }

    /// The ids of one text: cut to `length - 1`, the end mark, padding up to `length`. The padding is looked at by
    /// the model (no mask), and the vector is read from the last position, so it must be exactly this.
    pub fn encode(&self, text: &str) -> Result<Vec<i64>, EncoderError> {
        let cut = text.floor_char_boundary(TEXT_LIMIT_BYTES);
        let cleaned = text[..cut].replace(['/', '<', '>'], "");
        let fail = |error: tokenizers::Error| EncoderError::TokeniseText {
            reason: error.to_string(),
        };
        let encoding = self.tokenizer.encode_fast(cleaned, false).map_err(fail)?;
        let mut ids: Vec<i64> = encoding
            .get_ids()
            .iter()
            .take(self.length - 1)
            .map(|id| i64::from(*id))
            .collect();
        ids.push(self.end_id);
        ids.resize(self.length, self.pad_id);
        Ok(ids)
    }
}
