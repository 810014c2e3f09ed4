//! Pictures of 24×16 pixels in every raster format that can be written here.

use std::io::Cursor;

use image::{DynamicImage, ImageFormat, RgbImage};

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
    pairs
        .filter_map(|(kind, format)| encoded(kind, format))
        .collect()
}
