//! The parent's side: workers that are started when they are needed, kept while they live, and replaced when they
//! die.

use std::ffi::OsString;
use std::fmt;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::child::{Hello, Request};
use super::memory::SharedMemory;
use super::wire::{self, Answer, Call};
use crate::{
    DecodeRequest, Decoded, ImagingError, Inspection, Limits, RegionRequest, RenderRequest, Rgb8,
    SliceSurvey, Source, SurveyRequest, View,
};

/// Environment that workers keep: where libraries are found. No secret of the service's is in it.
const KEPT_VARIABLES: [&str; 7] = [
    "PATH",
    "HOME",
    "LD_LIBRARY_PATH",
    "TMPDIR",
    "XDG_CACHE_HOME",
    "CASEKIN_CACHE",
    "CASEKIN_OPENSLIDE",
];
/// Idle workers kept of each kind; more than this at once are rare and are ended after their call.
const KEPT_WORKERS: usize = 16;

/// Threads that OpenJPEG takes for one picture where somebody waits for it; blocks of code are its unit of work, and beyond
/// a few threads the transforms between them are what is waited for.
const MOST_CODEC_THREADS: usize = 4;

/// Levels of a survey, which is at most 32 × 32 pixels.
const MAX_SURVEY_LEVELS: usize = 32 * 32;

/// Longest wait for a worker's first word; starting a process on a busy machine takes its time.
const START: Duration = Duration::from_secs(60);

/// How a decode worker is started.
#[derive(Clone, Debug)]
pub struct WorkerCommand {
    /// The program, which must end up in [`super::serve`].
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<OsString>,
}

/// Who decodes: this process, or workers of it. Cheap to clone; calls block and may come from many threads, each
/// of which has a worker of its own for as long as its call takes.
#[derive(Clone)]
pub struct Decoders {
    pool: Option<Arc<Pool>>,
}

struct Pool {
    command: WorkerCommand,
    /// Those at rest, by [`Effort`].
    idle: Mutex<[Vec<Worker>; 2]>,
    /// Workers of an earlier generation are not kept.
    generation: AtomicU64,
}

impl fmt::Debug for Decoders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.pool {
            None => "Decoders(in process)",
            Some(_) => "Decoders(in workers)",
        })
    }
}

impl Decoders {
    /// Decodes in this process: for tests, and for programs whose files are their own.
    pub fn in_process() -> Self {
        Self { pool: None }
    }

    /// Decodes in workers.
    pub fn in_workers(command: WorkerCommand) -> Self {
        Self {
            pool: Some(Arc::new(Pool {
                command,
                idle: Mutex::default(),
                generation: AtomicU64::new(0),
            })),
        }
    }

    /// As [`crate::inspect`].
    ///
    /// # Errors
    /// As [`crate::inspect`], and [`ImagingError::KeepDecoderAlive`], [`ImagingError::FinishInTime`].
    pub fn inspect(&self, source: &Source, limits: &Limits) -> Result<Inspection, ImagingError> {
        match self.ask(Call::Inspect(source.clone(), limits.clone()))? {
            Answer::Inspection(inspection) => Ok(inspection),
            _ => Err(mixed_up()),
        }
    }

    /// As [`crate::decode`].
    ///
    /// # Errors
    /// As [`crate::decode`], and [`ImagingError::KeepDecoderAlive`], [`ImagingError::FinishInTime`].
    pub fn decode(&self, request: &DecodeRequest) -> Result<Decoded, ImagingError> {
        match self.ask(Call::Decode(request.clone()))? {
            Answer::Decoded(decoded) => Ok(*decoded),
            _ => Err(mixed_up()),
        }
    }

    /// As [`crate::survey`].
    ///
    /// # Errors
    /// As [`crate::survey`], and [`ImagingError::KeepDecoderAlive`], [`ImagingError::FinishInTime`].
    pub fn survey(&self, request: &SurveyRequest) -> Result<SliceSurvey, ImagingError> {
        match self.ask(Call::Survey(request.clone()))? {
            Answer::Survey(survey) if survey.levels.len() <= MAX_SURVEY_LEVELS => Ok(survey),
            _ => Err(mixed_up()),
        }
    }

