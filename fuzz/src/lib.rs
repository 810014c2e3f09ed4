//! What every fuzz target does with its bytes.

use casekin_imaging::{
    Cuts, DecodeRequest, DeepZoom, DeepZoomTile, ImagingError, Inspection, Limits, Mosaic,
    PlainViews, RegionRequest, RenderRequest, Slide, Source, decode, inspect, region, render,
};

/// Names OpenSlide's library (see docs/FORMATS.md).
const OPENSLIDE: &str = "CASEKIN_OPENSLIDE";

/// Bounds that keep one run at a millisecond or so; each of them is a setting of the program.
fn limits() -> Limits {
    Limits {
        max_bytes: 1 << 20,
        max_inflated_bytes: 1 << 20,
        max_pixels: 1 << 16,
        max_frames: 64,
        max_views: 3,
        max_compared_slices: 4,
        max_view_pixels: 1 << 18,
        max_tiles: 4,
        ..Limits::default()
    }
}

/// Once per process: lets a codec's panic be caught where the program catches it (libFuzzer's own hook would abort
/// before that), and names an OpenSlide that is not there, so that none is loaded.
pub fn quiet() {
    std::panic::set_hook(Box::new(|_| {}));
    // SAFETY: libFuzzer calls this before it starts any thread.
    unsafe { std::env::set_var(OPENSLIDE, "/nowhere/libopenslide.so.1") };
}

/// A codec may give up by panicking, and is caught at its border. What reaches the outermost catch is a fault of
/// casekin itself.
fn judge<T>(answer: Result<T, ImagingError>) -> Option<T> {
    if let Err(ImagingError::SurviveDecoder { codec }) = &answer
        && codec == "picture"
    {
        eprintln!("a panic outside of every codec");
        std::process::abort();
    }
    answer.ok()
}

/// Inspects, decodes and renders; every answer but a panic, a hang or too much memory is right.
pub fn open(bytes: &[u8]) {
    let source = Source::from_bytes("fuzzed", bytes);
    let Some(Inspection::Picture(header)) = judge(inspect(&source, &limits())) else {
        return;
    };
    let cuts = Cuts {
        views: PlainViews::WholeAndCrops,
        ..Cuts::default()
    };
    cut(&source, &cuts);
    judge(render(&RenderRequest {
        source,
        frame: header.facts.frames,
        window: Some((40.0, 400.0)),
        box_px: None,
        max_px: Some(64),
        limits: limits(),
    }));
}

/// Decodes into views, each of which must hold the pixels that it states.
fn cut(source: &Source, cuts: &Cuts) {
    let decoded = judge(decode(&DecodeRequest {
        source: source.clone(),
        limits: limits(),
        thumbnail_px: 64,
        cuts: cuts.clone(),
        volume: None,
    }));
    for view in decoded.iter().flat_map(|decoded| &decoded.views) {
        let pixels = view.rgb.width_px as usize * view.rgb.height_px as usize;
        assert_eq!(view.rgb.pixels.len(), pixels * 3);
    }
}

/// As [`open`], for slides: their tiles, a deep-zoom tile of each level, and a box at the far corner.
pub fn open_slide(bytes: &[u8]) {
    let source = Source::from_bytes("fuzzed", bytes);
    // Not behind the catch of `inspect`: a panic here ends the run by itself.
    let Ok(Some(slide)) = Slide::open(&source, &limits()) else {
        return open(bytes);
    };
    let cuts = Cuts {
        mosaic: Mosaic::All,
        ..Cuts::default()
    };
    cut(&source, &cuts);
    let (width_px, height_px) = (slide.width_px(), slide.height_px());
    let grid = DeepZoom::new(width_px, height_px);
    for level in (0..=grid.max_level()).step_by(3) {
        let last = grid.level(level).map(|size| (size.columns, size.rows));
        let Some((columns, rows)) = last else {
            continue;
        };
        let _ = slide.deep_zoom_tile(DeepZoomTile {
            level,
            column: columns - 1,
            row: rows - 1,
        });
    }
    let side = |full: u32| full.min(40);
    let box_px = [
        width_px - side(width_px),
        height_px - side(height_px),
        side(width_px),
        side(height_px),
    ];
    judge(region(&RegionRequest {
        source,
        frame: 1,
        box_px: Some(box_px),
        cuts,
        volume: None,
        limits: limits(),
    }));
}
