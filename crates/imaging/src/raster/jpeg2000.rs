//! JPEG 2000 (ISO 15444-1; .jp2, .j2k) and HTJ2K by OpenJPEG in C: faster than its port to Rust, and run in a decode worker.

use image::metadata::Orientation;
use jpeg2k::{ColorSpace, DecodeParameters, Image, ImageComponent};

use super::{MAX_BLANK_PIXELS, Page, Shown, broken, levels};
use crate::limits::could_hold;
use crate::{Format, ImagingError, Rgb8};

const JPEG2000: Format = Format::Jpeg2000;
/// Signature box (15444-1 I.5.1).
const SIGNATURE: [u8; 12] = [0, 0, 0, 12, b'j', b'P', b' ', b' ', 0x0D, 0x0A, 0x87, 0x0A];
/// SOC and SIZ: the start of a code stream.
const CODE_STREAM: [u8; 4] = [0xFF, 0x4F, 0xFF, 0x51];
/// Components beyond colour and alpha are not pictures.
const MAX_COMPONENTS: u16 = 4;
/// Deepest component that is read.
const MAX_BITS: u8 = 16;

/// Whether the bytes start a JP2 file or a bare code stream.
pub(super) fn is_jpeg2000(start: &[u8]) -> bool {
    start.starts_with(&SIGNATURE) || start.starts_with(&CODE_STREAM)
}

/// Size from the SIZ marker segment (15444-1 A.5.1); components and their depth are checked.
pub(super) fn page(bytes: &[u8]) -> Result<Page, ImagingError> {
    let size = code_stream(bytes).and_then(|stream| stream.get(4..42));
    let siz = size.ok_or_else(|| broken(JPEG2000, "no code stream"))?;
    let word = |at: usize| u32::from_be_bytes([siz[at], siz[at + 1], siz[at + 2], siz[at + 3]]);
    let (right, bottom, left, top) = (word(4), word(8), word(12), word(16));
    let components = u16::from_be_bytes([siz[36], siz[37]]);
    if !(1..=MAX_COMPONENTS).contains(&components) {
        return Err(broken(JPEG2000, format!("{components} components")));
    }
    let tiles =
        [(right, word(28), word(20)), (bottom, word(32), word(24))].map(|(end, origin, side)| {
            u64::from(end.saturating_sub(origin)).div_ceil(u64::from(side.max(1)))
        });
    // A.5.1: a tile's number has 16 bits; every tile takes a header of 12 bytes at the least.
    if tiles[0].saturating_mul(tiles[1]) > (bytes.len() as u64 / 12).min(65_535) {
        return Err(broken(JPEG2000, "more tiles than it has bytes for"));
    }
    let extent = |end: u32, start: u32| {
        end.checked_sub(start)
            .ok_or_else(|| broken(JPEG2000, "it ends before it starts"))
    };
    Ok(Page {
        directory: 0,
        width_px: extent(right, left)?,
        height_px: extent(bottom, top)?,
        orientation: Orientation::NoTransforms,
    })
}

/// The code stream: the whole of a bare one, or the content of the box `jp2c` (I.5.4).
fn code_stream(bytes: &[u8]) -> Option<&[u8]> {
    if bytes.starts_with(&CODE_STREAM) {
        return Some(bytes);
    }
    let mut rest = bytes;
    while let Some((head, _)) = rest.split_first_chunk::<8>() {
        let stated = u32::from_be_bytes([head[0], head[1], head[2], head[3]]);
        let (header_len, len) = match stated {
            0 => (8, rest.len()),
            1 => {
                let long = rest.get(8..16)?.try_into().ok()?;
                (16, usize::try_from(u64::from_be_bytes(long)).ok()?)
            }
            len => (8, len as usize),
        };
        if &head[4..] == b"jp2c" {
            return rest
                .get(header_len..)
                .filter(|code| code.starts_with(&CODE_STREAM));
        }
        rest = rest.get(len.max(header_len)..)?;
    }
    None
}

