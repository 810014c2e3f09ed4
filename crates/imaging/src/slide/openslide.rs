//! Slides in scanners' formats, through OpenSlide. The file is opened in place and only the tiles that a region
//! touches are read. Associated images (label, macro) have no function here: they cannot be read by accident.

use std::ffi::CString;
use std::path::Path;

use super::backend::{Backend, Level, Region};
use super::library::{Handle, OpenSlideApi, c_path, load, text_at};
use super::memory_file::MemoryFile;
use crate::{ImagingError, Limits, Rgb8, Source};

/// More levels than any pyramid of 32-bit sides can have.
const MAX_LEVELS: i32 = 64;
/// Profiles of scanners take a few hundred KiB at most.
const MAX_ICC_BYTES: i64 = 16 << 20;

/// One open slide. OpenSlide's handles may be used by several threads at once (openslide.h).
pub(super) struct OpenSlideBackend {
    api: OpenSlideApi,
    handle: *mut Handle,
    levels: Vec<Level>,
    vendor: String,
    path_text: String,
    /// Keeps bytes that are no file readable.
    memory: Option<MemoryFile>,
}

// SAFETY: openslide.h: all functions but `openslide_close` may be called from several threads on one handle;
// `close` runs in `drop`, when nobody else can hold it.
#[allow(unsafe_code)]
unsafe impl Send for OpenSlideBackend {}
// SAFETY: as above.
#[allow(unsafe_code)]
unsafe impl Sync for OpenSlideBackend {}

impl OpenSlideBackend {
    /// Opens a slide; `None` where OpenSlide knows no vendor for it.
    ///
    /// # Errors
    /// `FindOpenSlide`; `ReadSlide` for a damaged slide; `StayWithinLimit` for bytes in memory.
    pub(super) fn open(source: &Source, limits: &Limits) -> Result<Option<Self>, ImagingError> {
        let api = load()?;
        let memory = match source {
            Source::Path(_) => None,
            Source::Bytes { bytes, .. } => {
                Limits::check("bytes", bytes.len() as u64, limits.max_bytes)?;
                Some(MemoryFile::of(bytes)?)
            }
        };
        let path = match (source, &memory) {
            (Source::Path(path), _) => path.as_path(),
            (_, Some(memory)) => memory.path(),
            _ => unreachable!("bytes have a memory file"),
        };
        let Some(vendor) = vendor_of(api, path)? else {
            return Ok(None);
        };
        let handle = open_handle(api, path)?;
        let mut slide = Self {
            api,
            handle,
            levels: Vec::new(),
            vendor,
            path_text: path.display().to_string(),
            memory,
        };
        slide.check()?;
        slide.levels = slide.read_levels()?;
        Ok(Some(slide))
    }

    /// OpenSlide's errors stay with the handle once they have come.
    #[allow(unsafe_code)]
    fn check(&self) -> Result<(), ImagingError> {
        // SAFETY: the handle is open.
        match text_at(unsafe { (self.api.error)(self.handle) }) {
            None => Ok(()),
            Some(reason) => Err(read_error(&reason, &self.path_text)),
        }
    }

    #[allow(unsafe_code)]
    fn read_levels(&self) -> Result<Vec<Level>, ImagingError> {
        // SAFETY: the handle is open; levels below the count are asked for, into two live integers.
        let levels = unsafe {
            let count = (self.api.level_count)(self.handle).clamp(0, MAX_LEVELS);
            (0..count)
                .map(|level| {
                    let (mut width, mut height) = (0i64, 0i64);
                    (self.api.level_dimensions)(self.handle, level, &mut width, &mut height);
                    let downsample = (self.api.level_downsample)(self.handle, level);
                    (width, height, downsample)
                })
                .collect::<Vec<_>>()
        };
        self.check()?;
        let side = |side: i64| u32::try_from(side).ok().filter(|side| *side > 0);
        let sound = |(width, height, downsample): (i64, i64, f64)| {
            Some(Level {
                width_px: side(width)?,
                height_px: side(height)?,
                downsample: Some(downsample).filter(|ratio| *ratio >= 1.0 && ratio.is_finite())?,
            })
        };
        let levels: Vec<Level> = levels.into_iter().map_while(sound).collect();
        if levels.is_empty() {
            return Err(ImagingError::ReadSlide {
                reason: "no level of a possible size".to_owned(),
            });
        }
        Ok(levels)
    }

    #[allow(unsafe_code)]
    fn property(&self, name: &str) -> Option<String> {
        let name = CString::new(name).ok()?;
        // SAFETY: the handle is open and the name ends in a zero byte.
        text_at(unsafe { (self.api.property)(self.handle, name.as_ptr()) })
    }

    fn number(&self, name: &str) -> Option<f64> {
        let value: f64 = self.property(name)?.trim().parse().ok()?;
        (value.is_finite() && value > 0.0).then_some(value)
    }
}

