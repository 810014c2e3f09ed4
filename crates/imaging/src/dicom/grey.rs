//! Grey levels: Modality LUT, VOI LUT or window, MONOCHROME1, and what to do where a file says nothing
//! (PS3.3 C.11.1, C.11.2, C.7.6.3.1.2).

use std::borrow::Cow;

use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;

use super::attributes::{attribute_error, first_text, for_frame, integer, items, numbers};
use super::colour::{split_bytes, words};
use super::layout::{Layout, Photometric};
use super::stored::Samples;
use crate::ImagingError;

/// R, G, B windows of the training data for CT, as lower and upper bound in HU (arXiv 2507.05201, 2.1.2).
const CT_WINDOWS: [(f64, f64); 3] = [(-1225.0, 1025.0), (-135.0, 215.0), (0.0, 80.0)];
/// Soft tissue: what a person sees of a CT that states no window.
const SOFT_TISSUE: Window = Window {
    centre: 40.0,
    width: 350.0,
    shape: Shape::Linear,
};
/// Shares of the values that fall outside the range of a picture without a window.
const TAILS: f64 = 0.005;

/// Stored value → modality value.
enum Modality {
    Linear { slope: f64, intercept: f64 },
    Table { first: i64, entries: Vec<u16> },
}

#[derive(Clone, Copy, PartialEq)]
enum Shape {
    Linear,
    LinearExact,
    Sigmoid,
}

#[derive(Clone, Copy, PartialEq)]
struct Window {
    centre: f64,
    width: f64,
    shape: Shape,
}

/// Modality value → level from 0 to 1.
#[derive(Clone)]
enum Voi {
    Window(Window),
    Table {
        first: f64,
        entries: Vec<u16>,
        top: f64,
    },
    Range {
        low: f64,
        high: f64,
    },
}

/// Everything that applies to the grey levels of one frame.
pub(super) struct Grey {
    modality: Modality,
    stated: Option<Voi>,
    inverted: bool,
    is_hounsfield: bool,
    is_projection: bool,
    padding: Option<(f64, f64)>,
    whole_range: Option<(f64, f64)>,
}

/// How grey levels were made, and the levels.
pub(super) struct Rendered {
    pub made_by: &'static str,
    pub rgb: Vec<u8>,
}

impl Grey {
    /// Reads what applies to a frame (number from 1).
    ///
    /// # Errors
    /// `ReadAttribute` for look-up tables and windows that make no sense.
    pub(super) fn read(
        object: &InMemDicomObject,
        layout: &Layout,
        frame: u32,
    ) -> Result<Self, ImagingError> {
        let modality_code = first_text(object, tags::MODALITY).unwrap_or_default();
        let (modality, is_rescaled) = modality(object, layout, frame)?;
        let identity = matches!(
            modality,
            Modality::Linear {
                slope: 1.0,
                intercept: 0.0
            }
        );
        Ok(Self {
            stated: voi(object, frame)?,
            inverted: layout.photometric == Photometric::Monochrome1,
            // Without a rescale only signed values can be Hounsfield units (air lies at -1000).
            is_hounsfield: modality_code == "CT"
                && (is_rescaled || layout.signed)
                && has_hounsfield_type(object, frame),
            is_projection: matches!(modality_code.as_str(), "CR" | "DX"),
            padding: padding(object)?,
            whole_range: (layout.bits_stored <= 8 && !layout.signed && identity)
                .then(|| (0.0, f64::from((1u32 << layout.bits_stored) - 1))),
            modality,
        })
    }

    /// What the encoder reads: CT as three windows, CR and DX stretched to their own range after the window.
    pub(super) fn for_encoder(&self, samples: &Samples) -> Rendered {
        if self.is_hounsfield {
            let channels = CT_WINDOWS.map(|(low, high)| Voi::Range { low, high });
            return Rendered {
                made_by: "ct-3-window",
                rgb: self.map(samples, &[&channels[0], &channels[1], &channels[2]]),
            };
        }
        if self.is_projection && (self.stated.is_some() || self.whole_range.is_none()) {
            return self.stretched(samples);
        }
        let (voi, made_by) = self.voi_or_default(samples);
        Rendered {
            made_by,
            rgb: self.map(samples, &[voi.as_ref()]),
        }
    }

