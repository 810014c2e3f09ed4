//! Frontal chest radiographs: density 0 (air) to 1 (metal), the patient's right on the left.

use crate::canvas::{Blob, Bounds, Grid, Noise, Plane, lerp, ramp, to_segment};
use crate::dice::Dice;
use crate::plan::{CasePlan, Painting, Pixels, Side, bounds_of};

/// The measures of one chest, in unit coordinates.
struct Thorax {
    middle: f32,
    apex: f32,
    /// Height of the dome of the diaphragm, right and left.
    base: [f32; 2],
    half_width: f32,
    heart: Blob,
    noise: Noise,
}

impl Thorax {
    fn new(plan: &CasePlan, dice: &mut Dice, image: &mut Dice) -> Self {
        let middle = 0.5 + dice.between(-0.015, 0.015) + image.between(-0.015, 0.015);
        let apex = dice.between(0.11, 0.15) + image.between(-0.01, 0.01);
        let base = dice.between(0.74, 0.80) + image.between(-0.012, 0.012);
        let big = plan.shows("cardiomegaly");
        let rx = if big {
            plan.sized(0.205, 0.27)
        } else {
            dice.between(0.115, 0.135)
        };
        let ry = if big {
            plan.sized(0.16, 0.2)
        } else {
            dice.between(0.115, 0.13)
        };
        let lean = if big { 0.035 } else { 0.04 };
        Self {
            middle,
            apex,
            base: [base - 0.02, base + 0.01],
            half_width: dice.between(0.355, 0.395),
            heart: Blob::new(middle + lean, base - ry * 0.72, rx, ry).turned(0.35),
            noise: Noise::new(image.bits()),
        }
    }

    /// How much a point belongs to lung, and its depth along the lung 0 (apex) .. 1 (base).
    fn lung(&self, x: f32, y: f32) -> (f32, f32) {
        let across = x - self.middle;
        let base = self.base[usize::from(across > 0.0)];
        let t = (y - self.apex) / (base - self.apex);
        if !(-0.1..1.35).contains(&t) {
            return (0.0, t);
        }
        let t_in = t.clamp(0.0, 1.0);
        let lateral = self.half_width * (1.0 - (1.0 - t_in).powi(3)).sqrt() * (0.80 + 0.20 * t_in);
        let medial = 0.055 + 0.03 * t_in * t_in;
        let dome = 0.055 * ((across.abs() - 0.19) / 0.19).powi(2);
        let edge = ramp(-0.008, 0.012, lateral - across.abs())
            * ramp(-0.008, 0.012, across.abs() - medial)
            * ramp(-0.008, 0.01, y - self.apex)
            * ramp(-0.01, 0.01, base + dome - y);
        (edge, t)
    }
}

pub(crate) fn paint<'g>(plan: &CasePlan, image: u32, grid: &'g Grid) -> Painting<'g> {
    let mut dice = plan.case_dice(1);
    let mut own = plan.image_dice(image);
    let thorax = Thorax::new(plan, &mut dice, &mut own);
    let mut film = Plane::filled(grid, 0.02);
    soft_tissue(&mut film, &thorax, &mut dice);
    lungs(&mut film, &thorax);
    let below_bone = disease(plan, &mut film, &thorax);
    bones(&mut film, &thorax, &mut dice);
    let lesion = below_bone.or_else(|| device(plan, &mut film, &thorax));
    expose(&mut film, &thorax, &mut own);
    Painting {
        pixels: Pixels::Density(film),
        lesion,
    }
}

fn soft_tissue(film: &mut Plane, thorax: &Thorax, dice: &mut Dice) {
    let width = thorax.half_width + dice.between(0.06, 0.10);
    let noise = thorax.noise;
    film.paint(Bounds::ALL, |x, y, old| {
        let across = (x - thorax.middle).abs();
        let shoulder = 0.16 + 0.55 * (across - 0.08).max(0.0).powi(2) - 0.04;
        let trunk = ramp(-0.02, 0.03, y - shoulder)
            * ramp(-0.02, 0.02, (width + 0.14 * ramp(0.5, 0.1, y)) - across);
        let neck = ramp(-0.01, 0.02, 0.105 + 0.3 * (y - 0.08).max(0.0) - across);
        let cover = trunk.max(neck * ramp(0.3, 0.2, y));
        let tissue = 0.50 + 0.06 * noise.cloud(x, y, 5.0) + 0.14 * ramp(0.70, 0.95, y);
        let axilla = 0.10 * ramp(width - 0.03, width + 0.05, across);
        lerp(old, tissue - axilla, cover)
    });
    film.fill(&Blob::new(thorax.middle, 0.45, 0.075, 0.5), 0.04, 0.66);
    let gas = Blob::new(thorax.middle + 0.17, thorax.base[1] + 0.10, 0.07, 0.035).wavy(dice, 0.15);
    film.paint(gas.bounds(0.03), |x, y, old| {
        old - 0.22 * gas.cover(x, y, 0.03)
    });
    film.paint(Bounds::ALL, |x, y, old| {
        // Trachea: a dark band that forks behind the aortic arch.
        let trunk = ramp(0.020, 0.012, (x - thorax.middle).abs())
            * ramp(0.38, 0.36, y)
            * ramp(0.03, 0.06, y);
        old - 0.13 * trunk
    });
}

