//! Ways of writing pixels that the shared pictures hardly have: JPEG XL, fragments without compression, deflated
//! frames, single bits, 32 bits, subsampled YBR; and the stages of what states its grey levels in unusual places.

use std::io::Write as _;

use casekin_imaging::{ImagingError, Samples, Source, Stage};

use crate::written::{DataSet, at_stage, encapsulated, start};

const JPEG_XL: &str = "1.2.840.10008.1.2.4.110";
const ENCAPSULATED: &str = "1.2.840.10008.1.2.1.98";
const DEFLATED_FRAME: &str = "1.2.840.10008.1.2.8.1";
const EXPLICIT: &str = "1.2.840.10008.1.2.1";

// Pictures of 6 x 4 pixels, compressed without loss by libjxl.
const GREY_JXL: &str =
    "ff0a1840101437020804010070004b188b154219b62dda762224242424b4ec15a708cf07c18f781db911";
/// In a container.
const WIDE_JXL: &str = "0000000c4a584c200d0a870a00000014667479706a786c20000000006a786c20000000096a786c6c0a000000496a\
    786c63ff0a1840fc00458b08040100cc004b188b15c2394cb70170eab99c08650865086508650865b4496f73278a42b35f24b3ba2bd4d831e\
    8f66b030a7e8063f3925ef4";
const COLOUR_JXL: &str = "ff0a1840100908040100a8014b18938e838319e0e0a44708a3ba09309b5f202e80a0201f701f701ff07b04f701f7\
    01bf47701f701f709fa0a09e9e70eff0fb09bf33f06e20c7f0bb38b4eec3e886f4097fff8c463d9fff1df44fa4cfa87bd43df21e758fba47d\
    da3d15d6f05c05303088c0081114002";

fn unhex(text: &str) -> Vec<u8> {
    hex::decode(text).unwrap()
}

/// Of every pixel of 6 x 4: what `value` makes of its column and row.
fn of_pixels<T>(value: impl Fn(usize, usize) -> T) -> Vec<T> {
    let places = (0..4).flat_map(|y| (0..6).map(move |x| (x, y)));
    places.map(|(x, y)| value(x, y)).collect()
}

/// Group 0028 of a picture of 6 x 4.
fn layout(photometric: &str, bits: u16, frames: &str) -> DataSet {
    let samples = if photometric.starts_with("MONO") {
        1
    } else {
        3
    };
    let mut set = start("OT")
        .us(0x0028_0002, samples)
        .text(0x0028_0004, b"CS", photometric);
    if samples == 3 {
        set = set.us(0x0028_0006, 0);
    }
    set.text(0x0028_0008, b"IS", frames)
        .us(0x0028_0010, 4)
        .us(0x0028_0011, 6)
        .us(0x0028_0100, bits)
        .us(0x0028_0101, bits)
        .us(0x0028_0102, bits - 1)
        .us(0x0028_0103, 0)
}

fn source(set: &DataSet, syntax: &str) -> Source {
    Source::from_bytes("made in a test", set.file(syntax))
}

fn stored(set: &DataSet, syntax: &str, frame: u32) -> Result<Samples, ImagingError> {
    at_stage(source(set, syntax), frame, Stage::Stored).map(|pixels| pixels.samples)
}

fn le_words(values: &[u16]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect()
}

#[test]
fn jpeg_xl_gives_the_values_that_were_compressed() {
    let grey = encapsulated(layout("MONOCHROME2", 8, "1"), &[unhex(GREY_JXL)]);
    let expected = of_pixels(|x, y| (x * 40 + y * 5) as u8);
    assert_eq!(stored(&grey, JPEG_XL, 1).unwrap(), Samples::U8(expected));
    let wide = encapsulated(layout("MONOCHROME2", 16, "1"), &[unhex(WIDE_JXL)]);
    let expected = of_pixels(|x, y| (x * 9000 + y * 500) as u16);
    assert_eq!(stored(&wide, JPEG_XL, 1).unwrap(), Samples::U16(expected));
    let colour = encapsulated(layout("RGB", 8, "1"), &[unhex(COLOUR_JXL)]);
    let expected = of_pixels(|x, y| [(x * 40) as u8, (y * 60) as u8, (x * 10 + y * 20) as u8]);
    let found = stored(&colour, "1.2.840.10008.1.2.4.112", 1).unwrap();
    assert_eq!(found, Samples::U8(expected.concat()));
}

#[test]
fn damaged_jpeg_xl_is_an_error() {
    let whole = unhex(COLOUR_JXL);
    let open = |bytes: Vec<u8>| stored(&encapsulated(layout("RGB", 8, "1"), &[bytes]), JPEG_XL, 1);
    assert!(open(whole.clone()).is_ok());
    for len in 0..whole.len() - 2 {
        let error = open(whole[..len].to_vec()).unwrap_err();
        assert!(
            matches!(error, ImagingError::DecodeFrame { .. }),
            "{len}: {error}"
        );
    }
    let grey_as_colour = open(unhex(GREY_JXL)).unwrap_err();
    assert!(
        grey_as_colour.to_string().contains("components"),
        "{grey_as_colour}"
    );
}

