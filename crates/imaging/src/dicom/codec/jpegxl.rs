//! JPEG XL (ISO 18181) by jxl-oxide: lossless, lossy, and packed JPEG. A container is taken apart here and only its
//! code stream decoded: its other boxes (Exif, what it takes to write a packed JPEG out again) are compressed with
//! Brotli, and the decoder would inflate them without a bound.

use std::borrow::Cow;

use jxl_oxide::{AllocTracker, JxlImage, JxlThreadPool, PixelFormat};

use super::{Packed, Unpacked};
use crate::ImagingError;

const NAME: &str = "JPEG XL";
/// Working memory for each value: planes of 32 bits, several at once while frames are blended and filtered.
const BYTES_PER_VALUE: usize = 64;
const LEAST_BYTES: usize = 32 << 20;

pub(super) fn unpack(packed: &Packed<'_>) -> Result<Unpacked, ImagingError> {
    let layout = packed.layout;
    let stream = code_stream(packed.bytes).ok_or_else(|| packed.error(NAME, "no code stream"))?;
    let memory = layout
        .values()
        .saturating_mul(BYTES_PER_VALUE)
        .saturating_add(LEAST_BYTES);
    let image = JxlImage::builder()
        .pool(JxlThreadPool::none())
        .alloc_tracker(AllocTracker::with_limit(memory))
        .read(stream.as_ref())
        .map_err(|_| packed.error(NAME, "the code stream is damaged"))?;
    packed.check_size(NAME, image.width(), image.height())?;
    let components = match image.pixel_format() {
        PixelFormat::Gray | PixelFormat::Graya => 1,
        PixelFormat::Rgb | PixelFormat::Rgba => 3,
        PixelFormat::Cmyk | PixelFormat::Cmyka => 4,
    };
    packed.check_components(NAME, components)?;
    if !image.is_loading_done() {
        return Err(packed.error(NAME, "ends before its last frame"));
    }
    let stated = &image.image_header().metadata.bit_depth;
    let precision = stated.bits_per_sample();
    if !(1..=16).contains(&precision) {
        let reason = format!("{precision} bits per value where 1 to 16 are read");
        return Err(packed.error(NAME, reason));
    }
    let render = image
        .render_frame(0)
        .map_err(|_| packed.error(NAME, "the code stream is damaged"))?;
    let mut values = vec![0f32; layout.values()];
    let written = render.stream_no_alpha().write_to_buffer(&mut values);
    if written != values.len() {
        return Err(packed.error(NAME, "fewer values than pixels"));
    }
    let top = ((1u32 << precision) - 1) as f32;
    let whole = |value: f32| (value * top).round().clamp(0.0, top) as u32;
    packed.integers(
        values.into_iter().map(whole),
        precision as u16,
        components == 3,
    )
}

/// The code stream, bare or out of the boxes that hold it (ISO 18181-2, clause 4).
fn code_stream(bytes: &[u8]) -> Option<Cow<'_, [u8]>> {
    const BARE: [u8; 2] = [0xFF, 0x0A];
    const CONTAINER: [u8; 8] = [0, 0, 0, 12, b'J', b'X', b'L', b' '];
    if bytes.starts_with(&BARE) {
        return Some(Cow::Borrowed(bytes));
    }
    if !bytes.starts_with(&CONTAINER) {
        return None;
    }
    let (mut stream, mut rest) = (Vec::new(), bytes);
    while let Some((head, after_head)) = rest.split_first_chunk::<8>() {
        let stated = u32::from_be_bytes([head[0], head[1], head[2], head[3]]);
        let (body, len) = match stated {
            0 => (after_head, after_head.len()),
            1 => {
                let (wide, after) = after_head.split_first_chunk::<8>()?;
                let len = u64::from_be_bytes(*wide).checked_sub(16)?;
                (after, usize::try_from(len).ok()?)
            }
            _ => (after_head, usize::try_from(stated).ok()?.checked_sub(8)?),
        };
        // A last box that is cut short is taken as far as it goes: the decoder says what is missing.
        let (body, after) = body.split_at(len.min(body.len()));
        match &head[4..] {
            b"jxlc" => stream.extend(body),
            b"jxlp" => stream.extend(body.get(4..)?),
            _ => {}
        }
        rest = after;
    }
    (!stream.is_empty()).then_some(Cow::Owned(stream))
}

#[cfg(test)]
mod tests {
    use super::code_stream;

    #[test]
    fn a_container_gives_its_code_stream_and_nothing_else() {
        let mut file = vec![0, 0, 0, 12, b'J', b'X', b'L', b' ', 0x0D, 0x0A, 0x87, 0x0A];
        let mut add = |kind: &[u8; 4], body: &[u8]| {
            file.extend((body.len() as u32 + 8).to_be_bytes());
            file.extend(kind);
            file.extend(body);
        };
        add(b"jbrd", &[1, 2, 3]);
        add(b"jxlp", &[0, 0, 0, 0, 0xFF, 0x0A, 7]);
        add(b"jxlp", &[0x80, 0, 0, 1, 8, 9]);
        assert_eq!(code_stream(&file).unwrap().as_ref(), [0xFF, 0x0A, 7, 8, 9]);
        assert!(code_stream(&file[..20]).is_none(), "no code stream in it");
        assert_eq!(
            code_stream(&[0xFF, 0x0A, 1]).unwrap().as_ref(),
            [0xFF, 0x0A, 1]
        );
        assert!(code_stream(&[0xFF, 0xD8, 0xFF]).is_none());
    }
}
