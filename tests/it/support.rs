//! Runs the program on folders of its own and reads what it prints.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// A library in a folder that goes with the test.
pub struct Library {
    dir: TempDir,
}

impl Library {
    pub fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
        }
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// The library's own folder.
    pub fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_casekin"));
        command
            .arg("--data-dir")
            .arg(self.data())
            .args(arguments)
            .stdin(Stdio::null());
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Runs a command with `--json`, which must succeed, and reads its one document.
    pub fn json(&self, arguments: &[&str]) -> Value {
        let output = self.command(arguments).arg("--json").output().unwrap();
        assert!(
            output.status.success(),
            "{arguments:?}: {}",
            text(&output.stderr)
        );
        serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{arguments:?}: {error}: {}", text(&output.stdout)))
    }

    /// Draws cases and writes them beside the library; returns their manifest.
    pub fn draw(&self, seed: u64, cases: u64) -> PathBuf {
        let folder = self.path().join("phantoms");
        casekin_phantoms::write_library(&folder, seed, cases, 1, &mut |_| {}).unwrap();
        folder.join("manifest.csv")
    }

    /// Draws cases and ingests them.
    pub fn ingest_drawn(&self, seed: u64, cases: u64) -> Value {
        let manifest = self.draw(seed, cases);
        self.json(&["ingest", "--manifest", manifest.to_str().unwrap()])
    }

    /// Starts the service on a free port.
    pub fn serve(&self, arguments: &[&str]) -> Service {
        let mut all = vec!["serve", "--listen", "127.0.0.1:0"];
        all.extend(arguments);
        Service::start(self.command(&all))
    }
}

/// A running service; killed when it goes out of scope.
pub struct Service {
    child: Child,
    pub url: String,
}

impl Service {
    pub fn start(mut command: Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let url = line
            .trim()
            .strip_prefix("casekin serves ")
            .unwrap_or_default()
            .to_owned();
        if url.is_empty() {
            let output = child.wait_with_output().unwrap();
            panic!("the service did not start: {line} {}", text(&output.stderr));
        }
        Self { child, url }
    }

    pub fn kill(mut self) -> String {
        self.child.kill().unwrap();
        let mut stderr = String::new();
        std::io::Read::read_to_string(&mut self.child.stderr.take().unwrap(), &mut stderr).unwrap();
        self.child.wait().unwrap();
        stderr
    }

    pub fn http(&self) -> Http {
        Http {
            url: self.url.clone(),
            client: reqwest::blocking::Client::builder()
                .no_proxy()
                .build()
                .unwrap(),
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A plain HTTP client of a service.
pub struct Http {
    pub url: String,
    pub client: reqwest::blocking::Client,
}

impl Http {
    pub fn get(&self, path: &str) -> reqwest::blocking::Response {
        self.client
            .get(format!("{}{path}", self.url))
            .send()
            .unwrap()
    }

    pub fn get_json(&self, path: &str) -> Value {
        let response = self.get(path);
        assert!(
            response.status().is_success(),
            "{path}: {}",
            response.text().unwrap()
        );
        response.json().unwrap()
    }

    pub fn post(&self, path: &str, body: &Value) -> reqwest::blocking::Response {
        self.client
            .post(format!("{}{path}", self.url))
            .json(body)
            .send()
            .unwrap()
    }

    pub fn post_json(&self, path: &str, body: &Value) -> Value {
        let response = self.post(path, body);
        assert!(
            response.status().is_success(),
            "{path}: {}",
            response.text().unwrap()
        );
        response.json().unwrap()
    }
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The real files beside the checkout, or `None` after saying why the test is skipped.
pub fn shared() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .join("shared");
    let dir = std::env::var_os("CASEKIN_SHARED").map_or(beside, PathBuf::from);
    if dir.join("data").is_dir() {
        return Some(dir.canonicalize().unwrap());
    }
    skip("the real files (../shared) are not here");
    None
}

/// Says that a test is skipped, where people and `cargo xtask test` look.
pub fn skip(reason: &str) {
    let line = format!("skipped: {reason}");
    eprintln!("{line}");
    if let Some(file) = std::env::var_os("CASEKIN_SKIPS_FILE") {
        let mut file = std::fs::OpenOptions::new()
            .append(true)
            .create(true)
            .open(file)
            .unwrap();
        writeln!(file, "{line}").unwrap();
    }
}

/// Ids of an answer's cases in order.
pub fn case_ids(answer: &Value) -> Vec<String> {
    answer["hits"]
        .as_array()
        .unwrap()
        .iter()
        .map(|hit| hit["case_id"].as_str().unwrap().to_owned())
        .collect()
}

/// Every file under a folder with its bytes.
pub fn files_under(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    let mut folders = vec![dir.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if let Ok(bytes) = std::fs::read(&path) {
                files.push((path, bytes));
            }
        }
    }
    files
}

/// Whether bytes hold a word, whatever its case, also as UTF-16.
pub fn holds(bytes: &[u8], word: &str) -> bool {
    let lower = |bytes: &[u8]| bytes.to_ascii_lowercase();
    let wide: Vec<u8> = word
        .to_lowercase()
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let haystack = lower(bytes);
    let find = |needle: &[u8]| {
        haystack
            .windows(needle.len())
            .any(|window| window == needle)
    };
    find(word.to_lowercase().as_bytes()) || find(&wide)
}
