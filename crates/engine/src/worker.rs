//! The worker: leases jobs, decodes and encodes their pictures, hands the result back. Where jobs come from is a
//! [`WorkerPort`]: the library of this process, or a service elsewhere.

use std::future::Future;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use casekin_catalog::{JobOutcome, LeasedJob, NewView, ObjectRef, PixelBox, ViewRef};
use casekin_imaging::{DecodeRequest, Decoded, Facts, Limits, Source, ViewKind};
use sha2::{Digest as _, Sha256};
use tokio::sync::mpsc;

use crate::convert::{model_summary, to_catalog_location, to_catalog_stamp};
use crate::encoding::EncoderSlot;
use crate::error::EngineError;
use crate::ingest::facts_for_catalog;
use crate::library::Library;
use crate::records::{EncodedView, WorkerJob, WorkerResult};
use crate::reconcile::LOCAL_WORKER;

/// Views gathered from decoded pictures before the encoder runs.
const VIEWS_AT_ONCE: usize = 64;
/// How long an idle worker sleeps where nobody wakes it.
const IDLE: Duration = Duration::from_millis(500);
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
    /// Keeps a lease that is being worked on.
    fn renew(&self, job: &Self::Job) -> impl Future<Output = Result<(), EngineError>> + Send;
    /// Hands results back.
    fn complete(&self, done: Vec<(Self::Job, WorkerResult)>) -> impl Future<Output = Result<(), EngineError>> + Send;
    /// Says why a job cannot be done.
    fn fail(&self, job: &Self::Job, reason: &str) -> impl Future<Output = Result<(), EngineError>> + Send;
    /// Gives a job back undone.
    fn release(&self, job: &Self::Job) -> impl Future<Output = Result<(), EngineError>> + Send;
    /// Returns when there may be jobs again.
    fn wait(&self) -> impl Future<Output = ()> + Send;
    /// The encoder that results must come from now.
    fn encoder(&self) -> WorkerEncoder;
}

/// An encoder with the stamp that its results carry.
#[derive(Clone)]
pub struct WorkerEncoder {
    pub(crate) slot: Arc<EncoderSlot>,
    pub(crate) model_id: String,
    pub(crate) profile: String,
}

impl WorkerEncoder {
    /// Id of the model.
    pub fn model_id(&self) -> &str {
        &self.model_id
    }
}

/// Settings of a worker.
#[derive(Clone, Debug)]
pub struct Worker {
    /// Pictures decoded at once.
    pub decoders: usize,
    /// Longest side of a thumbnail in pixels.
    pub thumbnail_px: u32,
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
    /// Only errors of the port itself: a bad picture fails its job and nothing else.
    pub async fn run<P: WorkerPort>(&self, port: Arc<P>) -> Result<(), EngineError> {
        let (sender, receiver) = mpsc::channel::<Prepared<P::Job>>(self.decoders.max(1) * 2);
        let decode = self.decode_jobs(Arc::clone(&port), sender);
        let encode = encode_jobs(port, receiver);
        tokio::try_join!(decode, encode)?;
        Ok(())
    }

    async fn decode_jobs<P: WorkerPort>(&self, port: Arc<P>, sender: mpsc::Sender<Prepared<P::Job>>) -> Result<(), EngineError> {
        let decoders = Arc::new(tokio::sync::Semaphore::new(self.decoders.max(1)));
        loop {
            let permit = Arc::clone(&decoders).acquire_owned().await.map_err(|_| EngineError::Task("closed".into()))?;
            let Some(job) = port.lease().await? else {
                drop(permit);
                if self.until_idle {
                    // The decoders still at work hold their senders; the encoder ends when the last one is done.
                    return Ok(());
                }
                port.wait().await;
                continue;
            };
            let (port, sender, worker) = (Arc::clone(&port), sender.clone(), self.clone());
            tokio::spawn(async move {
                let outcome = worker.decode_one(port.as_ref(), &job).await;
                drop(permit);
                match outcome {
                    Ok(decoded) => {
                        if let Err(unsent) = sender.send(Prepared { job, decoded }).await {
                            let _ = port.release(&unsent.0.job).await;
                        }
                    }
                    Err(error) => report_failure(port.as_ref(), &job, &error).await,
                }
            });
        }
    }

    async fn decode_one<P: WorkerPort>(&self, port: &P, job: &P::Job) -> Result<Box<Decoded>, EngineError> {
        let source = port.source(job).await?;
        let request = DecodeRequest { source, limits: self.limits.clone(), thumbnail_px: self.thumbnail_px };
        let decoded = tokio::task::spawn_blocking(move || casekin_imaging::decode(&request)).await??;
        Ok(Box::new(decoded))
    }
}

