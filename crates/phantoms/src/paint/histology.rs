//! Microscopy stained with haematoxylin and eosin. The two stains are drawn as optical densities
//! and turned into light at the end (Beer–Lambert), each case with its own slightly different dyes.

use crate::canvas::{Blob, Bounds, Colour, Grid, Noise, Plane, lerp, ramp};
use crate::dice::Dice;
use crate::plan::{CasePlan, Painting, Pixels, bounds_of};

struct Slide<'g> {
    haematoxylin: Plane<'g>,
    eosin: Plane<'g>,
    noise: Noise,
    dice: Dice,
}

impl Slide<'_> {
    /// One nucleus, of the density `depth`.
    fn nucleus(&mut self, body: &Blob, depth: f32) {
        self.haematoxylin.paint(body.bounds(0.003), |px, py, old| {
            lerp(old, old.max(depth), body.cover(px, py, 0.003))
        });
    }

    /// Clears both dyes inside `blob`: a lumen or a vacuole.
    fn clear(&mut self, blob: &Blob, soft: f32) {
        self.haematoxylin.fill(blob, soft, 0.02);
        self.eosin.fill(blob, soft, 0.03);
    }

    fn stroma(&mut self, nuclei: u32) {
        for _ in 0..nuclei {
            let (x, y) = (self.dice.between(0.0, 1.0), self.dice.between(0.0, 1.0));
            let angle = self.dice.between(0.0, 3.1);
            let depth = self.dice.between(0.7, 1.0);
            self.nucleus(&Blob::new(x, y, 0.010, 0.0042).turned(angle), depth);
        }
    }
}

pub(crate) fn paint<'g>(plan: &CasePlan, image: u32, grid: &'g Grid) -> Painting<'g> {
    let mut case = plan.case_dice(1);
    let own = plan.image_dice(image);
    let mut slide = Slide {
        haematoxylin: Plane::filled(grid, 0.12),
        eosin: Plane::filled(grid, 0.42),
        noise: Noise::new(own_bits(plan, image)),
        dice: own,
    };
    let noise = slide.noise;
    slide.eosin.paint(Bounds::ALL, |x, y, old| {
        old + 0.12 * noise.cloud(x, y, 18.0) + 0.06 * noise.cloud(x, y, 3.0)
    });
    let lesion = match plan.finding.key {
        "adenocarcinoma" => Some(adenocarcinoma(plan, &mut slide)),
        "squamous_cell_carcinoma" => squamous(plan, &mut slide),
        "steatosis" => Some(steatosis(plan, &mut slide)),
        "lymphoid_infiltrate" => Some(lymphoid(plan, &mut slide)),
        "fibrosis" => Some(fibrosis(&mut slide)),
        _ => {
            crypts(&mut slide);
            None
        }
    };
    Painting {
        pixels: Pixels::Rgb(stain(slide, &mut case)),
        lesion,
    }
}

fn own_bits(plan: &CasePlan, image: u32) -> u64 {
    plan.case_dice(40 + u64::from(image)).bits()
}

fn stain<'g>(slide: Slide<'g>, case: &mut Dice) -> Colour<'g> {
    let strength = (case.between(0.85, 1.15), case.between(0.85, 1.15));
    let drift = case.between(-0.05, 0.05);
    let blue = [0.66 + drift, 0.72, 0.30 - drift];
    let pink = [0.09, 0.92, 0.32 + drift];
    let grid = slide.haematoxylin.grid;
    let mut picture = Colour::filled(grid, [1.0; 3]);
    for (pixel, (h, e)) in picture
        .values
        .iter_mut()
        .zip(slide.haematoxylin.values.iter().zip(&slide.eosin.values))
    {
        for channel in 0..3 {
            let density =
                strength.0 * h.max(0.0) * blue[channel] + strength.1 * e.max(0.0) * pink[channel];
            pixel[channel] = 0.97 * (-1.25 * density).exp();
        }
    }
    let noise = slide.noise;
    picture.paint(Bounds::ALL, |x, y, rgb| {
        let grain = 0.012 * noise.grain(x, y);
        [rgb[0] + grain, rgb[1] + grain, rgb[2] + grain]
    });
    picture
}

