//! JPEG tiles in TIFFs whose page says other colours than they hold: read in their true colours, as slides and as
//! pictures, or refused.

use casekin_imaging::{
    Format, ImagingError, Inspection, Limits, RenderRequest, Rgb8, Slide, Source, decode,
    encode_jpeg, inspect, render,
};
use mozjpeg::{ColorSpace, Compress};

use crate::samples;
use crate::slides;
use crate::slides::request;

const TILE_PX: u32 = 64;
const RGB: u32 = 2;
const YCBCR: u32 = 6;

/// Tissue on glass: pale, with a slope in each direction.
fn colour_at(x: u32, y: u32) -> [u8; 3] {
    let depth = (x * 2 + y) % 150;
    [243 - depth / 2, 243 - depth, 243 - depth / 3].map(|value| value as u8)
}

fn picture(left: u32, top: u32, step: u32) -> Rgb8 {
    let places = (0..TILE_PX * TILE_PX).map(|at| (at % TILE_PX, at / TILE_PX));
    let pixels = places.flat_map(|(x, y)| colour_at((left + x) * step, (top + y) * step));
    Rgb8 {
        width_px: TILE_PX,
        height_px: TILE_PX,
        pixels: pixels.collect(),
    }
}

/// A JPEG with a JFIF marker, which says YCbCr; with `mistaken`, its values are RGB all the same.
fn jpeg(rgb: &Rgb8, mistaken: bool) -> Vec<u8> {
    if !mistaken {
        return encode_jpeg(rgb, 95).unwrap();
    }
    let mut compress = Compress::new(ColorSpace::JCS_YCbCr);
    compress.set_size(rgb.width_px as usize, rgb.height_px as usize);
    compress.set_quality(95.0);
    let mut started = compress.start_compress(Vec::new()).unwrap();
    started.write_scanlines(&rgb.pixels).unwrap();
    started.finish().unwrap()
}

/// A TIFF of JPEG tiles: level by level, each half as large, until one tile holds it.
struct Written {
    photometric: u32,
    mistaken: bool,
    /// Tiles across and down of the first level.
    tiles: u32,
    description: &'static [u8],
}

impl Written {
    fn file(&self) -> Vec<u8> {
        let mut file = b"II\x2A\0\0\0\0\0".to_vec();
        let mut link = 4;
        let text_at = file.len() as u32;
        file.extend(self.description);
        file.resize(file.len().next_multiple_of(2), 0);
        let (mut across, mut step) = (self.tiles, 1);
        while across > 0 {
            let (mut places, mut lengths) = (Vec::new(), Vec::new());
            for index in 0..across * across {
                let (column, row) = (index % across, index / across);
                let rgb = picture(column * TILE_PX, row * TILE_PX, step);
                let tile = jpeg(&rgb, self.mistaken);
                places.extend((file.len() as u32).to_le_bytes());
                lengths.extend((tile.len() as u32).to_le_bytes());
                file.extend(tile);
            }
            let count = across * across;
            let mut list = |values: &[u8]| {
                if count == 1 {
                    return u32::from_le_bytes(values.try_into().unwrap());
                }
                file.extend(values);
                (file.len() - values.len()) as u32
            };
            let (places, lengths) = (list(&places), list(&lengths));
            let side = across * TILE_PX - 5;
            let entries = [
                (256, 4, 1, side),
                (257, 4, 1, side),
                (258, 3, 1, 8),
                (259, 3, 1, 7),
                (262, 3, 1, self.photometric),
                (270, 2, self.description.len() as u32, text_at),
                (277, 3, 1, 3),
                (284, 3, 1, 1),
                (322, 4, 1, TILE_PX),
                (323, 4, 1, TILE_PX),
                (324, 4, count, places),
                (325, 4, count, lengths),
            ];
            let at = file.len() as u32;
            file[link..link + 4].copy_from_slice(&at.to_le_bytes());
            file.extend((entries.len() as u16).to_le_bytes());
            for (tag, kind, count, value) in entries {
                file.extend((tag as u16).to_le_bytes());
                file.extend((kind as u16).to_le_bytes());
                file.extend(u32::to_le_bytes(count));
                file.extend(u32::to_le_bytes(value));
            }
            link = file.len();
            file.extend([0; 4]);
            (across, step) = (across / 2, step * 2);
        }
        file
    }

