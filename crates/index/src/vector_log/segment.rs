//! One segment file of the vector log: a 4 KiB header that names the stamp, then records of one size:
//! key (u64), CRC-32 of key and vector (u32), zero (u32), the vector as f16, padded to 16 bytes; little endian.
//! An erased record is all zeros. Files are mapped beyond their end once, so that they grow without remapping.

use std::fs::{File, OpenOptions};
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use half::f16;

use crate::kernel;
use crate::{IndexError, Stamp, VectorLocation};

pub(super) const HEADER_BYTES: u64 = 4096;
const MAGIC: &[u8; 8] = b"CASEKINV";
const FORMAT_VERSION: u32 = 1;
const RECORD_HEAD_BYTES: usize = 16;
/// A segment ends here at the latest.
pub(super) const SEGMENT_BYTES: u64 = 256 << 20;

#[derive(Debug)]
pub(crate) struct SegmentFile {
    pub(super) number: u32,
    pub(super) stamp: Stamp,
    pub(super) path: PathBuf,
    file: File,
    map: memmap2::Mmap,
    /// Bytes from the file's start that are written and synced.
    filled: AtomicU64,
    /// Of another stamp: another handle may append to it.
    foreign: bool,
}

/// What lies at a place.
pub(super) enum Record<'a> {
    Whole {
        key: u64,
        crc32: u32,
        vector: &'a [f16],
    },
    Erased,
    Damaged,
    Missing,
}

impl SegmentFile {
    /// The first bytes of a new segment file.
    pub(super) fn header(stamp: &Stamp) -> Result<Vec<u8>, IndexError> {
        let body = serde_json::to_vec(stamp).expect("a stamp of strings and numbers serialises");
        let mut header = Vec::with_capacity(HEADER_BYTES as usize);
        header.extend_from_slice(MAGIC);
        header.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
        header.extend_from_slice(&(body.len() as u32).to_le_bytes());
        header.extend_from_slice(&crc32fast::hash(&body).to_le_bytes());
        header.extend_from_slice(&body);
        if header.len() > HEADER_BYTES as usize {
            return Err(IndexError::SegmentHeader {
                segment: 0,
                reason: "the stamp is longer than 4 KiB".into(),
            });
        }
        header.resize(HEADER_BYTES as usize, 0);
        Ok(header)
    }

    pub(super) fn open(path: &Path, number: u32, own: &Stamp) -> Result<Self, IndexError> {
        let failed = |source| IndexError::File {
            action: "open",
            path: path.to_owned(),
            source,
        };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(path)
            .map_err(failed)?;
        let mut header = vec![0; HEADER_BYTES as usize];
        let unreadable = |reason: &str| IndexError::SegmentHeader {
            segment: number,
            reason: reason.into(),
        };
        file.read_exact(&mut header)
            .map_err(|_| unreadable("the file is shorter than a header"))?;
        let stamp = parse_header(&header).map_err(|reason| unreadable(&reason))?;
        let length = file.metadata().map_err(failed)?.len();
        let mapped_bytes = length.max(HEADER_BYTES + SEGMENT_BYTES + stride(stamp.dimension));
        #[allow(unsafe_code)]
        // SAFETY: the file is only grown or zeroed in place while mapped, and only `filled` bytes are ever read,
        // which never exceed its length; one process alone writes a library.
        let map = unsafe {
            memmap2::MmapOptions::new()
                .len(mapped_bytes as usize)
                .map(&file)
        }
        .map_err(failed)?;
        let foreign = stamp != *own;
        let filled = AtomicU64::new(length);
        Ok(Self {
            number,
            stamp,
            path: path.to_owned(),
            file,
            map,
            filled,
            foreign,
        })
    }

    fn stride(&self) -> u64 {
        stride(self.stamp.dimension)
    }

