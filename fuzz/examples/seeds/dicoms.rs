//! DICOM files of 10×6 pixels in the transfer syntaxes of which no small file is at hand.

use std::io::Write as _;

use mozjpeg::{ColorSpace, Compress};

use crate::streams::{
    HTJ2K_COLOUR, HTJ2K_DEEP, HTJ2K_GREY, J2K_COLOUR, J2K_DEEP, J2K_GREY, JPEG_LOSSLESS_DEEP,
    JPEG_LOSSLESS_GREY, JXL_COLOUR, JXL_DEEP, JXL_GREY, JXL_OF_JPEG,
};
use crate::written::{DataSet, encapsulated, start};

const WIDTH: u16 = 10;
const HEIGHT: u16 = 6;
/// Start of frame (T.81 B.2.2) of a progressive JPEG.
const PROGRESSIVE_FRAME: [u8; 2] = [0xFF, 0xC2];

pub fn unhex(digits: &str) -> Vec<u8> {
    let digit = |byte: u8| (byte as char).to_digit(16).expect("a hexadecimal digit") as u8;
    let pairs = digits.as_bytes().chunks_exact(2);
    pairs
        .map(|pair| digit(pair[0]) << 4 | digit(pair[1]))
        .collect()
}

/// Frames of grey of so many bits, with a rescale and a window, so that every stage has something to do.
fn grey(bits: u16, frames: &str) -> DataSet {
    start("MR")
        .us(0x0028_0002, 1)
        .text(0x0028_0004, b"CS", "MONOCHROME2")
        .text(0x0028_0008, b"IS", frames)
        .us(0x0028_0010, HEIGHT)
        .us(0x0028_0011, WIDTH)
        .us(0x0028_0100, if bits > 8 { 16 } else { 8 })
        .us(0x0028_0101, bits)
        .us(0x0028_0102, bits - 1)
        .us(0x0028_0103, 0)
        .text(0x0028_1050, b"DS", "40")
        .text(0x0028_1051, b"DS", "90")
        .text(0x0028_1052, b"DS", "-10")
        .text(0x0028_1053, b"DS", "2")
}

fn colour(photometric: &str) -> DataSet {
    start("XC")
        .us(0x0028_0002, 3)
        .text(0x0028_0004, b"CS", photometric)
        .us(0x0028_0006, 0)
        .us(0x0028_0010, HEIGHT)
        .us(0x0028_0011, WIDTH)
        .us(0x0028_0100, 8)
        .us(0x0028_0101, 8)
        .us(0x0028_0102, 7)
        .us(0x0028_0103, 0)
}

/// A JPEG whose coefficients come scan by scan.
fn progressive(space: ColorSpace) -> Vec<u8> {
    let channels = if space == ColorSpace::JCS_GRAYSCALE {
        1
    } else {
        3
    };
    let mut compress = Compress::new(space);
    compress.set_size(WIDTH.into(), HEIGHT.into());
    compress.set_quality(80.0);
    compress.set_progressive_mode();
    let mut started = compress
        .start_compress(Vec::new())
        .expect("memory takes all");
    let values = usize::from(WIDTH) * usize::from(HEIGHT) * channels;
    let pixels: Vec<u8> = (0..values).map(|at| (at * 23 % 256) as u8).collect();
    started
        .write_scanlines(&pixels)
        .expect("as many values as the size asks for");
    started.finish().expect("memory takes all")
}

/// The same coefficients, said to be of 12 bits: the entropy-coded data are the same.
fn of_12_bits(mut jpeg: Vec<u8>) -> Vec<u8> {
    let frame = jpeg.windows(2).position(|two| two == PROGRESSIVE_FRAME);
    jpeg[frame.expect("a progressive JPEG") + 4] = 12;
    jpeg
}

fn deflated(frame: &[u8]) -> Vec<u8> {
    let mut deflate =
        flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
    deflate.write_all(frame).expect("memory takes all");
    deflate.finish().expect("memory takes all")
}

