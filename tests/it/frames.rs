//! Pictures of several frames over HTTP: each is shown by itself, through the window that is asked for, and one that is
//! not there is the client's error.

use std::path::{Path, PathBuf};

use dicom_core::{DataElement, PrimitiveValue, VR};
use dicom_dictionary_std::{tags, uids};
use dicom_object::{FileMetaTableBuilder, InMemDicomObject};
use image::DynamicImage;
use serde_json::Value;

use crate::support::{Http, Library};

const SIDE: u16 = 64;

/// A film of three frames, each of one level.
fn film(folder: &Path, levels: [u8; 3]) -> PathBuf {
    let text = |tag, vr, value: &str| DataElement::new(tag, vr, PrimitiveValue::from(value));
    let number = |tag, value: u16| DataElement::new(tag, VR::US, PrimitiveValue::from(value));
    let frame = |level: u8| vec![level; usize::from(SIDE) * usize::from(SIDE)];
    let pixels: Vec<u8> = levels.into_iter().flat_map(frame).collect();
    let class = uids::ULTRASOUND_MULTI_FRAME_IMAGE_STORAGE;
    let object = InMemDicomObject::from_element_iter([
        text(tags::SOP_CLASS_UID, VR::UI, class),
        text(tags::SOP_INSTANCE_UID, VR::UI, "1.2.3.4"),
        text(tags::MODALITY, VR::CS, "US"),
        number(tags::SAMPLES_PER_PIXEL, 1),
        text(tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "MONOCHROME2"),
        text(tags::NUMBER_OF_FRAMES, VR::IS, "3"),
        number(tags::ROWS, SIDE),
        number(tags::COLUMNS, SIDE),
        number(tags::BITS_ALLOCATED, 8),
        number(tags::BITS_STORED, 8),
        number(tags::HIGH_BIT, 7),
        number(tags::PIXEL_REPRESENTATION, 0),
        DataElement::new(tags::PIXEL_DATA, VR::OB, PrimitiveValue::from(pixels)),
    ]);
    let meta = FileMetaTableBuilder::new().transfer_syntax(uids::EXPLICIT_VR_LITTLE_ENDIAN);
    let path = folder.join("film.dcm");
    object
        .with_meta(meta)
        .unwrap()
        .write_to_file(&path)
        .unwrap();
    path
}

/// A NIfTI-1 volume of two axial slices of 16-bit values.
fn volume(folder: &Path, name: &str, value: impl Fn(u16, u16, u16) -> i16) -> PathBuf {
    let mut file = vec![0u8; 352];
    let mut put = |at: usize, bytes: &[u8]| file[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, &348i32.to_le_bytes());
    for (index, side) in [3, SIDE, SIDE, 2, 1, 1, 1, 1].into_iter().enumerate() {
        put(40 + index * 2, &side.to_le_bytes());
        put(76 + index * 4, &1f32.to_le_bytes());
    }
    put(70, &4i16.to_le_bytes());
    put(72, &16i16.to_le_bytes());
    put(108, &352f32.to_le_bytes());
    put(344, b"n+1\0");
    for z in 0..2 {
        let voxels = (0..SIDE).flat_map(|y| (0..SIDE).map(move |x| (x, y)));
        file.extend(voxels.flat_map(|(x, y)| value(x, y, z).to_le_bytes()));
    }
    let path = folder.join(name);
    std::fs::write(&path, file).unwrap();
    path
}

/// Ingests one file, and gives the record of its only image.
fn only_image(library: &Library, http: &Http, file: &Path) -> Value {
    let batch = library.json(&["ingest", file.to_str().unwrap()]);
    assert_eq!(batch["done"], 1, "{batch}");
    // The last added is the first of the list.
    let listed = http.get_json("/api/v1/cases");
    let case_id = listed["cases"][0]["case_id"].as_str().unwrap();
    http.get_json(&format!("/api/v1/cases/{case_id}"))["images"][0].clone()
}

fn picture(http: &Http, image: &Value, path: &str) -> DynamicImage {
    let id = image["image_id"].as_str().unwrap();
    let path = format!("/api/v1/images/{id}/{path}");
    let response = http.get(&path);
    assert!(response.status().is_success(), "{path}");
    image::load_from_memory(&response.bytes().unwrap()).unwrap()
}

/// Level at a place of a picture that the service shows.
fn level(http: &Http, image: &Value, path: &str, [x, y]: [u32; 2]) -> u8 {
    picture(http, image, path).into_luma8().get_pixel(x, y).0[0]
}