fn lungs(film: &mut Plane, thorax: &Thorax) {
    let noise = thorax.noise;
    film.paint(Bounds::ALL, |x, y, old| {
        let (cover, t) = thorax.lung(x, y);
        if cover <= 0.0 {
            return old;
        }
        let hilum_x = thorax.middle + 0.085 * (x - thorax.middle).signum();
        let hilum = (((x - hilum_x) * 1.2).powi(2) + (y - 0.46).powi(2)).sqrt();
        let strands = 1.0 - (noise.cloud(x, y, 14.0) * 3.2).abs();
        let vessels = 0.12 * strands.max(0.0) * (-hilum * 5.0).exp();
        let mist = 0.17 + 0.05 * noise.cloud(x, y, 4.0) + 0.06 * t + 0.12 * (-hilum * 14.0).exp();
        lerp(old, mist + vessels, cover)
    });
    film.fill(&thorax.heart, 0.02, 0.70);
    film.fill(&Blob::disc(thorax.middle + 0.058, 0.35, 0.042), 0.018, 0.64);
}

fn disease(plan: &CasePlan, film: &mut Plane, thorax: &Thorax) -> Option<Bounds> {
    let mut dice = plan.case_dice(2);
    let side = plan.side.unwrap_or(Side::Right);
    match plan.finding.key {
        "pneumothorax" => Some(pneumothorax(plan, film, thorax, side)),
        "pleural_effusion" => Some(effusion(plan, film, thorax, side)),
        "pneumonia" => Some(pneumonia(plan, film, thorax, side, &mut dice)),
        "lung_mass" => {
            let r = plan.sized(0.058, 0.092);
            let x = thorax.middle + side.across() * dice.between(0.18, 0.24);
            let y = dice.between(0.27, 0.60);
            let mass = Blob::new(x, y, r, r * dice.between(0.88, 1.1)).wavy(&mut dice, 0.07);
            film.paint(mass.bounds(0.012), |x, y, old| {
                lerp(
                    old,
                    0.80 + 0.03 * thorax.noise.cloud(x, y, 12.0),
                    mass.cover(x, y, 0.012),
                )
            });
            Some(mass.bounds(0.0))
        }
        "lung_metastases" => {
            let spots = scatter(
                thorax,
                &mut dice,
                plan.sized(11.0, 20.0) as usize,
                (0.020, 0.036),
            );
            for spot in &spots {
                film.paint(spot.bounds(0.01), |x, y, old| {
                    let cover = spot.cover(x, y, 0.01) * thorax.lung(x, y).0;
                    old.max(lerp(old, 0.74, cover))
                });
            }
            bounds_of(&spots)
        }
        "cardiomegaly" => Some(thorax.heart.bounds(0.0)),
        _ => None,
    }
}

/// Discs within both lungs that do not overlap.
fn scatter(thorax: &Thorax, dice: &mut Dice, wanted: usize, radius: (f32, f32)) -> Vec<Blob> {
    let mut spots: Vec<Blob> = Vec::new();
    for attempt in 0..400 {
        if spots.len() >= wanted {
            break;
        }
        let half = if attempt % 2 == 0 { -1.0 } else { 1.0 };
        let (x, y) = (
            thorax.middle + half * dice.between(0.10, 0.33),
            dice.between(0.2, 0.74),
        );
        let r = dice.between(radius.0, radius.1);
        let free = spots
            .iter()
            .all(|s| (s.x - x).hypot(s.y - y) > s.rx + r + 0.012);
        if free && thorax.lung(x, y).0 > 0.9 && thorax.heart.radius(x, y) > 1.15 {
            spots.push(Blob::disc(x, y, r));
        }
    }
    spots
}

