//! JPEG XL (ISO 18181) by jxl-oxide: lossless, lossy, and JPEG streams packed into it (PS3.5 A.4.14 to A.4.16).

use jxl_oxide::{AllocTracker, JxlImage, JxlThreadPool, PixelFormat};

use super::{Packed, Unpacked};
use crate::ImagingError;

const NAME: &str = "JPEG XL";
/// Working memory for each value: planes of 32 bits, several at once while frames are blended and filtered.
const BYTES_PER_VALUE: usize = 64;
const LEAST_BYTES: usize = 32 << 20;

pub(super) fn unpack(packed: &Packed<'_>) -> Result<Unpacked, ImagingError> {
    let layout = packed.layout;
    let memory = layout
        .values()
        .saturating_mul(BYTES_PER_VALUE)
        .saturating_add(LEAST_BYTES);
    let image = JxlImage::builder()
        .pool(JxlThreadPool::none())
        .alloc_tracker(AllocTracker::with_limit(memory))
        .read(packed.bytes)
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
    Ok(Unpacked::Words {
        values: values.into_iter().map(whole).collect(),
        precision: precision as u16,
        is_rgb: components == 3,
    })
}
