//! Pictures and words become vectors: the model is loaded when it is first needed, and what waits for it stands in a queue.

mod kept_texts;
mod loose;
mod queue;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use casekin_encoder::{
    Checkpoint, Device, Encoder, EncoderError, EncoderOptions, Picture, Ready, Recipe, Runtime,
    Tower,
};
use casekin_imaging::{DecodeRequest, Decoders, Rgb8};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use self::kept_texts::KeptTexts;
use self::queue::{Answer, Batching, Full, Item, Lane, Queue};
use crate::config::EncoderConfig;
use crate::error::EngineError;
use crate::library::Library;
use crate::pictures::AskedPicture;
use crate::records::Embedding;

pub use self::loose::LooseEncoder;

/// An ingest chunk that took longer than this is halved, so that a question never waits much longer than that.
const CHUNK_TIME: Duration = Duration::from_millis(250);
/// How long a batch on a GPU waits for company: less than anybody notices, enough for requests that come together.
const LINGER: Duration = Duration::from_millis(3);

/// The place of one model's encoder: empty until a picture or a text has to be encoded.
pub(crate) struct EncoderSlot {
    dir: PathBuf,
    config: EncoderConfig,
    profile: String,
    loaded: OnceLock<Result<Loaded, String>>,
    /// Why it is not to be used though it can be run.
    refused: OnceLock<String>,
    kept: KeptTexts,
    chunk_views: AtomicUsize,
}

/// An encoder and what waits for it.
struct Loaded {
    encoder: Arc<Encoder>,
    queue: Queue<Ready, EncoderError>,
}

impl Item for Ready {
    type Kind = Tower;
    fn kind(&self) -> Tower {
        self.tower()
    }
}

type Waiting = tokio::sync::oneshot::Receiver<Answer<EncoderError>>;

impl EncoderSlot {
    pub(crate) fn new(dir: PathBuf, config: EncoderConfig, profile: String) -> Self {
        let chunk_views = AtomicUsize::new(config.batch_views.clamp(1, 256));
        Self {
            dir,
            config,
            profile,
            loaded: OnceLock::new(),
            refused: OnceLock::new(),
            kept: KeptTexts::default(),
            chunk_views,
        }
    }

    fn loaded(&self) -> Result<&Loaded, EngineError> {
        if let Some(reason) = self.refused.get() {
            return Err(EngineError::NoEncoder {
                reason: reason.clone(),
            });
        }
        let loaded = self
            .loaded
            .get_or_init(|| load(&self.dir, &self.config, &self.profile).map_err(|e| chain(&e)));
        loaded.as_ref().map_err(|reason| EngineError::NoEncoder {
            reason: reason.clone(),
        })
    }

    /// The encoder, loaded now if it was not. Blocks. What it runs is not queued.
    pub(crate) fn encoder(&self) -> Result<&Encoder, EngineError> {
        Ok(self.loaded()?.encoder.as_ref())
    }

    /// An encoder of the same model beside this one, which nothing else uses.
    pub(crate) fn another(&self) -> Result<Encoder, EngineError> {
        Ok(load_encoder(&self.dir, &self.config, &self.profile)?.0)
    }

    /// From now on there is no encoder, for this reason.
    pub(crate) fn refuse(&self, reason: String) {
        let _ = self.refused.set(reason);
    }

    /// Folder of the model.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Encodes the pictures of a question. Blocks.
    ///
    /// # Errors
    /// [`EngineError::EncoderBusy`] where too many questions wait.
    pub(crate) fn question_images(&self, pictures: &[&Rgb8]) -> Result<Vec<Vec<f32>>, EngineError> {
        let loaded = self.loaded()?;
        loaded.queue.room()?;
        let pictures: Vec<Picture<'_>> = pictures.iter().map(|rgb| as_picture(rgb)).collect();
        let waiting = self.ask(loaded.encoder.ready_images(&pictures)?)?;
        all_received(waiting)
    }

