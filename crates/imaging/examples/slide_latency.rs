//! How long a slide takes: `cargo run -p casekin-imaging --example slide_latency -- SLIDE…` prints for each slide the
//! time to open it, percentiles over its deep-zoom tiles (with and without JPEG encoding), 256-px regions of level 0 on
//! a grid, and the time from the file to the mosaic. The peer is openslide-python's read_region over the same grid.

use std::path::PathBuf;
use std::time::Instant;

use casekin_imaging::{
    Cuts, DecodeRequest, DeepZoom, DeepZoomTile, ImagingError, Limits, Slide, Source, decode,
    encode_jpeg,
};

fn main() -> Result<(), ImagingError> {
    for path in std::env::args_os().skip(1).map(PathBuf::from) {
        println!("{}", path.display());
        measure(&Source::Path(path))?;
    }
    Ok(())
}

fn measure(source: &Source) -> Result<(), ImagingError> {
    let limits = Limits::default();
    let (opened, slide) = timed(|| Slide::open(source, &limits));
    let Some(slide) = slide? else {
        println!("  no slide");
        return Ok(());
    };
    println!("  open: {opened:.2} ms");
    let (mut tiles, mut jpegs) = (Vec::new(), Vec::new());
    let grid = DeepZoom::new(slide.width_px(), slide.height_px());
    for level in (0..=grid.max_level()).rev() {
        let Some(size) = grid.level(level) else {
            continue;
        };
        let mut of_level = Vec::new();
        for row in 0..size.rows.min(40) {
            for column in 0..size.columns.min(40) {
                let address = DeepZoomTile { level, column, row };
                let (took, tile) = timed(|| slide.deep_zoom_tile(address));
                let tile = tile?;
                let (encoding, jpeg) = timed(|| encode_jpeg(&tile, 90));
                jpeg?;
                of_level.push(took);
                tiles.push(took);
                jpegs.push(took + encoding);
            }
        }
        report(&format!("deep-zoom level {level}"), of_level);
    }
    report("all tiles", tiles);
    report("all tiles as JPEG", jpegs);
    let mut regions = Vec::new();
    for y in (0..slide.height_px().saturating_sub(256).min(5120)).step_by(256) {
        for x in (0..slide.width_px().saturating_sub(256).min(5120)).step_by(256) {
            let (took, rgb) = timed(|| slide.picture(Some([x, y, 256, 256]), None));
            rgb?;
            regions.push(took);
        }
    }
    report("256-px regions of level 0", regions);
    let request = DecodeRequest {
        source: source.clone(),
        limits,
        thumbnail_px: 512,
        cuts: Cuts::default(),
        volume: None,
    };
    let (took, decoded) = timed(|| decode(&request));
    println!("  mosaic: {took:.0} ms, {} views", decoded?.views.len());
    Ok(())
}

fn timed<T>(work: impl FnOnce() -> T) -> (f64, T) {
    let start = Instant::now();
    let done = work();
    (start.elapsed().as_secs_f64() * 1000.0, done)
}

fn report(name: &str, mut times: Vec<f64>) {
    times.sort_by(f64::total_cmp);
    let at = |share: f64| {
        let index = (times.len() as f64 * share) as usize;
        times
            .get(index.min(times.len().saturating_sub(1)))
            .copied()
            .unwrap_or(0.0)
    };
    let (count, middle, p95) = (times.len(), at(0.5), at(0.95));
    println!("  {name}: {count}, median {middle:.2} ms, p95 {p95:.2} ms");
}