/// Decodes. A code stream that ends early is an error, not a picture of lower quality.
pub(super) fn decode(bytes: &[u8], page: Page) -> Result<Shown, ImagingError> {
    let pixels = u64::from(page.width_px) * u64::from(page.height_px);
    if !could_hold(bytes.len(), pixels, MAX_BLANK_PIXELS) {
        return Err(broken(JPEG2000, "too short for the size that it states"));
    }
    let image = Image::from_bytes_with(bytes, DecodeParameters::new().strict(true))
        .map_err(|error| broken(JPEG2000, error))?;
    let planes = image
        .components()
        .iter()
        .map(|component| Plane::read(component, page))
        .collect::<Result<Vec<_>, _>>()?;
    let (made_by, pixels) = match (planes.as_slice(), image.color_space()) {
        ([grey] | [grey, _], _) if grey.bits > 8 => {
            let values = || grey.values(page).map(f64::from);
            ("min-max", levels::spread(&levels::min_max(values)))
        }
        ([grey] | [grey, _], _) => {
            let grey: Vec<u8> = grey.bytes(page).collect();
            ("colour", levels::spread(&grey))
        }
        ([c, m, y, k], ColorSpace::CMYK) => {
            let inks = c
                .bytes(page)
                .zip(m.bytes(page))
                .zip(y.bytes(page).zip(k.bytes(page)));
            let rgb = inks.flat_map(|((c, m), (y, k))| levels::cmyk_to_rgb([c, m, y, k]));
            ("colour", rgb.collect())
        }
        ([a, b, c, ..], space) => {
            let is_ycc = matches!(space, ColorSpace::SYCC | ColorSpace::EYCC);
            let triples = a.bytes(page).zip(b.bytes(page)).zip(c.bytes(page));
            let rgb = triples.flat_map(|((a, b), c)| {
                let triple = [a, b, c];
                if is_ycc {
                    levels::ycbcr_to_rgb(triple)
                } else {
                    triple
                }
            });
            ("colour", rgb.collect())
        }
        ([], _) => return Err(broken(JPEG2000, "no components")),
    };
    Ok(Shown {
        made_by,
        rgb: Rgb8 {
            width_px: page.width_px,
            height_px: page.height_px,
            pixels,
        },
    })
}

/// One component, which may be coarser than the picture.
struct Plane<'a> {
    data: &'a [i32],
    width: usize,
    height: usize,
    bits: u8,
    /// What makes signed values unsigned.
    offset: i32,
}

impl<'a> Plane<'a> {
    fn read(component: &'a ImageComponent, page: Page) -> Result<Self, ImagingError> {
        let (width, height) = (component.width() as usize, component.height() as usize);
        let bits = u8::try_from(component.precision()).unwrap_or(u8::MAX);
        let fits = width > 0
            && height > 0
            && width <= page.width_px as usize
            && height <= page.height_px as usize
            && component.data().len() == width * height;
        if !fits {
            return Err(broken(JPEG2000, "its components differ from its size"));
        }
        if !(1..=MAX_BITS).contains(&bits) {
            return Err(broken(JPEG2000, format!("{bits} bits")));
        }
        Ok(Self {
            data: component.data(),
            width,
            height,
            bits,
            offset: if component.is_signed() {
                1 << (bits - 1)
            } else {
                0
            },
        })
    }

    /// Values of the whole picture, coarse ones repeated.
    fn values(&self, page: Page) -> impl Iterator<Item = i32> + Clone + '_ {
        let (width, height) = (page.width_px as usize, page.height_px as usize);
        (0..height).flat_map(move |y| {
            let row = &self.data[y * self.height / height * self.width..][..self.width];
            (0..width).map(move |x| row[x * self.width / width] + self.offset)
        })
    }

    /// As 8 bits, from the top of the type.
    fn bytes(&self, page: Page) -> impl Iterator<Item = u8> + Clone + '_ {
        let top = (1i32 << self.bits) - 1;
        self.values(page).map(move |value| {
            let value = value.clamp(0, top);
            if top == 255 {
                value as u8
            } else {
                ((value * 255 + top / 2) / top) as u8
            }
        })
    }
}
