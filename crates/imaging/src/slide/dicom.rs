//! Whole slides in DICOM (PS3.3 C.8.12, VL Whole Slide Microscopy): tiles as frames, one object per level or several
//! where a level is a concatenation. Labels and overviews are refused where their headers are read.

use std::sync::Arc;

use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;

use super::backend::{Backend, Level, Region};
use super::dicom_files::{Matrix, Part, Set, gather};
use super::tiles::{KeptTiles, lay};
use crate::dicom::attributes::{attribute_error, integer, items, numbers, text};
use crate::{Header, ImagingError, Limits, Rgb8, Source};

/// Dimension Organization Type (PS3.3 C.7.6.17) of slides whose tiles have places of their own.
const SPARSE: &str = "TILED_SPARSE";

/// One open slide.
pub(super) struct DicomBackend {
    levels: Vec<Level>,
    /// By level, from top to bottom: a region looks at its own rows alone.
    tiles: Vec<Vec<Tile>>,
    parts: Vec<Part>,
    /// The part whose header stands for the slide.
    first: usize,
    /// By part and frame.
    kept: KeptTiles<(usize, u32)>,
}

/// A frame and where it lies in its level.
#[derive(Clone, Copy)]
struct Tile {
    x_px: u32,
    y_px: u32,
    part: usize,
    frame: u32,
}

impl DicomBackend {
    /// Opens a slide and its header; `None` for a picture that is no tiled volume (a thumbnail).
    ///
    /// # Errors
    /// `FindPicture` for a level or part that another file stands for, labels and overviews; what cannot be parsed.
    pub(super) fn open(
        source: &Source,
        limits: &Limits,
    ) -> Result<Option<(Self, Header)>, ImagingError> {
        let Some(Set {
            parts,
            levels: sets,
        }) = gather(source, limits)?
        else {
            return Ok(None);
        };
        let finest = sets[0].0;
        let mut levels = Vec::with_capacity(sets.len());
        let mut tiles = Vec::with_capacity(sets.len());
        for (matrix, members) in &sets {
            levels.push(Level {
                width_px: matrix.width_px,
                height_px: matrix.height_px,
                downsample: f64::from(finest.width_px) / f64::from(matrix.width_px),
            });
            let mut placed = Vec::new();
            for part in members {
                place(&parts[*part], *part, matrix, &mut placed)?;
            }
            placed.sort_by_key(|tile| tile.y_px);
            tiles.push(placed);
        }
        let first = sets[0].1[0];
        let header = header_of(&parts[first], &finest)?;
        let backend = Self {
            levels,
            tiles,
            parts,
            first,
            kept: KeptTiles::default(),
        };
        Ok(Some((backend, header)))
    }

    fn tile(&self, tile: Tile) -> Result<Arc<Rgb8>, ImagingError> {
        let Tile { part, frame, .. } = tile;
        self.kept
            .get((part, frame), || self.parts[part].object.frame(frame))
    }

    fn object(&self) -> &InMemDicomObject {
        self.parts[self.first].object.object()
    }
}

impl Backend for DicomBackend {
    fn levels(&self) -> &[Level] {
        &self.levels
    }

    fn read_region(&self, region: Region) -> Result<Rgb8, ImagingError> {
        let level = self.levels[region.level];
        let (width, height) = (i64::from(region.width_px), i64::from(region.height_px));
        let to_level = |at: u32| (f64::from(at) / level.downsample).round() as i64;
        let (left, top) = (to_level(region.x_px), to_level(region.y_px));
        let mut out = Rgb8 {
            width_px: region.width_px,
            height_px: region.height_px,
            pixels: vec![255; region.width_px as usize * region.height_px as usize * 3],
        };
        let tiles = &self.tiles[region.level];
        let heights = self.parts.iter().map(|part| part.object.frame_size().1);
        let highest = i64::from(heights.max().unwrap_or(0));
        let from = tiles.partition_point(|tile| i64::from(tile.y_px) + highest <= top);
        let to = tiles.partition_point(|tile| i64::from(tile.y_px) < top + height);
        for tile in tiles.get(from..to).unwrap_or_default() {
            let (tile_width, tile_height) = self.parts[tile.part].object.frame_size();
            let x = i64::from(tile.x_px) - left;
            let y = i64::from(tile.y_px) - top;
            let meets = x < width
                && y < height
                && x + i64::from(tile_width) > 0
                && y + i64::from(tile_height) > 0;
            if meets {
                let inside = (
                    i64::from(level.width_px.saturating_sub(tile.x_px)),
                    i64::from(level.height_px.saturating_sub(tile.y_px)),
                );
                lay(&mut out, self.tile(*tile)?.as_ref(), (x, y), inside);
            }
        }
        Ok(out)
    }

