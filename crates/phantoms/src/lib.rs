//! casekin-phantoms: a library of synthetic cases, drawn from a seed.
//!
//! Each case is what a hospital would hand over: DICOM or PNG pictures of one study, a report in
//! plain clinical English, and a manifest row. The patients are invented. The same seed gives the
//! same bytes on every machine of one kind; no two cases look alike.
//!
//! The demo model is trained on these pictures and on nothing else. Nothing here belongs in a
//! production path, and nothing here says anything about real disease.

mod canvas;
mod case;
mod dice;
mod dicom;
mod findings;
mod library;
mod paint;
mod plan;
mod raster;
mod report;

pub use case::{PhantomCase, PhantomImage, draw_case, draw_case_of};
pub use library::{LibrarySummary, PhantomError, write_library};
pub use plan::{CasePlan, Extent, Family, Side, plan_case};
pub use raster::{TRAINING_PX, TrainingPicture, training_picture};

/// One line per finding that phantoms can show: family, key and name, normals included.
pub fn finding_names() -> Vec<(Family, &'static str, &'static str)> {
    findings::catalogue()
        .map(|f| (f.family, f.key, f.name))
        .collect()
}
