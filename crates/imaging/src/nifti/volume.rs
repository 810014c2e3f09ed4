//! An opened NIfTI volume, slice by slice.

use std::io::{self, Read as _};
use std::sync::OnceLock;

use flate2::read::MultiGzDecoder;

use super::header::{Kind, NiftiHeader};
use super::levels::Span;
use super::orientation::{Axis, Orientation, spacing_mm};
use super::{broken, inflated_start, is_gzip};
use crate::dicom::CT_WINDOWS;
use crate::source::Content;
use crate::{Facts, Format, Header, Identity, ImagingError, Limits, Rgb8};

/// Deflate makes at most this many bytes of one (RFC 1951: 258 bytes from two bits).
const DEFLATE_RATIO: u64 = 1032;
/// Soft tissue, as centre and width in Hounsfield units: what a person sees of a CT.
const SOFT_TISSUE: (f64, f64) = (40.0, 350.0);

/// Reads the header alone; of a gzipped file no more than its start is inflated.
///
/// # Errors
/// `DecodeRaster` for senseless headers, `StayWithinLimit` for pixels and frames.
pub(crate) fn inspect(bytes: &[u8], limits: &Limits) -> Result<Header, ImagingError> {
    Ok(Geometry::read(bytes, limits)?.header())
}

/// What the header says, seen as slices.
struct Geometry {
    header: NiftiHeader,
    orientation: Orientation,
}

impl Geometry {
    fn read(bytes: &[u8], limits: &Limits) -> Result<Self, ImagingError> {
        let header = if is_gzip(bytes) {
            NiftiHeader::read(&inflated_start(bytes))?
        } else {
            NiftiHeader::read(bytes)?
        };
        let orientation = Orientation::of(&header.affine, header.dims);
        let geometry = Self {
            header,
            orientation,
        };
        limits.check_size(geometry.width_px(), geometry.height_px())?;
        Limits::check(
            "frames",
            u64::from(geometry.slices()),
            limits.max_frames.into(),
        )?;
        Ok(geometry)
    }

    fn side(&self, axis: Axis) -> u32 {
        // Dimensions are below 2^31.
        self.header.dims[axis.voxel_axis] as u32
    }

    fn width_px(&self) -> u32 {
        self.side(self.orientation.columns)
    }

    fn height_px(&self) -> u32 {
        self.side(self.orientation.rows)
    }

    fn slices(&self) -> u32 {
        self.side(self.orientation.slices)
    }

    /// Millimetres from pixel to pixel, x and y.
    fn spacing_mm(&self) -> [f32; 2] {
        [self.orientation.columns, self.orientation.rows]
            .map(|axis| spacing_mm(&self.header.affine, axis.voxel_axis) as f32)
    }

    fn header(&self) -> Header {
        let volumes = u32::try_from(self.header.volumes).unwrap_or(u32::MAX);
        Header {
            format: Format::Nifti,
            facts: Facts {
                width_px: self.width_px(),
                height_px: self.height_px(),
                frames: self.slices(),
                volumes: (volumes > 1).then_some(volumes),
                spacing_mm: Some(self.spacing_mm()),
                ..Facts::default()
            },
            identity: Identity::default(),
            slice: None,
        }
    }

    /// First and last byte of the first volume.
    fn extent(&self) -> Result<(u64, u64), ImagingError> {
        let voxels = self
            .header
            .dims
            .iter()
            .try_fold(1u64, |all, side| all.checked_mul(*side as u64));
        voxels
            .and_then(|voxels| voxels.checked_mul(self.header.kind.size() as u64))
            .and_then(|len| {
                Some((
                    self.header.voxels_at,
                    self.header.voxels_at.checked_add(len)?,
                ))
            })
            .ok_or_else(|| broken("more voxels than can be counted"))
    }
}

/// An opened volume.
pub(crate) struct Nifti {
    geometry: Geometry,
    bytes: Content,
    voxels_at: usize,
    /// Found when it is first asked for: whoever looks through a window of their own needs no look at every voxel.
    span: OnceLock<Span>,
}

