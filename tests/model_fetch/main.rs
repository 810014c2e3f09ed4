//! `casekin model fetch` against a scripted hub: consent, token, resume, checksums, and what each refusal says.

#![allow(clippy::unwrap_used)]

mod hub;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use hub::{Act, REVISION, ScriptedHub, TOKEN};
use tempfile::TempDir;

/// A folder for one run: token file, target.
struct Place {
    dir: TempDir,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let place = Self { dir };
        place.write_token(&format!("{TOKEN}\n"), 0o600);
        place
    }

    fn target(&self) -> PathBuf {
        self.dir.path().join("medsiglip-448")
    }

    fn token_file(&self) -> PathBuf {
        self.dir.path().join("token")
    }

    fn write_token(&self, text: &str, mode: u32) {
        fs::write(self.token_file(), text).unwrap();
        fs::set_permissions(self.token_file(), fs::Permissions::from_mode(mode)).unwrap();
    }

    fn fetch(&self, address: &str, more: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_casekin"))
            .args(["model", "fetch", "medsiglip-448", "--token-file"])
            .arg(self.token_file())
            .arg("--to")
            .arg(self.target())
            .args(more)
            .env_clear()
            .env("CASEKIN_HUB", address)
            .env("CASEKIN_LOG", "trace")
            .env("HOME", self.dir.path())
            .output()
            .unwrap()
    }

    fn accepted(&self, address: &str) -> Output {
        self.fetch(address, &["--accept-terms"])
    }
}

