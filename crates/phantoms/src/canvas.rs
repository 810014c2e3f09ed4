//! The drawing surface: planes of numbers over the unit square, soft shapes and smooth noise.
//!
//! Painters speak in unit coordinates (0..1, x to the right, y down) and never in pixels, so one
//! painting serves the full picture and the sparse grid from which the training set is made; the
//! two agree because noise is keyed by the native pixel under each sample, not by the grid.

/// Width and height of every phantom in pixels.
pub(crate) const NATIVE_PX: usize = 448;

/// Which points of the picture are drawn.
pub(crate) struct Grid {
    /// Unit coordinate of each column, and of each row.
    pub(crate) axis: Vec<f32>,
}

impl Grid {
    /// Every native pixel.
    pub(crate) fn native() -> Self {
        Self {
            axis: (0..NATIVE_PX).map(unit_of).collect(),
        }
    }

    /// Only those native pixels that a fourfold bilinear reduction without antialias reads:
    /// the two in the middle of every four.
    pub(crate) fn reduction_taps() -> Self {
        let taps = (0..NATIVE_PX / 4).flat_map(|cell| [4 * cell + 1, 4 * cell + 2]);
        Self {
            axis: taps.map(unit_of).collect(),
        }
    }

    pub(crate) fn side(&self) -> usize {
        self.axis.len()
    }

    fn span(&self, low: f32, high: f32) -> std::ops::Range<usize> {
        self.axis.partition_point(|&p| p < low)..self.axis.partition_point(|&p| p <= high)
    }
}

fn unit_of(pixel: usize) -> f32 {
    (pixel as f32 + 0.5) / NATIVE_PX as f32
}

/// An axis-aligned box in unit coordinates.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) x0: f32,
    pub(crate) y0: f32,
    pub(crate) x1: f32,
    pub(crate) y1: f32,
}

impl Bounds {
    pub(crate) const ALL: Self = Self {
        x0: 0.0,
        y0: 0.0,
        x1: 1.0,
        y1: 1.0,
    };

    pub(crate) fn around(x: f32, y: f32, rx: f32, ry: f32) -> Self {
        Self {
            x0: x - rx,
            y0: y - ry,
            x1: x + rx,
            y1: y + ry,
        }
    }

    pub(crate) fn union(self, other: Self) -> Self {
        Self {
            x0: self.x0.min(other.x0),
            y0: self.y0.min(other.y0),
            x1: self.x1.max(other.x1),
            y1: self.y1.max(other.y1),
        }
    }

    /// Pixel box `[x, y, width, height]`, clipped to the picture, never empty.
    pub(crate) fn to_px(self) -> [u32; 4] {
        let last = NATIVE_PX as f32 - 1.0;
        let scale = |v: f32| (v * NATIVE_PX as f32).clamp(0.0, last) as u32;
        let (x, y) = (scale(self.x0), scale(self.y0));
        [
            x,
            y,
            scale(self.x1).max(x) - x + 1,
            scale(self.y1).max(y) - y + 1,
        ]
    }
}

/// One number per drawn point: density, Hounsfield units, or a colour channel.
pub(crate) struct Plane<'g> {
    pub(crate) grid: &'g Grid,
    pub(crate) values: Vec<f32>,
}

impl<'g> Plane<'g> {
    pub(crate) fn filled(grid: &'g Grid, value: f32) -> Self {
        Self {
            grid,
            values: vec![value; grid.side() * grid.side()],
        }
    }

    /// Replaces every value inside `bounds` by `change(x, y, value)`.
    pub(crate) fn paint(&mut self, bounds: Bounds, mut change: impl FnMut(f32, f32, f32) -> f32) {
        let columns = self.grid.span(bounds.x0, bounds.x1);
        let side = self.grid.side();
        for row in self.grid.span(bounds.y0, bounds.y1) {
            let y = self.grid.axis[row];
            let line = &mut self.values[row * side..(row + 1) * side];
            for column in columns.clone() {
                line[column] = change(self.grid.axis[column], y, line[column]);
            }
        }
    }

    /// Lays `target` over the plane where `blob` covers it, with an edge `soft` wide.
    pub(crate) fn fill(&mut self, blob: &Blob, soft: f32, target: f32) {
        self.paint(blob.bounds(soft), |x, y, old| {
            lerp(old, target, blob.cover(x, y, soft))
        });
    }
}

