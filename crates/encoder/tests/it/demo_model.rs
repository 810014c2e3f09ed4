//! The demo model that ships with the program, against the answers its training script wrote beside it.

//! Words only: its pictures come from the phantoms, which this crate does not know.

use std::path::Path;

use casekin_encoder::{Checkpoint, Encoder, EncoderOptions};
use serde::Deserialize;

use crate::support::{cosine, runtime};

#[derive(Deserialize)]
struct Expected {
    texts: Vec<ExpectedText>,
}

#[derive(Deserialize)]
struct ExpectedText {
    text: String,
    token_ids: Vec<i64>,
    embedding: Vec<f32>,
}

#[test]
fn its_texts_have_the_ids_and_vectors_of_its_training() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("demo-model");
    let Ok(expected) = std::fs::read(folder.join("expected.json")) else {
        println!("skipped: demo-model/expected.json is absent");
        return;
    };
    let expected: Expected = serde_json::from_slice(&expected).unwrap();
    assert!(!expected.texts.is_empty());
    let checkpoint = Checkpoint::open(&folder).unwrap();
    let encoder = Encoder::load(&runtime(), &checkpoint, &EncoderOptions::default()).unwrap();
    let texts: Vec<&str> = expected
        .texts
        .iter()
        .map(|text| text.text.as_str())
        .collect();
    let vectors = encoder.encode_texts(&texts).unwrap();
    for (wanted, vector) in expected.texts.iter().zip(&vectors) {
        assert_eq!(
            encoder.token_ids(&wanted.text).unwrap(),
            wanted.token_ids,
            "{:?}",
            wanted.text
        );
        let found = cosine(vector, &wanted.embedding);
        println!("{:?}: cosine 1 - {:.2e}", wanted.text, 1.0 - found);
        assert!(found >= 0.99999, "{:?}: {found}", wanted.text);
    }
}
