//! Whole slides through the program: ingested in place, found, looked at tile by tile, forgotten when deleted.

use casekin_imaging::{ImagingError, Limits, Slide, Source};

use crate::support::{Http, Library, case_ids, shared, skip};

const CMU: &str = "CMU-1-Small-Region.svs";

#[test]
fn a_slide_is_ingested_in_place_and_shown_tile_by_tile() {
    let Some(shared) = shared() else { return };
    let slide = shared.join("data/wsi").join(CMU);
    let opened = Slide::open(&Source::Path(slide.clone()), &Limits::default());
    if matches!(opened, Err(ImagingError::FindOpenSlide { .. })) {
        return skip("OpenSlide is not installed: cargo xtask setup fetches it");
    }
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
