//! The tissue mask on painted slides.

use super::*;

const SIDE: u32 = 400;
const GLASS: [u8; 3] = [238, 238, 240];

/// A slide of glass with noise, and blobs (centre, radius, colour, noise).
struct Painted {
    rgb: Rgb8,
    seed: u32,
}

impl Painted {
    fn glass(colour: [u8; 3]) -> Self {
        let mut painted = Self {
            rgb: Rgb8 {
                width_px: SIDE,
                height_px: SIDE,
                pixels: vec![0; (SIDE * SIDE * 3) as usize],
            },
            seed: 7,
        };
        painted.fill(|_, _| true, colour, 2);
        painted
    }

    fn fill(&mut self, inside: impl Fn(i32, i32) -> bool, colour: [u8; 3], noise: i32) {
        for y in 0..SIDE as i32 {
            for x in 0..SIDE as i32 {
                if !inside(x, y) {
                    continue;
                }
                self.seed = self
                    .seed
                    .wrapping_mul(1_664_525)
                    .wrapping_add(1_013_904_223);
                let jitter = (self.seed >> 16) as i32 % (2 * noise + 1) - noise;
                let at = ((y * SIDE as i32 + x) * 3) as usize;
                for (out, value) in self.rgb.pixels[at..at + 3].iter_mut().zip(colour) {
                    *out = (i32::from(value) + jitter).clamp(0, 255) as u8;
                }
            }
        }
    }

    fn disc(&mut self, cx: i32, cy: i32, radius: i32, colour: [u8; 3], noise: i32) {
        let inside = move |x: i32, y: i32| (x - cx).pow(2) + (y - cy).pow(2) < radius * radius;
        self.fill(inside, colour, noise);
    }
}

/// Shares of tissue in the disc's middle and in a far corner.
fn middle_and_corner(rgb: &Rgb8) -> (f64, f64) {
    let mask = TissueMask::of(rgb).unwrap();
    (
        mask.share(0.4, 0.4, 0.6, 0.6),
        mask.share(0.0, 0.0, 0.1, 0.1),
    )
}

#[test]
fn stains_of_all_kinds_are_tissue_and_glass_is_not() {
    let stains = [
        ("H&E", [200, 120, 170], 20),
        ("haematoxylin, dark", [70, 50, 110], 20),
        ("DAB", [120, 80, 50], 20),
        ("DAB, faint", [222, 212, 200], 5),
        ("faint eosin", [236, 214, 226], 4),
        ("trichrome blue, textured", [90, 120, 190], 30),
    ];
    for (name, colour, noise) in stains {
        let mut slide = Painted::glass(GLASS);
        slide.disc(200, 200, 90, colour, noise);
        let (middle, corner) = middle_and_corner(&slide.rgb);
        assert!(middle > 0.95 && corner < 0.02, "{name}: {middle} {corner}");
    }
}

#[test]
fn black_borders_and_pen_marks_are_not_tissue() {
    let marks = [
        ("black border", [3, 3, 4]),
        ("blue pen", [30, 60, 170]),
        ("green pen", [30, 140, 70]),
    ];
    for (name, colour) in marks {
        let mut slide = Painted::glass(GLASS);
        slide.disc(200, 200, 90, [200, 120, 170], 20);
        slide.fill(|x, _| x < 60, colour, 2);
        let mask = TissueMask::of(&slide.rgb).unwrap();
        let marked = mask.share(0.0, 0.0, 0.14, 1.0);
        assert!(marked < 0.05, "{name}: {marked}");
        assert!(mask.share(0.4, 0.4, 0.6, 0.6) > 0.95, "{name}");
    }
}

#[test]
fn a_slide_that_is_all_tissue_is_all_tissue() {
    let mut slide = Painted::glass([215, 150, 190]);
    slide.fill(|_, _| true, [205, 140, 185], 35);
    let mask = TissueMask::of(&slide.rgb).unwrap();
    assert!(mask.share(0.0, 0.0, 1.0, 1.0) > 0.95);
}

#[test]
fn fluorescence_shines_on_dark_ground() {
    let mut slide = Painted::glass([6, 2, 2]);
    slide.disc(200, 200, 60, [150, 20, 10], 15);
    let (middle, corner) = middle_and_corner(&slide.rgb);
    assert!(middle > 0.95 && corner < 0.02, "{middle} {corner}");
}

#[test]
fn bare_glass_and_a_speck_of_dust_show_no_tissue() {
    let mut slide = Painted::glass(GLASS);
    assert!(TissueMask::of(&slide.rgb).is_none());
    slide.disc(100, 100, 3, [120, 120, 120], 5);
    assert!(TissueMask::of(&slide.rgb).is_none());
}

#[test]
fn a_single_pixel_has_a_share() {
    let one = Rgb8 {
        width_px: 1,
        height_px: 1,
        pixels: vec![150, 60, 120],
    };
    let mask = TissueMask::of(&one).unwrap();
    assert_eq!(mask.share(0.0, 0.0, 1.0, 1.0), 1.0);
}
