//! What a question holds and what becomes of each part of it: frames, bounds, chosen ways, marks, and where its answer says
//! that it came from.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use casekin_phantoms::draw_case;
use image::{DynamicImage, GrayImage, ImageFormat};
use reqwest::StatusCode;
use reqwest::blocking::multipart::Form;
use serde_json::{Value, json};

use crate::support::{Http, Library, case_ids, text};

const SEED: u64 = 77_006;

/// Drawn photographs of different findings, as grey PNG files.
fn photographs(folder: &Path, count: usize) -> Vec<PathBuf> {
    let mut found: BTreeMap<String, PathBuf> = BTreeMap::new();
    for index in 0.. {
        if found.len() == count {
            break;
        }
        let case = draw_case(SEED, index);
        let finding = format!("{:?} {}", case.family, case.main_finding);
        if case.images[0].file_name.ends_with(".png") && !found.contains_key(&finding) {
            let path = folder.join(format!("{index}.png"));
            let picture = image::load_from_memory(&case.images[0].bytes).unwrap();
            picture.to_luma8().save(&path).unwrap();
            found.insert(finding, path);
        }
    }
    found.into_values().collect()
}

/// A TIFF with a page for each picture: 8-bit grey, uncompressed, a strip a page.
fn tiff(pages: &[GrayImage]) -> Vec<u8> {
    const LONG: u16 = 4;
    let mut bytes = b"II*\0".to_vec();
    let mut link = bytes.len();
    bytes.extend([0; 4]);
    for page in pages {
        let pixels = bytes.len() as u32;
        bytes.extend(page.as_raw());
        let directory = bytes.len() as u32;
        bytes[link..link + 4].copy_from_slice(&directory.to_le_bytes());
        // Width, height, bits, compression (none), photometric (black is zero), strip, samples, rows, bytes of the strip.
        let entries = [
            (256, page.width()),
            (257, page.height()),
            (258, 8),
            (259, 1),
            (262, 1),
            (273, pixels),
            (277, 1),
            (278, page.height()),
            (279, page.as_raw().len() as u32),
        ];
        bytes.extend((entries.len() as u16).to_le_bytes());
        for (tag, value) in entries {
            bytes.extend(u16::to_le_bytes(tag));
            bytes.extend(LONG.to_le_bytes());
            bytes.extend(1_u32.to_le_bytes());
            bytes.extend(u32::to_le_bytes(value));
        }
        link = bytes.len();
        bytes.extend([0; 4]);
    }
    bytes
}

fn grey(path: &Path) -> GrayImage {
    image::open(path).unwrap().to_luma8()
}

/// Ingests pictures by a manifest of path and case.
fn ingest(library: &Library, rows: &[(&Path, &str)]) {
    let mut manifest = String::from("path,case_id,title\n");
    for (path, case_id) in rows {
        manifest.push_str(&format!("{},{case_id},case {case_id}\n", path.display()));
    }
    let file = library.path().join("manifest.csv");
    std::fs::write(&file, manifest).unwrap();
    let batch = library.json(&["ingest", "--manifest", file.to_str().unwrap()]);
    assert_eq!(batch["done"], rows.len(), "{batch}");
}

fn keep(http: &Http, picture: &Path) -> Value {
    let form = Form::new().file("picture", picture).unwrap();
    let at = format!("{}/api/v1/query-images", http.url);
    let kept: Value = http
        .client
        .post(at)
        .multipart(form)
        .send()
        .unwrap()
        .json()
        .unwrap();
    kept["id"].clone()
}

fn refused(http: &Http, body: &Value) -> (StatusCode, String, String) {
    let response = http.post("/api/v1/search", body);
    let status = response.status();
    let answer: Value = response.json().unwrap();
    let told = |key: &str| answer[key].as_str().unwrap_or_default().to_owned();
    (status, told("code"), told("message"))
}

