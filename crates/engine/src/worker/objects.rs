//! Where an object's bytes can be read now.

use casekin_catalog::ObjectRef;
use casekin_imaging::Source;
use sha2::{Digest as _, Sha256};

use crate::error::EngineError;
use crate::library::Library;

impl Library {
    /// Where an object's bytes can be read now. A file that lies in place must still be what was ingested.
    pub(crate) async fn object_source(
        &self,
        object: &ObjectRef,
        other_paths: &[std::path::PathBuf],
        content_sha256: &[u8; 32],
    ) -> Result<Source, EngineError> {
        let path = match object {
            ObjectRef::Stored { key } => {
                let bytes = self
                    .inner
                    .objects
                    .read_object(key, self.inner.config.limits.max_bytes)
                    .await?;
                return Ok(Source::from_bytes(String::new(), bytes));
            }
            ObjectRef::InPlace { path } => path.clone(),
        };
        let candidates: Vec<_> = std::iter::once(path)
            .chain(other_paths.iter().cloned())
            .collect();
        let expected = *content_sha256;
        tokio::task::spawn_blocking(move || {
            let unchanged = candidates
                .into_iter()
                .find(|path| file_sha256(path).is_ok_and(|found| found == expected));
            unchanged.map(Source::Path).ok_or(EngineError::ObjectGone)
        })
        .await?
    }
}

fn file_sha256(path: &std::path::Path) -> std::io::Result<[u8; 32]> {
    let mut file = std::fs::File::open(path)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0u8; 1 << 16];
    loop {
        let read = std::io::Read::read(&mut file, &mut buffer)?;
        if read == 0 {
            return Ok(hasher.finalize().into());
        }
        hasher.update(&buffer[..read]);
    }
}