    /// As [`crate::region`].
    ///
    /// # Errors
    /// As [`crate::region`], and [`ImagingError::KeepDecoderAlive`], [`ImagingError::FinishInTime`].
    pub fn region(&self, request: &RegionRequest) -> Result<View, ImagingError> {
        match self.ask(Call::Region(request.clone()))? {
            Answer::View(view) => Ok(*view),
            _ => Err(mixed_up()),
        }
    }

    /// As [`crate::render`].
    ///
    /// # Errors
    /// As [`crate::render`], and [`ImagingError::KeepDecoderAlive`], [`ImagingError::FinishInTime`].
    pub fn render(&self, request: &RenderRequest) -> Result<Rgb8, ImagingError> {
        match self.ask(Call::Render(request.clone()))? {
            Answer::Picture(rgb) => Ok(rgb),
            _ => Err(mixed_up()),
        }
    }

    /// Closes the slides that were kept open: something of them is to be gone.
    pub fn close_slides(&self) {
        match &self.pool {
            None => crate::slide::close_slides(),
            Some(pool) => pool.begin_anew(),
        }
    }

    pub(super) fn ask(&self, call: Call) -> Result<Answer, ImagingError> {
        match &self.pool {
            None => call.answer(),
            Some(pool) => pool.ask(call),
        }
    }
}

/// How a worker uses the processor.
#[derive(Clone, Copy)]
enum Effort {
    /// The worker's own thread: as many workers as processors are at work together.
    Bulk,
    /// Several threads where the codec has them: somebody waits for this picture.
    Waited,
}

impl Effort {
    fn of(call: &Call) -> Self {
        match call {
            Call::Render(_) | Call::Region(_) => Self::Waited,
            _ => Self::Bulk,
        }
    }

    /// OpenJPEG takes the number of its threads from its environment, once for each picture: those that it starts beside
    /// the caller's, which waits for them, so that one of them is worse than none. Where the system grants no threads it
    /// does without.
    fn codec_threads(self) -> usize {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        match self {
            Self::Waited if cores > 1 => cores.min(MOST_CODEC_THREADS),
            Self::Bulk | Self::Waited => 0,
        }
    }
}

impl Pool {
    fn ask(&self, mut call: Call) -> Result<Answer, ImagingError> {
        let effort = Effort::of(&call);
        let limits = call.limits().clone();
        let content = match call.source_mut() {
            Source::Path(_) => None,
            Source::Bytes { bytes, .. } => {
                Limits::check("bytes", bytes.len() as u64, limits.max_bytes)?;
                Some(std::mem::replace(bytes, Arc::from([].as_slice())))
            }
        };
        let request = Request {
            bytes: content.as_ref().map(|bytes| bytes.len() as u64),
            call,
        };
        loop {
            let kept = self.lock()[effort as usize].pop();
            let was_kept = kept.is_some();
            let mut worker = match kept {
                Some(worker) => worker,
                None => {
                    let generation = self.generation.load(Ordering::SeqCst);
                    Worker::start(&self.command, generation, effort)
                        .map_err(|error| cannot_start(&error))?
                }
            };
            match worker.hand_over(&request, content.as_deref()) {
                Ok(()) => {}
                // It died while nobody looked, of nothing that this picture did.
                Err(_) if was_kept => continue,
                Err(_) => return Err(worker.epitaph()),
            }
            let reply = worker.reply(&limits)?;
            self.keep(worker);
            return reply;
        }
    }

    /// Puts a worker to rest until the next call.
    fn keep(&self, worker: Worker) {
        if worker.memory.slim().is_err() {
            return;
        }
        let mut idle = self.lock();
        let is_of_now = worker.generation == self.generation.load(Ordering::SeqCst);
        let alike = &mut idle[worker.effort as usize];
        if is_of_now && alike.len() < KEPT_WORKERS {
            alike.push(worker);
        }
    }

