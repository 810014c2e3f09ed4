//! NIfTI volumes of a few voxels.

use std::io::Write as _;

/// A NIfTI-1 file of 4×3×2 voxels of the kind `datatype`.
fn nifti(datatype: i16, size: usize, big_endian: bool) -> Vec<u8> {
    let mut file = vec![0u8; 352 + 24 * size];
    let mut put = |at: usize, little: &[u8]| {
        let mut word = little.to_vec();
        if big_endian {
            word.reverse();
        }
        file[at..at + word.len()].copy_from_slice(&word);
    };
    put(0, &348i32.to_le_bytes());
    for (index, side) in [3i16, 4, 3, 2, 1, 1, 1, 1].into_iter().enumerate() {
        put(40 + index * 2, &side.to_le_bytes());
        put(76 + index * 4, &1f32.to_le_bytes());
    }
    put(70, &datatype.to_le_bytes());
    put(72, &(size as i16 * 8).to_le_bytes());
    put(108, &352f32.to_le_bytes());
    put(252, &1i16.to_le_bytes());
    file[344..348].copy_from_slice(b"n+1\0");
    for (index, byte) in file[352..].iter_mut().enumerate() {
        *byte = index as u8;
    }
    file
}

/// Every kind of voxel in either byte order, plain and gzipped.
pub fn all() -> Vec<Vec<u8>> {
    let kinds = [
        (2, 1),
        (4, 2),
        (8, 4),
        (16, 4),
        (64, 8),
        (128, 3),
        (256, 1),
        (512, 2),
        (768, 4),
        (1024, 8),
        (2304, 4),
    ];
    let mut seeds = Vec::new();
    for (datatype, size) in kinds {
        for big_endian in [false, true] {
            let file = nifti(datatype, size, big_endian);
            let mut gzip =
                flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
            gzip.write_all(&file).expect("memory takes all");
            seeds.push(gzip.finish().expect("memory takes all"));
            seeds.push(file);
        }
    }
    seeds
}
