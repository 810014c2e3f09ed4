//! CT of the abdomen without contrast, in Hounsfield units: the liver lies on the picture's left.

use crate::canvas::{Blob, Bounds, Grid, Noise, Plane, lerp, ramp};
use crate::dice::Dice;
use crate::plan::{CasePlan, Painting, Pixels, Side, bounds_of};

const AIR_HU: f32 = -1000.0;
const FAT_HU: f32 = -95.0;
const MUSCLE_HU: f32 = 52.0;
const LIVER_HU: f32 = 62.0;
const SPLEEN_HU: f32 = 50.0;
const KIDNEY_HU: f32 = 36.0;
const BLOOD_POOL_HU: f32 = 44.0;
const WATER_HU: f32 = 5.0;
const BONE_HU: f32 = 420.0;

struct Trunk {
    body: Blob,
    cavity: Blob,
    liver: Blob,
    kidneys: [Blob; 2],
    aorta: Blob,
    noise: Noise,
}

impl Trunk {
    fn new(plan: &CasePlan, dice: &mut Dice, own: &mut Dice, slice: f32) -> Self {
        let (x, y) = (
            0.5 + dice.between(-0.015, 0.015),
            0.51 + own.between(-0.008, 0.008),
        );
        let (rx, ry) = (dice.between(0.42, 0.46), dice.between(0.32, 0.36));
        let fat = dice.between(0.03, 0.06);
        let body = Blob::new(x, y, rx, ry);
        let cavity = Blob::new(x, y - 0.015, rx - fat - 0.035, ry - fat - 0.03);
        let big = 1.0 - 0.10 * slice;
        let liver = Blob::new(x - 0.165, y - 0.065, 0.195 * big, 0.165 * big)
            .turned(0.35)
            .wavy(dice, 0.07);
        let kidney = |half: f32, dice: &mut Dice| {
            let (kx, ky) = (
                x + half * dice.between(0.165, 0.185),
                y + dice.between(0.105, 0.125),
            );
            Blob::new(kx, ky, 0.058, 0.076)
                .turned(half * -0.35)
                .wavy(dice, 0.04)
        };
        let kidneys = [kidney(-1.0, dice), kidney(1.0, dice)];
        let wide = plan.shows("aortic_aneurysm");
        let r = if wide {
            plan.sized(0.078, 0.122) * (1.0 - 0.1 * slice.abs())
        } else {
            0.027
        };
        let lift = if wide { r * 0.8 } else { 0.0 };
        let aorta = Blob::new(x + 0.022, y + 0.085 - lift, r, r * dice.between(0.92, 1.05));
        Self {
            body,
            cavity,
            liver,
            kidneys,
            aorta,
            noise: Noise::new(plan.case_dice(9).bits()),
        }
    }
}

pub(crate) fn paint<'g>(plan: &CasePlan, image: u32, grid: &'g Grid) -> Painting<'g> {
    let mut dice = plan.case_dice(1);
    let mut own = plan.image_dice(image);
    let slice = plan.slice_offset(image);
    let trunk = Trunk::new(plan, &mut dice, &mut own, slice);
    let mut slab = Plane::filled(grid, AIR_HU);
    wall(&mut slab, &trunk, plan);
    spine(&mut slab, &trunk);
    bowel(&mut slab, &trunk, plan, &mut dice, slice);
    organs(&mut slab, &trunk, &mut dice);
    let lesion = disease(plan, &mut slab, &trunk, slice);
    let grain = Noise::new(own.bits());
    let noise_hu = own.between(4.0, 7.0);
    slab.paint(Bounds::ALL, |x, y, old| old + noise_hu * grain.grain(x, y));
    Painting {
        pixels: Pixels::Hounsfield(slab),
        lesion,
    }
}