fn pneumothorax(plan: &CasePlan, film: &mut Plane, thorax: &Thorax, side: Side) -> Bounds {
    // The lung shrinks towards its root; what it leaves is black and without markings.
    let shrink = plan.sized(0.74, 0.42);
    let root = (thorax.middle + side.across() * 0.06, 0.52);
    let base = thorax.base[usize::from(side == Side::Left)];
    let (x0, x1) = match side {
        Side::Right => (thorax.middle - thorax.half_width, thorax.middle),
        Side::Left => (thorax.middle, thorax.middle + thorax.half_width),
    };
    let bounds = Bounds {
        x0,
        y0: thorax.apex,
        x1,
        y1: base + 0.02,
    };
    film.paint(bounds, |x, y, old| {
        let (space, _) = thorax.lung(x, y);
        if space <= 0.0 || thorax.heart.radius(x, y) < 1.0 {
            return old;
        }
        let (sx, sy) = (
            root.0 + (x - root.0) / shrink,
            root.1 + (y - root.1) / shrink.powf(0.6),
        );
        let (kept, _) = thorax.lung(sx, sy);
        let medial =
            side.across() * (x - thorax.middle) < 0.085 + 0.05 * shrink && y < 0.7 && y > 0.32;
        let kept = if medial {
            kept.max(1.0 - ramp(0.06, 0.10, (x - root.0).abs()))
        } else {
            kept
        };
        let air = 0.035;
        let collapsed = old + 0.16 * (1.0 - shrink) + 0.03;
        let line = 0.30 * (1.0 - (2.0 * kept - 1.0).abs()).max(0.0);
        lerp(old, lerp(air, collapsed, kept) + line, space)
    });
    bounds
}

fn effusion(plan: &CasePlan, film: &mut Plane, thorax: &Thorax, side: Side) -> Bounds {
    let base = thorax.base[usize::from(side == Side::Left)] + 0.06;
    let height = plan.sized(0.17, 0.42);
    let lateral = thorax.middle + side.across() * thorax.half_width;
    let level = |x: f32| {
        // The meniscus climbs along the chest wall.
        let from_wall = ((lateral - x) * side.across() / 0.3).clamp(0.0, 1.0);
        base - height - 0.13 * (1.0 - from_wall).powi(2) + 0.05
    };
    let (x0, x1) = if side == Side::Right {
        (lateral, thorax.middle)
    } else {
        (thorax.middle, lateral)
    };
    let bounds = Bounds {
        x0,
        y0: base - height - 0.09,
        x1,
        y1: base + 0.02,
    };
    film.paint(bounds, |x, y, old| {
        let (space, _) = thorax.lung(x, y);
        let wet = ramp(-0.02, 0.03, y - level(x)) * space;
        old.max(lerp(old, 0.72 + 0.02 * thorax.noise.cloud(x, y, 6.0), wet))
    });
    bounds
}

fn pneumonia(
    plan: &CasePlan,
    film: &mut Plane,
    thorax: &Thorax,
    side: Side,
    dice: &mut Dice,
) -> Bounds {
    let (rx, ry) = (plan.sized(0.10, 0.15), plan.sized(0.09, 0.15));
    let x = thorax.middle + side.across() * dice.between(0.18, 0.22);
    let cloud = Blob::new(x, dice.between(0.34, 0.62), rx, ry).wavy(dice, 0.22);
    let noise = Noise::new(dice.bits());
    film.paint(cloud.bounds(0.12), |x, y, old| {
        let (space, _) = thorax.lung(x, y);
        let fluff = cloud.radius(x, y) + 0.42 * noise.cloud(x, y, 11.0);
        let cover = ramp(1.15, 0.60, fluff) * space;
        // Air-filled bronchi stay dark within the whitened lung.
        let bronchi = 0.16 * ramp(0.10, 0.0, noise.cloud(x + 0.3, y, 9.0).abs());
        old.max(lerp(
            old,
            0.60 + 0.06 * noise.cloud(x, y, 24.0) - bronchi,
            cover,
        ))
    });
    cloud.bounds(0.0)
}

