//! Hostile bytes in, RGB views out.
//!
//! What it does: recognises a picture by its content (DICOM, NIfTI, PNG, JPEG, TIFF, BMP, WebP, GIF,
//! JPEG 2000), reads its header, decodes its pixels under [`Limits`], and turns them into what the encoder reads
//! ([`decode`], [`region`]) and into what a person looks at ([`render`], [`deep_zoom_tile`]).
//!
//! What it never does: network, SQL, async, writing files, or trusting a name, a length or a count that a
//! file states. Requests and answers are plain serialisable data, so that decoding can move into a worker
//! process. No error carries a value of the patient's: errors name attribute and reason.

mod cuts;
mod deep_zoom;
mod dicom;
mod error;
mod facts;
mod isolation;
mod limits;
mod nifti;
mod picture;
mod pipeline;
mod raster;
mod recognise;
mod rgb;
mod slices;
mod slide;
mod source;
mod stage;
mod tiff_shares;
mod volume;
mod ycbcr_labels;

pub use cuts::{Cuts, Mosaic, PlainViews};
pub use deep_zoom::{DeepZoom, DeepZoomLevel, DeepZoomTile, deep_zoom_tile};
pub use error::ImagingError;
pub use facts::{Facts, Format, Header, Identity, Inspection, SlicePlace};
pub use isolation::{Answer, Call, Decoders, ServedSlide, WorkerCommand, serve, serve_with};
pub use limits::Limits;
pub use pipeline::{
    DecodeRequest, Decoded, RegionRequest, RenderRequest, SlideTileRequest, View, ViewKind, decode,
    inspect, region, render, slide_size, slide_tile, stage,
};
pub use rgb::{Rgb8, encode_jpeg, encode_png};
pub use slide::Slide;
pub use source::Source;
pub use stage::{Samples, Stage, StagePixels, StageRequest};
pub use volume::{
    SliceSurvey, SurveyRequest, VolumePlan, VolumeSlice, compared_slices, plan_volume, survey,
};

/// Version of windowing, orientation and cutting. It is stamped on every vector: views that were made by
/// different versions are never compared.
pub const PIPELINE_VERSION: u32 = 3;