#[test]
fn frames_in_fragments_may_be_uncompressed_or_deflated() {
    let frames: Vec<Vec<u16>> = vec![
        of_pixels(|x, y| (x * 300 + y) as u16),
        of_pixels(|x, y| (y * 900 + x) as u16),
    ];
    let plain: Vec<Vec<u8>> = frames.iter().map(|frame| le_words(frame)).collect();
    let deflated = plain.iter().map(|bytes| {
        let mut writer =
            flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
        writer.write_all(bytes).unwrap();
        writer.finish().unwrap()
    });
    let deflated: Vec<Vec<u8>> = deflated.collect();
    for (fragments, syntax) in [(&plain, ENCAPSULATED), (&deflated, DEFLATED_FRAME)] {
        let set = encapsulated(layout("MONOCHROME2", 16, "2"), fragments);
        for (index, frame) in frames.iter().enumerate() {
            let found = stored(&set, syntax, index as u32 + 1).unwrap();
            assert_eq!(found, Samples::U16(frame.clone()), "{syntax}");
        }
    }
    let short = encapsulated(layout("MONOCHROME2", 16, "2"), &[vec![0; 10], vec![0; 10]]);
    assert!(stored(&short, ENCAPSULATED, 1).is_err(), "too few bytes");
}

#[test]
fn single_bits_run_on_from_frame_to_frame() {
    // 2 frames of 24 bits: 3 bytes each, the first pixel in the lowest bit.
    let set = layout("MONOCHROME2", 1, "2").with(0x7FE0_0010, b"OB", &[1, 0, 0x80, 2, 0, 0]);
    let ones = |places: &[usize]| {
        let values = (0..24).map(|index| u8::from(places.contains(&index)));
        Samples::U8(values.collect())
    };
    assert_eq!(stored(&set, EXPLICIT, 1).unwrap(), ones(&[0, 23]));
    assert_eq!(stored(&set, EXPLICIT, 2).unwrap(), ones(&[1]));
    let seen = at_stage(source(&set, EXPLICIT), 1, Stage::Rgb).unwrap();
    let Samples::U8(rgb) = seen.samples else {
        panic!("RGB is of 8 bits")
    };
    assert_eq!((&rgb[..6], rgb[71]), (&[255, 255, 255, 0, 0, 0][..], 255));
}

#[test]
fn values_of_32_bits_keep_every_one() {
    let values: Vec<u32> = of_pixels(|x, y| u32::MAX - (x * 1_000_003 + y) as u32);
    let bytes: Vec<u8> = values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect();
    let set = layout("MONOCHROME2", 32, "1").with(0x7FE0_0010, b"OW", &bytes);
    assert_eq!(stored(&set, EXPLICIT, 1).unwrap(), Samples::U32(values));
}

#[test]
fn uncompressed_ybr_422_shares_its_colour_between_two_pixels() {
    // Y1 Y2 Cb Cr: a grey pair, then a red one.
    let pairs = [[10, 200, 128, 128], [76, 76, 85, 255]];
    let bytes: Vec<u8> = (0..12).flat_map(|pair| pairs[pair % 2]).collect();
    let set = layout("YBR_FULL_422", 8, "1").with(0x7FE0_0010, b"OB", &bytes);
    let Samples::U8(rgb) = stored(&set, EXPLICIT, 1).unwrap() else {
        panic!("8 bits stay 8 bits")
    };
    assert_eq!(rgb[..12], [10, 10, 10, 200, 200, 200, 254, 0, 0, 254, 0, 0]);
    assert_eq!(rgb.len(), 72);
}

/// Stored values 0, 100, 200 … of 16 bits.
fn hundreds() -> Vec<i32> {
    of_pixels(|x, y| ((y * 6 + x) * 100) as i32)
}

fn numbers(set: &DataSet, frame: u32, wanted: Stage) -> Vec<f64> {
    let pixels = at_stage(source(set, EXPLICIT), frame, wanted).unwrap();
    pixels.samples.to_f64()
}

