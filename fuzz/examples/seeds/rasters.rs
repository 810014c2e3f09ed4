//! Pictures of 24×16 pixels in every raster format that can be written here, and small ones in JPEG 2000 and HTJ2K.

use std::io::Cursor;

use image::{DynamicImage, ImageFormat, RgbImage};

use crate::dicoms::unhex;
use crate::streams::{HTJ2K_COLOUR, HTJ2K_DEEP, J2K_COLOUR, J2K_GREY, JP2_COLOUR};

fn picture() -> DynamicImage {
    let shade =
        |x: u32, y: u32| image::Rgb([(x * 10) as u8, (y * 15) as u8, ((x * y) % 251) as u8]);
    DynamicImage::ImageRgb8(RgbImage::from_fn(24, 16, shade))
}

/// Encoded; `None` where the format does not hold such pixels.
pub fn encoded(image: &DynamicImage, format: ImageFormat) -> Option<Vec<u8>> {
    let mut file = Cursor::new(Vec::new());
    image.write_to(&mut file, format).ok()?;
    Some(file.into_inner())
}

/// Each format with each kind of pixel that it holds.
pub fn all() -> Vec<Vec<u8>> {
    let colour = picture();
    let kinds = [
        colour.clone(),
        DynamicImage::ImageLuma8(colour.to_luma8()),
        DynamicImage::ImageLumaA8(colour.to_luma_alpha8()),
        DynamicImage::ImageRgba8(colour.to_rgba8()),
        DynamicImage::ImageLuma16(colour.to_luma16()),
        DynamicImage::ImageRgb16(colour.to_rgb16()),
        DynamicImage::ImageRgb32F(colour.to_rgb32f()),
    ];
    let formats = [
        ImageFormat::Png,
        ImageFormat::Jpeg,
        ImageFormat::Tiff,
        ImageFormat::Bmp,
        ImageFormat::WebP,
        ImageFormat::Gif,
    ];
    let pairs = formats
        .iter()
        .flat_map(|format| kinds.iter().map(move |kind| (kind, *format)));
    let written = pairs.filter_map(|(kind, format)| encoded(kind, format));
    let streams = [HTJ2K_COLOUR, HTJ2K_DEEP, J2K_COLOUR, J2K_GREY, JP2_COLOUR];
    written.chain(streams.map(unhex)).collect()
}
