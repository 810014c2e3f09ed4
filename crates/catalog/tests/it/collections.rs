//! Collections: notes, order, and what is left of a case that is deleted.

use casekin_catalog::{CaseNo, CatalogError, CollectionId};

use crate::support::{Library, picture};

async fn three_cases(library: &Library) -> Vec<CaseNo> {
    let mut cases = Vec::new();
    for (id, number) in [("c-1", 1), ("c-2", 2), ("c-3", 3)] {
        cases.push(library.admit(picture(id, number)).await.case_no);
    }
    cases
}

async fn ids(library: &Library, id: &CollectionId) -> Vec<String> {
    let collection = library.catalog.collection(id).await.unwrap().unwrap();
    collection
        .cases
        .into_iter()
        .map(|case| case.case_id)
        .collect()
}

#[tokio::test]
async fn cases_keep_notes_and_the_order_they_are_put_in() {
    let library = Library::new().await;
    let cases = three_cases(&library).await;
    let id = library
        .catalog
        .create_collection(" Teaching ")
        .await
        .unwrap();
    for case in &cases {
        library
            .catalog
            .add_to_collection(&id, *case, "first")
            .await
            .unwrap();
    }
    library
        .catalog
        .add_to_collection(&id, cases[0], "second")
        .await
        .unwrap();
    assert_eq!(ids(&library, &id).await, ["c-1", "c-2", "c-3"]);
    let record = library.catalog.collection(&id).await.unwrap().unwrap();
    assert_eq!(
        (record.name.as_str(), record.cases[0].note.as_str()),
        ("Teaching", "second")
    );

    // Unknown cases and repetitions are passed over; what is not named follows.
    let order = [cases[2], CaseNo(99), cases[2], cases[1]];
    library.catalog.order_collection(&id, &order).await.unwrap();
    assert_eq!(ids(&library, &id).await, ["c-3", "c-2", "c-1"]);
    library
        .catalog
        .remove_from_collection(&id, cases[1])
        .await
        .unwrap();
    library
        .catalog
        .remove_from_collection(&id, cases[1])
        .await
        .unwrap();
    assert_eq!(ids(&library, &id).await, ["c-3", "c-1"]);
    library
        .catalog
        .add_to_collection(&id, cases[1], "")
        .await
        .unwrap();
    assert_eq!(ids(&library, &id).await, ["c-3", "c-1", "c-2"]);
    library.catalog.delete_case(cases[0]).await.unwrap();
    assert_eq!(ids(&library, &id).await, ["c-3", "c-2"]);
}

#[tokio::test]
async fn collections_are_listed_by_name_and_removed_without_their_cases() {
    let library = Library::new().await;
    let cases = three_cases(&library).await;
    let second = library.catalog.create_collection("second").await.unwrap();
    library.pass(5);
    let first = library.catalog.create_collection("zeroth").await.unwrap();
    library
        .catalog
        .rename_collection(&first, "First")
        .await
        .unwrap();
    library
        .catalog
        .add_to_collection(&first, cases[0], "")
        .await
        .unwrap();
    let listed = library.catalog.collections().await.unwrap();
    let names: Vec<_> = listed
        .iter()
        .map(|one| (one.name.as_str(), one.cases))
        .collect();
    assert_eq!(names, [("First", 1), ("second", 0)]);
    assert_eq!(listed[0].changed_ms - listed[1].changed_ms, 5);
    library.catalog.delete_collection(&first).await.unwrap();
    assert!(library.catalog.collection(&first).await.unwrap().is_none());
    assert!(library.catalog.case(cases[0]).await.unwrap().is_some());
    assert_eq!(
        library.catalog.collections().await.unwrap()[0].collection_id,
        second
    );
}

#[tokio::test]
async fn what_does_not_exist_is_named() {
    let library = Library::new().await;
    let cases = three_cases(&library).await;
    let none = CollectionId("col-none".to_owned());
    let id = library.catalog.create_collection("one").await.unwrap();
    for unknown in [
        library.catalog.rename_collection(&none, "x").await,
        library.catalog.delete_collection(&none).await,
        library.catalog.add_to_collection(&none, cases[0], "").await,
        library
            .catalog
            .remove_from_collection(&none, cases[0])
            .await,
        library.catalog.order_collection(&none, &cases).await,
    ] {
        assert!(matches!(unknown, Err(CatalogError::UnknownCollection)));
    }
    let unknown = library.catalog.add_to_collection(&id, CaseNo(99), "").await;
    assert!(matches!(unknown, Err(CatalogError::UnknownCase)));
    let empty = library.catalog.create_collection("  ").await;
    assert!(matches!(empty, Err(CatalogError::InvalidValue { .. })));
}
