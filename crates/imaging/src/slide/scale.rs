//! Micrometres per pixel of a slide's level 0: what the file says, else what its objective suggests, else an
//! assumption that every view admits to.

/// Scanners resolve 0.5 µm per pixel through a 20× objective, and in proportion.
const UM_TIMES_POWER: f64 = 10.0;
/// Taken where the file says nothing at all: a 20× scan.
const ASSUMED_UM_PER_PX: f64 = 0.5;

/// The scale of level 0.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Scale {
    /// Micrometres per pixel across x and y.
    pub um_per_px: [f64; 2],
    /// Where they come from, unless the file states them.
    pub assumed: Option<String>,
}

impl Scale {
    pub(super) fn of(stated: Option<[f64; 2]>, objective_power: Option<f64>) -> Self {
        if let Some(um_per_px) = stated {
            return Self {
                um_per_px,
                assumed: None,
            };
        }
        let (um, assumed) = match objective_power {
            Some(power) => (
                UM_TIMES_POWER / power,
                format!("scale assumed from objective {power}x"),
            ),
            None => (
                ASSUMED_UM_PER_PX,
                format!("scale unknown, level 0 taken as {ASSUMED_UM_PER_PX:.2} um/px"),
            ),
        };
        Self {
            um_per_px: [um, um],
            assumed: Some(assumed),
        }
    }

    /// Pixels of level 0 per pixel of a picture at `um_per_px`; 1 where level 0 is coarser than that.
    pub(super) fn downsample(&self, um_per_px: f64) -> f64 {
        let [x, y] = self.um_per_px;
        (um_per_px / x.min(y)).max(1.0)
    }

    /// Millimetres per pixel of a picture that is `downsample` times coarser than level 0; `None` where the
    /// scale is an assumption.
    pub(super) fn mm_per_px(&self, downsample: [f64; 2]) -> Option<[f32; 2]> {
        let [x, y] = self.um_per_px;
        self.assumed.is_none().then(|| {
            [
                (x * downsample[0] / 1000.0) as f32,
                (y * downsample[1] / 1000.0) as f32,
            ]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_assumed_silently() {
        let stated = Scale::of(Some([0.25, 0.25]), Some(20.0));
        assert_eq!(
            (stated.um_per_px, stated.assumed.clone()),
            ([0.25, 0.25], None)
        );
        assert_eq!(stated.downsample(1.0), 4.0);
        assert_eq!(stated.mm_per_px([4.0, 4.0]), Some([0.001, 0.001]));
        let from_objective = Scale::of(None, Some(40.0));
        assert_eq!(from_objective.um_per_px, [0.25, 0.25]);
        assert!(from_objective.assumed.is_some());
        let unknown = Scale::of(None, None);
        assert_eq!(unknown.downsample(1.0), 2.0);
        assert_eq!(unknown.mm_per_px([2.0, 2.0]), None);
        assert_eq!(Scale::of(Some([2.0, 2.0]), None).downsample(1.0), 1.0);
    }
}
