//! CT of the head without contrast, in Hounsfield units, seen from below: the patient's right is
//! on the left.

use crate::canvas::{Blob, Bounds, Grid, Noise, Plane, lerp, ramp, to_segment};
use crate::dice::Dice;
use crate::plan::{CasePlan, Painting, Pixels, Side};

const AIR_HU: f32 = -1000.0;
const SCALP_HU: f32 = 20.0;
const BONE_HU: f32 = 950.0;
const GREY_HU: f32 = 38.0;
const WHITE_HU: f32 = 29.0;
const FLUID_HU: f32 = 6.0;
const BLOOD_HU: f32 = 72.0;

struct Skull {
    inner: Blob,
    noise: Noise,
    /// How far the midline is pushed, in unit coordinates.
    shift: f32,
}

pub(crate) fn paint<'g>(plan: &CasePlan, image: u32, grid: &'g Grid) -> Painting<'g> {
    let mut dice = plan.case_dice(1);
    let mut own = plan.image_dice(image);
    let slice = plan.slice_offset(image);
    let side = plan.side.unwrap_or(Side::Right);
    let size = 1.0 - 0.05 * slice.max(0.0);
    let tilt = dice.between(-0.06, 0.06);
    let centre = (
        0.5 + dice.between(-0.02, 0.02),
        0.49 + dice.between(-0.02, 0.02),
    );
    let inner = Blob::new(
        centre.0,
        centre.1,
        dice.between(0.315, 0.345) * size,
        dice.between(0.385, 0.415) * size,
    )
    .turned(tilt);
    let push = match plan.finding.key {
        "subdural_haematoma" => plan.sized(0.02, 0.05),
        "intracerebral_haemorrhage" | "brain_tumour" => plan.sized(0.01, 0.03),
        _ => 0.0,
    };
    let skull = Skull {
        inner,
        noise: Noise::new(plan.case_dice(9).bits()),
        shift: -side.across() * push,
    };
    let mut slab = Plane::filled(grid, AIR_HU);
    head_rest(&mut slab);
    shell(&mut slab, &skull, dice.between(0.028, 0.04));
    brain(&mut slab, &skull, plan, slice);
    ventricles(&mut slab, &skull, plan, &mut dice, slice);
    let lesion = disease(plan, &mut slab, &skull, side, slice);
    let grain = Noise::new(own.bits());
    let noise_hu = own.between(1.6, 3.0);
    slab.paint(Bounds::ALL, |x, y, old| old + noise_hu * grain.grain(x, y));
    Painting {
        pixels: Pixels::Hounsfield(slab),
        lesion,
    }
}

fn head_rest(slab: &mut Plane) {
    slab.paint(
        Bounds {
            x0: 0.1,
            y0: 0.8,
            x1: 0.9,
            y1: 1.0,
        },
        |x, y, old| {
            let arc = 0.965 - 0.5 * (x - 0.5).powi(2);
            if (y - arc).abs() < 0.012 { -150.0 } else { old }
        },
    );
}

fn shell(slab: &mut Plane, skull: &Skull, thick: f32) {
    let Blob { rx, ry, .. } = skull.inner;
    let outer = Blob {
        rx: rx + thick,
        ry: ry + thick,
        ..skull.inner.clone()
    };
    let scalp = Blob {
        rx: rx + thick + 0.022,
        ry: ry + thick + 0.022,
        ..skull.inner.clone()
    };
    slab.fill(&scalp, 0.006, SCALP_HU);
    slab.paint(outer.bounds(0.01), |x, y, old| {
        let between = outer.radius(x, y);
        let marrow = 250.0 * ramp(0.03, 0.0, (between - 0.96).abs());
        lerp(old, BONE_HU - marrow, outer.cover(x, y, 0.006))
    });
}

