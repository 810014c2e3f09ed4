//! The vectors of example pictures: the whole of each, one of its frames, or a region.

use std::sync::Arc;

use casekin_imaging::{DecodeRequest, Decoders, ImagingError, Inspection, RegionRequest, View};

use super::{AskedView, MAX_PART_VIEWS};
use crate::answer::{QueryPart, QueryView};
use crate::error::EngineError;
use crate::library::{Library, Serving};
use crate::query::ImageQuery;

impl Library {
    /// The vectors of a picture's views, evenly spread ones of a long series; one of a region or of one frame.
    pub(super) async fn image_views(
        &self,
        serving: &Arc<Serving>,
        image: &ImageQuery,
        number: u32,
    ) -> Result<Vec<AskedView>, EngineError> {
        let asked = self.asked_picture(&image.image_id).await?;
        let whole = DecodeRequest {
            source: asked.source.clone(),
            limits: self.inner.config.limits.clone(),
            thumbnail_px: 1,
            cuts: self.inner.config.cuts.clone(),
            volume: asked.volume,
        };
        let decoding = self.inner.decoding.clone();
        let (box_px, frame) = (image.box_px, image.frame);
        let read = move || views_of(&decoding, whole, box_px, frame);
        let read = tokio::task::spawn_blocking(read).await?;
        let (views, stated) = read.map_err(|error| no_such_frame(error, frame))?;
        let modality = asked.modality.or(stated);
        let step = views.len().div_ceil(MAX_PART_VIEWS).max(1);
        let chosen = views.into_iter().step_by(step);
        let (places, pictures): (Vec<_>, Vec<_>) = chosen
            .map(|view| ((view.frame.saturating_sub(1), view.box_px), view.rgb))
            .unzip();
        let vectors = serving.encoder.ask_images(pictures).await?;
        let asked = places
            .into_iter()
            .zip(vectors)
            .map(|((frame, box_px), vector)| AskedView {
                vector,
                modality: modality.clone(),
                part: QueryView {
                    part: QueryPart::Image,
                    image: Some(number),
                    image_id: Some(image.image_id.clone()),
                    case_id: None,
                    frame,
                    box_px,
                },
            });
        Ok(asked.collect())
    }
}

/// The views that a picture asks with, and the modality that its file states where it was read as a whole.
fn views_of(
    decoding: &Decoders,
    whole: DecodeRequest,
    box_px: Option<[u32; 4]>,
    frame: Option<u32>,
) -> Result<(Vec<View>, Option<String>), ImagingError> {
    let number = frame.unwrap_or(0).saturating_add(1);
    let in_part = match (box_px, frame) {
        (Some(_), _) => true,
        (None, None) => false,
        (None, Some(_)) => {
            let frames = frames_of(decoding, &whole)?;
            if number > frames {
                let frame = number;
                return Err(ImagingError::SelectFrame { frame, frames });
            }
            // The only frame is the whole: of a slide all tiles, of a large picture its crops too.
            frames > 1
        }
    };
    if !in_part {
        let decoded = decoding.decode(&whole)?;
        return Ok((decoded.views, decoded.header.facts.modality));
    }
    let part = RegionRequest {
        source: whole.source,
        frame: number,
        box_px,
        volume: whole.volume,
        cuts: whole.cuts,
        limits: whole.limits,
    };
    Ok((vec![decoding.region(&part)?], None))
}

fn frames_of(decoding: &Decoders, picture: &DecodeRequest) -> Result<u32, ImagingError> {
    match decoding.inspect(&picture.source, &picture.limits)? {
        Inspection::Picture(header) => Ok(header.facts.frames),
        Inspection::NotAPicture { reason, .. } => Err(ImagingError::FindPicture { reason }),
    }
}

/// Frames are counted from 1 in DICOM, and from 0 in a question.
fn no_such_frame(error: ImagingError, frame: Option<u32>) -> EngineError {
    match error {
        ImagingError::SelectFrame { frames, .. } => EngineError::NoSuchFrame {
            frame: frame.unwrap_or(0),
            frames,
        },
        other => other.into(),
    }
}
