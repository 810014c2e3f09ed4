//! Rasters made here: pages, compressions, depths, inks and orientations.

use std::io::Cursor;

use casekin_imaging::{
    Cuts, DecodeRequest, Decoded, Format, Header, ImagingError, Inspection, Limits, PlainViews,
    RegionRequest, RenderRequest, Rgb8, Source, ViewKind, decode, encode_jpeg, encode_png, inspect,
    region, render,
};
use tiff::encoder::{Compression, DeflateLevel, TiffEncoder, colortype};
use tiff::tags::Tag;

use crate::written::{reds, request};

type Bytes = Cursor<Vec<u8>>;

fn source(file: Bytes) -> Source {
    Source::from_bytes("made in a test", file.into_inner())
}

fn header_of(source: &Source) -> Header {
    match inspect(source, &Limits::default()).unwrap() {
        Inspection::Picture(header) => *header,
        Inspection::NotAPicture { reason, .. } => panic!("{reason}"),
    }
}

fn frame(source: &Source, frame: u32) -> Result<Rgb8, ImagingError> {
    render(&RenderRequest {
        source: source.clone(),
        frame,
        window: None,
        box_px: None,
        max_px: None,
        limits: Limits::default(),
    })
}

/// A picture in which every pixel has a colour of its own.
fn picture(width_px: u32, height_px: u32) -> Rgb8 {
    let pixels =
        (0..width_px * height_px).flat_map(|at| [at as u8, (at >> 3) as u8, (at * 7) as u8]);
    Rgb8 {
        width_px,
        height_px,
        pixels: pixels.collect(),
    }
}

#[test]
fn pages_are_frames_of_their_own_size() {
    let mut file = Cursor::new(Vec::new());
    let mut writer = TiffEncoder::new(&mut file).unwrap();
    let first = picture(30, 20);
    writer
        .write_image::<colortype::RGB8>(30, 20, &first.pixels)
        .unwrap();
    let mut small = writer.new_image::<colortype::Gray8>(3, 2).unwrap();
    // A smaller copy (NewSubfileType 1) is no frame.
    small
        .encoder()
        .write_tag(Tag::NewSubfileType, 1u32)
        .unwrap();
    small.write_data(&[0; 6]).unwrap();
    writer
        .write_image::<colortype::Gray8>(4, 50, &[9; 200])
        .unwrap();
    let source = source(file);
    let header = header_of(&source);
    assert_eq!((header.format, header.facts.frames), (Format::Tiff, 2));
    assert_eq!((header.facts.width_px, header.facts.height_px), (30, 20));
    let decoded = decode(&request(source.clone())).unwrap();
    let sizes: Vec<_> = decoded
        .views
        .iter()
        .map(|view| (view.kind, view.frame, view.box_px))
        .collect();
    assert_eq!(
        sizes,
        [
            (ViewKind::Frame, 1, [0, 0, 30, 20]),
            (ViewKind::Frame, 2, [0, 0, 4, 50])
        ]
    );
    assert_eq!(decoded.views[0].rgb, first);
    assert_eq!(frame(&source, 2).unwrap().pixels, vec![9; 600]);
    assert_eq!(
        frame(&source, 3).unwrap_err(),
        ImagingError::SelectFrame {
            frame: 3,
            frames: 2
        }
    );
    let asked = RegionRequest {
        source,
        frame: 2,
        box_px: Some([1, 40, 2, 10]),
        cuts: Cuts::default(),
        limits: Limits::default(),
        volume: None,
    };
    let cut = region(&asked).unwrap();
    assert_eq!((cut.frame, cut.rgb.pixels.len()), (2, 60));
    let all = RegionRequest {
        box_px: None,
        ..asked
    };
    assert_eq!(region(&all).unwrap(), decoded.views[1]);
}

#[test]
fn more_pages_than_allowed_are_refused() {
    let mut file = Cursor::new(Vec::new());
    let mut writer = TiffEncoder::new(&mut file).unwrap();
    (0..5).for_each(|_| writer.write_image::<colortype::Gray8>(1, 1, &[9]).unwrap());
    let limits = Limits {
        max_frames: 4,
        ..Limits::default()
    };
    let error = inspect(&source(file), &limits).unwrap_err();
    assert_eq!(error.to_string(), "over the limit of 4 frames: 5");
}

