//! Uncompressed pixels in layouts that the shared pictures hardly have, and transfer syntaxes that differ from others in
//! their name alone.

use casekin_imaging::{Samples, Source, Stage};

use crate::samples::shared;
use crate::written::{DataSet, at_stage, start};

/// Group 0028 of a picture of 4 × 2 pixels.
struct Layout {
    photometric: &'static str,
    samples: u16,
    bits: u16,
    signed: bool,
    planar: u16,
    frames: &'static str,
}

impl Layout {
    fn stored(&self, pixels: &[u8], frame: u32) -> Samples {
        let mut set =
            start("OT")
                .us(0x0028_0002, self.samples)
                .text(0x0028_0004, b"CS", self.photometric);
        if self.samples > 1 {
            set = set.us(0x0028_0006, self.planar);
        }
        let set: DataSet = set
            .text(0x0028_0008, b"IS", self.frames)
            .us(0x0028_0010, 2)
            .us(0x0028_0011, 4)
            .us(0x0028_0100, self.bits)
            .us(0x0028_0101, self.bits)
            .us(0x0028_0102, self.bits - 1)
            .us(0x0028_0103, self.signed.into())
            .with(0x7FE0_0010, b"OW", pixels);
        at_stage(set.source(), frame, Stage::Stored)
            .unwrap()
            .samples
    }
}

const GREY: Layout = Layout {
    photometric: "MONOCHROME2",
    samples: 1,
    bits: 8,
    signed: true,
    planar: 0,
    frames: "1",
};

#[test]
fn signed_values_of_8_and_32_bits_keep_their_sign() {
    let bytes = [-128i8, -1, 0, 1, 127, -77, 9, -9];
    assert_eq!(
        GREY.stored(&bytes.map(|value| value as u8), 1),
        Samples::I8(bytes.to_vec())
    );
    let wide = Layout { bits: 32, ..GREY };
    let words = [i32::MIN, -1, 0, 1, i32::MAX, -70_000, 70_000, 5];
    assert_eq!(
        wide.stored(&words.map(i32::to_le_bytes).concat(), 1),
        Samples::I32(words.to_vec())
    );
}

#[test]
fn planes_of_16_bits_are_interleaved() {
    let planar = Layout {
        photometric: "RGB",
        samples: 3,
        bits: 16,
        signed: false,
        planar: 1,
        ..GREY
    };
    let value = |plane: u16, at: u16| plane * 20_000 + at * 257;
    let planes = (0..3).flat_map(|plane| (0..8).map(move |at| value(plane, at)));
    let bytes: Vec<u8> = planes.flat_map(u16::to_le_bytes).collect();
    let interleaved = (0..8).flat_map(|at| (0..3).map(move |plane| value(plane, at)));
    assert_eq!(
        planar.stored(&bytes, 1),
        Samples::U16(interleaved.collect())
    );
}

#[test]
fn frames_of_uncompressed_ybr_422_follow_each_other() {
    let films = Layout {
        photometric: "YBR_FULL_422",
        samples: 3,
        signed: false,
        frames: "3",
        ..GREY
    };
    // Y1 Y2 Cb Cr; a frame of 4 × 2 pixels has four of them, which are grey, red and blue in turn.
    let pairs = [[10, 200, 128, 128], [76, 76, 85, 255], [29, 29, 255, 107]];
    let bytes: Vec<u8> = pairs.iter().flat_map(|pair| pair.repeat(4)).collect();
    let expected = [
        [[10, 10, 10], [200, 200, 200]],
        [[254, 0, 0], [254, 0, 0]],
        [[0, 0, 254], [0, 0, 254]],
    ];
    for (index, pair) in expected.iter().enumerate() {
        let frame = films.stored(&bytes, index as u32 + 1);
        assert_eq!(frame, Samples::U8(pair.concat().repeat(4)), "{index}");
    }
}

/// The file under another transfer syntax, whose UID has the same length.
fn renamed(file: &[u8], from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let at = file
        .windows(from.len())
        .position(|window| window == from.as_bytes())
        .unwrap();
    let mut renamed = file.to_vec();
    renamed[at..at + to.len()].copy_from_slice(to.as_bytes());
    renamed
}

#[test]
fn htj2k_with_progression_and_part_2_are_read_as_what_they_hold() {
    let Some(folder) = shared("data/dicom") else {
        return;
    };
    let cases = [
        ("image/derived__CT1_HTJ2K_lossless_4.201.dcm", "201", "202"),
        ("image/pydicom3.0.2__MR_small_jp2klossless.dcm", "90", "92"),
        ("image/wg04__VL1_J2KR", "90", "92"),
        ("image/wg04__VL1_J2KI", "91", "93"),
    ];
    for (file, from, to) in cases {
        let uid = |ending: &str| format!("1.2.840.10008.1.2.4.{ending}");
        let bytes = std::fs::read(folder.join(file)).unwrap();
        let other = renamed(&bytes, &uid(from), &uid(to));
        let stored =
            |bytes: Vec<u8>| at_stage(Source::from_bytes("d", bytes), 1, Stage::Stored).unwrap();
        let (before, after) = (stored(bytes), stored(other));
        assert!(before == after, "{file} as {to}");
    }
}
