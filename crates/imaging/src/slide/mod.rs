//! Whole slides: pyramids of tiles that are too large to be decoded whole. They are opened in place and read region
//! by region, each from the level that is just fine enough, in sRGB, on white.

mod backend;
mod clusters;
mod colour;
mod cut;
mod dicom;
mod dicom_files;
mod kept;
mod library;
mod memory_file;
mod mislabelled;
mod mosaic;
mod openslide;
mod recognise;
mod scale;
mod tiff_levels;
mod tiff_overlaps;
mod tiff_pages;
mod tiff_tiles;
mod tiles;
mod tissue;

use std::sync::OnceLock;

use rayon::prelude::*;

use self::backend::{Backend, Level, Region};
use self::colour::Colours;
pub(crate) use self::cut::decode;
use self::dicom::DicomBackend;
pub(crate) use self::kept::{close_all as close_slides, open as open_kept};
pub(crate) use self::memory_file::MemoryFile;
use self::openslide::OpenSlideBackend;
use self::recognise::Family;
use self::scale::Scale;
use self::tiff_tiles::TiffBackend;
use crate::{
    DeepZoom, DeepZoomTile, Facts, Format, Header, Identity, ImagingError, Limits, Rgb8, Source,
};

/// SOP class of whole slides in DICOM.
pub(crate) const DICOM_SLIDE_CLASS: &str = recognise::DICOM_SLIDE;

/// Pixels of a level that are read at once; larger regions are read in blocks and shrunk block by block.
const BLOCK_PX: u64 = 4_000_000;
/// How much coarser than wanted a level may be and still serve: scanners' ratios are rarely whole numbers.
const COARSER: f64 = 1.01;
/// Longest side of the overview that stands in for missing levels.
const OVERVIEW_PX: u32 = 2048;
/// How many times finer than wanted a level may be before the overview is taken instead.
const MUCH_FINER: f64 = 2.5;
/// How many times the bound on pixels may be read, block by block, for an overview, which is made once.
const OVERVIEW_TIMES: u64 = 50;
/// A block of 8×8 pixels takes a bit at the least: of a file, no more pixels than this for each byte are believed.
const PIXELS_PER_BYTE: u64 = 8 * 8 * 8;
/// Said where a slide would have to be read whole for a small picture of it.
const TOO_FINE: &str = "pixels read for one picture of a slide (it lacks smaller levels: \
     write it as a pyramid, or raise limits.max_pixels)";
/// Longest side of a rendered picture for which nobody named one.
const RENDERED_PX: u32 = 4096;

/// An open slide. Several threads may read it at once.
pub struct Slide {
    backend: Box<dyn Backend>,
    colours: Colours,
    header: Header,
    limits: Limits,
    /// Bytes of the file that was opened.
    source_bytes: u64,
    /// The whole slide, small: stands in for the levels that a slide lacks.
    overview: OnceLock<Rgb8>,
}

impl Slide {
    /// Opens a source that is a slide; `None` for what is none.
    ///
    /// # Errors
    /// [`ImagingError::ReadSource`]; [`ImagingError::FindOpenSlide`] where the format needs OpenSlide and it is not
    /// installed; [`ImagingError::ReadSlide`] for a damaged slide.
    pub fn open(source: &Source, limits: &Limits) -> Result<Option<Self>, ImagingError> {
        let Some(family) = recognise::family_of(source)? else {
            return Ok(None);
        };
        let backend: Box<dyn Backend> = match family {
            Family::OpenSlide { marked } => match by_openslide(source, marked, limits)? {
                Some(backend) => backend,
                None => return Ok(None),
            },
            Family::Dicom => {
                let Some((backend, header)) = DicomBackend::open(source, limits)? else {
                    return Ok(None);
                };
                let backend = Box::new(backend);
                return Ok(Some(Self::with_header(backend, header, source, limits)));
            }
        };
        let header = header_of(backend.as_ref());
        Ok(Some(Self::with_header(backend, header, source, limits)))
    }

    fn with_header(
        backend: Box<dyn Backend>,
        header: Header,
        source: &Source,
        limits: &Limits,
    ) -> Self {
        Self {
            source_bytes: source.byte_count(),
            colours: Colours::of(backend.icc_profile().as_deref()),
            backend,
            header,
            limits: limits.clone(),
            overview: OnceLock::new(),
        }
    }

