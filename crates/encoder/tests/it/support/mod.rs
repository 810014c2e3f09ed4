//! What the encoder's tests share: the runtime, the reference folder, and small checkpoints made on the spot.

#![allow(dead_code, clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use casekin_encoder::Runtime;
use serde_json::{Map, Value, json};

/// The runtime, or a failure that says how to get it: a test that cannot run must not look passed.
pub fn runtime() -> Runtime {
    Runtime::load(None).unwrap_or_else(|error| panic!("{error}"))
}

/// A path within the reference material beside the repository; prints why where it is absent.
pub fn shared(path: &str) -> Option<PathBuf> {
    let root = std::env::var_os("CASEKIN_SHARED")
        .map(PathBuf::from)
        .or_else(|| {
            let above = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
            above
                .map(|folder| folder.join("shared"))
                .find(|folder| folder.is_dir())
        });
    let found = root
        .map(|root| root.join(path))
        .filter(|path| path.exists());
    if found.is_none() {
        println!(
            "skipped: no {path} in a folder `shared` beside the repository (or CASEKIN_SHARED)"
        );
    }
    found
}

pub fn cosine(a: &[f32], b: &[f32]) -> f64 {
    assert_eq!(a.len(), b.len());
    let dot = |a: &[f32], b: &[f32]| {
        a.iter()
            .zip(b)
            .map(|(a, b)| f64::from(*a) * f64::from(*b))
            .sum::<f64>()
    };
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

/// Element types of a checkpoint made on the spot.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stored {
    F32,
    F16,
    Bf16,
}

impl Stored {
    fn name(self) -> &'static str {
        match self {
            Self::F32 => "F32",
            Self::F16 => "F16",
            Self::Bf16 => "BF16",
        }
    }

    fn bytes(self, value: f32) -> Vec<u8> {
        match self {
            Self::F32 => value.to_le_bytes().to_vec(),
            Self::F16 => half::f16::from_f32(value).to_le_bytes().to_vec(),
            Self::Bf16 => half::bf16::from_f32(value).to_le_bytes().to_vec(),
        }
    }
}

const HIDDEN: u64 = 16;
const WIDE: u64 = 24;
/// Words of the small tokenizer after its two marks.
const WORDS: [&str; 6] = ["<unk>", "no", "effusion", "pleural", "left", "nodule"];

/// A SigLIP of one layer per tower in memory: change what a test is about, then write it.
pub struct Small {
    pub config: Value,
    pub preprocessor: Value,
    pub tokenizer: Value,
    pub tensors: Vec<(String, Vec<u64>, Stored, Vec<u8>)>,
}

impl Small {
    /// Pictures of 8 pixels in patches of 4.
    pub fn new(stored: Stored) -> Self {
        Self::sized(stored, 8, 4)
    }

    /// Weights are multiples of 1/64 below 1/2, so that every element type holds them exactly.
    pub fn sized(stored: Stored, image_px: u64, patch_px: u64) -> Self {
        let mut state = 1_u32;
        let mut next = move || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            ((state >> 16) % 64) as f32 / 64.0 - 0.5
        };
        let tensor = |(name, shape): (String, Vec<u64>)| {
            let data = (0..shape.iter().product())
                .flat_map(|_| stored.bytes(next()))
                .collect();
            (name, shape, stored, data)
        };
        let tower = json!({
            "hidden_size": HIDDEN, "intermediate_size": WIDE, "num_hidden_layers": 1, "num_attention_heads": 2,
            "image_size": image_px, "patch_size": patch_px, "vocab_size": WORDS.len() + 2, "max_position_embeddings": 5,
        });
        Self {
            config: json!({"model_type": "siglip", "vision_config": tower, "text_config": tower}),
            preprocessor: json!({"size": {"height": image_px, "width": image_px}}),
            tokenizer: tokenizer(),
            tensors: shapes(image_px, patch_px).into_iter().map(tensor).collect(),
        }
    }

    pub fn tensor(&mut self, name: &str) -> &mut (String, Vec<u64>, Stored, Vec<u8>) {
        self.tensors
            .iter_mut()
            .find(|tensor| tensor.0 == name)
            .unwrap()
    }

    /// The header as the format wants it; tests bend it.
    pub fn header(&self) -> Map<String, Value> {
        let mut header = Map::new();
        header.insert("__metadata__".into(), json!({"format": "pt"}));
        let mut begin = 0;
        for (name, shape, stored, data) in &self.tensors {
            let end = begin + data.len();
            header.insert(
                name.clone(),
                json!({"dtype": stored.name(), "shape": shape, "data_offsets": [begin, end]}),
            );
            begin = end;
        }
        header
    }

    pub fn write(&self, dir: &Path) {
        self.write_with(dir, serde_json::to_vec(&self.header()).unwrap());
    }

    pub fn write_with(&self, dir: &Path, header: Vec<u8>) {
        let json =
            |file: &str, value: &Value| std::fs::write(dir.join(file), value.to_string()).unwrap();
        json("config.json", &self.config);
        json("preprocessor_config.json", &self.preprocessor);
        json("tokenizer.json", &self.tokenizer);
        let mut weights = (header.len() as u64).to_le_bytes().to_vec();
        weights.extend(header);
        for (_, _, _, data) in &self.tensors {
            weights.extend(data);
        }
        std::fs::write(dir.join("model.safetensors"), weights).unwrap();
    }
}