impl Backend for OpenSlideBackend {
    fn levels(&self) -> &[Level] {
        &self.levels
    }

    #[allow(unsafe_code)]
    fn read_region(&self, region: Region) -> Result<Rgb8, ImagingError> {
        let Region {
            level,
            x_px,
            y_px,
            width_px,
            height_px,
        } = region;
        let pixels = width_px as usize * height_px as usize;
        let mut argb = vec![0u32; pixels];
        // SAFETY: the handle is open; the buffer holds width × height values, which is what is written.
        unsafe {
            (self.api.read_region)(
                self.handle,
                argb.as_mut_ptr(),
                i64::from(x_px),
                i64::from(y_px),
                level as i32,
                i64::from(width_px),
                i64::from(height_px),
            );
        }
        self.check()?;
        Ok(Rgb8 {
            width_px,
            height_px,
            pixels: on_white(&argb),
        })
    }

    fn um_per_px(&self) -> Option<[f64; 2]> {
        let x = self.number("openslide.mpp-x")?;
        Some([x, self.number("openslide.mpp-y").unwrap_or(x)])
    }

    fn objective_power(&self) -> Option<f64> {
        self.number("openslide.objective-power")
    }

    #[allow(unsafe_code)]
    fn icc_profile(&self) -> Option<Vec<u8>> {
        let icc = self.api.icc?;
        // SAFETY: the handle is open; `read` writes as many bytes as `size` says.
        unsafe {
            let size = (icc.size)(self.handle);
            if !(1..=MAX_ICC_BYTES).contains(&size) {
                return None;
            }
            let mut profile = vec![0u8; size as usize];
            (icc.read)(self.handle, profile.as_mut_ptr().cast());
            self.check().ok().map(|()| profile)
        }
    }

    fn maker(&self) -> Option<String> {
        let name = match self.vendor.as_str() {
            "aperio" => "Aperio",
            "hamamatsu" => "Hamamatsu",
            "leica" => "Leica",
            "mirax" => "3DHISTECH",
            "philips" => "Philips",
            "sakura" => "Sakura",
            "trestle" => "Trestle",
            "ventana" => "Ventana",
            "zeiss" => "Zeiss",
            _ => return None,
        };
        Some(name.to_owned())
    }

    fn held_bytes(&self) -> u64 {
        self.memory.as_ref().map_or(0, MemoryFile::len)
    }
}

impl Drop for OpenSlideBackend {
    #[allow(unsafe_code)]
    fn drop(&mut self) {
        // SAFETY: opened by `open`, closed once, used by nobody afterwards.
        unsafe { (self.api.close)(self.handle) }
    }
}

/// OpenSlide's word for who made a file; `None` where it is no slide to it.
#[allow(unsafe_code)]
fn vendor_of(api: OpenSlideApi, path: &Path) -> Result<Option<String>, ImagingError> {
    let path = c_path(path)?;
    // SAFETY: the path ends in a zero byte; the answer is a constant or null.
    Ok(text_at(unsafe { (api.detect_vendor)(path.as_ptr()) }))
}

#[allow(unsafe_code)]
fn open_handle(api: OpenSlideApi, path: &Path) -> Result<*mut Handle, ImagingError> {
    let path = c_path(path)?;
    // SAFETY: the path ends in a zero byte.
    let handle = unsafe { (api.open)(path.as_ptr()) };
    if handle.is_null() {
        return Err(ImagingError::ReadSlide {
            reason: "not one that OpenSlide knows".to_owned(),
        });
    }
    Ok(handle)
}

/// OpenSlide's messages may quote the path, and a path may name a patient.
fn read_error(reason: &str, path: &str) -> ImagingError {
    let reason: String = reason.replace(path, "the file").chars().take(300).collect();
    ImagingError::ReadSlide { reason }
}

/// Premultiplied ARGB in native byte order (openslide.h), laid on white.
fn on_white(argb: &[u32]) -> Vec<u8> {
    let mut rgb = vec![0; argb.len() * 3];
    for (out, pixel) in rgb.as_chunks_mut::<3>().0.iter_mut().zip(argb) {
        let [alpha, red, green, blue] = pixel.to_be_bytes();
        let under = 255 - alpha;
        *out = [
            red.saturating_add(under),
            green.saturating_add(under),
            blue.saturating_add(under),
        ];
    }
    rgb
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_transparent_is_white() {
        assert_eq!(on_white(&[0]), [255, 255, 255]);
        assert_eq!(on_white(&[0xFF01_0203]), [1, 2, 3]);
        assert_eq!(on_white(&[0x8040_0000]), [0x40 + 127, 127, 127]);
    }

    #[test]
    fn messages_do_not_carry_the_path() {
        let error = read_error("Cannot open /x/Jane Doe.svs: broken", "/x/Jane Doe.svs");
        assert_eq!(
            error.to_string(),
            "cannot read the slide: Cannot open the file: broken"
        );
    }
}
