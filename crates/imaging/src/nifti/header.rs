//! The 348 bytes of a NIfTI-1 header (nifti1.h) or the 540 of NIfTI-2 (nifti2.h), in either byte order.

use super::broken;
use crate::ImagingError;

/// How a voxel is stored. Codes of `datatype` in nifti1.h.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    U64,
    I64,
    F32,
    F64,
    Rgb,
    Rgba,
}

impl Kind {
    fn of_code(code: i64) -> Result<Self, ImagingError> {
        Ok(match code {
            2 => Self::U8,
            4 => Self::I16,
            8 => Self::I32,
            16 => Self::F32,
            64 => Self::F64,
            128 => Self::Rgb,
            256 => Self::I8,
            512 => Self::U16,
            768 => Self::U32,
            1024 => Self::I64,
            1280 => Self::U64,
            2304 => Self::Rgba,
            32 | 1792 | 2048 => return Err(broken("complex numbers are no picture")),
            1 => return Err(broken("voxels of one bit")),
            1536 => return Err(broken("voxels of 128-bit floats")),
            other => return Err(broken(format!("unknown datatype {other}"))),
        })
    }

    /// Bytes of one voxel.
    pub(super) fn size(self) -> usize {
        match self {
            Self::U8 | Self::I8 => 1,
            Self::U16 | Self::I16 => 2,
            Self::Rgb => 3,
            Self::U32 | Self::I32 | Self::F32 | Self::Rgba => 4,
            Self::U64 | Self::I64 | Self::F64 => 8,
        }
    }
}

/// What a header says, without its free text.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct NiftiHeader {
    pub big_endian: bool,
    pub kind: Kind,
    /// Voxels along i, j, k.
    pub dims: [usize; 3],
    /// Volumes over time and further dimensions.
    pub volumes: u64,
    /// Where the voxels start.
    pub voxels_at: u64,
    /// Stored value × slope + intercept.
    pub slope: f64,
    pub intercept: f64,
    /// Voxel (i, j, k, 1) → millimetres to the patient's right, front and top (R, A, S).
    pub affine: [[f64; 4]; 3],
}

/// Whether a header stands at the start, in either version and byte order.
pub(super) fn is_header(bytes: &[u8]) -> bool {
    version(bytes).is_some()
}

/// Version and byte order, from `sizeof_hdr` and `magic`.
fn version(bytes: &[u8]) -> Option<(u8, bool)> {
    let size: [u8; 4] = bytes.get(..4)?.try_into().ok()?;
    let (version, big_endian) = match (u32::from_le_bytes(size), u32::from_be_bytes(size)) {
        (348, _) => (1, false),
        (_, 348) => (1, true),
        (540, _) => (2, false),
        (_, 540) => (2, true),
        _ => return None,
    };
    let known = if version == 1 {
        matches!(bytes.get(344..348)?, b"n+1\0" | b"ni1\0")
    } else {
        bytes.len() >= 540 && matches!(bytes.get(4..12)?, b"n+2\0\r\n\x1A\n" | b"ni2\0\r\n\x1A\n")
    };
    known.then_some((version, big_endian))
}

/// Reads numbers of a header at the places of its version.
struct Fields<'a> {
    bytes: &'a [u8],
    is_two: bool,
    big_endian: bool,
}

impl Fields<'_> {
    fn raw<const N: usize>(&self, at: usize) -> [u8; N] {
        let mut word: [u8; N] = self.bytes[at..at + N]
            .try_into()
            .expect("a slice of N bytes");
        if self.big_endian {
            word.reverse();
        }
        word
    }

    /// A whole number: 16 bits at `one`, or `wide` bytes at `two`.
    fn whole(&self, one: usize, two: usize, wide: usize) -> i64 {
        match (self.is_two, wide) {
            (false, _) => i16::from_le_bytes(self.raw(one)).into(),
            (true, 2) => i16::from_le_bytes(self.raw(two)).into(),
            (true, 4) => i32::from_le_bytes(self.raw(two)).into(),
            (true, _) => i64::from_le_bytes(self.raw(two)),
        }
    }

    /// Entry `index` of a list of floats: 32 bits each from `one`, 64 bits from `two`.
    fn float(&self, one: usize, two: usize, index: usize) -> f64 {
        if self.is_two {
            f64::from_le_bytes(self.raw(two + index * 8))
        } else {
            f32::from_le_bytes(self.raw(one + index * 4)).into()
        }
    }
}

