//! Where a slide has tissue, on an overview of at most 1024 px.
//!
//! Light is absorbed by tissue, whatever the stain: the score of a pixel is how much darker than the glass its most
//! absorbed channel is (eosin and haematoxylin: green, DAB: blue), so that faint stains count as much as dark ones.
//! Otsu's method (1979) sets the threshold, within bounds: a slide that is all tissue has no glass to be told from,
//! and an empty one only noise. On dark ground (fluorescence) the score is the signal above the ground instead.
//! Left out: black borders (dark, grey, smooth) and pen marks (smooth green, cyan and blue: haematoxylin absorbs at
//! least as much green as red, inks do not). A red pen over eosin is not told apart.

use crate::Rgb8;

/// Bounds of the threshold on the score, in grey levels.
const THRESHOLDS: (u8, u8) = (10, 40);
const DARK_GROUND_THRESHOLDS: (u8, u8) = (8, 60);
/// Least share of an overview that counts as tissue; less is dust.
const LEAST_SHARE: f64 = 0.0005;

/// Which parts of an overview are tissue.
pub(super) struct TissueMask {
    width_px: usize,
    height_px: usize,
    /// Counts of tissue pixels above and left of each corner: `(width + 1) * (height + 1)`.
    counts: Vec<u32>,
}

impl TissueMask {
    /// The mask of an overview; `None` where it shows no tissue.
    pub(super) fn of(overview: &Rgb8) -> Option<Self> {
        let (width, height) = (overview.width_px as usize, overview.height_px as usize);
        let pixels = overview.pixels.as_chunks::<3>().0;
        let spread = local_spread(pixels, width, height);
        let scores = scores(pixels, &spread, width, height);
        let Scores { values, bounds } = scores;
        let threshold = otsu(&values).clamp(bounds.0, bounds.1);
        let raw: Vec<bool> = values
            .iter()
            .map(|value| value.is_some_and(|value| value > threshold))
            .collect();
        let mask = majority(&raw, width, height);
        let tissue = mask.iter().filter(|is_tissue| **is_tissue).count();
        if (tissue as f64) < LEAST_SHARE * mask.len() as f64 || tissue == 0 {
            return None;
        }
        Some(Self {
            width_px: width,
            height_px: height,
            counts: integral(&mask, width, height),
        })
    }

    /// Share of tissue in a box of the slide; the box is given in fractions of its width and height.
    pub(super) fn share(&self, left: f64, top: f64, right: f64, bottom: f64) -> f64 {
        let span = |from: f64, to: f64, side: usize| {
            let start = ((from * side as f64).round() as usize).min(side - 1);
            let end = ((to * side as f64).round() as usize).clamp(start + 1, side);
            (start, end)
        };
        let (x0, x1) = span(left, right, self.width_px);
        let (y0, y1) = span(top, bottom, self.height_px);
        let at = |x: usize, y: usize| i64::from(self.counts[y * (self.width_px + 1) + x]);
        let tissue = at(x1, y1) - at(x0, y1) - at(x1, y0) + at(x0, y0);
        tissue as f64 / ((x1 - x0) * (y1 - y0)) as f64
    }
}

struct Scores {
    /// `None` for what is left out.
    values: Vec<Option<u8>>,
    bounds: (u8, u8),
}

fn luma([r, g, b]: [u8; 3]) -> u8 {
    ((u32::from(r) * 77 + u32::from(g) * 150 + u32::from(b) * 29) >> 8) as u8
}

fn chroma(pixel: [u8; 3]) -> u8 {
    let [r, g, b] = pixel;
    r.max(g).max(b) - r.min(g).min(b)
}

