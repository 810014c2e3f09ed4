//! Pictures and words become vectors: the model is loaded when it is first needed, and what waits for it stands in a queue.

mod asking;
mod embed;
mod kept_texts;
mod loose;
mod queue;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use casekin_encoder::{
    Checkpoint, Device, Encoder, EncoderError, EncoderOptions, Picture, Ready, Recipe, Runtime,
    Tower,
};
use casekin_imaging::Rgb8;

use self::kept_texts::KeptTexts;
use self::queue::{Answer, Batching, Full, Item, Lane, Queue};
use crate::config::EncoderConfig;
use crate::error::EngineError;

pub use self::embed::EmbedRequest;
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
    /// Why it is not to be used though it can be run: what its self-check found.
    refused: OnceLock<String>,
    /// Whether its pictures have been held to what they must be; locked while they are.
    checked: Mutex<bool>,
    kept: KeptTexts,
    chunk_views: AtomicUsize,
}

/// What an encoder has to do and has done, in views and texts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EncoderWork {
    /// Waiting now, those of the ingest included.
    pub waiting: u64,
    /// Handed to the model since it was loaded.
    pub ran: u64,
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
            checked: Mutex::new(false),
            kept: KeptTexts::default(),
            chunk_views,
        }
    }

    fn loaded(&self) -> Result<&Loaded, EngineError> {
        if let Some(reason) = self.refused() {
            return Err(EngineError::NoEncoder {
                reason: format!("the model failed its self-check: {reason}"),
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

    /// Runs a batch of black pictures on a GPU, so that the first question or job does not wait for what a first batch costs
    /// there. Blocks.
    pub(crate) fn warm_up(&self) {
        let Ok(encoder) = self.encoder() else {
            return;
        };
        if encoder.device() == Device::Cpu {
            return;
        }
        if let Err(error) = encoder.warm_up(self.most_views()) {
            tracing::warn!(error = %chain(&error), "a whole batch could not be run; a smaller encoder.batch_views may be");
        }
    }

    /// From now on there is no encoder, for this is what its self-check found.
    pub(crate) fn refuse(&self, found: String) {
        let _ = self.refused.set(found);
    }

    /// What its self-check found, where it is not to be used.
    pub(crate) fn refused(&self) -> Option<&str> {
        self.refused.get().map(String::as_str)
    }

    /// It gave what it must give: nothing has to be checked before vectors of pictures are kept.
    pub(crate) fn passed(&self) {
        *self.checked.lock().unwrap_or_else(PoisonError::into_inner) = true;
    }

    /// Lets `check` say whether vectors of pictures may be kept, unless it has been said; a model that may not is refused
    /// from then on. Blocks.
    ///
    /// # Errors
    /// [`EngineError::SelfCheckFailed`]; [`EngineError::NoEncoder`] where it cannot be run, which is no fault of its vectors.
    pub(crate) fn check_once(
        &self,
        check: impl FnOnce() -> Result<(), EngineError>,
    ) -> Result<(), EngineError> {
        let mut checked = self.checked.lock().unwrap_or_else(PoisonError::into_inner);
        let failed = |reason: &str| EngineError::SelfCheckFailed {
            reason: reason.to_owned(),
        };
        if let Some(reason) = self.refused() {
            return Err(failed(reason));
        }
        if !*checked {
            match check() {
                Ok(()) => *checked = true,
                Err(error @ EngineError::NoEncoder { .. }) => return Err(error),
                Err(error) => {
                    let reason = chain(&error);
                    self.refuse(reason.clone());
                    return Err(failed(&reason));
                }
            }
        }
        Ok(())
    }

    /// Folder of the model.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// What the encoder has to do and has done; nothing where it has not been loaded.
    pub(crate) fn work(&self) -> Option<EncoderWork> {
        let loaded = self.loaded.get()?.as_ref().ok()?;
        Some(EncoderWork {
            waiting: loaded.queue.waiting() as u64,
            ran: loaded.queue.ran(),
        })
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
