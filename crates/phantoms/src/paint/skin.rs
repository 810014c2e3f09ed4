//! Skin, close up: tone, texture and hairs of the person, then the lesion.

use crate::canvas::{Blob, Bounds, Colour, Grid, Noise, blend, lerp, ramp, to_segment};
use crate::dice::Dice;
use crate::plan::{CasePlan, Painting, Pixels, bounds_of};

/// Where the camera points, how close it is, and the texture it sees.
struct Spot {
    at: (f32, f32),
    zoom: f32,
    noise: Noise,
}

pub(crate) fn paint<'g>(plan: &CasePlan, image: u32, grid: &'g Grid) -> Painting<'g> {
    let mut dice = plan.case_dice(1);
    let mut own = plan.image_dice(image);
    let noise = Noise::new(plan.case_dice(40 + u64::from(image)).bits());
    let mut photo = Colour::filled(grid, [0.0; 3]);
    // White patches need a tanned skin to stand out from.
    let tan = if plan.shows("vitiligo") {
        dice.between(0.5, 0.95)
    } else {
        dice.between(0.0, 0.75)
    };
    let tone = blend([0.91, 0.74, 0.65], [0.60, 0.40, 0.28], tan);
    photo.paint(Bounds::ALL, |x, y, _| {
        let pores = 0.035 * noise.cloud(x, y, 34.0) + 0.03 * noise.cloud(x, y, 3.0);
        let creases = 0.03 * ramp(0.10, 0.0, noise.at(x * 22.0 + 6.0 * y, y * 22.0).abs());
        tone.map(|c| c * (1.0 + pores - creases))
    });
    let zoom = own.between(0.92, 1.10);
    let at = (
        0.5 + own.between(-0.06, 0.06),
        0.5 + own.between(-0.06, 0.06),
    );
    let lesion = draw(plan, &mut photo, &Spot { at, zoom, noise });
    hairs(&mut photo, &mut own);
    let (lx, ly) = (own.between(0.3, 0.7), own.between(0.3, 0.7));
    let gain = own.between(0.94, 1.06);
    photo.paint(Bounds::ALL, |x, y, old| {
        let light = gain * (1.04 - 0.35 * ((x - lx).powi(2) + (y - ly).powi(2)));
        old.map(|c| c * light + 0.011 * noise.grain(x, y))
    });
    Painting {
        pixels: Pixels::Rgb(photo),
        lesion,
    }
}

fn hairs(photo: &mut Colour, own: &mut Dice) {
    for _ in 0..own.count(2, 7) {
        let mut at = (own.between(0.0, 1.0), own.between(0.0, 1.0));
        let mut heading = own.between(0.0, std::f32::consts::TAU);
        let curl = own.between(-0.12, 0.12);
        for _ in 0..12 {
            let next = (at.0 + 0.03 * heading.cos(), at.1 + 0.03 * heading.sin());
            let bounds = Bounds::around((at.0 + next.0) / 2.0, (at.1 + next.1) / 2.0, 0.02, 0.02);
            photo.paint(bounds, |x, y, old| {
                blend(
                    old,
                    [0.16, 0.11, 0.08],
                    0.7 * ramp(0.0030, 0.0016, to_segment(x, y, at, next)),
                )
            });
            (at, heading) = (next, heading + curl);
        }
    }
}

