//! Small checkpoints in every layout and element type: they give unit vectors, and the same ones.

use std::path::Path;

use casekin_encoder::{Checkpoint, Encoder, EncoderError, EncoderOptions, Picture, Tower};

use crate::support::{Small, Stored, cosine, runtime};

/// Vectors of one text and one picture.
fn vectors(dir: &Path) -> (Vec<f32>, Vec<f32>) {
    let checkpoint = Checkpoint::open(dir).unwrap();
    let encoder = Encoder::load(&runtime(), &checkpoint, &EncoderOptions::default()).unwrap();
    let rgb: Vec<u8> = (0..10 * 6 * 3)
        .map(|value| (value * 7 % 256) as u8)
        .collect();
    let picture = Picture {
        width_px: 10,
        height_px: 6,
        rgb: &rgb,
    };
    let mut image = encoder.encode_images(&[picture]).unwrap();
    let mut text = encoder.encode_texts(&["Left pleural effusion"]).unwrap();
    (image.remove(0), text.remove(0))
}
#[test]
fn a_small_checkpoint_encodes() {
    let dir = tempfile::tempdir().unwrap();
    Small::new(Stored::F32).write(dir.path());
    let (image, text) = vectors(dir.path());
    for vector in [&image, &text] {
        assert_eq!(vector.len(), 16);
        let square: f32 = vector.iter().map(|value| value * value).sum();
        assert!((square - 1.0).abs() < 1e-5, "{square}");
    }
    assert!(cosine(&image, &text) < 0.999);
}

#[test]
fn half_precision_weights_give_the_vectors_of_the_same_values_in_full() {
    let full = tempfile::tempdir().unwrap();
    Small::new(Stored::F32).write(full.path());
    let (image, text) = vectors(full.path());
    for stored in [Stored::F16, Stored::Bf16] {
        let half = tempfile::tempdir().unwrap();
        Small::new(stored).write(half.path());
        let (half_image, half_text) = vectors(half.path());
        assert!(cosine(&image, &half_image) > 0.999_999, "{stored:?}");
        assert!(cosine(&text, &half_text) > 0.999_999, "{stored:?}");
    }
}

#[test]
fn batches_give_what_single_runs_give() {
    let dir = tempfile::tempdir().unwrap();
    Small::new(Stored::F32).write(dir.path());
    let checkpoint = Checkpoint::open(dir.path()).unwrap();
    let options = EncoderOptions {
        batch_size: 2,
        intra_threads: 1,
        ..EncoderOptions::default()
    };
    let encoder = Encoder::load(&runtime(), &checkpoint, &options).unwrap();
    let texts = ["no nodule", "", "left effusion", "pleural", "nodule left"];
    let together = encoder.encode_texts(&texts).unwrap();
    for (text, vector) in texts.iter().zip(&together) {
        assert!(
            cosine(&encoder.encode_texts(&[text]).unwrap()[0], vector) > 0.999_999,
            "{text}"
        );
    }
    assert!(
        encoder.encode_texts(&[]).unwrap().is_empty()
            && encoder.encode_images(&[]).unwrap().is_empty()
    );
    let broken = Picture {
        width_px: 3,
        height_px: 3,
        rgb: &[0; 5],
    };
    assert!(matches!(
        encoder.encode_images(&[broken]),
        Err(EncoderError::CheckPicture { .. })
    ));
}

#[test]
fn a_picture_made_ready_for_another_size_is_refused() {
    let load = |image_px| {
        let dir = tempfile::tempdir().unwrap();
        Small::sized(Stored::F32, image_px, 4).write(dir.path());
        let checkpoint = Checkpoint::open(dir.path()).unwrap();
        let encoder = Encoder::load(&runtime(), &checkpoint, &EncoderOptions::default()).unwrap();
        encoder
            .load_tower(Tower::Image)
            .expect("the tower starts while the folder is there");
        encoder
    };
    let [small, large] = [8, 16].map(load);
    let picture = Picture {
        width_px: 2,
        height_px: 1,
        rgb: &[9, 8, 7, 90, 80, 70],
    };
    for (made_by, run_by) in [(&small, &large), (&large, &small)] {
        let ready = made_by.ready_images(&[picture]).unwrap();
        made_by.run_ready(&ready).unwrap();
        assert!(matches!(
            run_by.run_ready(&ready),
            Err(EncoderError::RunSession { .. })
        ));
    }
}

#[test]
fn a_tower_is_loaded_by_what_needs_it_and_by_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    Small::new(Stored::F32).write(dir.path());
    let checkpoint = Checkpoint::open(dir.path()).unwrap();
    let encoder = Encoder::load(&runtime(), &checkpoint, &EncoderOptions::default()).unwrap();
    let loaded = || [Tower::Image, Tower::Text].map(|tower| encoder.is_loaded(tower));
    let picture = Picture {
        width_px: 2,
        height_px: 1,
        rgb: &[9, 8, 7, 90, 80, 70],
    };
    // Making ready, a picture or a text, is work without a tower.
    let [image, text] = [
        encoder.ready_images(&[picture]).unwrap(),
        encoder.ready_texts(&["left"]).unwrap(),
    ];
    encoder.token_ids("left pleural effusion").unwrap();
    assert!(encoder.encode_images(&[]).unwrap().is_empty());
    assert_eq!(loaded(), [false, false]);
    encoder.warm_up(1).unwrap();
    encoder.run_ready(&image).unwrap();
    encoder.encode_patches(&picture).unwrap();
    encoder.self_check(Tower::Image).unwrap();
    assert_eq!(loaded(), [true, false]);
    encoder.run_ready(&text).unwrap();
    assert_eq!(loaded(), [true, true]);

    let other = Encoder::load(&runtime(), &checkpoint, &EncoderOptions::default()).unwrap();
    other.encode_texts(&["left"]).unwrap();
    assert!(other.is_loaded(Tower::Text) && !other.is_loaded(Tower::Image));
}

