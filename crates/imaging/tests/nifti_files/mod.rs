//! Writes small NIfTI files.

use std::io::Write as _;

use casekin_imaging::Source;

/// A file under construction.
#[derive(Clone)]
pub struct NiftiFile {
    pub version: u8,
    pub big_endian: bool,
    /// Sides along i, j, k, and volumes.
    pub dims: [i64; 4],
    /// Code of `datatype`, and bytes of a voxel.
    pub datatype: (i16, usize),
    pub scale: (f64, f64),
    /// Rows of the sform; none leaves both codes 0.
    pub sform: Option<[[f64; 4]; 3]>,
    /// Voxels, little endian, i fastest.
    pub voxels: Vec<u8>,
}

/// i to the right, j to the front, k to the top, 1×2×3 mm.
pub const RAS: [[f64; 4]; 3] = [
    [1.0, 0.0, 0.0, -5.0],
    [0.0, 2.0, 0.0, -5.0],
    [0.0, 0.0, 3.0, -5.0],
];

impl NiftiFile {
    /// A volume of 16-bit values.
    pub fn words(dims: [i64; 3], values: impl Iterator<Item = i16>) -> Self {
        Self {
            version: 1,
            big_endian: false,
            dims: [dims[0], dims[1], dims[2], 1],
            datatype: (4, 2),
            scale: (0.0, 0.0),
            sform: Some(RAS),
            voxels: values.flat_map(i16::to_le_bytes).collect(),
        }
    }

    /// The file.
    pub fn bytes(&self) -> Vec<u8> {
        let start = if self.version == 1 { 352 } else { 544 };
        let mut file = vec![0; start];
        let mut put = |one: Option<usize>, two: usize, narrow: &[u8], wide: &[u8]| {
            let (at, little) = match (self.version, one) {
                (1, Some(one)) => (one, narrow),
                (1, None) => return,
                _ => (two, wide),
            };
            let mut word = little.to_vec();
            if self.big_endian {
                word.reverse();
            }
            file[at..at + word.len()].copy_from_slice(&word);
        };
        let size: i32 = if self.version == 1 { 348 } else { 540 };
        put(Some(0), 0, &size.to_le_bytes(), &size.to_le_bytes());
        let sides = [
            4,
            self.dims[0],
            self.dims[1],
            self.dims[2],
            self.dims[3],
            1,
            1,
            1,
        ];
        for (index, side) in sides.into_iter().enumerate() {
            put(
                Some(40 + index * 2),
                16 + index * 8,
                &(side as i16).to_le_bytes(),
                &side.to_le_bytes(),
            );
            put(
                Some(76 + index * 4),
                104 + index * 8,
                &1f32.to_le_bytes(),
                &1f64.to_le_bytes(),
            );
        }
        let code = self.datatype.0.to_le_bytes();
        put(Some(70), 12, &code, &code);
        put(
            Some(108),
            168,
            &(start as f32).to_le_bytes(),
            &(start as i64).to_le_bytes(),
        );
        let (slope, intercept) = self.scale;
        put(
            Some(112),
            176,
            &(slope as f32).to_le_bytes(),
            &slope.to_le_bytes(),
        );
        put(
            Some(116),
            184,
            &(intercept as f32).to_le_bytes(),
            &intercept.to_le_bytes(),
        );
        if let Some(rows) = self.sform {
            put(Some(254), 348, &1i16.to_le_bytes(), &1i32.to_le_bytes());
            for (row, values) in rows.into_iter().enumerate() {
                for (column, value) in values.into_iter().enumerate() {
                    let (one, two) = (280 + row * 16 + column * 4, 400 + row * 32 + column * 8);
                    put(
                        Some(one),
                        two,
                        &(value as f32).to_le_bytes(),
                        &value.to_le_bytes(),
                    );
                }
            }
        }
        let magic_at = if self.version == 1 { 344 } else { 4 };
        let magic: &[u8] = if self.version == 1 {
            b"n+1\0"
        } else {
            b"n+2\0\r\n\x1A\n"
        };
        file[magic_at..magic_at + magic.len()].copy_from_slice(magic);
        for voxel in self.voxels.chunks(self.datatype.1) {
            let mut voxel = voxel.to_vec();
            if self.big_endian && ![128, 2304].contains(&self.datatype.0) {
                voxel.reverse();
            }
            file.extend(voxel);
        }
        file
    }

    /// As a source.
    pub fn source(&self) -> Source {
        Source::from_bytes("made in a test", self.bytes())
    }
}

/// Gzips.
pub fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}