fn wall(slab: &mut Plane, trunk: &Trunk, plan: &CasePlan) {
    slab.paint(
        Bounds {
            x0: 0.0,
            y0: 0.8,
            x1: 1.0,
            y1: 1.0,
        },
        |x, y, old| {
            let table = 0.90 - 0.25 * (x - 0.5).powi(2);
            if (y - table).abs() < 0.008 {
                -200.0
            } else {
                old
            }
        },
    );
    let noise = trunk.noise;
    slab.paint(trunk.body.bounds(0.01), |x, y, old| {
        lerp(
            old,
            FAT_HU + 6.0 * noise.cloud(x, y, 8.0),
            trunk.body.cover(x, y, 0.006),
        )
    });
    let muscle = Blob {
        rx: trunk.cavity.rx + 0.026,
        ry: trunk.cavity.ry + 0.024,
        ..trunk.cavity.clone()
    };
    slab.fill(&muscle, 0.008, MUSCLE_HU);
    let inside = if plan.shows("ascites") {
        WATER_HU + 4.0
    } else {
        FAT_HU
    };
    slab.fill(&trunk.cavity, 0.008, inside);
    // Ribs in the wall, cut across.
    for step in 0..9 {
        for half in [-1.0_f32, 1.0] {
            let angle = -0.9 + 0.24 * step as f32;
            let rib = Blob::new(
                muscle.x + half * (muscle.rx - 0.012) * angle.cos(),
                muscle.y + (muscle.ry - 0.012) * angle.sin(),
                0.020,
                0.008,
            )
            .turned(half * (angle + 1.5));
            slab.fill(&rib, 0.006, BONE_HU);
            slab.fill(&rib.scaled(0.5), 0.006, 120.0);
        }
    }
}

fn spine(slab: &mut Plane, trunk: &Trunk) {
    let (x, y) = (trunk.body.x, trunk.body.y + 0.17);
    for half in [-1.0_f32, 1.0] {
        slab.fill(
            &Blob::new(x + half * 0.115, y + 0.075, 0.075, 0.045),
            0.01,
            MUSCLE_HU,
        );
        slab.fill(
            &Blob::new(x + half * 0.075, y - 0.01, 0.03, 0.04),
            0.01,
            MUSCLE_HU,
        );
        slab.fill(
            &Blob::new(x + half * 0.06, y + 0.055, 0.05, 0.011).turned(half * 0.3),
            0.006,
            BONE_HU,
        );
    }
    let body = Blob::new(x, y, 0.060, 0.046);
    slab.fill(&body, 0.006, BONE_HU);
    slab.fill(&body.scaled(0.82), 0.01, 190.0);
    slab.fill(&Blob::new(x, y + 0.085, 0.014, 0.05), 0.006, BONE_HU);
    slab.fill(&Blob::new(x, y + 0.058, 0.034, 0.026), 0.006, BONE_HU);
    slab.fill(&Blob::new(x, y + 0.056, 0.023, 0.018), 0.006, 25.0);
}

fn bowel(slab: &mut Plane, trunk: &Trunk, plan: &CasePlan, dice: &mut Dice, slice: f32) {
    let (x, y) = (trunk.body.x, trunk.body.y);
    let stomach = Blob::new(x + 0.13, y - 0.14, 0.105, 0.065)
        .turned(-0.35)
        .wavy(dice, 0.08);
    slab.fill(&stomach, 0.008, 38.0);
    slab.fill(&stomach.scaled(0.84), 0.008, 14.0);
    let gas = stomach.scaled(0.8);
    slab.paint(gas.bounds(0.0), |px, py, old| {
        let upper = ramp(0.002, -0.002, py - gas.y + 0.015);
        lerp(old, -880.0, upper * gas.cover(px, py, 0.008))
    });
    if plan.shows("bowel_obstruction") {
        return;
    }
    for _ in 0..9 {
        let r = dice.between(0.018, 0.028);
        let loop_ = Blob::new(
            x + dice.between(-0.06, 0.25),
            y + dice.between(-0.10, 0.10) + 0.01 * slice,
            r * 1.3,
            r,
        )
        .turned(dice.between(0.0, 3.0))
        .wavy(dice, 0.12);
        slab.fill(&loop_, 0.008, 34.0);
        slab.fill(
            &loop_.scaled(0.5),
            0.008,
            if dice.chance(0.3) { -500.0 } else { 18.0 },
        );
    }
}

