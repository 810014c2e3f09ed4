//! `casekin model verify`, and the check that a service makes when it starts.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use flate2::write::DeflateEncoder;
use serde_json::{Value, json};

use crate::support::{Library, shared, text};

fn demo_model() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/encoder/demo-model")
}

/// A copy of the demo model, in the folder `another`, that counts as another one: its configuration has one space more.
pub fn another_model(library: &Library) -> PathBuf {
    let dir = library.path().join("another");
    std::fs::create_dir_all(&dir).unwrap();
    for name in [
        "config.json",
        "preprocessor_config.json",
        "tokenizer.json",
        "model.safetensors",
    ] {
        std::fs::copy(demo_model().join(name), dir.join(name)).unwrap();
    }
    let config = dir.join("preprocessor_config.json");
    let text = std::fs::read_to_string(&config).unwrap() + " ";
    std::fs::write(config, text).unwrap();
    dir
}

pub fn failed(library: &Library, arguments: &[&str]) -> String {
    let output = library.run(arguments);
    assert!(!output.status.success(), "{}", text(&output.stdout));
    text(&output.stderr)
}

#[test]
fn the_demo_model_is_verified_in_no_time() {
    let library = Library::new();
    let verified = library.json(&["model", "verify"]);
    let check = &verified[0]["check"];
    println!("verified in {} ms", check["took_ms"]);
    assert_eq!(verified[0]["active"], true);
    assert_eq!(check["provider"], "CPUExecutionProvider");
    assert_eq!(check["values_read"], true);
    assert!(check["runtime_version"].as_str().unwrap().starts_with("1."));
    assert!(check["tensors"].as_u64().unwrap() > 100);
    let towers = check["towers"].as_array().unwrap();
    assert_eq!(towers.len(), 2);
    for tower in towers {
        assert!(
            tower["agreement"]["cosine"].as_f64().unwrap() >= 0.99999,
            "{tower}"
        );
    }
    assert!(check["took_ms"].as_u64().unwrap() < 2_000, "{check}");

    let shown = text(&library.run(&["model", "verify"]).stdout);
    for part in [
        "image tower",
        "text tower",
        "ONNX Runtime 1.",
        "every value finite",
    ] {
        assert!(shown.contains(part), "{shown}");
    }
    assert!(failed(&library, &["model", "verify", "no-such-model"]).contains("model list"));
}

#[test]
fn a_service_checks_its_model_before_it_listens() {
    let library = Library::new();
    let service = library.serve(&["--no-worker"]);
    // Without the colours of a terminal.
    let coloured = service.kill();
    let mut parts = coloured.split('\u{1b}');
    let mut log = parts.next().unwrap_or_default().to_owned();
    log.extend(parts.filter_map(|part| part.split_once('m').map(|(_, text)| text)));
    let line = log
        .lines()
        .find(|line| line.contains("the model gives its self-check vectors"))
        .unwrap_or_else(|| panic!("{log}"));
    println!("{line}");
    let took = line.split("took_ms=").nth(1).unwrap();
    let digits: String = took.chars().take_while(char::is_ascii_digit).collect();
    assert!(digits.parse::<u64>().unwrap() < 2_000, "{line}");
}

#[test]
fn a_model_is_held_to_what_it_gave_when_it_was_added() {
    let library = Library::new();
    let dir = another_model(&library);
    let added = library.json(&["model", "add", dir.to_str().unwrap()]);
    let id = added[0]["id"].as_str().unwrap();
    let record = library.data().join(format!("models/self-checks/{id}.json"));
    let recorded = std::fs::read_to_string(&record).unwrap();
    let verified = library.json(&["model", "verify"]);
    for tower in verified[0]["check"]["towers"].as_array().unwrap() {
        assert!(tower["agreement"]["cosine"].as_f64().unwrap() > 0.999_999);
    }

    // As if the text tower had given something else then: now it does not give that.
    let mut changed: Value = serde_json::from_str(&recorded).unwrap();
    for vector in changed["vectors"].as_array_mut().unwrap() {
        if vector["tower"] == "text" {
            vector["vector"].as_array_mut().unwrap().reverse();
        }
    }
    std::fs::write(&record, changed.to_string()).unwrap();
    let told = failed(&library, &["model", "verify"]);
    assert!(
        told.contains("text tower") && told.contains("self-check"),
        "{told}"
    );

    // A service with such a model works, but encodes nothing.
    let service = library.serve(&["--no-worker"]);
    let http = service.http();
    let response = http.post("/api/v1/embed", &json!({ "texts": ["effusion"] }));
    assert_eq!(response.status().as_u16(), 503);
    let body: Value = response.json().unwrap();
    assert_eq!(body["code"], "no_encoder");
    assert!(
        body["message"]
            .as_str()
            .unwrap()
            .contains("failed its self-check"),
        "{body}"
    );
    assert_eq!(http.get_json("/api/v1/status")["cases"], 0);
    assert!(service.kill().contains("is not used"));

    std::fs::write(&record, "{").unwrap();
    assert!(failed(&library, &["model", "verify"]).contains("delete that file"));
    std::fs::write(&record, recorded).unwrap();
    library.json(&["model", "verify"]);
}