fn bones(film: &mut Plane, thorax: &Thorax, dice: &mut Dice) {
    let spacing = dice.between(0.070, 0.078);
    let first = dice.between(0.0, spacing);
    let slope = dice.between(0.32, 0.46);
    let slant = dice.between(0.05, 0.11);
    let bone = dice.between(0.07, 0.10);
    film.paint(Bounds::ALL, |x, y, old| {
        let across = x - thorax.middle;
        let reach = across.abs();
        let vertebra = ramp(0.043, 0.033, reach)
            * (0.05 + 0.02 * ((y / 0.062).fract() - 0.5).abs())
            * ramp(0.02, 0.05, y);
        if reach > thorax.half_width + 0.03 || !(0.08..0.86).contains(&y) {
            return old + vertebra;
        }
        let back = band(
            y - first + 0.03 * (reach - 0.2) - slope * reach * reach * 1.6,
            spacing,
            0.011,
        );
        let front = band(
            y - first - 0.03 - 0.9 * (reach - 0.36).powi(2) + slant * reach,
            spacing * 1.3,
            0.012,
        );
        let inside =
            ramp(thorax.half_width + 0.03, thorax.half_width, reach) * ramp(0.04, 0.07, reach);
        let frame = ramp(0.09, 0.14, y) * ramp(0.86, 0.74, y);
        old + vertebra
            + inside * frame * (bone * back + 0.5 * bone * front * ramp(0.08, 0.2, reach))
    });
    for half in [-1.0_f32, 1.0] {
        let a = (thorax.middle + half * 0.045, thorax.apex + 0.085);
        let b = (
            thorax.middle + half * (thorax.half_width + 0.02),
            thorax.apex + 0.005,
        );
        let bounds = Bounds {
            x0: a.0.min(b.0) - 0.02,
            y0: b.1 - 0.03,
            x1: a.0.max(b.0) + 0.02,
            y1: a.1 + 0.03,
        };
        film.paint(bounds, |x, y, old| {
            old + 0.12 * ramp(0.017, 0.011, to_segment(x, y, a, b))
        });
    }
}

fn band(phase: f32, spacing: f32, half_width: f32) -> f32 {
    let distance = (phase / spacing - (phase / spacing).round()).abs() * spacing;
    ramp(half_width, half_width * 0.5, distance)
}

fn device(plan: &CasePlan, film: &mut Plane, thorax: &Thorax) -> Option<Bounds> {
    if !plan.shows("pacemaker") {
        return None;
    }
    let mut dice = plan.case_dice(3);
    let side = plan.side.unwrap_or(Side::Left);
    let x = thorax.middle + side.across() * dice.between(0.25, 0.30);
    let y = thorax.apex + dice.between(0.10, 0.16);
    let (hx, hy) = (plan.sized(0.050, 0.065), plan.sized(0.042, 0.055));
    let route = [
        (x - side.across() * 0.02, y - hy),
        (thorax.middle + side.across() * 0.10, thorax.apex + 0.07),
        (thorax.middle - 0.035, thorax.apex + 0.16),
        (thorax.middle - 0.04, 0.55),
        (thorax.heart.x + 0.06, thorax.heart.y + 0.06),
    ];
    film.paint(Bounds::ALL, |px, py, old| {
        let lead = route
            .windows(2)
            .map(|s| to_segment(px, py, s[0], s[1]))
            .fold(1.0, f32::min);
        let (bx, by) = (
            ((px - x).abs() - hx + 0.015).max(0.0),
            ((py - y).abs() - hy + 0.015).max(0.0),
        );
        let can = ramp(0.020, 0.013, bx.hypot(by));
        let header = 0.12 * ramp(0.0, 0.004, py - (y - hy * 0.45));
        lerp(
            lerp(old, 0.98, ramp(0.0085, 0.0055, lead)),
            0.88 + header,
            can,
        )
    });
    Some(Bounds::around(x, y, hx, hy))
}

fn expose(film: &mut Plane, thorax: &Thorax, own: &mut Dice) {
    let gain = own.between(0.93, 1.10);
    let gamma = own.between(0.88, 1.12);
    let grain = own.between(0.008, 0.016);
    let noise = thorax.noise;
    film.paint(Bounds::ALL, |x, y, old| {
        (old.max(0.0) * gain).powf(gamma) + grain * noise.grain(x, y)
    });
    // The side marker, a lead letter: R beside the patient's right shoulder.
    const LETTER: [u8; 7] = [
        0b11110, 0b10001, 0b10001, 0b11110, 0b10100, 0b10010, 0b10001,
    ];
    let (left, top, cell) = (own.between(0.04, 0.06), own.between(0.04, 0.08), 0.007);
    film.paint(
        Bounds {
            x0: left,
            y0: top,
            x1: left + 5.0 * cell,
            y1: top + 7.0 * cell,
        },
        |x, y, old| {
            let (column, row) = (((x - left) / cell) as usize, ((y - top) / cell) as usize);
            if column < 5 && row < 7 && LETTER[row] >> (4 - column) & 1 == 1 {
                1.0
            } else {
                old
            }
        },
    );
}
