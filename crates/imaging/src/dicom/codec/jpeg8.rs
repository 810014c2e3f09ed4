//! Lossy JPEG of 8 bits by libjpeg (in mozjpeg's edition), whose inverse DCT and chroma upsampling every other DICOM
//! reader has: values are equal to theirs, not merely near. libjpeg fills what is missing with grey and goes on;
//! here each of its warnings is an error.

use std::ffi::c_int;
use std::panic::{AssertUnwindSafe, catch_unwind};

use mozjpeg::{ColorSpace, Decompress};
use mozjpeg_sys::{jpeg_common_struct, jpeg_error_mgr};

use super::Packed;

/// Interleaved values of a frame of one or three components, upsampled: as they are coded, or as RGB where they
/// hold YCbCr. `None` where libjpeg has anything to complain about.
pub(super) fn decode(packed: &Packed<'_>, holds_ycbcr: bool) -> Option<Vec<u8>> {
    let decoder = Decompress::with_err(strict()).from_mem(packed.bytes).ok()?;
    let size = (
        packed.layout.width_px as usize,
        packed.layout.height_px as usize,
    );
    let components = usize::from(packed.layout.samples_per_pixel);
    if decoder.size() != size || decoder.components().len() != components {
        return None;
    }
    // Asked for the colour space it believes in, libjpeg converts nothing.
    let space = decoder.color_space();
    let fits = match components {
        1 => space == ColorSpace::JCS_GRAYSCALE,
        3 => space == ColorSpace::JCS_YCbCr || space == ColorSpace::JCS_RGB,
        _ => false,
    };
    if !fits {
        return None;
    }
    // Its own conversion does many pixels at once, to the same values as `to_rgb`.
    let converts = holds_ycbcr && space == ColorSpace::JCS_YCbCr;
    let wanted = if converts { ColorSpace::JCS_RGB } else { space };
    let mut started = decoder.to_colorspace(wanted).ok()?;
    let mut values = vec![0; packed.layout.values()];
    started.read_scanlines_into(values.as_mut_slice()).ok()?;
    started.finish().ok()?;
    if holds_ycbcr && !converts {
        to_rgb(&mut values);
    }
    Some(values)
}

/// Interleaved values of a bare stream of three components, as they are coded: upsampled, in no other colour space.
/// `None` for another size, and where libjpeg has anything to complain about. `eighths` is 8, or 1 for the mean of
/// each block of 8×8 in place of its pixels.
pub(crate) fn coded_values(
    jpeg: &[u8],
    (width_px, height_px): (u32, u32),
    eighths: u8,
) -> Option<Vec<u8>> {
    catch_unwind(AssertUnwindSafe(|| {
        let mut decoder = Decompress::with_err(strict()).from_mem(jpeg).ok()?;
        let space = decoder.color_space();
        let is_colour = space == ColorSpace::JCS_YCbCr || space == ColorSpace::JCS_RGB;
        if decoder.size() != (width_px as usize, height_px as usize) || !is_colour {
            return None;
        }
        decoder.scale(eighths);
        let mut started = decoder.to_colorspace(space).ok()?;
        let mut values = vec![0; started.width() * started.height() * 3];
        started.read_scanlines_into(values.as_mut_slice()).ok()?;
        started.finish().ok()?;
        Some(values)
    }))
    .ok()
    .flatten()
}

/// Turns interleaved YCbCr into RGB with the fixed-point arithmetic of libjpeg (jdcolor.c).
pub(crate) fn to_rgb(values: &mut [u8]) {
    const HALF: i32 = 1 << 15;
    let fixed = |factor: f64| (factor * 65536.0 + 0.5) as i32;
    let (red_cr, blue_cb) = (fixed(1.402), fixed(1.772));
    let (green_cr, green_cb) = (fixed(0.714_14), fixed(0.344_14));
    for pixel in values.as_chunks_mut::<3>().0 {
        let [y, cb, cr] = pixel.map(i32::from);
        let (cb, cr) = (cb - 128, cr - 128);
        let rgb = [
            y + ((red_cr * cr + HALF) >> 16),
            y + ((-green_cb * cb - green_cr * cr + HALF) >> 16),
            y + ((blue_cb * cb + HALF) >> 16),
        ];
        *pixel = rgb.map(|value| value.clamp(0, 255) as u8);
    }
}

/// libjpeg's error manager, unwinding on warnings as on errors.
fn strict() -> jpeg_error_mgr {
    // SAFETY: all fields of this C struct are numbers and nullable function pointers, for which zero is a value;
    // jpeg_std_error fills every one of them.
    #[allow(unsafe_code)]
    let mut manager = unsafe {
        let mut manager: jpeg_error_mgr = std::mem::zeroed();
        mozjpeg_sys::jpeg_std_error(&mut manager);
        manager
    };
    manager.error_exit = Some(stop);
    manager.emit_message = Some(stop_on_warning);
    manager
}

/// Unwinds through libjpeg, which was built to be unwound through, into the guard around every codec or into
/// mozjpeg's own. No panic hook runs: this is no fault of the program.
extern "C-unwind" fn stop(_: &mut jpeg_common_struct) {
    std::panic::resume_unwind(Box::new("libjpeg stopped".to_owned()));
}

/// Level -1 is a warning: damaged data. Others are traces.
extern "C-unwind" fn stop_on_warning(common: &mut jpeg_common_struct, level: c_int) {
    if level < 0 {
        stop(common);
    }
}

#[cfg(test)]
mod tests {
    use super::to_rgb;

    #[test]
    fn colours_are_those_of_libjpeg() {
        let mut values = [100, 128, 128, 76, 85, 255, 255, 0, 255];
        to_rgb(&mut values);
        assert_eq!(values, [100, 100, 100, 254, 0, 0, 255, 208, 28]);
    }
}