/// A gland: a clear lumen with a ring of nuclei that point at it.
fn gland(slide: &mut Slide, outline: &Blob, lumen: f32, crowding: f32, big: f32) {
    slide.eosin.fill(outline, 0.01, 0.30);
    slide.haematoxylin.fill(outline, 0.01, 0.30);
    slide.clear(&outline.scaled(lumen), 0.012);
    let around = outline.rx + outline.ry;
    let cells = (around * std::f32::consts::PI / (0.0125 * big) * crowding) as u32;
    for cell in 0..cells {
        let angle = std::f32::consts::TAU * cell as f32 / cells as f32;
        let (dx, dy) = (angle.cos(), angle.sin());
        // Walk outwards until the outline is met; the wavy outline has no closed form.
        let mut reach = 0.35 * outline.rx.min(outline.ry);
        while reach < 0.4 && outline.radius(outline.x + dx * reach, outline.y + dy * reach) < 0.93 {
            reach += 0.003;
        }
        let depth = 0.84 + 0.12 * slide.dice.between(-1.0, 0.3);
        let (x, y) = (
            outline.x + dx * reach * depth,
            outline.y + dy * reach * depth,
        );
        let dark = slide.dice.between(0.9, 1.3);
        slide.nucleus(
            &Blob::new(x, y, 0.0085 * big, 0.0048 * big).turned(angle),
            dark,
        );
    }
}

fn crypts(slide: &mut Slide) {
    slide.stroma(170);
    let spacing = slide.dice.between(0.165, 0.195);
    let (ox, oy) = (
        slide.dice.between(0.0, spacing),
        slide.dice.between(0.0, spacing),
    );
    for row in -1..9 {
        for column in -1..9 {
            let shift = if row % 2 == 0 { 0.0 } else { spacing / 2.0 };
            let x = ox + shift + spacing * column as f32 + 0.006 * slide.dice.bell();
            let y = oy + 0.87 * spacing * row as f32 + 0.006 * slide.dice.bell();
            let r = spacing * slide.dice.between(0.36, 0.40);
            if (-r..1.0 + r).contains(&x) && (-r..1.0 + r).contains(&y) {
                gland(slide, &Blob::disc(x, y, r), 0.45, 0.9, 1.0);
            }
        }
    }
}

fn adenocarcinoma(plan: &CasePlan, slide: &mut Slide) -> Bounds {
    slide.stroma(160);
    let mut glands: Vec<Blob> = Vec::new();
    let wanted = plan.sized(14.0, 24.0) as usize;
    for _ in 0..200 {
        if glands.len() >= wanted {
            break;
        }
        let (rx, ry) = (
            slide.dice.between(0.07, 0.16),
            slide.dice.between(0.06, 0.11),
        );
        let (x, y) = (slide.dice.between(0.0, 1.0), slide.dice.between(0.0, 1.0));
        if glands
            .iter()
            .all(|g| (g.x - x).hypot(g.y - y) > 0.60 * (g.rx + rx.min(ry)))
        {
            let angle = slide.dice.between(0.0, 3.1);
            glands.push(
                Blob::new(x, y, rx, ry)
                    .turned(angle)
                    .wavy(&mut slide.dice, 0.30),
            );
        }
    }
    for outline in &glands {
        gland(slide, outline, 0.42, 1.7, 1.55);
        for _ in 0..8 {
            let (dx, dy) = (
                0.2 * outline.rx * slide.dice.bell(),
                0.2 * outline.ry * slide.dice.bell(),
            );
            slide.nucleus(
                &Blob::new(outline.x + dx, outline.y + dy, 0.006, 0.005),
                0.8,
            );
        }
    }
    Bounds::ALL
}

