//! What a slide is cut into: tissue tiles at one scale, a mosaic of them, always the same.

use casekin_imaging::{Cuts, DecodeRequest, Decoded, Limits, Mosaic, Source, ViewKind, decode};

use crate::slides::{folder, request};

const CMU: &str = "CMU-1-Small-Region.svs";

fn cut(file: &str, cuts: Cuts) -> Option<Decoded> {
    let source = Source::Path(folder()?.join(file));
    Some(
        decode(&DecodeRequest {
            cuts,
            ..request(source)
        })
        .unwrap(),
    )
}

#[test]
fn a_mosaic_is_tiles_of_448_px_at_the_asked_scale() {
    for (um_per_px, side) in [(0.5f32, 449), (1.0, 898), (2.0, 1796)] {
        let cuts = Cuts {
            tile_um_per_px: um_per_px,
            ..Cuts::default()
        };
        let Some(decoded) = cut(CMU, cuts) else {
            return;
        };
        assert!(decoded.views.len() <= 16, "{}", decoded.views.len());
        for view in &decoded.views {
            assert_eq!((view.kind, view.frame), (ViewKind::Tile, 1));
            assert_eq!((view.rgb.width_px, view.rgb.height_px), (448, 448));
            assert_eq!(view.box_px[2..], [side, side]);
            let expected = format!("mosaic, {um_per_px:.2} um/px, level 0");
            assert_eq!(view.made_by, expected);
            let [mm, _] = view.mm_per_px.unwrap();
            assert!((mm * 1000.0 - um_per_px).abs() < 0.003, "{mm}");
        }
        assert!(decoded.thumbnail.height_px == 256);
    }
}

#[test]
fn the_same_slide_gives_the_same_mosaic() {
    let cuts = Cuts {
        tile_um_per_px: 0.5,
        ..Cuts::default()
    };
    let Some(first) = cut(CMU, cuts.clone()) else {
        return;
    };
    let second = cut(CMU, cuts.clone()).unwrap();
    assert_eq!(first.views, second.views);
    let all = cut(
        CMU,
        Cuts {
            mosaic: Mosaic::All,
            ..cuts
        },
    )
    .unwrap();
    assert!(all.views.len() >= first.views.len());
    let boxes: Vec<_> = all.views.iter().map(|view| view.box_px).collect();
    assert!(first.views.iter().all(|view| boxes.contains(&view.box_px)));
    assert!(all.views[0].made_by.starts_with("all tissue, 0.50"));
}

#[test]
fn bounds_on_views_thin_the_tiles_and_say_so() {
    let Some(folder) = folder() else { return };
    let asked = DecodeRequest {
        limits: Limits {
            max_view_pixels: 3 * 448 * 448,
            ..Limits::default()
        },
        cuts: Cuts {
            tile_um_per_px: 0.5,
            mosaic: Mosaic::All,
            ..Cuts::default()
        },
        ..request(Source::Path(folder.join(CMU)))
    };
    let few = decode(&asked).unwrap();
    assert_eq!(few.views.len(), 3);
    assert!(
        few.views[0].made_by.starts_with("all tissue (3 of "),
        "{}",
        few.views[0].made_by
    );
    let thinned = decode(&DecodeRequest {
        limits: Limits {
            max_tiles: 2,
            ..Limits::default()
        },
        ..asked
    })
    .unwrap();
    assert_eq!(thinned.views.len(), 2);
    assert!(
        thinned.views[0].made_by.contains("(2 of "),
        "{}",
        thinned.views[0].made_by
    );
}

#[test]
fn tissue_is_cut_and_glass_is_not() {
    let cuts = Cuts {
        tile_um_per_px: 0.5,
        ..Cuts::default()
    };
    let Some(decoded) = cut(CMU, cuts.clone()) else {
        return;
    };
    let glass = |view: &casekin_imaging::View| {
        let white = |pixel: &&[u8]| pixel.iter().all(|value| *value > 225);
        let count = view.rgb.pixels.chunks(3).filter(white).count();
        count as f64 / f64::from(448 * 448)
    };
    for view in &decoded.views {
        assert!(glass(view) < 0.8, "{:?}: {}", view.box_px, glass(view));
    }
    // The crop is glass with a rim of tissue on its right.
    let crop = cut("derived_cmu1_crop_deflate_bigtiff.tif", cuts).unwrap();
    assert!(!crop.views.is_empty());
    assert!(crop.views.iter().all(|view| view.box_px[0] > 400));
}

#[test]
fn fluorescence_on_dark_ground_has_tiles_and_a_slide_coarser_than_asked_keeps_its_pixels() {
    let Some(bright) = cut("test3-TRITC_2_560_.ndpi", Cuts::default()) else {
        return;
    };
    assert!(!bright.views.is_empty());
    assert!(
        bright.views[0].made_by.contains("1.00 um/px, level 2"),
        "{}",
        bright.views[0].made_by
    );
    let coarse = cut("openslide_boxes.tiff", Cuts::default()).unwrap();
    assert_eq!(coarse.views.len(), 1);
    assert_eq!(coarse.views[0].box_px, [0, 0, 300, 250]);
    assert_eq!(coarse.views[0].rgb.width_px, 300);
}
