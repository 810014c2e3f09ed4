//! Pictures as people look at them: rendered frames, thumbnails, deep-zoom tiles, uploaded query pictures.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use casekin_catalog::ImageRecord as CatalogImage;
use casekin_imaging::{
    DeepZoom, DeepZoomTile, Facts, ImagingError, Inspection, RenderRequest, Rgb8, ServedSlide,
    Source, VolumeSlice, deep_zoom_tile,
};

use crate::error::EngineError;
use crate::library::Library;
use crate::records::{ImageRecord, PyramidRecord, QueryPictureRecord, SeriesPlace};

/// Rendered frames kept for the viewer, which asks for many tiles of the same one.
const KEPT_FRAME_BYTES: usize = 256 << 20;
const JPEG_QUALITY: u8 = 90;

/// How a picture is to be rendered.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rendering {
    /// Frame, counted from 0.
    pub frame: u32,
    /// Window centre and width; the object's own, or the format's default, when left out.
    pub window: Option<(f32, f32)>,
    /// x, y, width, height in pixels.
    pub box_px: Option<[u32; 4]>,
    /// Longest side in pixels.
    pub max_px: Option<u32>,
}

/// A picture that somebody asks by.
#[derive(Clone)]
pub(crate) struct AskedPicture {
    pub(crate) source: Source,
    /// Its volume, where it is a slice of one: a question is as bright as what it is compared with.
    pub(crate) volume: Option<VolumeSlice>,
    /// What the library says of it, or the picture when it was uploaded.
    pub(crate) modality: Option<String>,
}

/// The frames rendered last.
#[derive(Default)]
pub(crate) struct RenderedFrames {
    kept: Mutex<VecDeque<(FrameKey, Arc<Rgb8>)>>,
}

#[derive(Clone, PartialEq)]
struct FrameKey {
    image_id: String,
    frame: u32,
    window: Option<(f32, f32)>,
}

/// A picture that is looked at: a slide is read in place, everything else is rendered once.
enum Shown {
    Slide(Arc<ServedSlide>),
    Frame(Arc<Rgb8>),
}

impl Shown {
    fn grid(&self) -> DeepZoom {
        match self {
            Self::Slide(slide) => DeepZoom::new(slide.width_px(), slide.height_px()),
            Self::Frame(rgb) => DeepZoom::new(rgb.width_px, rgb.height_px),
        }
    }

    fn tile(&self, tile: DeepZoomTile) -> Result<Rgb8, ImagingError> {
        match self {
            Self::Slide(slide) => slide.deep_zoom_tile(tile),
            Self::Frame(rgb) => deep_zoom_tile(rgb, &self.grid(), tile),
        }
    }
}

impl RenderedFrames {
    fn get(&self, key: &FrameKey) -> Option<Arc<Rgb8>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter()
            .find(|(known, _)| known == key)
            .map(|(_, frame)| Arc::clone(frame))
    }

    fn keep(&self, key: FrameKey, frame: Arc<Rgb8>) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push_back((key, frame));
        let mut bytes: usize = kept.iter().map(|(_, frame)| frame.pixels.len()).sum();
        while kept.len() > 1 && bytes > KEPT_FRAME_BYTES {
            bytes -= kept.pop_front().map_or(0, |(_, frame)| frame.pixels.len());
        }
    }

    /// Forgets the frames of a deleted picture.
    pub(crate) fn forget(&self, image_id: &str) {
        self.kept
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|(key, _)| key.image_id != image_id);
    }
}

impl Library {
    /// Keeps a picture as a question for an hour.
    ///
    /// # Errors
    /// What cannot be read, with the reason.
    pub async fn keep_query_picture(
        &self,
        bytes: Vec<u8>,
    ) -> Result<QueryPictureRecord, EngineError> {
        let bytes: Arc<[u8]> = bytes.into();
        let source = Source::from_bytes(String::new(), Arc::clone(&bytes));
        let limits = self.inner.config.limits.clone();
        let decoding = self.inner.decoding.clone();
        let inspected =
            tokio::task::spawn_blocking(move || decoding.inspect(&source, &limits)).await??;
        let facts = match inspected {
            Inspection::Picture(header) => header.facts,
            Inspection::NotAPicture { reason, .. } => return Err(EngineError::bad_query(reason)),
        };
        let id = self
            .inner
            .query_pictures
            .keep(bytes, facts.modality.clone());
        let Facts {
            width_px,
            height_px,
            frames,
            modality,
            ..
        } = facts;
        Ok(QueryPictureRecord {
            id,
            width_px,
            height_px,
            frames,
            modality,
        })
    }

