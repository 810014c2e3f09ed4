//! The identity of a model: one hash over everything that decides what a vector means, weights, tokenizer and
//! configuration. Two folders with the same four files have the same id, wherever they lie and however they are linked.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};
use sha2::{Digest, Sha256};

use crate::EncoderError;
use crate::config::{CONFIG_FILE, PREPROCESSOR_FILE};
use crate::tokens::TOKENIZER_FILE;
use crate::weights::WEIGHTS_FILE;

const FILES: [&str; 4] = [CONFIG_FILE, PREPROCESSOR_FILE, TOKENIZER_FILE, WEIGHTS_FILE];
const CHUNK_BYTES: usize = 1 << 20;

/// Identity of a model: SHA-256 as 64 lower-case hexadecimal digits, over config.json, preprocessor_config.json,
/// tokenizer.json and model.safetensors in this order, each preceded by its name, a zero byte and its length in bytes
/// as 8 little-endian bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct ModelId(String);

impl ModelId {
    /// The 64 digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ModelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for ModelId {
    type Err = EncoderError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if text.len() == 64 && text.bytes().all(is_digit) {
            Ok(Self(text.to_owned()))
        } else {
            Err(EncoderError::ParseModelId)
        }
    }
}

impl<'de> Deserialize<'de> for ModelId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

pub(crate) fn hash_folder(
    dir: &Path,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<ModelId, EncoderError> {
    let mut opened = Vec::with_capacity(FILES.len());
    for file in FILES {
        let fail = |source| EncoderError::ReadFile { file, source };
        let reader = File::open(dir.join(file)).map_err(fail)?;
        let length = reader.metadata().map_err(fail)?.len();
        opened.push((file, reader, length));
    }
    let total: u64 = opened.iter().map(|(_, _, length)| length).sum();
    let (mut hash, mut done, mut chunk) = (Sha256::new(), 0, vec![0_u8; CHUNK_BYTES]);
    for (file, mut reader, length) in opened {
        hash.update(file.as_bytes());
        hash.update([0]);
        hash.update(length.to_le_bytes());
        loop {
            let read = reader
                .read(&mut chunk)
                .map_err(|source| EncoderError::ReadFile { file, source })?;
            if read == 0 {
                break;
            }
            hash.update(&chunk[..read]);
            done += read as u64;
            progress(done, total);
        }
    }
    Ok(ModelId(hex::encode(hash.finalize())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(weights: &[u8]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for file in FILES {
            std::fs::write(dir.path().join(file), file).unwrap();
        }
        std::fs::write(dir.path().join(WEIGHTS_FILE), weights).unwrap();
        dir
    }

    #[test]
    fn the_id_depends_on_every_file_and_on_nothing_else() {
        let plain = hash_folder(folder(b"w").path(), &mut |_, _| ()).unwrap();
        let again = folder(b"w");
        std::fs::write(again.path().join("README.md"), "words").unwrap();
        assert_eq!(hash_folder(again.path(), &mut |_, _| ()).unwrap(), plain);
        for file in FILES {
            let other = folder(b"w");
            std::fs::write(other.path().join(file), "other").unwrap();
            assert_ne!(
                hash_folder(other.path(), &mut |_, _| ()).unwrap(),
                plain,
                "{file} does not count"
            );
        }
    }

    #[test]
    fn progress_ends_at_the_total() {
        let dir = folder(&vec![7; 3 * CHUNK_BYTES + 5]);
        let mut told = Vec::new();
        hash_folder(dir.path(), &mut |done, total| told.push((done, total))).unwrap();
        assert!(told.is_sorted() && told.len() >= 6, "{told:?}");
        let (done, total) = *told.last().unwrap();
        assert_eq!(done, total);
    }

    #[test]
    fn only_a_hash_is_an_id() {
        let id = hash_folder(folder(b"w").path(), &mut |_, _| ()).unwrap();
        assert_eq!(id.to_string().parse::<ModelId>().unwrap(), id);
        let json = serde_json::to_string(&id).unwrap();
        assert_eq!(serde_json::from_str::<ModelId>(&json).unwrap(), id);
        assert!("abc".parse::<ModelId>().is_err());
        assert!(serde_json::from_str::<ModelId>("\"../../etc\"").is_err());
    }
}