    fn source(&self) -> Source {
        Source::from_bytes("s", self.file())
    }
}

const MISTAKEN: Written = Written {
    photometric: YCBCR,
    mistaken: true,
    tiles: 4,
    description: b"made in a test",
};
const WRONG_PAGE: Written = Written {
    photometric: RGB,
    mistaken: false,
    ..MISTAKEN
};

/// Greatest difference of a picture from the true colours, with `step` pixels of level 0 for each of its own.
fn furthest(rgb: &Rgb8, (left, top): (u32, u32), step: u32) -> u8 {
    let pixels = rgb.pixels.chunks_exact(3).enumerate();
    let far = pixels.flat_map(|(index, pixel)| {
        let (x, y) = (index as u32 % rgb.width_px, index as u32 / rgb.width_px);
        let truth = colour_at((left + x) * step, (top + y) * step);
        [0, 1, 2].map(|channel| pixel[channel].abs_diff(truth[channel]))
    });
    far.max().unwrap()
}

#[test]
fn slides_are_read_in_their_true_colours() {
    for written in [MISTAKEN, WRONG_PAGE] {
        let label = written.photometric;
        let slide = Slide::open(&written.source(), &Limits::default())
            .unwrap()
            .unwrap();
        assert_eq!((slide.width_px(), slide.height_px()), (251, 251));
        let whole = slide.picture(None, None).unwrap();
        // The slope falls back to glass at a few lines, where JPEG is far from exact.
        let near = |rgb: &Rgb8, at, step| {
            let mean = rgb
                .pixels
                .iter()
                .map(|value| f64::from(*value))
                .sum::<f64>();
            let truth: u32 = (0..rgb.width_px * rgb.height_px)
                .flat_map(|index| {
                    let (x, y) = (index % rgb.width_px, index / rgb.width_px);
                    let (left, top): (u32, u32) = at;
                    colour_at((left + x) * step, (top + y) * step)
                })
                .map(u32::from)
                .sum();
            let count = rgb.pixels.len() as f64;
            ((mean - f64::from(truth)) / count).abs() < 1.0
        };
        assert!(near(&whole, (0, 0), 1), "labelled {label}");
        let calm = slide.picture(Some([2, 2, 40, 40]), None).unwrap();
        assert!(
            furthest(&calm, (2, 2), 1) <= 6,
            "labelled {label}: {}",
            furthest(&calm, (2, 2), 1)
        );
        let across_tiles = slide.picture(Some([50, 100, 100, 90]), None).unwrap();
        assert_eq!(across_tiles, whole.cut([50, 100, 100, 90]).unwrap());
        let coarse = slide.picture(Some([0, 0, 80, 80]), Some(20)).unwrap();
        assert!(near(&coarse, (0, 0), 4), "labelled {label}");
        let views = decode(&request(written.source())).unwrap().views;
        let made_by = &views[0].made_by;
        assert!(made_by.contains("colours not as labelled"), "{made_by}");
    }
}

#[test]
fn a_vendors_slide_with_such_labels_is_refused() {
    let vendor = Written {
        description: b"Aperio Image Library v1",
        ..MISTAKEN
    };
    let opened = Slide::open(&vendor.source(), &Limits::default()).map(|_| ());
    let Err(ImagingError::ReadSlide { reason }) = opened else {
        panic!("{opened:?}")
    };
    assert!(reason.contains("other colours"), "{reason}");
}

#[test]
fn pictures_are_read_in_their_true_colours() {
    let honest = Written {
        mistaken: false,
        ..MISTAKEN
    };
    let cases = [
        (MISTAKEN, "colours not as labelled"),
        (WRONG_PAGE, "colours not as labelled"),
        (honest, "colour"),
    ];
    for (written, expected) in cases {
        let one_page = Written {
            tiles: 1,
            ..written
        };
        let decoded = decode(&request(one_page.source())).unwrap();
        assert_eq!(decoded.header.format, Format::Tiff);
        let view = &decoded.views[0];
        assert_eq!(view.made_by, expected);
        let calm = view.rgb.cut([2, 2, 40, 40]).unwrap();
        let far = furthest(&calm, (2, 2), 1);
        assert!(far <= 6, "{expected}: {far}");
    }
}

