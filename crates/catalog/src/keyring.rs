//! The library's keys: pseudonyms, look-ups and seals, all derived from one key file that is kept apart.

use std::fmt;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac as _};
use rand::Rng as _;
use sha2::Sha256;

use crate::CatalogError;

const NONCE_BYTES: usize = 24;

/// Keys derived from the key file. `Debug` prints nothing of them.
#[derive(Clone)]
pub struct Keyring {
    keys: Arc<Keys>,
}

struct Keys {
    pseudonym: [u8; 32],
    lookup: [u8; 32],
    seal: XChaCha20Poly1305,
    proof: [u8; 32],
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keyring")
    }
}

fn hmac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(key)
        .expect("HMAC takes keys of any length");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

impl Keyring {
    /// Reads the key file, or makes it (0600, its folder 0700) with 32 random bytes as hex.
    /// Errors: `KeyFile`, `KeyFormat`, `KeyExposed`.
    pub fn open(path: &Path) -> Result<Self, CatalogError> {
        let failed = |source| CatalogError::KeyFile {
            path: path.to_path_buf(),
            source,
        };
        match std::fs::read_to_string(path) {
            Ok(text) => {
                refuse_exposed(path)?;
                let mut master = [0; 32];
                hex::decode_to_slice(text.trim(), &mut master).map_err(|_| {
                    CatalogError::KeyFormat {
                        path: path.to_path_buf(),
                    }
                })?;
                Ok(Self::from_bytes(master))
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let mut master = [0; 32];
                rand::rng().fill_bytes(&mut master);
                write_key(path, &master).map_err(failed)?;
                Ok(Self::from_bytes(master))
            }
            Err(error) => Err(failed(error)),
        }
    }

    /// Keys of the bytes given: for tests and for keys kept elsewhere.
    pub fn from_bytes(master: [u8; 32]) -> Self {
        let derive = |purpose: &[u8]| hmac(&master, &[b"casekin 1 ", purpose]);
        let keys = Keys {
            pseudonym: derive(b"pseudonym"),
            lookup: derive(b"lookup"),
            seal: XChaCha20Poly1305::new(&derive(b"seal").into()),
            proof: derive(b"proof"),
        };
        Self {
            keys: Arc::new(keys),
        }
    }

    /// The pseudonym of a patient id: `p-` and 16 hex digits of HMAC-SHA256; none for an empty id.
    pub fn pseudonym(&self, patient_id: &str) -> Option<String> {
        let patient_id = patient_id.trim();
        if patient_id.is_empty() {
            return None;
        }
        Some(format!(
            "p-{}",
            &hex::encode(hmac(&self.keys.pseudonym, &[patient_id.as_bytes()]))[..16]
        ))
    }

    /// The keyed hash by which a sealed value of this kind is found.
    pub(crate) fn lookup(&self, kind: &str, value: &[u8]) -> [u8; 32] {
        hmac(&self.keys.lookup, &[kind.as_bytes(), &[0], value])
    }

    /// What this key makes of a known value; says nothing of the key.
    pub(crate) fn proof(&self) -> String {
        hex::encode(hmac(&self.keys.proof, &[b"proof"]))
    }

    /// Nonce and ciphertext; `kind` is bound to it, so that a value cannot pass for one of another kind.
    pub(crate) fn seal(&self, kind: &str, value: &[u8]) -> Vec<u8> {
        let mut nonce = [0; NONCE_BYTES];
        rand::rng().fill_bytes(&mut nonce);
        let payload = Payload {
            msg: value,
            aad: kind.as_bytes(),
        };
        let sealed = self.keys.seal.encrypt(&XNonce::from(nonce), payload);
        [
            nonce.as_slice(),
            &sealed.expect("values are far below the cipher's limit of 256 GiB"),
        ]
        .concat()
    }

    /// The value of [`Keyring::seal`]. Errors: `Unseal`.
    pub(crate) fn unseal(
        &self,
        kind: &'static str,
        sealed: &[u8],
    ) -> Result<Vec<u8>, CatalogError> {
        self.open_sealed(kind, sealed)
            .ok_or(CatalogError::Unseal { kind })
    }

    /// As `unseal`, for kinds made at run time.
    pub(crate) fn open_sealed(&self, kind: &str, sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, ciphertext) = sealed.split_at_checked(NONCE_BYTES)?;
        let nonce: [u8; NONCE_BYTES] = nonce.try_into().ok()?;
        self.keys
            .seal
            .decrypt(
                &XNonce::from(nonce),
                Payload {
                    msg: ciphertext,
                    aad: kind.as_bytes(),
                },
            )
            .ok()
    }
}

fn refuse_exposed(path: &Path) -> Result<(), CatalogError> {
    use std::os::unix::fs::PermissionsExt as _;
    let meta = std::fs::metadata(path).map_err(|source| CatalogError::KeyFile {
        path: path.to_path_buf(),
        source,
    })?;
    if meta.permissions().mode() & 0o007 != 0 {
        return Err(CatalogError::KeyExposed {
            path: path.to_path_buf(),
        });
    }
    Ok(())
}

fn write_key(path: &Path, master: &[u8; 32]) -> std::io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
    if let Some(folder) = path.parent() {
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)?;
    }
    let partial = path.with_extension("partial");
    let _ = std::fs::remove_file(&partial);
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&partial)?;
    file.write_all(hex::encode(master).as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&partial, path)?;
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => std::fs::File::open(folder)?.sync_all(),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_file_is_made_once_for_its_owner_and_read_again() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("keys").join("library.key");
        let made = Keyring::open(&path).unwrap();
        assert_eq!(
            std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        let read = Keyring::open(&path).unwrap();
        assert_eq!(made.pseudonym("4711"), read.pseudonym("4711"));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(
            Keyring::open(&path),
            Err(CatalogError::KeyExposed { .. })
        ));
    }

    #[test]
    fn an_empty_patient_id_is_nobody() {
        let keyring = Keyring::from_bytes([7; 32]);
        assert_eq!(keyring.pseudonym(" "), None);
        assert_ne!(keyring.pseudonym("a"), keyring.pseudonym("b"));
        assert_ne!(
            keyring.pseudonym("a"),
            Keyring::from_bytes([8; 32]).pseudonym("a")
        );
    }

    #[test]
    fn a_sealed_value_opens_with_its_kind_and_key_only() {
        let keyring = Keyring::from_bytes([7; 32]);
        let sealed = keyring.seal("path", b"Doe");
        assert_eq!(keyring.unseal("path", &sealed).unwrap(), b"Doe");
        assert!(keyring.unseal("accession", &sealed).is_err());
        assert!(
            Keyring::from_bytes([8; 32])
                .unseal("path", &sealed)
                .is_err()
        );
        assert!(keyring.unseal("path", &sealed[..10]).is_err());
        assert_ne!(sealed, keyring.seal("path", b"Doe"));
    }
}
