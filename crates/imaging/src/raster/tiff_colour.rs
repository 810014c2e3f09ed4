//! From the samples of a TIFF page to RGB.

use tiff::ColorType;
use tiff::decoder::DecodingResult;

use super::levels;

/// Decoded samples of one page.
pub(super) struct Samples {
    pub values: DecodingResult,
    pub colour: ColorType,
    /// 1 where the samples of a pixel lie side by side, else one plane for each.
    pub planes: usize,
    pub width: usize,
    pub height: usize,
}

/// How levels were made, and RGB.
///
/// # Errors
/// What kind of picture has no rule here.
pub(super) fn to_rgb(
    samples: &Samples,
    palette: Option<&[u16]>,
) -> Result<(&'static str, Vec<u8>), String> {
    let grey = |levels: Vec<u8>| levels::spread(&levels);
    Ok(match (samples.colour, &samples.values) {
        (ColorType::Gray(bits @ 1..=8), DecodingResult::U8(bytes)) => {
            let indices = unpacked(bytes, bits, samples)?;
            match palette {
                Some(palette) => ("palette", looked_up(&indices, bits, palette)?),
                None => {
                    let top = (1u16 << bits) - 1;
                    let levels = indices.iter().map(|v| (u16::from(*v) * 255 / top) as u8);
                    ("colour", grey(levels.collect()))
                }
            }
        }
        (_, _) if palette.is_some() => return Err("a palette of more than 8 bits".to_owned()),
        (ColorType::Gray(_), _) => ("min-max", grey(samples.min_max()?)),
        (
            ColorType::GrayA(8) | ColorType::Multiband { bit_depth: 8, .. },
            DecodingResult::U8(_),
        ) => ("colour", grey(samples.bytes(0)?.collect())),
        (ColorType::GrayA(_) | ColorType::Multiband { .. }, _) => {
            ("min-max", grey(samples.min_max()?))
        }
        (ColorType::RGB(_) | ColorType::RGBA(_), _) => {
            ("colour", samples.mixed(|[r, g, b]| [r, g, b])?)
        }
        (ColorType::YCbCr(8), DecodingResult::U8(_)) => {
            ("colour", samples.mixed(levels::ycbcr_to_rgb)?)
        }
        (ColorType::CMYK(_) | ColorType::CMYKA(_), _) => {
            ("colour", samples.mixed(levels::cmyk_to_rgb)?)
        }
        (other, _) => return Err(format!("no rule for pictures of the kind {other:?}")),
    })
}

impl Samples {
    fn per_pixel(&self) -> usize {
        usize::from(self.colour.num_samples())
    }

    /// Place and distance of the values of one channel.
    fn stride(&self, channel: usize, len: usize) -> Result<(usize, usize), String> {
        let pixels = self.width * self.height;
        let (start, step) = if self.planes > 1 {
            (channel * pixels, 1)
        } else {
            (channel, self.per_pixel())
        };
        // Fewer planes come back where memory was short.
        if pixels == 0 || start + (pixels - 1) * step >= len {
            return Err("fewer samples than the size asks for".to_owned());
        }
        Ok((start, step))
    }