fn organs(slab: &mut Plane, trunk: &Trunk, dice: &mut Dice) {
    let noise = trunk.noise;
    let cavity = &trunk.cavity;
    let spleen = Blob::new(trunk.body.x + 0.265, trunk.body.y + 0.005, 0.062, 0.105)
        .turned(0.25)
        .wavy(dice, 0.06);
    let liver_hu = LIVER_HU + dice.between(-5.0, 5.0);
    for (organ, hu) in [(&trunk.liver, liver_hu), (&spleen, SPLEEN_HU)] {
        slab.paint(organ.bounds(0.01), |x, y, old| {
            let within = ramp(1.0, 0.97, cavity.radius(x, y));
            lerp(
                old,
                hu + 3.0 * noise.cloud(x, y, 10.0),
                within * organ.cover(x, y, 0.008),
            )
        });
    }
    for _ in 0..5 {
        let vein = Blob::new(
            trunk.liver.x + dice.between(-0.1, 0.1),
            trunk.liver.y + dice.between(-0.07, 0.07),
            dice.between(0.012, 0.03),
            0.006,
        )
        .turned(dice.between(0.0, 3.0));
        slab.fill(&vein, 0.008, 50.0);
    }
    for kidney in &trunk.kidneys {
        slab.fill(kidney, 0.008, KIDNEY_HU);
        let inward = (trunk.body.x - kidney.x).signum() * 0.018;
        slab.fill(
            &Blob::new(kidney.x + inward, kidney.y, 0.026, 0.03),
            0.015,
            FAT_HU + 40.0,
        );
    }
    slab.fill(
        &Blob::new(trunk.body.x - 0.045, trunk.body.y + 0.085, 0.03, 0.022),
        0.006,
        BLOOD_POOL_HU - 4.0,
    );
    slab.fill(&trunk.aorta, 0.006, BLOOD_POOL_HU);
}

fn disease(plan: &CasePlan, slab: &mut Plane, trunk: &Trunk, slice: f32) -> Option<Bounds> {
    let mut dice = plan.case_dice(2);
    let side = plan.side.unwrap_or(Side::Right);
    let kidney = &trunk.kidneys[usize::from(side == Side::Left)];
    let shrink = 1.0 - 0.12 * slice.abs();
    match plan.finding.key {
        "liver_metastases" => Some(metastases(plan, slab, trunk, &mut dice)),
        "renal_cyst" => {
            let r = plan.sized(0.068, 0.105) * shrink;
            let x = kidney.x + side.across() * dice.between(0.025, 0.045);
            let cyst = Blob::disc(x, kidney.y + dice.between(-0.045, 0.03), r);
            slab.fill(&cyst.scaled(1.06), 0.006, 34.0);
            slab.fill(&cyst, 0.006, WATER_HU);
            Some(cyst.bounds(0.0))
        }
        "kidney_stone" => Some(staghorn(plan, slab, kidney, &mut dice)),
        "aortic_aneurysm" => Some(aneurysm(slab, trunk, &mut dice)),
        "ascites" => Some(trunk.cavity.bounds(0.0)),
        "bowel_obstruction" => Some(obstruction(plan, slab, trunk, &mut dice)),
        _ => None,
    }
}

