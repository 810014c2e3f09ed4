//! The worker's side.

use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde::{Deserialize, Serialize};

use super::memory::SharedMemory;
use super::wire::{self, Answer, Call};
use crate::{ImagingError, Limits, Source};

/// Files that a worker may have open at once: its three, the picture and what a slide library opens beside it.
const MAX_OPEN_FILES: u64 = 256;

/// A call with the number of source bytes that lie in the shared memory.
#[derive(Deserialize, Serialize)]
pub(super) struct Request {
    pub(super) call: Call,
    pub(super) bytes: Option<u64>,
}

/// The first word of a worker, once nothing but pixels will be written to the shared memory.
#[derive(Deserialize, PartialEq, Serialize)]
pub(super) struct Hello {
    pipeline_version: u32,
    program_version: String,
}

impl Hello {
    pub(super) fn of_this_program() -> Self {
        Self {
            pipeline_version: crate::PIPELINE_VERSION,
            program_version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }
}

/// Answers calls on standard input until the other side closes it. This is all that a decode worker does.
///
/// # Errors
/// The streams cannot be used; the process should end.
pub fn serve() -> io::Result<()> {
    serve_with(Call::answer)
}

/// As [`serve`], with another way of answering: tests put a codec that crashes or hangs there.
///
/// # Errors
/// As [`serve`].
pub fn serve_with(answer: impl Fn(&Call) -> Result<Answer, ImagingError>) -> io::Result<()> {
    let mut stream = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    let memory = SharedMemory::of(io::stdout().as_fd().try_clone_to_owned()?)?;
    // What a codec prints must not land between pixels.
    let nowhere = std::fs::OpenOptions::new().write(true).open("/dev/null")?;
    rustix::stdio::dup2_stdout(&nowhere)?;
    restrict(Resource::Core, 0)?;
    restrict(Resource::Nofile, MAX_OPEN_FILES)?;
    wire::send(&mut stream, &Hello::of_this_program())?;
    while let Some(request) = wire::receive::<Request>(&mut stream)? {
        let call = with_bytes(request, &memory)?;
        restrict_to(call.limits())?;
        let mut reply = answer(&call);
        if let Ok(answer) = &mut reply {
            answer.put_pixels(&memory)?;
        }
        wire::send(&mut stream, &reply)?;
    }
    Ok(())
}

/// Puts the bytes that came through the shared memory back into their source.
fn with_bytes(request: Request, memory: &SharedMemory) -> io::Result<Call> {
    let Request { mut call, bytes } = request;
    if let (Some(len), Source::Bytes { bytes, .. }) = (bytes, call.source_mut()) {
        *bytes = memory.read(len, 0)?.into();
    }
    Ok(call)
}

/// Bounds on memory and processor time for the next call.
fn restrict_to(limits: &Limits) -> io::Result<()> {
    restrict(Resource::As, limits.max_decoder_bytes)?;
    let used = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime).tv_sec;
    // The parent kills a worker that is late; this is for a parent that is gone. Codecs may use several threads.
    let cpus = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    let allowed_s = (limits.max_decode_ms / 1000 + 1).saturating_mul(cpus);
    restrict(
        Resource::Cpu,
        u64::try_from(used).unwrap_or(0).saturating_add(allowed_s),
    )
}

/// Sets a soft limit; the hard one stays, so that the next call may ask for more.
fn restrict(resource: Resource, value: u64) -> io::Result<()> {
    let maximum = getrlimit(resource).maximum;
    let current = maximum.map_or(value, |maximum| value.min(maximum));
    setrlimit(
        resource,
        Rlimit {
            current: Some(current),
            maximum,
        },
    )?;
    Ok(())
}