fn tokenizer() -> Value {
    let mut vocabulary = Map::new();
    for (id, word) in ["<pad>", "</s>"].iter().chain(&WORDS).enumerate() {
        vocabulary.insert((*word).into(), id.into());
    }
    json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": [],
        "normalizer": {"type": "Lowercase"}, "pre_tokenizer": {"type": "Whitespace"}, "post_processor": null,
        "decoder": null, "model": {"type": "WordLevel", "vocab": vocabulary, "unk_token": "<unk>"},
    })
}

const LAYERS: [&str; 2] = [
    "vision_model.encoder.layers.0",
    "text_model.encoder.layers.0",
];

/// Every tensor's name and shape.
fn shapes(image_px: u64, patch_px: u64) -> Vec<(String, Vec<u64>)> {
    let packed = 3 * HIDDEN;
    let patches = (image_px / patch_px).pow(2);
    let embeddings: [(&str, &[u64]); 10] = [
        ("logit_scale", &[1]),
        ("logit_bias", &[1]),
        (
            "vision_model.embeddings.patch_embedding.weight",
            &[HIDDEN, 3, patch_px, patch_px],
        ),
        ("vision_model.embeddings.patch_embedding.bias", &[HIDDEN]),
        (
            "vision_model.embeddings.position_embedding.weight",
            &[patches, HIDDEN],
        ),
        (
            "text_model.embeddings.token_embedding.weight",
            &[WORDS.len() as u64 + 2, HIDDEN],
        ),
        (
            "text_model.embeddings.position_embedding.weight",
            &[5, HIDDEN],
        ),
        ("vision_model.head.probe", &[1, 1, HIDDEN]),
        (
            "vision_model.head.attention.in_proj_weight",
            &[packed, HIDDEN],
        ),
        ("vision_model.head.attention.in_proj_bias", &[packed]),
    ];
    let mut shapes: Vec<_> = embeddings
        .into_iter()
        .map(|(name, shape)| (name.to_owned(), shape.to_vec()))
        .collect();
    for (name, of, from) in linears() {
        shapes.push((format!("{name}.weight"), vec![of, from]));
        shapes.push((format!("{name}.bias"), vec![of]));
    }
    for name in norms() {
        shapes.push((format!("{name}.weight"), vec![HIDDEN]));
        shapes.push((format!("{name}.bias"), vec![HIDDEN]));
    }
    shapes
}

fn linears() -> Vec<(String, u64, u64)> {
    let heads = ["vision_model.head.attention.out_proj", "text_model.head"];
    let mut linears: Vec<_> = heads.map(|name| (name.to_owned(), HIDDEN, HIDDEN)).into();
    for owner in LAYERS.into_iter().chain(["vision_model.head"]) {
        linears.push((format!("{owner}.mlp.fc1"), WIDE, HIDDEN));
        linears.push((format!("{owner}.mlp.fc2"), HIDDEN, WIDE));
    }
    for owner in LAYERS {
        let projections = ["q_proj", "k_proj", "v_proj", "out_proj"];
        linears
            .extend(projections.map(|name| (format!("{owner}.self_attn.{name}"), HIDDEN, HIDDEN)));
    }
    linears
}

fn norms() -> Vec<String> {
    let finals = [
        "vision_model.post_layernorm",
        "vision_model.head.layernorm",
        "text_model.final_layer_norm",
    ];
    let of_layers = LAYERS
        .iter()
        .flat_map(|layer| ["layer_norm1", "layer_norm2"].map(|name| format!("{layer}.{name}")));
    finals
        .into_iter()
        .map(str::to_owned)
        .chain(of_layers)
        .collect()
}
