//! The material: decoded phantoms of all families.

use std::sync::Arc;

use casekin_imaging::{DecodeRequest, Limits, Rgb8, Source, decode};
use casekin_phantoms::draw_case;

const SEED: u64 = 41;
const CASES: u64 = 12;

/// The encoded files of drawn cases: DICOM and PNG.
pub fn files() -> Vec<Arc<[u8]>> {
    (0..CASES)
        .flat_map(|index| draw_case(SEED, index).images)
        .map(|image| Arc::from(image.bytes))
        .collect()
}

/// What decoding a file is asked for.
pub fn request(bytes: &Arc<[u8]>) -> DecodeRequest {
    let source = Source::Bytes {
        name: "phantom".to_owned(),
        bytes: Arc::clone(bytes),
    };
    DecodeRequest {
        source,
        limits: Limits::default(),
        thumbnail_px: 320,
        cuts: casekin_imaging::Cuts::default(),
        volume: None,
    }
}

/// The views of drawn cases.
pub fn views() -> Vec<Rgb8> {
    files()
        .iter()
        .flat_map(|bytes| decode(&request(bytes)).unwrap().views)
        .map(|view| view.rgb)
        .collect()
}