#[test]
fn warming_up_loads_the_image_tower_and_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    Small::new(Stored::F32).write(dir.path());
    let (cold, _) = vectors(dir.path());
    let checkpoint = Checkpoint::open(dir.path()).unwrap();
    let encoder = Encoder::load(&runtime(), &checkpoint, &EncoderOptions::default()).unwrap();
    for batch in [0, 1, 3, 1000] {
        encoder.warm_up(batch).unwrap();
    }
    // The tower is loaded: the files are needed no more.
    drop(dir);
    let rgb: Vec<u8> = (0..10 * 6 * 3)
        .map(|value| (value * 7 % 256) as u8)
        .collect();
    let picture = Picture {
        width_px: 10,
        height_px: 6,
        rgb: &rgb,
    };
    assert_eq!(encoder.encode_images(&[picture]).unwrap()[0], cold);
}

#[test]
fn warming_up_finds_what_the_first_picture_would_find() {
    let dir = tempfile::tempdir().unwrap();
    let mut small = Small::new(Stored::F32);
    small.tensor("vision_model.head.mlp.fc2.bias").3[..4].copy_from_slice(&f32::NAN.to_le_bytes());
    small.write(dir.path());
    let checkpoint = Checkpoint::open(dir.path()).unwrap();
    let encoder = Encoder::load(&runtime(), &checkpoint, &EncoderOptions::default()).unwrap();
    assert!(matches!(
        encoder.warm_up(1),
        Err(EncoderError::CheckTensor { .. })
    ));
}

#[test]
fn token_ids_are_cut_ended_and_padded() {
    let dir = tempfile::tempdir().unwrap();
    Small::new(Stored::F32).write(dir.path());
    let encoder = Encoder::load(
        &runtime(),
        &Checkpoint::open(dir.path()).unwrap(),
        &EncoderOptions::default(),
    )
    .unwrap();
    assert_eq!(encoder.token_ids("").unwrap(), [1, 1, 1, 1, 1]);
    assert_eq!(encoder.token_ids("NO left").unwrap(), [3, 6, 1, 1, 1]);
    assert_eq!(
        encoder.token_ids("no no no no no no").unwrap(),
        [3, 3, 3, 3, 1]
    );
    // The marks' own spelling is words like any other.
    assert_eq!(encoder.token_ids("</s> no").unwrap(), [2, 3, 1, 1, 1]);
    let long = "left ".repeat(1_000_000);
    assert_eq!(encoder.token_ids(&long).unwrap(), [6, 6, 6, 6, 1]);
}

#[test]
fn links_into_a_blob_store_work_as_the_hub_cache_lays_them_out() {
    let root = tempfile::tempdir().unwrap();
    let plain = root.path().join("plain");
    std::fs::create_dir(&plain).unwrap();
    Small::new(Stored::F16).write(&plain);
    let repository = root.path().join("models--example--small-siglip");
    let (blobs, snapshot) = (
        repository.join("blobs"),
        repository.join("snapshots/0123abc"),
    );
    std::fs::create_dir_all(&blobs).unwrap();
    std::fs::create_dir_all(&snapshot).unwrap();
    for (number, file) in [
        "config.json",
        "preprocessor_config.json",
        "tokenizer.json",
        "model.safetensors",
    ]
    .iter()
    .enumerate()
    {
        let blob = format!("{number}f00d");
        std::fs::copy(plain.join(file), blobs.join(&blob)).unwrap();
        std::os::unix::fs::symlink(format!("../../blobs/{blob}"), snapshot.join(file)).unwrap();
    }
    assert_eq!(vectors(&plain), vectors(&snapshot));
    let (plain, linked) = (
        Checkpoint::open(&plain).unwrap(),
        Checkpoint::open(&snapshot).unwrap(),
    );
    assert_eq!(plain.model_id().unwrap(), linked.model_id().unwrap());
    assert_eq!(
        (plain.name(), linked.name()),
        ("plain", "example/small-siglip")
    );
}

#[test]
fn weights_that_change_after_the_check_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    Small::new(Stored::F32).write(dir.path());
    let checkpoint = Checkpoint::open(dir.path()).unwrap();
    let encoder = Encoder::load(&runtime(), &checkpoint, &EncoderOptions::default()).unwrap();
    std::fs::write(dir.path().join("model.safetensors"), [0; 64]).unwrap();
    assert!(matches!(
        encoder.encode_texts(&["no"]),
        Err(EncoderError::RecheckWeights)
    ));
    assert!(matches!(
        checkpoint.model_id(),
        Err(EncoderError::RecheckWeights)
    ));
}