    /// Cuts off what a crash left half-written: a part of a record, then records at the end that fail their checksum.
    pub(super) fn recover_tail(&self) -> Result<(), IndexError> {
        let length = self.filled.load(Ordering::Acquire);
        let records = (length - HEADER_BYTES) / self.stride();
        let mut end = HEADER_BYTES + records * self.stride();
        self.filled.store(end, Ordering::Release);
        while end > HEADER_BYTES && matches!(self.record(end - self.stride()), Record::Damaged) {
            end -= self.stride();
        }
        if end != length {
            tracing::warn!(
                segment = self.number,
                bytes = length - end,
                "cut a torn tail off the vector log"
            );
            self.shorten(end)?;
        }
        Ok(())
    }

    fn shorten(&self, end: u64) -> Result<(), IndexError> {
        self.filled.store(end, Ordering::Release);
        self.file
            .set_len(end)
            .and_then(|()| self.file.sync_all())
            .map_err(|source| self.failed("shorten", source))
    }

    fn failed(&self, action: &'static str, source: std::io::Error) -> IndexError {
        IndexError::File {
            action,
            path: self.path.clone(),
            source,
        }
    }

    /// How many more records fit.
    pub(super) fn room(&self) -> usize {
        let end = HEADER_BYTES + SEGMENT_BYTES;
        (end.saturating_sub(self.filled.load(Ordering::Acquire)) / self.stride()) as usize
    }

    /// Appends rounded vectors and syncs. Nothing stays behind where it fails.
    pub(super) fn append(
        &self,
        batch: &[(u64, Vec<f16>)],
    ) -> Result<Vec<VectorLocation>, IndexError> {
        let start = self.filled.load(Ordering::Acquire);
        let mut bytes = Vec::with_capacity(batch.len() * self.stride() as usize);
        let mut places = Vec::with_capacity(batch.len());
        for (key, vector) in batch {
            let offset = start + bytes.len() as u64;
            let record_start = bytes.len();
            let crc32 = checksum(*key, vector);
            bytes.extend_from_slice(&key.to_le_bytes());
            bytes.extend_from_slice(&crc32.to_le_bytes());
            bytes.extend_from_slice(&[0; 4]);
            bytes.extend_from_slice(bytemuck::cast_slice(vector));
            bytes.resize(record_start + self.stride() as usize, 0);
            places.push(VectorLocation {
                segment: self.number,
                offset,
                crc32,
            });
        }
        let end = start + bytes.len() as u64;
        if let Err(source) = self
            .file
            .write_all_at(&bytes, start)
            .and_then(|()| self.file.sync_data())
        {
            let _ = self.shorten(start);
            return Err(self.failed("append to", source));
        }
        self.filled.store(end, Ordering::Release);
        Ok(places)
    }

    /// Zeroes the record if it is this one (or damaged); true if bytes changed. [`SegmentFile::sync`] must follow.
    pub(super) fn erase(&self, at: &VectorLocation) -> Result<bool, IndexError> {
        let ours = match self.record(at.offset) {
            Record::Whole { crc32, .. } => crc32 == at.crc32,
            Record::Damaged => true,
            Record::Erased | Record::Missing => false,
        };
        if ours {
            let zeros = vec![0; self.stride() as usize];
            self.file
                .write_all_at(&zeros, at.offset)
                .map_err(|source| self.failed("erase in", source))?;
        }
        Ok(ours)
    }

    pub(super) fn sync(&self) -> Result<(), IndexError> {
        self.file
            .sync_data()
            .map_err(|source| self.failed("sync", source))
    }