    /// Ends the workers at rest, and those at work after their call.
    fn begin_anew(&self) {
        let ended = {
            let mut idle = self.lock();
            self.generation.fetch_add(1, Ordering::SeqCst);
            std::mem::take(&mut *idle)
        };
        drop(ended);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, [Vec<Worker>; 2]> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A running worker process.
struct Worker {
    child: Child,
    stream: UnixStream,
    memory: SharedMemory,
    generation: u64,
    effort: Effort,
}

impl Worker {
    fn start(command: &WorkerCommand, generation: u64, effort: Effort) -> io::Result<Self> {
        let (stream, theirs) = UnixStream::pair()?;
        let memory = SharedMemory::create()?;
        let child = Command::new(&command.program)
            .args(&command.args)
            .env_clear()
            .envs(
                KEPT_VARIABLES
                    .iter()
                    .filter_map(|name| Some((name, std::env::var_os(name)?))),
            )
            .env("OPJ_NUM_THREADS", effort.codec_threads().to_string())
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::from(memory.file()?))
            .stderr(Stdio::null())
            .spawn()?;
        let mut worker = Self {
            child,
            stream,
            memory,
            generation,
            effort,
        };
        let mut timed = Timed {
            stream: &worker.stream,
            deadline: Instant::now() + START,
        };
        match wire::receive::<Hello>(&mut timed) {
            Ok(Some(hello)) if hello == Hello::of_this_program() => Ok(worker),
            Ok(Some(_)) => Err(io::Error::other("another version of casekin")),
            Ok(None) | Err(_) => Err(io::Error::other(worker.epitaph().to_string())),
        }
    }

    fn hand_over(&mut self, request: &Request, content: Option<&[u8]>) -> io::Result<()> {
        if let Some(bytes) = content {
            self.memory.write(bytes, 0)?;
        }
        wire::send(&mut self.stream, request)
    }

    /// Waits for the answer. An error is the worker's end; what the picture itself came to stands inside.
    fn reply(&mut self, limits: &Limits) -> Result<Result<Answer, ImagingError>, ImagingError> {
        let deadline = Instant::now() + Duration::from_millis(limits.max_decode_ms.max(1));
        let mut timed = Timed {
            stream: &self.stream,
            deadline,
        };
        let received = wire::receive::<Result<Answer, ImagingError>>(&mut timed);
        let mut reply = match received {
            Ok(Some(reply)) => reply,
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                return Err(ImagingError::FinishInTime {
                    limit_ms: limits.max_decode_ms,
                });
            }
            Ok(None) | Err(_) => return Err(self.epitaph()),
        };
        if let Ok(answer) = &mut reply
            && answer.take_pixels(&self.memory, limits).is_err()
        {
            return Err(mixed_up());
        }
        Ok(reply)
    }

    /// Why there is no answer.
    fn epitaph(&mut self) -> ImagingError {
        // A worker that closed its stream is ending, or is not to be trusted any more.
        let patience = Instant::now() + Duration::from_secs(1);
        while Instant::now() < patience {
            if let Ok(Some(status)) = self.child.try_wait() {
                let how = match (status.signal(), status.code()) {
                    (Some(signal), _) => format!("signal {signal}"),
                    (None, Some(code)) => format!("exit status {code}"),
                    (None, None) => "no status".to_owned(),
                };
                return ImagingError::KeepDecoderAlive { how };
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        ImagingError::KeepDecoderAlive {
            how: "it stopped answering".to_owned(),
        }
    }
}

impl Drop for Worker {
    /// A worker holds nothing that must be written down.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A stream that is read until a moment in time.
struct Timed<'a> {
    stream: &'a UnixStream,
    deadline: Instant,
}

impl io::Read for Timed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        self.stream.set_read_timeout(Some(left))?;
        match (&mut &*self.stream).read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                Err(io::ErrorKind::TimedOut.into())
            }
            other => other,
        }
    }
}

pub(super) fn mixed_up() -> ImagingError {
    ImagingError::KeepDecoderAlive {
        how: "its answer makes no sense".to_owned(),
    }
}

fn cannot_start(error: &io::Error) -> ImagingError {
    ImagingError::StartDecoder {
        reason: error.to_string(),
    }
}
