//! As much of ZIP as NumPy writes: entries that are stored or deflated, of one file, not encrypted, below 4 GB.
//! Format: PKWARE's APPNOTE.TXT 6.3.10, sections 4.3.7 (local header), 4.3.12 (directory) and 4.3.16 (its end).

use std::fs::File;
use std::io::{Read, Seek as _, SeekFrom};
use std::path::Path;

use anyhow::{Context as _, bail, ensure};
use flate2::read::DeflateDecoder;

const END: &[u8; 4] = b"PK\x05\x06";
const ENTRY: &[u8; 4] = b"PK\x01\x02";
const LOCAL: &[u8; 4] = b"PK\x03\x04";
/// The end of the directory with the longest comment.
const END_REACH_BYTES: u64 = 22 + 65_535;
const STORED: usize = 0;
const DEFLATED: usize = 8;
/// What sizes are where they stand elsewhere, in the manner of files beyond 4 GB.
const ELSEWHERE: usize = 0xFFFF_FFFF;

/// An opened archive.
pub(super) struct Zip {
    file: File,
    entries: Vec<Entry>,
}

struct Entry {
    name: String,
    method: usize,
    checksum: u32,
    packed_bytes: usize,
    bytes: usize,
    offset: usize,
}

impl Zip {
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        let reach = length.min(END_REACH_BYTES);
        let tail = read_at(&mut file, length - reach, reach as usize)?;
        let end = tail.windows(4).rposition(|bytes| bytes == END);
        let end = &tail[end.context("it has no directory")?..];
        let (size, offset) = (number(end, 12, 4)?, number(end, 16, 4)?);
        ensure!(
            offset != ELSEWHERE && (offset + size) as u64 <= length,
            "its directory lies beyond its end, or beyond 4 GB"
        );
        let directory = read_at(&mut file, offset as u64, size)?;
        let (mut entries, mut rest) = (Vec::new(), directory.as_slice());
        while rest.starts_with(ENTRY) {
            let (entry, taken) = Entry::read(rest)?;
            entries.push(entry);
            rest = &rest[taken..];
        }
        Ok(Self { file, entries })
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|entry| entry.name.as_str())
    }

    /// The bytes of an entry of at most `limit_bytes`.
    pub fn read(&mut self, name: &str, limit_bytes: usize) -> anyhow::Result<Vec<u8>> {
        let entry = self.entries.iter().find(|entry| entry.name == name);
        let entry = entry.with_context(|| format!("there is no {name}"))?;
        ensure!(
            entry.bytes <= limit_bytes && entry.packed_bytes <= limit_bytes,
            "it has more than {limit_bytes} bytes"
        );
        let local = read_at(&mut self.file, entry.offset as u64, 30)?;
        ensure!(
            local.starts_with(LOCAL),
            "its entry is not where the directory says"
        );
        let skipped = 30 + number(&local, 26, 2)? + number(&local, 28, 2)?;
        let begin = (entry.offset + skipped) as u64;
        self.file.seek(SeekFrom::Start(begin))?;
        let packed = (&mut self.file).take(entry.packed_bytes as u64);
        let mut bytes = Vec::new();
        // One byte more than it may have, so that what is longer than it says is noticed.
        let most = entry.bytes as u64 + 1;
        match entry.method {
            STORED => packed.take(most).read_to_end(&mut bytes)?,
            DEFLATED => DeflateDecoder::new(packed)
                .take(most)
                .read_to_end(&mut bytes)?,
            method => bail!("it is packed by method {method}, which is not read"),
        };
        ensure!(
            bytes.len() == entry.bytes && crc32fast::hash(&bytes) == entry.checksum,
            "it is damaged or cut off"
        );
        Ok(bytes)
    }
}

impl Entry {
    /// An entry of the directory and its length there.
    fn read(bytes: &[u8]) -> anyhow::Result<(Self, usize)> {
        ensure!(number(bytes, 8, 2)? & 1 == 0, "it is encrypted");
        let name_bytes = number(bytes, 28, 2)?;
        let taken = 46 + name_bytes + number(bytes, 30, 2)? + number(bytes, 32, 2)?;
        let name = bytes.get(46..46 + name_bytes).context("it is cut off")?;
        ensure!(bytes.len() >= taken, "it is cut off");
        let entry = Self {
            name: String::from_utf8_lossy(name).into_owned(),
            method: number(bytes, 10, 2)?,
            checksum: number(bytes, 16, 4)? as u32,
            packed_bytes: number(bytes, 20, 4)?,
            bytes: number(bytes, 24, 4)?,
            offset: number(bytes, 42, 4)?,
        };
        let sizes = [entry.packed_bytes, entry.bytes, entry.offset];
        ensure!(!sizes.contains(&ELSEWHERE), "an entry lies beyond 4 GB");
        Ok((entry, taken))
    }
}

fn read_at(file: &mut File, offset: u64, length: usize) -> anyhow::Result<Vec<u8>> {
    let mut bytes = vec![0; length];
    file.seek(SeekFrom::Start(offset))?;
    file.read_exact(&mut bytes).context("it is cut off")?;
    Ok(bytes)
}

/// A number of `width` bytes, smallest first.
fn number(bytes: &[u8], at: usize, width: usize) -> anyhow::Result<usize> {
    let digits = bytes.get(at..at + width).context("it is cut off")?;
    let digits = digits.iter().rev();
    Ok(digits.fold(0, |number, byte| number << 8 | usize::from(*byte)))
}
