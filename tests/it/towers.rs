//! The text tower, the larger half of a model, is loaded when words ask for it: pictures come in without it.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Library, text};
use crate::verify::another_model;

/// How often each tower was loaded, by the program's own log: of pictures, of texts.
fn loaded(log: &str) -> [usize; 2] {
    ["tower=image", "tower=text"].map(|tower| {
        let told = |line: &&str| line.contains("model loaded") && line.contains(tower);
        log.lines().filter(told).count()
    })
}

/// A command that says what it loads.
fn telling(library: &Library, arguments: &[&str]) -> Command {
    let mut command = library.command(arguments);
    command.env("NO_COLOR", "1").env("CASEKIN_LOG", "info");
    command
}

fn told(library: &Library, arguments: &[&str]) -> String {
    let output = telling(library, arguments).output().unwrap();
    let log = text(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {log}");
    log
}

#[test]
fn pictures_come_in_without_the_text_tower() {
    let library = Library::new();
    let manifest = library.draw(31, 4);
    let log = told(
        &library,
        &["ingest", "--manifest", manifest.to_str().unwrap()],
    );
    assert_eq!(loaded(&log), [1, 0], "{log}");
    assert_eq!(library.json(&["status"])["coverage"], 1.0);

    let log = told(&library, &["search", "--text", "pleural effusion"]);
    assert_eq!(loaded(&log)[1], 1, "{log}");
}

/// A large model is checked by a service that already listens. Its text tower is checked too, and put away.
#[test]
fn a_service_with_a_large_model_loads_its_text_tower_when_words_ask() {
    let library = Library::new();
    let model = another_model(&library);
    enlarge(&model.join("model.safetensors"));
    library.json(&["model", "add", model.to_str().unwrap()]);
    let manifest = library.draw(32, 4);

    let service = Told::serve(&library);
    service.wait_for("the model gives its self-check vectors");
    let batch = library.json(&["ingest", "--manifest", manifest.to_str().unwrap()]);
    assert_eq!(batch["failed"], 0, "{batch}");
    assert_eq!(library.json(&["status"])["coverage"], 1.0);
    assert_eq!(loaded(&service.log()), [1, 1], "{}", service.log());

    // Had the check's own still been there, or had the pictures loaded one, nothing would be loaded now.
    library.json(&["embed", "--text", "pleural effusion"]);
    assert_eq!(loaded(&service.log()), [1, 2], "{}", service.log());
    library.json(&["embed", "--text", "fracture"]);
    assert_eq!(loaded(&service.log()), [1, 2], "{}", service.log());
}

/// Gives a model's file a tensor that nothing uses, so large that the model is not checked before a service listens.
fn enlarge(weights: &Path) {
    const VALUES: u64 = 20 << 20;
    let bytes = std::fs::read(weights).unwrap();
    let (length, rest) = bytes.split_first_chunk::<8>().unwrap();
    let (header, values) = rest.split_at(u64::from_le_bytes(*length) as usize);
    let mut header: Value = serde_json::from_slice(header).unwrap();
    let (from, to) = (values.len() as u64, values.len() as u64 + 4 * VALUES);
    header["padding"] = json!({ "dtype": "F32", "shape": [VALUES], "data_offsets": [from, to] });
    let mut header = header.to_string();
    header.push_str(&" ".repeat(header.len().next_multiple_of(8) - header.len()));
    let mut file = File::create(weights).unwrap();
    let start = header.len() as u64;
    file.write_all(&start.to_le_bytes()).unwrap();
    file.write_all(header.as_bytes()).unwrap();
    file.write_all(values).unwrap();
    // The rest reads as zeros and takes no disk.
    file.set_len(8 + start + to).unwrap();
}

/// A running service whose log can be read meanwhile.
struct Told {
    child: Child,
    log: PathBuf,
}

impl Told {
    fn serve(library: &Library) -> Self {
        let log = library.path().join("log");
        let mut child = telling(library, &["serve", "--listen", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        output.read_line(&mut line).unwrap();
        assert!(line.starts_with("casekin serves"), "{line}");
        Self { child, log }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// Waits for a line of the log; a minute is the bound of a test that has failed.
    fn wait_for(&self, words: &str) {
        for _ in 0..600 {
            if self.log().contains(words) {
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("{words}: {}", self.log());
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