    /// One channel as numbers.
    fn channel(&self, channel: usize) -> Result<Box<dyn Iterator<Item = f64> + '_>, String> {
        macro_rules! values {
            ($list:expr, $number:expr) => {{
                let (start, step) = self.stride(channel, $list.len())?;
                let pixels = self.width * self.height;
                Box::new(
                    $list[start..]
                        .iter()
                        .step_by(step)
                        .take(pixels)
                        .map($number),
                )
            }};
        }
        Ok(match &self.values {
            DecodingResult::U8(list) => values!(list, |v| f64::from(*v)),
            DecodingResult::U16(list) => values!(list, |v| f64::from(*v)),
            DecodingResult::U32(list) => values!(list, |v| f64::from(*v)),
            DecodingResult::U64(list) => values!(list, |v| *v as f64),
            DecodingResult::F16(list) => values!(list, |v| f64::from(v.to_f32())),
            DecodingResult::F32(list) => values!(list, |v| f64::from(*v)),
            DecodingResult::F64(list) => values!(list, |v| *v),
            DecodingResult::I8(list) => values!(list, |v| f64::from(*v)),
            DecodingResult::I16(list) => values!(list, |v| f64::from(*v)),
            DecodingResult::I32(list) => values!(list, |v| f64::from(*v)),
            DecodingResult::I64(list) => values!(list, |v| *v as f64),
        })
    }

    /// Grey levels of the first channel.
    fn min_max(&self) -> Result<Vec<u8>, String> {
        drop(self.channel(0)?);
        let values = || {
            self.channel(0)
                .expect("the channel is there, as was seen above")
        };
        Ok(levels::min_max(values))
    }

    /// One channel as 8 bits, from the top of its type; floats from 0 to 1.
    fn bytes(&self, channel: usize) -> Result<Box<dyn Iterator<Item = u8> + '_>, String> {
        let top = match &self.values {
            DecodingResult::U8(list) => {
                let (start, step) = self.stride(channel, list.len())?;
                let pixels = self.width * self.height;
                return Ok(Box::new(
                    list[start..].iter().step_by(step).take(pixels).copied(),
                ));
            }
            DecodingResult::U16(_) => f64::from(u16::MAX),
            DecodingResult::U32(_) => f64::from(u32::MAX),
            DecodingResult::F16(_) | DecodingResult::F32(_) | DecodingResult::F64(_) => 1.0,
            _ => return Err("colours of signed or 64-bit integers".to_owned()),
        };
        let scale = 255.0 / top;
        Ok(Box::new(
            self.channel(channel)?.map(move |v| (v * scale + 0.5) as u8),
        ))
    }

    /// RGB of the first `N` channels.
    fn mixed<const N: usize>(&self, mix: impl Fn([u8; N]) -> [u8; 3]) -> Result<Vec<u8>, String> {
        let pixels = self.width * self.height;
        let mut rgb = Vec::with_capacity(pixels * 3);
        if let (DecodingResult::U8(list), true) = (&self.values, self.planes <= 1) {
            self.stride(N - 1, list.len())?;
            for pixel in list.chunks_exact(self.per_pixel()).take(pixels) {
                let first: [u8; N] = std::array::from_fn(|channel| pixel[channel]);
                rgb.extend(mix(first));
            }
            return Ok(rgb);
        }
        let mut channels = (0..N)
            .map(|channel| self.bytes(channel))
            .collect::<Result<Vec<_>, _>>()?;
        for _ in 0..pixels {
            let pixel: [u8; N] =
                std::array::from_fn(|channel| channels[channel].next().unwrap_or(0));
            rgb.extend(mix(pixel));
        }
        Ok(rgb)
    }
}

/// One value for each pixel of rows that are packed and end at a byte.
fn unpacked(bytes: &[u8], bits: u8, samples: &Samples) -> Result<Vec<u8>, String> {
    let bits = usize::from(bits);
    if ![1, 2, 4, 8].contains(&bits) {
        return Err(format!("{bits} bits"));
    }
    let row_bytes = (samples.width * bits).div_ceil(8);
    if bytes.len() < row_bytes * samples.height {
        return Err("fewer samples than the size asks for".to_owned());
    }
    if bits == 8 {
        return Ok(bytes[..row_bytes * samples.height].to_vec());
    }
    let mask = (1u8 << bits) - 1;
    let mut values = Vec::with_capacity(samples.width * samples.height);
    for row in bytes.chunks_exact(row_bytes).take(samples.height) {
        values.extend((0..samples.width).map(|x| {
            let bit = x * bits;
            (row[bit / 8] >> (8 - bits - bit % 8)) & mask
        }));
    }
    Ok(values)
}

/// TIFF 6.0, page 23: all reds, all greens, all blues, of 16 bits. Some writers put 8 bits there.
fn looked_up(indices: &[u8], bits: u8, palette: &[u16]) -> Result<Vec<u8>, String> {
    let colours = 1usize << bits;
    if palette.len() != colours * 3 {
        return Err("a palette of another length than its pixels need".to_owned());
    }
    let shift = if palette.iter().all(|v| *v < 256) {
        0
    } else {
        8
    };
    let level = |at: usize| (palette[at] >> shift) as u8;
    let colour = |index: &u8| {
        let index = usize::from(*index);
        [
            level(index),
            level(colours + index),
            level(2 * colours + index),
        ]
    };
    Ok(indices.iter().flat_map(colour).collect())
}
