//! Compressed frames made here: RLE and JPEG, whole and damaged.

use casekin_imaging::{
    ImagingError, Limits, Rgb8, Samples, Source, Stage, StageRequest, decode, encode_jpeg, stage,
};

use crate::written::{DataSet, encapsulated, reds, request, start};

fn colour(width: u16, height: u16, frames: &str) -> DataSet {
    start("XC")
        .us(0x0028_0002, 3)
        .text(0x0028_0004, b"CS", "RGB")
        .us(0x0028_0006, 0)
        .text(0x0028_0008, b"IS", frames)
        .us(0x0028_0010, height)
        .us(0x0028_0011, width)
        .us(0x0028_0100, 8)
        .us(0x0028_0101, 8)
        .us(0x0028_0102, 7)
        .us(0x0028_0103, 0)
}

fn gradient(width_px: u32, height_px: u32) -> Rgb8 {
    let pixels = (0..height_px)
        .flat_map(|y| (0..width_px).flat_map(move |x| [(x * 2) as u8, (y * 2) as u8, 90]));
    Rgb8 {
        width_px,
        height_px,
        pixels: pixels.collect(),
    }
}

const JPEG: &str = "1.2.840.10008.1.2.4.50";
const RLE: &str = "1.2.840.10008.1.2.5";

fn file(data_set: &DataSet, syntax: &str) -> Source {
    Source::from_bytes("made in a test", data_set.file(syntax))
}

#[test]
fn jpeg_frames_may_lie_in_several_fragments() {
    let rgb = gradient(96, 64);
    let jpeg = encode_jpeg(&rgb, 95).unwrap();
    let (head, tail) = jpeg.split_at((jpeg.len() / 2) & !1);
    let data_set = encapsulated(
        colour(96, 64, "2"),
        &[head.to_vec(), tail.to_vec(), head.to_vec(), tail.to_vec()],
    );
    let decoded = decode(&request(file(&data_set, JPEG))).unwrap();
    assert_eq!(decoded.views.len(), 2);
    for view in &decoded.views {
        let worst = view
            .rgb
            .pixels
            .iter()
            .zip(&rgb.pixels)
            .map(|(a, b)| a.abs_diff(*b))
            .max()
            .unwrap();
        assert!(worst <= 12, "frame {} is off by {worst}", view.frame);
    }
}

#[test]
fn half_a_jpeg_is_an_error_not_half_a_picture() {
    let jpeg = encode_jpeg(&gradient(96, 64), 95).unwrap();
    let half = jpeg[..jpeg.len() / 2].to_vec();
    let error = decode(&request(file(
        &encapsulated(colour(96, 64, "1"), std::slice::from_ref(&half)),
        JPEG,
    )))
    .unwrap_err();
    assert!(
        matches!(error, ImagingError::DecodeFrame { frame: 1, .. }),
        "{error}"
    );
    let error = decode(&request(Source::from_bytes("half", half))).unwrap_err();
    assert!(
        matches!(error, ImagingError::DecodeRaster { .. }),
        "{error}"
    );
    assert!(decode(&request(Source::from_bytes("whole", jpeg))).is_ok());
}

#[test]
fn a_frame_of_another_size_than_the_header_says_is_refused() {
    let jpeg = encode_jpeg(&gradient(96, 64), 80).unwrap();
    let error = decode(&request(file(
        &encapsulated(colour(64, 96, "1"), &[jpeg]),
        JPEG,
    )))
    .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("holds 96x64 px, the header says 64x96"),
        "{error}"
    );
}

/// RLE of planes that are written as literals.
fn rle(planes: &[&[u8]]) -> Vec<u8> {
    let mut header = vec![planes.len() as u32];
    let mut body = Vec::new();
    for plane in planes {
        header.push(64 + body.len() as u32);
        for part in plane.chunks(128) {
            body.push(part.len() as u8 - 1);
            body.extend(part);
        }
        body.resize(body.len().next_multiple_of(2), 0x80);
    }
    header.resize(16, 0);
    [
        header.iter().flat_map(|word| word.to_le_bytes()).collect(),
        body,
    ]
    .concat()
}

#[test]
fn rle_puts_byte_planes_together() {
    let wide = start("MR").grey("MONOCHROME2", [3, 1], true);
    let data_set = encapsulated(wide, &[rle(&[&[0x01, 0xFF, 0x7F], &[0x02, 0xFE, 0x00]])]);
    let stored = stage(&StageRequest {
        source: file(&data_set, RLE),
        frame: 1,
        stage: Stage::Stored,
        limits: Limits::default(),
    })
    .unwrap();
    assert_eq!(stored.samples, Samples::I16(vec![0x0102, -2, 0x7F00]));
    let planes = encapsulated(colour(2, 1, "1"), &[rle(&[&[1, 2], &[3, 4], &[5, 6]])]);
    let decoded = decode(&request(file(&planes, RLE))).unwrap();
    assert_eq!(decoded.views[0].rgb.pixels, [1, 3, 5, 2, 4, 6]);
    assert_eq!(reds(&decoded.thumbnail), [1, 2]);
}

#[test]
fn rle_that_cannot_fill_its_frame_takes_no_memory() {
    let data_set = encapsulated(colour(14_000, 14_000, "1"), &[rle(&[&[1], &[2], &[3]])]);
    let error = decode(&request(file(&data_set, RLE))).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("too few bytes for this many pixels"),
        "{error}"
    );
}

#[test]
fn a_jpeg_of_thousands_of_scans_is_refused_before_the_first() {
    let jpeg = encode_jpeg(&gradient(16, 16), 90).unwrap();
    let (body, end) = jpeg.split_at(jpeg.len() - 2);
    let with_scans = |count: usize| {
        let scan = [0xFF, 0xDA, 0, 8, 1, 1, 0, 0, 63, 0, 0];
        let bytes = [body, &scan.repeat(count), end].concat();
        let source = file(&encapsulated(colour(16, 16, "1"), &[bytes]), JPEG);
        stage(&StageRequest {
            source,
            frame: 1,
            stage: Stage::Stored,
            limits: Limits::default(),
        })
    };
    with_scans(0).unwrap();
    let refused = with_scans(5000).unwrap_err().to_string();
    assert!(refused.contains("256 scans"), "{refused}");
}
