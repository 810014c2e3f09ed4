//! Fills `corpus/dicom`, `corpus/raster` and `corpus/nifti` from a folder of pictures: small ones, by content.
//! NIfTI seeds are written here.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use casekin_imaging::{Format, Inspection, Limits, Source, inspect};

const MAX_BYTES: u64 = 64 << 10;

fn files(folder: &Path, found: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            files(&path, found)?;
        } else if path.metadata()?.len() <= MAX_BYTES {
            found.push(path);
        }
    }
    Ok(())
}

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

fn main() -> std::io::Result<()> {
    let folder = std::env::args().nth(1).expect("a folder of pictures");
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    for target in ["dicom", "raster", "nifti"] {
        std::fs::create_dir_all(corpus.join(target))?;
    }
    let mut found = Vec::new();
    files(Path::new(&folder), &mut found)?;
    let mut counts = [0; 2];
    for (index, path) in found.iter().enumerate() {
        let target = match inspect(&Source::Path(path.clone()), &Limits::default()) {
            Ok(Inspection::Picture(header)) if header.format != Format::Dicom => 1,
            Ok(_) => 0,
            Err(_) => continue,
        };
        counts[target] += 1;
        let name = corpus
            .join(["dicom", "raster"][target])
            .join(format!("{index:04}"));
        std::fs::copy(path, name)?;
    }
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
    for (datatype, size) in kinds {
        for big_endian in [false, true] {
            let name = corpus
                .join("nifti")
                .join(format!("{datatype}-{big_endian}"));
            let file = nifti(datatype, size, big_endian);
            let mut gzip =
                flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
            gzip.write_all(&file)?;
            std::fs::write(name.with_extension("gz"), gzip.finish()?)?;
            std::fs::write(name, file)?;
        }
    }
    println!(
        "{} DICOM files, {} rasters, {} NIfTI volumes",
        counts[0],
        counts[1],
        kinds.len() * 4
    );
    Ok(())
}