#[test]
fn elements_written_as_unknown_mean_what_the_dictionary_says() {
    let set = layout("MONOCHROME2", 16, "1")
        .text(0x0028_1050, b"UN", "500")
        .text(0x0028_1051, b"UN", "101")
        .text(0x0028_1052, b"UN", "-1024")
        .text(0x0028_1053, b"UN", "2")
        .pixels(&hundreds());
    let modality = numbers(&set, 1, Stage::Modality);
    assert_eq!(modality[..3], [-1024.0, -824.0, -624.0]);
    let voi = numbers(&set, 1, Stage::Voi);
    assert_eq!((voi[0], voi[23]), (-1024.0, 65_535.0 * 2.0 - 1024.0));
    // A VOI LUT Sequence inside an unknown value: implicit little endian, item and all.
    let descriptor = [2u16, 0, 16];
    let mut item = vec![];
    for (element, value) in [
        (0x3002u16, le_words(&descriptor)),
        (0x3006, le_words(&[7, 9])),
    ] {
        item.extend([0x28, 0x00]);
        item.extend(element.to_le_bytes());
        item.extend((value.len() as u32).to_le_bytes());
        item.extend(value);
    }
    let mut sequence = vec![0xFE, 0xFF, 0x00, 0xE0];
    sequence.extend((item.len() as u32).to_le_bytes());
    sequence.extend(item);
    let set = layout("MONOCHROME2", 16, "1")
        .with(0x0028_3010, b"UN", &sequence)
        .pixels(&hundreds());
    assert_eq!(numbers(&set, 1, Stage::Voi)[..3], [7.0, 9.0, 9.0]);
}

#[test]
fn the_first_of_several_windows_and_the_sigmoid_are_applied() {
    let two = layout("MONOCHROME2", 16, "1")
        .text(0x0028_1050, b"DS", "1000\\40")
        .text(0x0028_1051, b"DS", "2000\\400")
        .pixels(&hundreds());
    // PS3.3 C.11.2.1.2.1: ((x - 999.5) / 1999 + 0.5) * 65535.
    let expected = ((200.0 - 999.5) / 1999.0 + 0.5) * 65_535.0;
    assert_eq!(numbers(&two, 1, Stage::Voi)[2], expected);
    let sigmoid = layout("MONOCHROME2", 16, "1")
        .text(0x0028_1050, b"DS", "1000")
        .text(0x0028_1051, b"DS", "400")
        .text(0x0028_1056, b"CS", "SIGMOID")
        .pixels(&hundreds());
    let found = numbers(&sigmoid, 1, Stage::Voi);
    assert_eq!(found[10], 65_535.0 / 2.0, "half at the centre");
    assert!((found[11] - 65_535.0 / (1.0 + (-1.0f64).exp())).abs() < 1e-6);
    // Some files state a width of 0 where they have no window.
    let none = layout("MONOCHROME2", 16, "1")
        .text(0x0028_1050, b"DS", "0")
        .text(0x0028_1051, b"DS", "0")
        .pixels(&hundreds());
    assert_eq!(
        numbers(&none, 1, Stage::Voi),
        numbers(&none, 1, Stage::Stored)
    );
}

#[test]
fn frames_take_the_transformations_of_their_own_functional_groups() {
    let group = |intercept: &str, centre: &str| {
        DataSet::default()
            .sequence(
                0x0028_9132,
                DataSet::default()
                    .text(0x0028_1050, b"DS", centre)
                    .text(0x0028_1051, b"DS", "2"),
            )
            .sequence(
                0x0028_9145,
                DataSet::default().text(0x0028_1052, b"DS", intercept).text(
                    0x0028_1053,
                    b"DS",
                    "1",
                ),
            )
    };
    let items: Vec<u8> = [group("-10", "100"), group("5", "1000000")]
        .into_iter()
        .flat_map(|item| {
            let mut bytes = vec![0xFE, 0xFF, 0x00, 0xE0];
            bytes.extend((item.0.len() as u32).to_le_bytes());
            bytes.extend(item.0);
            bytes
        })
        .collect();
    let twice = [hundreds(), hundreds()].concat();
    let set = layout("MONOCHROME2", 16, "2")
        .with(0x5200_9230, b"SQ", &items)
        .pixels(&twice);
    assert_eq!(numbers(&set, 1, Stage::Modality)[..2], [-10.0, 90.0]);
    assert_eq!(numbers(&set, 2, Stage::Modality)[..2], [5.0, 105.0]);
    assert_eq!(
        numbers(&set, 1, Stage::Voi)[23],
        65_525.0,
        "above its window"
    );
    assert_eq!(numbers(&set, 2, Stage::Voi)[23], 5.0, "below its window");
}

#[test]
fn rasters_have_the_last_stage_alone() {
    let png = casekin_imaging::encode_png(&casekin_imaging::Rgb8 {
        width_px: 1,
        height_px: 1,
        pixels: vec![1, 2, 3],
    });
    let picture = Source::from_bytes("a.png", png.unwrap());
    let seen = at_stage(picture.clone(), 1, Stage::Rgb).unwrap();
    assert_eq!(seen.samples, Samples::U8(vec![1, 2, 3]));
    let refused = at_stage(picture, 1, Stage::Stored).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "not a picture: PNG has no stage but rgb"
    );
}
