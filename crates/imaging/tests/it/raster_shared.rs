//! The rasters of the shared data against Pillow 13: lossless formats are equal to the bit (grey of more than 8 bits
//! after the rule of `raster/levels.rs`), JPEG is within a fraction of a level on average. Skips where the shared
//! data is absent.

use std::path::{Path, PathBuf};

use casekin_imaging::{
    ImagingError, Inspection, Limits, RenderRequest, Rgb8, Source, inspect, render,
};

use crate::samples::shared;
use sha2::{Digest as _, Sha256};

/// Folder, lossless files in it, start of the SHA-256 over width, height (u32, little endian) and RGB of each, in
/// order of their paths.
const LOSSLESS: [(&str, usize, &str); 3] = [
    ("chest", 79, "ed2acc6615a763df"),
    ("histology", 21, "1c16823643012ba4"),
    ("dermatology", 3, "524628ae7d5c83ba"),
];

/// Mean red, green and blue of every nineteenth JPEG.
const JPEG: [(&str, [f64; 3]); 30] = [
    (
        "chest/ieee8023/12941_2020_358_Fig1_HTML.jpg",
        [159.86, 159.86, 159.86],
    ),
    (
        "chest/kermany/person1068_bacteria_3002.jpeg",
        [142.99, 142.99, 142.99],
    ),
    (
        "chest/kermany/person357_virus_734.jpeg",
        [123.28, 123.28, 123.28],
    ),
    (
        "chest/kermany/person73_bacteria_355.jpeg",
        [133.52, 133.52, 133.52],
    ),
    ("chest/vqa_rad/synpic18896.jpg", [150.55, 150.55, 150.55]),
    ("chest/vqa_rad/synpic27402.jpg", [146.27, 146.27, 146.27]),
    ("chest/vqa_rad/synpic38531.jpg", [113.88, 113.88, 113.88]),
    (
        "dermatology/isic_uda1/ISIC_0000013.jpg",
        [188.52, 179.55, 179.58],
    ),
    (
        "dermatology/isic_uda1/ISIC_0000143.jpg",
        [186.67, 164.07, 143.96],
    ),
    (
        "dermatology/isic_uda1/ISIC_0000220.jpg",
        [236.92, 218.62, 230.47],
    ),
    (
        "dermatology/isic_uda1/ISIC_0000300.jpg",
        [193.68, 132.76, 105.44],
    ),
    (
        "dermatology/isic_uda1/ISIC_0000392.jpg",
        [137.65, 132.19, 133.29],
    ),
    (
        "dermatology/isic_uda1/ISIC_0000522.jpg",
        [193.46, 164.61, 148.13],
    ),
    ("fundus/idrid/train_IDRiD_109.jpg", [136.92, 54.05, 1.31]),
    ("fundus/idrid/train_IDRiD_265.jpg", [141.58, 67.27, 17.38]),
    ("fundus/idrid/train_IDRiD_356.jpg", [123.31, 52.63, 5.49]),
    (
        "histology/bccd_fields/BloodImage_00067.jpg",
        [187.49, 176.87, 177.71],
    ),
    (
        "histology/pbc_cells/BA/BA_537842.jpg",
        [212.99, 180.95, 175.89],
    ),
    (
        "histology/pbc_cells/MO/MO_994944.jpg",
        [216.22, 182.29, 180.27],
    ),
    (
        "histology/tcga_tiles/TCGA-AD-6964-01Z-00-DX1_Tile_23040_25088_.jpg",
        [205.24, 155.74, 185.09],
    ),
    (
        "histology/wbc_crops/Eosinophil/BloodImage_00269_1.jpg",
        [175.95, 155.23, 183.17],
    ),
    (
        "histology/wbc_crops/Lymphocyte/BloodImage_00233_1.jpg",
        [169.34, 159.00, 194.03],
    ),
    (
        "histology/wbc_crops/Neutrophil/BloodImage_00019_1.jpg",
        [178.85, 170.51, 197.92],
    ),
    (
        "histology/wbc_crops/Neutrophil/BloodImage_00392_1.jpg",
        [184.49, 165.51, 197.23],
    ),
    ("radiology/vqa_rad/synpic24319.jpg", [49.46, 49.46, 49.46]),
    ("radiology/vqa_rad/synpic32108.jpg", [70.35, 70.35, 70.35]),
    ("radiology/vqa_rad/synpic40464.jpg", [30.52, 30.52, 30.52]),
    ("radiology/vqa_rad/synpic48714.jpg", [70.77, 70.77, 70.77]),
    ("radiology/vqa_rad/synpic53867.jpg", [39.36, 39.36, 39.36]),
    ("radiology/vqa_rad/synpic57935.jpg", [65.24, 65.24, 65.24]),
];

