//! What a reader of the library relies on: the same bytes for the same seed, files that open,
//! words that agree with the pictures.

use std::collections::{HashMap, HashSet};

use casekin_phantoms::{
    Family, PhantomCase, draw_case, draw_case_of, finding_names, plan_case, write_library,
};
use dicom_dictionary_std::tags;
use dicom_object::{DefaultDicomObject, from_reader};

const SEED: u64 = 31;

fn some_cases() -> Vec<PhantomCase> {
    let whole_catalogue = finding_names().len() as u64;
    (0..whole_catalogue)
        .map(|index| draw_case(SEED, index))
        .collect()
}

fn open(bytes: &[u8]) -> DefaultDicomObject {
    from_reader(bytes).expect("a phantom's DICOM file opens")
}

fn text(object: &DefaultDicomObject, tag: dicom_core::Tag) -> String {
    object
        .element(tag)
        .expect("present")
        .to_str()
        .expect("text")
        .trim()
        .to_owned()
}

#[test]
fn the_same_seed_draws_the_same_case() {
    for index in [0, 7, 19] {
        let (once, again) = (draw_case(SEED, index), draw_case(SEED, index));
        assert_eq!(once.report, again.report);
        assert_eq!(once.accession, again.accession);
        for (a, b) in once.images.iter().zip(&again.images) {
            assert!(
                a.bytes == b.bytes,
                "{} of case {index} differs",
                a.file_name
            );
        }
    }
}

#[test]
fn no_two_pictures_are_alike() {
    let mut seen = HashSet::new();
    for case in some_cases() {
        for image in case.images {
            // Headers always differ; the pixels, which make up the end of each file, must too.
            let tail = image.bytes[image.bytes.len() / 3..].to_vec();
            assert!(
                seen.insert(tail),
                "{} of {} was drawn before",
                image.file_name,
                case.case_id
            );
        }
    }
}

#[test]
fn one_walk_through_the_catalogue_reaches_every_finding() {
    let names = finding_names();
    let findings = names.iter().filter(|(_, key, _)| *key != "normal").count();
    assert!(findings >= 30, "only {findings} findings");
    let reached: HashSet<(Family, &str)> = (0..names.len() as u64)
        .map(|index| plan_case(SEED, index))
        .map(|plan| (plan.family, plan.finding_key()))
        .collect();
    assert_eq!(reached.len(), names.len());
}

#[test]
fn headers_agree_with_the_case() {
    let mut instances = HashSet::new();
    for case in some_cases() {
        let mut studies = HashSet::new();
        for image in case
            .images
            .iter()
            .filter(|image| image.file_name.ends_with(".dcm"))
        {
            let object = open(&image.bytes);
            assert_eq!(text(&object, tags::PATIENT_ID), case.patient_id);
            assert_eq!(text(&object, tags::PATIENT_NAME), case.patient_name);
            assert_eq!(text(&object, tags::ACCESSION_NUMBER), case.accession);
            assert_eq!(text(&object, tags::MODALITY), case.modality);
            assert_eq!(text(&object, tags::PATIENT_SEX), case.sex);
            assert_eq!(text(&object, tags::STUDY_DATE), case.date.replace('-', ""));
            assert_eq!(
                text(&object, tags::PATIENT_AGE),
                format!("{:03}Y", case.age_years)
            );
            let instance = text(&object, tags::SOP_INSTANCE_UID);
            assert!(instance.len() <= 64 && instance.starts_with("2.25."));
            assert!(instances.insert(instance), "an instance UID occurs twice");
            studies.insert(text(&object, tags::STUDY_INSTANCE_UID));
        }
        assert!(studies.len() <= 1, "one case, one study");
    }
}

#[test]
fn ct_holds_hounsfield_units() {
    let case = some_cases()
        .into_iter()
        .find(|case| case.family == Family::Abdomen)
        .expect("the catalogue has abdomens");
    let object = open(&case.images[0].bytes);
    assert_eq!(text(&object, tags::RESCALE_INTERCEPT), "-1024");
    let stored = object
        .element(tags::PIXEL_DATA)
        .expect("pixels")
        .to_multi_int::<u16>()
        .expect("words");
    assert_eq!(stored.len(), 448 * 448);
    let hu = |value: u16| i32::from(value) - 1024;
    assert!(stored.iter().any(|&v| hu(v) < -900), "air round the body");
    assert!(
        stored
            .iter()
            .filter(|&&v| (40..90).contains(&hu(v)))
            .count()
            > 5_000,
        "soft tissue"
    );
    assert!(stored.iter().any(|&v| hu(v) > 300), "bone");
}

#[test]
fn boxes_lie_within_the_picture_and_normals_have_none() {
    for case in some_cases() {
        for image in &case.images {
            match image.lesion_box_px {
                Some([x, y, width, height]) => {
                    assert!(width > 0 && height > 0);
                    assert!(
                        x + width <= 448 && y + height <= 448,
                        "{}: {:?}",
                        case.case_id,
                        image.lesion_box_px
                    );
                    assert!(!case.labels.iter().any(|label| label == "normal"));
                }
                None => assert!(
                    case.labels.iter().any(|label| label == "normal"),
                    "{}",
                    case.main_finding
                ),
            }
        }
    }
}