#[test]
fn each_frame_of_a_film_is_shown_and_one_beyond_the_last_is_the_clients_error() {
    let library = Library::new();
    let service = library.serve(&[]);
    let http = service.http();
    let levels = [20, 120, 230];
    let image = only_image(&library, &http, &film(library.path(), levels));
    assert_eq!(
        (&image["frames"], &image["format"]),
        (&3.into(), &"dicom".into())
    );
    for (frame, expected) in levels.into_iter().enumerate() {
        for path in [
            format!("rendered?frame={frame}"),
            format!("rendered?frame={frame}&box=4,4,20,20"),
            format!("tiles/{frame}/6/0_0.jpg"),
        ] {
            let found = level(&http, &image, &path, [9, 9]);
            assert!(found.abs_diff(expected) <= 2, "{path}: {found}");
        }
    }
    let first = level(&http, &image, "rendered", [9, 9]);
    assert!(first.abs_diff(levels[0]) <= 2, "frames count from 0");

    let id = image["image_id"].as_str().unwrap();
    for path in [
        "rendered?frame=3",
        "rendered?frame=4294967295",
        "pyramid?frame=3",
        "tiles/3/6/0_0.jpg",
    ] {
        let refused = http.get(&format!("/api/v1/images/{id}/{path}"));
        assert_eq!(refused.status().as_u16(), 422, "{path}");
        let body: Value = refused.json().unwrap();
        assert_eq!(body["code"], "picture_unreadable", "{path}: {body}");
        let message = body["message"].as_str().unwrap();
        assert!(message.contains("of 3"), "{path}: {message}");
    }
    for path in ["rendered?frame=-1", "rendered?frame=first"] {
        let refused = http.get(&format!("/api/v1/images/{id}/{path}"));
        assert_eq!(refused.status().as_u16(), 400, "{path}");
    }
}

#[test]
fn a_nifti_volume_is_seen_slice_by_slice_through_the_window_that_is_asked_for() {
    let library = Library::new();
    let service = library.serve(&[]);
    let http = service.http();
    // Signal without units: from 0 on the left to 630 on the right, the upper slice brighter by 300.
    let signal = |x: u16, _: u16, z: u16| (x * 10 + z * 300) as i16;
    let image = only_image(&library, &http, &volume(library.path(), "mr.nii", signal));
    assert_eq!(
        (&image["frames"], &image["format"]),
        (&2.into(), &"nifti".into())
    );
    // Without a sform i runs to the patient's left, which is the viewer's right.
    let at = |x: u32| [x, 30];
    let seen = |asked: &str, x: u32| level(&http, &image, &format!("rendered?{asked}"), at(x));
    let (dark, bright) = (seen("frame=0", 2), seen("frame=1", 61));
    assert!(
        dark < 20 && bright > 235,
        "the volume's percentiles: {dark} to {bright}"
    );
    assert!(seen("frame=1", 2) > seen("frame=0", 2) + 60);
    // Centre 315 and width 101: black up to 265, white from 365.
    let narrow = "frame=0&window=315,101";
    let (black, middle, white) = (seen(narrow, 20), seen(narrow, 31), seen(narrow, 45));
    assert!(
        black < 10 && middle.abs_diff(115) < 30 && white > 245,
        "{black} {middle} {white}"
    );
    let tile = "tiles/0/6/0_0.jpg";
    let through = |window: &str| level(&http, &image, &format!("{tile}{window}"), at(45));
    assert!(through("?window=315,101") > through("") + 40);

    // Hounsfield units: air on the left, bone on the right; soft tissue where nothing is asked.
    let units = |x: u16, _: u16, _: u16| (i32::from(x) * 32 - 1000) as i16;
    let image = only_image(&library, &http, &volume(library.path(), "ct.nii", units));
    let seen = |asked: &str, x: u32| level(&http, &image, &format!("rendered?{asked}"), at(x));
    assert_eq!((seen("", 20), seen("", 45)), (0, 255));
    let lung = seen("window=-600,1500", 20);
    assert!(
        (120..180).contains(&lung),
        "-360 HU in the window of lungs: {lung}"
    );
    let id = image["image_id"].as_str().unwrap();
    let refused = http.get(&format!("/api/v1/images/{id}/rendered?window=40,0"));
    assert_eq!(refused.status().as_u16(), 400);
}
