//! The self-check: one picture and one text that are made here, whose vectors a model must give today as it gave them
//! when they were recorded, and twice the same. It needs no Python and no file of anybody. Whoever keeps the recorded
//! vectors keeps them as [`SelfCheckRecord`]; those of the demo model are shipped with this crate.

use serde::{Deserialize, Serialize};

use crate::{Encoder, EncoderError, ModelId, Picture, Precision, Tower};

/// Which picture and text: another number, and what was recorded before is no measure any more.
const INPUTS: u32 = 1;
const TEXT: &str = "Frontal chest radiograph: small right pleural effusion, no pneumothorax.";
const WIDTH_PX: u32 = 200;
const HEIGHT_PX: u32 = 150;
/// Two runs of one input may differ by so much, a tenth of what the cosine bar allows in one value of a unit vector.
const REPEAT_DIFFERENCE: f64 = 1e-5;
/// Every vector that leaves has length 1 within this.
const NORM_DIFFERENCE: f64 = 1e-5;
const DEMO_MODEL: &str = include_str!("../demo-model/self-check.json");

/// Least cosine between two vectors of one input and model, where the less exact of them was made in this arithmetic.
#[must_use]
pub fn least_cosine(precision: &str) -> f64 {
    match precision {
        "f32" => 0.99999,
        "f16" | "bf16" => 0.999,
        _ => 0.99,
    }
}

/// How near two vectors are.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Agreement {
    /// Their cosine, whatever their lengths; 0 where they cannot be compared.
    pub cosine: f64,
    /// Largest difference between two of their values, both brought to length 1.
    pub largest_difference: f64,
}

impl Agreement {
    /// Compares two vectors, of which neither need have length 1.
    #[must_use]
    pub fn of(a: &[f32], b: &[f32]) -> Self {
        let dot = |a: &[f32], b: &[f32]| {
            let products = a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b));
            products.sum::<f64>()
        };
        let (of_a, of_b) = (dot(a, a).sqrt(), dot(b, b).sqrt());
        let cosine = dot(a, b) / (of_a * of_b);
        if a.len() != b.len() || !cosine.is_finite() {
            return Self {
                cosine: 0.0,
                largest_difference: 1.0,
            };
        }
        let values = a.iter().zip(b);
        let differences = values.map(|(a, b)| (f64::from(*a) / of_a - f64::from(*b) / of_b).abs());
        Self {
            cosine,
            largest_difference: differences.fold(0.0, f64::max),
        }
    }
}

/// A self-check vector of one tower.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SelfCheckVector {
    /// The tower.
    pub tower: Tower,
    /// The preprocessing profile of a picture; none for the text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// The arithmetic it was made in.
    pub precision: String,
    /// What made it, for a person.
    pub made_by: String,
    /// Its values.
    pub vector: Vec<f32>,
}

impl SelfCheckVector {
    /// Holds a vector made now against this one.
    ///
    /// # Errors
    /// [`EncoderError::SelfCheck`] where they are not near enough.
    pub fn compare(&self, made: &SelfCheckVector) -> Result<Agreement, EncoderError> {
        let agreement = Agreement::of(&self.vector, &made.vector);
        let least = least_cosine(&self.precision).min(least_cosine(&made.precision));
        if agreement.cosine >= least {
            return Ok(agreement);
        }
        Err(EncoderError::SelfCheck {
            tower: self.tower,
            cosine: agreement.cosine,
            least,
            recorded_by: self.made_by.clone(),
        })
    }
}

/// The self-check vectors of one model, by tower and profile.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SelfCheckRecord {
    /// Which picture and text they are of.
    inputs: u32,
    /// The model.
    pub model_id: ModelId,
    /// Its vectors.
    pub vectors: Vec<SelfCheckVector>,
}

impl SelfCheckRecord {
    /// A record without vectors.
    #[must_use]
    pub fn new(model_id: ModelId) -> Self {
        Self {
            inputs: INPUTS,
            model_id,
            vectors: Vec::new(),
        }
    }

    /// What is shipped for this model: the demo model's vectors, nothing for any other.
    #[must_use]
    pub fn shipped(model_id: &ModelId) -> Option<Self> {
        let record: Self = serde_json::from_str(DEMO_MODEL).ok()?;
        (record.inputs == INPUTS && record.model_id == *model_id).then_some(record)
    }

    /// Whether it is of the picture and the text that this version of the program makes.
    #[must_use]
    pub fn is_current(&self) -> bool {
        self.inputs == INPUTS
    }

