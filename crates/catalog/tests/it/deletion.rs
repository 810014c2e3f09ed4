//! Deletion: nothing of a case is left in any file, and nothing of another case is touched.

use std::path::{Path, PathBuf};

use casekin_catalog::{
    Admission, CatalogError, ErasedVector, NewReport, ObjectRef, Objects, StoredObject, ViewRef,
};

use crate::support::{Library, picture};

/// Each in its own place of an admission.
const PLAIN: [&str; 4] = [
    "PLANTED-TITLE",
    "PLANTED-LABEL",
    "PLANTED-TEXT",
    "PLANTED-SITE",
];
const SEALED: [&str; 5] = [
    "PLANTED-ACCESSION",
    "PLANTED-PATIENT",
    "PLANTED-NAME",
    "PLANTED-PATH",
    "PLANTED-STUDY",
];

fn planted(case: &str, number: u8, object: ObjectRef) -> Admission {
    let mut admission = picture(case, number);
    admission.case.accession = Some("PLANTED-ACCESSION".to_owned());
    admission.case.patient_id = Some("PLANTED-PATIENT".to_owned());
    admission.case.study_uid = Some("PLANTED-STUDY".to_owned());
    admission.case_facts.title = Some("PLANTED-TITLE".to_owned());
    admission.case_facts.labels = vec!["PLANTED-LABEL".to_owned()];
    admission.case_facts.site = Some("PLANTED-SITE".to_owned());
    admission.report = Some(NewReport {
        // Long enough for overflow pages.
        text: "PLANTED-TEXT ".repeat(2_000),
        language: "en".to_owned(),
        analysis_json: "{}".to_owned(),
        source: None,
    });
    let image = admission.image.as_mut().unwrap();
    image.object = object;
    image.original_name = Some("PLANTED-NAME".to_owned());
    admission
}

fn holds(root: &Path, text: &str) -> bool {
    walkdir::WalkDir::new(root)
        .into_iter()
        .map(Result::unwrap)
        .any(|entry| {
            entry.file_type().is_file()
                && std::fs::read(entry.path())
                    .unwrap()
                    .windows(text.len())
                    .any(|window| window == text.as_bytes())
        })
}

async fn store(library: &Library) -> (Objects, StoredObject) {
    let objects = Objects::open(&library.folder.path().join("objects"), &library.keyring).unwrap();
    let stored = objects.put_object(b"picture").await.unwrap();
    (objects, stored)
}

#[tokio::test]
async fn nothing_of_a_deleted_case_is_left_in_any_file() {
    let library = Library::new().await;
    let (objects, stored) = store(&library).await;
    let uploaded = ObjectRef::Stored {
        key: stored.key.clone(),
    };
    let admitted = library.admit(planted("c-gone", 1, uploaded)).await;
    let in_place = ObjectRef::InPlace {
        path: PathBuf::from("/PLANTED-PATH/2.png"),
    };
    library.admit(planted("c-gone", 2, in_place)).await;
    library.admit(picture("c-kept", 3)).await;
    let job = library.complete_next(3).await;
    let root = library.folder.path();
    for text in PLAIN {
        assert!(
            holds(root, text),
            "the search finds {text} while it is there"
        );
    }
    for text in SEALED {
        assert!(!holds(root, text), "{text} is never written plain");
    }
    let identity = library.catalog.identity_of(admitted.case_no).await.unwrap();
    assert_eq!(identity.accessions, ["PLANTED-ACCESSION"]);

    let deleted = library.catalog.delete_case(admitted.case_no).await.unwrap();
    assert_eq!(deleted.objects, std::slice::from_ref(&stored.key));
    assert_eq!(deleted.thumbnails, [format!("thumbs/aa/{}", job.image_id)]);
    let views: Vec<ViewRef> = deleted
        .vectors
        .iter()
        .map(|one: &ErasedVector| one.view)
        .collect();
    let expected = (0..3).map(|view_no| ViewRef {
        case_no: admitted.case_no,
        view_no,
    });
    assert_eq!(views, expected.collect::<Vec<_>>());
    assert_eq!(library.catalog.latest_seq().await.unwrap(), deleted.seq);

    assert_eq!(
        library.catalog.delete_case(admitted.case_no).await.unwrap(),
        deleted
    );
    assert_eq!(
        library.catalog.pending_deletions().await.unwrap(),
        std::slice::from_ref(&deleted)
    );
    for key in &deleted.objects {
        objects.delete(key).await.unwrap();
    }
    library
        .catalog
        .finish_deletion(admitted.case_no)
        .await
        .unwrap();
    assert!(
        library
            .catalog
            .pending_deletions()
            .await
            .unwrap()
            .is_empty()
    );
    for text in PLAIN
        .iter()
        .chain(&SEALED)
        .chain(&["c-gone", stored.key.as_str()])
    {
        assert!(!holds(root, text), "{text} is left");
    }
    assert!(objects.keys().await.unwrap().is_empty());

    assert!(
        library
            .catalog
            .case(admitted.case_no)
            .await
            .unwrap()
            .is_none()
    );
    assert!(
        library
            .catalog
            .find_by_accession("PLANTED-ACCESSION")
            .await
            .unwrap()
            .is_empty()
    );
    assert!(
        library
            .catalog
            .case_by_id("c-kept")
            .await
            .unwrap()
            .is_some()
    );
    let again = library.catalog.delete_case(admitted.case_no).await;
    assert!(matches!(again, Err(CatalogError::UnknownCase)));
}

#[tokio::test]
async fn a_workers_late_report_of_a_deleted_case_is_refused() {
    let library = Library::new().await;
    let admitted = library.admit(picture("c-1", 1)).await;
    let job = library
        .catalog
        .lease_job("w", 1_000)
        .await
        .unwrap()
        .unwrap();
    let outcome = library.outcome(&job, 1).await;
    library.catalog.delete_case(admitted.case_no).await.unwrap();
    let refused = library.catalog.complete_job(&job, outcome).await;
    assert!(matches!(refused, Err(CatalogError::LeaseLost { .. })));
    let after = library.admit(picture("c-1", 1)).await;
    assert_ne!(
        after.case_no, admitted.case_no,
        "a case's number is not used again"
    );
}

#[tokio::test]
async fn an_object_that_another_case_uses_stays() {
    let library = Library::new().await;
    let (_, stored) = store(&library).await;
    let uploaded = ObjectRef::Stored {
        key: stored.key.clone(),
    };
    let mut cases = Vec::new();
    for (case, number) in [("c-1", 1), ("c-2", 2)] {
        let mut admission = picture(case, number);
        admission.image.as_mut().unwrap().object = uploaded.clone();
        cases.push(library.admit(admission).await.case_no);
    }
    assert!(
        library
            .catalog
            .delete_case(cases[0])
            .await
            .unwrap()
            .objects
            .is_empty()
    );
    assert_eq!(
        library.catalog.delete_case(cases[1]).await.unwrap().objects,
        [stored.key]
    );
}