    /// The record at an offset, its checksum verified.
    pub(super) fn record(&self, offset: u64) -> Record<'_> {
        let Some((key, crc32, vector, whole)) = self.raw(offset) else {
            return Record::Missing;
        };
        if key == 0 && crc32 == 0 && whole.iter().all(|byte| *byte == 0) {
            return Record::Erased;
        }
        if checksum(key, vector) != crc32 {
            Record::Damaged
        } else {
            Record::Whole { key, crc32, vector }
        }
    }

    /// Key, checksum, vector and all bytes of the record at an offset, nothing verified.
    fn raw(&self, offset: u64) -> Option<(u64, u32, &[f16], &[u8])> {
        let stride = self.stride();
        if offset < HEADER_BYTES || !(offset - HEADER_BYTES).is_multiple_of(stride) {
            return None;
        }
        let end = offset.checked_add(stride)?;
        if end > self.filled.load(Ordering::Acquire) && end > self.grown_by_others() {
            return None;
        }
        let whole = self.map.get(offset as usize..end as usize)?;
        let key = u64::from_le_bytes(whole[..8].try_into().expect("eight bytes"));
        let crc32 = u32::from_le_bytes(whole[8..12].try_into().expect("four bytes"));
        let vector_bytes =
            &whole[RECORD_HEAD_BYTES..RECORD_HEAD_BYTES + 2 * self.stamp.dimension as usize];
        Some((key, crc32, bytemuck::cast_slice(vector_bytes), whole))
    }

    /// How far the file reaches now. Another handle (a re-encoding, say) may have appended to a segment of its
    /// stamp since this one opened it; of the own stamp only what is synced counts.
    fn grown_by_others(&self) -> u64 {
        if !self.foreign {
            return self.filled.load(Ordering::Acquire);
        }
        let length = self.file.metadata().map_or(0, |metadata| metadata.len());
        self.filled.fetch_max(length, Ordering::AcqRel).max(length)
    }

    /// Dot product with the record's vector; the checksum is compared with the location's, not recomputed.
    pub(super) fn dot(&self, at: &VectorLocation, query: &[f32]) -> Result<f32, IndexError> {
        match self.raw(at.offset) {
            Some((_, crc32, vector, _)) if crc32 == at.crc32 => Ok(kernel::dot(vector, query)),
            _ => Err(self.explain(at)),
        }
    }

    /// Begins to fetch a record that is about to be read.
    pub(super) fn prefetch(&self, at: &VectorLocation) {
        let (start, end) = (at.offset as usize, at.offset.saturating_add(self.stride()));
        if let Some(record) = self.map.get(start..end as usize)
            && end <= self.filled.load(Ordering::Acquire)
        {
            kernel::prefetch(record);
        }
    }

    /// Why there is no such vector at this place.
    pub(super) fn explain(&self, at: &VectorLocation) -> IndexError {
        let (segment, offset) = (at.segment, at.offset);
        match self.record(offset) {
            Record::Erased => IndexError::VectorErased { segment, offset },
            Record::Damaged => IndexError::VectorDamaged { segment, offset },
            Record::Whole { .. } | Record::Missing => IndexError::VectorMissing { segment, offset },
        }
    }

    /// Offsets of all records.
    pub(super) fn offsets(&self) -> impl Iterator<Item = u64> {
        let (stride, end) = (self.stride(), self.grown_by_others());
        (0..(end - HEADER_BYTES) / stride).map(move |at| HEADER_BYTES + at * stride)
    }
}

fn stride(dimension: u32) -> u64 {
    (RECORD_HEAD_BYTES as u64 + 2 * u64::from(dimension)).next_multiple_of(16)
}

fn checksum(key: u64, vector: &[f16]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&key.to_le_bytes());
    hasher.update(bytemuck::cast_slice(vector));
    hasher.finalize()
}

fn parse_header(header: &[u8]) -> Result<Stamp, String> {
    if header.get(..8) != Some(MAGIC) {
        return Err("it is no segment of a vector log".into());
    }
    let number = |at: usize| u32::from_le_bytes(header[at..at + 4].try_into().expect("four bytes"));
    if number(8) != FORMAT_VERSION {
        return Err(format!(
            "it has format {}, this program reads format {FORMAT_VERSION}",
            number(8)
        ));
    }
    let body = header
        .get(20..20 + number(12) as usize)
        .ok_or("its length is wrong")?;
    if crc32fast::hash(body) != number(16) {
        return Err("it fails its checksum".into());
    }
    let stamp: Stamp = serde_json::from_slice(body).map_err(|_| "its stamp cannot be read")?;
    if stamp.dimension == 0 || stamp.dimension > super::MAX_DIMENSION {
        return Err("its dimension is out of range".into());
    }
    Ok(stamp)
}
