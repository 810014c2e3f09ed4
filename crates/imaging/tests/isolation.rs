//! Decode workers: the same answers as in this process, and a fence around a codec that crashes, hangs or eats.

#[path = "it/samples/mod.rs"]
#[allow(
    clippy::unwrap_used,
    reason = "a test that cannot set the scene has failed"
)]
mod samples;

use std::sync::Arc;

use casekin_imaging::{
    Answer, Call, Cuts, DecodeRequest, Decoders, ImagingError, Limits, RegionRequest,
    RenderRequest, Source, WorkerCommand, decode, encode_png, inspect, region, render, serve_with,
};
use casekin_imaging::{Inspection, Rgb8};

/// The worker that the tests start: this very program, with a codec that goes wrong on certain content.
#[test]
#[ignore = "not a test: the worker process of the tests here"]
fn planted_worker() {
    serve_with(answer).unwrap();
}

fn answer(call: &Call) -> Result<Answer, ImagingError> {
    let content: &[u8] = match call {
        Call::Render(RenderRequest {
            source: Source::Bytes { bytes, .. },
            ..
        }) => bytes,
        Call::Inspect(Source::Bytes { bytes, .. }, _) => bytes,
        _ => b"",
    };
    match content {
        b"crash" => std::process::abort(),
        b"leave" => std::process::exit(3),
        b"hang" => loop {
            std::thread::park();
        },
        b"spin" => loop {
            std::hint::spin_loop();
        },
        b"eat" => {
            let eaten = vec![1_u8; 3 << 30];
            Ok(Answer::Picture(grey(eaten.len() as u32 >> 28)))
        }
        b"lie" => Ok(Answer::Picture(Rgb8 {
            width_px: 60_000,
            height_px: 60_000,
            pixels: vec![1, 2, 3],
        })),
        b"shrink" => {
            let (tried, refused) = shrink_shared_memory();
            Ok(Answer::Picture(Rgb8 {
                width_px: 1,
                height_px: 1,
                pixels: vec![tried, refused, 9],
            }))
        }
        b"pid" => Err(ImagingError::ReadSource {
            reason: std::process::id().to_string(),
        }),
        b"limits" => Err(ImagingError::ReadSource {
            reason: bounds_of_this_process(),
        }),
        b"secret" => Err(ImagingError::ReadSource {
            reason: format!("{:?}", std::env::var("CARGO_MANIFEST_DIR")),
        }),
        b"threads" => Err(ImagingError::ReadSource {
            reason: format!(
                "{} of {:?}",
                std::process::id(),
                std::env::var("OPJ_NUM_THREADS")
            ),
        }),
        _ => call.answer(),
    }
}

/// What a captured worker could do to its parent: cuts every memory file it has to nothing. Counts tries and refusals.
fn shrink_shared_memory() -> (u8, u8) {
    let held = std::fs::read_dir("/proc/self/fd").expect("Linux lists open files");
    let memories = held.filter_map(|entry| {
        let path = entry.ok()?.path();
        let target = std::fs::read_link(&path).ok()?;
        target.to_string_lossy().contains("memfd:").then_some(path)
    });
    memories.fold((0, 0), |(tried, refused), path| {
        let file = std::fs::OpenOptions::new()
            .write(true)
            .open(path)
            .expect("an open file opens again");
        (tried + 1, refused + u8::from(file.set_len(0).is_err()))
    })
}

/// Soft limits on processor seconds, open files, address space and core dumps.
fn bounds_of_this_process() -> String {
    use rustix::process::{Resource, getrlimit};
    let bounds = [
        Resource::Cpu,
        Resource::Nofile,
        Resource::As,
        Resource::Core,
    ];
    bounds
        .map(|bound| getrlimit(bound).current.map_or(-1, |value| value as i64))
        .map(|value| value.to_string())
        .join(" ")
}

fn planted() -> Decoders {
    Decoders::in_workers(WorkerCommand {
        program: "/proc/self/exe".into(),
        args: ["--exact", "planted_worker", "--ignored", "--nocapture"]
            .map(Into::into)
            .to_vec(),
    })
}

fn grey(side_px: u32) -> Rgb8 {
    Rgb8 {
        width_px: side_px,
        height_px: side_px,
        pixels: (0..side_px * side_px * 3).map(|at| at as u8).collect(),
    }
}

fn rendering(content: &[u8]) -> RenderRequest {
    RenderRequest {
        source: Source::from_bytes("", content),
        frame: 1,
        window: None,
        box_px: None,
        max_px: None,
        limits: Limits {
            max_decode_ms: 60_000,
            ..Limits::default()
        },
    }
}