    /// Encodes the words of a question. Blocks. Those asked last are kept.
    ///
    /// # Errors
    /// As [`Self::question_images`].
    pub(crate) fn question_texts(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, EngineError> {
        if let Some(vectors) = self.kept.all(texts) {
            return Ok(vectors);
        }
        let loaded = self.loaded()?;
        loaded.queue.room()?;
        let waiting = self.ask(loaded.encoder.ready_texts(texts)?)?;
        let vectors = all_received(waiting)?;
        self.kept.keep(texts, &vectors);
        Ok(vectors)
    }

    /// As [`Self::question_texts`], waiting without a thread: where the future is dropped, the words are not encoded.
    pub(crate) async fn ask_texts(
        self: &Arc<Self>,
        texts: Vec<String>,
    ) -> Result<Vec<Vec<f32>>, EngineError> {
        if texts.is_empty() {
            return Ok(Vec::new());
        }
        let slot = Arc::clone(self);
        // The first question loads the model, which blocks.
        let asked = tokio::task::spawn_blocking(move || {
            let borrowed: Vec<&str> = texts.iter().map(String::as_str).collect();
            if let Some(vectors) = slot.kept.all(&borrowed) {
                return Ok((Some(vectors), Vec::new(), texts));
            }
            let loaded = slot.loaded()?;
            loaded.queue.room()?;
            let waiting = slot.ask(loaded.encoder.ready_texts(&borrowed)?)?;
            Ok::<_, EngineError>((None, waiting, texts))
        });
        let (kept, waiting, texts) = asked.await??;
        if let Some(vectors) = kept {
            return Ok(vectors);
        }
        let mut vectors = Vec::with_capacity(texts.len());
        for one in waiting {
            let answer = one.await.map_err(|_| gone())?;
            vectors.extend(answer.0?);
        }
        let borrowed: Vec<&str> = texts.iter().map(String::as_str).collect();
        self.kept.keep(&borrowed, &vectors);
        Ok(vectors)
    }

    /// Hands a question in, in pieces of a batch, so that a long one lets others in between.
    fn ask(&self, mut ready: Vec<Ready>) -> Result<Vec<Waiting>, EngineError> {
        let queue = &self.loaded()?.queue;
        let mut waiting = Vec::new();
        while !ready.is_empty() {
            let rest = ready.split_off(self.most_views().min(ready.len()));
            waiting.push(queue.push(Lane::Question, ready)?);
            ready = rest;
        }
        Ok(waiting)
    }

    /// Encodes pictures of the ingest in chunks that are small enough for questions to come between; the next chunk is
    /// made ready while one runs. Blocks.
    pub(crate) fn ingest_images(&self, pictures: &[&Rgb8]) -> Result<Vec<Vec<f32>>, EngineError> {
        let loaded = self.loaded()?;
        let mut vectors = Vec::with_capacity(pictures.len());
        let (mut rest, mut running) = (pictures, None::<(usize, Waiting)>);
        while !rest.is_empty() || running.is_some() {
            let chunk_views = self.chunk_views.load(Ordering::Relaxed).min(rest.len());
            let (chunk, later) = rest.split_at(chunk_views);
            rest = later;
            let chunk: Vec<Picture<'_>> = chunk.iter().map(|rgb| as_picture(rgb)).collect();
            let ready = loaded.encoder.ready_images(&chunk)?;
            if let Some((views, waiting)) = running.take() {
                let (answer, took) = waiting.blocking_recv().map_err(|_| gone())?;
                vectors.extend(answer?);
                self.adapt(views, took);
            }
            if !ready.is_empty() {
                running = Some((ready.len(), loaded.queue.push(Lane::Ingest, ready)?));
            }
        }
        Ok(vectors)
    }

    fn most_views(&self) -> usize {
        self.config.batch_views.clamp(1, 256)
    }

    /// Chunks of the ingest become as large as their time allows. `views` were run in `took`.
    fn adapt(&self, views: usize, took: Duration) {
        let chunk_views = self.chunk_views.load(Ordering::Relaxed);
        let next = match took {
            _ if took > CHUNK_TIME => views / 2,
            _ if views >= chunk_views && took < CHUNK_TIME / 4 => chunk_views * 2,
            _ => chunk_views,
        };
        self.chunk_views
            .store(next.clamp(1, self.most_views()), Ordering::Relaxed);
    }
}

fn all_received(waiting: Vec<Waiting>) -> Result<Vec<Vec<f32>>, EngineError> {
    let mut vectors = Vec::new();
    for one in waiting {
        vectors.extend(one.blocking_recv().map_err(|_| gone())?.0?);
    }
    Ok(vectors)
}

/// The encoder's thread has ended: it panicked, or the model was exchanged.
fn gone() -> EngineError {
    EngineError::Task("the encoder has ended".into())
}

impl From<Full> for EngineError {
    fn from(_: Full) -> Self {
        Self::EncoderBusy
    }
}

pub(crate) fn as_picture(rgb: &Rgb8) -> Picture<'_> {
    Picture {
        width_px: rgb.width_px,
        height_px: rgb.height_px,
        rgb: &rgb.pixels,
    }
}

