//! NumPy archives (.npz): numbers, texts, and arrays of objects as far as they are made of those. Formats:
//! <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>.

mod pickle;
mod zip;

use std::path::Path;

use anyhow::{Context as _, bail, ensure};

use self::zip::Zip;

pub use pickle::Value;

/// Bytes of one array at most; the published file has some 30 MB.
const ARRAY_LIMIT_BYTES: usize = 1 << 30;
/// Texts at most of an array whose texts are all empty, which take no bytes.
const MOST_EMPTY: usize = 1 << 20;
const MAGIC: &[u8] = b"\x93NUMPY";

/// An opened archive.
pub struct Archive(Zip);

/// An array, row by row.
#[derive(Debug, PartialEq)]
pub struct Array {
    pub shape: Vec<usize>,
    pub values: Values,
}

/// What an array holds.
#[derive(Debug, PartialEq)]
pub enum Values {
    Numbers(Vec<f32>),
    Texts(Vec<String>),
    Objects(Vec<Value>),
}

impl Archive {
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        Zip::open(path)
            .context("it is no NumPy archive (.npz)")
            .map(Self)
    }

    /// Names of its arrays.
    pub fn names(&self) -> Vec<String> {
        let names = self.0.names();
        names
            .filter_map(|name| name.strip_suffix(".npy").map(str::to_owned))
            .collect()
    }

    pub fn read(&mut self, name: &str) -> anyhow::Result<Array> {
        let bytes = self.0.read(&format!("{name}.npy"), ARRAY_LIMIT_BYTES);
        bytes
            .and_then(|bytes| parse(&bytes))
            .with_context(|| format!("array {name}"))
    }
}

/// Reads a .npy file.
fn parse(bytes: &[u8]) -> anyhow::Result<Array> {
    let Some([major, _]) = bytes
        .strip_prefix(MAGIC)
        .and_then(|rest| rest.first_chunk::<2>())
    else {
        bail!("it is no NumPy array");
    };
    let rest = &bytes[MAGIC.len() + 2..];
    let (length, rest) = match major {
        1 => {
            let (length, rest) = rest.split_first_chunk().context("it is cut off")?;
            (usize::from(u16::from_le_bytes(*length)), rest)
        }
        _ => {
            let (length, rest) = rest.split_first_chunk().context("it is cut off")?;
            (u32::from_le_bytes(*length) as usize, rest)
        }
    };
    let (header, data) = rest.split_at_checked(length).context("it is cut off")?;
    let header = Header::parse(std::str::from_utf8(header)?)?;
    if header.kind == "|O" {
        let Value::Objects { values, .. } = pickle::read(data)? else {
            bail!("it holds no array of objects");
        };
        ensure!(Some(values.len()) == count(&header.shape), "it is cut off");
        return Ok(Array {
            shape: header.shape,
            values: Values::Objects(values),
        });
    }
    decode(&header.kind, header.shape, header.fortran_order, data)
}

struct Header {
    kind: String,
    fortran_order: bool,
    shape: Vec<usize>,
}

impl Header {
    /// A Python dictionary of three entries, which NumPy always writes in the same way.
    fn parse(text: &str) -> anyhow::Result<Self> {
        let after = |key: &str| {
            let (_, rest) = text
                .split_once(key)
                .with_context(|| format!("the header has no {key}"))?;
            Ok::<_, anyhow::Error>(rest.trim_start().trim_start_matches(':').trim_start())
        };
        let kind = after("'descr'")?;
        let kind = kind
            .strip_prefix('\'')
            .and_then(|kind| kind.split_once('\''))
            .context("it has named fields, which are not read")?;
        let shape = after("'shape'")?;
        let shape = shape
            .strip_prefix('(')
            .and_then(|shape| shape.split_once(')'))
            .context("the header has no shape")?;
        let sides = shape.0.split(',').map(str::trim);
        let sides = sides.filter(|side| !side.is_empty()).map(str::parse);
        Ok(Self {
            kind: kind.0.to_owned(),
            fortran_order: after("'fortran_order'")?.starts_with("True"),
            shape: sides.collect::<Result<_, _>>()?,
        })
    }
}

fn count(shape: &[usize]) -> Option<usize> {
    shape
        .iter()
        .try_fold(1_usize, |count, side| count.checked_mul(*side))
}

/// Values of one type, as NumPy's type string names it.
fn decode(
    kind: &str,
    shape: Vec<usize>,
    fortran_order: bool,
    data: &[u8],
) -> anyhow::Result<Array> {
    let count = count(&shape).context("its shape is beyond all bounds")?;
    let (order, code) = kind.split_at_checked(1).context("it has no type")?;
    ensure!(
        order != ">",
        "its numbers are big-endian, which are not read"
    );
    let (letter, width) = code.split_at_checked(1).context("it has no type")?;
    let width: usize = width.parse().context("its type has no width")?;
    let bytes_each = width.checked_mul(if letter == "U" { 4 } else { 1 });
    let bytes_each = bytes_each.context("its type is beyond all bounds")?;
    ensure!(
        bytes_each > 0 || count <= MOST_EMPTY,
        "it has {count} empty texts"
    );
    let bytes = bytes_each
        .checked_mul(count)
        .and_then(|all| data.get(..all));
    let bytes = bytes.context("it is cut off")?;
    // A width of 0 is that of texts which are all empty.
    let each = |at: usize| &bytes[at * bytes_each..(at + 1) * bytes_each];
    let order = reading_order(&shape, fortran_order)?;
    let values = match (letter, width) {
        ("f", 2 | 4 | 8) => Values::Numbers(order.map(|at| number(each(at))).collect()),
        ("U", _) => Values::Texts(order.map(|at| wide_text(each(at))).collect()),
        ("S", _) => Values::Texts(order.map(|at| narrow_text(each(at))).collect()),
        _ => bail!("its type {kind:?} is not read; vectors are of f2, f4 or f8, names of U or S"),
    };
    Ok(Array { shape, values })
}