fn squamous(plan: &CasePlan, slide: &mut Slide) -> Option<Bounds> {
    let noise = slide.noise;
    slide.haematoxylin.paint(Bounds::ALL, |x, y, old| {
        old + 0.22 + 0.08 * noise.cloud(x, y, 10.0)
    });
    for _ in 0..620 {
        let (x, y) = (slide.dice.between(0.0, 1.0), slide.dice.between(0.0, 1.0));
        let (long, angle) = (
            slide.dice.between(0.009, 0.013),
            slide.dice.between(0.0, 3.1),
        );
        slide.nucleus(&Blob::new(x, y, long, 0.0085).turned(angle), 0.85);
    }
    let mut pearls: Vec<Blob> = Vec::new();
    let wanted = plan.sized(3.0, 6.0) as usize;
    for _ in 0..200 {
        if pearls.len() >= wanted {
            break;
        }
        let r = slide.dice.between(0.10, 0.16);
        let (x, y) = (slide.dice.between(0.1, 0.9), slide.dice.between(0.1, 0.9));
        if pearls
            .iter()
            .all(|p| (p.x - x).hypot(p.y - y) > p.rx + r + 0.02)
        {
            pearls.push(Blob::new(x, y, r, r * 0.88).wavy(&mut slide.dice, 0.08));
        }
    }
    for pearl in &pearls {
        slide.eosin.paint(pearl.bounds(0.01), |x, y, old| {
            let r = pearl.radius(x, y);
            let lamella = 0.5 + 0.5 * (r * 30.0 + 2.0 * noise.cloud(x, y, 9.0)).cos();
            lerp(old, 0.55 + 0.65 * lamella, pearl.cover(x, y, 0.012))
        });
        slide.haematoxylin.fill(pearl, 0.012, 0.03);
    }
    bounds_of(&pearls)
}

fn steatosis(plan: &CasePlan, slide: &mut Slide) -> Bounds {
    slide.eosin.paint(Bounds::ALL, |_, _, old| old + 0.22);
    let mut drops: Vec<Blob> = Vec::new();
    let wanted = plan.sized(45.0, 95.0) as usize;
    for _ in 0..1500 {
        if drops.len() >= wanted {
            break;
        }
        let r = slide.dice.between(0.022, 0.052);
        let (x, y) = (slide.dice.between(0.0, 1.0), slide.dice.between(0.0, 1.0));
        if drops
            .iter()
            .all(|d| (d.x - x).hypot(d.y - y) > d.rx + r + 0.005)
        {
            drops.push(Blob::disc(x, y, r).wavy(&mut slide.dice, 0.03));
        }
    }
    for _ in 0..140 {
        let (x, y) = (slide.dice.between(0.0, 1.0), slide.dice.between(0.0, 1.0));
        slide.nucleus(&Blob::new(x, y, 0.011, 0.010), 0.85);
    }
    for drop in &drops {
        slide.clear(drop, 0.005);
        let angle = slide.dice.between(0.0, std::f32::consts::TAU);
        let (x, y) = (
            drop.x + drop.rx * angle.cos(),
            drop.y + drop.rx * angle.sin(),
        );
        slide.nucleus(&Blob::new(x, y, 0.010, 0.0045).turned(angle + 1.57), 0.95);
    }
    Bounds::ALL
}

fn lymphoid(plan: &CasePlan, slide: &mut Slide) -> Bounds {
    let cells = plan.sized(1500.0, 2500.0) as u32;
    slide.eosin.paint(Bounds::ALL, |_, _, old| 0.55 * old);
    for _ in 0..cells {
        let (x, y) = (slide.dice.between(0.0, 1.0), slide.dice.between(0.0, 1.0));
        let r = slide.dice.between(0.0075, 0.0098);
        let dark = slide.dice.between(1.0, 1.4);
        slide.nucleus(&Blob::new(x, y, r, r), dark);
    }
    Bounds::ALL
}

fn fibrosis(slide: &mut Slide) -> Bounds {
    let along = slide.dice.between(0.0, 3.1);
    let (sin, cos) = along.sin_cos();
    let noise = slide.noise;
    let pitch = slide.dice.between(17.0, 24.0);
    slide.haematoxylin.paint(Bounds::ALL, |_, _, old| 0.5 * old);
    slide.eosin.paint(Bounds::ALL, |x, y, _| {
        let (u, v) = (x * cos + y * sin, y * cos - x * sin);
        let wave = v + 0.030 * (u * 13.0).sin() + 0.035 * noise.cloud(x, y, 3.0);
        let strand = 0.5
            + 0.5
                * (wave * pitch * std::f32::consts::TAU * 0.5 + 1.5 * noise.at(u * 4.0, v * 20.0))
                    .sin();
        0.18 + 0.75 * ramp(0.05, 0.75, strand)
    });
    for _ in 0..110 {
        let (x, y) = (slide.dice.between(0.0, 1.0), slide.dice.between(0.0, 1.0));
        let wobble = 0.2 * slide.dice.bell();
        slide.nucleus(&Blob::new(x, y, 0.017, 0.0034).turned(along + wobble), 0.95);
    }
    Bounds::ALL
}
