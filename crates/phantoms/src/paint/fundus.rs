//! Photographs of the eye's fundus. The optic disc lies towards the nose, so it tells the eye:
//! on the right half of the picture for a right eye.

use crate::canvas::{Blob, Bounds, Colour, Grid, Noise, blend, ramp, to_segment};
use crate::dice::Dice;
use crate::plan::{CasePlan, Painting, Pixels, Side, bounds_of};

struct Eye {
    disc: Blob,
    macula: (f32, f32),
    /// 1 where the disc lies on the right half of the picture.
    nasal: f32,
    noise: Noise,
}

pub(crate) fn paint<'g>(plan: &CasePlan, image: u32, grid: &'g Grid) -> Painting<'g> {
    let mut dice = plan.case_dice(1);
    let mut own = plan.image_dice(image);
    let nasal = if plan.side == Some(Side::Right) {
        1.0
    } else {
        -1.0
    };
    let (dx, dy) = (own.between(-0.02, 0.02), own.between(-0.02, 0.02));
    let r = dice.between(0.062, 0.072) * if plan.shows("glaucoma") { 1.3 } else { 1.0 };
    let disc = Blob::new(
        0.5 + nasal * 0.21 + dx,
        0.49 + dice.between(-0.02, 0.02) + dy,
        r,
        r * 1.1,
    );
    let macula = (0.5 - nasal * 0.07 + dx, 0.515 + dy);
    let eye = Eye {
        disc,
        macula,
        nasal,
        noise: Noise::new(plan.case_dice(9).bits()),
    };
    let mut photo = Colour::filled(grid, [0.0; 3]);
    retina(&mut photo, &eye, &mut dice);
    let early = lesion_beneath(plan, &mut photo, &eye);
    vessels(&mut photo, &eye, &mut dice);
    optic_disc(&mut photo, &eye, plan, &mut dice);
    let late = lesion_above(plan, &mut photo, &eye);
    finish(&mut photo, &mut own);
    Painting {
        pixels: Pixels::Rgb(photo),
        lesion: early.or(late),
    }
}

fn retina(photo: &mut Colour, eye: &Eye, dice: &mut Dice) {
    let base = [
        dice.between(0.68, 0.80),
        dice.between(0.30, 0.38),
        dice.between(0.10, 0.16),
    ];
    let noise = eye.noise;
    photo.paint(Bounds::ALL, |x, y, _| {
        let mottle = 0.06 * noise.cloud(x, y, 9.0) + 0.03 * noise.cloud(x, y, 40.0);
        let near = (x - eye.macula.0).hypot(y - eye.macula.1);
        let shade = 1.0 + mottle - 0.30 * ramp(0.13, 0.0, near);
        [
            base[0] * shade,
            base[1] * shade * (1.0 - 0.15 * ramp(0.12, 0.0, near)),
            base[2] * shade,
        ]
    });
}

fn lesion_beneath(plan: &CasePlan, photo: &mut Colour, eye: &Eye) -> Option<Bounds> {
    let mut dice = plan.case_dice(2);
    let noise = eye.noise;
    match plan.finding.key {
        "choroidal_melanoma" => {
            let r = plan.sized(0.105, 0.16);
            let angle = dice.between(0.0, std::f32::consts::TAU);
            let (x, y) = (
                0.5 - eye.nasal * 0.06 + 0.2 * angle.cos(),
                0.5 + 0.22 * angle.sin(),
            );
            let tumour = Blob::new(x, y, r, r * dice.between(0.8, 1.0))
                .turned(angle)
                .wavy(&mut dice, 0.08);
            photo.paint(tumour.bounds(0.03), |x, y, old| {
                let tone = 0.05 * noise.cloud(x, y, 14.0);
                blend(
                    old,
                    [0.20 + tone, 0.19 + tone, 0.20 + tone],
                    0.94 * tumour.cover(x, y, 0.03),
                )
            });
            Some(tumour.bounds(0.0))
        }
        "macular_degeneration" => {
            let patch = Blob::new(
                eye.macula.0,
                eye.macula.1,
                plan.sized(0.075, 0.12),
                plan.sized(0.065, 0.10),
            )
            .wavy(&mut dice, 0.18);
            photo.fill(&patch, 0.02, [0.93, 0.72, 0.42], 0.85);
            let mut drusen = vec![patch];
            for _ in 0..plan.sized(35.0, 70.0) as u32 {
                let (x, y) = (
                    eye.macula.0 + 0.085 * dice.bell(),
                    eye.macula.1 + 0.08 * dice.bell(),
                );
                let druse = Blob::disc(x, y, dice.between(0.009, 0.019)).wavy(&mut dice, 0.1);
                photo.fill(&druse, 0.010, [0.97, 0.84, 0.45], 0.85);
                drusen.push(druse);
            }
            bounds_of(&drusen)
        }
        _ => None,
    }
}