    /// Where the bytes of a query picture ("q-…") or of a picture of the library ("i-…") can be read.
    async fn picture_source(&self, id: &str) -> Result<Source, EngineError> {
        Ok(self.asked_picture(id).await?.source)
    }

    /// A query picture ("q-…") or a picture of the library ("i-…") that somebody asks by.
    pub(crate) async fn asked_picture(&self, id: &str) -> Result<AskedPicture, EngineError> {
        if id.starts_with("q-") {
            let bytes = self
                .inner
                .query_pictures
                .get(id)
                .ok_or(EngineError::QueryPictureGone)?;
            return Ok(AskedPicture {
                source: Source::from_bytes(String::new(), bytes),
                volume: None,
                modality: self.inner.query_pictures.modality(id),
            });
        }
        let image = self.catalog_image(id).await?;
        let source = self
            .object_source(&image.object, &image.other_paths, &image.content_sha256)
            .await?;
        let plan = image.stack.and_then(|place| place.plan);
        Ok(AskedPicture {
            source,
            modality: image.facts.modality,
            volume: plan.map(|plan| VolumeSlice {
                chosen: true,
                range: plan.range,
            }),
        })
    }

    async fn catalog_image(&self, id: &str) -> Result<CatalogImage, EngineError> {
        self.inner
            .catalog
            .image(id)
            .await?
            .ok_or(EngineError::NoSuchImage)
    }

    /// A picture's record; with its path only for the command line.
    ///
    /// # Errors
    /// [`EngineError::NoSuchImage`].
    pub async fn image(&self, id: &str, with_path: bool) -> Result<ImageRecord, EngineError> {
        Ok(image_record(&self.catalog_image(id).await?, with_path))
    }

    /// The thumbnail of a picture as JPEG; rendered now where it has not been encoded yet.
    ///
    /// # Errors
    /// [`EngineError::NoSuchImage`]; what cannot be read.
    pub async fn thumbnail(&self, id: &str) -> Result<Vec<u8>, EngineError> {
        let image = self.catalog_image(id).await?;
        if let Some(key) = &image.thumbnail_key
            && let Some(bytes) = self.inner.objects.read_thumbnail(key).await?
        {
            return Ok(bytes.to_vec());
        }
        let max_px = Some(self.inner.config.ingest.thumbnail_px);
        self.rendered(
            id,
            Rendering {
                max_px,
                ..Rendering::default()
            },
        )
        .await
    }

    /// A picture as JPEG.
    ///
    /// # Errors
    /// [`EngineError::NoSuchImage`]; what cannot be read.
    pub async fn rendered(&self, id: &str, rendering: Rendering) -> Result<Vec<u8>, EngineError> {
        let key = FrameKey {
            image_id: id.to_owned(),
            frame: rendering.frame,
            window: rendering.window,
        };
        let max_px = rendering.max_px.map(|px| px.clamp(1, 8192));
        if let Some(slide) = self.open_slide(&key)? {
            return tokio::task::spawn_blocking(move || {
                let rgb = slide.picture(rendering.box_px, max_px)?;
                Ok(casekin_imaging::encode_jpeg(&rgb, JPEG_QUALITY)?)
            })
            .await?;
        }
        let source = self.picture_source(id).await?;
        let request = RenderRequest {
            source,
            frame: rendering.frame.saturating_add(1),
            window: rendering.window,
            box_px: rendering.box_px,
            max_px,
            limits: self.inner.config.limits.clone(),
        };
        let decoding = self.inner.decoding.clone();
        tokio::task::spawn_blocking(move || {
            let rgb = decoding.render(&request)?;
            Ok(casekin_imaging::encode_jpeg(&rgb, JPEG_QUALITY)?)
        })
        .await?
    }

    /// The levels of a picture for a deep-zoom viewer.
    ///
    /// # Errors
    /// [`EngineError::NoSuchImage`]; what cannot be read.
    pub async fn pyramid(&self, id: &str, frame: u32) -> Result<PyramidRecord, EngineError> {
        let shown = self
            .shown(FrameKey {
                image_id: id.to_owned(),
                frame,
                window: None,
            })
            .await?;
        let grid = shown.grid();
        Ok(PyramidRecord {
            width_px: grid.width_px,
            height_px: grid.height_px,
            tile_px: grid.tile_px,
            overlap_px: grid.overlap_px,
            levels: grid.max_level() + 1,
        })
    }

