//! From the scanner's colours to sRGB by the slide's ICC profile (ICC.1, perceptual intent where it has one).

use std::sync::Arc;

use moxcms::{ColorProfile, DataColorSpace, Layout, Transform8BitExecutor, TransformOptions};

use crate::Rgb8;

/// How a slide's colours become sRGB.
pub(super) enum Colours {
    /// No profile: taken as sRGB already.
    Plain,
    /// A profile that cannot be used: the colours stay as they are, and views say so.
    Unusable,
    /// Through a profile.
    Profile(Arc<Transform8BitExecutor>),
}

impl Colours {
    /// Of the profile's bytes.
    pub(super) fn of(profile: Option<&[u8]>) -> Self {
        let Some(bytes) = profile else {
            return Self::Plain;
        };
        let transform = || {
            let scanner = ColorProfile::new_from_slice(bytes).ok()?;
            if scanner.color_space != DataColorSpace::Rgb {
                return None;
            }
            let srgb = ColorProfile::new_srgb();
            let options = TransformOptions::default();
            scanner
                .create_transform_8bit(Layout::Rgb, &srgb, Layout::Rgb, options)
                .ok()
        };
        transform().map_or(Self::Unusable, Self::Profile)
    }

    /// Turns pixels into sRGB.
    pub(super) fn to_srgb(&self, rgb: Rgb8) -> Rgb8 {
        let Self::Profile(transform) = self else {
            return rgb;
        };
        let mut pixels = vec![0; rgb.pixels.len()];
        match transform.transform(&rgb.pixels, &mut pixels) {
            Ok(()) => Rgb8 { pixels, ..rgb },
            Err(_) => rgb,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wide_profile_is_turned_into_srgb_and_a_broken_one_is_not() {
        let pixel = Rgb8 {
            width_px: 1,
            height_px: 1,
            pixels: vec![200, 100, 100],
        };
        let wide = ColorProfile::new_display_p3().encode().unwrap();
        let turned = Colours::of(Some(&wide)).to_srgb(pixel.clone());
        assert!(turned.pixels[0] > 205, "{:?}", turned.pixels);
        let same = ColorProfile::new_srgb().encode().unwrap();
        let kept = Colours::of(Some(&same)).to_srgb(pixel.clone());
        assert!(
            kept.pixels
                .iter()
                .zip(&pixel.pixels)
                .all(|(a, b)| a.abs_diff(*b) <= 1)
        );
        let broken = Colours::of(Some(b"no profile"));
        assert!(matches!(broken, Colours::Unusable));
        assert_eq!(broken.to_srgb(pixel.clone()), pixel);
    }
}
