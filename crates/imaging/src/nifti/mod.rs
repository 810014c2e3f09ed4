//! NIfTI-1 and NIfTI-2 (.nii, .nii.gz): a volume, shown as its axial slices.
//!
//! Its free text (`descrip`, `aux_file`, `intent_name`, `db_name`), where scanners and people put names, is never
//! read. Of several volumes (time, direction) the first is read and the others are counted.

mod header;
mod levels;
mod orientation;
mod volume;

pub(crate) use volume::{Nifti, inspect};

use std::io::Read as _;

use flate2::read::MultiGzDecoder;

use crate::ImagingError;

/// What stands before the voxels: the longer of the two headers and four bytes of extensions.
const HEADER_BYTES: usize = 544;

/// Whether the bytes start a NIfTI file, gzipped or not. A gzip archive of anything else is none.
pub(crate) fn is_nifti(start: &[u8]) -> bool {
    header::is_header(start) || (is_gzip(start) && header::is_header(&inflated_start(start)))
}

fn is_gzip(start: &[u8]) -> bool {
    start.starts_with(&[0x1F, 0x8B])
}

/// As much of a header as the bytes hold.
fn inflated_start(start: &[u8]) -> Vec<u8> {
    let mut header = vec![0; HEADER_BYTES];
    let mut len = 0;
    let mut reader = MultiGzDecoder::new(start);
    while len < HEADER_BYTES {
        match reader.read(&mut header[len..]) {
            Ok(0) | Err(_) => break,
            Ok(more) => len += more,
        }
    }
    header.truncate(len);
    header
}

fn broken(reason: impl Into<String>) -> ImagingError {
    ImagingError::DecodeRaster {
        format: "NIfTI".to_owned(),
        reason: reason.into(),
    }
}
