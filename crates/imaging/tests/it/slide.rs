//! Real slides in scanners' formats: sizes and scales as OpenSlide states them, regions equal to openslide-python's
//! read_region (openslide-python 1.4.7 with OpenSlide 4.0.1), tiles, hostile files.

use casekin_imaging::{
    Cuts, DeepZoom, DeepZoomTile, Format, ImagingError, Inspection, Limits, RegionRequest,
    RenderRequest, Rgb8, Slide, Source, ViewKind, decode, inspect, region, render,
};
use sha2::{Digest as _, Sha256};

use crate::slides::{folder, open, request};

const CMU: &str = "CMU-1-Small-Region.svs";
const NDPI: &str = "test3-TRITC_2_560_.ndpi";

fn digest(rgb: &Rgb8) -> String {
    hex::encode(&Sha256::digest(&rgb.pixels)[..8])
}

#[test]
fn sizes_scales_and_makers_are_the_files_own() {
    let Some(folder) = folder() else { return };
    // Width, height, micrometres per pixel, objective, maker.
    let known = [
        (CMU, 2220, 2967, 0.499, Some(20.0), Some("Aperio")),
        (NDPI, 3968, 4864, 0.228_175, Some(40.0), Some("Hamamatsu")),
        (
            "openslide_small.svs",
            16,
            16,
            0.499,
            Some(20.0),
            Some("Aperio"),
        ),
        ("openslide_boxes.tiff", 300, 250, 352.777_8, None, None),
        ("derived_cmu1_pyramid_jpeg.tif", 2220, 2967, 0.5, None, None),
        (
            "derived_cmu1_crop_deflate_bigtiff.tif",
            1024,
            1024,
            0.5,
            None,
            None,
        ),
    ];
    for (file, width_px, height_px, um_per_px, objective, maker) in known {
        let source = Source::Path(folder.join(file));
        let Inspection::Picture(header) = inspect(&source, &Limits::default()).unwrap() else {
            panic!("{file} is a picture")
        };
        let facts = &header.facts;
        assert_eq!(header.format, Format::Slide, "{file}");
        assert_eq!(
            (facts.width_px, facts.height_px, facts.frames),
            (width_px, height_px, 1)
        );
        assert_eq!(facts.modality.as_deref(), Some("SM"), "{file}");
        assert_eq!(facts.objective_power, objective, "{file}");
        assert_eq!(facts.manufacturer.as_deref(), maker, "{file}");
        let [x, y] = facts.spacing_mm.unwrap();
        assert!(
            (x * 1000.0 - um_per_px).abs() < um_per_px * 1e-5 && x == y,
            "{file}: {x}"
        );
    }
}

#[test]
fn a_tiff_of_one_page_is_no_slide() {
    let Some(folder) = folder() else { return };
    let source = Source::Path(folder.join("OS-1-detail.ome.tif"));
    assert!(Slide::open(&source, &Limits::default()).unwrap().is_none());
}

#[test]
fn regions_equal_openslide_pythons() {
    let Some(folder) = folder() else { return };
    // Its profile moves no colour of `openslide_boxes.tiff`: read_region applies none.
    // Box in pixels of level 0, longest side of the answer, start of the SHA-256 of RGB on white.
    let known = [
        (CMU, [1000, 1200, 300, 200], 300, "215ae684aa0bab81"),
        (NDPI, [1900, 2000, 256, 256], 256, "61a7d47913cbfcf3"),
        (NDPI, [1000, 1000, 1200, 1200], 300, "5d43094112bc5ffe"),
        (
            "derived_cmu1_crop_deflate_bigtiff.tif",
            [100, 100, 400, 400],
            200,
            "335fa711e6eb2cb7",
        ),
        (
            "openslide_boxes.tiff",
            [0, 0, 300, 250],
            300,
            "992e67f877e0c98d",
        ),
        (
            "openslide_small.svs",
            [0, 0, 16, 16],
            16,
            "53eb8c75a1f7d4cc",
        ),
    ];
    for (file, box_px, max_px, expected) in known {
        let rgb = open(folder.join(file))
            .picture(Some(box_px), Some(max_px))
            .unwrap();
        assert_eq!(rgb.width_px.max(rgb.height_px), max_px);
        assert_eq!(digest(&rgb), expected, "{file} {box_px:?}");
    }
}

#[test]
fn a_slide_in_memory_reads_as_the_file_does() {
    let Some(folder) = folder() else { return };
    for file in [CMU, "openslide_boxes.tiff", NDPI] {
        let bytes = std::fs::read(folder.join(file)).unwrap();
        let len = bytes.len() as u64;
        let in_memory = Slide::open(&Source::from_bytes("s", bytes), &Limits::default())
            .unwrap()
            .unwrap();
        let on_disk = open(folder.join(file));
        assert_eq!(in_memory.header(), on_disk.header());
        assert_eq!(
            in_memory.picture(None, Some(100)).unwrap(),
            on_disk.picture(None, Some(100)).unwrap()
        );
        assert_eq!((in_memory.held_bytes(), on_disk.held_bytes()), (len, 0));
    }
}