/// Size, and where it is lossless the start of the SHA-256 of the RGB of frame 1; none where it must be refused.
type Odd = (&'static str, Option<((u32, u32), &'static str)>);

const ODD: [Odd; 28] = [
    ("trunc50.png", None),
    ("trunc50.jpg", None),
    ("trunc95.png", None),
    ("trunc95.jpg", None),
    ("flip0.png", None),
    ("flip0.jpg", Some(((420, 520), ""))),
    ("empty.png", None),
    ("text_named.jpg", None),
    ("png_named.jpg", Some(((400, 360), "e811521bf6139893"))),
    ("gray16.png", Some(((400, 360), "d3fb7358200c4fbe"))),
    ("gray16.tif", Some(((400, 360), "d3fb7358200c4fbe"))),
    ("float32.tif", Some(((400, 360), "d3fb7358200c4fbe"))),
    ("cmyk.jpg", Some(((420, 520), ""))),
    ("progressive.jpg", Some(((420, 520), ""))),
    ("rgba.png", Some(((420, 520), "c99b8280ea936762"))),
    (
        "palette_transparent.png",
        Some(((420, 520), "c99b8280ea936762")),
    ),
    ("bilevel.png", Some(((400, 360), "3394f5549418c585"))),
    ("exif_rotated.jpg", Some(((520, 420), ""))),
    ("multipage.tif", Some(((200, 200), "cbc79a408e9e4a33"))),
    ("animated.gif", Some(((120, 120), "ec03a67e7c5fde34"))),
    ("lossless.webp", Some(((256, 256), "ca3e6335217d87d7"))),
    ("bmp.bmp", Some(((300, 300), "aa5825730d9bf31c"))),
    ("one_pixel.png", Some(((1, 1), "6a7dc6f4267242f0"))),
    ("wide_1px.png", Some(((4000, 1), "76b33a0612060fa6"))),
    ("constant_black.png", Some(((512, 512), "599c1bb5ffd4b872"))),
    ("bomb_30000x30000.png", None),
    ("trailing_garbage.jpg", Some(((420, 520), ""))),
    ("unicode_名前 é.png", Some(((128, 128), "fbf25b0ee2e18094"))),
];

fn first_frame(path: &Path) -> Result<Rgb8, ImagingError> {
    render(&RenderRequest {
        source: Source::Path(path.to_owned()),
        frame: 1,
        window: None,
        box_px: None,
        max_px: None,
        limits: Limits::default(),
    })
}

fn files(folder: &Path, endings: &[&str], found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let ending = path
            .extension()
            .and_then(|ending| ending.to_str())
            .unwrap_or_default();
        if path.is_dir() {
            files(&path, endings, found);
        } else if endings.contains(&ending.to_ascii_lowercase().as_str()) {
            found.push(path);
        }
    }
}

fn start_of(digest: Sha256) -> String {
    hex::encode(&digest.finalize()[..8])
}

#[test]
fn lossless_rasters_equal_the_reference() {
    let Some(data) = shared("data") else { return };
    for (folder, count, expected) in LOSSLESS {
        let mut found = Vec::new();
        files(
            &data.join(folder),
            &["png", "tif", "tiff", "bmp", "webp", "gif"],
            &mut found,
        );
        found.sort_by_key(|path| path.as_os_str().as_encoded_bytes().to_vec());
        assert_eq!(found.len(), count, "{folder}");
        let mut digest = Sha256::new();
        for path in found {
            let rgb = first_frame(&path).unwrap();
            digest.update(rgb.width_px.to_le_bytes());
            digest.update(rgb.height_px.to_le_bytes());
            digest.update(&rgb.pixels);
        }
        assert_eq!(start_of(digest), expected, "{folder}");
    }
}