async fn report_failure<P: WorkerPort>(port: &P, job: &P::Job, error: &EngineError) {
    if let Err(error) = port.fail(job, &error.to_string()).await {
        tracing::warn!(%error, "a failed job could not be reported; its lease will run out");
    }
}

async fn encode_jobs<P: WorkerPort>(port: Arc<P>, mut receiver: mpsc::Receiver<Prepared<P::Job>>) -> Result<(), EngineError> {
    while let Some(first) = receiver.recv().await {
        let mut views = first.decoded.views.len();
        let mut gathered = vec![first];
        while views < VIEWS_AT_ONCE {
            let Ok(next) = receiver.try_recv() else { break };
            views += next.decoded.views.len();
            gathered.push(next);
        }
        let (jobs, pictures): (Vec<_>, Vec<_>) = gathered.into_iter().map(|one| (one.job, one.decoded)).unzip();
        let encoder = port.encoder();
        let encoding = tokio::task::spawn_blocking(move || encode(&encoder, &pictures));
        let results = keep_leases(port.as_ref(), &jobs, encoding).await?;
        match results {
            Ok(results) => port.complete(jobs.into_iter().zip(results).collect()).await?,
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
                    port.renew(job).await?;
                }
            }
        }
    }
}

fn encode(encoder: &WorkerEncoder, pictures: &[Box<Decoded>]) -> Result<Vec<WorkerResult>, EngineError> {
    let rgb: Vec<_> = pictures.iter().flat_map(|picture| picture.views.iter().map(|view| &view.rgb)).collect();
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
pub(crate) fn result_of(encoder: &WorkerEncoder, picture: &Decoded, vectors: Vec<Vec<f32>>) -> Result<WorkerResult, EngineError> {
    let views = picture.views.iter().zip(vectors).map(|(view, vector)| EncodedView {
        kind: kind_name(view.kind).to_owned(),
        // DICOM numbers frames from 1 (PS3.3 C.7.6.6); casekin's own interfaces count from 0.
        frame: view.frame.saturating_sub(1),
        box_px: view.box_px,
        mm_per_px: view.mm_per_px,
        made_by: view.made_by.clone(),
        vector,
    });
    let thumbnail = casekin_imaging::encode_jpeg(&picture.thumbnail, THUMBNAIL_QUALITY)?;
    let facts = Facts { sop_instance_uid: None, ..picture.header.facts.clone() };
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
    }
}

/// The jobs of this process's own library.
pub(crate) struct LocalPort {
    library: Library,
}

impl WorkerPort for LocalPort {
    type Job = LeasedJob;

    async fn lease(&self) -> Result<Option<LeasedJob>, EngineError> {
        let lease_ms = self.library.inner.config.ingest.lease_ms;
        Ok(self.library.inner.catalog.lease_job(LOCAL_WORKER, lease_ms).await?)
    }

    async fn source(&self, job: &LeasedJob) -> Result<Source, EngineError> {
        self.library.object_source(&job.object, &job.other_paths, &job.content_sha256).await
    }

    async fn renew(&self, job: &LeasedJob) -> Result<(), EngineError> {
        Ok(self.library.inner.catalog.renew_lease(job, self.library.inner.config.ingest.lease_ms).await?)
    }

    async fn complete(&self, done: Vec<(LeasedJob, WorkerResult)>) -> Result<(), EngineError> {
        for (job, result) in done {
            match self.library.accept(&job, result).await {
                Ok(()) | Err(EngineError::LeaseLost) => {}
                // The model has changed since the lease: the job is done again with the new one.
                Err(EngineError::WorkerResult { .. }) => self.release(&job).await?,
                Err(error) => report_failure(self, &job, &error).await,
            }
        }
        Ok(())
    }

    async fn fail(&self, job: &LeasedJob, reason: &str) -> Result<(), EngineError> {
        Ok(self.library.inner.catalog.fail_job(job, reason, false).await?)
    }

    async fn release(&self, job: &LeasedJob) -> Result<(), EngineError> {
        Ok(self.library.inner.catalog.release_job(job).await?)
    }

    async fn wait(&self) {
        let _ = tokio::time::timeout(IDLE, self.library.inner.jobs.notified()).await;
    }

    fn encoder(&self) -> WorkerEncoder {
        self.library.worker_encoder()
    }
}

impl Library {
    pub(crate) fn worker_encoder(&self) -> WorkerEncoder {
        let serving = self.inner.serving();
        WorkerEncoder {
            slot: Arc::clone(&serving.encoder),
            model_id: serving.stamp.model_id.clone(),
            profile: serving.stamp.profile.clone(),
        }
    }