fn pid(decoders: &Decoders) -> String {
    match decoders.render(&rendering(b"pid")) {
        Err(error) => error.to_string(),
        Ok(_) => panic!("the planted worker does not draw its number"),
    }
}

#[test]
fn a_worker_answers_as_this_process_does() {
    let decoders = planted();
    let png = encode_png(&grey(700)).unwrap();
    let file = std::env::temp_dir().join(format!("casekin-{}.png", std::process::id()));
    std::fs::write(&file, &png).unwrap();
    let limits = Limits::default();
    for source in [
        Source::from_bytes("", png.as_slice()),
        Source::Path(file.clone()),
    ] {
        let request = DecodeRequest {
            source: source.clone(),
            limits: limits.clone(),
            thumbnail_px: 64,
            cuts: Cuts::default(),
            volume: None,
        };
        let (there, here) = (
            decoders.decode(&request).unwrap(),
            decode(&request).unwrap(),
        );
        assert_eq!(there.header, here.header);
        assert_eq!(there.views, here.views);
        assert_eq!(there.thumbnail, here.thumbnail);
        let boxed = RegionRequest {
            source: source.clone(),
            frame: 1,
            box_px: Some([5, 6, 70, 80]),
            cuts: Cuts::default(),
            limits: limits.clone(),
            volume: None,
        };
        assert_eq!(decoders.region(&boxed), region(&boxed));
        let smaller = RenderRequest {
            source: source.clone(),
            max_px: Some(99),
            ..rendering(b"")
        };
        assert_eq!(decoders.render(&smaller), render(&smaller));
        let header = decoders.inspect(&source, &limits).unwrap();
        assert!(matches!(header, Inspection::Picture(_)));
        assert_eq!(header, inspect(&source, &limits).unwrap());
    }
    std::fs::remove_file(&file).unwrap();
    let missing = RenderRequest {
        source: Source::Path(file),
        ..rendering(b"")
    };
    assert_eq!(decoders.render(&missing), render(&missing));
}

#[test]
fn a_crash_fails_one_picture_and_the_next_has_a_new_worker() {
    let decoders = planted();
    let first = pid(&decoders);
    assert_eq!(pid(&decoders), first, "a living worker is kept");
    for (content, how) in [(&b"crash"[..], "signal 6"), (b"leave", "exit status 3")] {
        let error = decoders.render(&rendering(content)).unwrap_err();
        assert_eq!(error, ImagingError::KeepDecoderAlive { how: how.into() });
    }
    let next = pid(&decoders);
    assert_ne!(next, first);
    assert_eq!(pid(&decoders), next);
}

#[test]
fn a_hang_ends_with_its_time() {
    let decoders = planted();
    for content in [&b"hang"[..], b"spin"] {
        let mut request = rendering(content);
        request.limits.max_decode_ms = 200;
        let error = decoders.render(&request).unwrap_err();
        assert_eq!(error, ImagingError::FinishInTime { limit_ms: 200 });
    }
    assert!(pid(&decoders).contains("cannot read"));
}

#[test]
fn memory_over_the_limit_is_not_had() {
    let mut request = rendering(b"eat");
    request.limits.max_decoder_bytes = 2 << 30;
    let error = planted().render(&request).unwrap_err();
    assert!(
        matches!(&error, ImagingError::KeepDecoderAlive { how } if how == "signal 6"),
        "{error}"
    );
}

#[test]
fn a_worker_is_bounded_in_time_files_memory_and_dumps() {
    let mut request = rendering(b"limits");
    request.limits.max_decode_ms = 9_000;
    request.limits.max_decoder_bytes = 5 << 30;
    let said = planted().render(&request).unwrap_err().to_string();
    let numbers = said.rsplit(' ').map_while(|word| word.parse::<i64>().ok());
    let numbers: Vec<i64> = numbers.collect();
    let [core, address_space, files, seconds] = numbers[..] else {
        panic!("four numbers: {said}")
    };
    assert_eq!((core, address_space, files), (0, 5 << 30, 256));
    // Ten for each processor, after those that the worker has used.
    let cpus = std::thread::available_parallelism().unwrap().get() as i64;
    assert!((10 * cpus..10 * cpus + 60).contains(&seconds), "{seconds}");
}

#[test]
fn an_answer_is_checked_like_a_file() {
    let error = planted().render(&rendering(b"lie")).unwrap_err();
    assert!(
        matches!(&error, ImagingError::KeepDecoderAlive { how } if how.contains("no sense")),
        "{error}"
    );
}

