//! Where an encoder runs and how it prepares pictures: two small words that appear in commands, stamps and files.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::EncoderError;

/// The processor that runs the two towers. Written `cpu`, `cuda` (the first GPU) or `cuda:1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Device {
    /// The CPU.
    #[default]
    Cpu,
    /// An NVIDIA GPU. Never replaced by the CPU in silence: see [`EncoderError::UseCuda`].
    Cuda {
        /// The GPU's number as CUDA counts them, from 0.
        id: u32,
    },
}

impl FromStr for Device {
    type Err = EncoderError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unknown = || EncoderError::ParseDevice {
            text: text.to_owned(),
        };
        match text {
            "cpu" => Ok(Self::Cpu),
            "cuda" => Ok(Self::Cuda { id: 0 }),
            _ => {
                let digits = text.strip_prefix("cuda:").ok_or_else(unknown)?;
                // ONNX Runtime takes the number as a C int; `parse` alone would accept "+1".
                let plain = !digits.is_empty()
                    && digits.len() <= 4
                    && digits.bytes().all(|b| b.is_ascii_digit());
                let id = plain
                    .then(|| digits.parse().ok())
                    .flatten()
                    .ok_or_else(unknown)?;
                Ok(Self::Cuda { id })
            }
        }
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cpu => f.write_str("cpu"),
            Self::Cuda { id } => write!(f, "cuda:{id}"),
        }
    }
}

/// How a picture becomes the model's input. Vectors of two profiles must never be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// As MedSigLIP was trained: centred zero padding to a square, bilinear without antialias, truncated to 8 bit.
    #[default]
    Train,
    /// As Hugging Face's `SiglipImageProcessor`: squashed to a square by Pillow's antialiased filter.
    Hf,
}

impl FromStr for Profile {
    type Err = EncoderError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "train" => Ok(Self::Train),
            "hf" => Ok(Self::Hf),
            _ => Err(EncoderError::ParseProfile {
                text: text.to_owned(),
            }),
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Train => "train",
            Self::Hf => "hf",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_are_read_and_written() {
        assert_eq!("cpu".parse::<Device>().unwrap(), Device::Cpu);
        assert_eq!("cuda".parse::<Device>().unwrap(), Device::Cuda { id: 0 });
        assert_eq!("cuda:12".parse::<Device>().unwrap().to_string(), "cuda:12");
        for bad in [
            "",
            "CPU",
            "gpu",
            "cuda:",
            "cuda:-1",
            "cuda:+1",
            "cuda:1x",
            "cuda:99999999999",
        ] {
            assert!(
                bad.parse::<Device>().is_err(),
                "{bad:?} was taken for a device"
            );
        }
    }

    #[test]
    fn profiles_are_read_and_written() {
        for profile in [Profile::Train, Profile::Hf] {
            assert_eq!(profile.to_string().parse::<Profile>().unwrap(), profile);
        }
        assert!("Train".parse::<Profile>().is_err());
    }
}
