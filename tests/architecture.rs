//! Holds the shape of the project: which crate may depend on which, how long a file may be, what no source may say.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot set the scene has failed"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

const LINES_AT_MOST: usize = 500;
const FILE_BYTES_AT_MOST: u64 = 4 << 20;
const DEMO_MODEL_BYTES_AT_MOST: u64 = 8_500_000;
const LEAVES: [&str; 5] = ["imaging", "encoder", "reports", "index", "catalog"];

/// What each package may depend on within the workspace (for its own tests too, unless `for_tests` says more).
fn allowed(package: &str) -> Option<BTreeSet<String>> {
    let names: Vec<&str> = match package {
        "casekin" => ["server", "engine", "summary", "phantoms"]
            .into_iter()
            .chain(LEAVES)
            .collect(),
        "casekin-server" => vec!["engine", "summary"],
        "casekin-engine" => LEAVES.to_vec(),
        "casekin-imaging" | "casekin-encoder" | "casekin-reports" | "casekin-index"
        | "casekin-catalog" | "casekin-summary" | "casekin-phantoms" => Vec::new(),
        "xtask" => vec!["phantoms"],
        _ => return None,
    };
    Some(
        names
            .into_iter()
            .map(|name| format!("casekin-{name}"))
            .collect(),
    )
}

/// Drawn cases are the tests' material everywhere.
fn for_tests(dependency: &str) -> bool {
    dependency == "casekin-phantoms"
}

#[test]
fn crates_depend_one_way() {
    let edges = workspace_edges();
    assert!(
        edges.len() > 10,
        "cargo metadata lists the workspace: {edges:?}"
    );
    let mut wrong = Vec::new();
    for (package, dependencies) in &edges {
        let Some(allowed) = allowed(package) else {
            wrong.push(format!(
                "{package}: a new crate needs its place in the design and here"
            ));
            continue;
        };
        for (dependency, kind) in dependencies {
            let in_tests = kind == "dev" && for_tests(dependency);
            if !allowed.contains(dependency) && !in_tests && dependency != package {
                wrong.push(format!("{package} → {dependency} ({kind})"));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "arrows that the design does not have:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn no_crate_is_a_drawer_for_odds_and_ends() {
    for package in workspace_edges().keys() {
        let name = package.trim_start_matches("casekin-");
        let drawer = [
            "common", "util", "utils", "types", "shared", "misc", "helpers",
        ];
        assert!(
            !drawer.contains(&name),
            "{package}: name a crate after what it fences off"
        );
    }
}

#[test]
fn files_are_short_enough_to_read_at_once() {
    let long: Vec<String> = sources()
        .filter(|(path, _)| !is_generated(path))
        .map(|(path, text)| (path, text.lines().count()))
        .filter(|(_, lines)| *lines > LINES_AT_MOST)
        .map(|(path, lines)| format!("{}: {lines} lines", path.display()))
        .collect();
    assert!(
        long.is_empty(),
        "over {LINES_AT_MOST} lines:\n{}",
        long.join("\n")
    );
}

#[test]
fn nothing_is_left_to_be_done() {
    // Put together here, so that this file does not find itself.
    let marks = [
        ["TO", "DO"],
        ["FIX", "ME"],
        ["todo", "!("],
        ["unimplemented", "!("],
    ]
    .map(|half| half.concat());
    let mut left = Vec::new();
    for (path, text) in sources() {
        for (number, line) in text.lines().enumerate() {
            if marks.iter().any(|mark| line.contains(mark.as_str())) {
                left.push(format!(
                    "{}:{}: {}",
                    path.display(),
                    number + 1,
                    line.trim()
                ));
            }
        }
    }
    assert!(left.is_empty(), "left to be done:\n{}", left.join("\n"));
}

#[test]
fn no_large_file_is_committed() {
    let model = Path::new("crates/encoder/demo-model");
    let mut large = Vec::new();
    for path in tracked_files() {
        let Ok(meta) = fs::metadata(root().join(&path)) else {
            continue;
        };
        let limit = if path.starts_with(model) {
            DEMO_MODEL_BYTES_AT_MOST
        } else {
            FILE_BYTES_AT_MOST
        };
        if meta.len() > limit {
            large.push(format!("{}: {} bytes", path.display(), meta.len()));
        }
    }
    assert!(large.is_empty(), "too large:\n{}", large.join("\n"));
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Package → its dependencies within the workspace, each with its kind: normal, dev or build.
fn workspace_edges() -> BTreeMap<String, Vec<(String, String)>> {
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--no-deps",
            "--offline",
            "--format-version",
            "1",
        ])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let name_of = |value: &Value| value["name"].as_str().unwrap().to_owned();
    let names: BTreeSet<String> = packages.iter().map(name_of).collect();
    let edges_of = |package: &Value| {
        let all = package["dependencies"].as_array().unwrap().iter();
        all.filter(|dependency| names.contains(&name_of(dependency)))
            .map(|dependency| {
                (
                    name_of(dependency),
                    dependency["kind"].as_str().unwrap_or("normal").to_owned(),
                )
            })
            .collect()
    };
    packages
        .iter()
        .map(|package| (name_of(package), edges_of(package)))
        .collect()
}

/// Rust and TypeScript sources with their text.
fn sources() -> impl Iterator<Item = (PathBuf, String)> {
    let files = tracked_files();
    assert!(files.len() > 20, "the repository has files: {files:?}");
    files
        .into_iter()
        .filter(|path| {
            path.extension()
                .is_some_and(|kind| kind == "rs" || kind == "ts" || kind == "tsx")
        })
        .filter_map(|path| {
            fs::read_to_string(root().join(&path))
                .ok()
                .map(|text| (path, text))
        })
}

/// Types that are made from openapi.json.
fn is_generated(path: &Path) -> bool {
    path.ends_with("web/src/api/schema.d.ts")
}

/// Files of the repository: what git tracks or would, else (from a tarball without git) all but build products.
fn tracked_files() -> Vec<PathBuf> {
    let listed = Command::new("git")
        .args([
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ])
        .current_dir(root())
        .output();
    if let Ok(output) = listed
        && output.status.success()
    {
        let text = String::from_utf8(output.stdout).unwrap();
        return text.split_terminator('\0').map(PathBuf::from).collect();
    }
    let mut files = Vec::new();
    walk(&root(), &mut files);
    files
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if path.is_dir() {
            if !["target", "node_modules", "dist", ".git"].contains(&name.as_str()) {
                walk(&path, files);
            }
        } else {
            files.push(path.strip_prefix(root()).unwrap().to_owned());
        }
    }
}
