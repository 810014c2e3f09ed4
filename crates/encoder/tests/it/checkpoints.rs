//! Checkpoints that are broken or hostile: each is refused with the name of what is wrong, none is run.

use casekin_encoder::{Checkpoint, Encoder, EncoderError, EncoderOptions, TensorProblem};
use serde_json::json;

use crate::support::{Small, Stored, runtime};

fn open(small: &Small) -> Result<Checkpoint, EncoderError> {
    let dir = tempfile::tempdir().unwrap();
    small.write(dir.path());
    Checkpoint::open(dir.path())
}

/// Opens a checkpoint whose header was bent, and gives the tensor complained about and the complaint.
fn complaint(
    bend: impl FnOnce(&mut serde_json::Map<String, serde_json::Value>),
) -> (String, TensorProblem) {
    let (small, dir) = (Small::new(Stored::F32), tempfile::tempdir().unwrap());
    let mut header = small.header();
    bend(&mut header);
    small.write_with(dir.path(), serde_json::to_vec(&header).unwrap());
    match Checkpoint::open(dir.path()) {
        Err(EncoderError::CheckTensor { tensor, problem }) => (tensor, problem),
        other => panic!("no complaint about a tensor: {other:?}"),
    }
}

const PROBE: &str = "vision_model.head.probe";
const FIRST: &str = "logit_scale";

#[cfg(unix)]
#[test]
fn a_truncated_file_names_a_tensor() {
    let dir = tempfile::tempdir().unwrap();
    Small::new(Stored::F32).write(dir.path());
    let path = dir.path().join("model.safetensors");
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() - 5]).unwrap();
    match Checkpoint::open(dir.path()) {
        Err(EncoderError::CheckTensor {
            tensor,
            problem: TensorProblem::OutOfRange { .. },
        }) => {
            assert!(tensor.ends_with("layer_norm2.bias"), "{tensor}");
        }
        other => panic!("{other:?}"),
    }
    for length in [0, 7, 8, 300] {
        std::fs::write(&path, &whole[..length]).unwrap();
        assert!(
            Checkpoint::open(dir.path()).is_err(),
            "{length} bytes were taken for a checkpoint"
        );
    }
}

#[test]
fn a_huge_header_length_allocates_nothing() {
    let dir = tempfile::tempdir().unwrap();
    Small::new(Stored::F32).write(dir.path());
    let path = dir.path().join("model.safetensors");
    let whole = std::fs::read(&path).unwrap();
    for claim in [u64::MAX, 1 << 40, whole.len() as u64] {
        let mut bent = whole.clone();
        bent[..8].copy_from_slice(&claim.to_le_bytes());
        std::fs::write(&path, bent).unwrap();
        assert!(
            matches!(
                Checkpoint::open(dir.path()),
                Err(EncoderError::CheckHeader { .. })
            ),
            "{claim}"
        );
    }
}

#[test]
fn a_shape_or_type_that_is_not_the_configurations_is_found_out() {
    let other_shape = TensorProblem::Shape {
        expected: vec![1, 1, 16],
        found: vec![1, 16, 1],
    };
    let cases = [
        ("shape", json!([1, 16, 1]), other_shape),
        (
            "dtype",
            json!("I32"),
            TensorProblem::Dtype {
                found: "I32".into(),
            },
        ),
        (
            "dtype",
            json!("F16"),
            TensorProblem::Length {
                expected: Some(32),
                found: 64,
            },
        ),
    ];
    for (key, value, wanted) in cases {
        let (tensor, problem) = complaint(|header| header[PROBE][key] = value);
        assert_eq!((tensor.as_str(), problem), (PROBE, wanted));
    }
}

#[test]
fn a_byte_range_that_is_not_the_tensors_is_found_out() {
    let moved = |name: &'static str, range: [u64; 2]| {
        complaint(move |header| header[name]["data_offsets"] = json!(range))
    };
    // The second tensor begins at 4, within the first.
    let (_, problem) = moved(FIRST, [0, 8]);
    assert_eq!(
        problem,
        TensorProblem::Misplaced {
            expected_begin: 8,
            begin: 4
        }
    );
    let (tensor, problem) = moved(FIRST, [4, 0]);
    assert!(
        tensor == FIRST && matches!(problem, TensorProblem::OutOfRange { .. }),
        "{problem}"
    );
    // What its bytes leave is a gap before whichever tensor comes next.
    let (_, problem) = moved(PROBE, [u64::MAX - 64, u64::MAX]);
    assert!(
        matches!(problem, TensorProblem::Misplaced { .. }),
        "{problem}"
    );
    let (_, problem) = complaint(|header| {
        header.remove("vision_model.head.mlp.fc2.bias");
    });
    assert!(
        matches!(problem, TensorProblem::Misplaced { .. }),
        "{problem}"
    );
}