    /// What a person sees: one window.
    pub(super) fn for_people(&self, samples: &Samples, window: Option<(f32, f32)>) -> Rendered {
        if let Some((centre, width)) =
            window.filter(|(centre, width)| centre.is_finite() && *width > 0.0)
        {
            let (centre, width) = (f64::from(centre), f64::from(width));
            let asked = Voi::Window(Window {
                centre,
                width,
                shape: Shape::Linear,
            });
            return Rendered {
                made_by: "window",
                rgb: self.map(samples, &[&asked]),
            };
        }
        if self.is_hounsfield && self.stated.is_none() {
            return Rendered {
                made_by: "soft-tissue",
                rgb: self.map(samples, &[&Voi::Window(SOFT_TISSUE)]),
            };
        }
        let (voi, made_by) = self.voi_or_default(samples);
        Rendered {
            made_by,
            rgb: self.map(samples, &[voi.as_ref()]),
        }
    }

    fn voi_or_default(&self, samples: &Samples) -> (Cow<'_, Voi>, &'static str) {
        match (&self.stated, self.whole_range) {
            (Some(voi @ Voi::Table { .. }), _) => (Cow::Borrowed(voi), "voi-lut"),
            (Some(voi), _) => (Cow::Borrowed(voi), "window"),
            (None, Some((low, high))) => (Cow::Owned(Voi::Range { low, high }), "full-range"),
            (None, None) => {
                let (low, high) = self.spread(samples, TAILS);
                (Cow::Owned(Voi::Range { low, high }), "percentile")
            }
        }
    }

    /// As the peer's container treats CR and DX: Modality LUT, window if stated, then minimum to maximum.
    fn stretched(&self, samples: &Samples) -> Rendered {
        let (low, high) = self.spread(samples, 0.0);
        let Some(voi) = &self.stated else {
            let range = Voi::Range { low, high };
            return Rendered {
                made_by: "min-max",
                rgb: self.map(samples, &[&range]),
            };
        };
        let (a, b) = (voi.level(low), voi.level(high));
        let (bottom, top) = (a.min(b), a.max(b));
        let scale = if top > bottom {
            1.0 / (top - bottom)
        } else {
            1.0
        };
        let shade = |value: f64| self.shade((voi.level(value) - bottom) * scale);
        let rgb = map_values(samples, |stored| [shade(self.modality.apply(stored)); 3]);
        Rendered {
            made_by: "window+min-max",
            rgb,
        }
    }

    /// Maps through one table for all channels, or one for each.
    fn map(&self, samples: &Samples, channels: &[&Voi]) -> Vec<u8> {
        map_values(samples, |stored| {
            let value = self.modality.apply(stored);
            match channels {
                [red, green, blue] => [red, green, blue].map(|voi| self.shade(voi.level(value))),
                [one, ..] => [self.shade(one.level(value)); 3],
                [] => [0; 3],
            }
        })
    }

    fn shade(&self, level: f64) -> u8 {
        let level = if self.inverted { 1.0 - level } else { level };
        (level * 255.0 + 0.5) as u8
    }

    /// The modality values that leave `tails` of all values outside on either side; padding does not count.
    fn spread(&self, samples: &Samples, tails: f64) -> (f64, f64) {
        let counted = count_values(samples);
        let mut values: Vec<(f64, u64)> = counted
            .into_iter()
            .filter(|(stored, _)| {
                !self
                    .padding
                    .is_some_and(|(low, high)| (low..=high).contains(stored))
            })
            .map(|(stored, count)| (self.modality.apply(stored), count))
            .filter(|(value, _)| value.is_finite())
            .collect();
        values.sort_by(|a, b| a.0.total_cmp(&b.0));
        let total: u64 = values.iter().map(|(_, count)| count).sum();
        let cut = (total as f64 * tails) as u64;
        let low = first_beyond(values.iter(), cut);
        let high = first_beyond(values.iter().rev(), cut);
        low.zip(high).unwrap_or((0.0, 1.0))
    }
}