#[test]
fn deep_zoom_tiles_are_the_slides_pixels() {
    let Some(folder) = folder() else { return };
    for file in [CMU, NDPI, "derived_cmu1_pyramid_jpeg.tif"] {
        let slide = open(folder.join(file));
        let grid = DeepZoom::new(slide.width_px(), slide.height_px());
        let full = DeepZoomTile {
            level: grid.max_level(),
            column: 2,
            row: 3,
        };
        let tile = slide.deep_zoom_tile(full).unwrap();
        assert_eq!(
            tile,
            slide.picture(Some([511, 767, 258, 258]), None).unwrap(),
            "{file}"
        );
        for level in 0..=grid.max_level() {
            let size = grid.level(level).unwrap();
            for (column, row) in [(0, 0), (size.columns - 1, size.rows - 1)] {
                let address = DeepZoomTile { level, column, row };
                let [_, _, width_px, height_px] = grid.tile_box_px(address).unwrap();
                let tile = slide.deep_zoom_tile(address).unwrap();
                assert_eq!(
                    (tile.width_px, tile.height_px),
                    (width_px, height_px),
                    "{file}"
                );
            }
            let beyond = DeepZoomTile {
                level,
                column: size.columns,
                row: 0,
            };
            assert!(slide.deep_zoom_tile(beyond).is_err());
        }
    }
}

#[test]
fn a_slide_over_the_pixel_limit_is_still_shown() {
    let Some(folder) = folder() else { return };
    let limits = Limits {
        max_pixels: 1_000_000,
        max_bytes: 1_000_000,
        ..Limits::default()
    };
    let mut asked = RenderRequest {
        source: Source::Path(folder.join(NDPI)),
        frame: 1,
        window: None,
        box_px: None,
        max_px: Some(512),
        limits: limits.clone(),
    };
    let rgb = render(&asked).unwrap();
    assert_eq!((rgb.width_px, rgb.height_px), (418, 512));
    asked.box_px = Some([3900, 4800, 68, 64]);
    assert_eq!(render(&asked).unwrap().width_px, 68);
    asked.box_px = Some([3900, 4800, 69, 64]);
    assert!(matches!(render(&asked), Err(ImagingError::CutBox { .. })));
    asked.box_px = None;
    asked.frame = 2;
    assert!(matches!(
        render(&asked),
        Err(ImagingError::SelectFrame { .. })
    ));
}

#[test]
fn a_slide_of_one_large_level_is_read_once_in_blocks_up_to_a_bound() {
    let Some(folder) = folder() else { return };
    let decoded = |max_pixels| {
        decode(&casekin_imaging::DecodeRequest {
            limits: Limits {
                max_pixels,
                ..Limits::default()
            },
            ..request(Source::Path(folder.join(CMU)))
        })
    };
    let (all, few) = (decoded(200_000_000).unwrap(), decoded(1_000_000).unwrap());
    assert_eq!(all.views, few.views);
    assert_eq!(all.thumbnail, few.thumbnail);
    // Fifty times the bound is less than its 6.6 megapixels.
    let error = decoded(100_000);
    assert!(
        matches!(&error, Err(ImagingError::StayWithinLimit { what, .. }) if what.contains("pyramid")),
        "{error:?}"
    );
}

#[test]
fn a_drawn_box_is_read_at_the_scale_of_tiles() {
    let Some(folder) = folder() else { return };
    let ask_at = |box_px, tile_um_per_px| {
        region(&RegionRequest {
            source: Source::Path(folder.join(CMU)),
            frame: 1,
            box_px: Some(box_px),
            cuts: Cuts {
                tile_um_per_px,
                ..Cuts::default()
            },
            limits: Limits::default(),
            volume: None,
        })
    };
    let ask = |box_px| ask_at(box_px, 1.0);
    let view = ask([200, 300, 1200, 1200]).unwrap();
    assert_eq!(
        (view.kind, view.box_px),
        (ViewKind::Region, [200, 300, 1200, 1200])
    );
    assert_eq!(view.rgb.width_px, 599);
    let [mm, _] = view.mm_per_px.unwrap();
    assert!((mm - 0.001).abs() < 2e-6, "{mm}");
    let finer = ask_at([200, 300, 1000, 1000], 0.5).unwrap();
    assert_eq!(finer.rgb.width_px, 998, "0.499 um per pixel at 0.5");
    let coarser = ask_at([200, 300, 2000, 2000], 2.0).unwrap();
    assert_eq!(coarser.rgb.width_px, 499);
    let small = ask([200, 300, 200, 100]).unwrap();
    assert_eq!(
        (small.rgb.width_px, small.rgb.height_px),
        (200, 100),
        "never enlarged"
    );
    assert!(ask([2200, 0, 21, 10]).is_err());
}

#[test]
fn broken_slides_give_an_error_and_never_their_path() {
    let Some(folder) = folder() else { return };
    let dir = std::env::temp_dir().join(format!("casekin-slides-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    for file in [
        CMU,
        NDPI,
        "derived_cmu1_pyramid_jpeg.tif",
        "openslide_small.svs",
    ] {
        let bytes = std::fs::read(folder.join(file)).unwrap();
        let whole = decode(&request(Source::Path(folder.join(file))))
            .unwrap()
            .views;
        for share in [1, 2, 5, 9] {
            let path = dir.join("Planted_Quintessa.svs");
            std::fs::write(&path, &bytes[..bytes.len() * share / 10]).unwrap();
            match decode(&request(Source::Path(path))).map(|decoded| decoded.views) {
                // What is cut off may be the label alone: then nothing is missing.
                Ok(decoded) => assert_eq!(decoded, whole, "{file}: {share}0 % of it decoded"),
                Err(error) => assert!(!error.to_string().contains("Quintessa"), "{error}"),
            }
        }
        let mut noisy = bytes.clone();
        for (index, byte) in noisy.iter_mut().enumerate().skip(200).step_by(97) {
            *byte ^= index as u8;
        }
        // A guess is as good as an error here; that it comes back at all is the point.
        let _ = decode(&request(Source::from_bytes("s", noisy)));
    }
    std::fs::remove_dir_all(dir).unwrap();
}