/// Three planes, red, green and blue, each 0..1.
pub(crate) struct Colour<'g> {
    pub(crate) grid: &'g Grid,
    pub(crate) values: Vec<[f32; 3]>,
}

impl<'g> Colour<'g> {
    pub(crate) fn filled(grid: &'g Grid, rgb: [f32; 3]) -> Self {
        Self {
            grid,
            values: vec![rgb; grid.side() * grid.side()],
        }
    }

    /// Replaces every colour inside `bounds` by `change(x, y, colour)`.
    pub(crate) fn paint(
        &mut self,
        bounds: Bounds,
        mut change: impl FnMut(f32, f32, [f32; 3]) -> [f32; 3],
    ) {
        let columns = self.grid.span(bounds.x0, bounds.x1);
        let side = self.grid.side();
        for row in self.grid.span(bounds.y0, bounds.y1) {
            let y = self.grid.axis[row];
            let line = &mut self.values[row * side..(row + 1) * side];
            for column in columns.clone() {
                line[column] = change(self.grid.axis[column], y, line[column]);
            }
        }
    }

    /// Lays the colour `target` over the picture where `blob` covers it.
    pub(crate) fn fill(&mut self, blob: &Blob, soft: f32, target: [f32; 3], strength: f32) {
        self.paint(blob.bounds(soft), |x, y, old| {
            blend(old, target, strength * blob.cover(x, y, soft))
        });
    }
}

pub(crate) fn lerp(from: f32, to: f32, share: f32) -> f32 {
    from + (to - from) * share
}

pub(crate) fn blend(from: [f32; 3], to: [f32; 3], share: f32) -> [f32; 3] {
    [
        lerp(from[0], to[0], share),
        lerp(from[1], to[1], share),
        lerp(from[2], to[2], share),
    ]
}

