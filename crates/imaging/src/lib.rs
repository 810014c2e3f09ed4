//! Hostile bytes in, RGB views out.
//!
//! What it does: recognises a picture by its content (DICOM, PNG, JPEG, TIFF, BMP, WebP, GIF), reads its
//! header, decodes its pixels under [`Limits`], and turns them into what the encoder reads
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
mod limits;
mod pipeline;
mod raster;
mod rgb;
mod source;
mod stage;

pub use cuts::{Cuts, Mosaic, PlainViews};
pub use deep_zoom::{DeepZoom, DeepZoomLevel, DeepZoomTile, deep_zoom_tile};
pub use error::ImagingError;
pub use facts::{Facts, Format, Header, Identity, Inspection};
pub use limits::Limits;
pub use pipeline::{
    DecodeRequest, Decoded, RegionRequest, RenderRequest, View, ViewKind, decode, inspect, region,
    render, stage,
};
pub use rgb::{Rgb8, encode_jpeg, encode_png};
pub use source::Source;
pub use stage::{Samples, Stage, StagePixels, StageRequest};

/// Version of windowing, orientation and cutting. It is stamped on every vector: views that were made by
/// different versions are never compared.
pub const PIPELINE_VERSION: u32 = 2;