fn scores(pixels: &[[u8; 3]], spread: &[f32], width: usize, height: usize) -> Scores {
    if is_dark_ground(pixels) {
        let ground = mode(pixels.iter().map(|pixel| brightest(*pixel)));
        let signal = |pixel: &[u8; 3]| Some(brightest(*pixel).saturating_sub(ground));
        return Scores {
            values: pixels.iter().map(signal).collect(),
            bounds: DARK_GROUND_THRESHOLDS,
        };
    }
    let glass = glass_colour(pixels);
    let left_out: Vec<bool> = pixels
        .iter()
        .zip(spread)
        .map(|(pixel, spread)| is_black(*pixel, *spread) || is_pen(*pixel, *spread))
        .collect();
    let left_out = dilate(&left_out, width, height);
    let absorbed = |pixel: &[u8; 3]| {
        let channels = pixel.iter().zip(glass);
        channels
            .map(|(value, glass)| glass.saturating_sub(*value))
            .max()
            .unwrap_or(0)
    };
    Scores {
        values: pixels
            .iter()
            .zip(left_out)
            .map(|(pixel, out)| (!out).then(|| absorbed(pixel)))
            .collect(),
        bounds: THRESHOLDS,
    }
}

fn brightest([r, g, b]: [u8; 3]) -> u8 {
    r.max(g).max(b)
}

/// Fluorescence: next to nothing is white, and half of the slide is nearly black.
fn is_dark_ground(pixels: &[[u8; 3]]) -> bool {
    let white = pixels.iter().filter(|[r, g, b]| *r.min(g).min(b) > 140);
    let dark = pixels.iter().filter(|pixel| luma(**pixel) < 80);
    white.count() * 50 < pixels.len() && dark.count() * 2 > pixels.len()
}

fn mode(values: impl Iterator<Item = u8>) -> u8 {
    let mut counts = [0u32; 256];
    values.for_each(|value| counts[usize::from(value)] += 1);
    let fullest = counts.iter().enumerate().max_by_key(|(_, count)| **count);
    fullest.map_or(0, |(value, _)| value as u8)
}

/// The colour of bare glass: the brightest common grey. Pure white is what scanners write where they did not scan.
fn glass_colour(pixels: &[[u8; 3]]) -> [u8; 3] {
    let is_greyish =
        |pixel: &[u8; 3]| *pixel != [255; 3] && chroma(*pixel) <= 25 && luma(*pixel) >= 170;
    let mut counts = [0usize; 256];
    for pixel in pixels.iter().filter(|pixel| is_greyish(pixel)) {
        counts[usize::from(luma(*pixel))] += 1;
    }
    let smooth: Vec<usize> = (0..256usize)
        .map(|at| counts[at.saturating_sub(2)..(at + 3).min(256)].iter().sum())
        .collect();
    let fullest = smooth.iter().copied().max().unwrap_or(0);
    if fullest * 200 < pixels.len() {
        return [245; 3];
    }
    let brightest = (0..256usize)
        .rev()
        .find(|at| smooth[*at] * 4 >= fullest)
        .unwrap_or(245);
    let near = pixels
        .iter()
        .filter(|pixel| is_greyish(pixel) && usize::from(luma(**pixel)).abs_diff(brightest) <= 4);
    let (mut sums, mut count) = ([0u64; 3], 0u64);
    for pixel in near {
        count += 1;
        for (sum, value) in sums.iter_mut().zip(pixel) {
            *sum += u64::from(*value);
        }
    }
    sums.map(|sum| (sum / count.max(1)) as u8)
}

fn is_black(pixel: [u8; 3], spread: f32) -> bool {
    luma(pixel) < 40 && chroma(pixel) < 30 && spread < 8.0
}

fn is_pen([r, g, b]: [u8; 3], spread: f32) -> bool {
    let ink = r.saturating_add(15) <= g && chroma([r, g, b]) >= 60;
    ink && spread < 8.0
}

