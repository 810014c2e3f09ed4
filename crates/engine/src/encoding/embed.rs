//! Vectors for whoever asks for them by themselves: texts and pictures, by the library's model or a loose one.

use casekin_imaging::{Cuts, DecodeRequest, Decoders, Limits, View};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::EncoderSlot;
use crate::error::EngineError;
use crate::library::Library;
use crate::pictures::AskedPicture;
use crate::records::Embedding;

/// Most texts of one request: their vectors make an answer of some 50 MB.
const MOST_TEXTS: usize = 4096;
/// Most pictures of one request; each may have many views.
const MOST_PICTURES: usize = 256;

/// What to encode with the library's model.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct EmbedRequest {
    /// Texts, 4096 at the most.
    pub texts: Vec<String>,
    /// Ids of uploaded query pictures ("q-…") or pictures of the library ("i-…"), 256 at the most.
    pub images: Vec<String>,
}

/// Model and profile under which vectors are handed out.
pub(super) struct Label<'a> {
    pub(super) model: &'a str,
    pub(super) profile: &'a str,
}

impl Label<'_> {
    fn embedding(&self, source: String, vector: Vec<f32>) -> Embedding {
        Embedding {
            source,
            model: self.model.to_owned(),
            profile: self.profile.to_owned(),
            vector,
        }
    }

    /// The vectors of a picture's views, named by the picture, and by the frame where there are several.
    fn of_views(&self, name: &str, frames: &[u32], vectors: Vec<Vec<f32>>) -> Vec<Embedding> {
        let source = |frame: &u32| match frames {
            [_] => name.to_owned(),
            _ => format!("{name}#{}", frame.saturating_sub(1)),
        };
        let sources = frames.iter().map(source);
        let both = sources.zip(vectors);
        both.map(|(source, vector)| self.embedding(source, vector))
            .collect()
    }
}

/// Reads a picture's views. Blocks.
fn views(
    picture: AskedPicture,
    limits: &Limits,
    decoding: &Decoders,
) -> Result<Vec<View>, EngineError> {
    let request = DecodeRequest {
        source: picture.source,
        limits: limits.clone(),
        thumbnail_px: 1,
        cuts: Cuts::default(),
        volume: picture.volume,
    };
    Ok(decoding.decode(&request)?.views)
}

fn frames(views: &[View]) -> Vec<u32> {
    views.iter().map(|view| view.frame).collect()
}

/// What a loose model is asked for.
pub(super) struct Wanted<'a> {
    pub(super) texts: &'a [String],
    /// Each with the name under which its vectors are given.
    pub(super) pictures: Vec<(String, AskedPicture)>,
    pub(super) limits: &'a Limits,
    pub(super) decoding: &'a Decoders,
}

/// Encodes texts and pictures. Blocks.
pub(super) fn embed(
    slot: &EncoderSlot,
    label: &Label<'_>,
    wanted: Wanted<'_>,
) -> Result<Vec<Embedding>, EngineError> {
    let texts: Vec<&str> = wanted.texts.iter().map(String::as_str).collect();
    let vectors = slot.question_texts(&texts)?;
    let texts = wanted.texts.iter().cloned().zip(vectors);
    let mut embeddings: Vec<Embedding> = texts
        .map(|(text, vector)| label.embedding(text, vector))
        .collect();
    for (name, picture) in wanted.pictures {
        let views = views(picture, wanted.limits, wanted.decoding)?;
        let vectors =
            slot.question_images(&views.iter().map(|view| &view.rgb).collect::<Vec<_>>())?;
        embeddings.extend(label.of_views(&name, &frames(&views), vectors));
    }
    Ok(embeddings)
}

impl EmbedRequest {
    fn check(&self) -> Result<(), EngineError> {
        let counted = [
            ("texts", self.texts.len(), MOST_TEXTS),
            ("images", self.images.len(), MOST_PICTURES),
        ];
        match counted.into_iter().find(|(_, count, most)| count > most) {
            Some((what, count, most)) => Err(EngineError::bad_query(format!(
                "one request may have {most} {what} at the most, not {count}; ask in parts"
            ))),
            None => Ok(()),
        }
    }
}

impl Library {
    /// Encodes texts and pictures with the library's model. Whoever drops the future leaves no work behind but what
    /// runs at that moment.
    ///
    /// # Errors
    /// [`EngineError::NoEncoder`] where no model can be run; [`EngineError::BadQuery`] where too much is asked for at once;
    /// errors of the pictures.
    pub async fn embed(&self, request: EmbedRequest) -> Result<Vec<Embedding>, EngineError> {
        request.check()?;
        let serving = self.inner.serving();
        let label = Label {
            model: &serving.stamp.model_id,
            profile: &serving.stamp.profile,
        };
        let vectors = serving.encoder.ask_texts(request.texts.clone()).await?;
        let texts = request.texts.into_iter().zip(vectors);
        let mut embeddings: Vec<Embedding> = texts
            .map(|(text, vector)| label.embedding(text, vector))
            .collect();
        for id in &request.images {
            let picture = self.asked_picture(id).await?;
            let (limits, decoding) = (
                self.inner.config.limits.clone(),
                self.inner.decoding.clone(),
            );
            let read = tokio::task::spawn_blocking(move || views(picture, &limits, &decoding));
            let views = read.await??;
            let frames = frames(&views);
            let pictures = views.into_iter().map(|view| view.rgb).collect();
            let vectors = serving.encoder.ask_images(pictures).await?;
            embeddings.extend(label.of_views(id, &frames, vectors));
        }
        Ok(embeddings)
    }
}