#[test]
fn a_frame_asks_alone_and_one_that_is_not_there_is_refused() {
    let library = Library::new();
    let pictures = photographs(library.path(), 4);
    let ids = ["a", "b", "c", "d"];
    let rows: Vec<(&Path, &str)> = pictures.iter().map(PathBuf::as_path).zip(ids).collect();
    ingest(&library, &rows);
    let series = library.path().join("series.tif");
    let pages: Vec<GrayImage> = pictures[..3].iter().map(|path| grey(path)).collect();
    std::fs::write(&series, tiff(&pages)).unwrap();
    let service = library.serve(&[]);
    let http = service.http();
    let series = keep(&http, &series);
    let question = |frame: Value| {
        json!({
            "images": [{ "image_id": series, "frame": frame }],
            "any_modality": true, "all": true, "keep_duplicates": true,
        })
    };
    for (frame, id) in ids.iter().enumerate().take(3) {
        let answer = http.post_json("/api/v1/search", &question(json!(frame)));
        let first = &answer["hits"][0];
        assert_eq!(first["case_id"], *id, "frame {frame}");
        assert!(first["similarity"].as_f64().unwrap() > 0.999, "{first}");
        assert_eq!(
            first["found_by"][0]["score"], first["similarity"],
            "asked alone"
        );
        assert_eq!(first["views"][0]["matched"]["frame"], frame);
        assert_eq!(answer["query"]["images"][0]["frame"], frame);
    }
    // Without a frame all of them ask: no case has a counterpart of each.
    let whole = json!({ "images": [{ "image_id": series }], "any_modality": true, "all": true });
    let whole = http.post_json("/api/v1/search", &whole);
    assert!(whole["hits"][0]["found_by"][0]["score"].as_f64().unwrap() < 0.999);
    for frame in [3_u32, 4_000_000_000] {
        let (status, code, message) = refused(&http, &question(json!(frame)));
        assert_eq!(
            (status, code.as_str()),
            (StatusCode::NOT_FOUND, "no_such_frame")
        );
        assert!(
            message.contains(&frame.to_string()) && message.contains("it has 3"),
            "{message}"
        );
    }
    // A picture of one frame has its first one and no other.
    let single = keep(&http, &pictures[0]);
    let of_single =
        |frame: u32| json!({ "images": [{ "image_id": single, "frame": frame }], "all": true });
    assert_eq!(
        case_ids(&http.post_json("/api/v1/search", &of_single(0)))[0],
        "a"
    );
    assert_eq!(refused(&http, &of_single(1)).1, "no_such_frame");
}

#[test]
fn a_question_beyond_a_bound_is_refused_or_thinned_and_never_a_fault_of_the_service() {
    let library = Library::new();
    let picture = photographs(library.path(), 1).remove(0);
    let series = library.path().join("series.tif");
    let pages: Vec<GrayImage> = (0..64_u32)
        .map(|page| GrayImage::from_fn(16, 16, |x, y| image::Luma([(x * page + y * 7) as u8])))
        .collect();
    std::fs::write(&series, tiff(&pages)).unwrap();
    ingest(&library, &[(&picture, "other"), (&series, "series")]);
    let service = library.serve(&[]);
    let http = service.http();

    let alternatives: Vec<String> = (0..256).map(|number| format!("v{number}")).collect();
    let filter = format!("label={}", alternatives.join("|"));
    let many = |count: usize| json!({ "text": "x", "filters": vec![filter.clone(); count] });
    http.post_json("/api/v1/search", &many(7));
    let (status, code, message) = refused(&http, &many(9));
    assert_eq!(
        (status, code.as_str()),
        (StatusCode::BAD_REQUEST, "query_too_large")
    );
    assert!(
        message.contains("filter conditions") && message.contains("2048"),
        "{message}"
    );
    let exported = http.post(
        "/api/v1/export/vectors",
        &json!({ "filters": many(9)["filters"] }),
    );
    assert_eq!(exported.status(), StatusCode::BAD_REQUEST);

    let record = http.get_json("/api/v1/cases/series");
    let image = json!({ "image_id": record["images"][0]["image_id"] });
    let ask = |images: usize| {
        let images = vec![image.clone(); images];
        let question = json!({ "case": "series", "images": images, "all": true });
        http.post_json("/api/v1/search", &question)
    };
    let told = |answer: &Value| answer["notices"].to_string().contains("1088 views");
    let thinned = ask(16);
    assert!(told(&thinned), "{}", thinned["notices"]);
    assert_eq!(case_ids(&thinned), ["other"]);
    assert!(!told(&ask(1)));
}

#[test]
fn chosen_ways_with_nothing_to_go_by_are_told() {
    let library = Library::new();
    library.ingest_drawn(SEED, 6);
    let service = library.serve(&[]);
    let http = service.http();
    let case = draw_case(SEED, 0).case_id;
    let image = http.get_json(&format!("/api/v1/cases/{case}"))["images"][0]["image_id"].clone();
    for (body, usable) in [
        (json!({ "case": case, "ways": ["report"] }), "image"),
        (
            json!({ "case": case, "ways": ["label", "text_to_image"] }),
            "image",
        ),
        (
            json!({ "images": [{ "image_id": image }], "ways": ["report"] }),
            "image",
        ),
        (
            json!({ "text": "effusion", "ways": ["image"] }),
            "report, label, text_to_image",
        ),
        (
            json!({ "text": "no effusion", "ways": ["text_to_image"] }),
            "report, label",
        ),
    ] {
        let (status, code, message) = refused(&http, &body);
        assert_eq!(
            (status, code.as_str()),
            (StatusCode::BAD_REQUEST, "nothing_to_go_by"),
            "{body}: {message}"
        );
        assert!(
            message.contains(&format!("choose of {usable},")),
            "{body}: {message}"
        );
    }
    let part = json!({ "case": case, "ways": ["image", "report"], "all": true });
    let part = http.post_json("/api/v1/search", &part);
    assert!(!case_ids(&part).is_empty());
    assert!(
        part["notices"]
            .to_string()
            .contains("without part in the answer: report")
    );
    let all = json!({ "case": case, "text": "effusion", "ways": ["image", "report"], "all": true });
    let all = http.post_json("/api/v1/search", &all);
    assert!(!all["notices"].to_string().contains("without part"));

    let printed = library.run(&["search", "--case", &case, "--ways", "report"]);
    assert_eq!(printed.status.code(), Some(1));
    assert!(
        text(&printed.stderr).contains("nothing to go by"),
        "{}",
        text(&printed.stderr)
    );
    // Nothing is said of words where none were given.
    let none = library.run(&[
        "search",
        "--image",
        library
            .path()
            .join("phantoms")
            .join(&case)
            .join(&draw_case(SEED, 0).images[0].file_name)
            .to_str()
            .unwrap(),
        "--filter",
        "label=none such",
    ]);
    let none = text(&none.stdout);
    assert!(
        none.contains("No case was found") && !none.contains("words"),
        "{none}"
    );
}

