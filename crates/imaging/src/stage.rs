//! The pixels of one frame at a stage of the way from file to eye, as plain data.

use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder as _};
use serde::{Deserialize, Serialize};

use crate::{ImagingError, Limits, Rgb8, Source};

/// How far pixels have come (PS3.3 C.11, PS3.4 N.2).
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// Decompressed values as the file holds them; YBR is turned to RGB. What pydicom calls `pixel_array`.
    Stored,
    /// After the Modality LUT or rescale: Hounsfield units of CT, for example. pydicom's `apply_modality_lut`.
    Modality,
    /// After the first VOI LUT or window as well, over the range of the modality values. pydicom's
    /// `apply_voi_lut`. Colour has no such stage and passes through.
    Voi,
    /// 8-bit RGB as a person sees it: with palette, MONOCHROME1 and a default where the file states no window.
    Rgb,
}

/// Which pixels to write.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct StageRequest {
    /// The file or bytes.
    pub source: Source,
    /// Frame number from 1.
    pub frame: u32,
    /// How far.
    pub stage: Stage,
    /// What it may cost.
    pub limits: Limits,
}

/// Pixels of one frame.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct StagePixels {
    /// Columns.
    pub width_px: u32,
    /// Rows.
    pub height_px: u32,
    /// 1, or 3 for colour.
    pub channels: u16,
    /// `height_px * width_px * channels` values, row by row, the channels of a pixel side by side.
    pub samples: Samples,
}

impl From<Rgb8> for StagePixels {
    fn from(rgb: Rgb8) -> Self {
        Self {
            width_px: rgb.width_px,
            height_px: rgb.height_px,
            channels: 3,
            samples: Samples::U8(rgb.pixels),
        }
    }
}

/// Values of one frame, of the narrowest type that its stage needs.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub enum Samples {
    /// Bits Allocated 1 or 8, unsigned; tables of 8 bits; RGB.
    U8(Vec<u8>),
    /// Bits Allocated 8, signed.
    I8(Vec<i8>),
    /// Bits Allocated 16, unsigned; tables of more than 8 bits.
    U16(Vec<u16>),
    /// Bits Allocated 16, signed.
    I16(Vec<i16>),
    /// Bits Allocated 32, unsigned.
    U32(Vec<u32>),
    /// Bits Allocated 32, signed.
    I32(Vec<i32>),
    /// Float Pixel Data.
    F32(Vec<f32>),
    /// Double Float Pixel Data; rescaled and windowed values.
    F64(Vec<f64>),
}

/// Runs an expression over the values, whatever their type.
macro_rules! of_any_type {
    ($samples:expr, $values:ident => $result:expr) => {
        match $samples {
            Samples::U8($values) => $result,
            Samples::I8($values) => $result,
            Samples::U16($values) => $result,
            Samples::I16($values) => $result,
            Samples::U32($values) => $result,
            Samples::I32($values) => $result,
            Samples::F32($values) => $result,
            Samples::F64($values) => $result,
        }
    };
}

/// Values of 16 bits go through a table from this many on: it has at most as many entries.
const TABLE_FROM: usize = 1 << 16;

impl Samples {
    /// Little-endian bytes of all values, as numpy's `tobytes` gives them.
    pub fn to_le_bytes(&self) -> Vec<u8> {
        of_any_type!(self, values => values.iter().flat_map(|value| value.to_le_bytes()).collect())
    }

    /// Number of values.
    pub(crate) fn len(&self) -> usize {
        of_any_type!(self, values => values.len())
    }

    /// All values as 64-bit floating point, which holds each of them exactly.
    pub fn to_f64(&self) -> Vec<f64> {
        self.each(|value| value)
    }

    /// What becomes of each value.
    #[allow(
        clippy::useless_conversion,
        reason = "of one of the eight types it is useless"
    )]
    pub(crate) fn each<T: Copy>(&self, of: impl Fn(f64) -> T) -> Vec<T> {
        // A picture has far more pixels than values: each value is worked out once.
        match self {
            Self::U16(values) if values.len() > TABLE_FROM => {
                let highest = values.iter().copied().max().unwrap_or(0);
                let table: Vec<T> = (0..=highest).map(|value| of(value.into())).collect();
                return values
                    .iter()
                    .map(|value| table[usize::from(*value)])
                    .collect();
            }
            Self::I16(values) if values.len() > TABLE_FROM => {
                let lowest = values.iter().copied().min().unwrap_or(0);
                let highest = values.iter().copied().max().unwrap_or(0);
                let table: Vec<T> = (lowest..=highest).map(|value| of(value.into())).collect();
                let place = |value: i16| (i32::from(value) - i32::from(lowest)) as usize;
                return values.iter().map(|value| table[place(*value)]).collect();
            }
            _ => {}
        }
        of_any_type!(self, values => values.iter().map(|value| of(f64::from(*value))).collect())
    }

    /// The type in numpy's notation, little endian: `|u1`, `<i2`, `<f8` …
    pub fn numpy_type(&self) -> &'static str {
        match self {
            Self::U8(_) => "|u1",
            Self::I8(_) => "|i1",
            Self::U16(_) => "<u2",
            Self::I16(_) => "<i2",
            Self::U32(_) => "<u4",
            Self::I32(_) => "<i4",
            Self::F32(_) => "<f4",
            Self::F64(_) => "<f8",
        }
    }
}