    /// One deep-zoom tile as JPEG.
    ///
    /// # Errors
    /// [`EngineError::NoSuchImage`]; a tile outside the picture; what cannot be read.
    pub async fn tile(
        &self,
        id: &str,
        rendering: Rendering,
        tile: (u32, u32, u32),
    ) -> Result<Vec<u8>, EngineError> {
        let key = FrameKey {
            image_id: id.to_owned(),
            frame: rendering.frame,
            window: rendering.window,
        };
        let (level, column, row) = tile;
        let tile = DeepZoomTile { level, column, row };
        if key.frame == 0
            && let Some(jpeg) = self.inner.slides.tile(id, tile)
        {
            return Ok(jpeg.to_vec());
        }
        let shown = self.shown(key).await?;
        let is_slide = matches!(shown, Shown::Slide(_));
        let jpeg = tokio::task::spawn_blocking(move || {
            casekin_imaging::encode_jpeg(&shown.tile(tile)?, JPEG_QUALITY)
        })
        .await??;
        // Not for a slide that was deleted meanwhile: its tiles must not come back.
        if is_slide && self.inner.slides.slide(id).is_some() {
            let kept = Arc::from(jpeg.as_slice());
            self.inner.slides.keep_tile(id, tile, kept);
        }
        Ok(jpeg)
    }

    async fn shown(&self, key: FrameKey) -> Result<Shown, EngineError> {
        if let Some(slide) = self.open_slide(&key)? {
            return Ok(Shown::Slide(slide));
        }
        if let Some(frame) = self.inner.tiles.get(&key) {
            return Ok(Shown::Frame(frame));
        }
        let request = RenderRequest {
            source: self.picture_source(&key.image_id).await?,
            frame: key.frame.saturating_add(1),
            window: key.window,
            box_px: None,
            max_px: None,
            limits: self.inner.config.limits.clone(),
        };
        let decoding = self.inner.decoding.clone();
        let shown = tokio::task::spawn_blocking(move || {
            if let Some(slide) = ServedSlide::open(&decoding, &request.source, &request.limits)? {
                return Ok(Shown::Slide(Arc::new(slide)));
            }
            decoding
                .render(&request)
                .map(|rgb| Shown::Frame(Arc::new(rgb)))
        })
        .await??;
        match &shown {
            Shown::Slide(slide) => {
                let slides = &self.inner.slides;
                slides.keep_slide(&key.image_id, Arc::clone(slide));
                self.open_slide(&key)?;
            }
            Shown::Frame(frame) => self.inner.tiles.keep(key, Arc::clone(frame)),
        }
        Ok(shown)
    }

    /// A slide that is open already. It has one frame only.
    fn open_slide(&self, key: &FrameKey) -> Result<Option<Arc<ServedSlide>>, EngineError> {
        let slide = self.inner.slides.slide(&key.image_id);
        if slide.is_some() && key.frame != 0 {
            let frame = key.frame.saturating_add(1);
            return Err(ImagingError::SelectFrame { frame, frames: 1 }.into());
        }
        Ok(slide)
    }
}

/// What may be shown of a picture.
pub(crate) fn image_record(image: &CatalogImage, with_path: bool) -> ImageRecord {
    let facts: Facts = serde_json::from_str(&image.facts.facts_json).unwrap_or_default();
    let path = match &image.object {
        casekin_catalog::ObjectRef::InPlace { path } if with_path => {
            Some(path.display().to_string())
        }
        _ => None,
    };
    let state = match image.job_state.as_str() {
        "done" => "encoded",
        other => other,
    };
    ImageRecord {
        image_id: image.image_id.clone(),
        case_id: image.case_id.clone(),
        format: image.facts.format.clone(),
        modality: image.facts.modality.clone(),
        body_part: image.facts.body_part.clone(),
        laterality: image.facts.laterality.clone(),
        width_px: facts.width_px,
        height_px: facts.height_px,
        frames: facts.frames,
        mm_per_px: facts.spacing_mm,
        window: facts.window,
        views: image.views.len() as u32,
        state: state.to_owned(),
        reason: image.failure.clone(),
        series: image.stack.as_ref().map(|place| SeriesPlace {
            series_id: place.stack_id.clone(),
            position_mm: place.position_mm,
            number: place.number,
            in_volume: place.plan.is_none_or(|plan| plan.chosen),
        }),
        path,
    }
}