    /// Format, facts and identity.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Columns of level 0.
    pub fn width_px(&self) -> u32 {
        self.levels()[0].width_px
    }

    /// Rows of level 0.
    pub fn height_px(&self) -> u32 {
        self.levels()[0].height_px
    }

    /// Bytes of memory that the open slide holds on to; 0 for a file that is read in place.
    pub fn held_bytes(&self) -> u64 {
        self.backend.held_bytes()
    }

    /// A box of level 0 (x, y, width, height) as a picture within `max_px` on its longest side, at most 4096 px
    /// where nobody names a bound; never enlarged. Without a box the whole slide.
    ///
    /// # Errors
    /// [`ImagingError::CutBox`]; [`ImagingError::ReadSlide`]; [`ImagingError::StayWithinLimit`] where the slide has
    /// no level coarse enough for so large a box.
    pub fn picture(
        &self,
        box_px: Option<[u32; 4]>,
        max_px: Option<u32>,
    ) -> Result<Rgb8, ImagingError> {
        let box_px = box_px.unwrap_or([0, 0, self.width_px(), self.height_px()]);
        let (width_px, height_px) = fitted(box_px, max_px.unwrap_or(RENDERED_PX).max(1));
        self.scaled(box_px, width_px, height_px)
    }

    /// One deep-zoom tile, read from the level that is just fine enough.
    ///
    /// # Errors
    /// [`ImagingError::SelectTile`]; as [`Self::picture`].
    pub fn deep_zoom_tile(&self, tile: DeepZoomTile) -> Result<Rgb8, ImagingError> {
        let grid = DeepZoom::new(self.width_px(), self.height_px());
        let [x, y, width_px, height_px] = grid.tile_box_px(tile)?;
        let halvings = grid.max_level() - tile.level;
        let span = |start: u32, side: u32, full: u32| {
            let from = u64::from(start) << halvings;
            let to = (u64::from(start + side) << halvings).min(full.into());
            (from as u32, (to - from) as u32)
        };
        let (from_x, span_x) = span(x, width_px, self.width_px());
        let (from_y, span_y) = span(y, height_px, self.height_px());
        self.scaled([from_x, from_y, span_x, span_y], width_px, height_px)
    }

    fn has_unusable_profile(&self) -> bool {
        matches!(self.colours, Colours::Unusable)
    }

    fn levels(&self) -> &[Level] {
        self.backend.levels()
    }

    fn scale(&self) -> Scale {
        Scale::of(self.backend.um_per_px(), self.backend.objective_power())
    }

    /// Index of the coarsest level that has at least a pixel per `downsample` pixels of level 0.
    fn level_for(&self, downsample: f64) -> usize {
        self.levels()
            .iter()
            .enumerate()
            .filter(|(_, level)| level.downsample <= downsample * COARSER)
            .max_by(|a, b| a.1.downsample.total_cmp(&b.1.downsample))
            .map_or(0, |(index, _)| index)
    }

    /// A box of level 0 at exactly `width_px` × `height_px`, both at most the box's own.
    fn scaled(
        &self,
        box_px: [u32; 4],
        width_px: u32,
        height_px: u32,
    ) -> Result<Rgb8, ImagingError> {
        let [x, y, box_width, box_height] = box_px;
        let (full_width, full_height) = (self.width_px(), self.height_px());
        let fits = box_width > 0
            && box_height > 0
            && u64::from(x) + u64::from(box_width) <= full_width.into()
            && u64::from(y) + u64::from(box_height) <= full_height.into();
        if !fits {
            return Err(ImagingError::CutBox {
                box_px,
                width_px: full_width,
                height_px: full_height,
            });
        }
        let across = f64::from(box_width) / f64::from(width_px);
        let down = f64::from(box_height) / f64::from(height_px);
        let index = self.level_for(across.min(down));
        let downsample = self.levels()[index].downsample;
        if across.min(down) > downsample * MUCH_FINER
            && let Some(rgb) = self.part_of_overview(box_px, width_px, height_px)?
        {
            return Ok(rgb);
        }
        self.read_scaled(index, box_px, width_px, height_px)
    }

    /// Pixels of a level in a box of level 0.
    fn level_pixels(&self, index: usize, [_, _, width, height]: [u32; 4]) -> f64 {
        f64::from(width) * f64::from(height) / self.levels()[index].downsample.powi(2)
    }

