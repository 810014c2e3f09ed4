//! Segments that grow in the background: rows wait, scanned, until they are many or nothing more comes; then one thread
//! makes a graph over them, or a larger copy of the last graph, beside whatever is searched and applied, and exchanges it
//! at once.
//! Takes the columns' lock only to read places and to exchange what is finished.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use roaring::RoaringBitmap;

use super::Inner;
use super::building::{Job, Member, Work};
use crate::code::{Code, Coder, Mean};
use crate::durable;
use crate::graph::{Graph, GraphBuilder};
use crate::nearest::WAITING_EXACT;
use crate::rows::{Columns, Place, Row, Segment, Signs};
use crate::snapshot::{self, Manifest};
use crate::{IndexError, VectorCode, VectorLocation};

/// A segment is made again once this share of its rows is dead, and at least this many are.
const DEAD_SHARE: f64 = 0.25;
const DEAD_ROWS: usize = 64;
/// A graph grows once the rows that wait are this part of it: each larger copy costs a file as long as all of it.
const GROWTH_PART: usize = 32;
/// Once nothing was applied for so long, a graph takes in fewer: this part of it, and at least so many.
const QUIET: Duration = Duration::from_secs(5);
const QUIET_PART: usize = 256;
const QUIET_ROWS: usize = 1_024;
/// Rows over which the mean of scanned signs is taken.
const MEAN_ROWS: usize = 2_048;

/// The thread that builds, and whether it runs.
#[derive(Debug, Default)]
pub(super) struct Builder {
    state: Mutex<State>,
    /// The thread ends.
    rested: Condvar,
    /// Something was applied, somebody waits for the end, or the index is closed.
    called: Condvar,
    /// Set once the index is closed.
    cancel: Arc<AtomicBool>,
    files: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    running: bool,
    thread: Option<JoinHandle<()>>,
    /// When something was last applied.
    applied: Option<Instant>,
    /// Somebody waits for the end, so nothing more is waited for.
    hurry: bool,
}

/// Added to the niceness of the builder and of the threads that it starts: a third of the time that a question gets
/// where both want the same core.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 5;

/// When a graph is due.
#[derive(Clone, Copy, PartialEq)]
enum Pace {
    /// While more comes in.
    Busy,
    /// Where nothing came in for a while.
    Quiet,
}

impl Builder {
    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until nothing is built, and lets what is too much to be scanned at every search be taken in at once.
    pub(super) fn settle(&self) {
        let mut state = self.lock();
        state.hurry = true;
        self.called.notify_all();
        let rested = self.rested.wait_while(state, |state| state.running);
        rested.unwrap_or_else(PoisonError::into_inner).hurry = false;
    }

    /// Ends what is built, for the index is closed.
    pub(super) fn stop(&self) {
        let thread = {
            let mut state = self.lock();
            self.cancel.store(true, Ordering::Release);
            self.called.notify_all();
            state.thread.take()
        };
        if let Some(thread) = thread {
            let _ = thread.join();
        }
    }
}

/// Starts the builder where something is due, now or soon, and it does not run.
pub(super) fn start(inner: &Arc<Inner>) -> Result<(), IndexError> {
    let mut state = inner.builder.lock();
    state.applied = Some(Instant::now());
    if state.running {
        inner.builder.called.notify_all();
        return Ok(());
    }
    let job = inner.plan(Pace::Busy);
    if job.is_none() && !inner.is_due_when_quiet() {
        return Ok(());
    }
    if let Some(finished) = state.thread.take() {
        let _ = finished.join();
    }
    let weak = Arc::downgrade(inner);
    let thread = std::thread::Builder::new()
        .name("index builder".into())
        .spawn(move || run(&weak, job))
        .map_err(|error| IndexError::Graph {
            action: "start building",
            reason: error.to_string(),
        })?;
    state.running = true;
    state.thread = Some(thread);
    Ok(())
}

/// What waits for a graph is found meanwhile, so questions go first. Elsewhere than on Linux, where a thread has no priority
/// of its own, nothing changes.
fn yield_to_questions() {
    #[cfg(target_os = "linux")]
    if let Ok(niceness) = rustix::process::getpriority_process(None) {
        let _ = rustix::process::setpriority_process(None, niceness + NICENESS);
    }
}

