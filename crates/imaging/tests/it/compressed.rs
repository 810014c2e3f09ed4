//! Compressed frames made here: RLE and JPEG, whole and damaged; JPEG 2000 and HTJ2K of a few pixels.

use casekin_imaging::{
    ImagingError, Limits, Rgb8, Samples, Source, Stage, StageRequest, decode, encode_jpeg, stage,
};

use crate::written::{DataSet, at_stage, encapsulated, reds, request, start};

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

// Pictures of 6 × 4 pixels, compressed without loss: by OpenJPEG with the colour transform, and by OpenJPH (HTJ2K) in the
// order of resolutions.
const J2K_COLOUR: &str = "ff4fff51002f00000000000600000004000000000000000000000006000000040000000000000000000307010107\
    0101070101ff52000c00000001010004040001ff5c00044040ff640025000143726561746564206279204f70656e4a504547207665727369\
    6f6e20322e352e34ff90000a00000000005c0001ff93df80c0121a3fd6e1db12d7239d0da73f0e0e948ddeeed187f5e293cfb458062eaa95\
    2ccc089c0ad23d9979a9452297d40ead0367df80b800a0c1d473e88325f1f22fe9a01c612f25f14d870c8d7fffd9";
const HTJ2K_DEEP: &str = "ff4fff5100294000000000060000000400000000000000000000000600000004000000000000000000010f0101ff\
    500008000200000009ff52000c00020001000104044001ff5c00072088888888ff64001700014f70656e4a50482056657220302e32362e33\
    2eff90000a00000000003b0001ff93c0002d10ff7f6bee5ff34ab5b4e29c0064007d9600c0002a200015204e4627e3848b7400e69b370010\
    80775600ffd9";

/// Group 0028 of a picture of 6 × 4 whose values have as many bits as are stored.
fn small(photometric: &str, samples: u16, allocated: u16, stored: u16) -> DataSet {
    let mut set = start("OT")
        .us(0x0028_0002, samples)
        .text(0x0028_0004, b"CS", photometric);
    if samples == 3 {
        set = set.us(0x0028_0006, 0);
    }
    set.us(0x0028_0010, 4)
        .us(0x0028_0011, 6)
        .us(0x0028_0100, allocated)
        .us(0x0028_0101, stored)
        .us(0x0028_0102, stored - 1)
        .us(0x0028_0103, 0)
}

fn stored(head: DataSet, stream: &str, syntax: &str) -> Samples {
    let data_set = encapsulated(head, &[hex::decode(stream).unwrap()]);
    at_stage(file(&data_set, syntax), 1, Stage::Stored)
        .unwrap()
        .samples
}

/// Values of every pixel of 6 × 4.
fn of_pixels<T>(value: impl Fn(usize, usize) -> T) -> Vec<T> {
    let places = (0..4).flat_map(|y| (0..6).map(move |x| (x, y)));
    places.map(|(x, y)| value(x, y)).collect()
}

#[test]
fn jpeg_2000_in_colour_has_the_same_values_in_bytes_and_in_words() {
    let lossless = "1.2.840.10008.1.2.4.90";
    let pixel = |x, y| [x * 40, y * 60, x * 10 + y * 20];
    let expected = of_pixels(pixel).concat();
    let bytes: Vec<u8> = expected.iter().map(|value| *value as u8).collect();
    let found = stored(small("YBR_RCT", 3, 8, 8), J2K_COLOUR, lossless);
    assert_eq!(found, Samples::U8(bytes.clone()));
    // The stream's colour transform is believed, whatever the header calls it.
    let found = stored(small("YBR_FULL", 3, 8, 8), J2K_COLOUR, lossless);
    assert_eq!(found, Samples::U8(bytes.clone()));
    let words = expected.iter().map(|value| *value as u16).collect();
    let found = stored(small("RGB", 3, 16, 8), J2K_COLOUR, lossless);
    assert_eq!(found, Samples::U16(words));
    // The stream's depth is believed as well.
    let found = stored(small("RGB", 3, 8, 7), J2K_COLOUR, lossless);
    assert_eq!(found, Samples::U8(bytes));
}

#[test]
fn htj2k_in_the_order_of_resolutions_gives_the_values_that_were_compressed() {
    let words = of_pixels(|x, y| (x * 9_000 + y * 500) as u16);
    for syntax in ["1.2.840.10008.1.2.4.201", "1.2.840.10008.1.2.4.202"] {
        let found = stored(small("MONOCHROME2", 1, 16, 16), HTJ2K_DEEP, syntax);
        assert_eq!(found, Samples::U16(words.clone()), "{syntax}");
    }
}
