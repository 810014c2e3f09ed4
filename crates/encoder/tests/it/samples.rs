//! Samples with tables give to the bit what the RGB picture made of them gives.

use casekin_encoder::{
    EncoderError, Picture, Plane, PreprocessorConfig, Profile, Samples, TABLE_LENGTH, Tables,
    preprocess, preprocess_samples,
};
use proptest::prelude::*;

/// A window as DICOM applies it, over the samples as signed or unsigned numbers.
fn window(centre: f32, width: f32, signed: bool) -> Vec<u8> {
    let value = |bits: u16| {
        let sample = if signed {
            f32::from(bits.cast_signed())
        } else {
            f32::from(bits)
        };
        (((sample - centre) / width + 0.5) * 255.0).round() as u8
    };
    (0..=u16::MAX).map(value).collect()
}

fn tensors(samples: &Samples<'_>, size_px: u32, profile: Profile) -> [Vec<f32>; 2] {
    let config = PreprocessorConfig::siglip(size_px);
    let rgb = samples.to_rgb().unwrap();
    let picture = Picture {
        width_px: samples.width_px,
        height_px: samples.height_px,
        rgb: &rgb,
    };
    [
        preprocess_samples(samples, size_px, profile, &config).unwrap(),
        preprocess(&picture, size_px, profile, &config).unwrap(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_tensor_is_that_of_the_rgb_picture(
        (width_px, height_px, bits) in (1_u32..90, 1_u32..90).prop_flat_map(|(width, height)| {
            (Just(width), Just(height), prop::collection::vec(any::<u16>(), (width * height) as usize))
        }),
        (signed, colour, hf) in (any::<bool>(), any::<bool>(), any::<bool>()),
        (centre, width) in (-40_000_f32..70_000.0, 1_f32..70_000.0),
        size_px in 1_u32..40,
    ) {
        let tables = [window(centre, width, signed), window(40.0, 350.0, signed), window(40.0, 80.0, signed)];
        let as_signed: Vec<i16> = bits.iter().map(|bits| bits.cast_signed()).collect();
        let samples = Samples {
            width_px,
            height_px,
            plane: if signed { Plane::Signed(&as_signed) } else { Plane::Unsigned(&bits) },
            tables: if colour {
                Tables::Rgb([&tables[0], &tables[1], &tables[2]])
            } else {
                Tables::Grey(&tables[0])
            },
        };
        let profile = if hf { Profile::Hf } else { Profile::Train };
        let [looked_up, plain] = tensors(&samples, size_px, profile);
        prop_assert_eq!(looked_up, plain);
    }
}

#[test]
fn a_signed_sample_is_looked_up_by_its_bits() {
    let mut table = vec![0; TABLE_LENGTH];
    table[usize::from(u16::MAX)] = 200;
    let samples = Samples {
        width_px: 2,
        height_px: 1,
        plane: Plane::Signed(&[-1, 0]),
        tables: Tables::Grey(&table),
    };
    assert_eq!(samples.to_rgb().unwrap(), [200, 200, 200, 0, 0, 0]);
}

#[test]
fn what_does_not_fit_is_refused() {
    let (table, short) = (vec![0; TABLE_LENGTH], vec![0; 256]);
    let whole = Samples {
        width_px: 2,
        height_px: 2,
        plane: Plane::Unsigned(&[0; 4]),
        tables: Tables::Grey(&table),
    };
    assert!(whole.check().is_ok());
    let config = PreprocessorConfig::siglip(8);
    for broken in [
        Samples {
            width_px: 0,
            ..whole
        },
        Samples {
            height_px: 60_000,
            ..whole
        },
        Samples {
            width_px: u32::MAX,
            height_px: u32::MAX,
            ..whole
        },
        Samples {
            tables: Tables::Grey(&short),
            ..whole
        },
        Samples {
            tables: Tables::Rgb([&table, &table, &short]),
            ..whole
        },
    ] {
        let refused = preprocess_samples(&broken, 8, Profile::Train, &config);
        assert!(
            matches!(refused, Err(EncoderError::CheckSamples { .. })),
            "{broken:?}"
        );
    }
}
