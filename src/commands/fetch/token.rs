//! The user's access token: read from a file that nobody else can read, kept out of every message.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, bail};
use reqwest::header::HeaderValue;

const BYTES_AT_MOST: u64 = 4096;
const HOW_TO_GET_ONE: &str = "make one that may read under https://huggingface.co/settings/tokens and write it into a file of its own";

/// Reads the token as the value of the Authorization header, marked so that it is never printed.
pub fn read(path: &Path) -> anyhow::Result<HeaderValue> {
    let shown = path.display();
    let file = File::open(path)
        .with_context(|| format!("the token file {shown} cannot be read; {HOW_TO_GET_ONE}"))?;
    let meta = file
        .metadata()
        .with_context(|| format!("the token file {shown} cannot be read"))?;
    if meta.is_dir() {
        bail!("{shown} is a folder, not a token file; {HOW_TO_GET_ONE}");
    }
    refuse_exposed(path, &meta)?;
    let mut text = String::new();
    file.take(BYTES_AT_MOST + 1)
        .read_to_string(&mut text)
        .map_err(|_| anyhow::anyhow!("the token file {shown} does not hold a token"))?;
    let token = text.trim();
    if token.is_empty() {
        bail!("the token file {shown} is empty; {HOW_TO_GET_ONE}");
    }
    let fits =
        text.len() as u64 <= BYTES_AT_MOST && token.bytes().all(|byte| byte.is_ascii_graphic());
    if !fits {
        bail!("the token file {shown} must hold the token alone, on one line");
    }
    let mut value =
        HeaderValue::from_str(&format!("Bearer {token}")).context("the token cannot be sent")?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(unix)]
fn refuse_exposed(path: &Path, meta: &std::fs::Metadata) -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    if meta.permissions().mode() & 0o077 != 0 {
        let shown = path.display();
        bail!(
            "others can read the token file {shown}: run `chmod 600 {shown}`, and make a new token if it may have been seen"
        );
    }
    Ok(())
}

#[cfg(not(unix))]
fn refuse_exposed(_path: &Path, _meta: &std::fs::Metadata) -> anyhow::Result<()> {
    Ok(())
}
