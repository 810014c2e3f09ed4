//! The worker: leases jobs, decodes and encodes their pictures, hands the result back. Where jobs come from is a
//! [`WorkerPort`]: the library of this process, or a service elsewhere.

mod accept;
mod local;
mod objects;
mod remote;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use casekin_imaging::{
    Cuts, DecodeRequest, Decoded, Decoders, Facts, Limits, Source, ViewKind, VolumeSlice,
};
use tokio::sync::mpsc;

use crate::encoding::EncoderSlot;
use crate::error::EngineError;
use crate::records::{EncodedView, WorkerResult};
use crate::self_check::Measure;

/// Views gathered from decoded pictures before the encoder runs.
const VIEWS_AT_ONCE: usize = 64;
/// Decoded pictures that may wait for the encoder however few are decoded at once: a batch, so that a GPU is not fed crumbs.
const LEAST_WAITING: usize = 16;
/// JPEG quality of thumbnails: they are looked at, never encoded.
const THUMBNAIL_QUALITY: u8 = 85;

/// Where a worker's jobs come from and its results go to.
pub trait WorkerPort: Send + Sync + 'static {
    /// A leased job with the bytes it is about.
    type Job: Send + Sync + 'static;
    /// Leases the next job; `None` when there is none.
    fn lease(&self) -> impl Future<Output = Result<Option<Self::Job>, EngineError>> + Send;
    /// Where the job's picture can be read.
    fn source(&self, job: &Self::Job) -> impl Future<Output = Result<Source, EngineError>> + Send;
    /// The job's part in a volume of several files, where its picture is a slice of one.
    fn volume(&self, job: &Self::Job) -> Option<VolumeSlice>;
    /// Keeps a lease that is being worked on.
    fn renew(&self, job: &Self::Job) -> impl Future<Output = Result<(), EngineError>> + Send;
    /// Hands results back.
    fn complete(
        &self,
        done: Vec<(Self::Job, WorkerResult)>,
    ) -> impl Future<Output = Result<(), EngineError>> + Send;
    /// Says why a job cannot be done.
    fn fail(
        &self,
        job: &Self::Job,
        reason: &str,
    ) -> impl Future<Output = Result<(), EngineError>> + Send;
    /// Gives a job back undone.
    fn release(&self, job: &Self::Job) -> impl Future<Output = Result<(), EngineError>> + Send;
    /// Returns when there may be jobs again.
    fn wait(&self) -> impl Future<Output = ()> + Send;
    /// The encoder that results must come from now.
    fn encoder(&self) -> WorkerEncoder;
}

/// An encoder with the stamp that its results carry, and what it is held to before it makes any.
#[derive(Clone)]
pub struct WorkerEncoder {
    pub(crate) slot: Arc<EncoderSlot>,
    pub(crate) model_id: String,
    pub(crate) profile: String,
    pub(crate) measure: Measure,
}

impl WorkerEncoder {
    /// Id of the model.
    pub fn model_id(&self) -> &str {
        &self.model_id
    }

    /// Preprocessing profile.
    pub fn profile(&self) -> &str {
        &self.profile
    }
}

/// Settings of a worker.
#[derive(Clone, Debug)]
pub struct Worker {
    /// Who decodes.
    pub decoding: Decoders,
    /// Pictures decoded at once.
    pub decoders: usize,
    /// Longest side of a thumbnail in pixels.
    pub thumbnail_px: u32,
    /// Which parts of a picture become views.
    pub cuts: Cuts,
    /// Bounds on pictures.
    pub limits: Limits,
    /// Stop when no job is left instead of waiting for more.
    pub until_idle: bool,
}

struct Prepared<J> {
    job: J,
    decoded: Box<Decoded>,
}

impl Worker {
    /// Works until the returned future is dropped, or until no job is left where the settings say so.
    ///
    /// # Errors
    /// Errors of the port itself, and [`EngineError::SelfCheckFailed`], which leaves the jobs to others: a bad picture fails
    /// its job and nothing else.
    pub async fn run<P: WorkerPort>(&self, port: Arc<P>) -> Result<(), EngineError> {
        let waiting = LEAST_WAITING.max(self.decoders * 2);
        let (sender, receiver) = mpsc::channel::<Prepared<P::Job>>(waiting);
        let decode = self.decode_jobs(Arc::clone(&port), sender);
        let encode = encode_jobs(port, receiver);
        tokio::try_join!(decode, encode)?;
        Ok(())
    }