/// Standard deviation of luma in 5×5 pixels.
fn local_spread(pixels: &[[u8; 3]], width: usize, height: usize) -> Vec<f32> {
    let mut sums = vec![[0f64; 2]; (width + 1) * (height + 1)];
    for y in 0..height {
        let mut row = [0f64; 2];
        for x in 0..width {
            let value = f64::from(luma(pixels[y * width + x]));
            row = [row[0] + value, row[1] + value * value];
            let above = sums[y * (width + 1) + x + 1];
            sums[(y + 1) * (width + 1) + x + 1] = [above[0] + row[0], above[1] + row[1]];
        }
    }
    let mut spread = Vec::with_capacity(width * height);
    for y in 0..height {
        let (top, bottom) = (y.saturating_sub(2), (y + 3).min(height));
        for x in 0..width {
            let (left, right) = (x.saturating_sub(2), (x + 3).min(width));
            let of = |part: usize| {
                let at = |x: usize, y: usize| sums[y * (width + 1) + x][part];
                at(right, bottom) - at(left, bottom) - at(right, top) + at(left, top)
            };
            let count = ((right - left) * (bottom - top)) as f64;
            let mean = of(0) / count;
            spread.push((of(1) / count - mean * mean).max(0.0).sqrt() as f32);
        }
    }
    spread
}

/// The threshold that parts the scores best: the greatest variance between the classes.
fn otsu(scores: &[Option<u8>]) -> u8 {
    let mut counts = [0f64; 256];
    for score in scores.iter().flatten() {
        counts[usize::from(*score)] += 1.0;
    }
    let total: f64 = counts.iter().sum();
    let weighted = |from: &[f64]| -> f64 {
        from.iter()
            .enumerate()
            .map(|(value, count)| value as f64 * count)
            .sum()
    };
    let all = weighted(&counts);
    let (mut below, mut below_sum) = (0.0, 0.0);
    let mut best = (0.0, 0u8);
    for (value, count) in counts.iter().enumerate() {
        below += count;
        below_sum += value as f64 * count;
        let above = total - below;
        if below == 0.0 || above == 0.0 {
            continue;
        }
        let apart = below_sum / below - (all - below_sum) / above;
        let between = below * above * apart * apart;
        if between > best.0 {
            best = (between, value as u8);
        }
    }
    best.1
}

fn integral(mask: &[bool], width: usize, height: usize) -> Vec<u32> {
    let mut counts = vec![0u32; (width + 1) * (height + 1)];
    for y in 0..height {
        let mut row = 0;
        for x in 0..width {
            row += u32::from(mask[y * width + x]);
            counts[(y + 1) * (width + 1) + x + 1] = counts[y * (width + 1) + x + 1] + row;
        }
    }
    counts
}

/// Number of set pixels among the 5×5 around each, and how many pixels those are (fewer at the border).
fn neighbours(mask: &[bool], width: usize, height: usize) -> Vec<(u32, u32)> {
    let counts = integral(mask, width, height);
    let at = |x: usize, y: usize| counts[y * (width + 1) + x];
    let mut around = Vec::with_capacity(mask.len());
    for y in 0..height {
        let (top, bottom) = (y.saturating_sub(2), (y + 3).min(height));
        for x in 0..width {
            let (left, right) = (x.saturating_sub(2), (x + 3).min(width));
            let set = at(right, bottom) + at(left, top) - at(left, bottom) - at(right, top);
            around.push((set, ((right - left) * (bottom - top)) as u32));
        }
    }
    around
}

/// Specks vanish and pinholes close: a pixel is what most of its neighbourhood is.
fn majority(mask: &[bool], width: usize, height: usize) -> Vec<bool> {
    let around = neighbours(mask, width, height);
    around.iter().map(|(set, of)| set * 2 > *of).collect()
}

fn dilate(mask: &[bool], width: usize, height: usize) -> Vec<bool> {
    let around = neighbours(mask, width, height);
    around.iter().map(|(set, _)| *set > 0).collect()
}

#[cfg(test)]
#[path = "tissue_tests.rs"]
mod tests;
