//! The index's side of `cargo xtask bench search`: builds an index over a folder of synthetic vectors (base.f32,
//! query.f32, case.u32 of 1,152 dimensions) and answers commands on standard input, one JSON object a line.
//!
//!   build N          every vector a case of its own; seconds, segments, recall that was measured
//!   reopen           closes and opens again; milliseconds until it answers
//!   search T ROUNDS  every query for 10 cases with T threads; queries per second of the best round, and the answers
//!   latency          percentiles idle, and while vectors are added at full speed until a graph has taken some in
//!   memory           bytes: anonymous, mapped

#![allow(
    clippy::unwrap_used,
    reason = "a measuring program stops at the first thing that is wrong"
)]

use std::io::BufRead;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use casekin_index::{
    CaseEntry, Index, IndexSettings, NearestQuery, Stamp, VectorCode, VectorLog, ViewEntry,
    view_key,
};
use serde_json::{Value, json};

const DIMENSION: usize = 1_152;
const BATCH: usize = 1_000;
/// Longest time that vectors are added for; a sixth of it is enough where a graph has taken some in meanwhile.
const ADDING: Duration = Duration::from_secs(180);

fn main() {
    let mut arguments = std::env::args().skip(1);
    let (data, work) = (arguments.next().unwrap(), arguments.next().unwrap());
    let code = match arguments.next().as_deref() {
        Some("f16") => VectorCode::F16,
        Some("i8") => VectorCode::I8,
        Some("b1") => VectorCode::B1,
        _ => VectorCode::Auto,
    };
    let mut bench = Bench::new(Path::new(&data), Path::new(&work), code);
    for line in std::io::stdin().lock().lines() {
        let line = line.unwrap();
        let words: Vec<&str> = line.split_whitespace().collect();
        let number = |at: usize| {
            words
                .get(at)
                .and_then(|word| word.parse().ok())
                .unwrap_or(1)
        };
        let answer = match words.first().copied() {
            Some("build") => bench.build(number(1)),
            Some("reopen") => bench.reopen(),
            Some("search") => bench.search(number(1), number(2)),
            Some("latency") => bench.latency(),
            Some("memory") => memory(),
            _ => break,
        };
        println!("{answer}");
    }
}

struct Bench {
    base: memmap2::Mmap,
    queries: Vec<Vec<f32>>,
    work: PathBuf,
    settings: IndexSettings,
    stamp: Stamp,
    open: Option<(Arc<VectorLog>, Index)>,
    cases: u64,
}

impl Bench {
    fn new(data: &Path, work: &Path, code: VectorCode) -> Self {
        let base = std::fs::File::open(data.join("base.f32")).unwrap();
        #[allow(unsafe_code)]
        // SAFETY: nobody writes the file while this program runs.
        let base = unsafe { memmap2::Mmap::map(&base) }.unwrap();
        let queries = std::fs::read(data.join("query.f32")).unwrap();
        let queries = queries.chunks_exact(4 * DIMENSION).map(floats).collect();
        let stamp = Stamp {
            model_id: "synthetic".into(),
            profile: "none".into(),
            precision: "f32".into(),
            pipeline_version: 1,
            dimension: DIMENSION as u32,
        };
        let mut settings = IndexSettings {
            code,
            ..IndexSettings::default()
        };
        if let Some(ef) = std::env::args().nth(4).and_then(|ef| ef.parse().ok()) {
            settings.ef_search = ef;
        }
        let mut bench = Self {
            base,
            queries,
            work: work.to_owned(),
            settings,
            stamp,
            open: None,
            cases: 0,
        };
        bench.open();
        bench
    }

    fn open(&mut self) -> &Index {
        self.open = None;
        let log = Arc::new(VectorLog::open(&self.work.join("vectors"), &self.stamp).unwrap());
        let folder = self.work.join("index");
        let index = Index::open(&folder, &self.stamp, log.clone(), self.settings.clone()).unwrap();
        &self.open.insert((log, index)).1
    }

    /// Appends vectors to the log, and returns the cases that hold them.
    fn append(&mut self, from: usize, count: usize) -> Vec<CaseEntry> {
        let (log, _) = self.open.as_ref().unwrap();
        let total = self.base.len() / (4 * DIMENSION);
        let batch: Vec<(u64, Vec<f32>)> = (from..from + count)
            .map(|at| {
                let start = 4 * DIMENSION * (at % total);
                self.cases += 1;
                (self.cases, floats(&self.base[start..start + 4 * DIMENSION]))
            })
            .collect();
        let keyed: Vec<(u64, &[f32])> = batch
            .iter()
            .map(|(case_no, vector)| (view_key(*case_no, 0).unwrap(), &vector[..]))
            .collect();
        let places = log.append(&keyed).unwrap();
        let entry = |((case_no, _), location): (&(u64, Vec<f32>), _)| CaseEntry {
            case_no: *case_no,
            views: vec![ViewEntry {
                view_no: 0,
                modality: Some("CR".into()),
                body_part: None,
                laterality: None,
                stain: None,
                location,
            }],
            ..CaseEntry::default()
        };
        batch.iter().zip(places).map(entry).collect()
    }