#[test]
fn a_model_whose_values_are_no_numbers_is_not_added() {
    let library = Library::new();
    let dir = another_model(&library);
    let weights = dir.join("model.safetensors");
    let mut bytes = std::fs::read(&weights).unwrap();
    let end = bytes.len();
    // Infinity, as 16 bits and as 32.
    bytes[end - 4..].copy_from_slice(&[0x00, 0x7C, 0x80, 0x7F]);
    std::fs::write(&weights, bytes).unwrap();
    let told = failed(&library, &["model", "add", dir.to_str().unwrap()]);
    assert!(
        told.contains("model.safetensors: tensor") && told.contains("not a finite number"),
        "{told}"
    );
    assert_eq!(
        library.json(&["model", "list"]).as_array().unwrap().len(),
        1
    );
}

/// A `.npy` file of version 1.0.
fn npy(kind: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(data);
    bytes
}

fn texts(values: &[&str]) -> Vec<u8> {
    let width = values
        .iter()
        .map(|text| text.chars().count())
        .max()
        .unwrap();
    let wide = values.iter().flat_map(|text| {
        let points = text.chars().map(u32::from).chain(std::iter::repeat(0));
        points
            .take(width)
            .flat_map(u32::to_le_bytes)
            .collect::<Vec<u8>>()
    });
    let data: Vec<u8> = wide.collect();
    npy(
        &format!("<U{width}"),
        &format!("({},)", values.len()),
        &data,
    )
}

fn floats(vectors: &[Vec<f32>]) -> Vec<u8> {
    let data: Vec<u8> = vectors
        .concat()
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect();
    npy(
        "<f4",
        &format!("({}, {})", vectors.len(), vectors[0].len()),
        &data,
    )
}

/// A table of objects `[name, vector]`, as Google publishes its vectors; the pickle in protocol 3.
fn objects(rows: &[(&str, &Vec<f32>)]) -> Vec<u8> {
    let text = |text: &str| {
        [
            b"X".as_slice(),
            &(text.len() as u32).to_le_bytes(),
            text.as_bytes(),
        ]
        .concat()
    };
    let made = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85C\x01b\x87R";
    let kind = |kind: &str| [b"cnumpy\ndtype\n".as_slice(), &text(kind), b"\x89\x88\x87R"].concat();
    let int = |value: usize| [b"J".as_slice(), &(value as i32).to_le_bytes()].concat();
    let mut pickle = [
        b"\x80\x03".as_slice(),
        made,
        b"(K\x01",
        &int(rows.len()),
        b"K\x02\x86",
        &kind("O8"),
        b"\x89](",
    ]
    .concat();
    for (name, vector) in rows {
        let data: Vec<u8> = vector
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect();
        pickle.extend(text(name));
        pickle.extend(
            [
                made.as_slice(),
                b"(K\x01",
                &int(vector.len()),
                b"\x85",
                &kind("f4"),
                b"\x89B",
            ]
            .concat(),
        );
        pickle.extend((data.len() as u32).to_le_bytes());
        pickle.extend(data);
        pickle.extend(b"tb");
    }
    pickle.extend(b"etb.");
    npy("|O", &format!("({}, 2)", rows.len()), &pickle)
}

/// A ZIP of these arrays: the first compressed, as savez_compressed does it, the others stored.
fn archive(path: &Path, arrays: &[(&str, Vec<u8>)]) {
    let (mut file, mut directory) = (Vec::new(), Vec::new());
    for (at, (name, bytes)) in arrays.iter().enumerate() {
        let (name, offset) = (format!("{name}.npy"), file.len() as u32);
        let packed = if at == 0 {
            let mut encoder = DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        } else {
            bytes.clone()
        };
        // Version, flags, method, time, checksum, both sizes, length of the name and of an extra field.
        let mut fields = [45_u16, 0, if at == 0 { 8 } else { 0 }, 0, 0]
            .map(u16::to_le_bytes)
            .concat();
        for size in [
            crc32fast::hash(bytes),
            packed.len() as u32,
            bytes.len() as u32,
        ] {
            fields.extend(size.to_le_bytes());
        }
        fields.extend((name.len() as u16).to_le_bytes());
        file.extend(
            [
                b"PK\x03\x04".as_slice(),
                &fields,
                &[4, 0],
                name.as_bytes(),
                &[1, 0, 0, 0],
                &packed,
            ]
            .concat(),
        );
        directory.extend(
            [
                b"PK\x01\x02\x2d\0".as_slice(),
                &fields,
                &[0; 12],
                &offset.to_le_bytes(),
                name.as_bytes(),
            ]
            .concat(),
        );
    }
    let (count, size, offset) = (
        arrays.len() as u16,
        directory.len() as u32,
        file.len() as u32,
    );
    file.extend(directory);
    file.extend(b"PK\x05\x06\0\0\0\0");
    file.extend([count, count].map(u16::to_le_bytes).concat());
    file.extend([size, offset].map(u32::to_le_bytes).concat());
    file.extend([0, 0]);
    std::fs::write(path, file).unwrap();
}