    /// The recorded vector of the same tower and profile as `made`.
    #[must_use]
    pub fn like(&self, made: &SelfCheckVector) -> Option<&SelfCheckVector> {
        let alike =
            |kept: &&SelfCheckVector| (kept.tower, &kept.profile) == (made.tower, &made.profile);
        self.vectors.iter().find(alike)
    }
}

impl Encoder {
    /// Encodes the picture or the text of the self-check, twice.
    ///
    /// # Errors
    /// [`EncoderError::RepeatRun`] where the two runs differ; [`EncoderError::CheckOutput`] or
    /// [`EncoderError::CheckTensor`] where the vector is none; those of [`Self::load_tower`].
    pub fn self_check(&self, tower: Tower) -> Result<SelfCheckVector, EncoderError> {
        let run = || match tower {
            Tower::Text => self.encode_texts(&[TEXT]),
            Tower::Image => self.encode_images(&[Picture {
                width_px: WIDTH_PX,
                height_px: HEIGHT_PX,
                rgb: &picture(),
            }]),
        };
        let (first, again) = (run()?.concat(), run()?.concat());
        let difference = Agreement::of(&first, &again).largest_difference;
        if difference > REPEAT_DIFFERENCE {
            return Err(EncoderError::RepeatRun { tower, difference });
        }
        let norm = Agreement::length(&first);
        let is_unit = (norm - 1.0).abs() <= NORM_DIFFERENCE;
        if !is_unit {
            let reason = format!("a vector of length {norm}");
            return Err(EncoderError::CheckOutput { tower, reason });
        }
        Ok(SelfCheckVector {
            tower,
            profile: (tower == Tower::Image).then(|| self.profile().to_string()),
            precision: match tower {
                Tower::Image => self.precision(),
                Tower::Text => Precision::F32,
            }
            .to_string(),
            made_by: self.made_by(),
            vector: first,
        })
    }
}

impl Agreement {
    fn length(vector: &[f32]) -> f64 {
        let squares = vector.iter().map(|value| f64::from(*value).powi(2));
        squares.sum::<f64>().sqrt()
    }
}

/// Neither square nor grey nor smooth, so that padding, filter, channels and patches all bear on its vector. Whole numbers
/// alone, so that it is the same picture on every machine.
fn picture() -> Vec<u8> {
    let pixel = |x: u32, y: u32| {
        let (from_left, from_top) = (x.abs_diff(70), y.abs_diff(60));
        let disc = from_left * from_left + from_top * from_top < 35 * 35;
        let board = (x / 9 + y / 7).is_multiple_of(2);
        let red = x * 255 / (WIDTH_PX - 1);
        let green = if disc { 230 } else { y * 200 / (HEIGHT_PX - 1) };
        let blue = if board { 180 } else { x * y % 97 };
        [red, green, blue].map(|value| value as u8)
    };
    let rows = (0..HEIGHT_PX).flat_map(|y| (0..WIDTH_PX).map(move |x| (x, y)));
    rows.flat_map(|(x, y)| pixel(x, y)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shipped_is_the_demo_models() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("demo-model");
        let id = crate::Checkpoint::open(&folder)
            .unwrap()
            .model_id()
            .unwrap();
        let record = SelfCheckRecord::shipped(&id).unwrap();
        assert_eq!(
            record.vectors.len(),
            2,
            "a text, and a picture under `train`"
        );
        for vector in &record.vectors {
            assert!((Agreement::length(&vector.vector) - 1.0).abs() < 1e-5);
        }
        let other: ModelId = "0".repeat(64).parse().unwrap();
        assert!(SelfCheckRecord::shipped(&other).is_none());
    }

    #[test]
    fn the_picture_is_the_same_everywhere_and_always() {
        use sha2::{Digest as _, Sha256};
        let pixels = picture();
        assert_eq!(pixels.len(), (WIDTH_PX * HEIGHT_PX * 3) as usize);
        assert_eq!(
            hex::encode(Sha256::digest(&pixels)),
            "065dd596258d5b55488bff3c9e96326220d9fc4141446054c1a450410cf5d8ce"
        );
    }

    #[test]
    fn vectors_that_cannot_be_compared_do_not_agree() {
        assert_eq!(Agreement::of(&[1.0, 0.0], &[1.0]).cosine, 0.0);
        assert_eq!(Agreement::of(&[0.0, 0.0], &[1.0, 0.0]).cosine, 0.0);
        assert_eq!(Agreement::of(&[f32::NAN, 0.0], &[1.0, 0.0]).cosine, 0.0);
        let same = Agreement::of(&[3.0, 4.0], &[0.6, 0.8]);
        assert!((same.cosine - 1.0).abs() < 1e-7 && same.largest_difference < 1e-7);
    }
}
