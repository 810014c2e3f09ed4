//! The self-check: the demo model gives the vectors that are shipped with it, quickly, and a model that has become another

//! one is found out.

use std::path::Path;
use std::time::Instant;

use casekin_encoder::{
    Checkpoint, Encoder, EncoderError, EncoderOptions, Profile, SelfCheckRecord, TensorProblem,
    Tower,
};

use crate::support::{Small, Stored, runtime};

fn encoder(dir: &Path, profile: Profile) -> Encoder {
    let options = EncoderOptions {
        profile,
        ..EncoderOptions::default()
    };
    Encoder::load(&runtime(), &Checkpoint::open(dir).unwrap(), &options).unwrap()
}

#[test]
fn the_demo_model_gives_the_vectors_that_are_shipped_with_it() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("demo-model");
    let id = Checkpoint::open(&folder).unwrap().model_id().unwrap();
    let record = SelfCheckRecord::shipped(&id).unwrap();
    let begun = Instant::now();
    let encoder = encoder(&folder, Profile::Train);
    for tower in [Tower::Image, Tower::Text] {
        let made = encoder.self_check(tower).unwrap();
        let agreement = record.like(&made).unwrap().compare(&made).unwrap();
        println!(
            "{tower}: cosine 1 - {:.1e}, largest difference {:.1e}",
            1.0 - agreement.cosine,
            agreement.largest_difference
        );
    }
    println!("both towers loaded and checked in {:?}", begun.elapsed());
    let version = runtime().version().to_owned();
    assert!(
        version.starts_with("1.") && version.split('.').count() >= 3,
        "{version}"
    );
}

#[test]
fn a_model_that_became_another_is_found_out() {
    let dir = tempfile::tempdir().unwrap();
    let mut small = Small::new(Stored::F32);
    small.write(dir.path());
    let mut record =
        SelfCheckRecord::new(Checkpoint::open(dir.path()).unwrap().model_id().unwrap());
    for tower in [Tower::Image, Tower::Text] {
        let made = encoder(dir.path(), Profile::Train)
            .self_check(tower)
            .unwrap();
        assert!(record.like(&made).is_none());
        record.vectors.push(made);
    }
    let record: SelfCheckRecord =
        serde_json::from_str(&serde_json::to_string(&record).unwrap()).unwrap();
    assert!(record.is_current());
    // The same again agrees; another tensor of the same shape does not.
    let again = encoder(dir.path(), Profile::Train)
        .self_check(Tower::Text)
        .unwrap();
    let agreement = record.like(&again).unwrap().compare(&again).unwrap();
    assert!(agreement.cosine > 0.999_999_9, "{agreement:?}");
    small.tensor("text_model.head.bias").3 = 0.25_f32.to_le_bytes().repeat(16);
    let other = tempfile::tempdir().unwrap();
    small.write(other.path());
    let made = encoder(other.path(), Profile::Train)
        .self_check(Tower::Text)
        .unwrap();
    match record.like(&made).unwrap().compare(&made) {
        Err(
            error @ EncoderError::SelfCheck {
                tower: Tower::Text, ..
            },
        ) => {
            let message = error.to_string();
            assert!(message.contains("casekin model verify"), "{message}");
        }
        other => panic!("{other:?}"),
    }
    // The picture's vector is of its profile.
    let made = encoder(dir.path(), Profile::Hf)
        .self_check(Tower::Image)
        .unwrap();
    assert!(record.like(&made).is_none());
}

#[test]
fn a_value_that_is_no_number_is_named_before_and_after_it_spoils_a_vector() {
    for (stored, bits) in [
        (Stored::F32, f32::NAN.to_le_bytes().to_vec()),
        (Stored::F16, half::f16::INFINITY.to_le_bytes().to_vec()),
        (Stored::Bf16, half::bf16::NAN.to_le_bytes().to_vec()),
    ] {
        let (mut small, dir) = (Small::new(stored), tempfile::tempdir().unwrap());
        small.write(dir.path());
        let checkpoint = Checkpoint::open(dir.path()).unwrap();
        let (mut told, mut last) = (0, (0, 0));
        checkpoint
            .check_values(&mut |done, of| {
                told += 1;
                last = (done, of);
            })
            .unwrap();
        assert!(told > 0 && last.0 == last.1, "{told} {last:?}");
        assert_eq!(checkpoint.tensor_count(), small.tensors.len());

        let name = "vision_model.head.mlp.fc2.bias";
        let data = &mut small.tensor(name).3;
        let at = data.len() - bits.len();
        data[at..].copy_from_slice(&bits);
        let dir = tempfile::tempdir().unwrap();
        small.write(dir.path());
        let checkpoint = Checkpoint::open(dir.path()).unwrap();
        let named = |error: EncoderError| match error {
            EncoderError::CheckTensor {
                tensor,
                problem: TensorProblem::NotFinite,
            } => assert_eq!(tensor, name, "{stored:?}"),
            other => panic!("{stored:?}: {other}"),
        };
        named(checkpoint.check_values(&mut |_, _| ()).unwrap_err());
        named(
            encoder(dir.path(), Profile::Train)
                .self_check(Tower::Image)
                .unwrap_err(),
        );
        // The other tower has nothing to do with it.
        encoder(dir.path(), Profile::Train)
            .self_check(Tower::Text)
            .unwrap();
    }
}
