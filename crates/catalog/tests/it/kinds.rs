//! What a case's images are, encoded or not.

use casekin_catalog::{Admission, CaseNo};

use crate::support::{Library, picture};

fn of(case: &str, number: u8, modality: Option<&str>, body_part: Option<&str>) -> Admission {
    let mut admission = picture(case, number);
    if let Some(image) = &mut admission.image {
        image.modality = modality.map(str::to_owned);
        image.body_part = body_part.map(str::to_owned);
    }
    admission
}

#[tokio::test]
async fn a_kind_is_named_by_its_first_image_and_kinds_come_in_their_order() {
    let library = Library::new().await;
    let mut ids = Vec::new();
    for (number, modality, body_part) in [
        (1, Some("X-ray"), Some("chest")),
        (2, Some("CT"), Some("chest")),
        (3, Some("X-ray"), Some("chest")),
        (4, None, None),
        (5, Some("CT"), Some("abdomen")),
        (6, None, None),
    ] {
        let admitted = library.admit(of("c-1", number, modality, body_part)).await;
        ids.push((admitted.case_no, admitted.image_id.unwrap()));
    }
    let other = library.admit(of("c-2", 7, Some("MR"), None)).await;
    let (case, gone) = (ids[0].0, CaseNo(999));
    let asked = [other.case_no, case, gone];
    let kinds = library.catalog.image_kinds(&asked).await.unwrap();
    assert_eq!(kinds.len(), 2);
    let named: Vec<_> = kinds[&case]
        .iter()
        .map(|kind| (kind.image_id.clone(), kind.modality.as_deref()))
        .collect();
    let first = |at: usize, modality| (ids[at].1.clone(), modality);
    assert_eq!(
        named,
        [
            first(0, Some("X-ray")),
            first(1, Some("CT")),
            first(3, None),
            first(4, Some("CT")),
        ]
    );
    let entries = library.catalog.case_entries(&[case]).await.unwrap();
    assert_eq!(entries[0].kinds, kinds[&case]);
    assert!(entries[0].views.is_empty(), "nothing is encoded yet");
}