    /// A box of one level at exactly this size, as far as the bound on pixels allows.
    fn read_scaled(
        &self,
        index: usize,
        box_px: [u32; 4],
        width_px: u32,
        height_px: u32,
    ) -> Result<Rgb8, ImagingError> {
        let level_pixels = self.level_pixels(index, box_px) as u64;
        Limits::check(TOO_FINE, level_pixels, self.limits.max_pixels)?;
        self.read_all_of(index, box_px, width_px, height_px)
    }

    /// The whole slide, small. Where it lacks smaller levels all of it is read, in blocks: memory stays small, and the
    /// bound on time holds.
    fn read_overview(
        &self,
        index: usize,
        width_px: u32,
        height_px: u32,
    ) -> Result<Rgb8, ImagingError> {
        let whole = [0, 0, self.width_px(), self.height_px()];
        let most = self.limits.max_pixels.saturating_mul(OVERVIEW_TIMES);
        let believed = self.source_bytes.saturating_mul(PIXELS_PER_BYTE);
        let limit = self.limits.max_pixels.max(most.min(believed));
        Limits::check(TOO_FINE, self.level_pixels(index, whole) as u64, limit)?;
        self.read_all_of(index, whole, width_px, height_px)
    }

    fn read_all_of(
        &self,
        index: usize,
        box_px: [u32; 4],
        width_px: u32,
        height_px: u32,
    ) -> Result<Rgb8, ImagingError> {
        let level_pixels = self.level_pixels(index, box_px);
        if level_pixels as u64 <= BLOCK_PX {
            return self.block(index, box_px, width_px, height_px);
        }
        // An answer of a few pixels gives no room for blocks of its own: it is read larger first.
        let parts = parts(level_pixels);
        let (wide, high) = (width_px.max(parts), height_px.max(parts));
        let read = self.in_blocks(index, box_px, wide.min(box_px[2]), high.min(box_px[3]))?;
        if (read.width_px, read.height_px) == (width_px, height_px) {
            return Ok(read);
        }
        Ok(read.shrink_to(width_px, height_px))
    }

    /// A box of the overview, where that is fine enough. It is read once and kept: a slide without small levels would
    /// else be read whole for every picture of it.
    fn part_of_overview(
        &self,
        box_px: [u32; 4],
        width_px: u32,
        height_px: u32,
    ) -> Result<Option<Rgb8>, ImagingError> {
        let (full_width, full_height) = (self.width_px(), self.height_px());
        let whole = [0, 0, full_width, full_height];
        let (overview_width, overview_height) = fitted(whole, OVERVIEW_PX);
        let across = f64::from(full_width) / f64::from(overview_width);
        let down = f64::from(full_height) / f64::from(overview_height);
        let [x, y, box_width, box_height] = box_px;
        let wanted = f64::from(box_width) / f64::from(width_px);
        let wanted_down = f64::from(box_height) / f64::from(height_px);
        if across > wanted * COARSER || down > wanted_down * COARSER {
            return Ok(None);
        }
        let overview = match self.overview.get() {
            Some(overview) => overview,
            None => {
                let index = self.level_for(across.min(down));
                let read = self.read_overview(index, overview_width, overview_height)?;
                self.overview.get_or_init(|| read)
            }
        };
        let span = |from: u32, len: u32, ratio: f64, side: u32| {
            let start = ((f64::from(from) / ratio).round() as u32).min(side - 1);
            let len = ((f64::from(len) / ratio).round() as u32).clamp(1, side - start);
            (start, len)
        };
        let (left, columns) = span(x, box_width, across, overview_width);
        let (top, rows) = span(y, box_height, down, overview_height);
        let part = overview.cut([left, top, columns, rows])?;
        Ok(Some(part.shrink_to(width_px, height_px)))
    }

    /// A box of one level, shrunk to exactly this size.
    fn block(
        &self,
        index: usize,
        box_px: [u32; 4],
        width_px: u32,
        height_px: u32,
    ) -> Result<Rgb8, ImagingError> {
        let [x_px, y_px, box_width, box_height] = box_px;
        let downsample = self.levels()[index].downsample;
        let side = |side: u32| ((f64::from(side) / downsample).round() as u32).max(1);
        let region = Region {
            level: index,
            x_px,
            y_px,
            width_px: side(box_width),
            height_px: side(box_height),
        };
        let rgb = self.colours.to_srgb(self.backend.read_region(region)?);
        if (rgb.width_px, rgb.height_px) == (width_px, height_px) {
            return Ok(rgb);
        }
        Ok(rgb.shrink_to(width_px, height_px))
    }

