//! Slides that are open for the viewer, and the tiles it asked for last. Slides are read in place by the decoders:
//! what is kept here says where, not the pixels.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use casekin_imaging::{DeepZoomTile, ServedSlide};

/// Slides kept.
const KEPT_SLIDES: usize = 8;
/// Bytes that slides which arrived as bytes may hold together.
const KEPT_SLIDE_BYTES: u64 = 1 << 30;
/// JPEG tiles kept.
const KEPT_TILE_BYTES: usize = 64 << 20;

/// The slides and tiles used last, least recent first.
#[derive(Default)]
pub(crate) struct OpenSlides {
    slides: Mutex<VecDeque<(String, Arc<ServedSlide>)>>,
    tiles: Mutex<VecDeque<KeptTile>>,
}

struct KeptTile {
    image_id: String,
    tile: DeepZoomTile,
    jpeg: Arc<[u8]>,
}

impl OpenSlides {
    /// An open slide.
    pub(crate) fn slide(&self, image_id: &str) -> Option<Arc<ServedSlide>> {
        let mut slides = self.slides.lock().unwrap_or_else(PoisonError::into_inner);
        let at = slides.iter().position(|(id, _)| id == image_id)?;
        let used = slides.remove(at)?;
        let slide = Arc::clone(&used.1);
        slides.push_back(used);
        Some(slide)
    }

    /// Keeps a slide open; the least recently used ones are closed.
    pub(crate) fn keep_slide(&self, image_id: &str, slide: Arc<ServedSlide>) {
        let mut slides = self.slides.lock().unwrap_or_else(PoisonError::into_inner);
        slides.retain(|(id, _)| id != image_id);
        slides.push_back((image_id.to_owned(), slide));
        let held = |slides: &VecDeque<(String, Arc<ServedSlide>)>| -> u64 {
            slides.iter().map(|(_, slide)| slide.held_bytes()).sum()
        };
        while slides.len() > KEPT_SLIDES || slides.len() > 1 && held(&slides) > KEPT_SLIDE_BYTES {
            slides.pop_front();
        }
    }

    /// A tile that was made before.
    pub(crate) fn tile(&self, image_id: &str, tile: DeepZoomTile) -> Option<Arc<[u8]>> {
        let tiles = self.tiles.lock().unwrap_or_else(PoisonError::into_inner);
        tiles
            .iter()
            .find(|kept| kept.tile == tile && kept.image_id == image_id)
            .map(|kept| Arc::clone(&kept.jpeg))
    }

    /// Keeps a tile; the oldest go.
    pub(crate) fn keep_tile(&self, image_id: &str, tile: DeepZoomTile, jpeg: Arc<[u8]>) {
        let mut tiles = self.tiles.lock().unwrap_or_else(PoisonError::into_inner);
        tiles.push_back(KeptTile {
            image_id: image_id.to_owned(),
            tile,
            jpeg,
        });
        let mut bytes: usize = tiles.iter().map(|kept| kept.jpeg.len()).sum();
        while bytes > KEPT_TILE_BYTES {
            bytes -= tiles.pop_front().map_or(0, |kept| kept.jpeg.len());
        }
    }

    /// Closes the slide of a deleted picture and forgets its tiles.
    pub(crate) fn forget(&self, image_id: &str) {
        self.slides
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|(id, _)| id != image_id);
        self.tiles
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|kept| kept.image_id != image_id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TILE: DeepZoomTile = DeepZoomTile {
        level: 9,
        column: 1,
        row: 2,
    };

    #[test]
    fn tiles_of_a_deleted_picture_are_forgotten() {
        let open = OpenSlides::default();
        open.keep_tile("i-1", TILE, Arc::from([1u8].as_slice()));
        open.keep_tile("i-2", TILE, Arc::from([2u8].as_slice()));
        assert_eq!(open.tile("i-1", TILE).as_deref(), Some([1u8].as_slice()));
        open.forget("i-1");
        assert!(open.tile("i-1", TILE).is_none());
        assert_eq!(open.tile("i-2", TILE).as_deref(), Some([2u8].as_slice()));
    }

    #[test]
    fn tiles_are_bounded_in_bytes() {
        let open = OpenSlides::default();
        let third: Arc<[u8]> = vec![0; KEPT_TILE_BYTES / 3].into();
        for row in 0..4 {
            open.keep_tile("i-1", DeepZoomTile { row, ..TILE }, Arc::clone(&third));
        }
        assert!(open.tile("i-1", DeepZoomTile { row: 0, ..TILE }).is_none());
        assert!(open.tile("i-1", DeepZoomTile { row: 3, ..TILE }).is_some());
    }
}