    fn um_per_px(&self) -> Option<[f64; 2]> {
        let millimetres = self.parts[self.first].object.spacing_mm()?;
        Some(millimetres.map(|side| f64::from(side) * 1000.0))
    }

    fn objective_power(&self) -> Option<f64> {
        objective_power(self.object())
    }

    fn icc_profile(&self) -> Option<Vec<u8>> {
        let path = items(self.object(), tags::OPTICAL_PATH_SEQUENCE).first()?;
        let profile = path.get(tags::ICC_PROFILE)?.to_bytes().ok()?;
        (!profile.is_empty()).then(|| profile.into_owned())
    }

    fn maker(&self) -> Option<String> {
        text(self.object(), tags::MANUFACTURER)
    }

    fn held_bytes(&self) -> u64 {
        self.parts.iter().map(|part| part.object.held_bytes()).sum()
    }
}

/// Places the frames of one object: by their Plane Position (Slide) where frames have one (TILED_SPARSE), else row by
/// row (TILED_FULL, PS3.3 C.7.6.17.3). Of several focal planes and optical paths the first is taken. A frame of sparse
/// tiles without a place is left out.
fn place(
    part: &Part,
    index: usize,
    matrix: &Matrix,
    placed: &mut Vec<Tile>,
) -> Result<(), ImagingError> {
    let object = part.object.object();
    let (tile_width, tile_height) = part.object.frame_size();
    let count = part.object.frame_count();
    let groups = items(object, tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE);
    let position = |group: &InMemDicomObject| {
        let plane = items(group, tags::PLANE_POSITION_SLIDE_SEQUENCE).first()?;
        let read = |tag| u32::try_from(integer(plane, tag).ok()??.checked_sub(1)?).ok();
        Some((
            read(tags::COLUMN_POSITION_IN_TOTAL_IMAGE_PIXEL_MATRIX)?,
            read(tags::ROW_POSITION_IN_TOTAL_IMAGE_PIXEL_MATRIX)?,
        ))
    };
    let is_sparse = text(object, tags::DIMENSION_ORGANIZATION_TYPE).as_deref() == Some(SPARSE);
    if is_sparse || groups.first().and_then(position).is_some() {
        let mut seen: std::collections::HashSet<(u32, u32)> =
            placed.iter().map(|tile| (tile.x_px, tile.y_px)).collect();
        for (frame, group) in (1..=count).zip(groups) {
            let Some((x_px, y_px)) = position(group) else {
                continue;
            };
            if seen.insert((x_px, y_px)) {
                placed.push(Tile {
                    x_px,
                    y_px,
                    part: index,
                    frame,
                });
            }
        }
        if placed.is_empty() {
            let sequence = tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE;
            return Err(attribute_error(sequence, "no places of sparse tiles"));
        }
        return Ok(());
    }
    let across = matrix.width_px.div_ceil(tile_width);
    let down = matrix.height_px.div_ceil(tile_height);
    for frame in 1..=count {
        let number = u64::from(part.first_frame) + u64::from(frame - 1);
        if number >= u64::from(across) * u64::from(down) {
            break;
        }
        placed.push(Tile {
            x_px: (number % u64::from(across)) as u32 * tile_width,
            y_px: (number / u64::from(across)) as u32 * tile_height,
            part: index,
            frame,
        });
    }
    Ok(())
}

fn header_of(part: &Part, matrix: &Matrix) -> Result<Header, ImagingError> {
    let mut header = part.object.header()?;
    header.facts.width_px = matrix.width_px;
    header.facts.height_px = matrix.height_px;
    header.facts.frames = 1;
    header.facts.objective_power = objective_power(part.object.object()).map(|power| power as f32);
    Ok(header)
}

fn objective_power(object: &InMemDicomObject) -> Option<f64> {
    let path = items(object, tags::OPTICAL_PATH_SEQUENCE).first()?;
    let power = *numbers(path, tags::OBJECTIVE_LENS_POWER).ok()?.first()?;
    (power.is_finite() && power > 0.0).then_some(power)
}
