//! The memory that a decode worker and its parent share: file bytes go in, pixels come out.
//!
//! Its first [`MAPPED_BYTES`] are mapped on both sides, what lies beyond is read and written. Touching a mapped page
//! that the other side has cut off the file would kill this process. So the file is given its size and sealed against
//! shrinking before the worker is started, and sealed against more seals: what is mapped stays there whatever a
//! worker does. It may still write while its parent reads; the parent copies bytes out once and believes none of them.

use std::io;
use std::os::fd::{AsFd as _, OwnedFd};

use memmap2::{MmapOptions, MmapRaw};
use rustix::fs::{FallocateFlags, MemfdFlags, SealFlags};

/// What is mapped. Views of 20 megapixels fit; it takes memory only where something was written.
const MAPPED_BYTES: u64 = 64 << 20;

/// One side's hold on the memory.
pub(super) struct SharedMemory {
    file: OwnedFd,
    map: MmapRaw,
}

impl SharedMemory {
    /// New memory, which takes no room yet.
    pub(super) fn create() -> io::Result<Self> {
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
        let file = rustix::fs::memfd_create("casekin", flags)?;
        rustix::fs::ftruncate(&file, MAPPED_BYTES)?;
        rustix::fs::fcntl_add_seals(&file, SealFlags::SHRINK | SealFlags::SEAL)?;
        Self::of(file)
    }

    /// The other side's, of the file that was handed over.
    ///
    /// # Errors
    /// A file that is not sealed as [`Self::create`] does it, and what the system refuses.
    pub(super) fn of(file: OwnedFd) -> io::Result<Self> {
        let sealed = rustix::fs::fcntl_get_seals(&file)?.contains(SealFlags::SHRINK);
        if !sealed || size(&file)? < MAPPED_BYTES {
            return Err(io::Error::other("the shared memory can shrink"));
        }
        let map = MmapOptions::new()
            .len(MAPPED_BYTES as usize)
            .map_raw(&file)?;
        Ok(Self { file, map })
    }

    /// The file, for the other side.
    pub(super) fn file(&self) -> io::Result<OwnedFd> {
        self.file.as_fd().try_clone_to_owned()
    }

    /// Writes all of `bytes` at an offset.
    pub(super) fn write(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let (mapped, mut rest) = bytes.split_at(mapped_part(offset, bytes.len()));
        // SAFETY: `mapped_part` ends with the map, which the seal keeps in place; the bytes are this process's own
        // and cannot lie in it. No reference into the map exists on either side.
        #[allow(unsafe_code)]
        unsafe {
            let to = self.map.as_mut_ptr().wrapping_add(offset as usize);
            std::ptr::copy_nonoverlapping(mapped.as_ptr(), to, mapped.len());
        }
        let mut at = offset + mapped.len() as u64;
        while !rest.is_empty() {
            let written = rustix::io::retry_on_intr(|| rustix::io::pwrite(&self.file, rest, at))?;
            if written == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            rest = &rest[written..];
            at += written as u64;
        }
        Ok(())
    }

    /// Exactly `len` bytes from an offset, after looking whether they are there.
    pub(super) fn read(&self, len: u64, offset: u64) -> io::Result<Vec<u8>> {
        let ends = offset.checked_add(len);
        if ends.is_none_or(|end| end > MAPPED_BYTES)
            && ends.is_none_or(|end| size(&self.file).map_or(true, |size| end > size))
        {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let len = usize::try_from(len).map_err(io::Error::other)?;
        let mapped = mapped_part(offset, len);
        let mut bytes = Vec::with_capacity(len);
        // SAFETY: as in `write`; `mapped` is at most the capacity, and that many bytes are written before they count.
        #[allow(unsafe_code)]
        unsafe {
            let from = self.map.as_ptr().wrapping_add(offset as usize);
            std::ptr::copy_nonoverlapping(from, bytes.as_mut_ptr(), mapped);
            bytes.set_len(mapped);
        }
        bytes.resize(len, 0);
        let mut at = mapped;
        while at < len {
            let from = offset + at as u64;
            let read = rustix::io::retry_on_intr(|| {
                rustix::io::pread(&self.file, &mut bytes[at..], from)
            })?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            at += read;
        }
        Ok(bytes)
    }

    /// Gives back what lies beyond the mapped part.
    pub(super) fn slim(&self) -> io::Result<()> {
        let size = size(&self.file)?;
        if size > MAPPED_BYTES {
            let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
            rustix::fs::fallocate(&self.file, flags, MAPPED_BYTES, size - MAPPED_BYTES)?;
        }
        Ok(())
    }
}

/// How many of `len` bytes from an offset are mapped.
fn mapped_part(offset: u64, len: usize) -> usize {
    let mapped = MAPPED_BYTES.saturating_sub(offset);
    usize::try_from(mapped).map_or(len, |mapped| mapped.min(len))
}

fn size(file: &OwnedFd) -> io::Result<u64> {
    Ok(u64::try_from(rustix::fs::fstat(file)?.st_size).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_back_within_the_map_across_its_end_and_beyond_it() {
        let here = SharedMemory::create().unwrap();
        let there = SharedMemory::of(here.file().unwrap()).unwrap();
        let bytes: Vec<u8> = (0..1000).map(|at| at as u8).collect();
        for offset in [0, 77, MAPPED_BYTES - 500, MAPPED_BYTES, MAPPED_BYTES + 9] {
            here.write(&bytes, offset).unwrap();
            assert_eq!(there.read(1000, offset).unwrap(), bytes, "{offset}");
        }
        let end = MAPPED_BYTES + 1009;
        assert!(there.read(1, end).is_err(), "past the end of the file");
        assert!(there.read(end, 1).is_err());
        assert!(there.read(u64::MAX, 1).is_err());
        here.slim().unwrap();
        assert_eq!(there.read(1000, MAPPED_BYTES).unwrap(), [0; 1000]);
        assert_eq!(there.read(500, MAPPED_BYTES - 500).unwrap(), bytes[..500]);
    }

    #[test]
    fn nobody_can_take_the_mapped_part_away() {
        let here = SharedMemory::create().unwrap();
        let theirs = here.file().unwrap();
        assert!(rustix::fs::ftruncate(&theirs, 0).is_err());
        assert!(rustix::fs::ftruncate(&theirs, MAPPED_BYTES - 1).is_err());
        assert!(rustix::fs::fcntl_add_seals(&theirs, SealFlags::WRITE).is_err());
        assert!(rustix::fs::fcntl_add_seals(&theirs, SealFlags::GROW).is_err());
        // A hole reads as zeros.
        here.write(&[7; 10_000], 0).unwrap();
        let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        rustix::fs::fallocate(&theirs, flags, 0, MAPPED_BYTES).unwrap();
        assert_eq!(here.read(10_000, 0).unwrap(), [0; 10_000]);
    }

    #[test]
    fn memory_that_can_shrink_is_not_mapped() {
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
        let open = rustix::fs::memfd_create("open", flags).unwrap();
        rustix::fs::ftruncate(&open, MAPPED_BYTES).unwrap();
        assert!(SharedMemory::of(open).is_err());
        let small = rustix::fs::memfd_create("small", flags).unwrap();
        rustix::fs::fcntl_add_seals(&small, SealFlags::SHRINK).unwrap();
        assert!(SharedMemory::of(small).is_err());
    }
}