impl Nifti {
    /// Opens a volume.
    ///
    /// # Errors
    /// As [`inspect`]; `DecodeRaster` for missing voxels and damaged gzip, `StayWithinLimit` for inflated bytes.
    pub(crate) fn open(bytes: Content, limits: &Limits) -> Result<Self, ImagingError> {
        let geometry = Geometry::read(&bytes, limits)?;
        let (start, end) = geometry.extent()?;
        let bytes = if is_gzip(&bytes) {
            Content::Owned(inflate(&bytes, end, geometry.header.volumes == 1, limits)?)
        } else {
            bytes
        };
        if (bytes.len() as u64) < end {
            return Err(broken("fewer voxels than its dimensions ask for"));
        }
        Ok(Self {
            geometry,
            bytes,
            // Checked against the length above.
            voxels_at: start as usize,
            span: OnceLock::new(),
        })
    }

    /// What the grey levels of the volume span.
    fn span(&self) -> Span {
        *self.span.get_or_init(|| {
            let voxels: usize = self.geometry.header.dims.iter().product();
            Span::of(|| (0..voxels).map(|voxel| self.value(voxel)))
        })
    }

    /// The header.
    pub(crate) fn header(&self) -> Header {
        self.geometry.header()
    }

    /// Millimetres per pixel, x and y.
    pub(crate) fn spacing_mm(&self) -> [f32; 2] {
        self.geometry.spacing_mm()
    }

    /// A slice (number from 1) as the encoder reads it, and how it was made.
    ///
    /// # Errors
    /// `SelectFrame`.
    pub(crate) fn for_encoder(&self, frame: u32) -> Result<(&'static str, Rgb8), ImagingError> {
        if self.is_colour() {
            return Ok(("colour", self.colours(frame)?));
        }
        if self.span().is_hounsfield {
            let shade = |value: f64| CT_WINDOWS.map(|(low, high)| level(value, low, high));
            return Ok(("ct-3-window", self.slice(frame, shade)?));
        }
        Ok(("volume-percentile", self.grey(frame)?))
    }

    /// A slice as a person sees it, through a window in the file's units or its own.
    ///
    /// # Errors
    /// `SelectFrame`.
    pub(crate) fn for_people(
        &self,
        frame: u32,
        window: Option<(f32, f32)>,
    ) -> Result<Rgb8, ImagingError> {
        if self.is_colour() {
            return self.colours(frame);
        }
        let asked = window
            .filter(|(centre, width)| centre.is_finite() && *width > 0.0)
            .map(|(centre, width)| (f64::from(centre), f64::from(width)));
        let own = || self.span().is_hounsfield.then_some(SOFT_TISSUE);
        match asked.or_else(own) {
            Some((centre, width)) => {
                // PS3.3 C.11.2.1.2.1, as for DICOM.
                let (half, middle) = ((width - 1.0).max(f64::MIN_POSITIVE) / 2.0, centre - 0.5);
                self.slice(frame, |value| {
                    [level(value, middle - half, middle + half); 3]
                })
            }
            None => self.grey(frame),
        }
    }

    fn grey(&self, frame: u32) -> Result<Rgb8, ImagingError> {
        let Span { low, high, .. } = self.span();
        self.slice(frame, |value| [level(value, low, high); 3])
    }

    fn is_colour(&self) -> bool {
        matches!(self.geometry.header.kind, Kind::Rgb | Kind::Rgba)
    }

    fn colours(&self, frame: u32) -> Result<Rgb8, ImagingError> {
        let size = self.geometry.header.kind.size();
        self.pixels(frame, |voxel| {
            let at = self.voxels_at + voxel * size;
            [self.bytes[at], self.bytes[at + 1], self.bytes[at + 2]]
        })
    }

    fn slice(&self, frame: u32, shade: impl Fn(f64) -> [u8; 3]) -> Result<Rgb8, ImagingError> {
        self.pixels(frame, |voxel| shade(self.value(voxel)))
    }