    /// Runs the worker of this process until the future is dropped, or until no job is left.
    ///
    /// # Errors
    /// Errors of the catalog; a bad picture fails its job and nothing else.
    pub async fn work(&self, until_idle: bool) -> Result<(), EngineError> {
        let config = &self.inner.config;
        let worker = Worker {
            decoders: config.ingest.decoders,
            thumbnail_px: config.ingest.thumbnail_px,
            limits: Limits { max_views: config.ingest.max_views, ..config.limits.clone() },
            until_idle,
        };
        worker.run(Arc::new(LocalPort { library: self.clone() })).await
    }

    /// Takes a worker's result in: thumbnail, vectors, then one transaction that makes them count.
    pub(crate) async fn accept(&self, job: &LeasedJob, result: WorkerResult) -> Result<(), EngineError> {
        let inner = &self.inner;
        let _model = inner.model_change.read().await;
        let serving = inner.serving();
        check_result(&serving.stamp, &result)?;
        let thumbnail = BASE64.decode(&result.thumbnail).map_err(|_| refused("the thumbnail is not base64"))?;
        let facts: Facts = serde_json::from_value(result.facts).map_err(|_| refused("the facts cannot be read"))?;
        let thumbnail_key = inner.objects.put_thumbnail(&job.image_id, thumbnail.into()).await?;
        let views = self.store_views(&serving, job.case_no, result.views).await?;
        let outcome = JobOutcome {
            facts_json: facts_for_catalog(&facts, &job.facts.facts_json),
            modality: job.facts.modality.clone().or(facts.modality),
            body_part: job.facts.body_part.clone().or(facts.body_part),
            laterality: job.facts.laterality.clone().or(facts.laterality),
            views,
            thumbnail_key: Some(thumbnail_key),
            stamp: to_catalog_stamp(&serving.stamp),
        };
        inner.catalog.complete_job(job, outcome).await?;
        inner.changed.notify_one();
        Ok(())
    }

    /// Writes vectors to the log and says what the catalog should keep of their views.
    pub(crate) async fn store_views(
        &self,
        serving: &crate::library::Serving,
        case_no: casekin_catalog::CaseNo,
        views: Vec<EncodedView>,
    ) -> Result<Vec<NewView>, EngineError> {
        let count = u32::try_from(views.len()).map_err(|_| refused("too many views"))?;
        let first = self.inner.catalog.reserve_views(case_no, count).await?;
        let log = Arc::clone(&serving.log);
        tokio::task::spawn_blocking(move || {
            let key = |at: u32| ViewRef { case_no, view_no: first + at }.key();
            let records: Vec<(u64, &[f32])> =
                (0..count).map(key).zip(views.iter().map(|view| view.vector.as_slice())).collect();
            let locations = log.append(&records)?;
            let views = views.iter().zip(locations).zip(first..).map(|((view, at), view_no)| NewView {
                view_no,
                kind: view.kind.clone(),
                frame: Some(view.frame),
                box_px: Some(pixel_box(view.box_px)),
                mm_per_px: view.mm_per_px.map(|mm| f64::from(mm[0])),
                made_by: view.made_by.clone(),
                location: to_catalog_location(at),
            });
            Ok(views.collect())
        })
        .await?
    }

    /// Leases a job to a worker on another machine.
    ///
    /// # Errors
    /// Any error of the catalog.
    pub async fn lease_remote(&self, worker: &str) -> Result<Option<WorkerJob>, EngineError> {
        let lease_ms = self.inner.config.ingest.lease_ms;
        let Some(job) = self.inner.catalog.lease_job(&format!("remote {worker}"), lease_ms).await? else { return Ok(None) };
        let serving = self.inner.serving();
        let (job_id, lease_token) = (job.job_id.0, job.lease_token.clone());
        self.inner.remote_leases.lock().unwrap_or_else(PoisonError::into_inner).insert(job_id, job);
        Ok(Some(WorkerJob {
            job_id,
            lease_token,
            lease_ms,
            model: model_summary(&serving.model, &serving.stamp.profile),
            pipeline_version: serving.stamp.pipeline_version,
        }))
    }

    /// The job that this token proves to be leased. Leases are known to the process that gave them: after a restart
    /// the jobs are leased anew.
    fn remote_lease(&self, job_id: u64, lease_token: &str) -> Result<LeasedJob, EngineError> {
        let leases = self.inner.remote_leases.lock().unwrap_or_else(PoisonError::into_inner);
        leases.get(&job_id).filter(|job| job.lease_token == lease_token).cloned().ok_or(EngineError::LeaseLost)
    }

