//! Files that survive a power cut: written whole, synced, then named; and read back only if their checksum holds.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::IndexError;

/// A file that the manifest vouches for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FileRef {
    pub(crate) name: String,
    pub(crate) bytes: u64,
    pub(crate) crc32: u32,
}

/// Writes a file and syncs its content (not yet its name).
pub(crate) fn write_synced(path: &Path, content: &[u8]) -> Result<(), IndexError> {
    let failed = |source| IndexError::File {
        action: "write",
        path: path.to_owned(),
        source,
    };
    let mut file = File::create(path).map_err(failed)?;
    file.write_all(content)
        .and_then(|()| file.sync_all())
        .map_err(failed)
}

/// Writes a file that the manifest shall vouch for.
pub(crate) fn write_file(dir: &Path, name: String, content: &[u8]) -> Result<FileRef, IndexError> {
    write_synced(&dir.join(&name), content)?;
    Ok(FileRef {
        name,
        bytes: content.len() as u64,
        crc32: crc32fast::hash(content),
    })
}

/// Reads a file that the manifest vouches for.
pub(crate) fn read_file(dir: &Path, file: &FileRef) -> Result<Vec<u8>, IndexError> {
    let damaged = |reason: &str| IndexError::Damaged {
        what: file.name.clone(),
        reason: reason.into(),
    };
    if file.name.contains(['/', '\\']) {
        return Err(damaged("its name leads out of the folder"));
    }
    let content = fs::read(dir.join(&file.name)).map_err(|source| match source.kind() {
        std::io::ErrorKind::NotFound => damaged("it is missing"),
        _ => IndexError::File {
            action: "read",
            path: dir.join(&file.name),
            source,
        },
    })?;
    if content.len() as u64 != file.bytes || crc32fast::hash(&content) != file.crc32 {
        return Err(damaged("its checksum is wrong"));
    }
    Ok(content)
}

/// Replaces a small file at once: readers see the old or the new one, also after a power cut.
pub(crate) fn replace(dir: &Path, name: &str, content: &[u8]) -> Result<(), IndexError> {
    let (unfinished, path) = (dir.join(format!("{name}.new")), dir.join(name));
    write_synced(&unfinished, content)?;
    sync_dir(dir)?;
    fs::rename(&unfinished, &path).map_err(|source| IndexError::File {
        action: "replace",
        path,
        source,
    })?;
    sync_dir(dir)
}

/// Makes the names in a folder durable.
pub(crate) fn sync_dir(dir: &Path) -> Result<(), IndexError> {
    File::open(dir)
        .and_then(|folder| folder.sync_all())
        .map_err(|source| IndexError::File {
            action: "sync",
            path: dir.to_owned(),
            source,
        })
}
