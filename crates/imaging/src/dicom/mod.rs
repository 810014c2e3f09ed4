//! DICOM: parsing, stored values, grey levels and colour.

mod stored;

pub use stored::{Samples, StoredFrame};