/// 0 below `low`, 1 above `high`, smooth between.
pub(crate) fn ramp(low: f32, high: f32, value: f32) -> f32 {
    let t = ((value - low) / (high - low)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// An ellipse whose outline may be wavy: the one shape from which organs and lesions are made.
#[derive(Clone, Debug)]
pub(crate) struct Blob {
    pub(crate) x: f32,
    pub(crate) y: f32,
    pub(crate) rx: f32,
    pub(crate) ry: f32,
    pub(crate) turn: (f32, f32),
    /// Waves of the outline: how many bumps, how deep, where the first one is.
    pub(crate) waves: Vec<(f32, f32, f32)>,
}

impl Blob {
    pub(crate) fn new(x: f32, y: f32, rx: f32, ry: f32) -> Self {
        Self {
            x,
            y,
            rx,
            ry,
            turn: (0.0, 1.0),
            waves: Vec::new(),
        }
    }

    pub(crate) fn disc(x: f32, y: f32, r: f32) -> Self {
        Self::new(x, y, r, r)
    }

    /// Turned clockwise by `angle` radians.
    pub(crate) fn turned(mut self, angle: f32) -> Self {
        self.turn = angle.sin_cos();
        self
    }

    /// With an outline that waves by about the share `depth` of the radius.
    pub(crate) fn wavy(mut self, dice: &mut crate::dice::Dice, depth: f32) -> Self {
        self.waves = [2.0_f32, 3.0, 4.0, 5.0, 7.0]
            .iter()
            .map(|&bumps| {
                let share = depth * dice.between(0.25, 1.0) / bumps.sqrt();
                (bumps, share, dice.between(0.0, std::f32::consts::TAU))
            })
            .collect();
        self
    }

    /// Scaled about its centre.
    pub(crate) fn scaled(&self, by: f32) -> Self {
        Self {
            rx: self.rx * by,
            ry: self.ry * by,
            ..self.clone()
        }
    }

    /// Distance from the centre in units of the radius there: 1 on the outline.
    pub(crate) fn radius(&self, x: f32, y: f32) -> f32 {
        let (dx, dy) = (x - self.x, y - self.y);
        let (sin, cos) = self.turn;
        let (px, py) = (
            (dx * cos + dy * sin) / self.rx,
            (dy * cos - dx * sin) / self.ry,
        );
        let round = (px * px + py * py).sqrt();
        if self.waves.is_empty() || round > 2.2 {
            return round;
        }
        let angle = py.atan2(px);
        let outline: f32 = self
            .waves
            .iter()
            .map(|&(bumps, depth, phase)| depth * (bumps * angle + phase).cos())
            .sum();
        round / (1.0 + outline).max(0.25)
    }

    /// Angle of a point as seen from the centre, in radians.
    pub(crate) fn angle(&self, x: f32, y: f32) -> f32 {
        (y - self.y).atan2(x - self.x)
    }

    /// 1 inside, 0 outside, smooth over `soft` (in unit coordinates) about the outline.
    pub(crate) fn cover(&self, x: f32, y: f32, soft: f32) -> f32 {
        let width = soft / self.rx.min(self.ry);
        1.0 - ramp(1.0 - width * 0.5, 1.0 + width * 0.5, self.radius(x, y))
    }

    /// A box that holds all that [`Blob::cover`] touches.
    pub(crate) fn bounds(&self, soft: f32) -> Bounds {
        let swell = 1.0 + self.waves.iter().map(|w| w.1).sum::<f32>();
        let (sin, cos) = self.turn;
        let reach_x = ((self.rx * cos).powi(2) + (self.ry * sin).powi(2)).sqrt() * swell + soft;
        let reach_y = ((self.rx * sin).powi(2) + (self.ry * cos).powi(2)).sqrt() * swell + soft;
        Bounds::around(self.x, self.y, reach_x, reach_y)
    }
}

/// Distance from a point to the segment `a`–`b`.
pub(crate) fn to_segment(x: f32, y: f32, a: (f32, f32), b: (f32, f32)) -> f32 {
    let (dx, dy) = (b.0 - a.0, b.1 - a.1);
    let along = ((x - a.0) * dx + (y - a.1) * dy) / (dx * dx + dy * dy).max(1e-9);
    let t = along.clamp(0.0, 1.0);
    ((x - a.0 - t * dx).powi(2) + (y - a.1 - t * dy).powi(2)).sqrt()
}

/// Smooth noise in about -1..1, the same for the same seed and place.
#[derive(Clone, Copy)]
pub(crate) struct Noise {
    seed: u32,
}

impl Noise {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            seed: (seed ^ (seed >> 32)) as u32,
        }
    }

    fn lattice(self, ix: i32, iy: i32) -> f32 {
        let mut h = self.seed
            ^ (ix as u32).wrapping_mul(0x8DA6_B343)
            ^ (iy as u32).wrapping_mul(0xD816_3841);
        h = (h ^ (h >> 15)).wrapping_mul(0x2C1B_3C6D);
        h = (h ^ (h >> 12)).wrapping_mul(0x297A_2D39);
        h ^= h >> 15;
        (h as f32) * (2.0 / u32::MAX as f32) - 1.0
    }

    /// One octave: `(x, y)` in lattice cells.
    pub(crate) fn at(self, x: f32, y: f32) -> f32 {
        let (fx, fy) = (x.floor(), y.floor());
        let (ix, iy) = (fx as i32, fy as i32);
        let (tx, ty) = (x - fx, y - fy);
        let (sx, sy) = (tx * tx * (3.0 - 2.0 * tx), ty * ty * (3.0 - 2.0 * ty));
        let top = lerp(self.lattice(ix, iy), self.lattice(ix + 1, iy), sx);
        let low = lerp(self.lattice(ix, iy + 1), self.lattice(ix + 1, iy + 1), sx);
        lerp(top, low, sy)
    }

    /// Three octaves over the unit square, the coarsest with `cells` cells across.
    pub(crate) fn cloud(self, x: f32, y: f32, cells: f32) -> f32 {
        0.57 * self.at(x * cells, y * cells)
            + 0.29 * self.at(x * cells * 2.0 + 17.0, y * cells * 2.0)
            + 0.14 * self.at(x * cells * 4.0, y * cells * 4.0 + 31.0)
    }

    /// Grain of single native pixels, roughly normal.
    pub(crate) fn grain(self, x: f32, y: f32) -> f32 {
        let (ix, iy) = ((x * NATIVE_PX as f32) as i32, (y * NATIVE_PX as f32) as i32);
        self.lattice(ix, iy) + self.lattice(ix + 7919, iy + 104_729)
    }
}
