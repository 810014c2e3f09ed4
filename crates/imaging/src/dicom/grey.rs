//! Grey levels: Modality LUT, VOI LUT or window, MONOCHROME1, and what to do where a file says nothing
//! (PS3.3 C.11.1, C.11.2, C.7.6.3.1.2).

use std::borrow::Cow;

use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;

use super::attributes::{first_text, for_frame, integer};
use super::layout::{Layout, Photometric};
use super::tally::{count_values, first_beyond, map_values};
use super::transform::{Modality, Voi, Window};
use crate::{ImagingError, Samples};

/// R, G, B windows of the training data for CT, as lower and upper bound in HU (arXiv 2507.05201, 2.1.2).
pub(crate) const CT_WINDOWS: [(f64, f64); 3] = [(-1225.0, 1025.0), (-135.0, 215.0), (0.0, 80.0)];
/// Shares of the values that fall outside the range of a picture without a window.
const TAILS: f64 = 0.005;

/// Everything that applies to the grey levels of one frame.
pub(super) struct Grey {
    modality: Modality,
    stated: Option<Voi>,
    inverted: bool,
    is_hounsfield: bool,
    is_projection: bool,
    is_magnetic_resonance: bool,
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
        let (modality, is_rescaled) = Modality::read(object, layout, frame)?;
        let identity = matches!(
            modality,
            Modality::Linear {
                slope: 1.0,
                intercept: 0.0
            }
        );
        Ok(Self {
            stated: Voi::read(object, frame)?,
            inverted: layout.photometric == Photometric::Monochrome1,
            // Without a rescale only signed values can be Hounsfield units (air lies at -1000).
            is_hounsfield: modality_code == "CT"
                && (is_rescaled || layout.signed)
                && has_hounsfield_type(object, frame),
            is_projection: matches!(modality_code.as_str(), "CR" | "DX"),
            is_magnetic_resonance: modality_code == "MR",
            padding: padding(object)?,
            whole_range: (layout.bits_stored <= 8 && !layout.signed && identity)
                .then(|| (0.0, f64::from((1u32 << layout.bits_stored) - 1))),
            modality,
        })
    }

    /// What the encoder reads: CT as three windows, CR and DX stretched to their own range after the window, MR
    /// from the least to the greatest value of its volume, whose units mean nothing beyond one acquisition.
    pub(super) fn for_encoder(&self, samples: &Samples, volume: Option<[f64; 2]>) -> Rendered {
        if self.is_hounsfield {
            let channels = CT_WINDOWS.map(|(low, high)| Voi::Range { low, high });
            return Rendered {
                made_by: "ct-3-window",
                rgb: self.map(samples, &[&channels[0], &channels[1], &channels[2]]),
            };
        }
        if self.is_magnetic_resonance {
            let [low, high] = volume.unwrap_or_else(|| self.spread(samples, 0.0).into());
            return Rendered {
                made_by: if volume.is_some() {
                    "volume-min-max"
                } else {
                    "min-max"
                },
                rgb: self.map(samples, &[&Voi::Range { low, high }]),
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

    /// The least and the greatest value where the encoder reads the picture by those of its volume.
    pub(super) fn volume_range(&self, samples: &Samples) -> Option<[f64; 2]> {
        self.is_magnetic_resonance
            .then(|| self.spread(samples, 0.0).into())
    }

    /// What a person sees: one window.
    pub(super) fn for_people(&self, samples: &Samples, window: Option<(f32, f32)>) -> Rendered {
        if let Some((centre, width)) =
            window.filter(|(centre, width)| centre.is_finite() && *width > 0.0)
        {
            let (centre, width) = (f64::from(centre), f64::from(width));
            let asked = Voi::Window(Window::linear(centre, width));
            return Rendered {
                made_by: "window",
                rgb: self.map(samples, &[&asked]),
            };
        }
        if self.is_hounsfield && self.stated.is_none() {
            return Rendered {
                made_by: "soft-tissue",
                rgb: self.map(samples, &[&Voi::Window(Window::SOFT_TISSUE)]),
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