#[test]
fn a_worker_cannot_take_the_shared_memory_away() {
    let decoders = planted();
    let answer = decoders.render(&rendering(b"shrink")).unwrap();
    let [tried, refused, last] = answer.pixels[..] else {
        panic!("one pixel was answered");
    };
    assert!(tried > 0, "the worker holds the memory");
    assert_eq!((refused, last), (tried, 9));
    // The parent reads and writes it again.
    assert!(!pid(&decoders).is_empty());
}

#[test]
fn a_worker_that_died_idle_is_replaced_unseen() {
    let decoders = planted();
    let text = pid(&decoders);
    let number: i32 = text.rsplit(' ').next().unwrap().parse().unwrap();
    let killed = std::process::Command::new("kill")
        .args(["-9", &number.to_string()])
        .status()
        .unwrap();
    assert!(killed.success());
    // Until the last of its threads is gone, its socket still takes a request.
    let threads = || std::fs::read_dir(format!("/proc/{number}/task")).map_or(0, Iterator::count);
    while std::fs::read_to_string(format!("/proc/{number}/stat"))
        .is_ok_and(|stat| !stat.contains(") Z ") || threads() > 1)
    {
        std::thread::yield_now();
    }
    let png: Arc<[u8]> = encode_png(&grey(20)).unwrap().into();
    assert_eq!(decoders.render(&rendering(&png)).unwrap(), grey(20));
}

#[test]
fn many_threads_have_workers_of_their_own() {
    let decoders = planted();
    let pngs: Vec<(Rgb8, Vec<u8>)> = (1..=8)
        .map(|side| (grey(side * 31), encode_png(&grey(side * 31)).unwrap()))
        .collect();
    std::thread::scope(|scope| {
        for (picture, png) in &pngs {
            let decoders = decoders.clone();
            scope.spawn(move || {
                for _ in 0..20 {
                    assert_eq!(&decoders.render(&rendering(png)).unwrap(), picture);
                }
            });
        }
    });
}

#[test]
fn a_worker_does_not_know_the_services_environment() {
    assert!(
        std::env::var_os("CARGO_MANIFEST_DIR").is_some(),
        "it is there to be passed on"
    );
    let error = planted().render(&rendering(b"secret")).unwrap_err();
    assert!(error.to_string().contains("NotPresent"), "{error}");
}

#[test]
fn a_picture_that_somebody_waits_for_is_decoded_by_several_threads() {
    let decoders = planted();
    let said = |error: ImagingError| error.to_string();
    let waited = said(decoders.render(&rendering(b"threads")).unwrap_err());
    let bulk = || {
        let source = Source::from_bytes("", *b"threads");
        said(decoders.inspect(&source, &Limits::default()).unwrap_err())
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = if cores > 1 { cores.min(4) } else { 0 };
    assert!(waited.contains(&format!("Ok(\"{threads}\")")), "{waited}");
    assert!(bulk().contains("Ok(\"0\")"), "{}", bulk());
    let pid = |said: &str| said.split(" of ").next().map(str::to_owned);
    assert_eq!(pid(&bulk()), pid(&bulk()), "each kind is kept");
    assert_ne!(pid(&bulk()), pid(&waited));
}

#[test]
fn several_threads_decode_the_same_picture_and_short_memory_is_an_error_not_a_hang() {
    let Some(folder) = samples::shared("data/dicom/image") else {
        return;
    };
    let decoders = planted();
    for name in ["wg04__VL1_J2KR", "derived__CT1_HTJ2K_lossless_4.201.dcm"] {
        let asked = |max_decoder_bytes: u64| {
            let mut asked = rendering(b"");
            asked.source = Source::Path(folder.join(name));
            asked.limits.max_decoder_bytes = max_decoder_bytes;
            asked
        };
        let here = render(&asked(8 << 30)).unwrap();
        assert!(decoders.render(&asked(8 << 30)).unwrap() == here, "{name}");
        // The stacks of threads count as address space, too.
        for megabytes in [100, 150, 200, 300, 400, 600] {
            match decoders.render(&asked(megabytes << 20)) {
                Ok(there) => assert!(there == here, "{name} in {megabytes} MB"),
                Err(ImagingError::FinishInTime { .. }) => panic!("{name} in {megabytes} MB: hangs"),
                Err(_) => {}
            }
        }
        assert!(decoders.render(&asked(8 << 30)).unwrap() == here, "{name}");
    }
}