impl StagePixels {
    /// The pixels as a PNG: of 8 bits for 8-bit values, else of 16 bits, where every value is a whole number from 0 to
    /// 65535.
    ///
    /// # Errors
    /// `EncodePicture` for values that a PNG cannot hold.
    pub fn to_png(&self) -> Result<Vec<u8>, ImagingError> {
        let colour = self.channels == 3;
        let (bytes, kind) = match &self.samples {
            Samples::U8(values) if colour => (values.clone(), ExtendedColorType::Rgb8),
            Samples::U8(values) => (values.clone(), ExtendedColorType::L8),
            samples => {
                let kind = if colour {
                    ExtendedColorType::Rgb16
                } else {
                    ExtendedColorType::L16
                };
                (words_of(samples)?, kind)
            }
        };
        let mut png = Vec::new();
        PngEncoder::new(&mut png)
            .write_image(&bytes, self.width_px, self.height_px, kind)
            .map_err(|error| ImagingError::EncodePicture {
                reason: error.to_string(),
            })?;
        Ok(png)
    }

    /// The pixels as a NumPy file, format 1.0 (numpy.lib.format): an array of `height × width`, or
    /// `height × width × 3` for colour, in C order and little endian.
    pub fn to_npy(&self) -> Vec<u8> {
        let (height, width) = (self.height_px, self.width_px);
        let shape = match self.channels {
            1 => format!("({height}, {width})"),
            channels => format!("({height}, {width}, {channels})"),
        };
        let kind = self.samples.numpy_type();
        let mut header =
            format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}");
        // Magic, version and length take 10 bytes; the header ends in a newline at a multiple of 64.
        let padding = (10 + header.len() + 1).next_multiple_of(64) - (10 + header.len() + 1);
        header.extend(std::iter::repeat_n(' ', padding));
        header.push('\n');
        let len = u16::try_from(header.len()).expect("a header of one shape is short");
        let mut file = b"\x93NUMPY\x01\x00".to_vec();
        file.extend(len.to_le_bytes());
        file.extend(header.into_bytes());
        file.extend(self.samples.to_le_bytes());
        file
    }
}

/// 16-bit words in the machine's byte order, as the encoder takes them.
fn words_of(samples: &Samples) -> Result<Vec<u8>, ImagingError> {
    let word = |value: f64| -> Option<[u8; 2]> {
        let fits = (0.0..=65_535.0).contains(&value) && value.fract() == 0.0;
        fits.then(|| (value as u16).to_ne_bytes())
    };
    let words: Option<Vec<[u8; 2]>> = samples.each(word).into_iter().collect();
    let words = words.ok_or_else(|| ImagingError::EncodePicture {
        reason: "a PNG holds whole numbers from 0 to 65535 only, and these pixels have others"
            .to_owned(),
    })?;
    Ok(words.into_iter().flatten().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_numpy_file_states_type_shape_and_order() {
        let pixels = StagePixels {
            width_px: 2,
            height_px: 1,
            channels: 1,
            samples: Samples::I16(vec![-2, 300]),
        };
        let file = pixels.to_npy();
        assert_eq!(&file[..8], b"\x93NUMPY\x01\x00");
        let header_len = usize::from(u16::from_le_bytes([file[8], file[9]]));
        assert_eq!((10 + header_len) % 64, 0);
        let header = std::str::from_utf8(&file[10..10 + header_len]).unwrap();
        assert_eq!(
            header.trim_end(),
            "{'descr': '<i2', 'fortran_order': False, 'shape': (1, 2), }"
        );
        assert!(header.ends_with('\n'));
        assert_eq!(&file[10 + header_len..], [0xFE, 0xFF, 0x2C, 0x01]);
        let colour = StagePixels {
            channels: 3,
            samples: Samples::U8(vec![0; 6]),
            ..pixels
        };
        assert!(String::from_utf8_lossy(&colour.to_npy()).contains("'|u1'"));
        assert!(String::from_utf8_lossy(&colour.to_npy()).contains("(1, 2, 3)"));
    }

    #[test]
    fn a_png_holds_whole_numbers_of_16_bits_or_nothing() {
        let pixels = |samples| StagePixels {
            width_px: 2,
            height_px: 1,
            channels: 1,
            samples,
        };
        let back = |samples| {
            let png = pixels(samples).to_png().unwrap();
            image::load_from_memory(&png).unwrap()
        };
        assert_eq!(
            back(Samples::U8(vec![3, 255])).into_luma8().into_raw(),
            [3, 255]
        );
        let wide = [
            Samples::U16(vec![3, 65_535]),
            Samples::F64(vec![3.0, 65_535.0]),
        ];
        for samples in wide {
            let image = back(samples);
            assert_eq!(image.color(), image::ColorType::L16);
            assert_eq!(image.into_luma16().into_raw(), [3, 65_535]);
        }
        for samples in [Samples::I16(vec![-1, 0]), Samples::F64(vec![0.5, 1.0])] {
            let refused = pixels(samples).to_png().unwrap_err();
            assert!(
                matches!(refused, ImagingError::EncodePicture { .. }),
                "{refused}"
            );
        }
    }
}
