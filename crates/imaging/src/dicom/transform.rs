//! The two grey transformations of DICOM: Modality LUT or rescale (PS3.3 C.11.1), VOI LUT or window (C.11.2).

use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;

use super::attributes::{attribute_error, first_text, for_frame, items, numbers};
use super::colour::{entry_count, split_bytes, words};
use super::layout::Layout;
use crate::ImagingError;

/// Stored value → modality value.
pub(super) enum Modality {
    Linear {
        slope: f64,
        intercept: f64,
    },
    Table {
        first: i64,
        entries: Vec<u16>,
        bits: u32,
    },
}

/// VOI LUT Function.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Shape {
    Linear,
    LinearExact,
    Sigmoid,
}

/// A window (PS3.3 C.11.2.1.2) and the shape of its slope.
#[derive(Clone, Copy, PartialEq)]
pub(super) struct Window {
    centre: f64,
    width: f64,
    shape: Shape,
}

/// Modality value → level from 0 to 1.
#[derive(Clone)]
pub(super) enum Voi {
    Window(Window),
    Table {
        first: f64,
        entries: Vec<u16>,
        bits: u32,
        top: f64,
    },
    Range {
        low: f64,
        high: f64,
    },
}

impl Modality {
    /// Reads a Modality LUT or rescale that applies to a frame, and whether the file states one.
    ///
    /// # Errors
    /// `ReadAttribute` for tables and numbers that make no sense.
    pub(super) fn read(
        object: &InMemDicomObject,
        layout: &Layout,
        frame: u32,
    ) -> Result<(Self, bool), ImagingError> {
        if let Some(table) = items(object, tags::MODALITY_LUT_SEQUENCE).first() {
            let (first, entries, bits) = table_of(table, layout.signed)?;
            return Ok((
                Self::Table {
                    first: first as i64,
                    entries,
                    bits,
                },
                true,
            ));
        }
        let group = tags::PIXEL_VALUE_TRANSFORMATION_SEQUENCE;
        let holder = for_frame(object, frame, group, tags::RESCALE_SLOPE)
            .or_else(|| for_frame(object, frame, group, tags::RESCALE_INTERCEPT));
        let Some(holder) = holder else {
            return Ok((
                Self::Linear {
                    slope: 1.0,
                    intercept: 0.0,
                },
                false,
            ));
        };
        let first = |tag, absent| -> Result<f64, ImagingError> {
            let value = numbers(holder, tag)?.first().copied().unwrap_or(absent);
            if value.is_finite() {
                Ok(value)
            } else {
                Err(attribute_error(tag, "not a finite number"))
            }
        };
        let slope = first(tags::RESCALE_SLOPE, 1.0)?;
        // A slope of zero would make every picture black; such files mean "no rescale".
        let slope = if slope == 0.0 { 1.0 } else { slope };
        Ok((
            Self::Linear {
                slope,
                intercept: first(tags::RESCALE_INTERCEPT, 0.0)?,
            },
            true,
        ))
    }

    /// The least and the greatest value that stored values of this layout can become.
    pub(super) fn range(&self, layout: &Layout) -> (f64, f64) {
        let bits = i32::from(layout.bits_stored);
        let (low, high) = if layout.signed {
            (-(2f64.powi(bits - 1)), 2f64.powi(bits - 1) - 1.0)
        } else {
            (0.0, 2f64.powi(bits) - 1.0)
        };
        match self {
            Self::Linear { slope, intercept } => {
                (low * slope + intercept, high * slope + intercept)
            }
            Self::Table { bits, .. } => (0.0, 2f64.powi(*bits as i32) - 1.0),
        }
    }

    /// The modality value of a stored one.
    pub(super) fn apply(&self, stored: f64) -> f64 {
        match self {
            Self::Linear { slope, intercept } => stored * slope + intercept,
            Self::Table { first, entries, .. } => {
                let index = (stored as i64)
                    .saturating_sub(*first)
                    .clamp(0, entries.len() as i64 - 1);
                f64::from(entries[index as usize])
            }
        }
    }
}

