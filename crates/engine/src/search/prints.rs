//! Whether two pictures are the same one, by their thumbnails: a model may give different pictures of one finding the same
//! vector, and the same picture in another file a slightly different one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use casekin_imaging::{Cuts, DecodeRequest, Rgb8, Source};

use crate::library::Library;

/// Cells along one side.
const SIDE: usize = 32;
/// Correlation from which two thumbnails are of the same picture. Of 38 drawn pictures made smaller by a quarter and
/// saved as JPEG of quality 50 the lowest was 0.990, half were above 0.9995; of 167 pairs of different pictures of one
/// finding the highest was 0.988.
const SAME: f32 = 0.99;
/// Prints kept in memory, of 4 KB each.
const KEPT: usize = 4096;

/// A thumbnail in 32 × 32 grey cells, with mean 0 and length 1, so that brightness and contrast do not matter.
#[derive(Debug, PartialEq)]
pub(crate) struct Print(Vec<f32>);

impl Print {
    /// `None` for a picture of one grey alone, which is like no other.
    fn of(rgb: &Rgb8) -> Option<Self> {
        let (width, height) = (rgb.width_px as usize, rgb.height_px as usize);
        if width == 0 || height == 0 {
            return None;
        }
        let mut cells = Vec::with_capacity(SIDE * SIDE);
        for cell in 0..SIDE * SIDE {
            let (row, column) = (cell / SIDE, cell % SIDE);
            let rows = span(row, height);
            let mut sum = 0.0;
            let mut count = 0.0;
            for y in rows {
                for x in span(column, width) {
                    let at = (y * width + x) * 3;
                    let pixel = rgb.pixels.get(at..at + 3)?;
                    sum += pixel.iter().map(|value| f32::from(*value)).sum::<f32>();
                    count += 3.0;
                }
            }
            cells.push(sum / count);
        }
        let mean = cells.iter().sum::<f32>() / cells.len() as f32;
        for cell in &mut cells {
            *cell -= mean;
        }
        let length = cells.iter().map(|cell| cell * cell).sum::<f32>().sqrt();
        (length > 1.0).then(|| Self(cells.iter().map(|cell| cell / length).collect()))
    }

    pub(super) fn is_same(&self, other: &Self) -> bool {
        let correlation: f32 = self.0.iter().zip(&other.0).map(|(a, b)| a * b).sum();
        correlation >= SAME
    }
}

/// The pixels of one cell along one side; at least one, also of pictures smaller than the grid.
fn span(cell: usize, pixels: usize) -> std::ops::Range<usize> {
    let start = (cell * pixels / SIDE).min(pixels - 1);
    start..((cell + 1) * pixels / SIDE).clamp(start + 1, pixels)
}

/// Prints that were needed lately, by picture.
#[derive(Default)]
pub(crate) struct Prints {
    kept: Mutex<HashMap<String, Option<Arc<Print>>>>,
}

impl Prints {
    fn get(&self, image_id: &str) -> Option<Option<Arc<Print>>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(image_id).cloned()
    }

    fn keep(&self, image_id: String, print: Option<Arc<Print>>) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT {
            kept.clear();
        }
        kept.insert(image_id, print);
    }

    /// Forgets a deleted picture.
    pub(crate) fn forget(&self, image_id: &str) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.remove(image_id);
    }
}

impl Library {
    /// The print of a picture's thumbnail; `None` where it has none that can be read, so that it is nobody's duplicate.
    pub(super) async fn print(&self, image_id: &str, thumbnail_key: &str) -> Option<Arc<Print>> {
        if let Some(known) = self.inner.prints.get(image_id) {
            return known;
        }
        let bytes = self.inner.objects.read_thumbnail(thumbnail_key).await;
        let bytes: Arc<[u8]> = bytes.ok().flatten()?.to_vec().into();
        let request = DecodeRequest {
            source: Source::from_bytes(String::new(), bytes),
            limits: self.inner.config.limits.clone(),
            thumbnail_px: 1,
            cuts: Cuts::default(),
            volume: None,
        };
        let decoding = self.inner.decoding.clone();
        let decoded = tokio::task::spawn_blocking(move || decoding.decode(&request)).await;
        let decoded = decoded.ok()?.ok()?;
        let print = decoded.views.first().and_then(|view| Print::of(&view.rgb));
        let print = print.map(Arc::new);
        self.inner.prints.keep(image_id.to_owned(), print.clone());
        print
    }
}

#[cfg(test)]
impl Print {
    /// A print of stripes, another one for each number.
    pub(super) fn drawn(number: usize) -> Arc<Self> {
        let cell = |at: usize| {
            if at.is_multiple_of(number + 1) {
                1.0
            } else {
                -1.0
            }
        };
        let length = (SIDE * SIDE) as f32;
        Arc::new(Self(
            (0..SIDE * SIDE)
                .map(|at| cell(at) / length.sqrt())
                .collect(),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(width: u32, height: u32, value: impl Fn(f32, f32) -> f32) -> Rgb8 {
        let mut pixels = Vec::new();
        for y in 0..height {
            for x in 0..width {
                let value = value(x as f32 / width as f32, y as f32 / height as f32);
                pixels.extend([value.clamp(0.0, 255.0) as u8; 3]);
            }
        }
        Rgb8 {
            width_px: width,
            height_px: height,
            pixels,
        }
    }

    #[test]
    fn size_and_brightness_do_not_matter_and_content_does() {
        let wave = |x: f32, y: f32| 120.0 + 80.0 * (7.0 * x).sin() * (5.0 * y).cos();
        let print = |rgb: Rgb8| Print::of(&rgb).unwrap();
        let large = print(picture(320, 240, wave));
        let small = print(picture(131, 98, wave));
        let dark = print(picture(320, 240, |x, y| wave(x, y) * 0.5));
        let other = print(picture(320, 240, |x, y| wave(y, x)));
        assert!(large.is_same(&small) && large.is_same(&dark));
        assert!(!large.is_same(&other));
        // Smaller than the grid, and of one grey.
        assert!(Print::of(&picture(3, 2, wave)).is_some());
        assert!(Print::of(&picture(64, 64, |_, _| 9.0)).is_none());
    }
}