fn metastases(plan: &CasePlan, slab: &mut Plane, trunk: &Trunk, dice: &mut Dice) -> Bounds {
    let wanted = plan.sized(6.0, 12.0) as usize;
    let mut spots: Vec<Blob> = Vec::new();
    for _ in 0..300 {
        if spots.len() >= wanted {
            break;
        }
        let r = dice.between(0.022, 0.042);
        let (x, y) = (
            trunk.liver.x + dice.between(-0.17, 0.17),
            trunk.liver.y + dice.between(-0.15, 0.15),
        );
        let free = spots.iter().all(|s| (s.x - x).hypot(s.y - y) > s.rx + r);
        if free && trunk.liver.radius(x, y) < 0.82 && trunk.cavity.radius(x, y) < 0.88 {
            spots.push(Blob::disc(x, y, r).wavy(dice, 0.08));
        }
    }
    for spot in &spots {
        slab.fill(spot, 0.010, 16.0);
    }
    bounds_of(&spots).unwrap_or(trunk.liver.bounds(0.0))
}

fn staghorn(plan: &CasePlan, slab: &mut Plane, kidney: &Blob, dice: &mut Dice) -> Bounds {
    let r = plan.sized(0.017, 0.027);
    let turn = dice.between(0.0, 2.0);
    let mut horns = vec![Blob::disc(kidney.x, kidney.y, r * 1.1)];
    for branch in 0..dice.count(3, 5) {
        let angle = turn + 1.4 * branch as f32;
        let reach = r * 1.35;
        let (x, y) = (
            kidney.x + reach * angle.cos(),
            kidney.y + 1.25 * reach * angle.sin(),
        );
        horns.push(
            Blob::new(x, y, r * 1.1, r * 0.75)
                .turned(angle)
                .wavy(dice, 0.1),
        );
    }
    for horn in &horns {
        slab.fill(horn, 0.006, 1050.0);
    }
    bounds_of(&horns).unwrap_or(kidney.bounds(0.0))
}

fn aneurysm(slab: &mut Plane, trunk: &Trunk, dice: &mut Dice) -> Bounds {
    let sac = &trunk.aorta;
    let phase = dice.between(0.0, 6.0);
    slab.paint(sac.bounds(0.01), |x, y, old| {
        let r = sac.radius(x, y);
        // The wall is calcified in stretches.
        let stretch = ramp(-0.35, 0.0, (3.0 * sac.angle(x, y) + phase).sin());
        let chalk = ramp(0.14, 0.04, (r - 0.97).abs()) * stretch;
        let channel = ramp(0.58, 0.50, r);
        lerp(lerp(old, old + 12.0, channel), 620.0, chalk)
    });
    sac.bounds(0.0)
}

fn obstruction(plan: &CasePlan, slab: &mut Plane, trunk: &Trunk, dice: &mut Dice) -> Bounds {
    let wanted = plan.sized(6.0, 10.0) as usize;
    let mut loops: Vec<Blob> = Vec::new();
    for _ in 0..400 {
        if loops.len() >= wanted {
            break;
        }
        let r = dice.between(0.046, 0.068);
        let (x, y) = (
            trunk.body.x + dice.between(-0.2, 0.3),
            trunk.body.y + dice.between(-0.23, 0.14),
        );
        let before_spine = (x - trunk.body.x).abs() < 0.13 && y > trunk.body.y + 0.045;
        let free = !before_spine
            && trunk.liver.radius(x, y) > 0.95
            && loops
                .iter()
                .all(|l| (l.x - x).hypot(l.y - y) > l.rx + r - 0.006);
        if free && trunk.cavity.radius(x, y) < 0.80 {
            loops.push(Blob::new(x, y, r, r * dice.between(0.85, 1.0)).wavy(dice, 0.07));
        }
    }
    for coil in &loops {
        slab.fill(coil, 0.006, 45.0);
        let lumen = coil.scaled(0.90);
        let level = coil.y + coil.ry * dice.between(-0.25, 0.35);
        slab.paint(lumen.bounds(0.006), |x, y, old| {
            let content = if y < level { -920.0 } else { 12.0 };
            lerp(old, content, lumen.cover(x, y, 0.006))
        });
    }
    bounds_of(&loops).unwrap_or(trunk.cavity.bounds(0.0))
}
