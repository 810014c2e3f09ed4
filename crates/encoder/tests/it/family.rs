//! Every size that SigLIP is published in loads by the same path, those whose side is no multiple of the patch among them,

//! and whatever goes in, what comes out is a unit vector or an error.

use std::path::Path;

use casekin_encoder::{
    Checkpoint, Encoder, EncoderError, EncoderOptions, Picture, Plane, Profile, Recipe, Samples,
    TABLE_LENGTH, Tables,
};
use proptest::prelude::*;

use crate::support::{Small, Stored, runtime};

/// Every way to make a vector on a CPU.
const RECIPES: [&str; 5] = ["train", "hf", "train-int8", "hf-int8", "train-f16"];

fn encoder(dir: &Path, profile: Profile) -> Encoder {
    let recipe = Recipe {
        profile,
        ..Recipe::default()
    };
    encoder_of(dir, recipe)
}

fn encoder_of(dir: &Path, Recipe { profile, precision }: Recipe) -> Encoder {
    let options = EncoderOptions {
        profile,
        precision,
        ..EncoderOptions::default()
    };
    Encoder::load(&runtime(), &Checkpoint::open(dir).unwrap(), &options).unwrap()
}

fn assert_unit(vector: &[f32]) {
    let squares: f64 = vector.iter().map(|value| f64::from(*value).powi(2)).sum();
    assert!(
        (squares.sqrt() - 1.0).abs() <= 1e-5,
        "length {}",
        squares.sqrt()
    );
}

/// `side_px` squared, without a pattern that a patch could repeat.
fn pixels(side_px: u32) -> Vec<u8> {
    let values = 0..side_px * side_px * 3;
    values
        .map(|value| (value.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect()
}

#[test]
fn every_published_size_and_patch_is_run() {
    // siglip-base-patch16 in four sizes, large-patch16, so400m-patch14 in two, MedSigLIP, and one that no multiple fits.
    for (size_px, patch_px) in [
        (224, 16),
        (256, 16),
        (384, 16),
        (512, 16),
        (224, 14),
        (384, 14),
        (448, 14),
        (45, 14),
    ] {
        let dir = tempfile::tempdir().unwrap();
        Small::sized(Stored::F32, size_px, patch_px).write(dir.path());
        let checkpoint = Checkpoint::open(dir.path()).unwrap();
        let (size_px, patch_px) = (size_px as u32, patch_px as u32);
        let side = size_px / patch_px;
        assert_eq!(
            (checkpoint.image_size_px(), checkpoint.grid_side()),
            (size_px, side)
        );
        let encoder = encoder(dir.path(), Profile::Train);
        let mut rgb = pixels(size_px);
        let see = |rgb: &[u8]| {
            let picture = Picture {
                width_px: size_px,
                height_px: size_px,
                rgb,
            };
            encoder.encode_patches(&picture).unwrap()
        };
        let seen = see(&rgb);
        assert_unit(&seen.vector);
        assert_eq!(
            (seen.rows, seen.columns),
            (side, side),
            "{size_px}/{patch_px}"
        );
        assert_eq!(seen.tokens.len(), (side * side * 16) as usize);
        // What is left beyond the last whole patch is not looked at (Conv2d with padding "valid"), everything before it is.
        let whole_px = side * patch_px;
        for (at, pixel) in rgb.chunks_exact_mut(3).enumerate() {
            let (x, y) = (at as u32 % size_px, at as u32 / size_px);
            if x >= whole_px || y >= whole_px {
                pixel.fill(0);
            }
        }
        assert_eq!(see(&rgb).vector, seen.vector, "{size_px}/{patch_px}");
        let corner = ((whole_px - 1) * size_px + whole_px - 1) as usize * 3;
        rgb[corner] ^= 0xFF;
        assert_ne!(see(&rgb).vector, seen.vector, "{size_px}/{patch_px}");
    }
}

#[test]
fn weights_of_another_size_than_the_configuration_says_are_refused() {
    let (mut small, dir) = (
        Small::sized(Stored::F32, 224, 16),
        tempfile::tempdir().unwrap(),
    );
    small.config["vision_config"]["patch_size"] = 14.into();
    small.write(dir.path());
    match Checkpoint::open(dir.path()) {
        Err(EncoderError::CheckTensor { tensor, .. }) => {
            assert!(tensor.starts_with("vision_model.embeddings"), "{tensor}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn pictures_of_no_side_are_refused_and_those_of_sixty_thousand_are_not() {
    let dir = tempfile::tempdir().unwrap();
    Small::new(Stored::F32).write(dir.path());
    let (long, table) = (vec![77_u8; 60_000 * 3], vec![9_u8; TABLE_LENGTH]);
    let plane = vec![5_u16; 60_000];
    for profile in [Profile::Train, Profile::Hf] {
        let encoder = encoder(dir.path(), profile);
        for (width_px, height_px) in [(60_000, 1), (1, 60_000)] {
            let picture = Picture {
                width_px,
                height_px,
                rgb: &long,
            };
            assert_unit(&encoder.encode_images(&[picture]).unwrap()[0]);
            let samples = Samples {
                width_px,
                height_px,
                plane: Plane::Unsigned(&plane),
                tables: Tables::Grey(&table),
            };
            assert_unit(&encoder.encode_samples(&[samples]).unwrap()[0]);
        }
        // Whose buffer cannot be what they say; 60,000 squared has 10.8 GB.
        for (width_px, height_px) in [
            (0, 0),
            (0, 60_000),
            (60_000, 0),
            (60_000, 60_000),
            (u32::MAX, u32::MAX),
        ] {
            let picture = Picture {
                width_px,
                height_px,
                rgb: &long,
            };
            let told = encoder.encode_images(&[picture]).unwrap_err();
            assert!(
                matches!(told, EncoderError::CheckPicture { width_px: told, .. } if told == width_px),
                "{told}"
            );
            assert!(
                encoder.encode_patches(&picture).is_err()
                    && encoder.ready_images(&[picture]).is_err()
            );
            let samples = Samples {
                width_px,
                height_px,
                plane: Plane::Unsigned(&plane),
                tables: Tables::Grey(&table),
            };
            assert!(matches!(
                encoder.encode_samples(&[samples]),
                Err(EncoderError::CheckSamples { .. })
            ));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn whatever_goes_in_a_unit_vector_comes_out(
        text in any::<String>(),
        width_px in 1_u32..40,
        height_px in 1_u32..40,
        seed in any::<u32>(),
        recipe in 0..RECIPES.len(),
    ) {
        thread_local! {
            static SMALL: [Encoder; RECIPES.len()] = {
                let dir = tempfile::tempdir().unwrap();
                Small::new(Stored::F16).write(dir.path());
                // Loaded while the folder is there; it may go then.
                RECIPES.map(|recipe| {
                    let encoder = encoder_of(dir.path(), recipe.parse().unwrap());
                    encoder.load_tower(casekin_encoder::Tower::Image).unwrap();
                    encoder.load_tower(casekin_encoder::Tower::Text).unwrap();
                    encoder
                })
            };
        }
        let count = width_px * height_px * 3;
        let rgb: Vec<u8> = (0..count).map(|at| (at.wrapping_mul(seed | 1) >> 13) as u8).collect();
        SMALL.with(|small| {
            let encoder = &small[recipe];
            let picture = Picture { width_px, height_px, rgb: &rgb };
            assert_unit(&encoder.encode_images(&[picture]).unwrap()[0]);
            assert_unit(&encoder.encode_texts(&[&text]).unwrap()[0]);
        });
    }
}
