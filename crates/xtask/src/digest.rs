//! SHA-256 of files and of folders, and stamps: small files that say from what a product was made.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

/// SHA-256 of one file, as 64 hex digits.
pub fn of_file(path: &Path) -> Result<String> {
    let mut hasher = Sha256::new();
    feed(&mut hasher, path)?;
    Ok(hex::encode(hasher.finalize()))
}

/// SHA-256 over names and contents of all files under a folder, leaving out folders named in `except`.
///
/// Only the folder's own direct children are compared with `except`.
pub fn of_folder(folder: &Path, except: &[&str]) -> Result<String> {
    let mut files = Vec::new();
    for entry in read_dir(folder)? {
        let name = entry
            .file_name()
            .map(|name| name.to_string_lossy().into_owned());
        if !name.is_some_and(|name| except.contains(&name.as_str())) {
            collect(&entry, &mut files)?;
        }
    }
    files.sort();
    let mut hasher = Sha256::new();
    for file in &files {
        let name = file
            .strip_prefix(folder)
            .expect("it was found under this folder");
        hasher.update(name.as_os_str().as_encoded_bytes());
        hasher.update([0]);
        hasher.update(fs::metadata(file)?.len().to_le_bytes());
        feed(&mut hasher, file)?;
    }
    Ok(hex::encode(hasher.finalize()))
}

/// Whether the stamp holds this text.
pub fn stamped(stamp: &Path, text: &str) -> bool {
    fs::read_to_string(stamp).is_ok_and(|found| found == text)
}

/// Writes the stamp. Comes last: a product without its stamp is made again.
pub fn write_stamp(stamp: &Path, text: &str) -> Result<()> {
    fs::write(stamp, text).with_context(|| format!("cannot write {}", stamp.display()))
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let kind = fs::symlink_metadata(path)?.file_type();
    if kind.is_dir() {
        for entry in read_dir(path)? {
            collect(&entry, files)?;
        }
    } else if kind.is_file() {
        files.push(path.to_owned());
    }
    Ok(())
}

fn read_dir(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    entries.map(|entry| Ok(entry?.path())).collect()
}

fn feed(hasher: &mut Sha256, path: &Path) -> Result<()> {
    let mut file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    let mut buffer = vec![0_u8; 1 << 16];
    loop {
        match io::Read::read(&mut file, &mut buffer)? {
            0 => return Ok(()),
            read => hasher.update(&buffer[..read]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_changes_with_a_name_and_with_a_content_and_not_with_what_is_left_out() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("src/deep")).unwrap();
        fs::create_dir_all(dir.path().join("dist")).unwrap();
        fs::write(dir.path().join("src/deep/a.ts"), "one").unwrap();
        let first = of_folder(dir.path(), &["dist"]).unwrap();

        fs::write(dir.path().join("dist/out.js"), "made").unwrap();
        assert_eq!(first, of_folder(dir.path(), &["dist"]).unwrap());
        fs::rename(
            dir.path().join("src/deep/a.ts"),
            dir.path().join("src/deep/b.ts"),
        )
        .unwrap();
        let renamed = of_folder(dir.path(), &["dist"]).unwrap();
        assert_ne!(first, renamed);
        fs::write(dir.path().join("src/deep/b.ts"), "two").unwrap();
        assert_ne!(renamed, of_folder(dir.path(), &["dist"]).unwrap());
    }

    #[test]
    fn a_files_digest_is_sha256() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("abc");
        fs::write(&file, "abc").unwrap();
        let known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(of_file(&file).unwrap(), known);
    }
}
