//! Encoders of one model share its towers: nobody's vectors change, and the towers go when the last one goes.

use std::path::Path;
use std::time::Duration;

use casekin_encoder::{Checkpoint, Encoder, EncoderError, EncoderOptions, Picture, Profile, Tower};

use crate::support::{Small, Stored, runtime};

fn encoder(dir: &Path, profile: Profile) -> Encoder {
    let options = EncoderOptions {
        profile,
        ..EncoderOptions::default()
    };
    Encoder::load(&runtime(), &Checkpoint::open(dir).unwrap(), &options).unwrap()
}

fn vector(encoder: &Encoder) -> Vec<f32> {
    let rgb: Vec<u8> = (0..13 * 9 * 3).map(|at| (at * 11 % 256) as u8).collect();
    let picture = Picture {
        width_px: 13,
        height_px: 9,
        rgb: &rgb,
    };
    encoder.encode_images(&[picture]).unwrap().remove(0)
}

#[test]
fn two_profiles_share_a_tower_and_keep_their_vectors() {
    let dir = tempfile::tempdir().unwrap();
    Small::new(Stored::F32).write(dir.path());
    let alone = [Profile::Train, Profile::Hf].map(|profile| vector(&encoder(dir.path(), profile)));
    assert_ne!(alone[0], alone[1]);
    let (train, hf) = (
        encoder(dir.path(), Profile::Train),
        encoder(dir.path(), Profile::Hf),
    );
    for _ in 0..3 {
        assert_eq!([vector(&train), vector(&hf)], alone);
    }
    drop(train);
    assert_eq!(vector(&hf), alone[1]);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| assert_eq!(vector(&hf), alone[1]));
        }
    });
}

#[test]
fn a_changed_file_is_refused_though_the_old_one_is_still_loaded() {
    let dir = tempfile::tempdir().unwrap();
    Small::new(Stored::F32).write(dir.path());
    let first = encoder(dir.path(), Profile::Train);
    let before = vector(&first);
    let second = encoder(dir.path(), Profile::Hf);
    // Replaced, not written into: what is mapped stays.
    let replace = |small: &Small| {
        let other = tempfile::tempdir_in(dir.path()).unwrap();
        small.write(other.path());
        let weights = "model.safetensors";
        std::fs::rename(other.path().join(weights), dir.path().join(weights)).unwrap();
    };
    let mut changed = Small::new(Stored::F32);
    changed.tensor("vision_model.head.layernorm.bias").3 = 0.3_f32.to_le_bytes().repeat(16);
    std::thread::sleep(Duration::from_millis(20));
    replace(&changed);
    let told = second.load_tower(Tower::Image).unwrap_err();
    assert!(matches!(told, EncoderError::RecheckWeights), "{told}");
    let anew = encoder(dir.path(), Profile::Train);
    assert_ne!(vector(&anew), before);
    assert_eq!(vector(&first), before);
}
