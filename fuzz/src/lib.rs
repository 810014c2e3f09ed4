//! What every fuzz target does with its bytes.

use casekin_imaging::{
    Cuts, DecodeRequest, DeepZoom, DeepZoomTile, Format, Header, ImagingError, Inspection, Limits,
    Mosaic, PlainViews, RegionRequest, RenderRequest, Slide, Source, Stage, StageRequest,
    SurveyRequest, VolumeSlice, decode, inspect, plan_volume, region, render, stage, survey,
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

/// Inspects, decodes, renders, surveys and writes stages; every answer but a panic, a hang or too much memory is right.
pub fn open(bytes: &[u8]) {
    let source = Source::from_bytes("fuzzed", bytes);
    let header = match judge(inspect(&source, &limits())) {
        Some(Inspection::Picture(header)) => header,
        // Doses and segmentations are no pictures, but their pixels can be written.
        Some(Inspection::NotAPicture { .. }) => return write_stages(&source, 1),
        None => return,
    };
    let cuts = Cuts {
        views: PlainViews::WholeAndCrops,
        ..Cuts::default()
    };
    cut(&source, &cuts);
    judge(render(&RenderRequest {
        source: source.clone(),
        frame: header.facts.frames,
        window: Some((40.0, 400.0)),
        box_px: None,
        max_px: Some(64),
        limits: limits(),
    }));
    if header.format == Format::Dicom {
        write_stages(&source, header.facts.frames);
    }
    look_from_afar(&source, &header);
}

/// As `casekin decode --stage` does: what a stage holds must fit its own shape, and any of it can be written.
fn write_stages(source: &Source, frame: u32) {
    for wanted in [Stage::Stored, Stage::Modality, Stage::Voi, Stage::Rgb] {
        let pixels = judge(stage(&StageRequest {
            source: source.clone(),
            frame,
            stage: wanted,
            limits: limits(),
        }));
        // Later stages build on this one.
        let Some(pixels) = pixels else { return };
        let values = pixels.width_px as usize * pixels.height_px as usize;
        assert_eq!(
            pixels.samples.to_f64().len(),
            values * usize::from(pixels.channels)
        );
        assert!(pixels.to_npy().len() > values);
        // A PNG cannot hold everything, and says so.
        let _ = pixels.to_png();
    }
}

/// As a slice of a series is looked at before its volume is planned, and read by the plan afterwards.
fn look_from_afar(source: &Source, header: &Header) {
    // Without a place in a series nobody surveys it, and several frames are surveyed by `decode` itself.
    if header.format != Format::Dicom || header.facts.frames != 1 {
        return;
    }
    let surveyed = judge(survey(&SurveyRequest {
        source: source.clone(),
        limits: limits(),
    }));
    let Some(surveyed) = surveyed else { return };
    let mut darker = surveyed.clone();
    darker.levels.iter_mut().for_each(|level| *level /= 3);
    darker.range = surveyed.range.map(|[low, high]| [low - 1.0, high / 2.0]);
    let plan = plan_volume(&[surveyed, darker], limits().max_views);
    assert!(!plan.chosen.is_empty());
    judge(region(&RegionRequest {
        source: source.clone(),
        frame: 1,
        box_px: None,
        cuts: Cuts::default(),
        volume: Some(VolumeSlice {
            chosen: true,
            range: plan.range,
        }),
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

/// As [`open`], for slides: their tiles, stages of a frame in DICOM, a deep-zoom tile of each level, and a box at the far
/// corner.
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
    // A tiled TIFF has no stage but the last, which the deep-zoom tiles below are.
    write_stages(&source, 1);
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