/// Four arcades that leave the disc and curve round the macula, with branches.
fn vessels(photo: &mut Colour, eye: &Eye, dice: &mut Dice) {
    for (up, outward) in [(-1.0_f32, -1.0_f32), (1.0, -1.0), (-1.0, 1.0), (1.0, 1.0)] {
        for vein in [false, true] {
            let width = if vein { 0.0085 } else { 0.006 };
            let bend = dice.between(0.9, 1.15) + if vein { 0.14 } else { 0.0 };
            let lift = if outward < 0.0 { 0.27 } else { 0.20 };
            let reach = if outward < 0.0 { 0.62 } else { 0.30 };
            let wiggle = (dice.between(10.0, 20.0), dice.between(0.004, 0.009));
            let path = |t: f32| {
                let x = eye.disc.x + eye.nasal * outward * reach * t;
                let y = eye.disc.y
                    + up * bend * lift * (2.2 * t).min(1.5).sin()
                    + wiggle.1 * (t * wiggle.0).sin();
                (x, y)
            };
            let colour = if vein {
                [0.42, 0.07, 0.05]
            } else {
                [0.58, 0.13, 0.08]
            };
            for step in 0..26 {
                let (a, b) = (path(step as f32 / 26.0), path((step + 1) as f32 / 26.0));
                let thin = width * (1.0 - 0.6 * step as f32 / 26.0);
                stroke(photo, a, b, thin, colour);
                if step % 5 == 3 {
                    let angle =
                        up * dice.between(0.3, 1.3) * if dice.chance(0.5) { 1.0 } else { -0.6 };
                    let length = dice.between(0.05, 0.11);
                    let end = (
                        b.0 + eye.nasal * outward * length * angle.cos(),
                        b.1 + length * angle.sin(),
                    );
                    stroke(photo, b, end, thin * 0.6, colour);
                }
            }
        }
    }
}

fn stroke(photo: &mut Colour, a: (f32, f32), b: (f32, f32), width: f32, colour: [f32; 3]) {
    let bounds = Bounds {
        x0: a.0.min(b.0) - width,
        y0: a.1.min(b.1) - width,
        x1: a.0.max(b.0) + width,
        y1: a.1.max(b.1) + width,
    };
    photo.paint(bounds, |x, y, old| {
        let share = ramp(width, width * 0.45, to_segment(x, y, a, b));
        // The darker of the two, so that overlapping strokes leave no seams.
        let inked = blend(old, colour, 0.85 * share);
        [
            old[0].min(inked[0]),
            old[1].min(inked[1]),
            old[2].min(inked[2]),
        ]
    });
}

fn optic_disc(photo: &mut Colour, eye: &Eye, plan: &CasePlan, dice: &mut Dice) {
    let cupped = plan.shows("glaucoma");
    let ratio = if cupped {
        plan.sized(0.72, 0.90)
    } else {
        dice.between(0.25, 0.38)
    };
    let cup_colour = if cupped {
        [1.0, 0.97, 0.88]
    } else {
        [0.98, 0.86, 0.62]
    };
    let rim_colour = if cupped {
        [0.93, 0.62, 0.36]
    } else {
        [0.95, 0.70, 0.42]
    };
    photo.fill(
        &eye.disc,
        0.014,
        rim_colour,
        if cupped { 0.95 } else { 0.75 },
    );
    photo.fill(
        &eye.disc.scaled(ratio),
        0.014,
        cup_colour,
        if cupped { 1.0 } else { 0.7 },
    );
}

