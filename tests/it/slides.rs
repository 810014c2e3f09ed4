//! Whole slides through the program: ingested in place, found, looked at tile by tile, forgotten when deleted.

use casekin_imaging::{ImagingError, Limits, Slide, Source};

use std::path::{Path, PathBuf};

use reqwest::blocking::multipart::{Form, Part};

use crate::support::{Http, Library, case_ids, files_under, shared, skip};

const CMU: &str = "CMU-1-Small-Region.svs";

/// The slide; says why not where it, or the library that reads it, is missing.
fn slide() -> Option<PathBuf> {
    let slide = shared()?.join("data/wsi").join(CMU);
    let opened = Slide::open(&Source::Path(slide.clone()), &Limits::default());
    if matches!(opened, Err(ImagingError::FindOpenSlide { .. })) {
        skip("OpenSlide is not installed: cargo xtask setup fetches it");
        return None;
    }
    Some(slide)
}

#[test]
fn a_slide_is_ingested_in_place_and_shown_tile_by_tile() {
    let Some(slide) = slide() else { return };
    let library = Library::new();
    let batch = library.json(&["ingest", slide.to_str().unwrap()]);
    assert_eq!(
        (&batch["failed"], &batch["done"]),
        (&0.into(), &1.into()),
        "{batch}"
    );

    let answer = library.json(&["search", "--image", slide.to_str().unwrap()]);
    let by_picture = case_ids(&answer).remove(0);

    let service = library.serve(&[]);
    let http = service.http();
    let record = http.get_json(&format!("/api/v1/cases/{by_picture}"));
    let image = &record["images"][0];
    assert_eq!(image["format"], "slide", "{image}");
    assert_eq!(image["modality"], "SM");
    assert_eq!(
        (&image["width_px"], &image["height_px"]),
        (&2220.into(), &2967.into())
    );
    assert!(image["views"].as_u64().unwrap() > 1, "{image}");

    let id = image["image_id"].as_str().unwrap();
    look_at(&http, id);

    let case = format!("{}/api/v1/cases/{by_picture}", http.url);
    assert!(
        http.client
            .delete(case)
            .send()
            .unwrap()
            .status()
            .is_success()
    );
    let tile = format!("{}/api/v1/images/{id}/tiles/0/12/3_4.jpg", http.url);
    let gone = http.client.get(tile).send().unwrap().status();
    assert_eq!(gone.as_u16(), 404, "no tile outlives its case");
}

/// Pyramid, tiles, boxes: as JPEG where they exist, an error of the client's where they do not.
fn look_at(http: &Http, id: &str) {
    let pyramid = http.get_json(&format!("/api/v1/images/{id}/pyramid"));
    assert_eq!(
        (&pyramid["width_px"], &pyramid["levels"]),
        (&2220.into(), &13.into())
    );
    for path in [
        format!("/api/v1/images/{id}/thumbnail"),
        format!("/api/v1/images/{id}/rendered?size=300"),
        format!("/api/v1/images/{id}/rendered?box=1000,1200,300,200"),
        format!("/api/v1/images/{id}/tiles/0/12/3_4.jpg"),
        format!("/api/v1/images/{id}/tiles/0/12/3_4.jpg"),
        format!("/api/v1/images/{id}/tiles/0/0/0_0.jpg"),
    ] {
        let bytes = http.get(&path).bytes().unwrap();
        assert_eq!(&bytes[..3], b"\xff\xd8\xff", "{path}: {bytes:?}");
    }
    for path in [
        "tiles/0/12/9_0.jpg",
        "tiles/1/12/3_4.jpg",
        "tiles/0/13/0_0.jpg",
    ] {
        let url = format!("{}/api/v1/images/{id}/{path}", http.url);
        let status = http.client.get(url).send().unwrap().status();
        assert!(status.is_client_error(), "{path}: {status}");
    }
}

/// What a library keeps of its own: everything but the model.
fn kept(library: &Library) -> Vec<Vec<u8>> {
    let models = library.data().join("models");
    files_under(&library.data())
        .into_iter()
        .filter(|(path, _)| !path.starts_with(&models))
        .map(|(_, bytes)| bytes)
        .collect()
}

/// Stretches of a file from all over it; none of a single value, which any file may have.
fn stretches(file: &[u8]) -> Vec<&[u8]> {
    let step = file.len() / 12;
    let found = (0..12).map(|at| &file[at * step..][..48]);
    found
        .filter(|stretch| stretch.iter().any(|byte| *byte != stretch[0]))
        .collect()
}

fn holds_any(files: &[Vec<u8>], stretches: &[&[u8]]) -> bool {
    let holds = |file: &[u8], wanted: &[u8]| {
        let starts = file.windows(wanted.len());
        starts.into_iter().any(|window| window == wanted)
    };
    files
        .iter()
        .any(|file| stretches.iter().any(|wanted| holds(file, wanted)))
}

fn upload(http: &Http, slide: &Path) {
    let part = Part::file(slide).unwrap().file_name(CMU);
    let response = http
        .client
        .post(format!("{}/api/v1/ingest", http.url))
        .multipart(Form::new().part("file", part))
        .send()
        .unwrap();
    assert!(
        response.status().is_success(),
        "{}",
        response.text().unwrap()
    );
}

#[test]
fn a_slide_in_place_leaves_no_copy_of_itself_and_an_uploaded_one_does() {
    let Some(slide) = slide() else { return };
    let content = std::fs::read(&slide).unwrap();
    let wanted = stretches(&content);
    assert!(wanted.len() > 9, "most of a slide is compressed");
    let size = |files: &[Vec<u8>]| files.iter().map(Vec::len).sum::<usize>();
    let library = Library::new();
    library.json(&["status"]);
    let before = size(&kept(&library));
    library.json(&["ingest", slide.to_str().unwrap()]);
    let files = kept(&library);
    let grown = size(&files).saturating_sub(before);
    assert!(
        grown < content.len() / 3,
        "{grown} bytes are kept of {}",
        content.len()
    );
    assert!(!holds_any(&files, &wanted), "the file's own bytes are kept");
    assert!(
        holds_any(std::slice::from_ref(&content), &wanted),
        "they would be found"
    );

    // What is uploaded has to be kept, sealed: the same measure tells.
    let uploaded = Library::new();
    let service = uploaded.serve(&["--no-worker"]);
    let before = size(&kept(&uploaded));
    upload(&service.http(), &slide);
    let files = kept(&uploaded);
    assert!(size(&files) - before >= content.len());
}