    fn build(&mut self, vectors: usize) -> Value {
        let (mut appending, mut applying) = (0.0, 0.0);
        for from in (0..vectors).step_by(BATCH) {
            let started = Instant::now();
            let entries = self.append(from, BATCH.min(vectors - from));
            appending += started.elapsed().as_secs_f64();
            let started = Instant::now();
            let index = &self.open.as_ref().unwrap().1;
            index.apply(&entries, &[], self.cases).unwrap();
            applying += started.elapsed().as_secs_f64();
        }
        let started = Instant::now();
        let index = &self.open.as_ref().unwrap().1;
        index.settle();
        index.flush().unwrap();
        let settling = started.elapsed().as_secs_f64();
        let stats = index.stats();
        json!({"log_s": appending, "apply_s": applying, "settle_s": settling,
            "seconds": appending + applying + settling, "segments": stats.segments, "graphed": stats.graphed,
            "index_bytes": stats.bytes, "candidates": stats.candidates, "recall_permille": stats.recall_permille})
    }

    fn reopen(&mut self) -> Value {
        self.open = None;
        let started = Instant::now();
        let query = self.queries[0].clone();
        let index = self.open();
        let opened = started.elapsed();
        let answer = index.nearest(&question(&query)).unwrap();
        json!({"open_ms": 1e3 * opened.as_secs_f64(), "answers_ms": 1e3 * started.elapsed().as_secs_f64(),
            "found": answer.matches.len()})
    }

    fn search(&self, threads: usize, rounds: usize) -> Value {
        let index = &self.open.as_ref().unwrap().1;
        let mut best = f64::MAX;
        for _ in 0..rounds {
            let next = AtomicUsize::new(0);
            let started = Instant::now();
            std::thread::scope(|scope| {
                for _ in 0..threads {
                    scope.spawn(|| {
                        while let Some(query) =
                            self.queries.get(next.fetch_add(1, Ordering::Relaxed))
                        {
                            std::hint::black_box(index.nearest(&question(query)).unwrap());
                        }
                    });
                }
            });
            best = best.min(started.elapsed().as_secs_f64());
        }
        let answers: Vec<Vec<u64>> = self
            .queries
            .iter()
            .map(|query| {
                let found = index.nearest(&question(query)).unwrap().matches;
                found.iter().map(|found| found.case_no - 1).collect()
            })
            .collect();
        json!({"qps": self.queries.len() as f64 / best, "answers": answers})
    }

    fn latency(&mut self) -> Value {
        let idle = {
            let index = self.open.as_ref().unwrap().1.clone();
            percentiles(&index, &self.queries, &AtomicBool::new(false), 2_000)
        };
        let (index, queries) = (self.open.as_ref().unwrap().1.clone(), self.queries.clone());
        let done = Arc::new(AtomicBool::new(false));
        let asking = std::thread::spawn({
            let done = Arc::clone(&done);
            move || percentiles(&index, &queries, &done, usize::MAX)
        });
        let started = Instant::now();
        let mut added = 0;
        let graphed = self.open.as_ref().unwrap().1.stats().graphed;
        let mut grown = false;
        while started.elapsed() < ADDING && !(grown && started.elapsed() > ADDING / 6) {
            let entries = self.append(added, 100);
            let index = &self.open.as_ref().unwrap().1;
            index.apply(&entries, &[], self.cases).unwrap();
            added += entries.len();
            grown = index.stats().graphed > graphed;
        }
        done.store(true, Ordering::Relaxed);
        let busy = asking.join().unwrap();
        json!({"idle": idle, "ingesting": busy, "grown": grown, "added_per_s": added as f64 / started.elapsed().as_secs_f64()})
    }
}

/// p50, p95 and p99 of single questions, in milliseconds.
fn percentiles(index: &Index, queries: &[Vec<f32>], done: &AtomicBool, most: usize) -> Value {
    let mut taken = Vec::new();
    for query in queries.iter().cycle() {
        if taken.len() >= most || done.load(Ordering::Relaxed) {
            break;
        }
        let started = Instant::now();
        std::hint::black_box(index.nearest(&question(query)).unwrap());
        taken.push(1e3 * started.elapsed().as_secs_f64());
    }
    taken.sort_unstable_by(f64::total_cmp);
    let at = |share: f64| taken[((taken.len() - 1) as f64 * share) as usize];
    json!({"p50": at(0.5), "p95": at(0.95), "p99": at(0.99), "questions": taken.len()})
}

fn question(vector: &[f32]) -> NearestQuery {
    NearestQuery {
        vectors: vec![vector.to_vec()],
        k: 10,
        ..NearestQuery::default()
    }
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes
        .chunks_exact(4)
        .map(|word| f32::from_le_bytes(word.try_into().unwrap()))
        .collect()
}

/// RssAnon and RssFile of this process.
fn memory() -> Value {
    let text = std::fs::read_to_string("/proc/self/status").unwrap();
    let kib = |name: &str| -> u64 {
        let line = text.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    };
    json!({"anonymous": 1024 * kib("RssAnon:"), "mapped": 1024 * kib("RssFile:")})
}