#[test]
fn compressions_and_bigtiff_hold_the_same_pixels() {
    let expected = picture(57, 41);
    let compressions = [
        ("none", Compression::Uncompressed),
        ("LZW", Compression::Lzw),
        ("deflate", Compression::Deflate(DeflateLevel::Best)),
        ("PackBits", Compression::Packbits),
    ];
    for (name, compression) in compressions {
        let (mut classic, mut big) = (Cursor::new(Vec::new()), Cursor::new(Vec::new()));
        let mut writer = TiffEncoder::new(&mut classic)
            .unwrap()
            .with_compression(compression);
        writer
            .write_image::<colortype::RGB8>(57, 41, &expected.pixels)
            .unwrap();
        let mut writer = TiffEncoder::new_big(&mut big)
            .unwrap()
            .with_compression(compression);
        writer
            .write_image::<colortype::RGB8>(57, 41, &expected.pixels)
            .unwrap();
        for file in [classic, big] {
            assert_eq!(frame(&source(file), 1).unwrap(), expected, "{name}");
        }
    }
}

#[test]
fn deep_grey_goes_from_its_lowest_to_its_highest() {
    fn shown(write: impl FnOnce(&mut TiffEncoder<&mut Bytes>)) -> (String, Vec<u8>) {
        let mut file = Cursor::new(Vec::new());
        write(&mut TiffEncoder::new(&mut file).unwrap());
        let decoded = decode(&request(source(file))).unwrap();
        let view = &decoded.views[0];
        (view.made_by.clone(), reds(&view.rgb))
    }
    let expected = ("min-max".to_owned(), vec![0, 128, 255]);
    let words = shown(|t| {
        t.write_image::<colortype::Gray16>(3, 1, &[100, 2100, 4100])
            .unwrap()
    });
    assert_eq!(words, expected);
    let signed = shown(|t| {
        t.write_image::<colortype::GrayI16>(3, 1, &[-2000, 0, 2000])
            .unwrap()
    });
    assert_eq!(signed, expected);
    let floats = shown(|t| {
        t.write_image::<colortype::Gray32Float>(3, 1, &[-0.5, 0.0, 0.5])
            .unwrap()
    });
    assert_eq!(floats, expected);
    let not_numbers = shown(|t| {
        let values = [f32::NAN, 0.0, f32::INFINITY];
        t.write_image::<colortype::Gray32Float>(3, 1, &values)
            .unwrap();
    });
    assert_eq!(not_numbers.1, [0, 0, 0]);
    let deep = image::ImageBuffer::from_raw(3, 1, vec![100u16, 2100, 4100]).unwrap();
    let mut png = Cursor::new(Vec::new());
    let deep = image::DynamicImage::ImageLuma16(deep);
    deep.write_to(&mut png, image::ImageFormat::Png).unwrap();
    let decoded = decode(&request(source(png))).unwrap();
    assert_eq!(reds(&decoded.views[0].rgb), [0, 128, 255]);
}

#[test]
fn inks_and_palettes_become_colours() {
    let mut file = Cursor::new(Vec::new());
    let mut writer = TiffEncoder::new(&mut file).unwrap();
    let inks = [0, 0, 0, 0, 255, 0, 0, 0, 0, 0, 0, 255, 0, 255, 0, 128];
    writer.write_image::<colortype::CMYK8>(4, 1, &inks).unwrap();
    let shown = frame(&source(file), 1).unwrap().pixels;
    assert_eq!(shown, [255, 255, 255, 0, 255, 255, 0, 0, 0, 127, 0, 127]);
    for (big_endian, is_big) in [(false, false), (true, false), (false, true), (true, true)] {
        let file = palette(big_endian, is_big);
        let shown = frame(&Source::from_bytes("palette", file), 1)
            .unwrap()
            .pixels;
        assert_eq!(
            shown,
            [30, 20, 10, 0, 0, 0, 255, 0, 9],
            "{big_endian} {is_big}"
        );
    }
}

/// Three pixels of two bits: colours 2, 0 and 3 of a palette.
fn palette(big_endian: bool, is_big: bool) -> Vec<u8> {
    let number = |value: u64, len: usize| {
        if big_endian {
            value.to_be_bytes()[8 - len..].to_vec()
        } else {
            value.to_le_bytes()[..len].to_vec()
        }
    };
    let (word, count_len, entry_len) = if is_big { (8, 8, 20) } else { (4, 2, 12) };
    let map_at = if is_big { 16 } else { 8 } + count_len + 10 * entry_len + word;
    let data_at = map_at + 24;
    let mut file = if big_endian {
        b"MM".to_vec()
    } else {
        b"II".to_vec()
    };
    file.extend(number(if is_big { 43 } else { 42 }, 2));
    if is_big {
        file.extend([number(8, 2), number(0, 2)].concat());
    }
    file.extend(number(if is_big { 16 } else { 8 }, word));
    let entries = [
        (256, 3, 1, 3),
        (257, 3, 1, 1),
        (258, 3, 1, 2),
        (259, 3, 1, 1),
        (262, 3, 1, 3),
        (273, 4, 1, data_at),
        (277, 3, 1, 1),
        (278, 3, 1, 1),
        (279, 4, 1, 1),
        (320, 3, 12, map_at),
    ];
    file.extend(number(entries.len() as u64, count_len));
    for (tag, kind, count, value) in entries {
        let len = if kind == 3 && count == 1 {
            2
        } else if count == 1 {
            4
        } else {
            word
        };
        let mut value = number(value as u64, len);
        value.resize(word, 0);
        file.extend([number(tag, 2), number(kind, 2), number(count, word), value].concat());
    }
    file.extend(number(0, word));
    for level in [0u64, 1, 30, 255, 0, 2, 20, 0, 0, 3, 10, 9] {
        file.extend(number(level * 257, 2));
    }
    file.push(0b1000_1100);
    file
}

