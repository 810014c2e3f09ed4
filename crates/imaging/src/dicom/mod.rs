//! DICOM: parsing, stored values, grey levels and colour.
//!
//! A data set is walked once by `scan`, which finds the pixels without copying them and bounds nesting and
//! lengths; dicom-object then parses the header alone. Frames are decompressed one at a time.

pub(crate) mod attributes;
pub(crate) mod codec;
mod colour;
mod dates;
mod file;
mod fragments;
mod grey;
mod header;
mod identity;
mod in_place;
mod kinds;
mod layout;
mod native;
mod picture;
mod scan;
mod slice;
mod stages;
mod start;
mod stored;
mod syntax;
mod tally;
mod transform;
mod unknown;

pub(crate) use grey::CT_WINDOWS;
pub(crate) use in_place::InPlace;
pub(crate) use picture::{DicomPicture, inspect};
pub(crate) use start::is_dicom;
