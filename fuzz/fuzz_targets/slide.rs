//! Opens, cuts and shows what libFuzzer makes of the seeds of `slide`: whole slides in DICOM, and tiled TIFFs, whose
//! directories casekin walks before anybody else does. OpenSlide is kept out (see `casekin_fuzz::quiet`): its memory
//! errors are not casekin's to find, and decode workers contain them.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(init: casekin_fuzz::quiet(), |bytes: &[u8]| casekin_fuzz::open_slide(bytes));
