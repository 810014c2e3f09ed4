//! One file: streamed into `NAME.partial`, taken up where it broke off, checked against the hub's digest, made
//! durable, and only then given its name. A file under its own name is therefore always whole.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use indicatif::{ProgressBar, ProgressStyle};
use reqwest::header::CONTENT_RANGE;
use reqwest::{Response, StatusCode, Url};
use sha1::Sha1;
use sha2::{Digest as _, Sha256};

use super::hub::{Digest, Hub, Listed, Refusal};
use crate::progress;

/// Attempts in a row that bring nothing new before the download gives up.
const BARREN_ATTEMPTS: u32 = 5;
const FIRST_WAIT: Duration = Duration::from_millis(300);
const COPY_BUFFER_BYTES: usize = 1 << 20;

/// A file to be fetched.
pub struct Download<'a> {
    pub hub: &'a Hub,
    pub url: Url,
    pub file: &'a Listed,
    pub dir: &'a Path,
    pub quiet: bool,
}

/// How a file came to be in the folder.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Outcome {
    Downloaded,
    WasThere,
}

/// The bytes so far: on disk, counted and hashed.
struct Partial {
    path: PathBuf,
    file: File,
    written: u64,
    hasher: Hasher,
}

#[derive(Clone)]
enum Hasher {
    Sha256(Sha256),
    GitBlob(Sha1),
}

impl Download<'_> {
    /// Fetches the file unless it is there already, whole and right.
    pub async fn run(&self) -> anyhow::Result<Outcome> {
        let target = self.dir.join(&self.file.name);
        if self.is_right(&target)? {
            return Ok(Outcome::WasThere);
        }
        let mut partial = Partial::open(self.dir, self.file)?;
        let bar = self.bar();
        self.fill(&mut partial, &bar).await?;
        if !partial.matches(self.file) {
            // What lay there may be of an older revision, or something was spoilt on the way: once more, from nothing.
            bar.set_message("starting over");
            partial.restart(self.file)?;
            self.fill(&mut partial, &bar).await?;
        }
        bar.finish_and_clear();
        if !partial.matches(self.file) {
            let path = partial.path.display().to_string();
            std::fs::remove_file(&partial.path)
                .with_context(|| format!("{path} cannot be removed"))?;
            bail!(
                "{} arrived twice with the wrong checksum and was thrown away; run this command again, and if it happens \
                 again, something between here and the hub changes what passes",
                self.file.name
            );
        }
        partial
            .file
            .sync_all()
            .map_err(|error| self.not_written(error, &partial.path))?;
        std::fs::rename(&partial.path, &target)
            .with_context(|| format!("{} cannot be named", target.display()))?;
        Ok(Outcome::Downloaded)
    }

    fn is_right(&self, target: &Path) -> anyhow::Result<bool> {
        let file = match File::open(target) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
            Err(error) => {
                return Err(error).with_context(|| format!("{} cannot be read", target.display()));
            }
        };
        if file.metadata()?.len() != self.file.size_bytes {
            return Ok(false);
        }
        let mut hasher = Hasher::new(self.file);
        hasher
            .read(&file)
            .with_context(|| format!("{} cannot be read", target.display()))?;
        Ok(hasher.matches(&self.file.digest))
    }

    /// Asks for what is missing, again and again, until the file has its length.
    async fn fill(&self, partial: &mut Partial, bar: &ProgressBar) -> anyhow::Result<()> {
        let mut barren = 0;
        while partial.written < self.file.size_bytes {
            let before = partial.written;
            match self.attempt(partial, bar).await {
                Ok(()) => {}
                Err(Refusal::Final(error)) => return Err(error),
                Err(Refusal::Passing(error)) => {
                    barren = if partial.written > before {
                        1
                    } else {
                        barren + 1
                    };
                    if barren >= BARREN_ATTEMPTS {
                        return Err(error.context(format!(
                            "{} broke off at {} of {} bytes; run the same command again to go on from there",
                            self.file.name, partial.written, self.file.size_bytes
                        )));
                    }
                    bar.set_message("connection lost, trying again");
                    tokio::time::sleep(FIRST_WAIT * 2_u32.pow(barren - 1)).await;
                    bar.set_message("");
                }
            }
        }
        Ok(())
    }

    async fn attempt(&self, partial: &mut Partial, bar: &ProgressBar) -> Result<(), Refusal> {
        let mut response = self.hub.get(self.url.clone(), partial.written).await?;
        match first_byte(&response) {
            Some(first) if first == partial.written => {}
            Some(0) => partial.restart(self.file).map_err(Refusal::Final)?,
            _ => {
                return Err(Refusal::Passing(anyhow!(
                    "the hub sent another range than was asked for"
                )));
            }
        }
        bar.set_position(partial.written);
        loop {
            let chunk = response
                .chunk()
                .await
                .map_err(|error| Refusal::Passing(error.without_url().into()))?;
            let Some(chunk) = chunk else { break };
            if partial.written + chunk.len() as u64 > self.file.size_bytes {
                return Err(Refusal::Final(anyhow!(
                    "{} is longer than the hub's list says",
                    self.file.name
                )));
            }
            partial
                .append(&chunk)
                .map_err(|error| Refusal::Final(self.not_written(error, &partial.path)))?;
            bar.set_position(partial.written);
        }
        if partial.written < self.file.size_bytes {
            return Err(Refusal::Passing(anyhow!("the connection closed early")));
        }
        Ok(())
    }

    fn bar(&self) -> ProgressBar {
        let bar = progress::bar("download", self.quiet);
        let template = "{prefix:>10} {bar:36} {bytes:>11}/{total_bytes:<11} {bytes_per_sec:>12} {eta:>4} left {msg}";
        bar.set_style(
            ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()),
        );
        bar.set_length(self.file.size_bytes);
        bar
    }

    fn not_written(&self, error: std::io::Error, path: &Path) -> anyhow::Error {
        let full = matches!(
            error.kind(),
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded
        );
        let shown = path.display();
        let message = if full {
            format!(
                "no room for {shown}: {} bytes are needed; make room and run the same command again",
                self.file.size_bytes
            )
        } else {
            format!("{shown} cannot be written")
        };
        anyhow::Error::new(error).context(message)
    }
}