impl Voi {
    /// The stated VOI: a table before a window, the first of several windows; `None` when nothing usable is stated.
    ///
    /// # Errors
    /// `ReadAttribute` for tables and numbers that make no sense.
    pub(super) fn read(
        object: &InMemDicomObject,
        frame: u32,
    ) -> Result<Option<Self>, ImagingError> {
        if let Some(table) = items(object, tags::VOILUT_SEQUENCE).first() {
            let (first, entries, bits) = table_of(table, true)?;
            let top = f64::from(entries.iter().copied().max().unwrap_or(0).max(1));
            let top = if bits >= 8 {
                top.max(f64::from((1u32 << bits.min(16)) - 1))
            } else {
                top
            };
            return Ok(Some(Self::Table {
                first,
                entries,
                bits,
                top,
            }));
        }
        let group = tags::FRAME_VOILUT_SEQUENCE;
        let Some(holder) = for_frame(object, frame, group, tags::WINDOW_CENTER) else {
            return Ok(None);
        };
        let centre = numbers(holder, tags::WINDOW_CENTER)?.first().copied();
        let width = numbers(holder, tags::WINDOW_WIDTH)?.first().copied();
        let (Some(centre), Some(width)) = (centre, width) else {
            return Ok(None);
        };
        let shape = match first_text(holder, tags::VOILUT_FUNCTION).as_deref() {
            Some("SIGMOID") => Shape::Sigmoid,
            Some("LINEAR_EXACT") => Shape::LinearExact,
            _ => Shape::Linear,
        };
        // Width 0 stands for "no window" in many files; LINEAR allows no width below 1 (PS3.3 C.11.2.1.2.1).
        let usable = centre.is_finite()
            && width.is_finite()
            && width > 0.0
            && (shape != Shape::Linear || width >= 1.0);
        Ok(usable.then_some(Self::Window(Window {
            centre,
            width,
            shape,
        })))
    }

    /// Level from 0 to 1.
    pub(super) fn level(&self, value: f64) -> f64 {
        let level = match self {
            Self::Range { low, high } if high > low => (value - low) / (high - low),
            // A constant picture has no range: black, or white for what is above.
            Self::Range { low, .. } => f64::from(u8::from(value > *low)),
            Self::Table { top, .. } => self.entry(value) / top,
            Self::Window(window) => window.level(value),
        };
        if level.is_nan() {
            0.0
        } else {
            level.clamp(0.0, 1.0)
        }
    }
}

impl Voi {
    /// The entry that a modality value maps to; 0 where there is no table.
    pub(super) fn entry(&self, value: f64) -> f64 {
        let Self::Table { first, entries, .. } = self else {
            return 0.0;
        };
        let index = (value - first).clamp(0.0, entries.len() as f64 - 1.0);
        f64::from(entries[index as usize])
    }

    /// Bits of a table's entries; 0 where there is no table.
    pub(super) fn bits(&self) -> u32 {
        match self {
            Self::Table { bits, .. } => *bits,
            _ => 0,
        }
    }
}

impl Window {
    /// Soft tissue: what a person sees of a CT that states no window.
    pub(super) const SOFT_TISSUE: Self = Self::linear(40.0, 350.0);

    /// A linear window.
    pub(super) const fn linear(centre: f64, width: f64) -> Self {
        Self {
            centre,
            width,
            shape: Shape::Linear,
        }
    }

    /// PS3.3 C.11.2.1.2 and C.11.2.1.3.
    fn level(&self, value: f64) -> f64 {
        let Self {
            centre,
            width,
            shape,
        } = *self;
        match shape {
            Shape::Sigmoid => 1.0 / (1.0 + (-4.0 * (value - centre) / width).exp()),
            Shape::Linear if width > 1.0 => (value - (centre - 0.5)) / (width - 1.0) + 0.5,
            Shape::Linear => f64::from(u8::from(value > centre - 0.5)),
            Shape::LinearExact => (value - centre) / width + 0.5,
        }
    }
}

impl Window {
    /// The value spread over `low` to `high`: PS3.3 C.11.2.1.2.1, C.11.2.1.3.1 and C.11.2.1.3.2 as pydicom computes
    /// them.
    pub(super) fn spread(&self, value: f64, low: f64, high: f64) -> f64 {
        let range = high - low;
        let (centre, width) = match self.shape {
            Shape::Sigmoid => {
                return range / (1.0 + (-4.0 * (value - self.centre) / self.width).exp()) + low;
            }
            Shape::Linear => (self.centre - 0.5, self.width - 1.0),
            Shape::LinearExact => (self.centre, self.width),
        };
        if value <= centre - width / 2.0 {
            low
        } else if value > centre + width / 2.0 {
            high
        } else {
            ((value - centre) / width + 0.5) * range + low
        }
    }
}

/// First mapped value, entries and bits of a LUT item (PS3.3 C.11.1.1).
fn table_of(item: &InMemDicomObject, signed: bool) -> Result<(f64, Vec<u16>, u32), ImagingError> {
    let tag = tags::LUT_DESCRIPTOR;
    let [count, first, bits] = numbers(item, tag)?[..] else {
        return Err(attribute_error(tag, "missing"));
    };
    let count = entry_count(count);
    let data =
        words(item, tags::LUT_DATA).ok_or_else(|| attribute_error(tags::LUT_DATA, "missing"))?;
    let mut entries = split_bytes(data, count);
    if entries.len() < count {
        let reason = format!("{} entries of {count}", entries.len());
        return Err(attribute_error(tags::LUT_DATA, reason));
    }
    entries.truncate(count);
    let first = if signed && first > 32_767.0 {
        first - 65_536.0
    } else {
        first
    };
    Ok((first, entries, bits as u32))
}