fn files() -> Vec<(String, Vec<u8>)> {
    let weights: Vec<u8> = (0..300_000_u32)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    [
        ("README.md", b"not needed".to_vec()),
        ("config.json", br#"{"model_type": "siglip"}"#.to_vec()),
        ("model.safetensors", weights),
        ("preprocessor_config.json", b"{}".to_vec()),
        ("tokenizer.json", br#"{"version": "1.0"}"#.to_vec()),
        (
            "special_tokens_map.json",
            br#"{"eos_token": "</s>"}"#.to_vec(),
        ),
    ]
    .map(|(name, bytes)| (name.to_owned(), bytes))
    .to_vec()
}

fn hub(script: Vec<Act>) -> ScriptedHub {
    ScriptedHub::start(files(), script, None)
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[track_caller]
fn assert_fetched(output: &Output, target: &Path) {
    assert!(output.status.success(), "{}", stderr(output));
    let mut names: Vec<String> = fs::read_dir(target)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let wanted: Vec<(String, Vec<u8>)> = files()
        .into_iter()
        .filter(|(name, _)| name != "README.md")
        .collect();
    let mut wanted_names: Vec<String> = wanted.iter().map(|(name, _)| name.clone()).collect();
    wanted_names.sort();
    assert_eq!(names, wanted_names);
    for (name, bytes) in wanted {
        assert!(
            fs::read(target.join(&name)).unwrap() == bytes,
            "{name} differs"
        );
    }
}

#[track_caller]
fn assert_refused(output: &Output, parts: &[&str]) {
    assert_eq!(output.status.code(), Some(1), "{}", stderr(output));
    let text = stderr(output);
    for part in parts {
        assert!(text.contains(part), "`{part}` is missing in: {text}");
    }
    assert!(!text.contains(TOKEN), "the token is in the output");
}

#[test]
fn a_download_that_is_cut_goes_on_where_it_stopped() {
    let (hub, place) = (
        hub(vec![Act::CutAfter(100_000), Act::CutAfter(50_000)]),
        Place::new(),
    );
    let output = place.accepted(&hub.address);
    assert_fetched(&output, &place.target());
    let ranges: Vec<Option<String>> = hub
        .seen_at_storage()
        .into_iter()
        .map(|seen| seen.range)
        .collect();
    assert_eq!(
        ranges,
        [
            None,
            Some("bytes=100000-".to_owned()),
            Some("bytes=150000-".to_owned())
        ]
    );
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(stdout.contains("casekin model add "), "{stdout}");
}

#[test]
fn the_token_goes_to_the_hub_alone_and_into_no_log() {
    let (hub, place) = (hub(vec![]), Place::new());
    let output = place.accepted(&hub.address);
    assert_fetched(&output, &place.target());
    let seen = hub.seen();
    assert!(seen.iter().any(|seen| seen.at_storage));
    for seen in seen {
        assert_eq!(seen.authorization.is_some(), !seen.at_storage, "{seen:?}");
    }
    let said = stderr(&output) + &String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("TRACE"), "the log was to be searched too");
    assert!(!said.contains(TOKEN));
    assert!(!left_in(&place.target(), TOKEN.as_bytes()));
}

#[test]
fn an_earlier_runs_part_is_taken_up_and_a_whole_file_not_fetched_again() {
    let (hub, place) = (hub(vec![]), Place::new());
    let (_, weights) = files().swap_remove(2);
    fs::create_dir_all(place.target()).unwrap();
    fs::write(
        place.target().join("model.safetensors.partial"),
        &weights[..123_456],
    )
    .unwrap();
    assert_fetched(&place.accepted(&hub.address), &place.target());
    assert_eq!(
        hub.seen_at_storage()[0].range.as_deref(),
        Some("bytes=123456-")
    );

    let before = hub.seen().len();
    assert_fetched(&place.accepted(&hub.address), &place.target());
    assert_eq!(hub.seen().len(), before + 1, "only the list was asked for");
}

#[test]
fn a_part_of_another_revision_is_thrown_away() {
    let (hub, place) = (hub(vec![]), Place::new());
    fs::create_dir_all(place.target()).unwrap();
    fs::write(
        place.target().join("model.safetensors.partial"),
        vec![7; 1000],
    )
    .unwrap();
    fs::write(place.target().join("config.json"), "{}").unwrap();
    assert_fetched(&place.accepted(&hub.address), &place.target());
}

#[test]
fn wrong_bytes_are_fetched_again_and_never_kept() {
    let (once, place) = (hub(vec![Act::Spoil]), Place::new());
    assert_fetched(&place.accepted(&once.address), &place.target());
    assert_eq!(once.seen_at_storage().len(), 2);

    let (twice, place) = (hub(vec![Act::Spoil, Act::Spoil]), Place::new());
    assert_refused(
        &place.accepted(&twice.address),
        &["model.safetensors", "checksum"],
    );
    assert!(!place.target().join("model.safetensors").exists());
    assert!(!place.target().join("model.safetensors.partial").exists());
}

#[test]
fn a_host_without_ranges_starts_over() {
    let (hub, place) = (
        hub(vec![Act::CutAfter(70_000), Act::IgnoreRange]),
        Place::new(),
    );
    assert_fetched(&place.accepted(&hub.address), &place.target());
}

#[test]
fn a_line_that_stays_dead_ends_with_what_to_do() {
    let (hub, place) = (hub(vec![Act::CutAfter(0); 5]), Place::new());
    assert_refused(
        &place.accepted(&hub.address),
        &[
            "broke off at 0 of 300000 bytes",
            "run the same command again",
        ],
    );
}

#[test]
fn nothing_is_sent_without_consent() {
    let (hub, place) = (hub(vec![]), Place::new());
    let output = place.fetch(&hub.address, &[]);
    assert_refused(
        &output,
        &[
            "https://developers.google.com/health-ai-developer-foundations/terms",
            "nothing was sent",
            "--accept-terms",
        ],
    );
    assert!(hub.seen().is_empty(), "{:?}", hub.seen());
    assert!(!place.target().exists());
}

#[test]
fn an_account_without_access_is_told_where_to_ask() {
    let (hub, place) = (ScriptedHub::start(files(), vec![], Some(403)), Place::new());
    assert_refused(
        &place.accepted(&hub.address),
        &[
            "403",
            "https://huggingface.co/google/medsiglip-448",
            "accept the terms",
        ],
    );
}

#[test]
fn an_unknown_token_is_told_apart_from_missing_access() {
    let (hub, place) = (hub(vec![]), Place::new());
    place.write_token("hf_other", 0o600);
    assert_refused(
        &place.accepted(&hub.address),
        &["does not know the token", "settings/tokens"],
    );
}

#[test]
fn the_token_file_must_hold_a_token_for_its_owner_alone() {
    let (hub, place) = (hub(vec![]), Place::new());
    for (text, mode, reason) in [
        (" \n", 0o600, "is empty"),
        ("two words\n", 0o600, "one line"),
        (TOKEN, 0o640, "chmod 600"),
    ] {
        place.write_token(text, mode);
        assert_refused(&place.accepted(&hub.address), &[reason]);
    }
    fs::remove_file(place.token_file()).unwrap();
    assert_refused(
        &place.accepted(&hub.address),
        &["cannot be read", "settings/tokens"],
    );
    assert!(hub.seen().is_empty());
}

#[test]
fn without_a_network_it_says_how_to_go_on() {
    let place = Place::new();
    let closed = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    assert_refused(
        &place.accepted(&format!("http://{closed}")),
        &["cannot be reached", "casekin model add DIR"],
    );
    assert_refused(
        &place.accepted("http://hub.example"),
        &["https", "in the clear"],
    );
}

/// /dev/full stands for a disk without room: every write to it fails so.
#[test]
fn a_full_disk_is_named() {
    if !Path::new("/dev/full").exists() {
        eprintln!("skipped: this system has no /dev/full");
        return;
    }
    let (hub, place) = (hub(vec![]), Place::new());
    fs::create_dir_all(place.target()).unwrap();
    std::os::unix::fs::symlink(
        "/dev/full",
        place.target().join("model.safetensors.partial"),
    )
    .unwrap();
    assert_refused(
        &place.accepted(&hub.address),
        &["no room", "300000 bytes", "run the same command again"],
    );
}

#[test]
fn json_is_one_document() {
    let (hub, place) = (hub(vec![]), Place::new());
    let output = place.fetch(&hub.address, &["--accept-terms", "--json"]);
    assert_fetched(&output, &place.target());
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["model"], "medsiglip-448");
    assert_eq!(document["revision"], REVISION);
    assert_eq!(document["files"].as_array().unwrap().len(), 5);
    assert!(
        document["next"]
            .as_str()
            .unwrap()
            .starts_with("casekin model add ")
    );
}

fn left_in(dir: &Path, needle: &[u8]) -> bool {
    fs::read_dir(dir).unwrap().any(|entry| {
        let bytes = fs::read(entry.unwrap().path()).unwrap();
        bytes.windows(needle.len()).any(|window| window == needle)
    })
}