/// Places of the values in the file, row by row.
fn reading_order(
    shape: &[usize],
    fortran_order: bool,
) -> anyhow::Result<Box<dyn Iterator<Item = usize>>> {
    Ok(match (shape, fortran_order) {
        ([rows, columns], true) => {
            let (rows, columns) = (*rows, *columns);
            Box::new((0..rows * columns).map(move |at| at % columns * rows + at / columns))
        }
        (_, true) if shape.len() > 2 => bail!("its values lie column by column, which is not read"),
        _ => Box::new(0..shape.iter().product()),
    })
}

fn number(bytes: &[u8]) -> f32 {
    match *bytes {
        [a, b] => half_to_f32(u16::from_le_bytes([a, b])),
        [a, b, c, d] => f32::from_le_bytes([a, b, c, d]),
        [a, b, c, d, e, f, g, h] => f64::from_le_bytes([a, b, c, d, e, f, g, h]) as f32,
        _ => f32::NAN,
    }
}

/// IEEE 754 binary16.
fn half_to_f32(bits: u16) -> f32 {
    let (exponent, fraction) = ((bits >> 10) & 0x1F, f32::from(bits & 0x3FF) / 1024.0);
    let size = match exponent {
        0 => fraction * 2.0_f32.powi(-14),
        31 if fraction == 0.0 => f32::INFINITY,
        31 => f32::NAN,
        _ => (1.0 + fraction) * 2.0_f32.powi(i32::from(exponent) - 15),
    };
    if bits >> 15 == 1 { -size } else { size }
}

fn wide_text(bytes: &[u8]) -> String {
    let points = bytes.chunks_exact(4);
    let points = points.map(|point| u32::from_le_bytes([point[0], point[1], point[2], point[3]]));
    let text: String = points.filter_map(char::from_u32).collect();
    text.trim_end_matches('\0').to_owned()
}

fn narrow_text(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.trim_end_matches('\0').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file of version 1.0 as NumPy writes it.
    fn npy(header: &str, data: &[u8]) -> Vec<u8> {
        let mut bytes = [MAGIC, &[1, 0]].concat();
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.as_bytes());
        bytes.extend(data);
        bytes
    }

    #[test]
    fn numbers_and_texts_are_read_row_by_row() {
        let header = |kind: &str, fortran: &str, shape: &str| {
            format!("{{'descr': '{kind}', 'fortran_order': {fortran}, 'shape': {shape}, }}\n")
        };
        let data: Vec<u8> = [1.0_f32, 2.0, 3.0, 4.0, 5.0, 6.0]
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect();
        let read = parse(&npy(&header("<f4", "False", "(2, 3)"), &data)).unwrap();
        assert_eq!(read.shape, [2, 3]);
        assert_eq!(
            read.values,
            Values::Numbers(vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
        );
        let read = parse(&npy(&header("<f4", "True", "(2, 3)"), &data)).unwrap();
        assert_eq!(
            read.values,
            Values::Numbers(vec![1.0, 3.0, 5.0, 2.0, 4.0, 6.0])
        );
        let read = parse(&npy(
            &header("<f2", "False", "(3,)"),
            &[0, 0x3C, 0, 0xC0, 1, 0],
        ))
        .unwrap();
        assert_eq!(
            read.values,
            Values::Numbers(vec![1.0, -2.0, 5.960_464_5e-8])
        );
        let text: Vec<u8> = "aé\0b\0\0"
            .chars()
            .flat_map(|c| (c as u32).to_le_bytes())
            .collect();
        let read = parse(&npy(&header("<U3", "False", "(2,)"), &text)).unwrap();
        assert_eq!(read.values, Values::Texts(vec!["aé".into(), "b".into()]));
        let read = parse(&npy(&header("|S2", "False", "(2,)"), b"ab\0\0")).unwrap();
        assert_eq!(read.values, Values::Texts(vec!["ab".into(), String::new()]));

        for bad in [
            npy(&header("<f4", "False", "(2, 4)"), &data),
            npy(&header("<f4", "False", "(99999999999999999, 99)"), &data),
            npy(&header(">f4", "False", "(2, 3)"), &data),
            npy(&header("<c8", "False", "(2,)"), &data),
            npy("{}", &data),
            b"PK".to_vec(),
            Vec::new(),
        ] {
            assert!(parse(&bad).is_err());
        }
    }
}