/// A dose, which is no picture but has pixels, and values that are no integers.
fn odd_kinds() -> Vec<Vec<u8>> {
    let explicit = "1.2.840.10008.1.2.1";
    let native: Vec<u8> = (0..WIDTH * HEIGHT).map(|at| (at * 3) as u8).collect();
    let floats: Vec<u8> = (0..WIDTH * HEIGHT)
        .flat_map(|at| (f32::from(at) / 7.0 - 2.0).to_le_bytes())
        .collect();
    let dose = DataSet::default()
        .text(0x0008_0016, b"UI", "1.2.840.10008.5.1.4.1.1.481.2")
        .text(0x0008_0060, b"CS", "RTDOSE")
        .us(0x0028_0002, 1)
        .text(0x0028_0004, b"CS", "MONOCHROME2")
        .us(0x0028_0010, HEIGHT)
        .us(0x0028_0011, WIDTH)
        .us(0x0028_0100, 8)
        .us(0x0028_0101, 8)
        .us(0x0028_0102, 7)
        .us(0x0028_0103, 0)
        .with(0x7FE0_0010, b"OW", &native);
    let float = start("OT")
        .us(0x0028_0002, 1)
        .text(0x0028_0004, b"CS", "MONOCHROME2")
        .us(0x0028_0010, HEIGHT)
        .us(0x0028_0011, WIDTH)
        .us(0x0028_0100, 32)
        .with(0x7FE0_0008, b"OF", &floats);
    vec![dose.file(explicit), float.file(explicit)]
}

/// All of them.
pub fn all() -> Vec<Vec<u8>> {
    let raw: Vec<u8> = (0..WIDTH * HEIGHT).map(|at| (at * 3) as u8).collect();
    let grey_jpeg = || progressive(ColorSpace::JCS_GRAYSCALE);
    let colour_jpeg = || progressive(ColorSpace::JCS_RGB);
    // The last numbers of 1.2.840.10008.1.2 with what lies in such files.
    let kinds: [(&str, DataSet, Vec<u8>); 21] = [
        ("4.201", grey(8, "1"), unhex(HTJ2K_GREY)),
        ("4.202", grey(16, "1"), unhex(HTJ2K_DEEP)),
        ("4.203", colour("YBR_ICT"), unhex(HTJ2K_COLOUR)),
        ("4.90", grey(8, "1"), unhex(J2K_GREY)),
        ("4.91", colour("YBR_ICT"), unhex(J2K_COLOUR)),
        ("4.92", grey(16, "1"), unhex(J2K_DEEP)),
        ("4.93", colour("YBR_ICT"), unhex(J2K_COLOUR)),
        ("4.50", colour("YBR_FULL_422"), colour_jpeg()),
        ("4.53", grey(8, "1"), grey_jpeg()),
        ("4.53", grey(12, "1"), of_12_bits(grey_jpeg())),
        ("4.55", colour("YBR_FULL"), colour_jpeg()),
        ("4.55", grey(12, "1"), of_12_bits(grey_jpeg())),
        ("4.57", grey(8, "1"), unhex(JPEG_LOSSLESS_GREY)),
        ("4.57", grey(16, "1"), unhex(JPEG_LOSSLESS_DEEP)),
        ("4.70", grey(8, "1"), unhex(JPEG_LOSSLESS_GREY)),
        ("4.110", grey(8, "1"), unhex(JXL_GREY)),
        ("4.110", grey(16, "1"), unhex(JXL_DEEP)),
        ("4.111", colour("YBR_FULL_422"), unhex(JXL_OF_JPEG)),
        ("4.112", colour("RGB"), unhex(JXL_COLOUR)),
        ("1.98", grey(8, "1"), raw.clone()),
        ("8.1", grey(8, "1"), deflated(&raw)),
    ];
    let files = kinds.into_iter().map(|(syntax, head, stream)| {
        encapsulated(head, &[stream]).file(&format!("1.2.840.10008.1.2.{syntax}"))
    });
    let slices = encapsulated(grey(8, "2"), &[unhex(HTJ2K_GREY), unhex(J2K_GREY)]);
    let slices = slices.file("1.2.840.10008.1.2.4.201");
    files.chain([slices]).chain(odd_kinds()).collect()
}