fn run(weak: &Weak<Inner>, first: Option<Job>) {
    yield_to_questions();
    let mut next = first;
    loop {
        let waited = match next.take() {
            Some(job) => Some(job),
            None => weak.upgrade().and_then(|inner| inner.next_job()),
        };
        let Some(job) = waited else { return };
        let Some(work) = weak.upgrade().map(|inner| inner.work()) else {
            return;
        };
        let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| work.build(&job)));
        let built = caught.unwrap_or_else(|_| {
            Err(IndexError::Graph {
                action: "build",
                reason: "the builder panicked".into(),
            })
        });
        let Some(inner) = weak.upgrade() else { return };
        let installed = match built {
            Ok(Some(built)) => inner.install(&job, &built),
            Ok(None) => return,
            Err(error) => Err(error),
        };
        let failed = installed.is_err();
        if let Err(error) = installed {
            tracing::warn!(%error, "a graph could not be built; its views are scanned");
            inner.reopen(&job);
        }
        drop(job);
        release_memory();
        if failed {
            inner.rest(&mut inner.builder.lock());
            return;
        }
    }
}

impl Inner {
    fn work(&self) -> Work {
        Work {
            log: Arc::clone(&self.log),
            settings: self.settings.clone(),
            dimension: self.stamp.dimension,
            cancel: Arc::clone(&self.builder.cancel),
        }
    }