    async fn decode_jobs<P: WorkerPort>(
        &self,
        port: Arc<P>,
        sender: mpsc::Sender<Prepared<P::Job>>,
    ) -> Result<(), EngineError> {
        let decoders = Arc::new(tokio::sync::Semaphore::new(self.decoders.max(1)));
        loop {
            let permit = Arc::clone(&decoders)
                .acquire_owned()
                .await
                .map_err(|_| EngineError::Task("closed".into()))?;
            if let Some(reason) = port.encoder().slot.refused() {
                return Err(EngineError::SelfCheckFailed {
                    reason: reason.to_owned(),
                });
            }
            let Some(job) = port.lease().await? else {
                drop(permit);
                if self.until_idle {
                    // The decoders still at work hold their senders; the encoder ends when the last one is done.
                    return Ok(());
                }
                port.wait().await;
                continue;
            };
            // Only now that there is something to encode: loading a model takes time and memory.
            if let Err(error) = checked(port.as_ref()).await {
                give_back(port.as_ref(), [&job]).await;
                return Err(error);
            }
            let (port, sender, worker) = (Arc::clone(&port), sender.clone(), self.clone());
            tokio::spawn(async move {
                match worker.decode_one(port.as_ref(), &job).await {
                    Ok(decoded) => {
                        if let Err(unsent) = sender.send(Prepared { job, decoded }).await {
                            give_back(port.as_ref(), [&unsent.0.job]).await;
                        }
                    }
                    Err(error) => report_failure(port.as_ref(), &job, &error).await,
                }
                // Not before it is taken: else pictures would be decoded, and held, faster than they are encoded.
                drop(permit);
            });
        }
    }

    async fn decode_one<P: WorkerPort>(
        &self,
        port: &P,
        job: &P::Job,
    ) -> Result<Box<Decoded>, EngineError> {
        let source = port.source(job).await?;
        let decoding = self.decoding.clone();
        let request = DecodeRequest {
            source,
            limits: self.limits.clone(),
            thumbnail_px: self.thumbnail_px,
            cuts: self.cuts.clone(),
            volume: port.volume(job),
        };
        let decoded = tokio::task::spawn_blocking(move || decoding.decode(&request)).await??;
        Ok(Box::new(decoded))
    }
}

/// The encoder of now, which gives what it must give. One that cannot be run at all is not kept from trying: each job's
/// failure says why.
async fn checked<P: WorkerPort>(port: &P) -> Result<WorkerEncoder, EngineError> {
    let encoder = port.encoder();
    let held = encoder.clone();
    match tokio::task::spawn_blocking(move || held.check()).await? {
        Ok(()) | Err(EngineError::NoEncoder { .. }) => Ok(encoder),
        Err(error) => Err(error),
    }
}

/// Gives jobs back undone. Where that fails their leases run out.
async fn give_back<'a, P: WorkerPort>(port: &P, jobs: impl IntoIterator<Item = &'a P::Job>) {
    for job in jobs {
        if let Err(error) = port.release(job).await {
            tracing::warn!(%error, "a job could not be given back; its lease will run out");
        }
    }
}

async fn report_failure<P: WorkerPort>(port: &P, job: &P::Job, error: &EngineError) {
    if let Err(error) = port.fail(job, &error.to_string()).await {
        tracing::warn!(%error, "a failed job could not be reported; its lease will run out");
    }
}

