//! Pictures from outside. One program for all, for each is linked with everything below.

#![allow(
    clippy::unwrap_used,
    reason = "a test stops at the first thing that is wrong"
)]

mod colour_labels;
mod compressed;
mod corpus;
mod dicom_formats;
mod dicom_layouts;
mod dicom_stages;
mod grey_levels;
mod hostile;
mod hostile_found;
mod nifti;
mod nifti_files;
mod raster;
mod raster_jpeg2000;
mod raster_shared;
mod raster_tiff;
mod raster_turned;
mod samples;
mod slide;
mod slide_dicom;
mod slide_dicom_forms;
mod slide_labels;
mod slide_mosaic;
mod slides;
mod volumes;
mod written;
