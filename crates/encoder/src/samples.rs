//! Stored samples of a picture with the tables that make 8-bit colours of them, so that only the few samples that the
//! model's input is made of are ever looked up. Knows nothing of windows: whoever decoded the picture makes the tables.

use crate::EncoderError;

/// Entries of a table: one for every 16-bit sample.
pub const TABLE_LENGTH: usize = 1 << 16;

/// The samples of one plane, row by row from the top, without padding between rows.
#[derive(Debug, Clone, Copy)]
pub enum Plane<'a> {
    /// Unsigned samples of up to 16 bit.
    Unsigned(&'a [u16]),
    /// Signed samples of up to 16 bit.
    Signed(&'a [i16]),
}

impl Plane<'_> {
    fn len(&self) -> usize {
        match self {
            Self::Unsigned(samples) => samples.len(),
            Self::Signed(samples) => samples.len(),
        }
    }
}

/// From a sample to red, green and blue. A table has [`TABLE_LENGTH`] entries; a signed sample's entry is that of its
/// bits as an unsigned number (-1 is entry 65,535).
#[derive(Debug, Clone, Copy)]
pub enum Tables<'a> {
    /// One table: a grey picture.
    Grey(&'a [u8]),
    /// One table per channel, such as the three windows that CT is shown to MedSigLIP in.
    Rgb([&'a [u8]; 3]),
}

/// A picture whose samples have not been made colours yet: one plane and its tables.
#[derive(Debug, Clone, Copy)]
pub struct Samples<'a> {
    /// Width in pixels, at least 1.
    pub width_px: u32,
    /// Height in pixels, at least 1.
    pub height_px: u32,
    /// `width_px * height_px` samples.
    pub plane: Plane<'a>,
    /// What the samples mean.
    pub tables: Tables<'a>,
}

impl Samples<'_> {
    /// Checks that the plane has the size that width and height promise, and every table its length.
    ///
    /// # Errors
    /// [`EncoderError::CheckSamples`].
    pub fn check(&self) -> Result<(), EncoderError> {
        let expected = u128::from(self.width_px) * u128::from(self.height_px);
        let refuse = |reason| Err(EncoderError::CheckSamples { reason });
        if expected == 0 || expected != self.plane.len() as u128 {
            return refuse(format!(
                "{} x {} pixels cannot have {} samples",
                self.width_px,
                self.height_px,
                self.plane.len()
            ));
        }
        let lengths = match self.tables {
            Tables::Grey(table) => [table.len(); 3],
            Tables::Rgb(tables) => tables.map(<[u8]>::len),
        };
        match lengths.iter().find(|length| **length != TABLE_LENGTH) {
            Some(length) => refuse(format!("a table of {length} entries, not {TABLE_LENGTH}")),
            None => Ok(()),
        }
    }

    /// Every pixel through the tables: the RGB picture that the samples stand for, `width_px * height_px * 3` bytes.
    ///
    /// # Errors
    /// As [`Self::check`].
    pub fn to_rgb(&self) -> Result<Vec<u8>, EncoderError> {
        self.check()?;
        let tables = match self.tables {
            Tables::Grey(table) => [table; 3],
            Tables::Rgb(tables) => tables,
        };
        let pixel = |sample: u16| tables.map(|table| table[usize::from(sample)]);
        Ok(match self.plane {
            Plane::Unsigned(samples) => samples.iter().flat_map(|sample| pixel(*sample)).collect(),
            Plane::Signed(samples) => samples
                .iter()
                .flat_map(|sample| pixel(sample.cast_unsigned()))
                .collect(),
        })
    }
}
