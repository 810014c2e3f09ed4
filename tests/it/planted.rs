//! A codec that crashes and one that hangs, planted where the program looks for OpenSlide: the service must outlive
//! both, and say what became of the two files.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::support::{Library, Service, text};

/// A library of OpenSlide's interface that goes wrong on what it is told to.
const PLANTED: &str = r#"
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
const char *openslide_detect_vendor(const char *path) {
    char start[64] = {0};
    FILE *file = fopen(path, "rb");
    if (file) { fread(start, 1, 63, file); fclose(file); }
    if (strstr(start, "crash")) *(volatile int *)0 = 1;
    if (strstr(start, "hang")) for (;;) pause();
    return NULL;
}
void *openslide_open(const char *path) { return NULL; }
void openslide_close(void *slide) {}
const char *openslide_get_error(void *slide) { return NULL; }
int32_t openslide_get_level_count(void *slide) { return 0; }
void openslide_get_level_dimensions(void *s, int32_t l, int64_t *w, int64_t *h) {}
double openslide_get_level_downsample(void *slide, int32_t level) { return 1; }
const char *openslide_get_property_value(void *slide, const char *name) { return NULL; }
void openslide_read_region(void *s, uint32_t *d, int64_t x, int64_t y, int32_t l, int64_t w, int64_t h) {}
"#;

/// Built by the compiler that built the program's own C libraries.
fn plant(folder: &Path) -> PathBuf {
    let (source, library) = (folder.join("planted.c"), folder.join("planted.so"));
    std::fs::write(&source, PLANTED).unwrap();
    let built = Command::new("cc")
        .args(["-w", "-shared", "-fPIC", "-o"])
        .args([&library, &source])
        .output()
        .unwrap();
    assert!(built.status.success(), "{}", text(&built.stderr));
    library
}

#[test]
fn a_codec_that_crashes_or_hangs_costs_one_file_and_nothing_else() {
    let library = Library::new();
    let planted = plant(library.path());
    let config = library.path().join("config.toml");
    std::fs::write(&config, "[limits]\nmax_decode_ms = 3000\n").unwrap();
    let mut serve = library.command(&["serve", "--listen", "127.0.0.1:0", "--config"]);
    serve.arg(&config).env("CASEKIN_OPENSLIDE", &planted);
    let service = Service::start(serve);

    let manifest = library.draw(31, 2);
    let folder = manifest.parent().unwrap();
    std::fs::write(folder.join("crash.czi"), "ZISRAWFILE crash").unwrap();
    std::fs::write(folder.join("hang.czi"), "ZISRAWFILE hang").unwrap();
    let output = library
        .command(&["ingest", folder.to_str().unwrap(), "--json"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
    let batch: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(batch["failed"], 2, "{batch}");
    assert!(batch["done"].as_u64().unwrap() >= 2, "{batch}");
    let told = batch.to_string();
    assert!(
        told.contains("the decoder died on this file (signal 11)"),
        "{told}"
    );
    assert!(told.contains("decoding took longer than 3000 ms"), "{told}");

    let http = service.http();
    assert_eq!(http.get("/healthz").text().unwrap(), "ok");
    let status = http.get_json("/api/v1/status");
    assert_eq!(status["cases"], 2, "{status}");
    assert_eq!(status["coverage"], 1.0, "{status}");
}