fn draw(plan: &CasePlan, photo: &mut Colour, spot: &Spot) -> Option<Bounds> {
    let Spot { at, zoom, noise } = *spot;
    let mut dice = plan.case_dice(2);
    match plan.finding.key {
        "melanoma" => Some(melanoma(plan, photo, spot, &mut dice)),
        "naevus" => {
            let r = plan.sized(0.10, 0.19) * zoom;
            let mole = Blob::new(at.0, at.1, r, r * dice.between(0.88, 1.0)).wavy(&mut dice, 0.04);
            let brown = blend(
                [0.50, 0.29, 0.17],
                [0.36, 0.20, 0.12],
                dice.between(0.0, 1.0),
            );
            photo.paint(mole.bounds(0.04), |x, y, old| {
                let net = 0.06 * ramp(0.18, 0.0, noise.at(x * 48.0, y * 48.0).abs());
                let colour =
                    brown.map(|c| c * (1.05 - net - 0.18 * (1.0 - mole.radius(x, y)).max(0.0)));
                blend(old, colour, 0.95 * mole.cover(x, y, 0.035))
            });
            Some(mole.bounds(0.0))
        }
        "basal_cell_carcinoma" => Some(basal_cell(plan, photo, spot, &mut dice)),
        "psoriasis" => Some(psoriasis(plan, photo, spot, &mut dice)),
        "haemangioma" => Some(haemangioma(plan, photo, spot, &mut dice)),
        "vitiligo" => {
            let mut patches = Vec::new();
            for nth in 0..dice.count(1, 3) {
                let r = plan.sized(0.15, 0.24) * zoom * if nth == 0 { 1.0 } else { 0.5 };
                let (dx, dy) = if nth == 0 {
                    (0.0, 0.0)
                } else {
                    (0.3 * dice.between(-1.0, 1.0), 0.3 * dice.between(-1.0, 1.0))
                };
                patches.push(
                    Blob::new(at.0 + dx, at.1 + dy, r, r * dice.between(0.7, 1.0))
                        .wavy(&mut dice, 0.22),
                );
            }
            for patch in &patches {
                photo.fill(patch, 0.015, [0.96, 0.90, 0.86], 0.93);
            }
            bounds_of(&patches)
        }
        _ => None,
    }
}

fn melanoma(plan: &CasePlan, photo: &mut Colour, spot: &Spot, dice: &mut Dice) -> Bounds {
    let Spot { at, zoom, noise } = *spot;
    let r = plan.sized(0.15, 0.27) * zoom;
    let main = Blob::new(at.0, at.1, r, r * dice.between(0.65, 0.9))
        .turned(dice.between(0.0, 3.0))
        .wavy(dice, 0.34);
    let angle = dice.between(0.0, std::f32::consts::TAU);
    let lobe = Blob::disc(
        at.0 + r * 0.8 * angle.cos(),
        at.1 + r * 0.7 * angle.sin(),
        r * 0.45,
    )
    .wavy(dice, 0.3);
    let areas = [
        ([0.07, 0.05, 0.06], 0.1),
        ([0.30, 0.34, 0.42], 2.3),
        ([0.36, 0.17, 0.10], 4.4),
        ([0.46, 0.19, 0.17], 6.1),
    ];
    let bounds = main.bounds(0.02).union(lobe.bounds(0.02));
    photo.paint(bounds, |x, y, old| {
        let cover = main.cover(x, y, 0.02).max(lobe.cover(x, y, 0.02));
        let mut colour = [0.17, 0.10, 0.07];
        for (tone, offset) in areas {
            let share = ramp(0.0, 0.45, noise.cloud(x + offset, y + offset, 7.0));
            colour = blend(colour, tone, share);
        }
        blend(old, colour, 0.97 * cover)
    });
    main.bounds(0.0).union(lobe.bounds(0.0))
}