/// Orientation 6 as EXIF writes it in little endian.
const TURNED: [u8; 32] =
    *b"Exif\0\0II\x2A\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0";

#[test]
fn orientation_is_honoured_wherever_it_stands() {
    let stored = picture(40, 24);
    let mut file = Cursor::new(Vec::new());
    let mut writer = TiffEncoder::new(&mut file).unwrap();
    let mut page = writer.new_image::<colortype::RGB8>(40, 24).unwrap();
    page.encoder().write_tag(Tag::Orientation, 6u16).unwrap();
    page.write_data(&stored.pixels).unwrap();
    let tiff = source(file);
    let plain = encode_jpeg(&stored, 100).unwrap();
    let segment = [&[0xFF, 0xE1, 0, 34][..], &TURNED].concat();
    let jpeg = Source::from_bytes("jpeg", [&plain[..2], &segment, &plain[2..]].concat());
    let upright = frame(&Source::from_bytes("upright", plain), 1).unwrap();
    for (source, stored) in [(tiff, stored), (jpeg, upright)] {
        let facts = header_of(&source).facts;
        assert_eq!((facts.width_px, facts.height_px), (24, 40));
        let shown = frame(&source, 1).unwrap();
        let pixel = |rgb: &Rgb8, x: u32, y: u32| rgb.cut([x, y, 1, 1]).unwrap().pixels;
        // The first row of what is stored is the right-hand column of what is shown.
        assert_eq!(pixel(&shown, 23, 0), pixel(&stored, 0, 0));
        assert_eq!(pixel(&shown, 23, 39), pixel(&stored, 39, 0));
        assert_eq!(pixel(&shown, 0, 7), pixel(&stored, 7, 23));
    }
}

fn cut(source: Source, limits: Limits) -> Decoded {
    let cuts = Cuts {
        views: PlainViews::WholeAndCrops,
        ..Cuts::default()
    };
    decode(&DecodeRequest {
        source,
        limits,
        thumbnail_px: 64,
        cuts,
        volume: None,
    })
    .unwrap()
}

#[test]
fn crops_of_large_plain_pictures_follow_the_whole() {
    let large = picture(1000, 500);
    let png = Source::from_bytes("large", encode_png(&large).unwrap());
    let decoded = cut(png.clone(), Limits::default());
    let boxes: Vec<_> = decoded
        .views
        .iter()
        .map(|view| (view.kind, view.frame, view.box_px))
        .collect();
    assert_eq!(
        boxes,
        [
            (ViewKind::Whole, 1, [0, 0, 1000, 500]),
            (ViewKind::Crop, 1, [0, 0, 600, 300]),
            (ViewKind::Crop, 1, [400, 0, 600, 300]),
            (ViewKind::Crop, 1, [0, 200, 600, 300]),
            (ViewKind::Crop, 1, [400, 200, 600, 300]),
        ]
    );
    for view in &decoded.views {
        assert_eq!(view.rgb, large.cut(view.box_px).unwrap());
    }
    assert_eq!(
        (decoded.thumbnail.width_px, decoded.thumbnail.height_px),
        (64, 32),
        "of the whole"
    );
    assert_eq!(
        decode(&request(png.clone())).unwrap().views.len(),
        1,
        "a setting"
    );
    let few = Limits {
        max_views: 4,
        ..Limits::default()
    };
    assert_eq!(cut(png.clone(), few).views.len(), 1);
    let small_budget = Limits {
        max_view_pixels: 1_000_000,
        ..Limits::default()
    };
    assert_eq!(cut(png, small_budget).views.len(), 1);
    let small = Source::from_bytes("small", encode_png(&picture(896, 10)).unwrap());
    assert_eq!(cut(small, Limits::default()).views.len(), 1);
}