fn brain(slab: &mut Plane, skull: &Skull, plan: &CasePlan, slice: f32) {
    let noise = skull.noise;
    let tight = plan.shows("hydrocephalus");
    let inner = &skull.inner;
    slab.paint(inner.bounds(0.01), |x, y, old| {
        let cover = inner.cover(x, y, 0.005);
        if cover <= 0.0 {
            return old;
        }
        let r = inner.radius(x, y);
        let z = 0.06 * slice;
        let fold = noise.cloud(x + z, y, 16.0);
        let cortex = ramp(0.70, 0.86, r + 0.16 * fold);
        let mut tissue = lerp(WHITE_HU, GREY_HU, cortex) + 1.5 * noise.cloud(x, y + z, 6.0);
        let gyri = noise.at((x + z) * 30.0, y * 30.0);
        let sulcus = ramp(0.16, 0.04, gyri.abs()) * ramp(0.80, 0.92, r);
        if !tight {
            tissue = lerp(tissue, FLUID_HU + 6.0, 0.75 * sulcus);
        }
        let rim = ramp(0.965, 0.99, r);
        lerp(old, lerp(tissue, FLUID_HU + 8.0, 0.6 * rim), cover)
    });
    for half in [-1.0_f32, 1.0] {
        let core = Blob::new(
            inner.x + half * 0.10 + skull.shift * 0.6,
            inner.y + 0.02,
            0.038,
            0.075,
        )
        .turned(half * 0.35);
        slab.fill(&core, 0.03, GREY_HU + 1.0);
    }
    let falx = [
        (inner.x, inner.y - inner.ry),
        (inner.x + skull.shift, inner.y - 0.12),
        (inner.x + skull.shift, inner.y + 0.16),
        (inner.x, inner.y + inner.ry),
    ];
    slab.paint(
        Bounds::around(inner.x, inner.y, 0.08, inner.ry),
        |x, y, old| {
            if inner.radius(x, y) > 0.99 {
                return old;
            }
            let to_front =
                to_segment(x, y, falx[0], falx[1]).min(to_segment(x, y, falx[2], falx[3]));
            let fissure = lerp(old, FLUID_HU + 8.0, 0.7 * ramp(0.012, 0.006, to_front));
            lerp(fissure, 50.0, ramp(0.005, 0.003, to_front))
        },
    );
}

fn ventricles(slab: &mut Plane, skull: &Skull, plan: &CasePlan, dice: &mut Dice, slice: f32) {
    let wide = plan.shows("hydrocephalus");
    let scale = if wide {
        plan.sized(1.9, 2.7)
    } else {
        dice.between(0.8, 1.05)
    };
    let scale = scale * (1.0 - 0.08 * slice.abs());
    let inner = &skull.inner;
    for half in [-1.0_f32, 1.0] {
        let squeeze = if skull.shift != 0.0 && half == -skull.shift.signum() {
            0.6
        } else {
            1.0
        };
        let gap = if wide { 0.045 + 0.022 * scale } else { 0.036 };
        let x = inner.x + skull.shift + half * gap;
        let long = 1.0 + 0.25 * (scale - 1.0);
        let front = Blob::new(x, inner.y - 0.07, 0.020 * scale * squeeze, 0.072 * long)
            .turned(-half * 0.30);
        let back = Blob::new(
            x + half * 0.045,
            inner.y + 0.11,
            0.020 * scale * squeeze,
            0.075 * long,
        )
        .turned(half * 0.45);
        slab.fill(&front.wavy(dice, 0.05), 0.012, FLUID_HU);
        slab.fill(&back.wavy(dice, 0.05), 0.012, FLUID_HU);
    }
    let third = Blob::new(inner.x + skull.shift, inner.y + 0.04, 0.007 * scale, 0.04);
    slab.fill(&third, 0.008, FLUID_HU);
}

