//! The library's key: pseudonyms, look-up hashes and sealing all come from one file of 32 random bytes.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use crate::CatalogError;

/// Keys derived from the key file. `Debug` prints nothing of them.
#[derive(Clone)]
pub struct Keyring {
    keys: Arc<Keys>,
}

struct Keys {}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keyring")
    }
}

impl Keyring {
    /// Reads the key file, or makes it (0600, its folder 0700) with 32 random bytes as hex.
    /// Errors: `KeyFile`, `KeyFormat`, `KeyExposed`.
    pub fn open(_path: &Path) -> Result<Self, CatalogError> {
        todo!()
    }

    /// Keys of the bytes given: for tests and for keys kept elsewhere.
    pub fn from_bytes(_master: [u8; 32]) -> Self {
        todo!()
    }

    /// The pseudonym of a patient id: `p-` and 16 hex digits of HMAC-SHA256; none for an empty id.
    pub fn pseudonym(&self, _patient_id: &str) -> Option<String> {
        todo!()
    }
}
