//! Pictures and words become vectors: the model is loaded when it is first needed, and questions go before ingest.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use casekin_encoder::{Checkpoint, Device, Encoder, EncoderOptions, Picture, Profile, Runtime};
use casekin_imaging::{DecodeRequest, Decoders, Rgb8, Source};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::config::EncoderConfig;
use crate::error::EngineError;
use crate::library::Library;
use crate::pictures::AskedPicture;
use crate::records::Embedding;
use crate::worker::WorkerEncoder;

/// An ingest chunk that took longer than this is halved, so that a question never waits much longer than that.
const CHUNK_TIME: Duration = Duration::from_millis(250);

/// The place of one model's encoder: empty until a picture or a text has to be encoded.
pub(crate) struct EncoderSlot {
    dir: PathBuf,
    config: EncoderConfig,
    profile: String,
    loaded: OnceLock<Result<Encoder, String>>,
    questions_waiting: AtomicUsize,
    chunk_views: AtomicUsize,
}

impl EncoderSlot {
    pub(crate) fn new(dir: PathBuf, config: EncoderConfig, profile: String) -> Self {
        let chunk_views = AtomicUsize::new(config.batch_views.clamp(1, 256));
        Self {
            dir,
            config,
            profile,
            loaded: OnceLock::new(),
            questions_waiting: AtomicUsize::new(0),
            chunk_views,
        }
    }

    /// The encoder, loaded now if it was not. Blocks.
    pub(crate) fn encoder(&self) -> Result<&Encoder, EngineError> {
        let loaded = self
            .loaded
            .get_or_init(|| load(&self.dir, &self.config, &self.profile).map_err(|e| chain(&e)));
        loaded.as_ref().map_err(|reason| EngineError::NoEncoder {
            reason: reason.clone(),
        })
    }

    /// Encodes the pictures of a question. Blocks.
    pub(crate) fn question_images(&self, pictures: &[&Rgb8]) -> Result<Vec<Vec<f32>>, EngineError> {
        self.as_question(|encoder| {
            let pictures: Vec<Picture<'_>> = pictures.iter().map(|rgb| as_picture(rgb)).collect();
            Ok(encoder.encode_images(&pictures)?)
        })
    }

    /// Encodes the words of a question. Blocks.
    pub(crate) fn question_texts(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, EngineError> {
        self.as_question(|encoder| Ok(encoder.encode_texts(texts)?))
    }

    fn as_question<T>(
        &self,
        run: impl FnOnce(&Encoder) -> Result<T, EngineError>,
    ) -> Result<T, EngineError> {
        let encoder = self.encoder()?;
        self.questions_waiting.fetch_add(1, Ordering::AcqRel);
        let result = run(encoder);
        self.questions_waiting.fetch_sub(1, Ordering::AcqRel);
        result
    }

    /// Encodes pictures of the ingest in chunks that are small enough for questions to come between. Blocks.
    pub(crate) fn ingest_images(&self, pictures: &[&Rgb8]) -> Result<Vec<Vec<f32>>, EngineError> {
        let encoder = self.encoder()?;
        let mut vectors = Vec::with_capacity(pictures.len());
        while vectors.len() < pictures.len() {
            while self.questions_waiting.load(Ordering::Acquire) > 0 {
                std::thread::sleep(Duration::from_millis(1));
            }
            let chunk_views = self.chunk_views.load(Ordering::Relaxed);
            let end = (vectors.len() + chunk_views).min(pictures.len());
            let chunk: Vec<Picture<'_>> = pictures[vectors.len()..end]
                .iter()
                .map(|rgb| as_picture(rgb))
                .collect();
            let started = Instant::now();
            let full = chunk.len() == chunk_views;
            vectors.extend(encoder.encode_images(&chunk)?);
            self.adapt(chunk_views, full, started.elapsed());
        }
        Ok(vectors)
    }

    fn adapt(&self, chunk_views: usize, full: bool, took: Duration) {
        let most = self.config.batch_views.clamp(1, 256);
        let next = match took {
            _ if took > CHUNK_TIME => chunk_views / 2,
            _ if full && took < CHUNK_TIME / 4 => chunk_views * 2,
            _ => chunk_views,
        };
        self.chunk_views
            .store(next.clamp(1, most), Ordering::Relaxed);
    }
}

pub(crate) fn as_picture(rgb: &Rgb8) -> Picture<'_> {
    Picture {
        width_px: rgb.width_px,
        height_px: rgb.height_px,
        rgb: &rgb.pixels,
    }
}