fn basal_cell(plan: &CasePlan, photo: &mut Colour, spot: &Spot, dice: &mut Dice) -> Bounds {
    let Spot { at, zoom, noise } = *spot;
    let r = plan.sized(0.15, 0.23) * zoom;
    let nodule = Blob::new(at.0, at.1, r, r * dice.between(0.82, 1.0)).wavy(dice, 0.09);
    photo.paint(nodule.bounds(0.03), |x, y, old| {
        let d = nodule.radius(x, y);
        // A rolled, shining edge round a flat middle.
        let rim = ramp(0.30, 0.0, (d - 0.80).abs());
        let lit = rim * (0.5 - 0.5 * ((x - nodule.x) + (y - nodule.y)) / r).clamp(0.0, 1.0);
        let pink = blend([0.85, 0.52, 0.50], [0.98, 0.88, 0.86], lit.min(1.0));
        let vessel = ramp(0.07, 0.02, noise.cloud(x + 3.0, y, 8.0).abs()) * ramp(0.2, 0.45, d);
        blend(
            old,
            blend(pink, [0.70, 0.12, 0.16], 0.7 * vessel),
            0.95 * nodule.cover(x, y, 0.03),
        )
    });
    let ulcer = Blob::new(nodule.x + 0.1 * r, nodule.y, r * 0.36, r * 0.30).wavy(dice, 0.25);
    photo.fill(&ulcer, 0.015, [0.28, 0.07, 0.06], 0.95);
    let glint = Blob::new(nodule.x - 0.5 * r, nodule.y - 0.5 * r, r * 0.14, r * 0.07).turned(-0.7);
    photo.fill(&glint, 0.02, [1.0, 1.0, 1.0], 0.85);
    nodule.bounds(0.0)
}

fn psoriasis(plan: &CasePlan, photo: &mut Colour, spot: &Spot, dice: &mut Dice) -> Bounds {
    let Spot { at, zoom, noise } = *spot;
    let mut plaques = vec![
        Blob::new(
            at.0,
            at.1,
            plan.sized(0.22, 0.32) * zoom,
            plan.sized(0.18, 0.27) * zoom,
        )
        .turned(dice.between(0.0, 3.0))
        .wavy(dice, 0.12),
    ];
    for _ in 0..dice.count(0, 3) {
        let r = dice.between(0.05, 0.09);
        plaques
            .push(Blob::disc(dice.between(0.1, 0.9), dice.between(0.1, 0.9), r).wavy(dice, 0.15));
    }
    for plaque in &plaques {
        photo.paint(plaque.bounds(0.02), |x, y, old| {
            let red = [0.76, 0.24, 0.22].map(|c| c * (1.0 + 0.10 * noise.cloud(x, y, 20.0)));
            let flakes = noise.cloud(x + 1.7, y, 17.0) + 0.25 * (0.7 - plaque.radius(x, y));
            let scale = ramp(0.05, 0.22, flakes);
            blend(
                old,
                blend(red, [0.95, 0.92, 0.90], 0.9 * scale),
                0.93 * plaque.cover(x, y, 0.02),
            )
        });
    }
    bounds_of(&plaques).unwrap_or(Bounds::ALL)
}

fn haemangioma(plan: &CasePlan, photo: &mut Colour, spot: &Spot, dice: &mut Dice) -> Bounds {
    let Spot { at, zoom, .. } = *spot;
    let r = plan.sized(0.11, 0.20) * zoom;
    let body = Blob::disc(at.0, at.1, r).wavy(dice, 0.08);
    photo.fill(&body, 0.02, [0.74, 0.10, 0.16], 0.95);
    for _ in 0..22 {
        let (angle, reach) = (
            dice.between(0.0, std::f32::consts::TAU),
            0.85 * r * dice.between(0.0, 1.0).sqrt(),
        );
        let (x, y) = (at.0 + reach * angle.cos(), at.1 + reach * angle.sin());
        let lacuna = Blob::disc(x, y, r * dice.between(0.14, 0.24)).wavy(dice, 0.1);
        let dark = dice.between(0.0, 1.0);
        photo.paint(lacuna.bounds(0.01), |x, y, old| {
            let dome = 1.0 - lacuna.radius(x, y).min(1.0);
            let red = [
                lerp(0.72, 0.45, dark) + 0.25 * dome,
                0.05 + 0.12 * dome,
                0.12 + 0.12 * dome,
            ];
            blend(old, red, 0.9 * lacuna.cover(x, y, 0.012))
        });
    }
    body.bounds(0.0)
}