#[test]
fn jpegs_have_the_levels_of_the_reference() {
    let Some(data) = shared("data") else { return };
    for (file, expected) in JPEG {
        let rgb = first_frame(&data.join(file)).unwrap();
        let mut sums = [0u64; 3];
        for pixel in rgb.pixels.chunks_exact(3) {
            sums.iter_mut()
                .zip(pixel)
                .for_each(|(sum, level)| *sum += u64::from(*level));
        }
        let pixels = f64::from(rgb.width_px) * f64::from(rgb.height_px);
        for (sum, expected) in sums.into_iter().zip(expected) {
            let mean = sum as f64 / pixels;
            assert!(
                (mean - expected).abs() < 0.2,
                "{file}: {mean}, reference {expected}"
            );
        }
    }
}

#[derive(serde::Deserialize)]
struct Row {
    file: String,
    expect: String,
}

#[test]
fn every_odd_raster_does_what_is_expected_of_it() {
    let Some(folder) = shared("data/images-broken-or-odd") else {
        return;
    };
    let mut reader = csv::Reader::from_path(folder.join("INDEX.csv")).unwrap();
    let rows: Vec<Row> = reader.deserialize().map(|row| row.unwrap()).collect();
    assert_eq!(rows.len(), ODD.len());
    for Row { file, expect } in rows {
        let (_, expected) = ODD.iter().find(|(name, _)| *name == file).unwrap();
        let outcome = first_frame(&folder.join(&file));
        println!("{file}: {:?}", outcome.as_ref().map(|_| "opens"));
        let allowed = match expect.as_str() {
            "reject" => outcome.is_err(),
            "reject by pixel limit" => matches!(outcome, Err(ImagingError::StayWithinLimit { .. })),
            accept if accept.starts_with("accept") => outcome.is_ok(),
            // "reject or partial" and "decode damaged or reject": held by the table.
            _ => true,
        };
        assert!(allowed, "{file}: expected to {expect}");
        match (outcome, expected) {
            (Ok(rgb), Some((size_px, digest))) => {
                assert_eq!((rgb.width_px, rgb.height_px), *size_px, "{file}");
                let found = start_of(Sha256::new().chain_update(&rgb.pixels));
                assert!(digest.is_empty() || found == *digest, "{file}: {found}");
            }
            (Err(_), None) => {}
            (outcome, _) => panic!("{file}: {outcome:?}"),
        }
    }
    let pages = inspect(
        &Source::Path(folder.join("multipage.tif")),
        &Limits::default(),
    )
    .unwrap();
    assert!(matches!(pages, Inspection::Picture(header) if header.facts.frames == 3));
}

#[test]
fn progressive_cmyk_and_turned_copies_show_the_picture_they_were_made_of() {
    let Some(folder) = shared("data/images-broken-or-odd") else {
        return;
    };
    let plain = first_frame(&folder.join("trailing_garbage.jpg")).unwrap();
    let distance = |other: &Rgb8| {
        let pairs = plain.pixels.iter().zip(&other.pixels);
        pairs.map(|(a, b)| u64::from(a.abs_diff(*b))).sum::<u64>() as f64
            / plain.pixels.len() as f64
    };
    let progressive = first_frame(&folder.join("progressive.jpg")).unwrap();
    let off = distance(&progressive);
    assert!(off < 2.0, "of the same picture as the baseline file: {off}");
    let cmyk = first_frame(&folder.join("cmyk.jpg")).unwrap();
    assert!(distance(&cmyk) < 2.0, "{}", distance(&cmyk));
    let turned = first_frame(&folder.join("exif_rotated.jpg")).unwrap();
    assert_eq!(
        (turned.width_px, turned.height_px),
        (plain.height_px, plain.width_px)
    );
    // Orientation 6: the right-hand column of the stored picture is the bottom row of the turned one.
    let mut back = plain.clone();
    for y in 0..plain.height_px as usize {
        for x in 0..plain.width_px as usize {
            let to = (y * plain.width_px as usize + x) * 3;
            let from = (x * turned.width_px as usize + turned.width_px as usize - 1 - y) * 3;
            back.pixels[to..to + 3].copy_from_slice(&turned.pixels[from..from + 3]);
        }
    }
    assert!(distance(&back) < 3.0, "{}", distance(&back));
}
