//! Tokens of a picture's patches: the head, worked out here from them, must give the tower's own vector.

use casekin_encoder::{Checkpoint, Encoder, EncoderOptions, Patches, Picture};

use crate::support::{Small, Stored, cosine, runtime};

const HIDDEN: usize = 16;
const HEADS: usize = 2;

fn encoder(small: &Small) -> Encoder {
    let dir = tempfile::tempdir().unwrap();
    small.write(dir.path());
    let checkpoint = Checkpoint::open(dir.path()).unwrap();
    let encoder = Encoder::load(&runtime(), &checkpoint, &EncoderOptions::default()).unwrap();
    encoder
        .load_tower(casekin_encoder::Tower::Image)
        .expect("the tower starts while the folder is there");
    encoder
}

fn noise(width_px: u32, height_px: u32) -> Vec<u8> {
    (0..width_px * height_px * 3)
        .map(|value| (value * 37 % 251) as u8)
        .collect()
}

/// Values of a tensor of the head.
fn values(small: &mut Small, name: &str) -> Vec<f64> {
    let tensor = small.tensor(&format!("vision_model.head.{name}"));
    tensor
        .3
        .chunks_exact(4)
        .map(|bytes| f64::from(f32::from_le_bytes(bytes.try_into().unwrap())))
        .collect()
}

/// `weight * row + bias`, the weight as torch stores it.
fn linear(row: &[f64], weight: &[f64], bias: &[f64]) -> Vec<f64> {
    let of = |(weights, bias): (&[f64], &f64)| {
        bias + weights.iter().zip(row).map(|(w, x)| w * x).sum::<f64>()
    };
    weight.chunks_exact(row.len()).zip(bias).map(of).collect()
}

/// The head of `modeling_siglip.py` in f64: the probe attends to all tokens, then `r + mlp(norm(r))`.
fn head(small: &mut Small, tokens: &[f64]) -> Vec<f64> {
    let (packed, packed_bias) = (
        values(small, "attention.in_proj_weight"),
        values(small, "attention.in_proj_bias"),
    );
    let part = |row: &[f64], part: usize| {
        let weight = &packed[part * HIDDEN * HIDDEN..][..HIDDEN * HIDDEN];
        linear(row, weight, &packed_bias[part * HIDDEN..][..HIDDEN])
    };
    let query = part(&values(small, "probe"), 0);
    let rows: Vec<&[f64]> = tokens.chunks_exact(HIDDEN).collect();
    let (keys, looked): (Vec<_>, Vec<_>) =
        rows.iter().map(|row| (part(row, 1), part(row, 2))).unzip();
    let size = HIDDEN / HEADS;
    let mut attended = vec![0.0; HIDDEN];
    for start in (0..HIDDEN).step_by(size) {
        let score = |key: &Vec<f64>| {
            let dot: f64 = (start..start + size).map(|i| query[i] * key[i]).sum();
            (dot / (size as f64).sqrt()).exp()
        };
        let scores: Vec<f64> = keys.iter().map(score).collect();
        let sum: f64 = scores.iter().sum();
        for (score, value) in scores.iter().zip(&looked) {
            for i in start..start + size {
                attended[i] += score / sum * value[i];
            }
        }
    }
    let residual = linear(
        &attended,
        &values(small, "attention.out_proj.weight"),
        &values(small, "attention.out_proj.bias"),
    );
    let mean = residual.iter().sum::<f64>() / HIDDEN as f64;
    let variance = residual.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / HIDDEN as f64;
    let (scale, shift) = (
        values(small, "layernorm.weight"),
        values(small, "layernorm.bias"),
    );
    let normalised: Vec<f64> = (0..HIDDEN)
        .map(|i| (residual[i] - mean) / (variance + 1e-6).sqrt() * scale[i] + shift[i])
        .collect();
    let wide = linear(
        &normalised,
        &values(small, "mlp.fc1.weight"),
        &values(small, "mlp.fc1.bias"),
    );
    let bent: Vec<f64> = wide
        .iter()
        .map(|x| 0.5 * x * (1.0 + (0.797_884_560_802_865_4 * (x + 0.044_715 * x.powi(3))).tanh()))
        .collect();
    let narrow = linear(
        &bent,
        &values(small, "mlp.fc2.weight"),
        &values(small, "mlp.fc2.bias"),
    );
    residual.iter().zip(narrow).map(|(r, n)| r + n).collect()
}

#[test]
fn the_head_makes_the_pictures_vector_of_its_tokens() {
    let mut small = Small::new(Stored::F32);
    let rgb = noise(10, 6);
    let picture = Picture {
        width_px: 10,
        height_px: 6,
        rgb: &rgb,
    };
    let encoder = encoder(&small);
    let patches = encoder.encode_patches(&picture).unwrap();
    let Patches {
        vector,
        tokens,
        rows,
        columns,
    } = &patches;
    assert_eq!((*rows, *columns), (2, 2));
    assert_eq!(tokens.len(), 4 * HIDDEN);
    assert_eq!(*vector, encoder.encode_images(&[picture]).unwrap()[0]);
    let tokens: Vec<f64> = tokens.iter().map(|value| f64::from(*value)).collect();
    let pooled: Vec<f32> = head(&mut small, &tokens)
        .iter()
        .map(|value| *value as f32)
        .collect();
    let found = cosine(vector, &pooled);
    assert!(found > 0.999_999, "{found}");
}

#[test]
fn tokens_lie_in_the_order_of_the_picture() {
    // Without layers' attention to the other patches the tokens would not change at all; with it, the patch that was
    // changed changes most.
    let small = Small::new(Stored::F32);
    let encoder = encoder(&small);
    let grey = vec![100_u8; 8 * 8 * 3];
    let tokens = |rgb: &[u8]| {
        let picture = Picture {
            width_px: 8,
            height_px: 8,
            rgb,
        };
        encoder.encode_patches(&picture).unwrap().tokens
    };
    let before = tokens(&grey);
    for (row, column) in [(0, 1), (1, 0), (1, 1)] {
        let mut changed = grey.clone();
        for y in 0..4 {
            for x in 0..4 {
                let at = ((row * 4 + y) * 8 + column * 4 + x) * 3;
                changed[at..at + 3].copy_from_slice(&[255, 0, 30]);
            }
        }
        let after = tokens(&changed);
        let moved: Vec<f32> = before
            .chunks_exact(HIDDEN)
            .zip(after.chunks_exact(HIDDEN))
            .map(|(a, b)| a.iter().zip(b).map(|(a, b)| (a - b).abs()).sum())
            .collect();
        let most = (0..4)
            .max_by(|a, b| moved[*a].total_cmp(&moved[*b]))
            .unwrap();
        assert_eq!(most, row * 2 + column, "{moved:?}");
    }
}