/// The first value with more than `cut` values up to and including it.
fn first_beyond<'a>(mut counted: impl Iterator<Item = &'a (f64, u64)>, cut: u64) -> Option<f64> {
    let mut seen = 0;
    let found = counted.find(|(_, count)| {
        seen += count;
        seen > cut
    });
    found.map(|(value, _)| *value)
}

impl Modality {
    fn apply(&self, stored: f64) -> f64 {
        match self {
            Self::Linear { slope, intercept } => stored * slope + intercept,
            Self::Table { first, entries } => {
                let index = (stored as i64 - first).clamp(0, entries.len() as i64 - 1);
                f64::from(entries[index as usize])
            }
        }
    }
}

impl Voi {
    /// Level from 0 to 1.
    fn level(&self, value: f64) -> f64 {
        let level = match self {
            Self::Range { low, high } if high > low => (value - low) / (high - low),
            // A constant picture has no range: black, or white for what is above.
            Self::Range { low, .. } => f64::from(u8::from(value > *low)),
            Self::Table {
                first,
                entries,
                top,
            } => {
                let index = (value - first).clamp(0.0, entries.len() as f64 - 1.0);
                f64::from(entries[index as usize]) / top
            }
            Self::Window(window) => window.level(value),
        };
        if level.is_nan() {
            0.0
        } else {
            level.clamp(0.0, 1.0)
        }
    }
}

