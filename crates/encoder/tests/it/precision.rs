//! The image tower in half precision, as far as a CPU runs it: near the full one, and what overflows is an error.

use std::path::Path;

use casekin_encoder::{
    Checkpoint, Device, Encoder, EncoderError, EncoderOptions, Picture, Precision, Profile,
    least_cosine,
};

use crate::support::{Small, Stored, cosine, runtime, shared};

fn encoder(dir: &Path, profile: Profile, precision: Precision) -> Encoder {
    let options = EncoderOptions {
        profile,
        precision,
        batch_size: 3,
        ..EncoderOptions::default()
    };
    Encoder::load(&runtime(), &Checkpoint::open(dir).unwrap(), &options).unwrap()
}

fn borrowed(rgb: &image::RgbImage) -> Picture<'_> {
    Picture {
        width_px: rgb.width(),
        height_px: rgb.height(),
        rgb: rgb.as_raw(),
    }
}

/// Holds f16 against f32 and gives the least cosine.
fn least_in_f16(dir: &Path, profile: Profile, pictures: &[Picture<'_>]) -> f64 {
    let of = |precision| {
        encoder(dir, profile, precision)
            .encode_images(pictures)
            .unwrap()
    };
    let (full, half) = (of(Precision::F32), of(Precision::F16));
    assert_ne!(full, half, "nothing was rounded");
    let cosines = full
        .iter()
        .zip(&half)
        .map(|(full, half)| cosine(full, half));
    cosines.fold(1.0, f64::min)
}

#[test]
fn the_reference_pictures_in_f16_are_near_the_full_ones() {
    let (Some(folder), Some(images)) =
        (shared("reference/tiny-siglip"), shared("reference/images"))
    else {
        return;
    };
    let mut files: Vec<_> = images
        .read_dir()
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    let opened: Vec<_> = files
        .iter()
        .map(|file| image::open(file).unwrap().to_rgb8())
        .collect();
    let pictures: Vec<_> = opened.iter().map(borrowed).collect();
    assert!(pictures.len() >= 8);
    for profile in [Profile::Train, Profile::Hf] {
        let least = least_in_f16(&folder, profile, &pictures);
        println!("{profile}-f16: least cosine 1 - {:.2e}", 1.0 - least);
        assert!(least >= least_cosine("f16"), "{profile}: {least}");
    }
}

#[test]
fn the_demo_model_in_f16_is_near_the_full_one() {
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("demo-model");
    let draw = |seed: u32| -> Vec<u8> {
        (0..112 * 112 * 3)
            .map(|at: u32| ((at / 9 * seed).wrapping_mul(2_654_435_761) >> 24) as u8)
            .collect()
    };
    let drawn: Vec<_> = (1..5).map(draw).collect();
    let borrow = |rgb| Picture {
        width_px: 112,
        height_px: 112,
        rgb,
    };
    let pictures: Vec<_> = drawn.iter().map(Vec::as_slice).map(borrow).collect();
    let least = least_in_f16(&demo, Profile::Train, &pictures);
    println!("demo model in f16: least cosine 1 - {:.2e}", 1.0 - least);
    assert!(least >= least_cosine("f16"), "{least}");
    // The text tower knows nothing of it.
    let of = |precision| {
        let encoder = encoder(&demo, Profile::Train, precision);
        encoder.encode_texts(&["left effusion"]).unwrap()
    };
    assert_eq!(of(Precision::F32), of(Precision::F16));
}

#[test]
fn every_element_type_is_cast_alike() {
    let mut vectors = Vec::new();
    for stored in [Stored::F32, Stored::F16, Stored::Bf16] {
        let dir = tempfile::tempdir().unwrap();
        Small::new(stored).write(dir.path());
        let encoder = encoder(dir.path(), Profile::Train, Precision::F16);
        let picture = Picture {
            width_px: 8,
            height_px: 8,
            rgb: &[90; 8 * 8 * 3],
        };
        let patches = encoder.encode_patches(&picture).unwrap();
        assert_eq!(patches.tokens.len(), 4 * 16);
        vectors.push((patches.vector, patches.tokens));
    }
    assert!(vectors.iter().all(|other| *other == vectors[0]));
}

#[test]
fn what_half_precision_cannot_hold_is_an_error_that_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let mut small = Small::new(Stored::F32);
    small.tensor("vision_model.encoder.layers.0.mlp.fc2.bias").3 =
        70_000_f32.to_le_bytes().repeat(16);
    small.write(dir.path());
    let picture = Picture {
        width_px: 8,
        height_px: 8,
        rgb: &[90; 8 * 8 * 3],
    };
    let of = |precision| {
        let encoder = encoder(dir.path(), Profile::Train, precision);
        encoder.encode_images(&[picture])
    };
    of(Precision::F32).unwrap();
    match of(Precision::F16) {
        Err(error @ EncoderError::CheckOutput { .. }) => {
            let told = error.to_string();
            assert!(told.contains("65,504"), "{told}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_cpu_has_no_bf16() {
    let dir = tempfile::tempdir().unwrap();
    Small::new(Stored::F32).write(dir.path());
    let options = EncoderOptions {
        precision: Precision::Bf16,
        ..EncoderOptions::default()
    };
    let refused = Encoder::load(&runtime(), &Checkpoint::open(dir.path()).unwrap(), &options);
    match refused.err().unwrap() {
        error @ EncoderError::UsePrecision {
            precision: Precision::Bf16,
            device: Device::Cpu,
            ..
        } => assert!(error.to_string().contains("--device cuda"), "{error}"),
        other => panic!("{other}"),
    }
}