    /// Walks the voxels of a slice in reading order.
    fn pixels(&self, frame: u32, pixel: impl Fn(usize) -> [u8; 3]) -> Result<Rgb8, ImagingError> {
        let geometry = &self.geometry;
        let frames = geometry.slices();
        if frame == 0 || frame > frames {
            return Err(ImagingError::SelectFrame { frame, frames });
        }
        let dims = geometry.header.dims;
        let strides = [1, dims[0], dims[0] * dims[1]];
        let place = |axis: Axis, index: usize| {
            let side = dims[axis.voxel_axis];
            let index = if axis.reversed {
                side - 1 - index
            } else {
                index
            };
            index * strides[axis.voxel_axis]
        };
        let Orientation {
            columns,
            rows,
            slices,
        } = geometry.orientation;
        let (width_px, height_px) = (geometry.width_px(), geometry.height_px());
        let start = place(slices, frame as usize - 1);
        let mut pixels = Vec::with_capacity(width_px as usize * height_px as usize * 3);
        for y in 0..height_px as usize {
            let row = start + place(rows, y);
            for x in 0..width_px as usize {
                pixels.extend(pixel(row + place(columns, x)));
            }
        }
        Ok(Rgb8 {
            width_px,
            height_px,
            pixels,
        })
    }

    /// Value of a voxel (i fastest), scaled.
    fn value(&self, voxel: usize) -> f64 {
        let NiftiHeader {
            kind,
            slope,
            intercept,
            ..
        } = self.geometry.header;
        let stored = match kind {
            Kind::U8 => u8::from_le_bytes(self.raw(voxel)).into(),
            Kind::I8 => i8::from_le_bytes(self.raw(voxel)).into(),
            Kind::U16 => u16::from_le_bytes(self.raw(voxel)).into(),
            Kind::I16 => i16::from_le_bytes(self.raw(voxel)).into(),
            Kind::U32 => u32::from_le_bytes(self.raw(voxel)).into(),
            Kind::I32 => i32::from_le_bytes(self.raw(voxel)).into(),
            Kind::U64 => u64::from_le_bytes(self.raw(voxel)) as f64,
            Kind::I64 => i64::from_le_bytes(self.raw(voxel)) as f64,
            Kind::F32 => f32::from_le_bytes(self.raw(voxel)).into(),
            Kind::F64 => f64::from_le_bytes(self.raw(voxel)),
            // Colours are not scaled; see `colours`.
            Kind::Rgb | Kind::Rgba => 0.0,
        };
        stored * slope + intercept
    }

    fn raw<const N: usize>(&self, voxel: usize) -> [u8; N] {
        let at = self.voxels_at + voxel * N;
        let mut word: [u8; N] = self.bytes[at..at + N]
            .try_into()
            .expect("a slice of N bytes");
        if self.geometry.header.big_endian {
            word.reverse();
        }
        word
    }
}

/// Level of a value between black and white; what is no number is black.
fn level(value: f64, low: f64, high: f64) -> u8 {
    if high > low {
        (((value - low) / (high - low)).clamp(0.0, 1.0) * 255.0 + 0.5) as u8
    } else {
        0
    }
}

/// The first `needed` bytes of a gzipped file.
fn inflate(
    gzipped: &[u8],
    needed: u64,
    only_volume: bool,
    limits: &Limits,
) -> Result<Vec<u8>, ImagingError> {
    Limits::check("inflated bytes", needed, limits.max_inflated_bytes)?;
    if needed / DEFLATE_RATIO > gzipped.len() as u64 {
        return Err(broken("fewer voxels than its dimensions ask for"));
    }
    let mut bytes = Vec::new();
    let mut reader = MultiGzDecoder::new(gzipped);
    let damaged = |_| broken("the gzip stream is damaged");
    (&mut reader)
        .take(needed)
        .read_to_end(&mut bytes)
        .map_err(damaged)?;
    // At the end of the stream its checksum is compared; further volumes are not inflated for it.
    let rest = if only_volume {
        limits.max_inflated_bytes - needed
    } else {
        0
    };
    io::copy(&mut reader.take(rest), &mut io::sink()).map_err(damaged)?;
    Ok(bytes)
}
