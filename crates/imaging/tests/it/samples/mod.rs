//! Where the real files beside the checkout are, and how a test says that it was skipped.

use std::io::Write as _;
use std::path::{Path, PathBuf};

/// A folder of the real files; says why not where it is missing.
pub fn shared(folder: &str) -> Option<PathBuf> {
    let root = std::env::var_os("CASEKIN_SHARED")
        .map(PathBuf::from)
        .or_else(|| {
            let here = Path::new(env!("CARGO_MANIFEST_DIR"));
            here.ancestors()
                .map(|above| above.join("shared"))
                .find(|found| found.is_dir())
        });
    let found = root
        .map(|root| root.join(folder))
        .filter(|folder| folder.is_dir());
    if found.is_none() {
        skip(&format!("no shared/{folder} beside this checkout"));
    }
    found
}

/// Prints why a test is skipped, and counts it where skips are counted.
pub fn skip(reason: &str) {
    println!("skipped: {reason}");
    if let Some(path) = std::env::var_os("CASEKIN_SKIPS_FILE") {
        let mut file = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .unwrap();
        // In one piece: tests of other processes write here too.
        file.write_all(format!("skipped: {reason}\n").as_bytes())
            .unwrap();
    }
}