#[test]
fn a_tensor_listed_twice_is_refused() {
    let (small, dir) = (Small::new(Stored::F32), tempfile::tempdir().unwrap());
    let header = serde_json::to_string(&small.header()).unwrap();
    let again = format!(
        r#",{}:{{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}}}"#,
        json!(FIRST)
    );
    small.write_with(
        dir.path(),
        (header[..header.len() - 1].to_owned() + &again).into_bytes(),
    );
    let error = Checkpoint::open(dir.path()).unwrap_err();
    assert!(
        matches!(
            error,
            EncoderError::CheckTensor {
                problem: TensorProblem::Repeated,
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn a_missing_tensor_is_named() {
    let mut small = Small::new(Stored::F32);
    small.tensors.retain(|(name, ..)| name != PROBE);
    let error = open(&small).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("model.safetensors: tensor {PROBE} is missing")
    );
}

#[test]
fn values_that_are_no_numbers_are_refused() {
    let mut small = Small::new(Stored::F32);
    small.tensor(FIRST).3 = f32::NAN.to_le_bytes().to_vec();
    assert!(matches!(
        open(&small),
        Err(EncoderError::CheckTensor {
            problem: TensorProblem::NotFinite,
            ..
        })
    ));

    let (mut small, dir) = (Small::new(Stored::F32), tempfile::tempdir().unwrap());
    small.tensor("text_model.head.bias").3 = f32::NAN.to_le_bytes().repeat(16);
    small.write(dir.path());
    let encoder = Encoder::load(
        &runtime(),
        &Checkpoint::open(dir.path()).unwrap(),
        &EncoderOptions::default(),
    )
    .unwrap();
    let error = encoder.encode_texts(&["no"]).unwrap_err();
    assert!(
        matches!(&error, EncoderError::CheckTensor { tensor, problem: TensorProblem::NotFinite }
            if tensor == "text_model.head.bias"),
        "{error}"
    );
}

#[test]
fn an_impossible_configuration_is_refused_by_field() {
    let cases = [
        (
            "/vision_config/num_attention_heads",
            json!(3),
            "vision_config.num_attention_heads",
        ),
        (
            "/text_config/num_attention_heads",
            json!(0),
            "text_config.num_attention_heads",
        ),
        (
            "/vision_config/patch_size",
            json!(0),
            "vision_config.patch_size",
        ),
        (
            "/text_config/num_hidden_layers",
            json!(1_000_000_000_u64),
            "text_config.num_hidden_layers",
        ),
        (
            "/vision_config/hidden_act",
            json!("gelu"),
            "vision_config.hidden_act",
        ),
        (
            "/text_config/projection_size",
            json!(8),
            "text_config.projection_size",
        ),
        ("/model_type", json!("clip"), "model_type"),
        ("/model_type", json!("siglip2"), "model_type"),
        (
            "/vision_config/vision_use_head",
            json!(false),
            "vision_config.vision_use_head",
        ),
        (
            "/vision_config/num_channels",
            json!(1),
            "vision_config.num_channels",
        ),
        (
            "/text_config/layer_norm_eps",
            json!(0.0),
            "text_config.layer_norm_eps",
        ),
        (
            "/text_config/hidden_act",
            json!("quick_gelu"),
            "text_config.hidden_act",
        ),
        (
            "/quantization_config",
            json!({"quant_method": "bitsandbytes"}),
            "quantization_config",
        ),
    ];
    for (pointer, value, wanted) in cases {
        let mut small = Small::new(Stored::F32);
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        small.config.pointer_mut(parent).unwrap()[key] = value;
        match open(&small) {
            Err(EncoderError::CheckConfig { field, .. }) => assert_eq!(field, wanted),
            other => panic!("{pointer}: {other:?}"),
        }
    }
    let mut small = Small::new(Stored::F32);
    small.preprocessor = json!({"size": {"height": 16, "width": 8}});
    assert!(matches!(
        open(&small),
        Err(EncoderError::CheckConfig { field: "size", .. })
    ));
}

#[test]
fn a_value_of_another_type_is_told_by_its_field() {
    let whole = |small: &Small| {
        let error = open(small).unwrap_err();
        let cause = std::error::Error::source(&error).unwrap().to_string();
        format!("{error}: {cause}")
    };
    let mut small = Small::new(Stored::F32);
    small.config["vision_config"]["image_size"] = json!([8, 8]);
    let told = whole(&small);
    assert!(
        told.contains("config.json: vision_config.image_size: invalid type"),
        "{told}"
    );
    let mut small = Small::new(Stored::F32);
    small.preprocessor["size"] = json!({"shortest_edge": 8});
    let told = whole(&small);
    assert!(
        told.contains("preprocessor_config.json") && told.contains("size"),
        "{told}"
    );
    let (small, dir) = (Small::new(Stored::F32), tempfile::tempdir().unwrap());
    let mut header = small.header();
    header[PROBE]["shape"] = json!("large");
    small.write_with(dir.path(), serde_json::to_vec(&header).unwrap());
    let error = Checkpoint::open(dir.path()).unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(
        error.to_string().contains("model.safetensors") && cause.contains(PROBE),
        "{error}: {cause}"
    );
}

#[test]
fn bytes_that_belong_to_no_tensor_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    Small::new(Stored::F32).write(dir.path());
    let path = dir.path().join("model.safetensors");
    let mut longer = std::fs::read(&path).unwrap();
    longer.extend([0; 12]);
    std::fs::write(&path, longer).unwrap();
    match Checkpoint::open(dir.path()) {
        Err(EncoderError::CheckHeader { reason }) => {
            assert!(reason.contains("bytes of data"), "{reason}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_tokenizer_of_another_vocabulary_is_refused() {
    let mut small = Small::new(Stored::F32);
    small.tokenizer["model"]["vocab"]["further"] = json!(8);
    let error = open(&small).unwrap_err();
    assert!(
        matches!(error, EncoderError::CheckTokenizer { .. })
            && error.to_string().contains("vocab_size is 8"),
        "{error}"
    );

    // As a tokenizer of 32,000 words beside the weights of a multilingual model: every id is within, and none means the same.
    let mut small = Small::new(Stored::F32);
    small.config["text_config"]["vocab_size"] = json!(4096);
    let (_, shape, _, data) = small.tensor("text_model.embeddings.token_embedding.weight");
    data.resize(data.len() / shape[0] as usize * 4096, 0);
    shape[0] = 4096;
    let error = open(&small).unwrap_err();
    assert!(
        matches!(error, EncoderError::CheckTokenizer { .. })
            && error.to_string().contains("two vocabularies"),
        "{error}"
    );

    let mut small = Small::new(Stored::F32);
    small.tokenizer["model"]["vocab"]
        .as_object_mut()
        .unwrap()
        .remove("</s>");
    assert!(matches!(
        open(&small),
        Err(EncoderError::CheckTokenizer { .. })
    ));

    let mut small = Small::new(Stored::F32);
    small.config["text_config"]["pad_token_id"] = json!(-1);
    assert!(matches!(
        open(&small),
        Err(EncoderError::CheckTokenizer { .. })
    ));

    let mut small = Small::new(Stored::F32);
    small.tokenizer = json!({"model": "none"});
    assert!(matches!(
        open(&small),
        Err(EncoderError::LoadTokenizer { .. })
    ));
}

#[test]
fn a_missing_file_is_named() {
    for file in [
        "config.json",
        "preprocessor_config.json",
        "tokenizer.json",
        "model.safetensors",
    ] {
        let dir = tempfile::tempdir().unwrap();
        Small::new(Stored::F32).write(dir.path());
        std::fs::remove_file(dir.path().join(file)).unwrap();
        let error = Checkpoint::open(dir.path()).unwrap_err();
        assert!(error.to_string().contains(file), "{error}");
    }
}

#[test]
fn random_damage_is_an_error_or_harmless_but_never_a_panic() {
    let dir = tempfile::tempdir().unwrap();
    let small = Small::new(Stored::F32);
    small.write(dir.path());
    let mut state = 3_u32;
    let mut next = |bound: usize| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as usize % bound
    };
    let (mut opened, mut refused) = (0, 0);
    for file in [
        "config.json",
        "preprocessor_config.json",
        "tokenizer.json",
        "model.safetensors",
    ] {
        let path = dir.path().join(file);
        let whole = std::fs::read(&path).unwrap();
        // Of the weights the header alone is worth damaging.
        let reach = whole
            .len()
            .min(8 + serde_json::to_vec(&small.header()).unwrap().len());
        for _ in 0..400 {
            let mut damaged = whole.clone();
            for _ in 0..=next(3) {
                // Digits and brackets keep the JSON alive more often than random bytes do.
                damaged[next(reach)] = *b"0198-[]{}\",:e."[next(14)..].first().unwrap();
            }
            std::fs::write(&path, damaged).unwrap();
            match Checkpoint::open(dir.path()) {
                Err(_) => refused += 1,
                Ok(checkpoint) => {
                    opened += 1;
                    if let Ok(encoder) =
                        Encoder::load(&runtime(), &checkpoint, &EncoderOptions::default())
                    {
                        let _ = encoder.token_ids("no pleural effusion, left");
                    }
                }
            }
        }
        std::fs::write(&path, whole).unwrap();
    }
    // Both happen, or the damage was of the wrong kind.
    assert!(
        opened > 20 && refused > 400,
        "{opened} opened, {refused} refused"
    );
}