    /// The bytes that a leased job is about.
    ///
    /// # Errors
    /// [`EngineError::LeaseLost`]; [`EngineError::ObjectGone`].
    pub async fn remote_object(&self, job_id: u64, lease_token: &str) -> Result<Vec<u8>, EngineError> {
        let job = self.remote_lease(job_id, lease_token)?;
        match self.object_source(&job.object, &job.other_paths, &job.content_sha256).await? {
            Source::Bytes { bytes, .. } => Ok(bytes.to_vec()),
            Source::Path(path) => tokio::fs::read(path).await.map_err(|_| EngineError::ObjectGone),
        }
    }

    /// Keeps the lease of a worker on another machine.
    ///
    /// # Errors
    /// [`EngineError::LeaseLost`].
    pub async fn renew_remote(&self, job_id: u64, lease_token: &str) -> Result<(), EngineError> {
        let job = self.remote_lease(job_id, lease_token)?;
        Ok(self.inner.catalog.renew_lease(&job, self.inner.config.ingest.lease_ms).await?)
    }

    /// Takes the result of a worker on another machine in.
    ///
    /// # Errors
    /// [`EngineError::LeaseLost`]; [`EngineError::WorkerResult`] when it comes from another model.
    pub async fn complete_remote(&self, job_id: u64, result: WorkerResult) -> Result<(), EngineError> {
        let job = self.remote_lease(job_id, &result.lease_token)?;
        self.accept(&job, result).await?;
        self.inner.remote_leases.lock().unwrap_or_else(PoisonError::into_inner).remove(&job_id);
        Ok(())
    }

    /// Takes the failure of a worker on another machine in; `retry` puts the job back into the queue.
    ///
    /// # Errors
    /// [`EngineError::LeaseLost`].
    pub async fn fail_remote(&self, job_id: u64, lease_token: &str, reason: &str, retry: bool) -> Result<(), EngineError> {
        let job = self.remote_lease(job_id, lease_token)?;
        let reason: String = reason.chars().take(1000).collect();
        if retry {
            return Ok(self.inner.catalog.release_job(&job).await?);
        }
        Ok(self.inner.catalog.fail_job(&job, &reason, false).await?)
    }

    /// Where an object's bytes can be read now. A file that lies in place must still be what was ingested.
    pub(crate) async fn object_source(
        &self,
        object: &ObjectRef,
        other_paths: &[std::path::PathBuf],
        content_sha256: &[u8; 32],
    ) -> Result<Source, EngineError> {
        let path = match object {
            ObjectRef::Stored { key } => {
                let bytes = self.inner.objects.read_object(key, self.inner.config.limits.max_bytes).await?;
                return Ok(Source::from_bytes(String::new(), bytes));
            }
            ObjectRef::InPlace { path } => path.clone(),
        };
        let candidates: Vec<_> = std::iter::once(path).chain(other_paths.iter().cloned()).collect();
        let expected = *content_sha256;
        tokio::task::spawn_blocking(move || {
            let unchanged = candidates.into_iter().find(|path| file_sha256(path).is_ok_and(|found| found == expected));
            unchanged.map(Source::Path).ok_or(EngineError::ObjectGone)
        })
        .await?
    }
}

fn file_sha256(path: &std::path::Path) -> std::io::Result<[u8; 32]> {
    let mut file = std::fs::File::open(path)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0u8; 1 << 16];
    loop {
        let read = std::io::Read::read(&mut file, &mut buffer)?;
        if read == 0 {
            return Ok(hasher.finalize().into());
        }
        hasher.update(&buffer[..read]);
    }
}

fn pixel_box([x_px, y_px, width_px, height_px]: [u32; 4]) -> PixelBox {
    PixelBox { x_px, y_px, width_px, height_px }
}

fn refused(reason: &str) -> EngineError {
    EngineError::WorkerResult { reason: reason.to_owned() }
}

fn check_result(stamp: &casekin_index::Stamp, result: &WorkerResult) -> Result<(), EngineError> {
    if result.model_id != stamp.model_id || result.profile != stamp.profile {
        return Err(refused("it was made by another model or profile than the library's"));
    }
    if result.pipeline_version != stamp.pipeline_version {
        return Err(refused("it was made by another version of casekin; update the worker"));
    }
    let dimension = stamp.dimension as usize;
    for view in &result.views {
        let norm: f32 = view.vector.iter().map(|x| x * x).sum();
        if view.vector.len() != dimension || norm.is_nan() || (norm - 1.0).abs() > 1e-2 {
            return Err(refused("a vector is not of the model's length or not normalised"));
        }
    }
    if result.views.is_empty() {
        return Err(refused("it holds no view"));
    }
    Ok(())
}