impl Partial {
    /// Opens what an earlier run left, and keeps other runs away from it.
    fn open(dir: &Path, listed: &Listed) -> anyhow::Result<Self> {
        let path = dir.join(format!("{}.partial", listed.name));
        let shown = path.display();
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .with_context(|| format!("{shown} cannot be written"))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => bail!("another command is downloading {shown}"),
            Err(TryLockError::Error(error)) => {
                return Err(error).with_context(|| format!("{shown} cannot be locked"));
            }
        }
        let mut partial = Self {
            path,
            file,
            written: 0,
            hasher: Hasher::new(listed),
        };
        let length = partial.file.metadata()?.len();
        if length > listed.size_bytes {
            partial.restart(listed)?;
        } else if length > 0 {
            partial
                .hasher
                .read(&partial.file)
                .with_context(|| format!("{} cannot be read", partial.path.display()))?;
            partial.written = length;
            partial.file.seek(SeekFrom::Start(length))?;
        }
        Ok(partial)
    }

    fn restart(&mut self, listed: &Listed) -> anyhow::Result<()> {
        self.file.seek(SeekFrom::Start(0))?;
        if self.written > 0 || self.file.metadata()?.len() > 0 {
            self.file
                .set_len(0)
                .with_context(|| format!("{} cannot be emptied", self.path.display()))?;
        }
        self.written = 0;
        self.hasher = Hasher::new(listed);
        Ok(())
    }

    fn append(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.file.write_all(bytes)?;
        self.hasher.update(bytes);
        self.written += bytes.len() as u64;
        Ok(())
    }

    fn matches(&self, listed: &Listed) -> bool {
        self.written == listed.size_bytes && self.hasher.clone().matches(&listed.digest)
    }
}

impl Hasher {
    fn new(listed: &Listed) -> Self {
        match listed.digest {
            Digest::Sha256(_) => Self::Sha256(Sha256::new()),
            Digest::GitBlob(_) => Self::GitBlob(Sha1::new_with_prefix(format!(
                "blob {}\0",
                listed.size_bytes
            ))),
        }
    }

    fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(hasher) => hasher.update(bytes),
            Self::GitBlob(hasher) => hasher.update(bytes),
        }
    }

    fn read(&mut self, mut file: &File) -> std::io::Result<()> {
        let mut buffer = vec![0; COPY_BUFFER_BYTES];
        loop {
            match file.read(&mut buffer)? {
                0 => return Ok(()),
                count => self.update(&buffer[..count]),
            }
        }
    }

    fn matches(self, digest: &Digest) -> bool {
        match (self, digest) {
            (Self::Sha256(hasher), Digest::Sha256(wanted)) => hasher.finalize()[..] == wanted[..],
            (Self::GitBlob(hasher), Digest::GitBlob(wanted)) => hasher.finalize()[..] == wanted[..],
            _ => false,
        }
    }
}

/// Where in the file the answer's bytes begin; a host that does not know ranges sends all of it (200).
fn first_byte(response: &Response) -> Option<u64> {
    if response.status() != StatusCode::PARTIAL_CONTENT {
        return Some(0);
    }
    let range = response.headers().get(CONTENT_RANGE)?.to_str().ok()?;
    range
        .strip_prefix("bytes ")?
        .split('-')
        .next()?
        .parse()
        .ok()
}

/// Makes the names of a folder's files durable.
pub fn sync_folder(dir: &Path) -> anyhow::Result<()> {
    File::open(dir)
        .and_then(|folder| folder.sync_all())
        .with_context(|| format!("the folder {} cannot be made durable", dir.display()))
}
