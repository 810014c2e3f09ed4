//! What every fuzz target does with its bytes.

use casekin_imaging::{
    Cuts, DecodeRequest, ImagingError, Inspection, Limits, RenderRequest, Source, decode, inspect,
    render,
};

/// Bounds that keep one run short; each of them is a setting of the program.
fn limits() -> Limits {
    Limits {
        max_bytes: 1 << 20,
        max_inflated_bytes: 32 << 20,
        max_pixels: 4_000_000,
        max_frames: 1000,
        max_views: 4,
        max_compared_slices: 8,
        max_view_pixels: 8_000_000,
        ..Limits::default()
    }
}

/// Lets a codec's panic be caught where the program catches it: libFuzzer's own hook would abort before that.
pub fn quiet() {
    std::panic::set_hook(Box::new(|_| {}));
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
    let limits = limits();
    let Some(Inspection::Picture(header)) = judge(inspect(&source, &limits)) else {
        return;
    };
    let decoded = judge(decode(&DecodeRequest {
        source: source.clone(),
        limits: limits.clone(),
        thumbnail_px: 64,
        cuts: Cuts::default(),
        volume: None,
    }));
    for view in decoded.iter().flat_map(|decoded| &decoded.views) {
        let pixels = view.rgb.width_px as usize * view.rgb.height_px as usize;
        assert_eq!(view.rgb.pixels.len(), pixels * 3);
    }
    judge(render(&RenderRequest {
        source,
        frame: header.facts.frames,
        window: Some((40.0, 400.0)),
        box_px: None,
        max_px: Some(64),
        limits,
    }));
}
