//! The image tower in 8 bit: near the full one, each picture by itself, and no weight that is no number goes unseen.

use std::path::Path;

use casekin_encoder::{
    Checkpoint, Device, Encoder, EncoderError, EncoderOptions, Picture, Precision, TensorProblem,
};

use crate::support::{Small, Stored, cosine, runtime};

fn encoder(dir: &Path, precision: Precision) -> Encoder {
    let options = EncoderOptions {
        precision,
        ..EncoderOptions::default()
    };
    Encoder::load(&runtime(), &Checkpoint::open(dir).unwrap(), &options).unwrap()
}

/// Pictures that differ in shape and brightness.
fn pictures() -> Vec<Vec<u8>> {
    let draw = |number: usize| {
        let pixel =
            |at: usize| ((at * (7 + number) + at / 96 * number * 3) % (64 + 48 * number)) as u8;
        (0..112 * 112 * 3).map(pixel).collect()
    };
    (0..4).map(draw).collect()
}

fn borrowed(pictures: &[Vec<u8>]) -> Vec<Picture<'_>> {
    let borrow = |rgb| Picture {
        width_px: 112,
        height_px: 112,
        rgb,
    };
    pictures.iter().map(Vec::as_slice).map(borrow).collect()
}

#[test]
fn the_demo_model_in_8_bit_is_near_the_full_one() {
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("demo-model");
    let pictures = pictures();
    let full = encoder(&demo, Precision::F32)
        .encode_images(&borrowed(&pictures))
        .unwrap();
    let eight = encoder(&demo, Precision::Int8);
    let together = eight.encode_images(&borrowed(&pictures)).unwrap();
    for (number, (full, found)) in full.iter().zip(&together).enumerate() {
        let near = cosine(full, found);
        println!("picture {number}: cosine {near}");
        assert!(
            (0.99..0.999_999).contains(&near),
            "picture {number}: {near}"
        );
    }
    // A picture's vector does not depend on its company.
    let alone = eight.encode_images(&borrowed(&pictures[2..3])).unwrap();
    assert_eq!(alone[0], together[2]);
    let texts = ["left effusion"];
    let of = |encoder: &Encoder| encoder.encode_texts(&texts).unwrap();
    assert_eq!(of(&eight), of(&encoder(&demo, Precision::F32)));
}

#[test]
fn every_element_type_is_rounded_alike() {
    let mut vectors = Vec::new();
    for stored in [Stored::F32, Stored::F16, Stored::Bf16] {
        let dir = tempfile::tempdir().unwrap();
        Small::new(stored).write(dir.path());
        let encoder = encoder(dir.path(), Precision::Int8);
        vectors.push(encoder.encode_images(&borrowed(&pictures()[..1])).unwrap());
    }
    for other in &vectors[1..] {
        assert!(cosine(&vectors[0][0], &other[0]) > 0.999_999);
    }
}

#[test]
fn a_weight_that_is_no_number_is_named() {
    const LAYER: &str = "vision_model.encoder.layers.0";
    let in_layer = |part: &str| format!("{LAYER}.{part}");
    let names = [
        in_layer("mlp.fc1.weight"),
        in_layer("mlp.fc1.bias"),
        in_layer("mlp.fc2.bias"),
        in_layer("layer_norm1.weight"),
        in_layer("layer_norm1.bias"),
        in_layer("layer_norm2.bias"),
        in_layer("self_attn.q_proj.bias"),
        in_layer("self_attn.k_proj.bias"),
        in_layer("self_attn.v_proj.bias"),
        in_layer("self_attn.out_proj.bias"),
        "vision_model.embeddings.patch_embedding.bias".to_owned(),
        "vision_model.embeddings.position_embedding.weight".to_owned(),
        "vision_model.post_layernorm.bias".to_owned(),
        "vision_model.head.attention.in_proj_weight".to_owned(),
        "vision_model.head.attention.in_proj_bias".to_owned(),
    ];
    for name in &names {
        for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let dir = tempfile::tempdir().unwrap();
            let mut small = Small::new(Stored::F32);
            let data = &mut small.tensor(name).3;
            let last = data.len() - 4;
            data[last..].copy_from_slice(&value.to_le_bytes());
            small.write(dir.path());
            let failed =
                encoder(dir.path(), Precision::Int8).encode_images(&borrowed(&pictures()[..1]));
            let Err(EncoderError::CheckTensor { tensor, problem }) = failed else {
                panic!("{name} with {value}: {failed:?}");
            };
            assert_eq!((&tensor, problem), (name, TensorProblem::NotFinite));
        }
    }
}

#[test]
fn a_text_tower_that_is_no_number_does_not_stop_the_pictures() {
    let dir = tempfile::tempdir().unwrap();
    let mut small = Small::new(Stored::F32);
    small.tensor("text_model.head.bias").3[..4].copy_from_slice(&f32::NAN.to_le_bytes());
    small.write(dir.path());
    let encoder = encoder(dir.path(), Precision::Int8);
    encoder.encode_images(&borrowed(&pictures()[..1])).unwrap();
    assert!(encoder.encode_texts(&["no"]).is_err());
}

#[test]
fn a_gpu_has_no_such_arithmetic() {
    let dir = tempfile::tempdir().unwrap();
    Small::new(Stored::F32).write(dir.path());
    let options = EncoderOptions {
        device: Device::Cuda { id: 0 },
        precision: Precision::Int8,
        ..EncoderOptions::default()
    };
    let refused = Encoder::load(&runtime(), &Checkpoint::open(dir.path()).unwrap(), &options);
    let error = refused.err().unwrap();
    assert!(
        matches!(error, EncoderError::UsePrecision { .. }),
        "{error}"
    );
    let told = error.to_string();
    assert!(told.contains("int8") && told.contains("cuda:0"), "{told}");
}