#[test]
fn published_vectors_are_reached_and_others_are_not() {
    let Some(shared) = shared() else {
        return;
    };
    let (model, images) = (
        shared.join("reference/tiny-siglip"),
        shared.join("reference/images"),
    );
    let expected = std::fs::read(model.join("expected.json")).unwrap();
    let expected: Value = serde_json::from_slice(&expected).unwrap();
    let numbers = |value: &Value| -> Vec<f32> {
        let values = value.as_array().unwrap().iter();
        values.map(|value| value.as_f64().unwrap() as f32).collect()
    };
    let of = |list: &str, name: &str, vector: &str| -> (Vec<String>, Vec<Vec<f32>>) {
        let entries = expected[list].as_array().unwrap().iter();
        let pair = |one: &Value| {
            (
                one[name].as_str().unwrap().to_owned(),
                numbers(&one[vector]),
            )
        };
        entries.map(pair).unzip()
    };
    let library = Library::new();
    library.json(&["model", "add", model.to_str().unwrap()]);
    let file = library.path().join("golden.npz");
    let golden = |extra: &[&str]| {
        let fixed = [
            "model",
            "verify",
            "--golden",
            file.to_str().unwrap(),
            "--json",
        ];
        let output = library.run(&[&fixed[..], extra].concat());
        let read = serde_json::from_slice::<Value>(&output.stdout);
        (
            output.status.code(),
            read.unwrap_or_default(),
            text(&output.stderr),
        )
    };
    let folder = ["--images", images.to_str().unwrap()];

    // Named arrays of pictures and texts, under the profile `train`.
    let (files, mut vectors) = of("images", "file", "train");
    let (sentences, text_vectors) = of("texts", "text", "embedding");
    let names = |names: &[String]| texts(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let write = |vectors: &[Vec<f32>]| {
        let arrays = [
            ("files", names(&files)),
            ("embeddings", floats(vectors)),
            ("texts", names(&sentences)),
            ("text_embeddings", floats(&text_vectors)),
        ];
        archive(&file, &arrays);
    };
    write(&vectors);
    let (code, found, told) = golden(&[&folder[..], &["--profile", "train"]].concat());
    let found = &found[0]["golden"];
    println!(
        "train: least cosine {}, largest difference {}",
        found["least_cosine"], found["largest_difference"]
    );
    assert_eq!(code, Some(0), "{found} {told}");
    assert_eq!(
        found["compared"].as_array().unwrap().len(),
        files.len() + sentences.len()
    );
    assert!(found["least_cosine"].as_f64().unwrap() >= 0.99999);

    // One vector that is another's: it leads the table, and the status says so.
    vectors[2] = vectors[0].clone();
    write(&vectors);
    let (code, found, _) = golden(&[&folder[..], &["--profile", "train"]].concat());
    assert_eq!(code, Some(1));
    assert_eq!(found[0]["golden"]["below"], 1);
    assert_eq!(found[0]["golden"]["compared"][0]["of"], files[2].as_str());

    // A table of objects with the processor's vectors, which is the profile when none is given; longer paths, a picture
    // that is not here, and lengths other than 1.
    let (files, vectors) = of("images", "file", "hf");
    let scaled: Vec<Vec<f32>> = vectors
        .iter()
        .map(|vector| vector.iter().map(|value| value * 7.5).collect())
        .collect();
    let paths: Vec<String> = files
        .iter()
        .map(|name| format!("dataset/images/{name}"))
        .collect();
    let mut rows: Vec<(&str, &Vec<f32>)> = paths.iter().map(String::as_str).zip(&scaled).collect();
    rows.push(("dataset/images/absent.png", &scaled[0]));
    archive(&file, &[("data", objects(&rows))]);
    let (code, found, told) = golden(&folder);
    let found = &found[0]["golden"];
    println!(
        "hf: least cosine {}, largest difference {}",
        found["least_cosine"], found["largest_difference"]
    );
    assert_eq!(found["profile"], "hf");
    assert_eq!(found["missing"], json!(["dataset/images/absent.png"]));
    assert_eq!(code, Some(0), "{found} {told}");

    let (code, _, told) = golden(&[]);
    assert!(code == Some(1) && told.contains("--images"), "{told}");
    archive(&file, &[("weights", floats(&vectors))]);
    let (code, _, told) = golden(&folder);
    assert!(
        code == Some(1) && told.contains("text_embeddings"),
        "{told}"
    );
    std::fs::write(&file, "no archive").unwrap();
    let (code, _, told) = golden(&folder);
    assert!(code == Some(1) && told.contains(".npz"), "{told}");
}
