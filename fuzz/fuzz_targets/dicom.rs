//! Inspects, decodes, renders, surveys and writes stages of what libFuzzer makes of the seeds of `dicom`.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(init: casekin_fuzz::quiet(), |bytes: &[u8]| casekin_fuzz::open(bytes));
