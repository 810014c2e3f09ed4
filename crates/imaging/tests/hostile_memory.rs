//! Small files that ask for much: each is refused with a typed error, or read, and takes less than 100 MB either way.
#![allow(clippy::unwrap_used)]

#[path = "hostile_files/tiffs.rs"]
mod hostile_tiffs;
#[allow(dead_code)]
#[path = "it/nifti_files/mod.rs"]
mod nifti_files;
#[allow(dead_code)]
#[path = "it/written/mod.rs"]
mod written;

use std::alloc::{GlobalAlloc, Layout, System};
use std::io::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use casekin_imaging::{ImagingError, Limits, Source, decode, inspect};
use flate2::Compression;
use flate2::write::{DeflateEncoder, ZlibEncoder};
use hostile_tiffs::{
    large_jpeg_in_small_page, page, strips_over_one_another, tiff, tiff_by, tiles_at_one_place,
};
use nifti_files::{NiftiFile, gzipped};
use written::{DataSet, encapsulated, request, start};

/// What is allocated now, and the most since the last look.
static NOW: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

struct Counting;

fn took(len: usize) {
    let now = NOW.fetch_add(len, Relaxed) + len;
    PEAK.fetch_max(now, Relaxed);
}

// SAFETY: every call goes to the system's allocator with the arguments it came with.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        took(layout.size());
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        took(layout.size());
        // SAFETY: as the caller promises.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(place, layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, len: usize) -> *mut u8 {
        took(len);
        NOW.fetch_sub(layout.size(), Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.realloc(place, layout, len) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const MOST: usize = 100_000_000;
const SIDE: u32 = 60_000;
/// What a file may take that holds no bomb of deflated bytes: milliseconds, on a machine that is busy with other things.
const MOMENT: Duration = Duration::from_secs(1);

/// What a file may answer.
#[derive(Clone, Copy, PartialEq)]
enum Answer {
    OverLimit,
    Broken,
    /// A picture, or a typed error.
    Any,
}

fn chunk(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let mut sum = flate2::Crc::new();
    sum.update(kind);
    sum.update(content);
    let len = (content.len() as u32).to_be_bytes();
    [&len[..], kind, content, &sum.sum().to_be_bytes()].concat()
}

fn png(side: u32, bits: u8, before: &[u8], data: &[u8]) -> Vec<u8> {
    let size = side.to_be_bytes();
    let header = [&size[..], &size, &[bits, 0, 0, 0, 0]].concat();
    [
        b"\x89PNG\r\n\x1A\n".to_vec(),
        chunk(b"IHDR", &header),
        before.to_vec(),
        chunk(b"IDAT", data),
        chunk(b"IEND", &[]),
    ]
    .concat()
}

fn zeros(megabytes: usize) -> Vec<u8> {
    let mut deflater = ZlibEncoder::new(Vec::new(), Compression::fast());
    (0..megabytes).for_each(|_| deflater.write_all(&vec![0; 1_000_000]).unwrap());
    deflater.finish().unwrap()
}

fn jpeg(side: u16) -> Vec<u8> {
    let [high, low] = side.to_be_bytes();
    let mut file = vec![0xFF, 0xD8, 0xFF, 0xC2, 0, 17, 8, high, low, high, low, 3];
    file.extend([1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0]);
    file.extend([0xFF, 0xDA, 0, 12, 3, 1, 0, 2, 0, 3, 0, 0, 0, 0]);
    file.extend(vec![0x55; 900]);
    file.extend([0xFF, 0xD9]);
    file
}

fn bmp(side: u32, compression: u32) -> Vec<u8> {
    let mut file = b"BM".to_vec();
    let bits = if compression == 1 { 8 } else { 24 };
    let planes_and_bits = bits << 16 | 1;
    let sizes = [1078u32, 0, 54, 40, side, side];
    for word in sizes
        .into_iter()
        .chain([planes_and_bits, compression, 0, 0, 0, 0, 0])
    {
        file.extend(word.to_le_bytes());
    }
    file.extend(vec![0; 1024]);
    file
}

fn webp(side: u32) -> Vec<u8> {
    let side = &(side - 1).to_le_bytes()[..3];
    let canvas = [b"VP8X\x0A\0\0\0\0\0\0\0", side, side].concat();
    let frame = [b"VP8L\x08\0\0\0\x2F".to_vec(), vec![0; 7]].concat();
    let len = (canvas.len() + frame.len() + 4) as u32;
    [b"RIFF", &len.to_le_bytes()[..], b"WEBP", &canvas, &frame].concat()
}

/// A blank lossless picture, in full: five prefix codes of one symbol each, which take no bits for a pixel.
fn blank_webp(side: u32) -> Vec<u8> {
    let mut bits: u128 = 0x2F;
    let mut at = 8;
    let mut put = |value: u32, len: u32| {
        bits |= u128::from(value) << at;
        at += len;
    };
    put(side - 1, 14);
    put(side - 1, 14);
    // No alpha, version 0; no transform, no colour cache, no meta codes.
    [1, 3, 1, 1, 1].into_iter().for_each(|len| put(0, len));
    // A simple code of one symbol in one bit: the symbol 0.
    (0..5).for_each(|_| {
        [(1, 1), (0, 1), (0, 1), (0, 1)]
            .into_iter()
            .for_each(|(v, l)| put(v, l))
    });
    let frame = &bits.to_le_bytes()[..at.div_ceil(8) as usize + 1];
    let padded = [frame, &[0][..frame.len() % 2]].concat();
    let (all, own) = (padded.len() as u32 + 12, frame.len() as u32);
    [
        b"RIFF",
        &all.to_le_bytes()[..],
        b"WEBPVP8L",
        &own.to_le_bytes(),
        &padded,
    ]
    .concat()
}

fn gif(side: u16) -> Vec<u8> {
    let side = side.to_le_bytes();
    let frame = [b",\0\0\0\0", &side[..], &side, b"\0\x02\x02\x44\x01\0;"].concat();
    [
        b"GIF89a",
        &side[..],
        &side,
        b"\x80\0\0\0\0\0\xFF\xFF\xFF",
        &frame,
    ]
    .concat()
}

fn code_stream(side: u32) -> Vec<u8> {
    let mut file = vec![0xFF, 0x4F, 0xFF, 0x51, 0, 41, 0, 0];
    for word in [side, side, 0, 0, side, side, 0, 0] {
        file.extend(word.to_be_bytes());
    }
    file.extend([0, 1, 7, 1, 1]);
    file.extend([0xFF, 0x52, 0, 12, 0, 0, 0, 1, 0, 5, 4, 4, 0, 1]);
    file.extend([0xFF, 0x5C, 0, 19, 0x40]);
    file.extend(vec![0x40; 16]);
    file.extend([0xFF, 0x90, 0, 10, 0, 0, 0, 0, 0, 0, 0, 1, 0xFF, 0x93]);
    file.extend(vec![0; 900]);
    file.extend([0xFF, 0xD9]);
    file
}

fn nested() -> Vec<u8> {
    let mut data_set = start("CT");
    for _ in 0..10_000 {
        data_set
            .0
            .extend(b"\x08\0\x10\x11SQ\0\0\xFF\xFF\xFF\xFF\xFE\xFF\0\xE0\xFF\xFF\xFF\xFF");
    }
    data_set.file("1.2.840.10008.1.2.1")
}

/// Bytes of undefined length that are no pixels: to a parser their items hold elements, of which the second states
/// 4 GB.
fn bytes_in_items() -> Vec<u8> {
    let mut data_set = start("CT");
    let element = |vr: &[u8; 2], len: u32| {
        let head = [b"\x09\0\x10\x10".as_slice(), vr, &[0, 0]].concat();
        [head, len.to_le_bytes().to_vec()].concat()
    };
    data_set.0.extend(element(b"OW", u32::MAX));
    let mut inner = element(b"OB", 4_000_000_000);
    inner.extend([0; 40]);
    data_set.0.extend([0xFE, 0xFF, 0x00, 0xE0]);
    data_set.0.extend((inner.len() as u32).to_le_bytes());
    data_set.0.extend(inner);
    data_set.0.extend([0xFE, 0xFF, 0xDD, 0xE0, 0, 0, 0, 0]);
    data_set
        .grey("MONOCHROME2", [2, 2], false)
        .pixels(&[0; 4])
        .file("1.2.840.10008.1.2.1")
}

fn deflated_bomb() -> Vec<u8> {
    let mut deflater = DeflateEncoder::new(Vec::new(), Compression::fast());
    deflater.write_all(&start("CT").0).unwrap();
    (0..600).for_each(|_| deflater.write_all(&vec![0; 1_000_000]).unwrap());
    let head = DataSet::default().file("1.2.840.10008.1.2.1.99");
    [head, deflater.finish().unwrap()].concat()
}

fn dicom() -> Vec<u8> {
    let side = SIDE as u16;
    let data_set = start("CT").grey("MONOCHROME2", [side, side], false);
    data_set.pixels(&[0; 500]).file("1.2.840.10008.1.2.1")
}

/// A frame of one code stream, which states the same size.
fn dicom_by(syntax: &str, side: u16, photometric: &str, stream: Vec<u8>) -> Vec<u8> {
    let samples = if photometric.starts_with("MONO") {
        1
    } else {
        3
    };
    let mut head = start("SM")
        .us(0x0028_0002, samples)
        .text(0x0028_0004, b"CS", photometric);
    if samples > 1 {
        head = head.us(0x0028_0006, 0);
    }
    let head = head
        .us(0x0028_0010, side)
        .us(0x0028_0011, side)
        .us(0x0028_0100, 8)
        .us(0x0028_0101, 8)
        .us(0x0028_0102, 7)
        .us(0x0028_0103, 0);
    encapsulated(head, &[stream]).file(&format!("1.2.840.10008.1.2.4.{syntax}"))
}

/// ISO 14495-1, grey of 8 bits.
fn jpeg_ls(side: u16) -> Vec<u8> {
    let [high, low] = side.to_be_bytes();
    let mut file = vec![0xFF, 0xD8, 0xFF, 0xF7, 0, 11, 8, high, low, high, low, 1];
    file.extend([1, 0x11, 0, 0xFF, 0xDA, 0, 8, 1, 1, 0, 0, 0, 0]);
    file.extend(vec![0x55; 900]);
    file.extend([0xFF, 0xD9]);
    file
}

fn nifti(dims: [i64; 4]) -> NiftiFile {
    NiftiFile {
        version: 2,
        dims,
        ..NiftiFile::words([1, 1, 1], (0..500).map(|_| 7))
    }
}

/// A volume of zeros that are all there, gzipped, of which the header tells of one voxel alone.
fn gzip_bomb() -> Vec<u8> {
    let mut file = nifti([1, 1, 1, 1]).bytes();
    file.resize(300_000_000, 0);
    gzipped(&file)
}

type Case = (&'static str, Answer, Vec<u8>);

fn pngs() -> Vec<Case> {
    use Answer::{Any, Broken, OverLimit};
    let text = chunk(b"zTXt", &[b"Comment\0\0".to_vec(), zeros(300)].concat());
    let profile = chunk(b"iCCP", &[b"Profile\0\0".to_vec(), zeros(300)].concat());
    let few = &zeros(1)[..900];
    vec![
        ("PNG header", OverLimit, png(SIDE, 8, &[], few)),
        (
            "PNG, 16 bits, within the limit",
            Broken,
            png(14_000, 16, &[], few),
        ),
        ("PNG zTXt bomb", Any, png(4, 8, &text, &zeros(1))),
        ("PNG iCCP bomb", Any, png(4, 8, &profile, &zeros(1))),
        ("PNG IDAT bomb", Any, png(4, 8, &[], &zeros(300))),
    ]
}

fn tiffs() -> Vec<Case> {
    use Answer::{Broken, OverLimit};
    let second_at = 8 + 2 + 8 * 12 + 4;
    let loop_of_two = tiff(&[(&page(4), second_at), (&page(4), 8)], &[0; 64]);
    vec![
        (
            "TIFF header",
            OverLimit,
            tiff(&[(&page(SIDE), 0)], &[0; 1000]),
        ),
        (
            "TIFF within the limit",
            Broken,
            tiff(&[(&page(14_000), 0)], &[0; 1000]),
        ),
        ("TIFF, deflated, within the limit", Broken, tiff_by(8)),
        ("TIFF, LZW, within the limit", Broken, tiff_by(5)),
        ("TIFF, PackBits, within the limit", Broken, tiff_by(32_773)),
        (
            "TIFF directory loop",
            Broken,
            tiff(&[(&page(4), 8)], &[0; 64]),
        ),
        ("TIFF loop of two", Broken, loop_of_two),
        (
            "TIFF strips over one another",
            Broken,
            strips_over_one_another(),
        ),
        (
            "TIFF tiles at one place",
            Broken,
            tiles_at_one_place(7936, 256),
        ),
        (
            "TIFF slide, tiles at one place",
            Broken,
            tiles_at_one_place(14_080, 128),
        ),
        (
            "TIFF, a strip larger than its page",
            Broken,
            large_jpeg_in_small_page(),
        ),
    ]
}

fn other_pictures() -> Vec<Case> {
    use Answer::{Any, Broken, OverLimit};
    vec![
        ("JPEG header", OverLimit, jpeg(SIDE as u16)),
        ("JPEG within the limit", Broken, jpeg(14_000)),
        ("BMP header", OverLimit, bmp(SIDE, 0)),
        ("BMP within the limit", Broken, bmp(14_000, 0)),
        ("BMP of runs within the limit", Broken, bmp(14_000, 1)),
        ("WebP header", OverLimit, webp(SIDE)),
        ("WebP within the limit", Broken, webp(14_000)),
        ("WebP, blank, within the limit", Broken, blank_webp(14_000)),
        ("WebP, blank, small", Any, blank_webp(1000)),
        ("GIF header", OverLimit, gif(SIDE as u16)),
        ("GIF within the limit", Broken, gif(14_000)),
        ("JPEG 2000 header", OverLimit, code_stream(SIDE)),
        ("JPEG 2000 within the limit", Broken, code_stream(14_000)),
        ("DICOM header", OverLimit, dicom()),
        (
            "DICOM JPEG within the limit",
            Broken,
            dicom_by("50", 14_000, "YBR_FULL_422", jpeg(14_000)),
        ),
        (
            "DICOM JPEG 2000 within the limit",
            Broken,
            dicom_by("90", 14_000, "MONOCHROME2", code_stream(14_000)),
        ),
        (
            "DICOM JPEG-LS within the limit",
            Broken,
            dicom_by("80", 14_000, "MONOCHROME2", jpeg_ls(14_000)),
        ),
        ("DICOM nesting", OverLimit, nested()),
        ("DICOM, bytes in items", Broken, bytes_in_items()),
        ("DICOM deflate bomb", OverLimit, deflated_bomb()),
    ]
}

fn volumes() -> Vec<Case> {
    use Answer::{Any, Broken, OverLimit};
    let large = nifti([10_000, 10_000, 90_000, 1]).bytes();
    let uncountable = nifti([13_000, 13_000, 90_000, i64::MAX >> 33]).bytes();
    vec![
        (
            "NIfTI header",
            OverLimit,
            nifti([60_000, 60_000, 1, 1]).bytes(),
        ),
        ("NIfTI, many slices", Broken, large.clone()),
        ("NIfTI, gzipped header", OverLimit, gzipped(&large)),
        (
            "NIfTI, gzipped, within the limit",
            Broken,
            gzipped(&nifti([1000, 1000, 200, 1]).bytes()),
        ),
        ("NIfTI, more than counts", Broken, uncountable),
        ("NIfTI gzip bomb", Any, gzip_bomb()),
    ]
}

#[test]
fn small_files_take_little_memory() {
    let mut wrong = Vec::new();
    for (name, expected, bytes) in [pngs(), tiffs(), other_pictures(), volumes()].concat() {
        let source = Source::from_bytes("hostile", bytes);
        PEAK.store(NOW.load(Relaxed), Relaxed);
        let before = NOW.load(Relaxed);
        let started = Instant::now();
        let inspected = inspect(&source, &Limits::default());
        let decoded = decode(&request(source));
        let peak = PEAK.load(Relaxed) - before;
        let took = started.elapsed();
        let said = match &decoded {
            Ok(_) => "a picture".to_owned(),
            Err(error) => error.to_string(),
        };
        println!("{name}: {} kB, {took:?}: {said}", peak / 1000);
        let is_late = !name.contains("bomb") && took > MOMENT;
        let fits = match expected {
            Answer::Any => true,
            Answer::OverLimit => matches!(decoded, Err(ImagingError::StayWithinLimit { .. })),
            Answer::Broken => decoded
                .as_ref()
                .is_err_and(|error| !matches!(error, ImagingError::SurviveDecoder { .. })),
        };
        if !fits || is_late || peak > MOST {
            wrong.push(format!(
                "{name}: {} kB, {took:?}: {said}; header: {:?}",
                peak / 1000,
                inspected.err()
            ));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
