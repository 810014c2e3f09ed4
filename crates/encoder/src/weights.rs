//! The header of model.safetensors: which tensor lies where. Reads the header only, never the weights themselves,
//! and believes nothing of it that the file's length and the arithmetic of shape and type do not bear out.
//! Format: <https://github.com/huggingface/safetensors#format>.

use std::collections::HashMap;
use std::fmt;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::SystemTime;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};

use crate::config::parse_json;
use crate::{EncoderError, TensorProblem};

pub(crate) const WEIGHTS_FILE: &str = "model.safetensors";
/// The real model's header has 0.1 MB; a length field may claim 16 EB.
const HEADER_LIMIT_BYTES: u64 = 16 << 20;

/// Element types that the graph can read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dtype {
    F32,
    F16,
    Bf16,
}

impl Dtype {
    fn parse(name: &str) -> Option<Self> {
        match name {
            "F32" => Some(Self::F32),
            "F16" => Some(Self::F16),
            "BF16" => Some(Self::Bf16),
            _ => None,
        }
    }

    pub fn size_bytes(self) -> u64 {
        match self {
            Self::F32 => 4,
            Self::F16 | Self::Bf16 => 2,
        }
    }
}

/// Where a tensor lies: offsets count from the start of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TensorRange {
    pub dtype: Dtype,
    pub offset: u64,
    pub length: u64,
}

/// One tensor as the header has it; offsets count from the start of the data.
#[derive(Debug, Deserialize)]
struct Entry {
    dtype: String,
    shape: Vec<u64>,
    data_offsets: (u64, u64),
}

/// What tells one state of a file from another without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fingerprint {
    length: u64,
    modified: Option<SystemTime>,
}

/// An opened weights file: its real path and its tensors.
#[derive(Debug)]
pub(crate) struct Weights {
    path: PathBuf,
    data_start: u64,
    entries: HashMap<String, Entry>,
    fingerprint: Fingerprint,
    /// The first tensor whose values are no numbers, once somebody asked.
    not_finite: OnceLock<Option<String>>,
}

impl Weights {
    /// Opens `model.safetensors` of a folder. A link, as the hub's cache has it, is followed to the real file, since
    /// ONNX Runtime refuses external data that leaves its folder through a link.
    pub fn open(dir: &Path) -> Result<Self, EncoderError> {
        let path = dir.join(WEIGHTS_FILE).canonicalize().map_err(read_error)?;
        let mut file = File::open(&path).map_err(read_error)?;
        let fingerprint = Fingerprint::of(&file)?;
        let mut prefix = [0_u8; 8];
        let too_short = || EncoderError::CheckHeader {
            reason: format!("the file has {} bytes", fingerprint.length),
        };
        file.read_exact(&mut prefix).map_err(|_| too_short())?;
        let header_length = u64::from_le_bytes(prefix);
        if header_length > HEADER_LIMIT_BYTES
            || header_length > fingerprint.length.saturating_sub(8)
        {
            let reason = format!(
                "it claims {header_length} bytes, the file has {}",
                fingerprint.length
            );
            return Err(EncoderError::CheckHeader { reason });
        }
        let mut header = Vec::new();
        file.take(header_length)
            .read_to_end(&mut header)
            .map_err(read_error)?;
        let Header(listed) = parse_json(&header, WEIGHTS_FILE)?;
        let data_start = 8 + header_length;
        let entries = index(listed, fingerprint.length - data_start)?;
        Ok(Self {
            path,
            data_start,
            entries,
            fingerprint,
            not_finite: OnceLock::new(),
        })
    }

    /// The first tensor with a value that is no number; reads all of them, once.
    pub fn not_finite(&self) -> Option<&str> {
        let find = || self.first_not_finite(&mut |_, _| ()).ok().flatten();
        self.not_finite.get_or_init(find).as_deref()
    }

    /// Where the data begins in the file.
    pub fn data_start(&self) -> u64 {
        self.data_start
    }

    /// Every tensor that the header lists, as it lies: name, element type where the graph can read it, bytes.
    pub fn in_file_order(&self) -> Vec<(&str, Option<Dtype>, u64)> {
        let mut listed: Vec<_> = self.entries.iter().collect();
        listed.sort_by_key(|(_, entry)| entry.data_offsets);
        let described = listed.into_iter().map(|(name, entry)| {
            let (begin, end) = entry.data_offsets;
            (name.as_str(), Dtype::parse(&entry.dtype), end - begin)
        });
        described.collect()
    }

    /// The real path of the weights, links resolved.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The state of the file that was opened.
    pub fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    /// Bytes of all tensors together.
    pub fn data_bytes(&self) -> u64 {
        self.fingerprint.length - self.data_start
    }

    /// Finds a tensor and insists on its shape.
    pub fn find(&self, name: &str, shape: &[u64]) -> Result<TensorRange, EncoderError> {
        let fail = |problem| tensor_error(name, problem);
        let entry = self
            .entries
            .get(name)
            .ok_or_else(|| fail(TensorProblem::Missing))?;
        if entry.shape != shape {
            return Err(fail(TensorProblem::Shape {
                expected: shape.to_vec(),
                found: entry.shape.clone(),
            }));
        }
        let dtype = Dtype::parse(&entry.dtype).ok_or_else(|| {
            fail(TensorProblem::Dtype {
                found: entry.dtype.chars().take(16).collect(),
            })
        })?;
        let (begin, end) = entry.data_offsets;
        let expected = shape.iter().try_fold(dtype.size_bytes(), |product, side| {
            product.checked_mul(*side)
        });
        if expected != Some(end - begin) {
            return Err(fail(TensorProblem::Length {
                expected,
                found: end - begin,
            }));
        }
        Ok(TensorRange {
            dtype,
            offset: self.data_start + begin,
            length: end - begin,
        })
    }

