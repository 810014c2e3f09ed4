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
        let mut file = vec![0; self.voxels_at()];
        self.write_header(&mut file);
        let (place, magic): (usize, &[u8]) = match self.version {
            1 => (344, b"n+1\0"),
            _ => (4, b"n+2\0\r\n\x1A\n"),
        };
        file[place..place + magic.len()].copy_from_slice(magic);
        for voxel in self.voxels.chunks(self.datatype.1) {
            let mut voxel = voxel.to_vec();
            if self.big_endian && ![128, 2304].contains(&self.datatype.0) {
                voxel.reverse();
            }
            file.extend(voxel);
        }
        file
    }

    fn voxels_at(&self) -> usize {
        if self.version == 1 { 352 } else { 544 }
    }

    /// Writes a number at the place and in the width of the version.
    fn put(&self, file: &mut [u8], one: (usize, &[u8]), two: (usize, &[u8])) {
        let (at, little) = if self.version == 1 { one } else { two };
        let mut word = little.to_vec();
        if self.big_endian {
            word.reverse();
        }
        file[at..at + word.len()].copy_from_slice(&word);
    }

    fn put_float(&self, file: &mut [u8], one: usize, two: usize, value: f64) {
        self.put(
            file,
            (one, &(value as f32).to_le_bytes()),
            (two, &value.to_le_bytes()),
        );
    }

    fn write_header(&self, file: &mut [u8]) {
        self.put(file, (0, &348i32.to_le_bytes()), (0, &540i32.to_le_bytes()));
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
            let narrow = (side as i16).to_le_bytes();
            self.put(
                file,
                (40 + index * 2, &narrow),
                (16 + index * 8, &side.to_le_bytes()),
            );
            self.put_float(file, 76 + index * 4, 104 + index * 8, 1.0);
        }
        let code = self.datatype.0.to_le_bytes();
        self.put(file, (70, &code), (12, &code));
        let start = self.voxels_at();
        self.put(
            file,
            (108, &(start as f32).to_le_bytes()),
            (168, &(start as i64).to_le_bytes()),
        );
        self.put_float(file, 112, 176, self.scale.0);
        self.put_float(file, 116, 184, self.scale.1);
        let Some(rows) = self.sform else { return };
        self.put(file, (254, &1i16.to_le_bytes()), (348, &1i32.to_le_bytes()));
        for (row, values) in rows.into_iter().enumerate() {
            for (column, value) in values.into_iter().enumerate() {
                self.put_float(
                    file,
                    280 + row * 16 + column * 4,
                    400 + row * 32 + column * 8,
                    value,
                );
            }
        }
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