    /// As [`Self::block`], block by block: memory stays at one block and the answer.
    fn in_blocks(
        &self,
        index: usize,
        box_px: [u32; 4],
        width_px: u32,
        height_px: u32,
    ) -> Result<Rgb8, ImagingError> {
        let [x, y, box_width, box_height] = box_px;
        let parts = parts(self.level_pixels(index, box_px));
        let (columns, rows) = (parts.clamp(1, width_px), parts.clamp(1, height_px));
        let cut = |index: u32, parts: u32, side: u32| {
            (u64::from(side) * u64::from(index) / u64::from(parts)) as u32
        };
        let row_of = |row: u32| {
            let (top, bottom) = (cut(row, rows, height_px), cut(row + 1, rows, height_px));
            let from_y = cut(top, height_px, box_height);
            let to_y = cut(bottom, height_px, box_height);
            let mut line = Rgb8 {
                width_px,
                height_px: bottom - top,
                pixels: vec![0; width_px as usize * (bottom - top) as usize * 3],
            };
            for column in 0..columns {
                let (left, right) = (
                    cut(column, columns, width_px),
                    cut(column + 1, columns, width_px),
                );
                let from_x = cut(left, width_px, box_width);
                let to_x = cut(right, width_px, box_width);
                let part_box = [x + from_x, y + from_y, to_x - from_x, to_y - from_y];
                let part = self.block(index, part_box, right - left, bottom - top)?;
                paste(&mut line, &part, left as usize);
            }
            Ok(line.pixels)
        };
        let lines: Result<Vec<Vec<u8>>, ImagingError> =
            (0..rows).into_par_iter().map(row_of).collect();
        Ok(Rgb8 {
            width_px,
            height_px,
            pixels: lines?.concat(),
        })
    }
}

/// A slide in a scanner's format; one whose labels are wrong is not left to OpenSlide, which believes them.
fn by_openslide(
    source: &Source,
    marked: bool,
    limits: &Limits,
) -> Result<Option<Box<dyn Backend>>, ImagingError> {
    tiff_overlaps::refuse(source)?;
    if let Some(backend) = TiffBackend::open(source, marked)? {
        return Ok(Some(Box::new(backend)));
    }
    match OpenSlideBackend::open(source, limits)? {
        Some(backend) => Ok(Some(Box::new(backend))),
        None if marked => Err(ImagingError::ReadSlide {
            reason: "damaged, or of a kind that OpenSlide does not know".to_owned(),
        }),
        None => Ok(None),
    }
}

/// Blocks across and down in which so many pixels are read.
fn parts(level_pixels: f64) -> u32 {
    (level_pixels / BLOCK_PX as f64).sqrt().ceil() as u32
}

/// Puts a part of the same height into a line of them.
fn paste(line: &mut Rgb8, part: &Rgb8, left: usize) {
    let (stride, part_stride) = (line.width_px as usize * 3, part.width_px as usize * 3);
    let rows = line.pixels.chunks_exact_mut(stride);
    for (row, pixels) in rows.zip(part.pixels.chunks_exact(part_stride)) {
        row[left * 3..left * 3 + part_stride].copy_from_slice(pixels);
    }
}

/// The size of a box within `max_px` on its longest side, never enlarged.
fn fitted(box_px: [u32; 4], max_px: u32) -> (u32, u32) {
    let [_, _, width, height] = box_px;
    let longest = u64::from(width.max(height)).max(1);
    if longest <= u64::from(max_px) {
        return (width, height);
    }
    let scaled = |side: u32| {
        let exact = (u64::from(side) * u64::from(max_px) + longest / 2) / longest;
        (exact as u32).max(1)
    };
    (scaled(width), scaled(height))
}

fn header_of(backend: &dyn Backend) -> Header {
    let level = backend.levels()[0];
    let facts = Facts {
        width_px: level.width_px,
        height_px: level.height_px,
        frames: 1,
        modality: Some("SM".to_owned()),
        manufacturer: backend.maker(),
        spacing_mm: backend
            .um_per_px()
            .map(|um| um.map(|side| (side / 1000.0) as f32)),
        objective_power: backend.objective_power().map(|power| power as f32),
        ..Facts::default()
    };
    Header {
        format: Format::Slide,
        facts,
        identity: Identity::default(),
        slice: None,
    }
}