    /// Reads a tensor of one element.
    pub fn scalar(&self, name: &str) -> Result<f32, EncoderError> {
        let range = self.find(name, &[1])?;
        let mut bytes = [0_u8; 4];
        let wanted = &mut bytes[..range.length as usize];
        let mut file = File::open(&self.path).map_err(read_error)?;
        file.seek(SeekFrom::Start(range.offset))
            .map_err(read_error)?;
        file.read_exact(wanted).map_err(read_error)?;
        let half = u16::from_le_bytes([bytes[0], bytes[1]]);
        let value = match range.dtype {
            Dtype::F32 => f32::from_le_bytes(bytes),
            Dtype::F16 => half::f16::from_bits(half).to_f32(),
            Dtype::Bf16 => half::bf16::from_bits(half).to_f32(),
        };
        if value.is_finite() {
            Ok(value)
        } else {
            Err(tensor_error(name, TensorProblem::NotFinite))
        }
    }

    /// Reads a tensor of a given shape as f32.
    pub fn values(&self, name: &str, shape: &[u64]) -> Result<Vec<f32>, EncoderError> {
        let range = self.find(name, shape)?;
        let mut file = File::open(&self.path).map_err(read_error)?;
        file.seek(SeekFrom::Start(range.offset))
            .map_err(read_error)?;
        let mut bytes = Vec::new();
        file.take(range.length)
            .read_to_end(&mut bytes)
            .map_err(read_error)?;
        let half = |pair: &[u8; 2]| u16::from_le_bytes(*pair);
        Ok(match range.dtype {
            Dtype::F32 => {
                let values = bytes.as_chunks::<4>().0.iter();
                values.map(|four| f32::from_le_bytes(*four)).collect()
            }
            Dtype::F16 => {
                let values = bytes.as_chunks::<2>().0.iter().map(half);
                values
                    .map(|bits| half::f16::from_bits(bits).to_f32())
                    .collect()
            }
            Dtype::Bf16 => {
                let values = bytes.as_chunks::<2>().0.iter().map(half);
                values
                    .map(|bits| half::bf16::from_bits(bits).to_f32())
                    .collect()
            }
        })
    }

    /// Insists that the file is still the one whose header was read: its ranges would mean something else by now.
    pub fn recheck(&self) -> Result<(), EncoderError> {
        let now = Fingerprint::of(&File::open(&self.path).map_err(read_error)?)?;
        if now == self.fingerprint {
            Ok(())
        } else {
            Err(EncoderError::RecheckWeights)
        }
    }
}

impl Fingerprint {
    fn of(file: &File) -> Result<Self, EncoderError> {
        let metadata = file.metadata().map_err(read_error)?;
        Ok(Self {
            length: metadata.len(),
            modified: metadata.modified().ok(),
        })
    }
}

pub(crate) fn read_error(source: std::io::Error) -> EncoderError {
    EncoderError::ReadFile {
        file: WEIGHTS_FILE,
        source,
    }
}

fn tensor_error(name: &str, problem: TensorProblem) -> EncoderError {
    EncoderError::CheckTensor {
        tensor: name.to_owned(),
        problem,
    }
}

/// Checks that the tensors lie within the data one after another without gap or overlap, as the format demands.
fn index(
    mut listed: Vec<(String, Entry)>,
    available: u64,
) -> Result<HashMap<String, Entry>, EncoderError> {
    listed.sort_by_key(|(_, entry)| entry.data_offsets);
    let mut expected_begin = 0;
    for (name, entry) in &listed {
        let (begin, end) = entry.data_offsets;
        if begin > end || end > available {
            return Err(tensor_error(
                name,
                TensorProblem::OutOfRange {
                    begin,
                    end,
                    available,
                },
            ));
        }
        if begin != expected_begin {
            return Err(tensor_error(
                name,
                TensorProblem::Misplaced {
                    expected_begin,
                    begin,
                },
            ));
        }
        expected_begin = end;
    }
    if expected_begin != available {
        let reason = format!(
            "its tensors fill {expected_begin} bytes, the file has {available} bytes of data"
        );
        return Err(EncoderError::CheckHeader { reason });
    }
    let mut entries = HashMap::with_capacity(listed.len());
    for (name, entry) in listed {
        if entries.contains_key(&name) {
            return Err(tensor_error(&name, TensorProblem::Repeated));
        }
        entries.insert(name, entry);
    }
    Ok(entries)
}

/// The header in its own order, so that a name that stands twice is seen and not merged away.
struct Header(Vec<(String, Entry)>);

impl<'de> Deserialize<'de> for Header {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Tensors;
        impl<'de> Visitor<'de> for Tensors {
            type Value = Header;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of tensors")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Header, A::Error> {
                let mut listed = Vec::new();
                while let Some(name) = map.next_key::<String>()? {
                    if name == "__metadata__" {
                        map.next_value::<IgnoredAny>()?;
                    } else {
                        listed.push((name, map.next_value()?));
                    }
                }
                Ok(Header(listed))
            }
        }
        deserializer.deserialize_map(Tensors)
    }
}