fn load(dir: &Path, config: &EncoderConfig, profile: &str) -> Result<Encoder, EngineError> {
    let device: Device = config.device.parse()?;
    let profile: Profile = profile.parse()?;
    let runtime = Runtime::load_for(config.onnxruntime.as_deref(), device)?;
    let checkpoint = Checkpoint::open(dir)?;
    let options = EncoderOptions {
        device,
        profile,
        intra_threads: config.threads,
        batch_size: config.batch_views.clamp(1, 256),
    };
    Ok(Encoder::load(&runtime, &checkpoint, &options)?)
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// A model outside any library: for `casekin embed --model` and for a worker on another machine. Cheap to clone.
#[derive(Clone)]
pub struct LooseEncoder {
    slot: Arc<EncoderSlot>,
    model_id: String,
    profile: String,
}

impl LooseEncoder {
    /// Opens the checkpoint in `dir` and hashes it; the sessions are made when first used.
    ///
    /// # Errors
    /// Any error of the encoder: a missing file, a tensor of the wrong shape, no runtime.
    pub fn open(dir: &Path, config: &EncoderConfig, profile: &str) -> Result<Self, EngineError> {
        let _: Profile = profile.parse()?;
        let model_id = Checkpoint::open(dir)?.model_id()?.as_str().to_owned();
        let slot = EncoderSlot::new(dir.to_path_buf(), config.clone(), profile.to_owned());
        Ok(Self {
            slot: Arc::new(slot),
            model_id,
            profile: profile.to_owned(),
        })
    }

    /// The built-in demo model, unpacked under `data_dir`.
    ///
    /// # Errors
    /// As [`LooseEncoder::open`].
    pub fn demo(
        data_dir: &Path,
        config: &EncoderConfig,
        profile: &str,
    ) -> Result<Self, EngineError> {
        Self::open(&crate::models::unpack_demo(data_dir)?, config, profile)
    }

    /// Id of the model.
    pub fn model_id(&self) -> &str {
        &self.model_id
    }

    pub(crate) fn slot(&self) -> &EncoderSlot {
        &self.slot
    }

    /// Preprocessing profile.
    pub fn profile(&self) -> &str {
        &self.profile
    }

    /// The encoder as a worker needs it.
    pub fn for_worker(&self) -> WorkerEncoder {
        WorkerEncoder {
            slot: Arc::clone(&self.slot),
            model_id: self.model_id.clone(),
            profile: self.profile.clone(),
        }
    }

    /// Encodes texts and pictures. Blocks.
    ///
    /// # Errors
    /// The first picture that cannot be read, or an error of the encoder.
    pub fn embed(
        &self,
        texts: &[String],
        files: &[PathBuf],
        limits: &casekin_imaging::Limits,
        decoding: &Decoders,
    ) -> Result<Vec<Embedding>, EngineError> {
        let pictures: Vec<_> = files
            .iter()
            .map(|path| {
                let picture = AskedPicture {
                    source: Source::Path(path.clone()),
                    volume: None,
                    modality: None,
                };
                (path.display().to_string(), picture)
            })
            .collect();
        let pictures = pictures.as_slice();
        embed(
            &self.slot,
            &self.model_id,
            &self.profile,
            &Wanted {
                texts,
                pictures,
                limits,
                decoding,
            },
        )
    }
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
        tokio::task::spawn_blocking(move || {
            let wanted = Wanted {
                texts: &request.texts,
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
        })
        .await?
    }
}
