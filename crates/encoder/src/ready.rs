//! Pictures and texts on the way to a tower: all the work is done that needs no tower.

use crate::Tower;
use crate::preprocess::{Levels, Pixels, Preparation};

/// One picture or text made ready for its tower. Batches are put together of these, whoever they came from; it is for the
/// encoder that made it, or one of the same model and profile.
#[derive(Debug, Clone)]
pub struct Ready(pub(crate) Values);

/// Pixels of 8 bit, whatever the device, so that what waits for its turn is small; or ids.
#[derive(Debug, Clone)]
pub(crate) enum Values {
    Pixels(Vec<u8>),
    Ids(Vec<i64>),
}

impl Ready {
    /// The tower that it is for.
    #[must_use]
    pub fn tower(&self) -> Tower {
        match self.0 {
            Values::Pixels(_) => Tower::Image,
            Values::Ids(_) => Tower::Text,
        }
    }

    /// Whether it is a picture of so many values; that of a model of another size is not.
    pub(crate) fn has_values(&self, count: usize) -> bool {
        matches!(&self.0, Values::Pixels(pixels) if pixels.len() == count)
    }

    pub(crate) fn ids(&self) -> &[i64] {
        match &self.0 {
            Values::Pixels(_) => &[],
            Values::Ids(ids) => ids,
        }
    }
}

impl Pixels for Ready {
    fn fill<T: Copy>(&self, planes: &mut [T], _how: &Preparation<'_>, levels: &Levels<T>) {
        let Values::Pixels(pixels) = &self.0 else {
            return;
        };
        let plane = pixels.len() / levels.len();
        let planes = planes.chunks_exact_mut(plane);
        for ((plane, pixels), levels) in planes.zip(pixels.chunks_exact(plane)).zip(levels) {
            for (value, pixel) in plane.iter_mut().zip(pixels) {
                *value = levels[usize::from(*pixel)];
            }
        }
    }
}