    /// What is built next: what is due, or where nothing was applied for a while, what waits. `None` where the thread
    /// ends, for nothing waits or the index is closed.
    fn next_job(&self) -> Option<Job> {
        let builder = &self.builder;
        let mut state = builder.lock();
        while !builder.cancel.load(Ordering::Acquire) {
            let since = state.applied.map_or(QUIET, |applied| applied.elapsed());
            let quiet = state.hurry || since >= QUIET;
            let pace = if quiet { Pace::Quiet } else { Pace::Busy };
            let job = self.plan(pace);
            if job.is_some() {
                return job;
            }
            if quiet || !self.is_due_when_quiet() {
                break;
            }
            let waited = builder.called.wait_timeout(state, QUIET - since);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        self.rest(&mut state);
        None
    }

    fn rest(&self, state: &mut State) {
        state.running = false;
        self.builder.rested.notify_all();
    }

    /// Whether a graph is to be built once nothing more comes in.
    fn is_due_when_quiet(&self) -> bool {
        let columns = self.read_columns();
        let (sources, target) = self.waiting(&columns);
        let rows = |number: u32| columns.segments[number as usize].rows.len();
        let waiting: usize = sources.iter().map(|number| rows(*number)).sum();
        waiting >= self.due(target.map_or(0, rows), Pace::Quiet)
    }

    /// Rows that must wait before a graph of `rows` takes them in.
    fn due(&self, rows: usize, pace: Pace) -> usize {
        let busy = self
            .settings
            .graph_from
            .max(rows / GROWTH_PART)
            .min(self.settings.segment_vectors);
        match pace {
            Pace::Busy => busy,
            Pace::Quiet => busy.min(QUIET_ROWS.max(rows / QUIET_PART)),
        }
    }

    /// Segments that wait for a graph, and the one whose graph can take them in.
    fn waiting(&self, columns: &Columns) -> (Vec<u32>, Option<u32>) {
        let most = self.settings.segment_vectors;
        let rows = |number: u32| columns.segments[number as usize].rows.len();
        let numbered = || (0u32..).zip(&columns.segments);
        let sources: Vec<u32> = numbered()
            .filter(|(_, segment)| segment.graph.is_none() && !segment.rows.is_empty())
            .map(|(number, _)| number)
            .collect();
        let first = sources.first().map_or(0, |first| rows(*first));
        let target = numbered()
            .filter(|(_, segment)| segment.graph.is_some() && segment.rows.len() < most)
            .map(|(number, _)| number)
            .find(|number| rows(*number) + first <= most);
        (sources, target.filter(|_| first > 0))
    }

    /// What is to be built now; the segments that it takes are closed.
    /// Rows come only by a lock for writing, so that none joins a segment between its closing and its listing; and searches
    /// go on meanwhile, also beside a flush that holds the columns for as long as its files take.
    fn plan(&self, pace: Pace) -> Option<Job> {
        let columns = self.read_columns();
        if let Some(number) = columns.segments.iter().position(is_wasteful) {
            columns.segments[number].set_closed(true);
            return Some(job(&columns, None, vec![number as u32]));
        }
        let (sources, target) = self.waiting(&columns);
        let rows = |number: u32| columns.segments[number as usize].rows.len();
        let waiting_rows: usize = sources.iter().map(|number| rows(*number)).sum();
        let most = self.settings.segment_vectors;
        if waiting_rows < self.due(target.map_or(0, rows), pace) {
            return None;
        }
        let mut total = target.map_or(0, rows);
        let mut taken = Vec::new();
        for number in sources {
            if !taken.is_empty() && total + rows(number) > most {
                break;
            }
            total += rows(number);
            taken.push(number);
        }
        for number in &taken {
            columns.segments[*number as usize].set_closed(true);
        }
        Some(job(&columns, target, taken))
    }

    /// After a failure the rows wait again.
    fn reopen(&self, job: &Job) {
        let columns = self.read_columns();
        for number in &job.sources {
            columns.segments[*number as usize].set_closed(false);
        }
    }

    /// Puts what was built in the place of what it was made from. What died or changed meanwhile stays so.
    fn install(&self, job: &Job, built: &GraphBuilder) -> Result<(), IndexError> {
        let writing = self.lock_writing();
        let target = job.target.unwrap_or(job.sources[0]);
        let rows = self.rows_now(job);
        let kept = job.kept_rows;
        let mut live: RoaringBitmap = match job.target {
            Some(target) => self.read_columns().segments[target as usize].live.clone(),
            None => RoaringBitmap::new(),
        };
        live.extend(
            (kept as u32..)
                .zip(&rows)
                .filter(|(_, row)| row.live)
                .map(|(slot, _)| slot),
        );
        let slots = (kept + rows.len()) as u32;
        let bytes = built.to_file(slots, |slot| live.contains(slot))?;
        let name = self.graph_name(target, &writing);
        let file = durable::write_file(&self.dir, name, &bytes)?;
        drop(bytes);
        let map = snapshot::map_file(&self.dir, &file)?;
        let graph = Graph::open(map, &self.settings, self.stamp.dimension)?;
        let mut columns = self.write_columns();
        exchange(&mut columns, job, rows);
        let segment = &mut columns.segments[target as usize];
        (segment.graph, segment.graph_file) = (Some(Arc::new(graph)), Some(file));
        (segment.graph_dirty, segment.rows_dirty) = (false, true);
        segment.set_closed(false);
        self.changed.store(true, Ordering::Release);
        Ok(())
    }

    /// The rows that move, as they are now.
    fn rows_now(&self, job: &Job) -> Vec<Row> {
        let columns = self.read_columns();
        let now = |member: &Member| {
            let row = columns.row(member.place);
            match row.live && row.location == member.location {
                true => *row,
                false => Row::DEAD,
            }
        };
        job.moved().iter().map(now).collect()
    }

    /// A name that no file has or had since the index was opened.
    pub(super) fn graph_name(&self, segment: u32, manifest: &Manifest) -> String {
        let file = self.builder.files.fetch_add(1, Ordering::Relaxed);
        format!("{segment}-{}-{file}.graph", manifest.next_generation())
    }

    /// Gives rows that wait, and are more than what is scanned exactly, their signs.
    pub(super) fn add_signs(&self) {
        if matches!(self.settings.code, VectorCode::F16 | VectorCode::I8) {
            return;
        }
        let segments = self.read_columns().segments.len();
        for number in 0..segments {
            let (coder, from, locations) = {
                let columns = self.read_columns();
                let segment = &columns.segments[number];
                let known = coder_of(&columns).is_some() || segment.signs.is_some();
                let from = self.settings.scan_views.min(WAITING_EXACT);
                let waits = segment.rows.len() > if known { from } else { from.max(MEAN_ROWS) };
                if segment.graph.is_some() || !waits {
                    continue;
                }
                let from = segment
                    .signs
                    .as_ref()
                    .map_or(0, |signs| signs.rows() as usize);
                let locations: Vec<VectorLocation> = segment.rows[from..]
                    .iter()
                    .map(|row| row.location)
                    .collect();
                let coder = segment.signs.as_ref().map(|signs| Arc::clone(&signs.coder));
                (coder.or_else(|| coder_of(&columns)), from, locations)
            };
            let coder = coder.unwrap_or_else(|| self.coder_over(&locations));
            let codes: Vec<_> = locations
                .iter()
                .map(|at| self.log.read(at).ok().map(|vector| coder.encode(&vector)))
                .collect();
            let mut columns = self.write_columns();
            let segment = &mut columns.segments[number];
            if segment.graph.is_some() || segment.rows.len() < from + codes.len() {
                continue;
            }
            let dead: Vec<bool> = segment.rows[from..].iter().map(|row| !row.live).collect();
            let signs = segment
                .signs
                .get_or_insert_with(|| Signs::new(coder, self.stamp.dimension));
            for (code, dead) in codes.iter().zip(dead) {
                signs.push(code.as_ref().filter(|_| !dead));
            }
        }
    }

    fn coder_over(&self, locations: &[VectorLocation]) -> Arc<Coder> {
        let mut mean = Mean::new(self.stamp.dimension);
        for at in locations.iter().take(MEAN_ROWS) {
            if let Ok(vector) = self.log.read(at) {
                mean.add(&vector);
            }
        }
        Arc::new(Coder::new(Code::B1, mean.value()))
    }
}

/// Gives what building or loading took back to the system: the allocator would keep it for ever.
pub(super) fn release_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    #[allow(unsafe_code)]
    // SAFETY: it takes no pointer, and locks the heap while it looks for pages that are free.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// The coder of the last graph that holds signs.
fn coder_of(columns: &Columns) -> Option<Arc<Coder>> {
    let graphs = columns
        .segments
        .iter()
        .filter_map(|segment| segment.graph.as_ref());
    graphs
        .map(|graph| graph.coder())
        .rfind(|coder| coder.code == Code::B1)
        .map(|coder| Arc::new(coder.clone()))
}

fn is_wasteful(segment: &Segment) -> bool {
    segment.graph.is_some()
        && segment.dead() >= DEAD_ROWS
        && segment.dead() as f64 >= DEAD_SHARE * segment.rows.len() as f64
}

/// A job over live rows: those of `target` stay where they are, those of `sources` follow them.
fn job(columns: &Columns, target: Option<u32>, sources: Vec<u32>) -> Job {
    let members = |number: &u32| {
        let number = *number;
        let rows = columns.segments[number as usize].rows.iter().zip(0u32..);
        rows.filter(|(row, _)| row.live)
            .map(move |(row, slot)| Member {
                place: Place {
                    segment: number,
                    slot,
                },
                location: row.location,
                case: row.case,
            })
    };
    let target_segment = target.map(|number| &columns.segments[number as usize]);
    let mut all: Vec<Member> = target.iter().flat_map(members).collect();
    let kept_live = all.len();
    all.extend(sources.iter().flat_map(members));
    Job {
        target,
        base: target_segment.and_then(|segment| segment.graph.clone()),
        kept_rows: target_segment.map_or(0, |segment| segment.rows.len()),
        kept_live,
        members: all,
        sources,
    }
}

/// Moves rows to the end of the target, and empties the sources.
fn exchange(columns: &mut Columns, job: &Job, rows: Vec<Row>) {
    let target = job.target.unwrap_or(job.sources[0]);
    let mut segment = match job.target {
        Some(target) => std::mem::take(&mut columns.segments[target as usize]),
        None => Segment::default(),
    };
    for number in &job.sources {
        columns.segments[*number as usize] = Segment::emptied();
    }
    for (row, member) in rows.into_iter().zip(job.moved()) {
        let slot = segment.push(row);
        if !row.live {
            continue;
        }
        let case = columns.cases[row.case as usize].as_mut();
        let places = case.into_iter().flat_map(|case| case.places.iter_mut());
        for place in places.filter(|place| **place == member.place) {
            *place = Place {
                segment: target,
                slot,
            };
        }
    }
    columns.segments[target as usize] = segment;
}
