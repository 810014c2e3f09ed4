//! How a vector is made, in one word: the preprocessing, and the arithmetic where it is not the full one.
//! Vectors of two recipes are never compared.

use std::fmt;
use std::str::FromStr;

use crate::weights::Dtype;
use crate::{Device, EncoderError, Profile};

/// The arithmetic of the image tower. The text tower is always in f32: it takes a twentieth of the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Precision {
    /// f32 throughout.
    #[default]
    F32,
    /// Linear layers of the encoder stack with 8-bit weights (one scale for each output, made when the tower is loaded)
    /// and 8-bit activations (one scale for each run); the rest in f32. On a CPU only.
    Int8,
    /// Weights and activations behind the patch embedding in IEEE half precision: values beyond 65,504 overflow, which is
    /// an error and never a vector. For a GPU; on a CPU it runs too, no faster than f32, so that a library made on a GPU
    /// can be asked anywhere.
    F16,
    /// As [`Self::F16`] in bfloat16: f32's range, in steps eight times as coarse as half precision's. On a GPU only.
    Bf16,
}

impl Precision {
    const ALL: [Self; 4] = [Self::F32, Self::Int8, Self::F16, Self::Bf16];

    /// What a graph reckons in, apart from its layers in 8 bit.
    pub(crate) fn arithmetic(self) -> Dtype {
        match self {
            Self::F32 | Self::Int8 => Dtype::F32,
            Self::F16 => Dtype::F16,
            Self::Bf16 => Dtype::Bf16,
        }
    }

    /// Whether a device has this arithmetic.
    ///
    /// # Errors
    /// [`EncoderError::UsePrecision`].
    pub(crate) fn check_on(self, device: Device) -> Result<(), EncoderError> {
        let instead = match (self, device) {
            (Self::Int8, Device::Cuda { .. }) => "leave -int8 out of the profile, or write -bf16",
            (Self::Bf16, Device::Cpu) => {
                "choose --device cuda, or a library whose profile is without -bf16"
            }
            _ => return Ok(()),
        };
        Err(EncoderError::UsePrecision {
            precision: self,
            device,
            instead,
        })
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::F32 => "f32",
            Self::Int8 => "int8",
            Self::F16 => "f16",
            Self::Bf16 => "bf16",
        })
    }
}

/// Preprocessing and arithmetic. Written `train` or `hf`, with `-int8`, `-f16` or `-bf16` where it is not f32.
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
        let unknown = || EncoderError::ParseProfile {
            text: text.to_owned(),
        };
        let (profile, precision) = match text.split_once('-') {
            None => (text, Precision::F32),
            Some((profile, named)) => {
                // f32 is what is meant where nothing is named: one recipe has one name.
                let mut known = Precision::ALL.into_iter().skip(1);
                let precision = known.find(|precision| precision.to_string() == named);
                (profile, precision.ok_or_else(unknown)?)
            }
        };
        let profile = profile.parse().map_err(|_| unknown())?;
        Ok(Self { profile, precision })
    }
}

impl fmt::Display for Recipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.precision {
            Precision::F32 => write!(f, "{}", self.profile),
            precision => write!(f, "{}-{precision}", self.profile),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recipes_are_read_and_written() {
        for profile in [Profile::Train, Profile::Hf] {
            for precision in Precision::ALL {
                let recipe = Recipe { profile, precision };
                assert_eq!(recipe.to_string().parse::<Recipe>().unwrap(), recipe);
            }
        }
        for text in ["train", "hf-int8", "train-f16", "hf-bf16"] {
            assert_eq!(text.parse::<Recipe>().unwrap().to_string(), text);
        }
        let recipe: Recipe = "train-int8".parse().unwrap();
        assert_eq!(
            (recipe.profile, recipe.precision),
            (Profile::Train, Precision::Int8)
        );
        for bad in [
            "",
            "-int8",
            "int8",
            "train-",
            "train-f32",
            "train-int8-int8",
            "train-f16-int8",
            "train-fp16",
            "Train",
        ] {
            assert!(bad.parse::<Recipe>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn what_a_device_has_not_is_refused_with_what_to_do() {
        let cuda = Device::Cuda { id: 0 };
        for (precision, device) in [(Precision::Int8, cuda), (Precision::Bf16, Device::Cpu)] {
            let told = precision.check_on(device).unwrap_err().to_string();
            assert!(told.contains(&precision.to_string()), "{told}");
            assert!(told.contains(&device.to_string()), "{told}");
        }
        for (precision, device) in [
            (Precision::F32, Device::Cpu),
            (Precision::F32, cuda),
            (Precision::Int8, Device::Cpu),
            (Precision::F16, Device::Cpu),
            (Precision::F16, cuda),
            (Precision::Bf16, cuda),
        ] {
            precision.check_on(device).unwrap();
        }
    }
}