impl Window {
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

fn modality(
    object: &InMemDicomObject,
    layout: &Layout,
    frame: u32,
) -> Result<(Modality, bool), ImagingError> {
    if let Some(table) = items(object, tags::MODALITY_LUT_SEQUENCE).first() {
        let (first, entries, _) = table_of(table, layout.signed)?;
        return Ok((
            Modality::Table {
                first: first as i64,
                entries,
            },
            true,
        ));
    }
    let group = tags::PIXEL_VALUE_TRANSFORMATION_SEQUENCE;
    let holder = for_frame(object, frame, group, tags::RESCALE_SLOPE)
        .or_else(|| for_frame(object, frame, group, tags::RESCALE_INTERCEPT));
    let Some(holder) = holder else {
        return Ok((
            Modality::Linear {
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
        Modality::Linear {
            slope,
            intercept: first(tags::RESCALE_INTERCEPT, 0.0)?,
        },
        true,
    ))
}

/// Rescale Type says HU, or nothing ("US" is "unspecified", which most writers put there).
fn has_hounsfield_type(object: &InMemDicomObject, frame: u32) -> bool {
    for_frame(
        object,
        frame,
        tags::PIXEL_VALUE_TRANSFORMATION_SEQUENCE,
        tags::RESCALE_TYPE,
    )
    .and_then(|holder| first_text(holder, tags::RESCALE_TYPE))
    .is_none_or(|kind| kind == "HU" || kind == "US")
}

fn padding(object: &InMemDicomObject) -> Result<Option<(f64, f64)>, ImagingError> {
    let Some(value) = integer(object, tags::PIXEL_PADDING_VALUE)? else {
        return Ok(None);
    };
    let limit = integer(object, tags::PIXEL_PADDING_RANGE_LIMIT)?.unwrap_or(value);
    Ok(Some((value.min(limit) as f64, value.max(limit) as f64)))
}

/// The stated VOI: a table before a window, the first of several windows; `None` when nothing usable is stated.
fn voi(object: &InMemDicomObject, frame: u32) -> Result<Option<Voi>, ImagingError> {
    if let Some(table) = items(object, tags::VOILUT_SEQUENCE).first() {
        let (first, entries, bits) = table_of(table, true)?;
        let top = f64::from(entries.iter().copied().max().unwrap_or(0).max(1));
        let top = if bits >= 8 {
            top.max(f64::from((1u32 << bits.min(16)) - 1))
        } else {
            top
        };
        return Ok(Some(Voi::Table {
            first,
            entries,
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
    Ok(usable.then_some(Voi::Window(Window {
        centre,
        width,
        shape,
    })))
}

/// First mapped value, entries and bits of a LUT item (PS3.3 C.11.1.1).
fn table_of(item: &InMemDicomObject, signed: bool) -> Result<(f64, Vec<u16>, u32), ImagingError> {
    let tag = tags::LUT_DESCRIPTOR;
    let [count, first, bits] = numbers(item, tag)?[..] else {
        return Err(attribute_error(tag, "missing"));
    };
    let count = if count == 0.0 {
        65_536
    } else {
        (count as i64 & 0xFFFF) as usize
    };
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

/// Maps every stored value to a pixel; values of up to 16 bits go through a table of all of them.
fn map_values(samples: &Samples, pixel: impl Fn(f64) -> [u8; 3]) -> Vec<u8> {
    let table = |range: std::ops::RangeInclusive<i32>| {
        range.map(|value| pixel(value.into())).collect::<Vec<_>>()
    };
    match samples {
        Samples::U8(values) => {
            let table = table(0..=255);
            values
                .iter()
                .flat_map(|value| table[usize::from(*value)])
                .collect()
        }
        Samples::I8(values) => {
            let table = table(-128..=127);
            values
                .iter()
                .flat_map(|value| table[(i32::from(*value) + 128) as usize])
                .collect()
        }
        Samples::U16(values) => {
            let table = table(0..=i32::from(values.iter().copied().max().unwrap_or(0)));
            values
                .iter()
                .flat_map(|value| table[usize::from(*value)])
                .collect()
        }
        Samples::I16(values) => {
            let lowest = i32::from(values.iter().copied().min().unwrap_or(0));
            let table = table(lowest..=i32::from(values.iter().copied().max().unwrap_or(0)));
            values
                .iter()
                .flat_map(|value| table[(i32::from(*value) - lowest) as usize])
                .collect()
        }
        Samples::U32(values) => values
            .iter()
            .flat_map(|value| pixel((*value).into()))
            .collect(),
        Samples::I32(values) => values
            .iter()
            .flat_map(|value| pixel((*value).into()))
            .collect(),
        Samples::F32(values) => values
            .iter()
            .flat_map(|value| pixel((*value).into()))
            .collect(),
        Samples::F64(values) => values.iter().flat_map(|value| pixel(*value)).collect(),
    }
}

/// Distinct stored values and how often each occurs; for values of more than 16 bits, each by itself.
fn count_values(samples: &Samples) -> Vec<(f64, u64)> {
    fn tally(values: impl Iterator<Item = i32> + Clone) -> Vec<(f64, u64)> {
        let (low, high) = values.clone().fold((i32::MAX, i32::MIN), |(low, high), v| {
            (low.min(v), high.max(v))
        });
        let mut counts =
            vec![0u64; usize::try_from(i64::from(high) - i64::from(low) + 1).unwrap_or(0)];
        values.for_each(|value| counts[(value - low) as usize] += 1);
        let seen = counts
            .into_iter()
            .enumerate()
            .filter(|(_, count)| *count > 0);
        seen.map(|(index, count)| (index as f64 + f64::from(low), count))
            .collect()
    }
    match samples {
        Samples::U8(values) => tally(values.iter().map(|value| i32::from(*value))),
        Samples::I8(values) => tally(values.iter().map(|value| i32::from(*value))),
        Samples::U16(values) => tally(values.iter().map(|value| i32::from(*value))),
        Samples::I16(values) => tally(values.iter().map(|value| i32::from(*value))),
        Samples::U32(values) => values.iter().map(|value| (f64::from(*value), 1)).collect(),
        Samples::I32(values) => values.iter().map(|value| (f64::from(*value), 1)).collect(),
        Samples::F32(values) => values.iter().map(|value| (f64::from(*value), 1)).collect(),
        Samples::F64(values) => values.iter().map(|value| (*value, 1)).collect(),
    }
}