fn disease(
    plan: &CasePlan,
    slab: &mut Plane,
    skull: &Skull,
    side: Side,
    slice: f32,
) -> Option<Bounds> {
    let mut dice = plan.case_dice(2);
    let across = side.across();
    let inner = &skull.inner;
    let shrink = 1.0 - 0.14 * slice.abs();
    match plan.finding.key {
        "subdural_haematoma" => Some(subdural(plan, slab, skull, side, shrink)),
        "intracerebral_haemorrhage" => {
            let r = plan.sized(0.068, 0.115) * shrink;
            let (x, y) = (
                inner.x + across * dice.between(0.12, 0.15),
                inner.y + dice.between(-0.06, 0.08),
            );
            let clot = Blob::new(x, y, r * 0.85, r * 1.15)
                .turned(across * dice.between(0.0, 0.5))
                .wavy(&mut dice, 0.14);
            slab.fill(&clot.scaled(1.32), 0.03, 17.0);
            let noise = skull.noise;
            slab.paint(clot.bounds(0.012), |x, y, old| {
                lerp(
                    old,
                    BLOOD_HU + 3.0 * noise.cloud(x, y, 20.0),
                    clot.cover(x, y, 0.012),
                )
            });
            Some(clot.bounds(0.0))
        }
        "cerebral_infarct" => Some(infarct(plan, slab, skull, side, &mut dice)),
        "brain_tumour" => {
            let r = plan.sized(0.07, 0.105) * shrink;
            let (x, y) = (
                inner.x + across * dice.between(0.13, 0.17),
                inner.y + dice.between(-0.19, 0.17),
            );
            let mass = Blob::new(x, y, r, r * dice.between(0.9, 1.15)).wavy(&mut dice, 0.12);
            let swelling = mass.scaled(1.75).wavy(&mut dice, 0.25);
            slab.paint(swelling.bounds(0.04), |x, y, old| {
                let inside = ramp(1.0, 0.96, inner.radius(x, y));
                lerp(old, 15.0, inside * swelling.cover(x, y, 0.04))
            });
            slab.fill(&mass, 0.010, 66.0);
            slab.fill(&mass.scaled(0.66), 0.012, 10.0);
            Some(mass.bounds(0.0))
        }
        "hydrocephalus" => Some(Bounds::around(inner.x, inner.y + 0.02, 0.18, 0.22)),
        _ => None,
    }
}

fn subdural(plan: &CasePlan, slab: &mut Plane, skull: &Skull, side: Side, shrink: f32) -> Bounds {
    let inner = &skull.inner;
    let thick = plan.sized(0.13, 0.25) * shrink;
    let (x0, x1) = match side {
        Side::Right => (inner.x - inner.rx, inner.x - inner.rx * 0.5),
        Side::Left => (inner.x + inner.rx * 0.5, inner.x + inner.rx),
    };
    let bounds = Bounds {
        x0,
        y0: inner.y - inner.ry * 0.8,
        x1,
        y1: inner.y + inner.ry * 0.8,
    };
    let search = Bounds {
        x0: bounds.x0.min(inner.x),
        x1: bounds.x1.max(inner.x),
        ..bounds
    };
    let noise = skull.noise;
    slab.paint(search, |x, y, old| {
        let angle = (y - inner.y).atan2((x - inner.x) * side.across());
        let depth = thick * (1.0 - (angle / 1.15).powi(2)).max(0.0).sqrt();
        let r = inner.radius(x, y);
        let cover = ramp(1.0 - depth - 0.015, 1.0 - depth + 0.015, r)
            * ramp(1.005, 0.99, r)
            * ramp(0.0, 0.03, depth);
        lerp(old, BLOOD_HU - 2.0 + 3.0 * noise.cloud(x, y, 12.0), cover)
    });
    bounds
}

fn infarct(
    plan: &CasePlan,
    slab: &mut Plane,
    skull: &Skull,
    side: Side,
    dice: &mut Dice,
) -> Bounds {
    let inner = &skull.inner;
    let half_angle = plan.sized(0.50, 0.85);
    let towards = dice.between(-0.25, 0.25);
    let noise = skull.noise;
    let (x0, x1) = match side {
        Side::Right => (inner.x - inner.rx, inner.x - 0.07),
        Side::Left => (inner.x + 0.07, inner.x + inner.rx),
    };
    let reach = inner.rx * (half_angle + 0.1).sin() * 1.15;
    let middle = inner.y + towards * 0.26;
    let bounds = Bounds {
        x0,
        y0: middle - reach,
        x1,
        y1: middle + reach,
    };
    slab.paint(bounds, |x, y, old| {
        let angle = (y - inner.y).atan2((x - inner.x) * side.across()) - towards;
        let r = inner.radius(x, y);
        let ragged = 0.10 * noise.cloud(x + 0.5, y, 9.0);
        let cover = ramp(half_angle + 0.06, half_angle - 0.06, angle.abs() + ragged)
            * ramp(0.38, 0.48, r + ragged)
            * ramp(1.0, 0.985, r);
        lerp(old, 13.0 + 2.0 * noise.cloud(x, y, 14.0), cover)
    });
    bounds
}
