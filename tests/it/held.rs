//! Nothing is written with a model that does not give what it gave when it was added: by an ingest, by a worker on
//! another machine, by a re-encoding.

use std::path::PathBuf;

use serde_json::Value;

use crate::support::{Library, text};
use crate::verify::{another_model, failed};

/// The self-check vectors that a library keeps of a model.
struct Record {
    file: PathBuf,
    kept: String,
}

impl Record {
    fn of(library: &Library, model: &str) -> Self {
        let models = library.json(&["model", "list"]);
        let mut models = models.as_array().unwrap().iter();
        let id = models.find(|one| one["name"] == model).unwrap()["id"].clone();
        let file = format!("models/self-checks/{}.json", id.as_str().unwrap());
        let file = library.data().join(file);
        let kept = std::fs::read_to_string(&file).unwrap();
        Self { file, kept }
    }

    /// As if the image tower had given something else when it was added.
    fn change(&self) {
        let mut changed: Value = serde_json::from_str(&self.kept).unwrap();
        for vector in changed["vectors"].as_array_mut().unwrap() {
            if vector["tower"] == "image" {
                vector["vector"].as_array_mut().unwrap().reverse();
            }
        }
        std::fs::write(&self.file, changed.to_string()).unwrap();
    }

    fn restore(&self) {
        std::fs::write(&self.file, &self.kept).unwrap();
    }
}

/// What is said of a model that is not used, with what to do.
fn assert_told(told: &str) {
    for part in [
        "failed its self-check",
        "image tower",
        "casekin model verify",
        "restore the model's files",
    ] {
        assert!(told.contains(part), "{part:?} is not in: {told}");
    }
}

/// Jobs wait and none has failed.
fn assert_nothing_written(status: &Value) {
    assert_eq!(status["vectors"], 0, "{status}");
    assert_eq!(status["jobs"]["failed"], 0, "{status}");
    assert_eq!(status["jobs"]["done"], 0, "{status}");
    assert!(status["jobs"]["queued"].as_u64().unwrap() > 0, "{status}");
}

#[test]
fn an_ingest_is_held_to_the_librarys_record() {
    let library = Library::new();
    let dir = another_model(&library);
    library.json(&["model", "add", dir.to_str().unwrap()]);
    let record = Record::of(&library, "another");
    record.change();
    let manifest = library.draw(51, 3);
    let ingest = ["ingest", "--manifest", manifest.to_str().unwrap()];
    assert_told(&failed(&library, &ingest));
    assert_nothing_written(&library.json(&["status"]));
    assert_told(&failed(&library, &["jobs", "retry"]));

    // A service says so to everybody, and takes no job.
    let service = library.serve(&[]);
    assert_told(&failed(&library, &ingest));
    let status = service.http().get_json("/api/v1/status");
    assert_nothing_written(&status);
    assert_told(status["not_encoding"].as_str().unwrap());
    assert_eq!(status["jobs"]["running"], 0);
    drop(service);

    record.restore();
    library.json(&ingest);
    let status = library.json(&["status"]);
    assert_eq!(status["coverage"], 1.0, "{status}");
    assert!(status.get("not_encoding").is_none());
}

#[test]
fn a_worker_on_another_machine_is_held_to_the_services_record() {
    let library = Library::new();
    let dir = another_model(&library);
    let dir = dir.to_str().unwrap();
    library.json(&["model", "add", dir]);
    let record = Record::of(&library, "another");
    let service = library.serve(&["--no-worker"]);
    let manifest = library.draw(52, 3);
    let manifest = manifest.to_str().unwrap();
    library.json(&["ingest", "--no-wait", "--manifest", manifest]);
    let elsewhere = Library::new();
    let worker = [
        "worker",
        "--server",
        &service.url,
        "--until-idle",
        "--model",
        dir,
    ];
    record.change();
    assert_told(&failed(&elsewhere, &worker));
    assert_nothing_written(&service.http().get_json("/api/v1/status"));
    // It was held to what the service handed over: it has nothing of its own to compare with.
    assert!(!elsewhere.data().join("models/self-checks").exists());

    record.restore();
    let output = elsewhere.run(&worker);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let status = service.http().get_json("/api/v1/status");
    assert_eq!(status["coverage"], 1.0, "{status}");
}

#[test]
fn a_service_makes_the_record_that_it_lacks_before_a_worker_asks() {
    let library = Library::new();
    let file = library.path().join("casekin.toml");
    std::fs::write(&file, "[encoder]\nprofile = \"hf\"\n").unwrap();
    let service = library.serve(&["--no-worker", "--config", file.to_str().unwrap()]);
    let kept = library.data().join("models/self-checks");
    std::fs::remove_dir_all(&kept).unwrap();
    let http = service.http();
    let measure = http.get_json("/api/v1/worker/self-check");
    assert_eq!(measure["model"]["profile"], "hf");
    let vectors = measure["self_check"]["vectors"].as_array().unwrap();
    let of_profile = vectors.iter().filter(|one| one["profile"] == "hf").count();
    assert_eq!(of_profile, 1, "{}", vectors.len());
    assert!(kept.exists());
}

#[test]
fn a_reencoding_is_held_to_the_record_of_its_model() {
    let library = Library::new();
    library.ingest_drawn(53, 3);
    let before = library.json(&["status"]);
    let dir = another_model(&library);
    failed(&library, &["model", "add", dir.to_str().unwrap()]);
    let record = Record::of(&library, "another");
    record.change();
    // Eight bits are held to the vector of the same preprocessing.
    for profile in ["train", "train-int8"] {
        let reencode = ["reencode", "--model", "another", "--profile", profile];
        assert_told(&failed(&library, &reencode));
        let status = library.json(&["status"]);
        assert_eq!(
            (&status["model"], &status["vectors"]),
            (&before["model"], &before["vectors"])
        );
    }
    record.restore();
    library.json(&["reencode", "--model", "another", "--profile", "train-int8"]);
    let status = library.json(&["status"]);
    assert_eq!(status["model"]["name"], "another", "{status}");
    assert_eq!(status["coverage"], 1.0, "{status}");
}