#[test]
fn a_mark_moves_nothing_where_there_is_no_picture_to_move() {
    let library = Library::new();
    library.ingest_drawn(SEED, 6);
    let service = library.serve(&[]);
    let http = service.http();
    let (mark, example) = (draw_case(SEED, 0).case_id, draw_case(SEED, 1).case_id);
    let views = |body: Value| http.post_json("/api/v1/search", &body)["marks"][0]["views"].clone();
    assert_eq!(
        views(json!({ "text": "findings", "not_relevant": [mark] })),
        0
    );
    assert_ne!(views(json!({ "case": example, "not_relevant": [mark] })), 0);
    assert_ne!(views(json!({ "text": "findings", "relevant": [mark] })), 0);
}

#[test]
fn a_median_forgives_the_picture_that_has_no_counterpart() {
    let library = Library::new();
    let pictures = photographs(library.path(), 3);
    // One case has two of three pictures to the pixel; the other has all three, smaller and blurred.
    let altered: Vec<PathBuf> = pictures
        .iter()
        .enumerate()
        .map(|(number, path)| {
            let small = DynamicImage::from(grey(path)).thumbnail(96, 96).blur(1.0);
            let path = library.path().join(format!("altered-{number}.png"));
            small.save_with_format(&path, ImageFormat::Png).unwrap();
            path
        })
        .collect();
    ingest(
        &library,
        &[
            (&pictures[0], "two"),
            (&pictures[1], "two"),
            (&altered[0], "three"),
            (&altered[1], "three"),
            (&altered[2], "three"),
        ],
    );
    let ranked = |how: &str| {
        let mut arguments = vec!["search", "--ways", "image", "--all", "--keep-duplicates"];
        for picture in &pictures {
            arguments.extend(["--image", picture.to_str().unwrap()]);
        }
        arguments.extend(["--aggregate", how]);
        library.json(&arguments)
    };
    let (mean, median) = (ranked("mean"), ranked("median"));
    assert_eq!(case_ids(&mean), ["three", "two"], "{mean}");
    assert_eq!(case_ids(&median), ["two", "three"], "{median}");
    let best = median["hits"][0]["found_by"][0]["score"].as_f64().unwrap();
    assert!(best > 0.999, "{best}");
}

#[test]
fn answers_say_what_they_came_from() {
    let library = Library::new();
    let picture = photographs(library.path(), 1).remove(0);
    ingest(&library, &[(&picture, "0042")]);
    // As DICOM files are often called.
    std::fs::copy(&picture, library.path().join("000123")).unwrap();
    let queries = library.path().join("queries.csv");
    std::fs::write(
        &queries,
        "id,image,text\n007,000123,\n008,,zebrafish\n009,none,\n",
    )
    .unwrap();
    let out = library.path().join("hits.csv");
    let arguments = [
        "search",
        "--batch",
        queries.to_str().unwrap(),
        "--csv",
        out.to_str().unwrap(),
    ];
    let output = library.run(&arguments);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
    let status = library.json(&["status"]);
    let mut table = csv::Reader::from_path(&out).unwrap();
    let rows: Vec<BTreeMap<String, String>> = table.deserialize().map(Result::unwrap).collect();
    assert_eq!(
        (rows[0]["query"].as_str(), rows[0]["case_id"].as_str()),
        ("007", "0042")
    );
    for row in &rows[..2] {
        assert_eq!(row["model"], status["model"]["id"].as_str().unwrap());
        assert_eq!(row["profile"], status["model"]["profile"].as_str().unwrap());
        assert_eq!(row["index_seq"], status["index"]["applied"].to_string());
        assert!(row["pipeline_version"].parse::<u32>().unwrap() > 0);
    }
    assert_eq!(rows[1]["note"], "no case matches");
    assert!(rows[2]["note"].contains("cannot be read") && rows[2]["model"].is_empty());

    for words in ["case", "zebrafish"] {
        let printed = text(&library.run(&["search", "--text", words]).stdout);
        let last = printed.lines().last().unwrap();
        let told = format!("index sequence {}", status["index"]["applied"]);
        assert!(
            last.starts_with("model casekin demo model (") && last.ends_with(&told),
            "{printed}"
        );
    }
}