impl NiftiHeader {
    /// Reads a header that [`is_header`] accepts.
    ///
    /// # Errors
    /// `DecodeRaster` for voxels in another file, unknown datatypes and senseless dimensions.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, ImagingError> {
        let (version, big_endian) = version(bytes).ok_or_else(|| broken("no header"))?;
        let is_two = version == 2;
        let magic = if is_two { bytes[5] } else { bytes[345] };
        if magic == b'i' {
            return Err(broken("its voxels lie in another file (.img)"));
        }
        let fields = Fields {
            bytes,
            is_two,
            big_endian,
        };
        let sides: [i64; 8] =
            std::array::from_fn(|index| fields.whole(40 + index * 2, 16 + index * 8, 8));
        let dimensions = usize::try_from(sides[0])
            .ok()
            .filter(|n| (1..=7).contains(n));
        let dimensions = dimensions.ok_or_else(|| broken("it has not 1 to 7 dimensions"))?;
        let mut extent = [1u64; 7];
        for (extent, side) in extent.iter_mut().zip(&sides[1..=dimensions]) {
            *extent = u64::try_from(*side)
                .ok()
                .filter(|side| (1..1 << 31).contains(side))
                .ok_or_else(|| broken("a dimension is not positive"))?;
        }
        let volumes = extent[3..]
            .iter()
            .fold(1u64, |all, n| all.saturating_mul(*n));
        let stated_start = if is_two {
            fields.whole(0, 168, 8) as f64
        } else {
            fields.float(108, 0, 0)
        };
        let least = if is_two { 540 } else { 348 };
        let voxels_at = if stated_start.is_finite() && stated_start >= f64::from(least) {
            stated_start as u64
        } else {
            // 0 stands for "after the header and its four bytes of extensions".
            least as u64 + 4
        };
        let slope = fields.float(112, 176, 0);
        let intercept = fields.float(116, 184, 0);
        let scaled = slope.is_finite() && slope != 0.0 && intercept.is_finite();
        Ok(Self {
            big_endian,
            kind: Kind::of_code(fields.whole(70, 12, 2))?,
            dims: [extent[0], extent[1], extent[2]].map(|side| side as usize),
            volumes,
            voxels_at,
            slope: if scaled { slope } else { 1.0 },
            intercept: if scaled { intercept } else { 0.0 },
            affine: affine(&fields, [extent[0], extent[1], extent[2]]),
        })
    }
}

/// Millimetres of a unit of space (`xyzt_units`, lower three bits).
fn unit_mm(fields: &Fields<'_>) -> f64 {
    let code = if fields.is_two {
        fields.whole(0, 500, 4) as u8
    } else {
        fields.bytes[123]
    };
    match code & 7 {
        1 => 1000.0,
        3 => 0.001,
        _ => 1.0,
    }
}

/// sform where its code is set, else qform, else the voxel sizes alone (nifti1.h, "3D image orientation": methods
/// 3, 2, 1). Without either, i runs to the patient's left, as in Analyze files and in nibabel.
fn affine(fields: &Fields<'_>, dims: [u64; 3]) -> [[f64; 4]; 3] {
    let unit = unit_mm(fields);
    let sizes: [f64; 3] =
        std::array::from_fn(|index| fields.float(76, 104, index + 1).abs() * unit);
    let usable = |affine: &[[f64; 4]; 3]| {
        let column = |v: usize| affine.iter().map(|row| row[v] * row[v]).sum::<f64>();
        affine.iter().flatten().all(|value| value.is_finite()) && (0..3).all(|v| column(v) > 0.0)
    };
    if fields.whole(254, 348, 4) > 0 {
        let rows = [(280, 400), (296, 432), (312, 464)];
        let stated = rows
            .map(|(one, two)| std::array::from_fn(|column| fields.float(one, two, column) * unit));
        if usable(&stated) {
            return stated;
        }
    }
    if fields.whole(252, 344, 4) > 0 {
        let stated = of_quaternion(fields, sizes, unit);
        if usable(&stated) {
            return stated;
        }
    }
    let size = |axis: usize| {
        if sizes[axis] > 0.0 && sizes[axis].is_finite() {
            sizes[axis]
        } else {
            1.0
        }
    };
    let middle = |axis: usize| size(axis) * (dims[axis] as f64 - 1.0) / 2.0;
    [
        [-size(0), 0.0, 0.0, middle(0)],
        [0.0, size(1), 0.0, -middle(1)],
        [0.0, 0.0, size(2), -middle(2)],
    ]
}

/// nifti1.h, method 2: a unit quaternion of which b, c, d are stored, and a sign for k in pixdim[0].
fn of_quaternion(fields: &Fields<'_>, sizes: [f64; 3], unit: f64) -> [[f64; 4]; 3] {
    let [b, c, d] = std::array::from_fn(|index| fields.float(256, 352, index));
    let a = (1.0 - (b * b + c * c + d * d)).max(0.0).sqrt();
    let sign = if fields.float(76, 104, 0) < 0.0 {
        -1.0
    } else {
        1.0
    };
    let scale = [sizes[0], sizes[1], sizes[2] * sign];
    let rotation = [
        [
            a * a + b * b - c * c - d * d,
            2.0 * (b * c - a * d),
            2.0 * (b * d + a * c),
        ],
        [
            2.0 * (b * c + a * d),
            a * a + c * c - b * b - d * d,
            2.0 * (c * d - a * b),
        ],
        [
            2.0 * (b * d - a * c),
            2.0 * (c * d + a * b),
            a * a + d * d - b * b - c * c,
        ],
    ];
    std::array::from_fn(|row| {
        let [i, j, k]: [f64; 3] =
            std::array::from_fn(|column| rotation[row][column] * scale[column]);
        [i, j, k, fields.float(268, 376, row) * unit]
    })
}