fn lesion_above(plan: &CasePlan, photo: &mut Colour, eye: &Eye) -> Option<Bounds> {
    let mut dice = plan.case_dice(3);
    match plan.finding.key {
        "glaucoma" => Some(eye.disc.bounds(0.0)),
        "diabetic_retinopathy" => {
            let mut marks = Vec::new();
            for _ in 0..plan.sized(28.0, 60.0) as u32 {
                let (x, y) = within_field(&mut dice);
                let r = dice.between(0.007, 0.022);
                let blot = Blob::new(x, y, r, r * dice.between(0.7, 1.0)).wavy(&mut dice, 0.25);
                photo.fill(&blot, 0.006, [0.40, 0.03, 0.03], 0.92);
                marks.push(blot);
            }
            for _ in 0..plan.sized(14.0, 34.0) as u32 {
                let (x, y) = within_field(&mut dice);
                let r = dice.between(0.006, 0.014);
                let exudate = Blob::new(x, y, r * 1.2, r).wavy(&mut dice, 0.3);
                photo.fill(&exudate, 0.005, [1.0, 0.95, 0.60], 0.95);
                marks.push(exudate);
            }
            bounds_of(&marks)
        }
        "retinal_detachment" => Some(detachment(plan, photo, eye, &mut dice)),
        _ => None,
    }
}

fn within_field(dice: &mut Dice) -> (f32, f32) {
    let (angle, reach) = (
        dice.between(0.0, std::f32::consts::TAU),
        0.41 * dice.between(0.0, 1.0).sqrt(),
    );
    (0.5 + reach * angle.cos(), 0.5 + reach * angle.sin())
}

fn detachment(plan: &CasePlan, photo: &mut Colour, eye: &Eye, dice: &mut Dice) -> Bounds {
    // Anywhere but on the side of the disc, which must stay visible to tell the eye.
    let turn = dice.between(-1.5, 1.5);
    let (ux, uy) = (-eye.nasal * turn.cos(), turn.sin());
    let start = plan.sized(0.14, -0.02);
    let noise = eye.noise;
    let mut seen: Option<Bounds> = None;
    photo.paint(Bounds::ALL, |x, y, old| {
        let along = (x - 0.5) * ux + (y - 0.5) * uy;
        let edge = along - start + 0.05 * noise.cloud(x, y, 4.0);
        let cover = ramp(-0.02, 0.03, edge);
        if cover > 0.5 && (x - 0.5).hypot(y - 0.5) < 0.46 {
            let here = Bounds {
                x0: x,
                y0: y,
                x1: x,
                y1: y,
            };
            seen = Some(seen.map_or(here, |s| s.union(here)));
        }
        let fold = 0.5 + 0.5 * (edge * 48.0 + 5.0 * noise.cloud(x, y, 5.0)).sin();
        let grey = 0.50 + 0.28 * fold;
        blend(old, [grey, grey * 0.97, grey * 0.88], 0.86 * cover)
    });
    seen.unwrap_or(Bounds::ALL)
}

fn finish(photo: &mut Colour, own: &mut Dice) {
    let (lx, ly) = (own.between(0.42, 0.58), own.between(0.42, 0.58));
    let gain = own.between(0.92, 1.08);
    let noise = Noise::new(own.bits());
    photo.paint(Bounds::ALL, |x, y, old| {
        let light = gain * (1.0 - 0.9 * ((x - lx).powi(2) + (y - ly).powi(2)));
        let aperture = ramp(0.476, 0.466, (x - 0.5).hypot(y - 0.5));
        let grain = 0.012 * noise.grain(x, y);
        old.map(|c| (c * light + grain) * aperture)
    });
}
