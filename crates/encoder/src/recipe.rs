//! How a vector is made, in one word: the preprocessing, and the arithmetic where it is not the full one.
//! Vectors of two recipes are never compared.

use std::fmt;
use std::str::FromStr;

use crate::{EncoderError, Profile};

/// The arithmetic of the image tower. The text tower is always in f32: it takes a twentieth of the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Precision {
    /// f32 throughout.
    #[default]
    F32,
    /// Linear layers of the encoder stack with 8-bit weights (one scale for each output, made when the tower is loaded)
    /// and 8-bit activations (one scale for each run); the rest in f32. On a CPU only.
    Int8,
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::F32 => "f32",
            Self::Int8 => "int8",
        })
    }
}

/// Preprocessing and arithmetic. Written `train`, `hf`, `train-int8` or `hf-int8`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Recipe {
    /// The preprocessing of pictures.
    pub profile: Profile,
    /// The arithmetic.
    pub precision: Precision,
}

impl FromStr for Recipe {
    type Err = EncoderError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (profile, precision) = match text.strip_suffix("-int8") {
            Some(profile) => (profile, Precision::Int8),
            None => (text, Precision::F32),
        };
        let profile = profile.parse().map_err(|_| EncoderError::ParseProfile {
            text: text.to_owned(),
        })?;
        Ok(Self { profile, precision })
    }
}

impl fmt::Display for Recipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.precision {
            Precision::F32 => write!(f, "{}", self.profile),
            Precision::Int8 => write!(f, "{}-{}", self.profile, self.precision),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recipes_are_read_and_written() {
        for text in ["train", "hf", "train-int8", "hf-int8"] {
            assert_eq!(text.parse::<Recipe>().unwrap().to_string(), text);
        }
        let recipe: Recipe = "train-int8".parse().unwrap();
        assert_eq!(
            (recipe.profile, recipe.precision),
            (Profile::Train, Precision::Int8)
        );
        for bad in ["", "-int8", "int8", "train-f32", "train-int8-int8", "Train"] {
            assert!(bad.parse::<Recipe>().is_err(), "{bad:?}");
        }
    }
}