fn load_encoder(
    dir: &Path,
    config: &EncoderConfig,
    profile: &str,
) -> Result<(Encoder, EncoderOptions), EngineError> {
    let device: Device = config.device.parse()?;
    let Recipe { profile, precision } = profile.parse()?;
    let runtime = Runtime::load_for(config.onnxruntime.as_deref(), device)?;
    let checkpoint = Checkpoint::open(dir)?;
    let options = EncoderOptions {
        device,
        profile,
        precision,
        intra_threads: config.threads,
        batch_size: config.batch_views.clamp(1, 256),
    };
    let encoder = Encoder::load(&runtime, &checkpoint, &options)?;
    Ok((encoder, options))
}

fn load(dir: &Path, config: &EncoderConfig, profile: &str) -> Result<Loaded, EngineError> {
    let (encoder, options) = load_encoder(dir, config, profile)?;
    let encoder = Arc::new(encoder);
    let batching = Batching {
        items: options.batch_size,
        linger: if options.device == Device::Cpu {
            Duration::ZERO
        } else {
            LINGER
        },
    };
    let runner = Arc::clone(&encoder);
    let queue = Queue::start(batching, move |ready: &[Ready]| runner.run_ready(ready))
        .map_err(|source| EngineError::io("start the encoder's thread", source))?;
    Ok(Loaded { encoder, queue })
}

pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

struct Wanted<'a> {
    texts: &'a [String],
    /// Each with the name under which its vectors are given.
    pictures: &'a [(String, AskedPicture)],
    limits: &'a casekin_imaging::Limits,
    decoding: &'a Decoders,
}

fn embed(
    slot: &EncoderSlot,
    model: &str,
    profile: &str,
    wanted: &Wanted<'_>,
) -> Result<Vec<Embedding>, EngineError> {
    let embedding = |source: String, vector| Embedding {
        source,
        model: model.into(),
        profile: profile.into(),
        vector,
    };
    let mut embeddings = Vec::new();
    if !wanted.texts.is_empty() {
        let texts: Vec<&str> = wanted.texts.iter().map(String::as_str).collect();
        let vectors = slot.question_texts(&texts)?;
        embeddings.extend(
            wanted
                .texts
                .iter()
                .cloned()
                .zip(vectors)
                .map(|(text, vector)| embedding(text, vector)),
        );
    }
    for (name, picture) in wanted.pictures {
        let request = DecodeRequest {
            source: picture.source.clone(),
            limits: wanted.limits.clone(),
            thumbnail_px: 1,
            cuts: casekin_imaging::Cuts::default(),
            volume: picture.volume,
        };
        let views = wanted.decoding.decode(&request)?.views;
        let vectors =
            slot.question_images(&views.iter().map(|view| &view.rgb).collect::<Vec<_>>())?;
        for (view, vector) in views.iter().zip(vectors) {
            let source = if views.len() == 1 {
                name.clone()
            } else {
                format!("{name}#{}", view.frame.saturating_sub(1))
            };
            embeddings.push(embedding(source, vector));
        }
    }
    Ok(embeddings)
}

/// What to encode with the library's model.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct EmbedRequest {
    /// Texts.
    pub texts: Vec<String>,
    /// Ids of uploaded query pictures ("q-…") or pictures of the library ("i-…").
    pub images: Vec<String>,
}

impl Library {
    /// Encodes texts and pictures with the library's model.
    ///
    /// # Errors
    /// [`EngineError::NoEncoder`] where no model can be run; errors of the pictures.
    pub async fn embed(&self, request: EmbedRequest) -> Result<Vec<Embedding>, EngineError> {
        let serving = self.inner.serving();
        let mut pictures = Vec::with_capacity(request.images.len());
        for id in &request.images {
            pictures.push((id.clone(), self.asked_picture(id).await?));
        }
        let limits = self.inner.config.limits.clone();
        let decoding = self.inner.decoding.clone();
        let embedding = |source: String, vector| Embedding {
            source,
            model: serving.stamp.model_id.clone(),
            profile: serving.stamp.profile.clone(),
            vector,
        };
        // A client that hangs up drops this future, and with it what still waits in the queue.
        let vectors = serving.encoder.ask_texts(request.texts.clone()).await?;
        let texts = request.texts.into_iter().zip(vectors);
        let mut embeddings: Vec<Embedding> = texts
            .map(|(text, vector)| embedding(text, vector))
            .collect();
        let of_pictures = tokio::task::spawn_blocking(move || {
            let wanted = Wanted {
                texts: &[],
                pictures: &pictures,
                limits: &limits,
                decoding: &decoding,
            };
            embed(
                &serving.encoder,
                &serving.stamp.model_id,
                &serving.stamp.profile,
                &wanted,
            )
        });
        embeddings.extend(of_pictures.await??);
        Ok(embeddings)
    }
}
