//! EXIF orientations 1 to 8 in JPEG, PNG and WebP.

use std::io::Cursor;

use casekin_imaging::{Inspection, Limits, Rgb8, Source, encode_jpeg, encode_png, inspect};

use crate::written::seen;

/// A picture in which every pixel has a colour of its own.
fn picture(width_px: u32, height_px: u32) -> Rgb8 {
    let places = (0..height_px).flat_map(|y| (0..width_px).map(move |x| (x, y)));
    Rgb8 {
        width_px,
        height_px,
        pixels: places
            .flat_map(|(x, y)| [(x * 6) as u8, (y * 9) as u8, (x + y) as u8])
            .collect(),
    }
}

/// EXIF 2.3: a TIFF of one entry, Orientation.
fn exif(orientation: u8) -> Vec<u8> {
    let mut tiff = b"II\x2A\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".to_vec();
    tiff.extend([orientation, 0, 0, 0, 0, 0, 0, 0]);
    tiff
}

/// TIFF 6.0, page 36: which side of what is shown the first row and the first column of what is stored are.
fn turned(stored: &Rgb8, orientation: u8) -> Rgb8 {
    let (width, height) = (stored.width_px, stored.height_px);
    let is_on_its_side = orientation >= 5;
    let (shown_width, shown_height) = if is_on_its_side {
        (height, width)
    } else {
        (width, height)
    };
    let from = |x: u32, y: u32| match orientation {
        1 => (x, y),
        2 => (width - 1 - x, y),
        3 => (width - 1 - x, height - 1 - y),
        4 => (x, height - 1 - y),
        5 => (y, x),
        6 => (y, height - 1 - x),
        7 => (width - 1 - y, height - 1 - x),
        _ => (width - 1 - y, x),
    };
    let places = (0..shown_height).flat_map(|y| (0..shown_width).map(move |x| (x, y)));
    let pixel = |(x, y): (u32, u32)| {
        let at = (y * width + x) as usize * 3;
        stored.pixels[at..at + 3].to_vec()
    };
    Rgb8 {
        width_px: shown_width,
        height_px: shown_height,
        pixels: places.flat_map(|(x, y)| pixel(from(x, y))).collect(),
    }
}

fn jpeg(plain: &[u8], orientation: u8) -> Vec<u8> {
    let content = [b"Exif\0\0".to_vec(), exif(orientation)].concat();
    let len = (content.len() as u16 + 2).to_be_bytes();
    [&plain[..2], &[0xFF, 0xE1], &len, &content, &plain[2..]].concat()
}

/// PNG third edition 11.3.3.5: eXIf stands before the pixels.
fn png(plain: &[u8], orientation: u8) -> Vec<u8> {
    let content = [b"eXIf".to_vec(), exif(orientation)].concat();
    let mut sum = flate2::Crc::new();
    sum.update(&content);
    let len = (content.len() as u32 - 4).to_be_bytes();
    // The signature and IHDR take 33 bytes.
    let (start, rest) = plain.split_at(33);
    [start, &len, &content, &sum.sum().to_be_bytes(), rest].concat()
}

/// RFC 9649 2.7: an extended file, with a flag for its EXIF chunk.
fn webp(plain: &[u8], [width, height]: [u32; 2], orientation: u8) -> Vec<u8> {
    let chunk = |kind: &[u8; 4], content: &[u8]| {
        let len = (content.len() as u32).to_le_bytes();
        let pad = vec![0; content.len() % 2];
        [&kind[..], &len, content, &pad].concat()
    };
    let side = |side: u32| (side - 1).to_le_bytes()[..3].to_vec();
    let canvas = [vec![8, 0, 0, 0], side(width), side(height)].concat();
    let chunks = [
        chunk(b"VP8X", &canvas),
        plain[12..].to_vec(),
        chunk(b"EXIF", &exif(orientation)),
    ]
    .concat();
    let len = (chunks.len() as u32 + 4).to_le_bytes();
    [b"RIFF", &len[..], b"WEBP", &chunks].concat()
}

fn lossless_webp(rgb: &Rgb8) -> Vec<u8> {
    let image = image::RgbImage::from_raw(rgb.width_px, rgb.height_px, rgb.pixels.clone()).unwrap();
    let mut file = Cursor::new(Vec::new());
    image.write_to(&mut file, image::ImageFormat::WebP).unwrap();
    file.into_inner()
}

#[test]
fn every_orientation_is_applied_in_jpeg_png_and_webp() {
    let stored = picture(40, 24);
    let plain = [
        ("JPEG", encode_jpeg(&stored, 95).unwrap()),
        ("PNG", encode_png(&stored).unwrap()),
        ("WebP", lossless_webp(&stored)),
    ];
    for (format, plain) in plain {
        let upright = seen(Source::from_bytes("upright", plain.clone()), None);
        if format != "JPEG" {
            assert_eq!(upright, stored, "{format}");
        }
        for orientation in 1..=8 {
            let bytes = match format {
                "JPEG" => jpeg(&plain, orientation),
                "PNG" => png(&plain, orientation),
                _ => webp(&plain, [40, 24], orientation),
            };
            let source = Source::from_bytes("turned", bytes);
            let expected = turned(&upright, orientation);
            let header = inspect(&source, &Limits::default()).unwrap();
            let Inspection::Picture(header) = header else {
                panic!("{format} is a picture")
            };
            assert_eq!(
                (header.facts.width_px, header.facts.height_px),
                (expected.width_px, expected.height_px),
                "{format}, {orientation}"
            );
            assert!(seen(source, None) == expected, "{format}, {orientation}");
        }
    }
}