#[test]
fn reports_deny_other_findings_and_never_their_own() {
    let cases = some_cases();
    for case in &cases {
        let findings = case
            .report
            .split("Findings:")
            .nth(1)
            .expect("a findings section");
        let denied: Vec<&str> = findings
            .split(". ")
            .filter(|s| s.trim_start().starts_with("No "))
            .collect();
        let shows = case.main_finding.to_lowercase();
        assert!(case.report.contains("Clinical history:") && case.report.contains("Impression:"));
        for sentence in &denied {
            let name = sentence
                .trim_start()
                .trim_start_matches("No ")
                .trim_end_matches('.')
                .to_lowercase();
            assert!(
                !shows.contains(&name),
                "{} denies itself: {sentence}",
                case.main_finding
            );
        }
        assert!(
            !case.report.contains('{'),
            "an unfilled slot: {}",
            case.report
        );
    }
    let denying = cases
        .iter()
        .filter(|case| case.report.contains("No "))
        .count();
    assert!(
        denying * 10 >= cases.len() * 9,
        "{denying} of {} reports deny anything",
        cases.len()
    );
}

#[test]
fn the_manifest_names_every_picture() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut steps = Vec::new();
    let summary =
        write_library(folder.path(), SEED, 12, 1, &mut |done| steps.push(done)).expect("written");
    assert_eq!(steps, (1..=12).collect::<Vec<u64>>());
    let mut manifest =
        csv::Reader::from_path(folder.path().join("manifest.csv")).expect("a manifest");
    let rows: Vec<HashMap<String, String>> = manifest
        .deserialize()
        .collect::<Result<_, _>>()
        .expect("every row parses");
    assert_eq!(rows.len() as u64, summary.images);
    let mut cases = HashSet::new();
    for row in &rows {
        let size = folder
            .path()
            .join(&row["path"])
            .metadata()
            .expect("the file is there")
            .len();
        assert!(size > 10_000);
        assert!(
            row["age"]
                .parse::<u32>()
                .is_ok_and(|age| (18..=95).contains(&age))
        );
        assert!(!row["labels"].is_empty() && row["report"].contains("Impression"));
        cases.insert(row["case_id"].clone());
    }
    assert_eq!(cases.len() as u64, summary.cases);
}

#[test]
fn a_second_finding_has_pictures_words_and_labels_of_its_own() {
    let mut with_two = 0;
    for index in 0..16 {
        let (one, two) = (draw_case(SEED, index), draw_case_of(SEED, index, 2));
        let normal = one.main_finding == "normal" || one.labels.iter().any(|l| l == "normal");
        assert_eq!(two.images.len() == one.images.len(), normal, "case {index}");
        assert!(two.labels.starts_with(&one.labels));
        assert_eq!(two.main_finding, one.main_finding);
        if normal {
            assert_eq!(two.report, one.report);
            continue;
        }
        with_two += 1;
        let different: HashSet<&String> = two.labels.iter().collect();
        assert_eq!(different.len(), two.labels.len());
        assert!(two.labels.len() > one.labels.len());
        let names: HashSet<&String> = two.images.iter().map(|image| &image.file_name).collect();
        assert_eq!(names.len(), two.images.len());
        let again = draw_case_of(SEED, index, 2);
        assert!(again.report == two.report && again.images.len() == two.images.len());
        // One study, a series for each finding.
        let uids = |tag| -> Vec<String> {
            let files = two
                .images
                .iter()
                .filter(|image| image.file_name.ends_with("dcm"));
            let uid = |bytes: &[u8]| text(&from_reader(bytes).expect("a DICOM file"), tag);
            files.map(|image| uid(&image.bytes)).collect()
        };
        let studies: HashSet<String> = uids(tags::STUDY_INSTANCE_UID).into_iter().collect();
        let series: HashSet<String> = uids(tags::SERIES_INSTANCE_UID).into_iter().collect();
        let instances = uids(tags::SOP_INSTANCE_UID);
        if !instances.is_empty() {
            assert_eq!((studies.len(), series.len()), (1, 2));
            let different: HashSet<&String> = instances.iter().collect();
            assert_eq!(different.len(), instances.len());
        }
    }
    assert!(with_two > 8, "{with_two}");
}

#[test]
fn some_patients_come_back_and_stay_themselves() {
    let mut of_patient: HashMap<String, Vec<PhantomCase>> = HashMap::new();
    for case in some_cases() {
        of_patient
            .entry(case.patient_id.clone())
            .or_default()
            .push(case);
    }
    let returning: Vec<_> = of_patient
        .values()
        .filter(|cases| cases.len() > 1)
        .collect();
    assert!(!returning.is_empty());
    for cases in returning {
        assert!(
            cases
                .iter()
                .all(|case| case.sex == cases[0].sex && case.patient_name == cases[0].patient_name)
        );
    }
}