#[test]
fn an_honest_slide_is_left_to_openslide() {
    if slides::folder().is_none() {
        return;
    }
    let honest = Written {
        mistaken: false,
        ..MISTAKEN
    };
    let slide = Slide::open(&honest.source(), &Limits::default());
    let calm = slide.unwrap().unwrap().picture(Some([2, 2, 40, 40]), None);
    assert!(furthest(&calm.unwrap(), (2, 2), 1) <= 6);
    let views = decode(&request(honest.source())).unwrap().views;
    assert!(!views[0].made_by.contains("not as labelled"));
}

#[test]
fn damaged_tiles_give_an_error_and_never_a_picture() {
    let sound = MISTAKEN.file();
    let first = sound
        .windows(2)
        .position(|pair| pair == [0xFF, 0xD8])
        .unwrap();
    let mut no_start = sound.clone();
    no_start[first] = 0;
    let mut noisy = sound.clone();
    noisy[first + 700..first + 900].fill(0xFF);
    for bytes in [no_start, noisy] {
        let slide = Slide::open(&Source::from_bytes("s", bytes), &Limits::default());
        let read = slide.unwrap().unwrap().picture(Some([0, 0, 60, 60]), None);
        assert!(
            matches!(read, Err(ImagingError::ReadSlide { .. })),
            "{read:?}"
        );
    }
    for len in (20..sound.len()).step_by(sound.len() / 40) {
        let cut = Source::from_bytes("s", sound[..len].to_vec());
        // With its first level whole it is a picture, or a slide of fewer levels.
        let rgb = match Slide::open(&cut, &Limits::default()) {
            Ok(Some(slide)) => slide.picture(None, None),
            _ => decode(&request(cut)).map(|mut decoded| decoded.views.remove(0).rgb),
        };
        if let Ok(rgb) = rgb {
            let far = furthest(&rgb.cut([2, 2, 40, 40]).unwrap(), (2, 2), 1);
            assert!(far <= 6, "{len} bytes: {far}");
        }
    }
}

/// Mean red, green and blue of a box, or of the whole.
fn mean(source: Source, box_px: Option<[u32; 4]>) -> [f64; 3] {
    let rgb = render(&RenderRequest {
        source,
        frame: 1,
        window: None,
        box_px,
        max_px: Some(1024),
        limits: Limits::default(),
    })
    .unwrap();
    let pixels = rgb.pixels.len() as f64 / 3.0;
    [0, 1, 2].map(|channel| {
        let values = rgb.pixels.iter().skip(channel).step_by(3);
        values.map(|value| f64::from(*value)).sum::<f64>() / pixels
    })
}

#[test]
fn a_real_picture_whose_page_says_rgb_is_read_by_its_markers() {
    let Some(folder) = samples::shared("data/wsi") else {
        return;
    };
    // Its tiles, decoded one by one by libjpeg-turbo.
    let expected = [144.37, 123.64, 179.70];
    let found = mean(Source::Path(folder.join("OS-1-detail.ome.tif")), None);
    let near = found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 0.5);
    assert!(near, "{found:?}");
}

#[test]
fn a_real_slide_of_rgb_that_says_ycbcr_has_the_colours_of_the_slide_that_it_was_made_of() {
    let Some(folder) = samples::shared("data/wsi") else {
        return;
    };
    let derived = || Source::Path(folder.join("derived_cmu1_pyramid_jpeg.tif"));
    let Inspection::Picture(header) = inspect(&derived(), &Limits::default()).unwrap() else {
        panic!("a slide is a picture")
    };
    assert_eq!(header.facts.spacing_mm, Some([0.0005, 0.0005]));
    let Some(folder) = slides::folder() else {
        return;
    };
    let original = || Source::Path(folder.join("CMU-1-Small-Region.svs"));
    let boxes = [
        None,
        Some([1000, 1200, 300, 200]),
        Some([0, 0, 2220, 1483]),
        Some([2000, 2700, 220, 267]),
    ];
    for box_px in boxes {
        let (found, expected) = (mean(derived(), box_px), mean(original(), box_px));
        let near = found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1.0);
        assert!(near, "{box_px:?}: {found:?}, not {expected:?}");
    }
}