async fn encode_jobs<P: WorkerPort>(
    port: Arc<P>,
    mut receiver: mpsc::Receiver<Prepared<P::Job>>,
) -> Result<(), EngineError> {
    while let Some(first) = receiver.recv().await {
        let mut views = first.decoded.views.len();
        let mut gathered = vec![first];
        while views < VIEWS_AT_ONCE {
            let Ok(next) = receiver.try_recv() else { break };
            views += next.decoded.views.len();
            gathered.push(next);
        }
        let (jobs, pictures): (Vec<_>, Vec<_>) = gathered
            .into_iter()
            .map(|one| (one.job, one.decoded))
            .unzip();
        // The model may have been exchanged since the jobs were leased.
        let encoder = match checked(port.as_ref()).await {
            Ok(encoder) => encoder,
            Err(error) => {
                receiver.close();
                give_back(port.as_ref(), &jobs).await;
                while let Ok(waiting) = receiver.try_recv() {
                    give_back(port.as_ref(), [&waiting.job]).await;
                }
                return Err(error);
            }
        };
        let encoding = tokio::task::spawn_blocking(move || encode(&encoder, &pictures));
        let results = keep_leases(port.as_ref(), &jobs, encoding).await?;
        match results {
            Ok(results) => {
                port.complete(jobs.into_iter().zip(results).collect())
                    .await?
            }
            Err(error) => {
                for job in &jobs {
                    report_failure(port.as_ref(), job, &error).await;
                }
            }
        }
    }
    Ok(())
}

/// Renews the leases for as long as the encoder needs.
async fn keep_leases<P: WorkerPort, T>(
    port: &P,
    jobs: &[P::Job],
    mut work: tokio::task::JoinHandle<T>,
) -> Result<T, EngineError> {
    loop {
        match tokio::time::timeout(Duration::from_secs(20), &mut work).await {
            Ok(done) => return Ok(done?),
            Err(_) => {
                for job in jobs {
                    match port.renew(job).await {
                        // Somebody else does it now; what comes of it here is refused.
                        Ok(()) | Err(EngineError::LeaseLost) => {}
                        Err(error) => return Err(error),
                    }
                }
            }
        }
    }
}

fn encode(
    encoder: &WorkerEncoder,
    pictures: &[Box<Decoded>],
) -> Result<Vec<WorkerResult>, EngineError> {
    let rgb: Vec<_> = pictures
        .iter()
        .flat_map(|picture| picture.views.iter().map(|view| &view.rgb))
        .collect();
    let mut vectors = encoder.slot.ingest_images(&rgb)?.into_iter();
    pictures
        .iter()
        .map(|picture| {
            let vectors: Vec<Vec<f32>> = vectors.by_ref().take(picture.views.len()).collect();
            result_of(encoder, picture, vectors)
        })
        .collect()
}

/// What a decoded picture and its vectors come to.
pub(crate) fn result_of(
    encoder: &WorkerEncoder,
    picture: &Decoded,
    vectors: Vec<Vec<f32>>,
) -> Result<WorkerResult, EngineError> {
    let views = picture
        .views
        .iter()
        .zip(vectors)
        .map(|(view, vector)| EncodedView {
            kind: kind_name(view.kind).to_owned(),
            // DICOM numbers frames from 1 (PS3.3 C.7.6.6); casekin's own interfaces count from 0.
            frame: view.frame.saturating_sub(1),
            box_px: view.box_px,
            mm_per_px: view.mm_per_px,
            made_by: view.made_by.clone(),
            vector,
        });
    let thumbnail = casekin_imaging::encode_jpeg(&picture.thumbnail, THUMBNAIL_QUALITY)?;
    let facts = Facts {
        sop_instance_uid: None,
        ..picture.header.facts.clone()
    };
    Ok(WorkerResult {
        lease_token: String::new(),
        model_id: encoder.model_id.clone(),
        profile: encoder.profile.clone(),
        pipeline_version: casekin_imaging::PIPELINE_VERSION,
        facts: serde_json::to_value(facts).unwrap_or_default(),
        views: views.collect(),
        thumbnail: BASE64.encode(thumbnail),
    })
}

fn kind_name(kind: ViewKind) -> &'static str {
    match kind {
        ViewKind::Whole => "whole",
        ViewKind::Frame => "frame",
        ViewKind::Region => "region",
        ViewKind::Tile => "tile",
        ViewKind::Crop => "crop",
    }
}
